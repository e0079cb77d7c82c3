"""What is kept no longer than `keep:` in `config/policies.yaml` says, and the proof of what was removed.

A call that is live, or owes somebody something, is never removed. A sound is deleted at the carrier before its row is
here: what the carrier refuses stays, and is asked for again the next night.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from ivr.store import Entry, Sound
from ivr.store.purge import BATCH, ROW_BY_ROW
from ivr.switchboard import Switchboard
from ivr.telephony import rest

log = structlog.get_logger(__name__)

BREATH_SECONDS = 0.002  # between two transactions: callers come first
SLICE_SECONDS = 8.0  # shorter than the lease of who sweeps
AT_LEAST = timedelta(hours=20)
NEVER_CLOSED = timedelta(hours=26)
RETRY_AFTER = timedelta(days=1)
DONE = "purge:done"
KINDS = ("recordings", "transcripts", "calls", *ROW_BY_ROW, "audit")  # messages go by their own calls' turns

Forget = Callable[[str], None]
"""Deletes a recording at the carrier; raises rest.Refused or rest.Unknown. One that is gone already is fine."""


@dataclass(slots=True)
class Removed:
    """What was removed of one kind: everything older than `before`, but what the carrier refused to delete."""

    kind: str
    before: datetime
    ids: list[str] = field(default_factory=list, repr=False)
    refused: int = 0
    remaining: int = 0  # found afterwards, that nobody refused: 0, or something is wrong

    @property
    def digest(self) -> str:
        """SHA-256 over the ids in order, each with a line's end: whoever has a backup can say which they were."""
        return hashlib.sha256("".join(f"{each}\n" for each in sorted(self.ids)).encode()).hexdigest()

    def told(self) -> dict[str, object]:
        """The proof, as the audit has it."""
        told = {"before": self.before.isoformat(), "removed": len(self.ids), "sha256": self.digest}
        return told | {name: count for name in ("refused", "remaining") if (count := getattr(self, name))}


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge came to; `finished` is False when its time was over before it was through."""

    removed: tuple[Removed, ...]
    finished: bool

    @property
    def remaining(self) -> int:
        return sum(each.remaining for each in self.removed) if self.finished else 0


def past(board: Switchboard) -> dict[str, tuple[datetime, int]]:
    """Return what a purge would remove now: kind -> the instant it is cut off at, and how many there are."""
    cut = _cut_off(board)
    return {kind: (cut[kind], board.record.purge.remaining(kind, cut[kind])) for kind in KINDS}


def purge(board: Switchboard, forget: Forget, by: str = "cli", seconds: float = float("inf")) -> Purged:
    """Remove what is past its keep, look for it again, and keep a line of the audit about it."""
    until, cut = time.monotonic() + seconds, _cut_off(board)
    removed = tuple(Removed(kind, cut[kind]) for kind in KINDS)
    finished = all(_remove(board, each, forget, until) for each in removed)
    if finished:
        for each in removed:
            each.remaining = max(0, board.record.purge.remaining(each.kind, each.before) - each.refused)
    _audit(board, removed, by)
    return Purged(removed, finished)


def nightly(board: Switchboard, forget: Forget) -> Purged | None:
    """Purge once a night while every site is closed, a little at a time; None when it is not the time for it."""
    now = board.clock.now()
    if not _is_due(board, now):
        return None
    purged = purge(board, forget, "worker", SLICE_SECONDS)
    if purged.finished:
        board.record.watch.set_mark(DONE, now.isoformat())
    if purged.remaining:
        log.error("purge_left_something", remaining=purged.remaining)
    return purged


def _is_due(board: Switchboard, now: datetime) -> bool:
    kept = board.record.watch.mark(DONE)
    last = datetime.fromisoformat(kept) if kept else None
    if last is None or last > now:  # a practice clock was set back
        board.record.watch.set_mark(DONE, now.isoformat())
        return False
    closed = all(hours.closed_because(now) for hours in board.pharmacy().hours.values())
    return now - last >= (AT_LEAST if closed else NEVER_CLOSED)


def _cut_off(board: Switchboard) -> dict[str, datetime]:
    now = board.clock.now()
    return {kind: now - timedelta(days=days) for kind, days in board.pharmacy().policies.keep.items()}


def _audit(board: Switchboard, removed: tuple[Removed, ...], by: str) -> None:
    told = json.dumps({each.kind: each.told() for each in removed})
    board.record.staff.keep(Entry(by, by, "record.purged", "record", told), board.clock.now())


# ---------------------------------------------------------------- one kind


def _remove(board: Switchboard, removed: Removed, forget: Forget, until: float) -> bool:
    """Remove what there is of a kind; False when the time is over first."""
    for ids in _batches(board, removed, forget):
        removed.ids += ids
        if time.monotonic() >= until:
            return False
        time.sleep(BREATH_SECONDS)
    return True


def _batches(board: Switchboard, removed: Removed, forget: Forget) -> Iterator[list[str]]:
    match removed.kind:
        case "calls":
            yield from _calls(board, removed, forget)
        case "recordings":
            yield from _recordings(board, removed, forget)
        case "transcripts":
            yield from board.record.purge.transcripts(removed.before)
        case "audit":
            yield from board.record.purge.audit(removed.before)
        case kind:
            yield from board.record.purge.rows(kind, removed.before)


def _calls(board: Switchboard, removed: Removed, forget: Forget) -> Iterator[list[str]]:
    while found := board.record.purge.calls_before(removed.before, removed.refused):
        for call_id in found:
            gone = all(_forgotten(board, sound, forget) for sound in board.record.recordings.of(call_id))
            if gone and board.record.purge.call(call_id, removed.before):
                yield [call_id]
            else:
                removed.refused += 1


def _recordings(board: Switchboard, removed: Removed, forget: Forget) -> Iterator[list[str]]:
    for sound in board.record.purge.left_behind(board.clock.now() - RETRY_AFTER):
        yield [sound.recording] if _forgotten(board, sound, forget) else []
    while sounds := board.record.recordings.talks_before(removed.before, BATCH, removed.refused):
        for sound in sounds:
            if _forgotten(board, sound, forget):
                yield [sound.recording]
            else:
                removed.refused += 1


def _forgotten(board: Switchboard, sound: Sound, forget: Forget) -> bool:
    """Have the carrier delete a sound and note that it has; False when it refuses, or nobody can say."""
    try:
        forget(sound.recording)
    except (rest.Refused, rest.Unknown) as trouble:
        log.warning("sound_not_deleted", call=sound.call_id, why=str(trouble))
        return False
    board.record.recordings.deleted(sound.call_id, sound.recording, board.clock.now())
    return True
