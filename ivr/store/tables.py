"""The tables of the record: the same on SQLite and PostgreSQL.

Instants are whole microseconds since 1970 UTC, kept as integers, so both databases sort and add them alike. JSON is
text: the databases keep it and never look inside. Ids sort by code point on both, as they do in the core.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    literal_column,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import ColumnElement


@cache
def word(literal: str) -> ColumnElement[str]:
    """Return a word of ours as it stands in SQL. A partial index is used only where its word is not a parameter."""
    return literal_column(f"'{literal}'")


def fresh(table: Table, **given: Any) -> Insert:
    """Return an INSERT of every column, each a parameter of its name but for those given."""
    values: dict[str, Any] = {column.name: bindparam(column.name) for column in table.columns}
    return insert(table).values(values | given)


def upsert(table: Table, *keep: str) -> Insert:
    """Return an INSERT of every column that takes the place of the row with the same key, but for the columns kept.

    PostgreSQL's INSERT … ON CONFLICT is SQLite's too, word for word.
    """
    row = fresh(table)
    key = [column.name for column in table.primary_key.columns]
    moved = [column.name for column in table.columns if column.name not in (*key, *keep)]
    return row.on_conflict_do_update(index_elements=key, set_={name: row.excluded[name] for name in moved})


class Sealed(LargeBinary):
    """Words no backup tells: `Database` seals them on their way in and opens them on their way out.

    They are str to whoever asks, and cannot be searched: next to what is looked up stands its keyed hash.
    """

    cache_ok = True

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what  # the column: what is sealed as one does not open as another


@compiles(Sealed, "sqlite")
def _bytes_in_a_column_of_words(*_: object, **__: object) -> str:
    """SQLite keeps bytes as they are whatever a column is declared as, and these were declared before."""
    return "TEXT"


Id = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Instant = BigInteger()

tables = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

calls = Table(
    "calls",
    tables,
    Column("id", Id, primary_key=True),
    Column("rev", Integer, nullable=False),
    Column("line", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("state", Sealed("calls.state"), nullable=False),  # JSON of core Call
    Column("caller_key", Text),  # keyed hash of the number ringing; None when there is none
    Column("person", Text),
    Column("phase", Text, nullable=False),
    Column("outcome", Text),
    Column("arrived_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("live", Boolean, nullable=False),
    Index("ix_calls_live", "arrived_at", sqlite_where=text("live"), postgresql_where=text("live")),
    Index("ix_calls_arrived_at", "arrived_at"),
    Index("ix_calls_caller_key", "caller_key", "arrived_at"),
    Index("ix_calls_person", "person", "arrived_at"),
    # A call is written once a turn: room on the page lets PostgreSQL do it without touching the indexes.
    postgresql_with={"fillfactor": 70},
)

legs = Table(
    "legs",
    tables,
    Column("token", Id, primary_key=True),
    Column("call_id", Id, nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("call_sid", Text),
    Column("number", Sealed("legs.number")),
    Column("number_key", Text),  # keyed hash of it, to be counted by
    Column("created_at", Instant, nullable=False),
    Column("over_at", Instant),
    UniqueConstraint("call_sid"),
    Index(
        "ix_legs_called_back",
        "number_key",
        "created_at",
        sqlite_where=text("kind = 'callback'"),
        postgresql_where=text("kind = 'callback'"),
    ),
    Index(
        "ix_legs_not_over",
        "token",
        sqlite_where=text("state <> 'over'"),
        postgresql_where=text("state <> 'over'"),
    ),
)

replies = Table(
    "replies",
    tables,
    Column("leg", Id, nullable=False),
    Column("n", Integer, nullable=False),
    Column("exit", Text, nullable=False),
    Column("seq", Integer, nullable=False),  # the turn that gave it
    Column("reply", LargeBinary, nullable=False),  # sealed
    Column("at", Instant, nullable=False),
    PrimaryKeyConstraint("leg", "n", "exit"),
)

journal = Table(
    "journal",
    tables,
    Column("call_id", Id, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("leg", Id),
    Column("event", Sealed("journal.event"), nullable=False),  # JSON, by meaning
    Column("reasons", Text, nullable=False),  # JSON
    Column("version", Text, nullable=False),
    # The turn after a revision can be written once: this constraint is what makes two writers of a call impossible.
    PrimaryKeyConstraint("call_id", "seq"),
    # Kept in the key's own order, a line costs SQLite one page written instead of two.
    sqlite_with_rowid=False,
)

_TO_BE_OFFERED = text("state = 'waiting' AND kind <> 'voicemail'")
_IN_NEED = text("state <> 'closed' AND calm AND kind IN ('hold', 'callback') AND need <> ''")

tickets = Table(
    "tickets",
    tables,
    Column("id", Id, primary_key=True),
    Column("call_id", Id, nullable=False, index=True),
    Column("site", Text, nullable=False),
    Column("queue", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("need", Text, nullable=False),
    Column("calm", Boolean, nullable=False),  # not an emergency: sorts after those, as in core Ticket.order
    Column("arrived_at", Instant, nullable=False),
    Column("due_from", Instant, nullable=False),
    Column("promised_at", Instant, nullable=False),
    Column("body", Text, nullable=False),  # JSON of core Ticket
    Column("alike", Id),  # JSON of its core TicketClass; None: closed before classes were kept
    Column("not_before", Instant),
    # The first of each class are all that any number of agents can be matched with.
    Index(
        "ix_tickets_alike",
        "alike",
        "promised_at",
        "arrived_at",
        "id",
        "not_before",
        sqlite_where=_TO_BE_OFFERED,
        postgresql_where=_TO_BE_OFFERED,
    ),
    Index(
        "ix_tickets_served",
        "id",
        sqlite_where=text("state IN ('connecting', 'talking')"),
        postgresql_where=text("state IN ('connecting', 'talking')"),
    ),
    Index(
        "ix_tickets_waiting",
        "site",
        "calm",
        "promised_at",
        "arrived_at",
        "id",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
    Index(
        "ix_tickets_person",
        "person",
        sqlite_where=text("state <> 'closed'"),
        postgresql_where=text("state <> 'closed'"),
    ),
    # One person and need, one live ticket. Danger never waits for that, and a message is work of its own each time.
    Index("uq_tickets_need", "person", "need", unique=True, sqlite_where=_IN_NEED, postgresql_where=_IN_NEED),
)

_STANDING = text("state IN ('open', 'accepted')")
_ACCEPTED = text("state = 'accepted'")
_OPEN = text("state = 'open'")

offers = Table(
    "offers",
    tables,
    Column("id", Id, primary_key=True),
    Column("ticket_id", Id, nullable=False),
    Column("call_id", Id, nullable=False, index=True),
    Column("agent_id", Text, nullable=False),
    Column("leg", Id, nullable=False),
    Column("state", Text, nullable=False),
    Column("offered_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    # An agent has one offer at a time; a ticket is taken by one agent.
    Index("uq_offers_agent", "agent_id", unique=True, sqlite_where=_STANDING, postgresql_where=_STANDING),
    Index("uq_offers_ticket", "ticket_id", unique=True, sqlite_where=_ACCEPTED, postgresql_where=_ACCEPTED),
    Index("ix_offers_open", "ticket_id", sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index("ix_offers_offered_at", "offered_at"),
)

agents = Table(
    "agents",
    tables,
    Column("id", Text, primary_key=True),
    Column("presence", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", Instant, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("next", Text, nullable=False),  # what they do once no caller has them; empty: go on
    Column("next_reason", Text, nullable=False),
    Column("missed", Integer, nullable=False),  # offers that rang in vain, one after the other
    Column("moves", Integer, nullable=False),  # how many lines of `presences` they have
    Column("own_at", Instant, nullable=False),  # when somebody, and not the line or a shift, last moved them
    Column("shift_at", Instant, nullable=False),  # the last beginning or end of a shift they were moved by
)

# The days of agents: every move, by whom and why.
presences = Table(
    "presences",
    tables,
    Column("agent_id", Text, nullable=False),
    Column("nth", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("event", Text, nullable=False),
    Column("presence", Text, nullable=False),  # where they were then …
    Column("reason", Text, nullable=False),
    Column("next", Text, nullable=False),  # … and what was queued
    Column("by", Text, nullable=False),  # line · rota · desk (the command line) · an agent's id
    PrimaryKeyConstraint("agent_id", "nth"),
)

_UNDONE = text("state NOT IN ('done', 'dead')")

# The times of an effect are real time, not the practice clock's: leases and retries outlive a practised day.
effects = Table(
    "effects",
    tables,
    Column("id", Id, primary_key=True),
    Column("call_id", Id, nullable=False),
    Column("seq", BigInteger, nullable=False),  # order within the call
    Column("kind", Text, nullable=False),
    Column("lane", Text, nullable=False),  # place · text · telephony · orders
    Column("body", Sealed("effects.body"), nullable=False),  # JSON of the core effect
    Column("urgency", Integer, nullable=False),
    Column("state", Text, nullable=False),  # due · leased · sending · unknown · done · dead
    Column("due_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("lease_until", Instant),
    Column("sent_at", Instant),
    Column("done_at", Instant),
    Column("result", Text),
    Column("error", Text),
    Column("key", Text),  # what may exist once only: a disposition's revision, a leg's placing
    UniqueConstraint("key"),
    Index("ix_effects_undone", "lane", "urgency", "due_at", sqlite_where=_UNDONE, postgresql_where=_UNDONE),
    Index("ix_effects_call", "call_id", "seq"),
)

timers = Table(
    "timers",
    tables,
    Column("call_id", Id, nullable=False),
    Column("name", Text, nullable=False),
    Column("due_at", Instant, nullable=False, index=True),
    PrimaryKeyConstraint("call_id", "name"),
)

answers = Table(
    "answers",
    tables,
    Column("call_id", Id, nullable=False),
    Column("ask", Text, nullable=False),
    Column("body", Sealed("answers.body"), nullable=False),  # JSON of core Answer
    Column("at", Instant, nullable=False),
    PrimaryKeyConstraint("call_id", "ask"),
)

dispositions = Table(
    "dispositions",
    tables,
    Column("call_id", Id, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("final", Boolean, nullable=False),
    Column("body", Sealed("dispositions.body"), nullable=False),  # JSON
    Column("written_revision", Integer, nullable=False),  # the newest the order system has; 0: none
)

# What was said of a call over time: nothing of it is ever written over.
revisions = Table(
    "revisions",
    tables,
    Column("call_id", Id, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", Text, nullable=False),  # an agent; empty: the line itself
    Column("body", Sealed("revisions.body"), nullable=False),  # JSON
    PrimaryKeyConstraint("call_id", "revision"),
    sqlite_with_rowid=False,
)

notes = Table(
    "notes",
    tables,
    Column("call_id", Id, nullable=False),
    Column("nth", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", Text, nullable=False),
    Column("revision", Integer),  # of the disposition it explains
    Column("words", Sealed("notes.words"), nullable=False),
    PrimaryKeyConstraint("call_id", "nth"),
    sqlite_with_rowid=False,
)

callers = Table(
    "callers",
    tables,
    Column("number_key", Text, primary_key=True),
    Column("language", Text),
    Column("access", Text),
    Column("seen_at", Instant, nullable=False),
)

proofs = Table(
    "proofs",
    tables,
    Column("call_id", Id, nullable=False),
    Column("ask", Text, nullable=False),
    Column("number_key", Text),
    Column("number_ends", Text),  # the last two digits: what staff may be shown
    Column("person", Text),  # whom it was aimed at
    Column("wrong", Boolean, nullable=False),
    Column("at", Instant, nullable=False),
    Column("lifted_at", Instant),  # a wrong one counts no more since then
    Column("lifted_by", Text),
    PrimaryKeyConstraint("call_id", "ask"),
    Index("ix_proofs_number_key", "number_key", "at"),
    Index("ix_proofs_person", "person", "at"),
)

forecasts = Table(
    "forecasts",
    tables,
    Column("call_id", Id, nullable=False),
    Column("site", Text, nullable=False),
    Column("queue", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("low_minutes", Integer, nullable=False),
    Column("high_minutes", Integer, nullable=False),
    Column("told_at", Instant, nullable=False),
    PrimaryKeyConstraint("call_id", "position"),
    Index("ix_forecasts_told_at", "told_at"),
)

handling = Table(
    "handling",
    tables,
    Column("site", Text, nullable=False),
    Column("queue", Text, nullable=False),
    Column("talks", Integer, nullable=False),  # how many the mean is over, as many as are remembered at most
    Column("seconds", Float(53), nullable=False),
    PrimaryKeyConstraint("site", "queue"),
)

_UNWORKED = text("closed_at IS NULL")

messages = Table(
    "messages",
    tables,
    Column("call_id", Id, primary_key=True),
    Column("site", Text, nullable=False),
    Column(
        "recording", Sealed("messages.recording"), nullable=False
    ),  # the provider's id; empty: a prescription without its directions
    Column("kind", Text, nullable=False),  # voicemail · prescription
    Column("seconds", Integer, nullable=False),
    Column("left_at", Instant, nullable=False),
    Column("heard", Text, nullable=False),  # of the transcript: none · awaited · late · failed · kept
    Column("flags", Text, nullable=False),  # JSON of names
    Column("transcript", Sealed("messages.transcript")),  # a stranger's words, made by a machine: never to be believed
    Column("items", Sealed("messages.items")),  # of a prescription
    Column("played_at", Instant),
    Column("played_by", Text),  # JSON of agents
    Column("closed_at", Instant),
    Column("closed_by", Text),
    Column("code", Text),
    Column("unheard", Sealed("messages.unheard")),  # why it was closed though nobody had heard it
    Column("second_at", Instant),
    Column("second_by", Text),
    Column("deleted_at", Instant),
    Index("ix_messages_unworked", "site", "left_at", sqlite_where=_UNWORKED, postgresql_where=_UNWORKED),
    Index("ix_messages_closed_at", "closed_at"),
)

_AT_THE_CARRIER = text("deleted_at IS NULL")

# Every sound the carrier keeps of a call, until it has said that it is gone.
recordings = Table(
    "recordings",
    tables,
    Column("call_id", Id, nullable=False),
    Column("key", Text, nullable=False),  # keyed hash of its id
    Column("recording", Sealed("recordings.recording"), nullable=False),  # the provider's id
    Column("kind", Text, nullable=False),  # talk · message
    Column("made_at", Instant, nullable=False),
    Column("deleted_at", Instant),
    PrimaryKeyConstraint("call_id", "key"),
    Index(
        "ix_recordings_at_the_carrier",
        "made_at",
        sqlite_where=_AT_THE_CARRIER,
        postgresql_where=_AT_THE_CARRIER,
    ),
)

_NOT_TAKEN = text("taken_at IS NULL")

order_events = Table(
    "order_events",
    tables,
    Column("id", Id, primary_key=True),  # the order system's own
    Column("type", Text, nullable=False),
    Column("at", Instant, nullable=False),  # when it happened, as the order system says
    Column("person", Text),
    Column("prescription", Text),
    Column("data", Sealed("order_events.data"), nullable=False),  # JSON, as it came
    Column("received_at", Instant, nullable=False),
    Column("taken_at", Instant),  # the calls it is about have been told
    Column("task", Text),  # the order system's id of the work it made, or why there is none
    Index("ix_order_events_at", "at"),
    Index("ix_order_events_prescription", "prescription", "at"),
    Index("ix_order_events_not_taken", "at", sqlite_where=_NOT_TAKEN, postgresql_where=_NOT_TAKEN),
)

versions = Table(
    "versions",
    tables,
    Column("version", Text, primary_key=True),
    Column("files", Text, nullable=False),  # JSON: relative path -> text
    Column("at", Instant, nullable=False),
)

publications = Table(
    "publications",
    tables,
    Column("seq", Integer, primary_key=True, autoincrement=False),  # the highest is what callers get
    Column("version", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("author", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("findings", Text, nullable=False),  # JSON: what the check found and did not mind
    Column("restores", Integer),  # the publication whose version this one puts back
)

heartbeats = Table(
    "heartbeats",
    tables,
    Column("name", Text, primary_key=True),
    Column("at_real", Float(53), nullable=False),
)

leases = Table(
    "leases",
    tables,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("until_real", Float(53), nullable=False),
)

marks = Table(
    "marks",
    tables,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

tokens = Table(
    "tokens",
    tables,
    Column("key", Id, primary_key=True),  # hash of the token, which nobody keeps
    Column("name", Text, nullable=False),  # what it is called when it is listed or revoked
    Column("agent_id", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    Index("ix_tokens_agent_id", "agent_id"),
)

# One row an agent: whoever takes the lease last has the highest fence, and every earlier device knows by it.
devices = Table(
    "devices",
    tables,
    Column("agent_id", Text, primary_key=True),
    Column("fence", Integer, nullable=False),
    Column("beat_real", Float(53), nullable=False),
)

audit = Table(
    "audit",
    tables,
    Column("id", Id, primary_key=True),  # sorts by the time it was written
    Column("at", Instant, nullable=False),
    Column("by", Text, nullable=False),  # an agent; cli, worker: nobody of the staff
    Column("door", Text, nullable=False),  # api · cli · phone · worker
    Column("act", Text, nullable=False),
    Column("subject", Text, nullable=False),  # agent:ana, ticket:…, token:…
    Column("detail", Text, nullable=False),
    Column("outcome", Text, nullable=False),  # done · refused
    Column("why", Text, nullable=False),
    Column("key", Text),  # the Idempotency-Key it was done under, with whose it is
    Column("seq", BigInteger, nullable=False),  # its place in the chain, see `store/chain.py` …
    Column("prev", Text, nullable=False),  # … behind the line of this hash
    Column("hash", Text, nullable=False),
    UniqueConstraint("key"),
    UniqueConstraint("seq"),
)
