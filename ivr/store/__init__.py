"""The record: what must not be lost, in SQLite or PostgreSQL.

`Record` opens it. A turn is loaded and committed by the record itself; its parts answer the rest:
`record.outbox` (effects not yet done), `record.desk` (tickets, agents, offers), `record.timers`,
`record.watch` (leases, heartbeats, marks), `record.published` (versions of the content), `record.proofs` (who tried to
prove what they could not), `record.callbacks` (whose tickets live, how often a number was rung), `record.messages`
(what callers left, and what is said in it), `record.revisions` (what was said of a call over time), `record.staff`
(whose token, device and deed), `record.audit` (whether all deeds stand as they were written), `record.line` (the line
as people look at it), `record.earlier` (what else there is of one person),
`record.order_events` (what happened at the order system).
"""

from ivr.store.audit import Audit, Broken, Verdict
from ivr.store.callbacks import Callbacks
from ivr.store.desk import AgentNow, Desk, LineFigures, LostOffer, Moved, Refused
from ivr.store.earlier import Earlier, EarlierCall
from ivr.store.line import Held, QueueFigures, Seen
from ivr.store.messages import LeftMessage, Messages
from ivr.store.migrations import migrate
from ivr.store.order_events import OrderEvent, OrderEvents
from ivr.store.outbox import REFUSED, Delivery, EffectRow, Outbox
from ivr.store.proofs import Offered, Proofs, Suspect, Wrong
from ivr.store.published import Publication, Published
from ivr.store.record import Disposition, JournalLine, LegRow, Loaded, Record
from ivr.store.recordings import Sound
from ivr.store.refusals import Conflict, Misuse, Taken, Unreachable
from ivr.store.revisions import Note, Revision, Revisions
from ivr.store.seal import Passes, RoundTrips, WrongKey
from ivr.store.staff import Device, Entry, Kept, Staff, StaleDevice, Token
from ivr.store.timers import Timer, Timers
from ivr.store.turn import Turn
from ivr.store.watch import Lease, Watch

__all__ = [
    "REFUSED",
    "AgentNow",
    "Audit",
    "Broken",
    "Callbacks",
    "Conflict",
    "Delivery",
    "Desk",
    "Device",
    "Disposition",
    "Earlier",
    "EarlierCall",
    "EffectRow",
    "Entry",
    "Held",
    "JournalLine",
    "Kept",
    "Lease",
    "LeftMessage",
    "LegRow",
    "LineFigures",
    "Loaded",
    "LostOffer",
    "Messages",
    "Misuse",
    "Moved",
    "Note",
    "Offered",
    "OrderEvent",
    "OrderEvents",
    "Outbox",
    "Passes",
    "Proofs",
    "Publication",
    "Published",
    "QueueFigures",
    "Record",
    "Refused",
    "Revision",
    "Revisions",
    "RoundTrips",
    "Seen",
    "Sound",
    "Staff",
    "StaleDevice",
    "Suspect",
    "Taken",
    "Timer",
    "Timers",
    "Token",
    "Turn",
    "Unreachable",
    "Verdict",
    "Watch",
    "Wrong",
    "WrongKey",
    "migrate",
]
