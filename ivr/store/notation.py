"""How values of the core are written down: instants as whole microseconds, everything else as JSON."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, get_args

import msgspec

from ivr.core.call import Answer, Call
from ivr.core.effects import Effect
from ivr.core.line import Ticket, TicketClass
from ivr.core.rules import Reason

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_Value = TypeVar("_Value")
_encode = msgspec.json.Encoder().encode

read_call = msgspec.json.Decoder(Call).decode
read_ticket = msgspec.json.Decoder(Ticket).decode
read_class = msgspec.json.Decoder(TicketClass).decode
read_answer = msgspec.json.Decoder(Answer).decode
read_reasons = msgspec.json.Decoder(tuple[Reason, ...]).decode
read_files = msgspec.json.Decoder(dict[str, str]).decode
read_findings = msgspec.json.Decoder(tuple[dict[str, Any], ...]).decode
read_names = msgspec.json.Decoder(tuple[str, ...]).decode
read_items = msgspec.json.Decoder(dict[str, str]).decode
read_body = msgspec.json.Decoder(dict[str, Any]).decode
_effects = {effect.__name__: msgspec.json.Decoder(effect) for effect in get_args(Effect)}


def written(value: object) -> str:
    """Return a core value as JSON; the `read_…` of its type reads it back equal."""
    return _encode(value).decode()


def readable(read: Callable[[str], _Value], body: str) -> _Value | None:
    """Return what a `read_…` says, or None for what was written in a way this release cannot read."""
    try:
        return read(body)
    except msgspec.DecodeError:
        return None


def read_effect(kind: str, body: str) -> Effect:
    """Return the effect of class name `kind` that `written` wrote."""
    effect: Effect = _effects[kind].decode(body)
    return effect


def micros(at: datetime) -> int:
    """Return an aware instant as whole microseconds since 1970 UTC."""
    return (at - _EPOCH) // _MICROSECOND


def instant(microseconds: int) -> datetime:
    """Return the instant `micros` wrote, in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)
