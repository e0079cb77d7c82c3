"""The order system over its REST contract, `docs/order-system.yaml`: our words out, its answers in as facts."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

import httpx

from ivr.orders.port import (
    CAPABILITIES,
    NOT_SERVED,
    Capability,
    Contact,
    Events,
    Person,
    Prescriber,
    Prescription,
    Proof,
    Proved,
    Refused,
    Unavailable,
)
from ivr.orders.reading import (
    Json,
    capabilities_of,
    contacts_of,
    events_of,
    id_of,
    items_of,
    object_of,
    person_of,
    prescriber_of,
    prescription_of,
    proved_of,
)
from ivr.orders.wires import client, whole

_LARGEST_ANSWER_BYTES = 1_000_000
# Too slow, too many, and who we are: none says anything about the request, which is sent again when that is mended.
_NOTHING_WAS_SAID = {401, 403, 408, 429}
CAPABILITIES_FRESH_SECONDS = 300.0
_CODE = re.compile(r"[a-z_]{1,64}")


class RestOrderSystem:
    """An order system at `url` that takes `token` as bearer; `port.OrderSystem` says what each method means.

    One pooled client for all threads. A timeout bounds each wait, and the answer's body as a whole. What is
    private travels in bodies only, because URLs end up in the logs of every machine on the way.

    What it serves is asked by `ready` and `capabilities` alone, and never while a caller waits; until somebody has
    asked, and once the answer is old, everything is taken to be served.
    """

    def __init__(
        self,
        url: str,
        token: str,
        timeout_seconds: float = 2.0,
        capabilities_fresh_seconds: float = CAPABILITIES_FRESH_SECONDS,
    ) -> None:
        self._timeout_seconds = timeout_seconds
        self._capabilities_fresh_seconds = capabilities_fresh_seconds
        self._served = CAPABILITIES
        self._served_until = 0.0
        self._client = client(url, token)

    def close(self) -> None:
        """Let the pooled connections go."""
        self._client.close()

    def identify(self, phone: str, *, timeout_seconds: float | None = None) -> tuple[Person, ...]:
        answer = self._ask("identify", "POST", "/v1/patients/search", {"phone": phone}, timeout_seconds=timeout_seconds)
        return tuple(person_of(item) for item in items_of(answer))

    def prove(self, proof: Proof, *, timeout_seconds: float | None = None) -> Proved:
        return proved_of(
            self._ask("proof", "POST", "/v1/patients/verify", asdict(proof), timeout_seconds=timeout_seconds)
        )

    def prescriptions(self, person_id: str, *, timeout_seconds: float | None = None) -> tuple[Prescription, ...]:
        path = f"/v1/patients/{quote(person_id, safe='')}/prescriptions"
        answer = self._ask("prescriptions", "GET", path, None, timeout_seconds=timeout_seconds)
        return tuple(prescription_of(person_id, item) for item in items_of(answer))

    def prescriber(self, npi: str, phone: str | None, *, timeout_seconds: float | None = None) -> Prescriber | None:
        answer = self._ask(
            "prescribers", "POST", "/v1/prescribers/lookup", {"npi": npi}, timeout_seconds=timeout_seconds
        )
        offices = [prescriber_of(item, phone) for item in items_of(answer)]
        return offices[0] if offices else None

    def contacts(self, person_id: str, *, timeout_seconds: float | None = None) -> tuple[Contact, ...]:
        path = f"/v1/patients/{quote(person_id, safe='')}/contacts"
        return contacts_of(self._ask("contacts", "GET", path, None, timeout_seconds=timeout_seconds))

    def events(self, after: str, limit: int = 100, *, timeout_seconds: float | None = None) -> Events:
        path = f"/v1/events?after={quote(after, safe='')}&limit={limit}"
        found = events_of(self._ask("events", "GET", path, None, timeout_seconds=timeout_seconds))
        if found.items and found.after == after:
            raise Unavailable("the events do not go on")
        return found

    def capabilities(self, *, timeout_seconds: float | None = None) -> frozenset[str]:
        if time.monotonic() < self._served_until:
            return self._served
        return self._ask_capabilities(timeout_seconds)

    def record_call(self, call_id: str, body: Mapping[str, Any]) -> None:
        self._send("calls", "PUT", f"/v1/calls/{quote(call_id, safe='')}", body, call_id=call_id)

    def write_disposition(self, call_id: str, body: Mapping[str, Any], key: str) -> None:
        self._send("dispositions", "POST", "/v1/dispositions", {**body, "call_id": call_id}, call_id=call_id, key=key)

    def add_note(self, call_id: str, body: Mapping[str, Any], key: str) -> None:
        self._send("notes", "POST", f"/v1/calls/{quote(call_id, safe='')}/notes", body, call_id=call_id, key=key)

    def request_refill(self, prescription_id: str, call_id: str, key: str) -> str:
        wanted = {"prescription_id": prescription_id, "call_id": call_id}
        return id_of(self._ask("refills", "POST", "/v1/refill-requests", wanted, call_id=call_id, key=key))

    def request_renewal(self, prescription_id: str, call_id: str, key: str) -> str:
        wanted = {"prescription_id": prescription_id, "call_id": call_id}
        return id_of(self._ask("renewals", "POST", "/v1/renewal-requests", wanted, call_id=call_id, key=key))

    def create_task(self, body: Mapping[str, Any], key: str) -> str:
        return id_of(self._ask("tasks", "POST", "/v1/tasks", body, call_id=body.get("call_id"), key=key))

    def ready(self) -> bool:
        try:
            self._ask_capabilities(None)
        except (Unavailable, Refused):
            return False
        return True

    def _ask_capabilities(self, timeout_seconds: float | None) -> frozenset[str]:
        answer = self._ask(None, "GET", "/v1/capabilities", None, timeout_seconds=timeout_seconds)
        self._served = capabilities_of(answer)
        self._served_until = time.monotonic() + self._capabilities_fresh_seconds
        return self._served

    def _ask(self, what: Capability | None, method: str, path: str, body: Mapping[str, Any] | None, **how: Any) -> Json:
        raw = self._send(what, method, path, body, **how)
        try:
            answer = json.loads(raw)
        except (ValueError, RecursionError):
            raise Unavailable("the answer is not JSON") from None
        return object_of(answer)

    def _send(
        self,
        what: Capability | None,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        *,
        call_id: str | None = None,
        key: str | None = None,
        timeout_seconds: float | None = None,
    ) -> bytes:
        if what is not None and what not in self._served and time.monotonic() < self._served_until:
            raise Refused(NOT_SERVED)
        named = {"X-Correlation-Id": call_id, "Idempotency-Key": key}
        headers = {name: value for name, value in named.items() if value}
        seconds = self._timeout_seconds if timeout_seconds is None else timeout_seconds
        deadline = time.monotonic() + seconds
        try:
            with self._client.stream(method, path, json=body, headers=headers, timeout=seconds) as response:
                return _accepted(response.status_code, whole(response, deadline, _LARGEST_ANSWER_BYTES))
        except httpx.RequestError as failure:
            raise Unavailable(type(failure).__name__) from None


def _accepted(status: int, answer: bytes) -> bytes:
    if 200 <= status < 300:
        return answer
    if 400 <= status < 500 and status not in _NOTHING_WAS_SAID:
        raise Refused(_problem_code(answer) or f"http_{status}")
    raise Unavailable(f"http_{status}")


def _problem_code(answer: bytes) -> str | None:
    try:
        code = json.loads(answer)["code"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else None
