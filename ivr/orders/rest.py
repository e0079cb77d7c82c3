"""The order system over its REST contract: our words out, its answers in as facts, nothing taken on trust."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar, cast, get_args
from urllib.parse import quote

import httpx
import structlog

from ivr.orders.port import (
    Access,
    ActsNext,
    Kind,
    OrderState,
    Payment,
    Permission,
    Person,
    Prescriber,
    Prescription,
    PriorAuth,
    Proof,
    Proved,
    Refill,
    Refused,
    Renewal,
    Unavailable,
)

_LARGEST_ANSWER_BYTES = 1_000_000
# Too slow, too many, and who we are: none says anything about the request, which is sent again when that is mended.
_NOTHING_WAS_SAID = {401, 403, 408, 429}
_CODE = re.compile(r"[a-z_]{1,64}")
_WORD = re.compile(r"[a-z0-9_-]{1,64}", re.IGNORECASE)
_LAST4 = re.compile(r"[0-9]{4}")
_DOLLARS = re.compile(r"[0-9]{1,6}\.[0-9]{2}")

_log = structlog.get_logger(__name__)
_T = TypeVar("_T")
_Json = dict[str, Any]


class RestOrderSystem:
    """An order system at `url` that takes `token` as bearer; `port.OrderSystem` says what each method means.

    One pooled client for all threads. A timeout bounds each wait, and the answer's body as a whole. What is
    private travels in bodies only, because URLs end up in the logs of every machine on the way.
    """

    def __init__(self, url: str, token: str, timeout_seconds: float = 2.0) -> None:
        self._timeout_seconds = timeout_seconds
        self._client = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            # A proxy named in the environment is for the outside; it cannot reach our own loopback.
            mounts={"all://127.0.0.1": None, "all://localhost": None},
        )

    def close(self) -> None:
        """Let the pooled connections go."""
        self._client.close()

    def identify(self, phone: str, *, timeout_seconds: float | None = None) -> tuple[Person, ...]:
        answer = self._ask("POST", "/v1/patients/search", {"phone": phone}, timeout_seconds=timeout_seconds)
        return tuple(_person(item) for item in _items(answer))

    def prove(self, proof: Proof, *, timeout_seconds: float | None = None) -> Proved:
        return _proved(self._ask("POST", "/v1/patients/verify", asdict(proof), timeout_seconds=timeout_seconds))

    def prescriptions(self, person_id: str, *, timeout_seconds: float | None = None) -> tuple[Prescription, ...]:
        path = f"/v1/patients/{quote(person_id, safe='')}/prescriptions"
        answer = self._ask("GET", path, None, timeout_seconds=timeout_seconds)
        return tuple(_prescription_of(person_id, item) for item in _items(answer))

    def prescriber(self, npi: str, phone: str | None, *, timeout_seconds: float | None = None) -> Prescriber | None:
        answer = self._ask("POST", "/v1/prescribers/lookup", {"npi": npi}, timeout_seconds=timeout_seconds)
        offices = [_prescriber(item, phone) for item in _items(answer)]
        return offices[0] if offices else None

    def record_call(self, call_id: str, body: Mapping[str, Any]) -> None:
        self._send("PUT", f"/v1/calls/{quote(call_id, safe='')}", body, call_id=call_id)

    def write_disposition(self, call_id: str, body: Mapping[str, Any], key: str) -> None:
        self._send("POST", "/v1/dispositions", {**body, "call_id": call_id}, call_id=call_id, key=key)

    def request_refill(self, prescription_id: str, call_id: str, key: str) -> str:
        wanted = {"prescription_id": prescription_id, "call_id": call_id}
        return _id(self._ask("POST", "/v1/refill-requests", wanted, call_id=call_id, key=key))

    def request_renewal(self, prescription_id: str, call_id: str, key: str) -> str:
        wanted = {"prescription_id": prescription_id, "call_id": call_id}
        return _id(self._ask("POST", "/v1/renewal-requests", wanted, call_id=call_id, key=key))

    def create_task(self, body: Mapping[str, Any], key: str) -> str:
        return _id(self._ask("POST", "/v1/tasks", body, call_id=body.get("call_id"), key=key))

    def ready(self) -> bool:
        try:
            self._ask("GET", "/v1/capabilities", None)
        except (Unavailable, Refused):
            return False
        return True

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None, **how: Any) -> _Json:
        raw = self._send(method, path, body, **how)
        try:
            answer = json.loads(raw)
        except (ValueError, RecursionError):
            raise Unavailable("the answer is not JSON") from None
        return _object(answer)

    def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        *,
        call_id: str | None = None,
        key: str | None = None,
        timeout_seconds: float | None = None,
    ) -> bytes:
        named = {"X-Correlation-Id": call_id, "Idempotency-Key": key}
        headers = {name: value for name, value in named.items() if value}
        seconds = self._timeout_seconds if timeout_seconds is None else timeout_seconds
        deadline = time.monotonic() + seconds
        try:
            with self._client.stream(method, path, json=body, headers=headers, timeout=seconds) as response:
                return _accepted(response.status_code, _whole(response, deadline))
        except httpx.RequestError as failure:
            raise Unavailable(type(failure).__name__) from None


def _whole(response: httpx.Response, deadline: float) -> bytes:
    whole = bytearray()
    for piece in response.iter_bytes():
        whole += piece
        # Each read may take the whole timeout, so an answer that comes byte by byte would never end.
        if time.monotonic() > deadline or len(whole) > _LARGEST_ANSWER_BYTES:
            raise Unavailable("the answer does not end")
    return bytes(whole)


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


def _object(value: object) -> _Json:
    if not isinstance(value, dict):
        raise Unavailable("the answer has another shape")
    return value


def _items(answer: _Json) -> list[_Json]:
    items = answer.get("items")
    if not isinstance(items, list):
        raise Unavailable("the answer has no items")
    return [_object(item) for item in items]


def _id(item: _Json, name: str = "id") -> str:
    found = item.get(name)
    if not isinstance(found, str) or not found:
        raise Unavailable(f"the answer has no {name}")
    return found


def _person(item: _Json) -> Person:
    return Person(
        id=_id(item),
        kind=_fact(item, "kind", _one_of(Kind)),
        language=_fact(item, "language", _word),
        access=_fact(item, "access", _one_of(Access)),
        acts_for=_fact(item, "acts_for", _words) or (),
        texts=_fact(item, "texts", _flag),
    )


def _prescriber(item: _Json, phone: str | None) -> Prescriber:
    return Prescriber(_id(item), phone is not None and phone in (_fact(item, "phones", _phones) or ()))


def _proved(item: _Json) -> Proved:
    number_on_file = _fact(item, "number_on_file", _flag) is True
    if not _fits(item):
        about = None if item.get("about") is None else _id(item, "about")
        return Proved(about, False, number_on_file, None, None, None, None, None)
    found = item.get("prescription")
    return Proved(
        about=_id(item, "about"),
        fits=True,
        number_on_file=number_on_file,
        permission=_fact(item, "permission", _one_of(Permission)),
        access=_fact(item, "access", _one_of(Access)),
        texts=_fact(item, "texts", _flag),
        language=_fact(item, "language", _word),
        prescription=None if found is None else _prescription_of(_id(item, "about"), _object(found)),
    )


def _fits(item: _Json) -> bool:
    """Whether a proof fits is no fact that may be unknown: without it nothing was said."""
    fits = item.get("fits")
    if not isinstance(fits, bool):
        raise Unavailable("the answer does not say whether it fits")
    return fits


def _prescription_of(person_id: str, item: _Json) -> Prescription:
    found = _prescription(item)
    if found.person != person_id:
        raise Unavailable("the answer is about somebody else")
    return found


def _prescription(item: _Json) -> Prescription:
    return Prescription(
        id=_id(item),
        person=_id(item, "person"),
        refill=_fact(item, "refill", _one_of(Refill)),
        order_state=_fact(item, "order_state", _one_of(OrderState)),
        payment=_fact(item, "payment", _one_of(Payment)),
        medication_class=_fact(item, "medication_class", _word),
        time_sensitive=_fact(item, "time_sensitive", _flag),
        days_left=_fact(item, "days_left", _whole_number),
        earliest_refill_on=_fact(item, "earliest_refill_on", date.fromisoformat),
        expected_on=_fact(item, "expected_on", date.fromisoformat),
        last4=_fact(item, "last4", _last4),
        prior_auth=_fact(item, "prior_auth", _one_of(PriorAuth)),
        approved_until=_fact(item, "approved_until", date.fromisoformat),
        acts_next=_fact(item, "acts_next", _one_of(ActsNext)),
        since=_fact(item, "since", date.fromisoformat),
        answer_by=_fact(item, "answer_by", date.fromisoformat),
        balance=_fact(item, "balance", _dollars),
        renewal=_fact(item, "renewal", _one_of(Renewal)),
    )


def _fact(item: _Json, name: str, read: Callable[[Any], _T]) -> _T | None:
    """Return the fact, or None where it is absent or unknown to us: one odd fact must not lose the others."""
    given = item.get(name)
    if given is None:
        return None
    try:
        return read(given)
    except (ValueError, TypeError):
        _log.warning("the order system sent a value nobody here knows", fact=name)
        return None


def _one_of(words: Any) -> Callable[[Any], Any]:
    known = get_args(words)
    return lambda given: known[known.index(given)]


def _word(given: Any) -> str:
    if not _WORD.fullmatch(given):
        raise ValueError
    return cast(str, given)


def _words(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list):
        raise TypeError
    return tuple(_word(each) for each in given)


def _phones(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list):
        raise TypeError
    return tuple(each for each in given if isinstance(each, str))


def _last4(given: Any) -> str:
    if not _LAST4.fullmatch(given):
        raise ValueError
    return cast(str, given)


def _dollars(given: Any) -> Decimal:
    # As text, cents and all: a JSON number has been a binary fraction on its way.
    if not _DOLLARS.fullmatch(given):
        raise ValueError
    return Decimal(given)


def _flag(given: Any) -> bool:
    if not isinstance(given, bool):
        raise TypeError
    return given


def _whole_number(given: Any) -> int:
    # JSON's true is a Python int; a supply of "true" days is no supply of one day.
    if isinstance(given, bool) or not isinstance(given, int):
        raise TypeError
    return given
