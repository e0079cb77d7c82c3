"""Who may do what and who did: bearer tokens, the devices staff work at, and the audit."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, null, select, update

from ivr.core.effects import MoveAgent
from ivr.store.audit import appended
from ivr.store.database import Database, Write
from ivr.store.drivers import Row
from ivr.store.notation import instant, micros
from ivr.store.presence import agent_writes
from ivr.store.refusals import Conflict
from ivr.store.tables import agents, audit, devices, fresh, publications, tokens

TOKEN_BYTES = 32
PREFIX = "rxl_"
_NAME_LETTERS = 8


class StaleDevice(Conflict):
    """Somebody took the agent's lease at another device since."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the audit: who did what, on what, and whether it was done."""

    by: str
    door: str  # api · cli · phone · worker
    act: str
    subject: str = ""  # agent:ana, ticket:…, token:…
    detail: str = ""
    outcome: str = "done"  # done · refused
    why: str = ""
    key: str | None = None  # an Idempotency-Key, with whose it is: what is done once under it is not done again


@dataclass(frozen=True, slots=True)
class Kept:
    """A line as it was kept; `id` sorts by the time it was written."""

    id: str
    at: datetime
    entry: Entry


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is listed: whose, when it was made and revoked, never what it is."""

    name: str
    agent: str
    made_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Device:
    """The lease of an agent's device: its fence, and how many seconds of real time ago it was last heard of."""

    fence: int
    silent_seconds: float


# ---------------------------------------------------------------- tokens

_current = select(publications.c.version).order_by(publications.c.seq.desc()).limit(1).scalar_subquery()
_WHOSE = select(tokens.c.agent_id, _current).where(tokens.c.key == bindparam("key"), tokens.c.revoked_at.is_(None))
_MADE = fresh(tokens, revoked_at=null())
_TOKENS = select(tokens.c.name, tokens.c.agent_id, tokens.c.made_at, tokens.c.revoked_at).order_by(
    tokens.c.agent_id, tokens.c.made_at
)
_REVOKE = (
    update(tokens)
    .where(
        tokens.c.agent_id == bindparam("agent"),
        tokens.c.revoked_at.is_(None),
    )
    .values(revoked_at=bindparam("now"))
    .returning(tokens.c.name)
)
_REVOKE_ONE = _REVOKE.where(tokens.c.name == bindparam("token"))

# ---------------------------------------------------------------- devices

_first = fresh(devices, fence=1)
_TAKE = _first.on_conflict_do_update(
    index_elements=["agent_id"],
    set_={"fence": devices.c.fence + 1, "beat_real": _first.excluded.beat_real},
).returning(devices.c.fence)
_BEAT = (
    update(devices)
    .where(devices.c.agent_id == bindparam("agent"), devices.c.fence == bindparam("fence"))
    .values(beat_real=bindparam("real"))
    .returning(devices.c.fence)
)
_DEVICES = select(devices.c.agent_id, devices.c.fence, devices.c.beat_real)
_FENCES = select(agents.c.id, agents.c.fence)
# Written, not read: whoever moves them meanwhile is waited for.
_AS_SEEN = (
    update(agents)
    .where(and_(agents.c.id == bindparam("agent"), agents.c.fence == bindparam("was")))
    .values(fence=agents.c.fence)
)

# ---------------------------------------------------------------- audit

_OF_AN_ENTRY = ("by", "door", "act", "subject", "detail", "outcome", "why", "key")
_KEPT = select(audit.c.id, audit.c.at, *(audit.c[name] for name in _OF_AN_ENTRY))
_LINES = _KEPT.where(audit.c.id < bindparam("before")).order_by(audit.c.id.desc()).limit(bindparam("limit"))
_UNDER = _KEPT.where(audit.c.key == bindparam("key"))
LAST = "~"  # sorts after every id


def audited(entry: Entry, at: int) -> Write:
    """Return what keeps a line, last of all in the transaction it tells of; Conflict when its key was used before."""
    return appended({"id": _next_id(), "at": at, **{name: getattr(entry, name) for name in _OF_AN_ENTRY}})


def _next_id() -> str:
    return f"{time.time_ns():016x}{secrets.token_hex(4)}"


class Staff:
    """The record of the people who work the line."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # ------------------------------------------------------------ tokens

    def make_token(self, agent: str, entry: Entry, now: datetime) -> str:
        """Return a new token of an agent: this once, for only its hash is kept."""
        token = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
        key, at = _key(token), micros(now)
        made = {"key": key, "name": key[:_NAME_LETTERS], "agent_id": agent, "made_at": at}
        self._database.write([Write(_MADE, made), audited(entry, at)])
        return token

    def whose(self, token: str) -> tuple[str, str] | None:
        """Return whose token this is, and which version of the content is current; None for nobody's.

        Whatever the token, one question by one hash is asked, so that how long it takes tells nothing.
        """
        row = self._database.row(_WHOSE, key=_key(token))
        return None if row is None else (str(row[0]), str(row[1]))

    def tokens(self) -> list[Token]:
        """Return every token, revoked ones too, by agent and age."""
        return [
            Token(name, agent, instant(made), None if revoked is None else instant(revoked))
            for name, agent, made, revoked in self._database.rows(_TOKENS)
        ]

    def revoke(self, agent: str, entry: Entry, now: datetime, token: str = "") -> int:
        """Let an agent's tokens, or the one of this name, open nothing from now on; returns how many there were."""
        at = micros(now)
        values: dict[str, Any] = {"agent": agent, "now": at} | ({"token": token} if token else {})
        revoked = self._database.write([Write(_REVOKE_ONE if token else _REVOKE, values), audited(entry, at)])[0]
        return len(revoked)

    # ------------------------------------------------------------ devices

    def take_device(self, agent: str, entry: Entry, now: datetime) -> int:
        """Give an agent's lease to the device that asks; returns its fence, higher than every earlier one."""
        take = Write(_TAKE, {"agent_id": agent, "beat_real": time.time()})
        [[(fence,)], _] = self._database.write([take, audited(entry, micros(now))])
        return int(fence)

    def beat(self, agent: str, fence: int) -> None:
        """Note that the device with this fence is there; raises StaleDevice for an older one's."""
        self._database.write([_still_at(agent, fence)])

    def devices(self) -> dict[str, Device]:
        """Return the device of every agent who ever took one."""
        real = time.time()
        return {agent: Device(fence, max(0.0, real - beat)) for agent, fence, beat in self._database.rows(_DEVICES)}

    def moves(self) -> dict[str, int]:
        """Return how often each agent has moved: what a later move may be made conditional on."""
        return {agent: int(fence) for agent, fence in self._database.rows(_FENCES)}

    # ------------------------------------------------------------ moving an agent

    def move(
        self, agent: str, event: str, was: int, entry: Entry, now: datetime, reason: str = "", fence: int | None = None
    ) -> None:
        """Move an agent who has not moved since their `was`th move, from the device of a fence if one is given.

        Raises StaleDevice, and Conflict when they have moved or the event means nothing where they are.
        """
        at = micros(now)
        move = MoveAgent(agent, event, reason, by=entry.by)
        self._audited([_as_seen(agent, was), *agent_writes(move, at)], entry, now, agent, fence)

    def _audited(
        self, writes: Sequence[Write], entry: Entry, now: datetime, agent: str, fence: int | None = None
    ) -> None:
        beat = [] if fence is None else [_still_at(agent, fence)]
        self._database.write([*beat, *writes, audited(entry, micros(now))])

    # ------------------------------------------------------------ audit

    def keep(self, entry: Entry, now: datetime) -> None:
        """Keep a line of what was refused, or was done where no transaction of ours knows of it."""
        self._database.write([audited(entry, micros(now))])

    def under(self, key: str) -> Kept | None:
        """Return what was done under an Idempotency-Key."""
        row = self._database.row(_UNDER, key=key)
        return None if row is None else _kept(row)

    def audit(self, limit: int, before: str = LAST) -> list[Kept]:
        """Return the newest lines, or those older than the line of an id."""
        return [_kept(row) for row in self._database.rows(_LINES, limit=limit, before=before)]


def _as_seen(agent: str, was: int) -> Write:
    """What refuses a transaction when an agent has moved since their `was`th move."""
    return Write(_AS_SEEN, {"agent": agent, "was": was}, Conflict)


def _still_at(agent: str, fence: int) -> Write:
    """What notes the beat of a device, and refuses its transaction when another has the lease by now."""
    return Write(_BEAT, {"agent": agent, "fence": fence, "real": time.time()}, StaleDevice)


def _key(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _kept(row: Row) -> Kept:
    id_, at, *told = row
    return Kept(id_, instant(at), Entry(*told))
