"""What staff add to a call afterwards: notes, and corrections of its disposition. Nothing is taken away by either.

A correction is a new revision of the disposition, with who, when and why; the earlier revisions stay readable.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from ivr.core import codes
from ivr.core.call import Call
from ivr.core.draft import Draft
from ivr.core.effects import KeepNote, SendNote
from ivr.core.ending import disposition
from ivr.core.events import Amended, Noted
from ivr.core.pharmacy import Pharmacy

LONGEST_NOTE = 2000  # letters
CLOSED: Mapping[str, Collection[str]] = {
    "resolution": codes.RESOLUTIONS,
    "next_step": codes.NEXT_STEPS,
    "owner": codes.OWNERS,
    "follow_up_channel": codes.CHANNELS,
}
"""What may be corrected to one of the words of a closed list; besides, `due_at` to an instant."""

# ---------------------------------------------------------------- may they?


def refusal(call: Call, event: Noted | Amended, pharmacy: Pharmacy) -> str | None:
    """Why this cannot be written to the call, in words for whoever wrote it; None when it can."""
    if any(leg.kind == "staff" for leg in call.legs.values()):
        return "this was a colleague on the staff line, of whose calls nothing is written"
    if isinstance(event, Noted):
        return _unwritten(event.words, "a note")
    if call.ended_at is None:
        return "what came of a call is corrected once its caller has left"
    return (
        _unwritten(event.why, "why it is corrected")
        or _uncorrected(event.changes)
        or _said_already(call, event.changes, pharmacy)
    )


def _said_already(call: Call, changes: Mapping[str, str], pharmacy: Pharmacy) -> str | None:
    same = disposition(_corrected(call, changes), pharmacy) == disposition(call, pharmacy)
    return "that is what the disposition says already" if same else None


def _unwritten(words: str, what: str) -> str | None:
    if not words.strip():
        return f"{what} has to be said in words"
    return f"{what} has {LONGEST_NOTE} letters at most" if len(words) > LONGEST_NOTE else None


def _uncorrected(changes: Mapping[str, str]) -> str | None:
    faults = [fault for name, value in changes.items() if (fault := _fault(name, value))]
    return "; ".join(faults) or (None if changes else f"say what is corrected: {', '.join((*CLOSED, _DUE))}")


_DUE = "due_at"
_FIRST_YEAR, _LAST_YEAR = 2000, 2999  # what is outside has no day in every zone, or is a slip


def _fault(name: str, value: str) -> str | None:
    if name == _DUE:
        return None if _instant(value) else f"`{value}` is no time with its zone, as in 2026-11-24T13:00-05:00"
    if name not in CLOSED:
        return f"`{name}` is not corrected here; there are {', '.join((*CLOSED, _DUE))}"
    return None if value in CLOSED[name] else f"`{value}` is no {name}; there are {', '.join(CLOSED[name])}"


def _instant(told: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(told)
        utc = at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return utc if at.tzinfo and _FIRST_YEAR <= utc.year <= _LAST_YEAR else None


def told(changes: Mapping[str, str]) -> str:
    """Return what is corrected in one line, as the audit has it."""
    return " ".join(f"{name}={value}" for name, value in sorted(changes.items()))


# ---------------------------------------------------------------- written


def noted(draft: Draft, event: Noted) -> None:
    """Keep the words; which call they are about may have moved since, and that is no reason to lose them."""
    if refusal(draft.call, event, draft.pharmacy) is None:
        _note(draft, event.by, event.words)


def amended(draft: Draft, event: Amended) -> None:
    """Correct it; what it then says is settled with everything else that this turn has come to."""
    if refusal(draft.call, event, draft.pharmacy) is None:
        draft.call = _corrected(draft.call, event.changes)
        _note(draft, event.by, event.why, draft.call.revision + 1)


def _corrected(call: Call, changes: Mapping[str, str]) -> Call:
    """Another resolution has a next step of its own, unless that is said too."""
    before = {} if "resolution" in changes else call.amended
    at = _instant(changes.get(_DUE, ""))
    due = {_DUE: at.isoformat()} if at else {}
    return replace(call, amended={**before, **changes, **due})


def _note(draft: Draft, by: str, words: str, revision: int | None = None) -> None:
    draft.put(notes=draft.call.notes + 1)
    draft.do(KeepNote(draft.call.notes, by, words, revision), SendNote(draft.call.notes))
