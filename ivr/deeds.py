"""What staff want done to a call, wherever they say so: done or refused, the audit has one line of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Protocol

from ivr.clock import Clock
from ivr.core import amending, authority, mailbox, talking, wrap_up
from ivr.core.call import Call, Step
from ivr.core.callbacks import suits, waits_for_callback
from ivr.core.events import (
    Acted,
    Amended,
    CallbackCancelled,
    CallbackMoved,
    CalledBack,
    Confirmed,
    Event,
    Noted,
    Played,
    Worked,
)
from ivr.core.line import Ticket
from ivr.core.pharmacy import Pharmacy
from ivr.presence import Refused
from ivr.store import Entry, LeftMessage, Record


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody of the staff wants done: the line of the audit that tells of it, and why it cannot be done."""

    entry: Entry
    refusal: Callable[..., str | None]  # of the call as it stands, by `pharmacy`, its version of the content
    idle: str = ""  # what to say when it changes nothing; "": that is fine

    def may_be_done(self, call: Call, pharmacy: Pharmacy) -> None:
        """Raise Refused when it cannot be done to the call as it stands."""
        _refuse(self.refusal(call, pharmacy=pharmacy))

    def has_changed_nothing(self) -> None:
        """Raise Refused unless that is fine."""
        _refuse(self.idle)


class Tell(Protocol):
    """The switchboard's way to tell a call what happened."""

    def __call__(self, call_id: str, event: Event, *, deed: Deed) -> Step: ...


class Deeds:
    """What staff do to calls, messages and callbacks.

    `key` makes a deed happen once, however often it is asked.

    Each raises LookupError for a call or ticket nobody knows, Refused with a sentence when it cannot be done now, and
    Conflict when the call moves too fast.
    """

    def __init__(self, record: Record, clock: Clock, pharmacy: Callable[[], Pharmacy], tell: Tell) -> None:
        self._record = record
        self._clock = clock
        self._pharmacy = pharmacy
        self._tell = tell

    def do(self, call_id: str, event: Event, deed: Deed) -> Step:
        """Tell a call what staff want."""
        try:
            return self._tell(call_id, event, deed=deed)
        except Refused as refused:
            self._record.staff.keep(
                replace(deed.entry, outcome="refused", why=refused.code, key=None), self._clock.now()
            )
            raise

    # ------------------------------------------------------------ to calls

    def act(self, ticket_id: str, act: str, to: str, by: str, *, door: str = "api", key: str | None = None) -> Step:
        """Do one of the acts of `core/talking.py`; what is done already is done again by doing nothing."""
        event = Acted(by, act, to)
        entry = Entry(by, door, act, f"ticket:{ticket_id}", to, key=key)
        return self.do(self._call_of(ticket_id), event, Deed(entry, partial(talking.refusal, event=event)))

    def close(self, ticket_id: str, code: str, by: str, *, door: str = "api", key: str | None = None) -> Step:
        """Say what came of a call, and so close what is left of it; said again it changes nothing."""
        event = Worked(by, code)
        entry = Entry(by, door, "close", f"ticket:{ticket_id}", code, key=key)
        return self.do(self._call_of(ticket_id), event, Deed(entry, partial(self._not_closed, event=event)))

    def _not_closed(self, call: Call, pharmacy: Pharmacy, event: Worked) -> str | None:
        if mailbox.is_left(call):
            return self._not_worked(call, pharmacy, event)
        talked = event.agent in call.agents  # and so they know, wherever they serve by now
        not_theirs = None if talked else self._not_theirs(call, event.agent)
        return not_theirs or wrap_up.refusal(call, event, pharmacy)

    def _not_theirs(self, call: Call, by: str) -> str | None:
        """Why this is not theirs to work, by the staff of today."""
        return authority.not_to_work(self._pharmacy().staff.get(by), call.ticket) if call.ticket else None

    def _call_of(self, ticket_id: str) -> str:
        seen = self._record.line.ticket(ticket_id)
        if seen is None:
            raise LookupError("no such ticket")
        return seen.ticket.call

    # ------------------------------------------------------------ to what is written of a call

    def note(self, call_id: str, words: str, by: str, *, door: str = "api", key: str | None = None) -> Step:
        """Write something to a call, however long ago it was; the words go nowhere else."""
        event = Noted(by, words)
        entry = Entry(by, door, "note", f"call:{call_id}", key=key)
        return self.do(call_id, event, Deed(entry, partial(self._not_added, event=event)))

    def amend(
        self, call_id: str, changes: Mapping[str, str], why: str, by: str, *, door: str = "api", key: str | None = None
    ) -> Step:
        """Correct what a disposition says, field -> value: a new revision, with who and why."""
        event = Amended(by, dict(changes), why)
        entry = Entry(by, door, "amend", f"call:{call_id}", amending.told(changes), key=key)
        return self.do(call_id, event, Deed(entry, partial(self._not_added, event=event)))

    def _not_added(self, call: Call, pharmacy: Pharmacy, event: Noted | Amended) -> str | None:
        not_theirs = authority.not_to_add(self._pharmacy().staff.get(event.by), call)  # by the staff of today
        return not_theirs or amending.refusal(call, event, pharmacy)

    # ------------------------------------------------------------ to messages

    def play_message(self, call_id: str, by: str, *, door: str = "api", key: str | None = None) -> LeftMessage:
        """Note that somebody listens, and return the message: its `recording` is what the provider knows it by.

        The transcript in it is a machine's, of a stranger's words.
        """
        self._work(call_id, Played(by), Entry(by, door, "play", f"call:{call_id}", key=key))
        message = self._record.messages.of(call_id)
        assert message is not None
        return message

    def close_message(self, call_id: str, by: str, code: str, unheard: str = "", *, door: str = "api") -> None:
        """A message is worked, and what came of it; `unheard` is why a supervisor closes what nobody has heard."""
        detail = f"{code} unheard" if unheard else code
        self._work(call_id, Worked(by, code, unheard), Entry(by, door, "close", f"call:{call_id}", detail))

    def call_back_message(self, call_id: str, by: str, *, door: str = "api", key: str | None = None) -> None:
        """Whoever left it is called back, by the same ticket and its clock."""
        self._work(call_id, CalledBack(by), Entry(by, door, "call_back", f"call:{call_id}", key=key))

    def confirm_message(self, call_id: str, by: str, *, door: str = "api", key: str | None = None) -> None:
        """A second person has found a prescription as the first took it down: now it counts."""
        self._work(call_id, Confirmed(by), Entry(by, door, "confirm", f"call:{call_id}", key=key))

    def _work(self, call_id: str, event: mailbox.Work, entry: Entry) -> None:
        self.do(call_id, event, Deed(entry, partial(self._not_worked, event=event)))

    def _not_worked(self, call: Call, pharmacy: Pharmacy, event: mailbox.Work) -> str | None:
        return mailbox.refusal(call, event, self._pharmacy())  # by the staff of today

    # ------------------------------------------------------------ to callbacks

    def move_callback(
        self,
        ticket_id: str,
        window: tuple[datetime, datetime] | None,
        by: str,
        *,
        door: str = "api",
        key: str | None = None,
    ) -> Ticket:
        """Give a callback another time, None for in turn, and return its ticket."""
        times = "" if window is None else "/".join(at.isoformat() for at in window)
        entry = Entry(by, door, "move", f"ticket:{ticket_id}", times, key=key)
        refusal = partial(self._not_moved, by=by, window=window)
        return self._to_callback(ticket_id, CallbackMoved(by, window), Deed(entry, refusal))

    def cancel_callback(self, ticket_id: str, by: str, *, door: str = "api", key: str | None = None) -> Ticket:
        """Call a callback off and return its ticket."""
        entry = Entry(by, door, "cancel", f"ticket:{ticket_id}", key=key)
        return self._to_callback(ticket_id, CallbackCancelled(by), Deed(entry, partial(self._not_waiting, by=by)))

    def _to_callback(self, ticket_id: str, event: CallbackMoved | CallbackCancelled, deed: Deed) -> Ticket:
        after = self.do(self._call_of(ticket_id), event, deed).call.ticket
        assert after is not None
        return after

    def _not_moved(
        self, call: Call, pharmacy: Pharmacy, by: str, window: tuple[datetime, datetime] | None
    ) -> str | None:
        if window is not None and not self._clock.now() < window[0] < window[1]:
            return "a time to be called in begins in the future, and before it ends"
        if window is not None and not suits(window, call.ticket, pharmacy, call.site):
            return "nobody is called at those times: we are closed then, or it is quiet where they are"
        return self._not_waiting(call, pharmacy, by)

    def _not_waiting(self, call: Call, pharmacy: Pharmacy, by: str) -> str | None:
        waits = waits_for_callback(call)
        return self._not_theirs(call, by) if waits else "nobody waits to be called back with it just now"


def _refuse(why_not: str | None) -> None:
    if why_not:
        raise Refused("not_now", why_not)
