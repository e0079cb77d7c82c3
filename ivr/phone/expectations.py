"""What a written call expects of the order system, and whether it came true."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

import httpx

from ivr.content.problems import did_you_mean
from ivr.phone.client import ExchangeAway
from ivr.phone.connecting import http_client

_POLL_SECONDS = 0.2


class OrderSystem:
    """The order system as a script looks at it. Use it as a context manager."""

    def __init__(self, url: str, token: str, patience_seconds: float = 10.0) -> None:
        self._url = url
        self._patience_seconds = patience_seconds
        self._http = http_client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=10.0)

    def __enter__(self) -> OrderSystem:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.close()

    def phone_of(self, person: str) -> str | None:
        """Return the number of somebody of the sandbox's cast, or None; raises ExchangeAway."""
        people = {one["id"]: one for one in self._get("/_sandbox/people").get("people", [])}
        return people[person].get("phone") if person in people else None

    def people(self) -> list[str]:
        """Return the ids of the sandbox's cast; raises ExchangeAway."""
        return [one["id"] for one in self._get("/_sandbox/people").get("people", [])]

    def lacks_disposition(self, call_sid: str, wanted: dict[str, Any]) -> str:
        """Return how a call's disposition differs from what is wanted, once it has had time to come; or ""."""
        return self._until(lambda: _lacking("disposition", wanted, self._get("/v1/dispositions", call_id=call_sid)))

    def lacks(self, path: str, wanted: Any) -> str:
        """Return how what the order system shows at `path` differs from what is wanted; or ""."""
        return self._until(lambda: _lacking(path, wanted, self._get(path)))

    def _until(self, lacking: Callable[[], str]) -> str:
        deadline = time.monotonic() + self._patience_seconds
        while (lack := lacking()) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        return lack

    def _get(self, path: str, **query: str) -> dict[str, Any]:
        try:
            reply = self._http.get(path, params=query)
            shown = reply.json() if reply.status_code < 400 else {}
        except httpx.TransportError:
            raise ExchangeAway(f"no order system answers at {self._url}") from None
        except ValueError:
            shown = {}
        return shown if isinstance(shown, dict) else {"items": shown}


def _lacking(what: str, wanted: Any, shown: dict[str, Any]) -> str:
    """Return "" when `shown`, or any of its items, has all that is wanted."""
    found = shown.get("items", [shown] if shown else [])
    lacks = [differences(wanted, item) for item in found]
    if "" in lacks:
        return ""
    return f"{what}: {min(lacks, key=len)}" if lacks else f"{what}: there is none"


def differences(wanted: Any, shown: Any) -> str:
    """Return how a value differs from what a script writes, or ""; fields a script leaves out may be anything."""
    if isinstance(wanted, dict):
        if not isinstance(shown, dict):
            return f"`{shown}` has no fields"
        missing = [name for name in wanted if name not in shown]
        if missing:
            return f"there is no `{missing[0]}`{did_you_mean(missing[0], shown)}; there are: {', '.join(shown)}"
        each = ((name, differences(value, shown[name])) for name, value in wanted.items())
        return "; ".join(f"{name} {difference}" for name, difference in each if difference)
    if isinstance(wanted, list):
        shown = shown if isinstance(shown, list) else [shown]
        missing = [value for value in wanted if all(differences(value, one) for one in shown)]
        return f"lacks {', '.join(map(str, missing))}" if missing else ""
    return "" if _same(wanted, shown) else f"is `{_written(shown)}`, not `{wanted}`"


def _same(wanted: str, shown: Any) -> bool:
    if isinstance(shown, bool):
        return wanted in (("yes", "true") if shown else ("no", "false"))
    return wanted == _written(shown)


def _written(shown: Any) -> str:
    if isinstance(shown, bool):
        return "yes" if shown else "no"
    return "none" if shown is None else str(shown)
