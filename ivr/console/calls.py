"""Calls as supervisors and auditors read them, and what staff add to one afterwards."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from flask import Response, jsonify, request
from flask.typing import ResponseReturnValue

from ivr.console import bodies
from ivr.console.acting import as_problem, key_of
from ivr.console.authorisation import EVERYWHERE, LEADS, role_missing
from ivr.console.bodies import AmendBody, NoteBody, read_body, read_query
from ivr.console.problems import Problem
from ivr.console.story import story
from ivr.core import amending
from ivr.core.call import Call
from ivr.core.line import Agent
from ivr.presence import Refused
from ivr.store import Conflict, Entry
from ivr.switchboard import Switchboard

_CALL_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")


class Calls:
    """The views of a call; each is given who asks."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board
        self._record = board.record

    def story(self, who: Agent, call_id: str) -> ResponseReturnValue:
        read_query(bodies.NoQuery, request)
        self._seen(who, call_id)
        self._record.staff.keep(Entry(who.id, "api", "story", f"call:{call_id}"), self._board.clock.now())
        return jsonify(story(self._board, call_id))

    def note(self, who: Agent, call_id: str) -> ResponseReturnValue:
        body = read_body(NoteBody, request)
        self._theirs(who, call_id)
        write = self._board.deeds.note
        return self._once(
            who,
            call_id,
            Entry(who.id, "api", "note", f"call:{call_id}"),
            body.text,
            lambda key: write(call_id, body.text, who.id, key=key),
        )

    def amend(self, who: Agent, call_id: str) -> ResponseReturnValue:
        body = read_body(AmendBody, request)
        self._theirs(who, call_id)
        changes = _changes(body)
        return self._once(
            who,
            call_id,
            Entry(who.id, "api", "amend", f"call:{call_id}", amending.told(changes)),
            body.why,
            lambda key: self._board.deeds.amend(call_id, changes, body.why, who.id, key=key),
        )

    # ------------------------------------------------------------ once

    def _once(
        self, who: Agent, call_id: str, entry: Entry, words: str, do: Callable[[str | None], object]
    ) -> ResponseReturnValue:
        """Write it; under an Idempotency-Key once only, however often and however much at once it is asked."""
        key = key_of(who)
        if key is not None and self._was_done(key, call_id, entry, words):
            return self._again(call_id)
        try:
            do(key)
        except (Refused, Conflict) as refused:
            if key is not None and self._was_done(key, call_id, entry, words):
                return self._again(call_id)
            raise as_problem(refused) from None
        return self._now(call_id)

    def _was_done(self, key: str, call_id: str, wanted: Entry, words: str) -> bool:
        """Was just this done under the key? What was written is in no audit, so it is looked for among the notes."""
        kept = self._record.staff.under(key)
        if kept is None:
            return False
        done, notes = kept.entry, self._record.revisions.notes(call_id)
        is_same = (done.act, done.subject, done.detail) == (wanted.act, wanted.subject, wanted.detail)
        if not (is_same and any(note.by == wanted.by and note.words == words for note in notes)):
            raise Problem(422, "key_used", "something else was done under this Idempotency-Key")
        return True

    def _again(self, call_id: str) -> Response:
        answer = self._now(call_id)
        answer.headers["Idempotent-Replayed"] = "true"
        return answer

    def _now(self, call_id: str) -> Response:
        """How many notes there are by now, and what the disposition says."""
        loaded = self._record.load_call(call_id)
        assert loaded is not None  # calls are kept
        newest = self._record.dispositions(call_id)
        says = dict(newest[0].body) if newest else None
        return jsonify(call_id=call_id, notes=loaded.call.notes, disposition=says)

    # ------------------------------------------------------------ who may

    def known(self, call_id: str) -> Call | None:
        """Return a call whoever asks; None for none, and for what no id of ours looks like."""
        loaded = self._record.load_call(call_id) if _CALL_ID.fullmatch(call_id) else None
        return loaded.call if loaded else None

    def _seen(self, who: Agent, call_id: str) -> Call:
        call = self.known(call_id)
        if call is None:
            raise Problem(404, "no_such_call", "no call has this id")
        if who.role not in EVERYWHERE and call.site != who.site:
            raise role_missing(EVERYWHERE, "another site's call")
        return call

    def _theirs(self, who: Agent, call_id: str) -> None:
        """Whoever talked with the caller may add to the call, and so may those who lead."""
        call = self._seen(who, call_id)
        if who.role not in LEADS and who.id not in call.agents:
            raise role_missing(LEADS, "a call you did not take")


def _changes(body: AmendBody) -> Mapping[str, str]:
    told = body.model_dump(exclude={"why", "due_at"}, exclude_none=True)
    return {**told, **({"due_at": body.due_at.isoformat()} if body.due_at else {})}
