"""`ivr call`: the whole story of one call, and what staff add to it afterwards."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from operator import itemgetter
from typing import Any

import click
from babel import Locale

from ivr import desk
from ivr.console.story import story
from ivr.content.scalars import duration_text
from ivr.core import codes
from ivr.core.hours import Hours
from ivr.core.rules import FACTS, as_written
from ivr.office import access
from ivr.office.turns import PHASES, happened, repeated
from ivr.presence import Refused
from ivr.printed import plain
from ivr.store import Conflict, Entry
from ivr.switchboard import Switchboard

Json = dict[str, Any]

_MARGIN = " " * 10
# {{ name | filter }}, {{ "8002221222" | filter }} and {{ name | when("words said if it is so") }}
_VALUE = re.compile(r"""\{\{ *(?P<name>[^|}]*?) *(?:\| *(?:when\("(?P<either>[^"]*)"\)|[^}]*?) *)?\}\}""")


@click.command()
@click.argument("call_id", required=False)
@click.option("--json", "as_json", is_flag=True, help="for machines")
@click.option("--code", help="what came of it, in a code of its queue")
@click.option("--note", metavar="TEXT", help="write this to it")
@click.option("--resolution", type=click.Choice(codes.RESOLUTIONS), metavar="WORD", help="correct what was achieved")
@click.option("--next-step", type=click.Choice(codes.NEXT_STEPS), metavar="WORD", help="correct what is to happen")
@click.option("--owner", type=click.Choice(codes.OWNERS), metavar="WHO", help="correct whose it is")
@click.option("--due", "due_at", metavar="TIME", help="correct by when, as in 2026-11-24T13:00-05:00")
@click.option("--channel", "follow_up_channel", type=click.Choice(codes.CHANNELS), metavar="WORD", help="correct how")
@click.option("--why", default="", help="why it is corrected")
@click.option("--by", metavar="AGENT", help="who says so")
def call(
    call_id: str | None, as_json: bool, code: str | None, note: str | None, why: str, by: str | None, **told: str | None
) -> None:
    """The story of a call, the last that ended or CALL_ID: who rang, what was done and why, and what came of it.

    With --by it can be added to first, however long ago it was: --code, a --note, or a correction with --why. Nothing
    that was written before goes away by that.
    """
    board = desk.line_board()
    newest = board.record.dispositions(limit=1)
    call_id = call_id or (newest[0].call_id if newest else None)
    if call_id is None:
        raise click.ClickException("no call has ended yet; `ivr call CALL_ID` tells of one that goes on")
    if code is not None:
        desk.close_call(board, call_id, by, code)
    changes = {name: value for name, value in told.items() if value is not None}
    if note is not None or changes or why:
        _add(board, call_id, note, changes, why, by)
    _show(board, call_id, as_json)


def _add(
    board: Switchboard, call_id: str, note: str | None, changes: Mapping[str, str], why: str, by: str | None
) -> None:
    if by is None or by not in board.pharmacy().staff:
        raise click.ClickException(f"say who writes it: --by with one of {', '.join(board.pharmacy().staff)}")
    try:
        if note is not None:
            board.deeds.note(call_id, note, by, door=access.DOOR)
        if changes or why:
            board.deeds.amend(call_id, changes, why, by, door=access.DOOR)
    except LookupError:
        raise _unknown(call_id) from None
    except (Conflict, Refused) as refused:
        raise click.ClickException(str(refused)) from None


def _unknown(call_id: str) -> click.ClickException:
    return click.ClickException(f"no call is called `{call_id}`; `ivr dispositions` lists the last ones")


def _show(board: Switchboard, call_id: str, as_json: bool) -> None:
    told = story(board, call_id)
    if told is None:
        raise _unknown(call_id)
    board.record.staff.keep(Entry(access.BY, access.DOOR, "story", f"call:{call_id}"), board.clock.now())
    if as_json:
        click.echo(json.dumps(told, indent=1, ensure_ascii=False))
        return
    record = told["record"]
    for line in lines(told, board.pharmacy(record["version"]).hours[record["site"]]):
        click.echo(plain(line))


# ---------------------------------------------------------------- for people


def lines(told: Json, hours: Hours) -> Iterator[str]:
    """Yield a story line by line, its times by the clock of the call's site."""
    yield from _head(told, _Clock(hours))
    yield ""
    yield from _turns(told, _Clock(hours))
    for title, part in _PARTS.items():
        found = list(part(told, _Clock(hours)))
        if found:
            yield from ("", title, *found)


class _Clock:
    """The wall clock of a site, for instants as JSON has them."""

    def __init__(self, hours: Hours) -> None:
        self._hours = hours

    def date(self, at: str) -> str:
        return f"{self._local(at):%a %d %b %Y %H:%M:%S %Z}"

    def day(self, at: str) -> str:
        return f"{self._local(at):%a %d %b %H:%M:%S}"

    def time(self, at: str | None) -> str:
        return f"{self._local(at):%H:%M:%S}" if at else "now"

    def _local(self, at: str) -> datetime:
        return self._hours.local(datetime.fromisoformat(at))


def _head(told: Json, clock: _Clock) -> Iterator[str]:
    record, caller = told["record"], told["caller"]
    number = f"a number ending in {caller['number_ends']}" if caller["number_ends"] else f"{caller['kind']} number"
    place, came = f"{record['line']}, {record['site']}", clock.date(record["arrived_at"])
    yield f"{told['call_id']}  {place}  {came}  {_words(record['state'])}"
    person = f", person {record['person']}" if "person" in record else ""
    kind = "nobody we know" if record["caller_kind"] == "unknown" else _words(record["caller_kind"])
    proof = _words(record["verification"])
    yield _row("who", f"{kind}, {number}; tier {record['tier']}, verification {proof}{person}")
    intent = "not said" if record["intent"] == "unknown" else _words(record["intent"])
    yield _row("wanted", f"{intent}, {_words(record['severity'])}, {_language(record['language'])}")
    yield from _routed(record)
    yield from _promised(record, clock)
    waits = [_stretch(each["what"], each, clock) for each in record["waits"]]
    yield from _rows("waited", waits)
    yield from _rows("talked", [_stretch(f"{each['agent']} ({each['as']})", each, clock) for each in record["talks"]])
    yield from _rows("passed on", [_passed_on(each, clock) for each in record["passed_on"]])
    if record["recorded"] != "no" or record["recordings"]:
        kept = f": {', '.join(record['recordings'])}" if record["recordings"] else ""
        yield _row("recorded", f"{record['recorded']}{kept}")
    yield from _rows("asked for", [" ".join(filter(None, each.values())) for each in record["requests"]])
    if record["outcome"]:
        yield from _came_of(record, clock)


def _row(name: str, told: str) -> str:
    return f"{name:<12}{told}"


def _rows(name: str, told: list[str]) -> Iterator[str]:
    for number, one in enumerate(told):
        yield _row("" if number else name, one)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _language(code: str) -> str:
    return "language not chosen" if code == "unknown" else f"in {Locale('en').languages.get(code, code)}"


def _routed(record: Json) -> Iterator[str]:
    route = record["route"]
    if route is not None:
        asked = ", ".join(f"{name} {value}" for name, value in route["facts"].items())
        because = f", for {asked}" if asked else ""
        place = f"{route['file']}:{route['line']} of version {route['version'][:12]}"
        yield _row("routed", f"{route['route']} {route['to']} by {route['rule']} ({place}){because}")


def _promised(record: Json, clock: _Clock) -> Iterator[str]:
    promise = record["promise"]
    if promise is not None:
        kept = _kept(record, promise, clock)
        within = duration_text(promise["answer_within_seconds"])
        yield _row("promised", f"{promise['queue']}, {within}, by {clock.time(promise['promised_at'])}: {kept}")


def _kept(record: Json, promise: Json, clock: _Clock) -> str:
    """Whether somebody was there in time: who hung up earlier was not left waiting, and that is told apart."""
    if promise["kept"]:
        return f"kept, answered {clock.time(promise['answered_at'])}"
    if promise["kept"] is None:
        return "open"
    if promise["answered_at"]:
        return f"not kept, answered {clock.time(promise['answered_at'])}"
    left = record["outcome"] in ("abandoned", "short_abandon")
    early = left and datetime.fromisoformat(record["ended_at"]) <= datetime.fromisoformat(promise["promised_at"])
    return "nobody answered before the caller hung up, earlier than that" if early else "not kept, nobody answered"


def _stretch(what: str, of: Json, clock: _Clock) -> str:
    lasted = f" ({of['seconds']} s)" if of["to"] else ""
    return f"{_words(what)}, {clock.time(of['from'])} to {clock.time(of['to'])}{lasted}"


def _passed_on(of: Json, clock: _Clock) -> str:
    by, why = (f", {word} {_words(of[name])}" if of[name] else "" for word, name in (("by", "by"), ("for", "reason")))
    return f"{clock.time(of['at'])} {_words(of['kind'])}: {of['to']}{by}{why}"


def _came_of(record: Json, clock: _Clock) -> Iterator[str]:
    code = f", code {record['code']}" if record["code"] not in (None, record["resolution"]) else ""
    final = "final" if record["final"] else "something goes on"
    yield _row("came of it", f"{_words(record['outcome'])}: {record['resolution']}{code}; {final}")
    if record["next_step"] != "none":
        due = f", due {clock.day(record['due_at'])}" if record["due_at"] else ""
        yield _row("next", f"{_words(record['next_step'])}: {record['owner']}{due}")


# ---------------------------------------------------------------- turn by turn


def _turns(told: Json, clock: _Clock) -> Iterator[str]:
    phase = None
    for turn, again in repeated(told["turns"]):
        led = "" if turn["phase"] == phase else f" → {PHASES.get(turn['phase'], turn['phase'])}"
        yield f"{clock.day(turn['at'])}  {happened(turn)}{led}"
        yield from _turn(turn, told)
        if again:
            yield f"{_MARGIN}… the same again {len(again)} times, until {clock.time(again[-1]['at'])}"
        phase = turn["phase"]


def _turn(turn: Json, told: Json) -> Iterator[str]:
    for said in turn["said"]:
        words = f"“{_open(said['words'])}” " if said["words"] else ""
        other = "" if said["language"] in (None, told["record"]["language"]) else f", {_language(said['language'])}"
        yield f"{_MARGIN}{words}({said['prompt']}{other})"
    for reason in filter(itemgetter("taken"), turn["why"]):
        place = f"{reason['file']}:{reason['line']}" if reason["line"] else reason["file"]
        yield f"{_MARGIN}→ {reason['rule']} ({place}, version {turn['version'][:12]}): {reason['because']}"
    for decided in turn["decided"]:
        known = ", ".join(f"{name} {_fact(name, value)}" for name, value in decided["facts"].items())
        person = ", and the caller asked for a person" if decided.get("person_only") else ""
        yield f"{_MARGIN}  known: {known}{person}"
    passed = sum(not reason["taken"] for reason in turn["why"])
    if passed:
        yield f"{_MARGIN}  {passed} rules above it did not fit; `ivr explain {told['call_id']}` tells why of each"


def _open(words: str) -> str:
    """A prompt for people: what was filled in is kept nowhere, and stands as its name in brackets."""
    return _VALUE.sub(_value, " ".join(words.split()))


def _value(place: re.Match[str]) -> str:
    name, either = place["name"], place["either"]
    if name.startswith('"'):
        return name.strip('"')
    return f"[{name}: {either}]" if either else f"[{name}]"


def _fact(name: str, value: Any) -> str:
    return as_written(FACTS[name], value) if name in FACTS else str(value)


# ---------------------------------------------------------------- and the rest


def _offers(told: Json, clock: _Clock) -> Iterator[str]:
    for offer in told["offers"]:
        rang = f", rang {clock.time(offer['rang_at'])}" if offer["rang_at"] else ""
        came = f", picked up {clock.time(offer['came_at'])}" if offer["came_at"] else ""
        yield f"{clock.time(offer['offered_at'])}  {offer['agent']} ({offer['as']}): {offer['state']}{rang}{came}"


def _revisions(told: Json, clock: _Clock) -> Iterator[str]:
    for each in told["revisions"]:
        says = each["says"]
        words = f"{says['outcome']}, {says.get('resolution') or says.get('code')}, next {says.get('next_step')}"
        owner = f" ({says['owner']})" if says.get("owner") not in (None, "nobody") else ""
        by = each["by"] or "the line"
        yield f"{clock.day(each['at'])}  revision {each['revision']} by {by}: {words}{owner}"


def _notes(told: Json, clock: _Clock) -> Iterator[str]:
    for each in told["notes"]:
        of = f", of revision {each['revision']}" if each["revision"] else ""
        first, *others = each["text"].splitlines()
        yield f"{clock.day(each['at'])}  {each['by']}{of}: {first}"
        yield from (f"{_MARGIN}{line}" for line in others)


def _asked(told: Json, clock: _Clock) -> Iterator[str]:
    for each in told["asked"]:
        yield f"{_words(each['about'].partition(':')[0])}: {_how_far(each, clock)}"


def _told(told: Json, clock: _Clock) -> Iterator[str]:
    for each in told["told"]:
        yield f"{_EFFECTS.get(each['kind'], each['kind'])}{each['about']}: {_how_far(each, clock)}"


def _how_far(each: Json, clock: _Clock) -> str:
    why = _WHY_NOT.get(each["error"] or "", each["error"])
    brought = f": {each['result'] or why}" if each["result"] or why else ""
    tries = f" after {each['attempts']} tries" if each["attempts"] > 1 else ""
    at = f" {clock.day(each['done_at'])}" if each["done_at"] else ""
    return f"{_STATES.get(each['state'], each['state'])}{at}{tries}{brought}"


_STATES = {
    "due": "not yet",
    "leased": "being sent",
    "sending": "being sent",
    "unknown": "being looked up",
    "dead": "never",
}
_WHY_NOT = {"Unavailable": "the order system gives no answer", "HeldOff": "the order system gives no answer"}
_EFFECTS = {
    "RecordCall": "record of the call, ",
    "WriteDisposition": "disposition, ",
    "CreateTask": "task ",
    "SendText": "text ",
    "SendNote": "",
    "RequestRefill": "refill of ",
    "RequestRenewal": "renewal of ",
}
_PARTS = {
    "Offers": _offers,
    "Said of it": _revisions,
    "Notes": _notes,
    "Asked of the order system in the background": _asked,
    "Told elsewhere": _told,
}
