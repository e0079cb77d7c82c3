"""A phone to hold: the handset API from the outside, for the terminal and for call scripts."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

import httpx

from ivr.phone.connecting import http_client

LineJson = dict[str, Any]
_POLL_SECONDS = 5.0


class ExchangeAway(Exception):
    """Nobody answers at the exchange's address; the text says where, and how to start it."""


class Refused(Exception):
    """The exchange will not do that; the text is its sentence."""


class Phones:
    """Every phone of one exchange. Use it as a context manager."""

    def __init__(self, exchange_url: str) -> None:
        self.url = exchange_url.rstrip("/")
        self._http = http_client(base_url=f"{self.url}/handset", timeout=40.0)

    def __enter__(self) -> Phones:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.close()

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Return what the handset API shows; raises ExchangeAway, Refused."""
        return self._ask("GET", path, params={name: value for name, value in query.items() if value is not None})

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        """Do something, leaving out what is None; raises ExchangeAway, Refused."""
        return self._ask("POST", path, json={name: value for name, value in body.items() if value is not None})

    def lines(self) -> dict[str, str]:
        """Return {line: number}."""
        return {line["name"]: line["number"] for line in self.get("/lines")["lines"]}

    def call(
        self,
        to: str,
        from_number: str,
        pace: float | None = None,
        stir: str | None = None,
        forwarded: str | None = None,
    ) -> Phone:
        """Take a phone off the hook and call one of our lines."""
        body = {"from": from_number, "to": to, "pace": pace, "stir": stir, "forwarded": forwarded}
        return Phone(self, self.post("/calls", **body)["leg"])

    def ringing(self, number: str | None = None, wait_seconds: float = 0.0) -> list[Phone]:
        """Return the phones that ring, at one number or anywhere, waiting for the first."""
        found = self.get("/ringing", number=number, wait=wait_seconds)["ringing"]
        return [Phone(self, leg["leg"], leg["number"]) for leg in found]

    def faults(self, **faults: Any) -> None:
        """Have exactly these things go wrong from now on."""
        self.post("/faults", **faults)

    def _ask(self, method: str, path: str, **how: Any) -> dict[str, Any]:
        try:
            reply = self._http.request(method, path, **how)
        except httpx.TransportError:
            text = f"no practice exchange answers at {self.url}; `make run` starts one"
            raise ExchangeAway(text) from None
        if reply.status_code >= 400:
            raise Refused(_sentence(reply))
        shown: dict[str, Any] = reply.json()
        return shown


def _sentence(reply: httpx.Response) -> str:
    if reply.headers.get("content-type", "").startswith("application/json"):
        return str(reply.json().get("error", reply.text))
    return f"status {reply.status_code}; is that a practice exchange?"


class Phone:
    """One phone in a call; `lines` is what it has heard and done so far."""

    def __init__(self, phones: Phones, leg: str, number: str = "") -> None:
        self._phones = phones
        self.leg = leg
        self.number = number
        self.lines: list[LineJson] = []
        self.state: dict[str, Any] = {}

    def press(self, digits: str, when_asked: bool = True) -> None:
        """Press keys, by default as questions are asked."""
        self._do("keys", digits=digits, when_asked=when_asked)

    def say(self, text: str, confidence: float | None = None, when_asked: bool = True) -> None:
        """Say something."""
        self._do("speech", text=text, confidence=confidence, when_asked=when_asked)

    def say_nothing(self) -> None:
        """Let the question time out."""
        self._do("silence")

    def leave_message(self, text: str) -> None:
        """Say this after the beep."""
        self._do("voicemail", text=text)

    def answer(self, pace: float | None = None) -> None:
        """Pick up."""
        self._do("answer", pace=pace)

    def decline(self) -> None:
        """Be busy."""
        self._do("decline")

    def ignore(self) -> None:
        """Let it ring out."""
        self._do("ignore")

    def hang_up(self) -> None:
        """End the call."""
        self._do("hangup")

    @property
    def is_over(self) -> bool:
        """Whether the last line read says that the call is over."""
        return bool(self.lines) and self.lines[-1]["kind"] == "over"

    def read(self, wait_seconds: float = 0.0) -> list[LineJson]:
        """Return the new lines, waiting for the first."""
        shown = self._phones.get(f"/calls/{self.leg}", after=len(self.lines), wait=wait_seconds)
        new: list[LineJson] = shown.pop("lines")
        self.state = shown
        self.lines += new
        return new

    def wait_for(self, true: Callable[[list[LineJson]], bool], seconds: float, after: int = 0) -> bool:
        """Read until the lines after number `after` make something true; False when that takes too long."""
        deadline = time.monotonic() + seconds
        self.read()
        while not true(self.lines[after:]):
            left = deadline - time.monotonic()
            if left <= 0 or self.is_over:
                return False
            self.read(min(left, _POLL_SECONDS))
        return True

    def _do(self, what: str, **body: Any) -> None:
        self._phones.post(f"/calls/{self.leg}/{what}", **body)
