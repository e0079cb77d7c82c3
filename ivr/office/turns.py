"""What happened in each turn of a call, in a supervisor's words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import groupby
from typing import Any

Json = dict[str, Any]

PHASES: Mapping[str, str] = {
    "flow": "in a flow",
    "holding": "on hold",
    "dialogue": "choosing what to do instead of waiting",
    "connecting": "being connected",
    "talking": "talking",
    "transferring": "being put through",
    "message": "leaving a message",
    "promised": "gone, and still owed a person",
    "staff": "on the staff line",
    "leaving": "hearing the last words",
    "over": "over",
}
_WHO = {"caller": "caller", "agent": "agent", "callback": "person called back", "staff": "colleague"}
_NUMBERS = {"number": "with their number shown", "anonymous": "with their number withheld"}
_ENDS = {
    "completed": "is off the line",
    "no-answer": "did not answer",
    "canceled": "is rung no more",
    "busy": "was busy",
    "failed": "could not be reached",
    "vanished": "is found to be gone",
}
_WITH_ID = ("offer", "join", "apart", "held")  # timers that name something of this call by an id of ours


def happened(turn: Json) -> str:
    """Return in a sentence what happened in a turn of a story, without where it led."""
    who = turn["agent"] or _WHO.get(turn["who"] or "", "")
    tell = SENTENCES.get(turn["event"])
    return f"{tell(who, turn['heard'])}{_evidence(turn)}" if tell else f"{who} {turn['event']}".strip()


def _evidence(turn: Json) -> str:
    """Why somebody's words were taken for what they were, where no decision of the turn says so."""
    because = (turn["heard"].get("heard") or {}).get("because")
    return f", because {'; '.join(because)}" if because and not turn["why"] else ""


def repeated(turns: list[Json]) -> list[tuple[Json, list[Json]]]:
    """Return turns with those after each that tell the very same and decide nothing: a caller asked again and again."""
    return [(first, rest) for _, same in groupby(turns, _what) for first, *rest in [list(same)]]


def _what(turn: Json) -> object:
    decides = turn["why"] or turn["decided"]
    return id(turn) if decides else (happened(turn), turn["phase"], [said["prompt"] for said in turn["said"]])


def _keyed(who: str, of: Json) -> str:
    keys = f"presses {of['key']}" if "key" in of else f"keys {of['length']} digits"
    return f"{who} {keys}{_place(of)}"


def _spoke(who: str, of: Json) -> str:
    return f"{who} says {of['words']} words{_place(of)}{_taken_for(of)}"


def _place(of: Json) -> str:
    return f" at {of['node']}" if "node" in of else ""


def _taken_for(of: Json) -> str:
    """What somebody's own words were taken for."""
    heard = of.get("heard") or {}
    words = ", ".join(str(heard[name]).replace("_", " ") for name in ("intent", "urgency") if heard.get(name))
    sure = f", sure to {heard['confidence']}" if heard.get("confidence") else ""
    return f": taken for {words or 'nothing we know'}{sure}" if heard else ""


def _came(who: str, of: Json) -> str:
    picked_up = of["document"] == 1 and who != _WHO["caller"]
    return f"{who} picks up" if picked_up else f"{who} is brought to what comes next"


def _hung_up(who: str, of: Json) -> str:
    return f"{who} {_ENDS.get(of['how'], of['how'])}"


def _timer(who: str, of: Json) -> str:
    what, _, rest = of["timer"].partition(":")
    return f"time is up: {what if what in _WITH_ID else ' '.join([what, *filter(None, rest.split(':'))])}"


def _acted(who: str, of: Json) -> str:
    return f"{of['agent']}: {of['act'].replace('_', ' ')}{' ' + of['to'] if of['to'] else ''}"


def _amended(who: str, of: Json) -> str:
    changes = ", ".join(f"{name} {value}" for name, value in of["changes"].items())
    return f"{of['agent']} corrects the record: {changes.replace('_', ' ')}"


def _worked(who: str, of: Json) -> str:
    return f"{of['agent']} says what came of it: {of['code']}{', unheard' if 'unheard' in of else ''}"


def _arrived(who: str, of: Json) -> str:
    number = _NUMBERS.get(of["caller"], f"from a {of['caller']} address")
    return f"{who} rings, {number}, attestation {of['attestation']}"


SENTENCES: Mapping[str, Callable[[str, Json], str]] = {
    "Arrived": _arrived,
    "Keyed": _keyed,
    "Spoke": _spoke,
    "Silent": lambda who, of: f"{who} keys and says nothing{_place(of)}",
    "Came": _came,
    "Recorded": lambda who, of: f"{who} leaves a message of {of['seconds']} s",
    "QueueLeft": lambda who, of: f"{who} leaves the hold music ({of['result']})",
    "DialEnded": lambda who, of: f"{who} is not connected any more ({of['result']})",
    "Stumbled": lambda who, of: f"{who} could not be told what comes next, and the carrier asks again",
    "HungUp": _hung_up,
    "Offered": lambda who, of: f"offered to {of['agent']}",
    "NobodyCould": lambda who, of: "nobody who is signed in could ever serve this",
    "TimerDue": _timer,
    "Learned": lambda who, of: f"the order system has answered meanwhile: {of['ask'].replace('_', ' ')}",
    "OrderNews": lambda who, of: f"news from the order system: {of['type']}",
    "Worked": _worked,
    "Noted": lambda who, of: f"{of['agent']} writes a note",
    "Amended": _amended,
    "Transcribed": lambda who, of: f"the message is written down, {of['words']} words{_taken_for(of)}",
    "Played": lambda who, of: f"{of['agent']} listens to the message",
    "CalledBack": lambda who, of: f"{of['agent']} has the person called back",
    "Confirmed": lambda who, of: f"{of['agent']} finds the prescription as the first did",
    "KeptLongEnough": lambda who, of: "the message is kept no longer",
    "Acted": _acted,
    "Recalled": lambda who, of: f"{of['by']} takes {of['agent']} off this call",
    "LeftAlone": lambda who, of: "somebody has been alone in the talk for some time",
    "Taped": lambda who, of: f"the recording of {who} begins",
    "Placed": lambda who, of: f"{who} is rung",
    "PlaceFailed": lambda who, of: f"{who} could not be rung: {of['why']}",
    "CallerGone": lambda who, of: f"{who} is gone already",
    "AnsweredBy": lambda who, of: f"{who}: picked up by a {of['answered_by']}, the carrier says",
    "TicketTaken": lambda who, of: f"rang again: the ticket goes on in {of['by']}",
    "TicketClosed": lambda who, of: "the ticket that went on in a later call is closed",
    "CallbackMoved": lambda who, of: f"{of['by']} gives the callback another time",
    "CallbackCancelled": lambda who, of: f"{of['by']} calls the callback off",
}
"""For each event how it is told, by who it happened to and what the journal keeps of it."""
