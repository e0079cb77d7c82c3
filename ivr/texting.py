"""Texts we send: to the number that rings, or to whoever is on call, and none of them twice."""

from __future__ import annotations

from datetime import timedelta

import structlog

from ivr.content.prompts import Unspeakable
from ivr.core.call import Call
from ivr.core.effects import SendText
from ivr.jobs import delay_seconds
from ivr.leases import LEASE_SECONDS, Leases
from ivr.once import TRIES, Once, asked_at, since_ours
from ivr.store import EffectRow
from ivr.switchboard import Switchboard
from ivr.telephony import rest

log = structlog.get_logger(__name__)

LEASE = "texting"
CODE_TEXT = "code_text"
ON_CALL = "on_call"
LATEST = timedelta(minutes=10)
"""After the caller has gone. Later than that they have found out in another way, and wonder who writes to them."""


class Texting:
    """Sends the texts that are due."""

    def __init__(self, board: Switchboard, telephone: rest.Telephone, leases: Leases) -> None:
        self._board = board
        self._record = board.record
        self._outbox = board.record.outbox
        self._telephone = telephone
        self._once = Once("text", LEASE, board, leases, self._pace, self._send, self._look_up)

    def once(self) -> float:
        """Send what is due; returns in how many real seconds there may be more to do, 1 at most."""
        return self._once.once()

    def _pace(self) -> float:
        return self._board.pharmacy().policies.texts_per_second

    # ------------------------------------------------------------ one text

    def _send(self, due: EffectRow) -> bool:
        """Send, if that is still wanted; True when Twilio was asked."""
        row = self._outbox.claim(due.id, LEASE_SECONDS)
        if row is None:
            return False
        loaded = self._record.load_call(row.call_id)
        if loaded is None or not self._is_wanted(row, loaded.call):
            self._outbox.done(row.id)
            return False
        try:
            body = self._words(row, loaded.call)
        except Unspeakable:
            return self._fail(row, "there is nothing to say")
        self._outbox.sending(row.id)  # refused once our lease has run out, and then we do not send
        self._ask(row, loaded.call, body)
        return True

    def _ask(self, row: EffectRow, call: Call, body: str) -> None:
        try:
            sid = self._telephone.send_text(to=self._to(row, call), from_=self._from(call), body=body)
        except rest.Refused as refused:
            if not refused.retry:  # 21610 among them: they have asked for no more texts from us
                self._fail(row, str(refused))
                return
            log.warning("text_refused", effect=row.id, why=str(refused))
            self._outbox.again(row.id, delay_seconds(row.attempts), str(refused))
        except rest.Unknown as unknown:
            log.warning("text_perhaps_sent", effect=row.id, why=str(unknown))
            self._outbox.unknown(row.id, str(unknown))
        else:
            self._outbox.done(row.id, sid)

    def _fail(self, row: EffectRow, why: str) -> bool:
        log.error("text_not_sent", effect=row.id, why=why)
        self._outbox.dead(row.id, why)
        return False

    def _is_wanted(self, row: EffectRow, call: Call) -> bool:
        """A code is of no use once its caller has gone, and alarms whoever wonders what it opens; a page always is."""
        if not self._to(row, call):
            return False
        if isinstance(row.effect, SendText) and row.effect.to == ON_CALL:
            return True
        if isinstance(row.effect, SendText) and row.effect.prompt == CODE_TEXT:
            return call.phase != "over"
        return call.ended_at is None or self._board.clock.now() - call.ended_at < LATEST

    # ------------------------------------------------------------ the words

    def _words(self, row: EffectRow, call: Call) -> str:
        """Return what the text says; raises Unspeakable."""
        text = self._record.text_of(row)
        pharmacy = self._board.pharmacy(call.version)
        first = pharmacy.line_of(call.line).languages[0]
        values = {"pharmacy": pharmacy.sites[call.site].title, **text.values}
        language = text.language or call.language or first
        return str(pharmacy.prompts.text(language, text.prompt, values, str(call.facts.get("tier"))))

    def _to(self, row: EffectRow, call: Call) -> str:
        """Return whom a text is for; "" when there is nobody."""
        if isinstance(row.effect, SendText) and row.effect.to == ON_CALL:
            return self._board.pharmacy(call.version).sites[call.site].on_call
        return call.caller.number or ""

    def _from(self, call: Call) -> str:
        return self._board.pharmacy(call.version).line_of(call.line).number

    # ------------------------------------------------------------ texts nobody knows about

    def _look_up(self, row: EffectRow) -> bool:
        """Ask Twilio whether the text went out after all: adopt it, or send it again, or give up."""
        loaded = self._record.load_call(row.call_id)
        if loaded is None or not self._to(row, loaded.call):
            self._outbox.dead(row.id, "there is nobody to ask after")
            return False
        try:
            found = self._found(row, loaded.call)
        except (rest.Refused, rest.Unknown) as trouble:
            log.info("text_still_unknown", effect=row.id, why=str(trouble))
            return True
        if found is not None:
            self._outbox.done(row.id, found)
        elif not self._is_wanted(row, loaded.call):
            self._outbox.dead(row.id, "not wanted any more")
        elif row.attempts < TRIES:
            self._outbox.again(row.id, 0.0, "not found")
        else:
            self._fail(row, "not found")
        return True

    def _found(self, row: EffectRow, call: Call) -> str | None:
        """Return the sid of the first text of these words since we asked that is no other effect's, of whichever call.

        Somebody may ring twice and have the same texted, and whoever is on call gets all pages.
        """
        since, body = asked_at(row, self._board.clock), self._words(row, call)
        found = self._telephone.find_texts(to=self._to(row, call), since=since)
        known = self._outbox.brought(row.kind, since_ours(row))
        # A trial account puts words of its own before ours.
        ours = (text.sid for text in reversed(found) if text.body.endswith(body) and text.sid not in known)
        return next(ours, None)
