"""`python -m ivr.phone`: the practice exchange as a process of its own, on the loopback only."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from ivr.clock import Clock, ClockRefused
from ivr.phone import files, page
from ivr.phone.exchange import Exchange
from ivr.phone.numbers import NumberBook
from ivr.phone.server import HOST, create_app, serving
from ivr.settings import EXCHANGE_PORT, PRACTICE_ACCOUNT_SID, Settings, SettingsRefused

COULD_NOT_RUN = 2


class CannotStart(Exception):
    """The exchange must not, or cannot, start; the text says why and what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Play Twilio against the product at PUBLIC_URL until asked to stop; return the exit code."""
    asked = _asked(arguments)
    try:
        refuse_real_line(os.environ)
        settings = Settings.from_environment()
        serve(settings, _port(settings) if asked.port is None else asked.port, asked.pace, asked.patience)
    except (CannotStart, SettingsRefused, ClockRefused, files.Unreadable, OSError) as reason:
        print(f"the practice exchange did not start: {reason}", file=sys.stderr)
        return COULD_NOT_RUN
    return 0


def _asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ivr.phone", description="Play Twilio against the product.")
    parser.add_argument("--port", type=int, help="where to serve (default: the port of TWILIO_API_URL)")
    parser.add_argument("--pace", type=float, default=1.0, help="how long sounds last: 1 as long as real, 0 no time")
    parser.add_argument(
        "--patience",
        type=float,
        default=1.0,
        help="how long questions wait: 1 as long as they say (on a fast clock too)",
    )
    return parser.parse_args(arguments)


def refuse_real_line(env: Mapping[str, str]) -> None:
    """Raise CannotStart when the environment means Twilio itself, not an exchange on this machine."""
    account, url = env.get("TWILIO_ACCOUNT_SID"), env.get("TWILIO_API_URL")
    if account and account != PRACTICE_ACCOUNT_SID and not url:
        raise CannotStart(
            "TWILIO_ACCOUNT_SID is set and TWILIO_API_URL is not, so this line's calls go through Twilio itself, and a "
            "practice phone would sign requests as if it were Twilio; unset the TWILIO_ names, or set TWILIO_API_URL"
        )
    if url and urlsplit(url).hostname not in (HOST, "localhost"):
        raise CannotStart("TWILIO_API_URL is not on this machine; a practice exchange serves 127.0.0.1 only")


def serve(settings: Settings, port: int, pace: float, patience: float = 1.0) -> None:
    """Serve an exchange until SIGTERM or SIGINT; raises Unreadable, ClockRefused, and OSError for a port taken."""
    lines = Lines(settings.rxline_content)
    numbers = NumberBook(lines, settings.public_url, settings.fallback_url)
    url = f"http://{HOST}:{port}"
    clock = Clock.from_environment()
    exchange = Exchange(
        settings.twilio_account_sid, settings.auth_tokens[0], numbers, clock, url, pace, patience=patience
    )
    asked_to_stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: asked_to_stop.set())
    with serving(create_app(exchange, [page.blueprint(settings, clock)]), port):
        asked_to_stop.wait()
        exchange.close()


class Lines:
    """The lines of a content folder; while the file cannot be read, for an edit half done, those before."""

    def __init__(self, content: Path) -> None:
        """Raise Unreadable when there are none to begin with."""
        self._content = content
        self._known = files.lines(content)

    def __call__(self) -> dict[str, str]:
        """Return {line: number}."""
        try:
            self._known = files.lines(self._content)
        except files.Unreadable as reason:
            print(reason, file=sys.stderr)
        return self._known


def _port(settings: Settings) -> int:
    return urlsplit(settings.twilio_api_url).port or EXCHANGE_PORT


if __name__ == "__main__":
    sys.exit(main())
