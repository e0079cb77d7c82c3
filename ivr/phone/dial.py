"""`ivr dial`: a practice phone in the terminal, and written calls run from the command line."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from ivr.content.problems import did_you_mean
from ivr.phone.client import ExchangeAway, LineJson, Phone, Phones, Refused
from ivr.phone.expectations import OrderSystem
from ivr.phone.files import Unreadable, staff
from ivr.phone.script import ScriptResult, run
from ivr.phone.telling import told
from ivr.settings import Settings, SettingsRefused

PROBLEMS, COULD_NOT_RUN = 1, 2
STRANGER = "+12025550199"
"""Who calls when nobody says: a number nobody knows, from the range kept for fiction."""
QUIET_SECONDS = 2.0
_POLL_SECONDS = 0.3
_HELP = "keys: 0-9 * #   say: words   message: words   wait (press and say nothing)   hang up"
_RINGING_HELP = "answer   decline   ignore"
_KEYS = frozenset("0123456789*#")
_STYLES = {"said": "bold", "heard": "bold", "violation": "red", "failure": "red", "over": "dim"}


class CannotDial(Exception):
    """It cannot start; the text says why and what to do."""


@click.command()
@click.argument("what", nargs=-1, metavar="[LINE | FILE...]")
@click.option("--as", "person", metavar="PERSON", help="call as this person of the sandbox order system")
@click.option("--from", "number", metavar="NUMBER", help="call from this number (default: one nobody knows)")
@click.option("--staff", "colleague", metavar="ID|NUMBER", help="hold this phone instead, and answer it")
@click.option("--script", "scripted", is_flag=True, help="run written calls: files, or folders of them")
@click.option("--exchange", metavar="URL", help="the practice exchange (default: TWILIO_API_URL)")
def dial(
    what: tuple[str, ...],
    person: str | None,
    number: str | None,
    colleague: str | None,
    scripted: bool,
    exchange: str | None,
) -> None:
    """Phone a line of ours from a practice phone: press keys, speak, listen.

    Exit codes: 0 fine, 1 a written call failed, 2 could not run.
    """
    console = Console(highlight=False, soft_wrap=True)
    try:
        settings = Settings.from_environment()
        url = exchange or _exchange(settings)
        if scripted:
            sys.exit(_run_scripts(console, url, settings, _files(what)))
        with Phones(url) as phones:
            if colleague:
                _hold(console, phones, _address(colleague, settings))
            else:
                _call(console, phones, _line(phones, what), _caller(person, number, settings))
    except (CannotDial, ExchangeAway, Refused, Unreadable, SettingsRefused) as reason:
        click.echo(str(reason), err=True)
        sys.exit(COULD_NOT_RUN)


def _exchange(settings: Settings) -> str:
    if settings.twilio_is_real:
        raise CannotDial("this line has real Twilio credentials: call it from a telephone, or set TWILIO_API_URL")
    return settings.twilio_api_url


def _line(phones: Phones, what: tuple[str, ...]) -> str:
    lines = phones.lines()
    if len(what) > 1:
        raise CannotDial("one call goes to one line; written calls need --script")
    line = what[0] if what else next(iter(lines), "")
    if line not in lines and line not in lines.values():
        known = ", ".join(f"{name} ({number})" for name, number in lines.items()) or "none"
        raise CannotDial(f"no line is called `{line}`{did_you_mean(line, lines)}; there are: {known}")
    return line


def _caller(person: str | None, number: str | None, settings: Settings) -> str:
    if person is None:
        return number or STRANGER
    with OrderSystem(settings.order_system_url, settings.order_system_token) as orders:
        phone = orders.phone_of(person)
        if phone is None:
            raise CannotDial(f"nobody is called `{person}`{did_you_mean(person, orders.people())}")
        return phone


def _address(colleague: str, settings: Settings) -> str:
    if colleague.startswith(("+", "sip:", "client:")):
        return colleague
    known = staff(settings.rxline_content)
    if colleague not in known:
        raise CannotDial(f"no staff has the id `{colleague}`{did_you_mean(colleague, known)}")
    return known[colleague].address


# ---------------------------------------------------------------- a phone in the terminal


def _call(console: Console, phones: Phones, line: str, number: str) -> None:
    typed = Typed()
    phone = phones.call(line, number, pace=1.0 if typed.by_hand else 0.0)
    console.print(f"{_HELP}\n", style="dim")
    _talk(console, phone, typed)


def _hold(console: Console, phones: Phones, number: str) -> None:
    typed = Typed()
    console.print(f"waiting for {number} to ring; then: {_RINGING_HELP}. Ctrl-C ends it", style="dim")
    while True:
        ringing = phones.ringing(number, wait_seconds=_POLL_SECONDS)
        if ringing:
            _talk(console, ringing[-1], typed)
        elif typed.by_hand:
            typed.new()  # nothing typed before it rings means anything
        if typed.ended:
            return


def _talk(console: Console, phone: Phone, typed: Typed) -> None:
    """Show what the phone hears and do what is typed, until the call is over."""
    quiet_since = time.monotonic()
    while not phone.is_over:
        new = phone.read(_POLL_SECONDS)
        _show(console, new)
        if new:
            quiet_since = time.monotonic()
        for text in typed.new():
            _obey(console, phone, text, when_asked=not typed.by_hand)
            quiet_since = time.monotonic()
        if typed.ended and (typed.by_hand or time.monotonic() - quiet_since > QUIET_SECONDS):
            phone.hang_up()


def _show(console: Console, lines: Iterable[LineJson]) -> None:
    for line in lines:
        sentence = told(line)
        if sentence:
            console.print(Text(sentence, style=_STYLES.get(line["kind"], "cyan")))


def _obey(console: Console, phone: Phone, text: str, when_asked: bool) -> None:
    act = understood(phone, text, when_asked)
    if act is None:
        console.print(f"{_HELP}; when it rings: {_RINGING_HELP}", style="dim")
        return
    try:
        act()
    except Refused as refused:
        console.print(Text(str(refused), style="yellow"))


def understood(phone: Phone, text: str, when_asked: bool) -> Callable[[], None] | None:
    """Return what a typed line means for a phone, or None when it means nothing."""
    words = text.strip()
    if words and set(words.replace(" ", "")) <= _KEYS:
        return lambda: phone.press(words.replace(" ", ""), when_asked)
    command, _, rest = words.partition(":")
    spoken = rest.strip()
    if command == "say" and spoken:
        return lambda: phone.say(spoken, when_asked=when_asked)
    if command == "message" and spoken:
        return lambda: phone.leave_message(spoken)
    plain: dict[str, Callable[[], None]] = {
        "wait": phone.say_nothing,
        "hang up": phone.hang_up,
        "answer": lambda: phone.answer(1.0 if not when_asked else 0.0),
        "decline": phone.decline,
        "ignore": phone.ignore,
    }
    return plain.get(words)


class Typed:
    """Lines typed, or piped in, so far; `by_hand` when a person types them."""

    def __init__(self) -> None:
        # A thread that waits in readline could not be stopped when the call ends, so input is looked at instead.
        self._file = sys.stdin.fileno()
        self.by_hand = sys.stdin.isatty()
        self.ended = False
        self._rest = b""

    def new(self) -> list[str]:
        """Return the lines not returned before."""
        while not self.ended and select.select([self._file], [], [], 0)[0]:
            read = os.read(self._file, 4096)
            self.ended = not read
            self._rest += read or b"\n"
        *lines, self._rest = self._rest.split(b"\n")
        return [line.decode(errors="replace") for line in lines if line.strip()]


# ---------------------------------------------------------------- written calls


def _files(what: tuple[str, ...]) -> list[Path]:
    paths = [Path(name) for name in what]
    found = [file for path in paths for file in (sorted(path.glob("*.yaml")) if path.is_dir() else [path])]
    if not found:
        raise CannotDial("--script needs the files to run: ivr dial --script calls/*.yaml")
    return found


def _run_scripts(console: Console, url: str, settings: Settings, files: list[Path]) -> int:
    failed = 0
    for file in files:
        result = run(
            file,
            url,
            order_system_url=settings.order_system_url,
            order_system_token=settings.order_system_token,
            content=settings.rxline_content,
        )
        failed += not result.passed
        _show_result(console, result)
    console.print(Text(f"{len(files) - failed} of {len(files)} calls went as written"))
    return PROBLEMS if failed else 0


def _show_result(console: Console, result: ScriptResult) -> None:
    mark, style = ("✓", "green") if result.passed else ("✗", "red")
    console.print(Text(f"{mark} {result.name} ({result.seconds:g} s)", style=style))
    if result.passed:
        return
    for line in result.transcript:
        console.print(Text(f"    {line.who}: {line.text}", style="dim"))
    written = result.path.read_text().splitlines()
    for finding in result.findings:
        place = f"{result.path}:{finding.line}: " if finding.line else f"{result.path}: "
        console.print(Text(f"  {place}{finding.text}", style="red"))
        if finding.line:
            console.print(Text(f"    {written[finding.line - 1].strip()}"))
