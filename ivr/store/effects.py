"""What a turn's effects write: those on our own tables happen with it, the rest are left to the worker as rows."""

from __future__ import annotations

import time
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from dataclasses import replace

from sqlalchemy import and_, bindparam, delete

from ivr.core.call import Call
from ivr.core.effects import (
    ClearTimer,
    Effect,
    KeepItems,
    KeepNote,
    KeepTranscript,
    MoveAgent,
    PlaceCall,
    RememberAccess,
    RememberLanguage,
    SendNote,
    SendText,
    SetTimer,
    WriteDisposition,
)
from ivr.store.database import Write
from ivr.store.messages import said_write
from ivr.store.notation import micros, read_body, written
from ivr.store.presence import agent_writes
from ivr.store.revisions import note_write, revision_write
from ivr.store.seal import Seal
from ivr.store.tables import callers, dispositions, effects, fresh, timers, upsert

# An order-system write waits for the earlier ones of its call; calls are placed, and texts sent, one at a time, at our
# own pace.
LANES = {
    "PlaceCall": "place",
    "SendText": "text",
    "MoveCaller": "telephony",
    "MoveLeg": "telephony",
    "EndLeg": "telephony",
    "Transcribe": "telephony",
    "DeleteRecording": "telephony",
    "CloseShared": "telephony",
    "SetParticipant": "telephony",
    "SetTape": "telephony",
    "LookAfter": "telephony",
    "Inquire": "orders",
    "RequestRefill": "orders",
    "RequestRenewal": "orders",
    "CreateTask": "orders",
    "WriteDisposition": "orders",
    "RecordCall": "orders",
    "SendNote": "orders",
}
MOST_IN_A_TURN = 1000
_LEAST_URGENT = 3
_SEALED = "sealed"

_NEW_EFFECT = fresh(effects)
_SET_TIMER = upsert(timers)
_CLEAR_TIMER = delete(timers).where(and_(timers.c.call_id == bindparam("call"), timers.c.name == bindparam("timer")))
_PUT_DISPOSITION = upsert(dispositions, "written_revision")
_REMEMBER_LANGUAGE = upsert(callers, "access")
_REMEMBER_ACCESS = upsert(callers, "language")


def effect_writes(call: Call, rev: int, does: Sequence[Effect], at: int, seal: Seal) -> Iterator[Write]:
    """Yield the statements for a turn's effects, in order; raises Conflict for a presence event nobody knows."""
    due_at = real_micros()
    for place, effect in enumerate(does):
        match effect:
            case MoveAgent():
                yield from agent_writes(effect, at)
            case SetTimer():
                due = micros(effect.due_at)
                yield Write(_SET_TIMER, {"call_id": call.id, "name": effect.name, "due_at": due})
            case ClearTimer():
                yield Write(_CLEAR_TIMER, {"call": call.id, "timer": effect.name})
            case RememberLanguage() | RememberAccess():
                yield from _remembered(call, effect, at, seal)
            case WriteDisposition():
                yield _disposition(call, effect)
                yield revision_write(call.id, effect, at)
                yield _row(call, rev, place, effect, due_at)
            case KeepNote():
                yield note_write(call.id, effect, at)
            case KeepTranscript() | KeepItems():
                yield said_write(call, effect)
            case SendText():
                yield _row(call, rev, place, _sealed(call, effect, seal), due_at)
            case _:
                yield _row(call, rev, place, effect, due_at)


def real_micros(after_seconds: float = 0.0) -> int:
    """Return an instant of real time, as tables keep it."""
    return int((time.time() + after_seconds) * 1_000_000)


def _remembered(call: Call, effect: RememberLanguage | RememberAccess, at: int, seal: Seal) -> Iterator[Write]:
    key = seal.key_of(call.caller.number)
    if key is None:
        return
    row = {"number_key": key, "seen_at": at}
    if isinstance(effect, RememberLanguage):
        yield Write(_REMEMBER_LANGUAGE, {**row, "language": effect.language, "access": None})
    else:
        yield Write(_REMEMBER_ACCESS, {**row, "access": effect.access, "language": None})


def _sealed(call: Call, effect: SendText, seal: Seal) -> SendText:
    """The text with what it speaks of sealed: a one-time code among it must not lie open in a backup."""
    return replace(effect, values={_SEALED: b64encode(seal.close(call.id, written(dict(effect.values)))).decode()})


def opened(call_id: str, effect: SendText, seal: Seal) -> SendText:
    """Return a text as its turn meant it; raises cryptography's InvalidTag after SECRET_KEY changed."""
    return replace(effect, values=read_body(seal.open(call_id, b64decode(effect.values[_SEALED]))))


def _disposition(call: Call, effect: WriteDisposition) -> Write:
    return Write(
        _PUT_DISPOSITION,
        {
            "call_id": call.id,
            "revision": effect.revision,
            "final": bool(effect.body.get("final")),
            "body": written(effect.body),
            "written_revision": 0,
        },
    )


def _row(call: Call, rev: int, place: int, effect: Effect, due_at: int) -> Write:
    kind = type(effect).__name__
    return Write(
        _NEW_EFFECT,
        {
            "id": f"{call.id}.{rev}.{place}",
            "call_id": call.id,
            "seq": rev * MOST_IN_A_TURN + place,
            "kind": kind,
            "lane": LANES[kind],
            "body": written(effect),
            "urgency": effect.urgency if isinstance(effect, PlaceCall) else _LEAST_URGENT,
            "state": "due",
            "due_at": due_at,
            "attempts": 0,
            "lease_until": None,
            "sent_at": None,
            "done_at": None,
            "result": None,
            "error": None,
            "key": _key(call, effect),
        },
    )


def _key(call: Call, effect: Effect) -> str | None:
    """Return what this effect may exist once for; None: it may be repeated."""
    match effect:
        case PlaceCall():
            return placing_of(effect.leg)
        case WriteDisposition():
            return f"disposition:{call.id}:{effect.revision}"
        case SendNote():
            return f"note:{call.id}:{effect.nth}"
    return None


def placing_of(leg: str) -> str:
    """Return the key of the effect that rings a leg."""
    return f"place:{leg}"
