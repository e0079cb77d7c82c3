"""The record: what must not be lost, in SQLite or PostgreSQL.

`Record` opens it. A turn is loaded and committed by the record itself; its parts answer the rest:
`record.outbox` (effects not yet done), `record.desk` (tickets, agents, offers), `record.timers`,
`record.watch` (leases, heartbeats, marks), `record.published` (versions of the content), `record.proofs` (who tried to
prove what they could not).
"""

from ivr.store.desk import AgentNow, Desk, LineFigures, LostOffer, Moved, Refused
from ivr.store.migrations import migrate
from ivr.store.outbox import EffectRow, Outbox
from ivr.store.proofs import Offered, Proofs, Suspect, Wrong
from ivr.store.published import Publication, Published
from ivr.store.record import Disposition, JournalLine, LegRow, Loaded, Record
from ivr.store.refusals import Conflict, Misuse, Taken, Unreachable
from ivr.store.timers import Timer, Timers
from ivr.store.turn import Turn
from ivr.store.watch import Lease, Watch

__all__ = [
    "AgentNow",
    "Conflict",
    "Desk",
    "Disposition",
    "EffectRow",
    "JournalLine",
    "Lease",
    "LegRow",
    "LineFigures",
    "Loaded",
    "LostOffer",
    "Misuse",
    "Moved",
    "Offered",
    "Outbox",
    "Proofs",
    "Publication",
    "Published",
    "Record",
    "Refused",
    "Suspect",
    "Taken",
    "Timer",
    "Timers",
    "Turn",
    "Unreachable",
    "Watch",
    "Wrong",
    "migrate",
]
