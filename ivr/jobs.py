"""What RQ runs: one effect each, named by its id. The outbox remembers; RQ only carries."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cache
from threading import BoundedSemaphore
from typing import Any

import structlog
from redis.exceptions import RedisError
from rq import Queue
from rq.exceptions import DuplicateJobError

from ivr.core.call import Call
from ivr.core.effects import (
    CloseShared,
    CreateTask,
    DeleteRecording,
    EndLeg,
    Inquire,
    LookAfter,
    MoveCaller,
    MoveLeg,
    RecordCall,
    RequestRefill,
    RequestRenewal,
    SendNote,
    SetParticipant,
    SetTape,
    Transcribe,
    WriteDisposition,
)
from ivr.core.events import VANISHED, CallerGone, HungUp, Learned, Taped, TicketClosed, Transcribed
from ivr.core.rooms import participant
from ivr.doors import Doors
from ivr.hearing import Hearing
from ivr.live import connection
from ivr.orders import port
from ivr.parts import connect
from ivr.settings import Settings
from ivr.store import REFUSED, Conflict, EffectRow, Loaded, Unreachable
from ivr.switchboard import Switchboard
from ivr.telephony import rest
from ivr.telephony.forms import CALL_OVER
from ivr.transcripts import Transcripts, TwilioTranscripts

log = structlog.get_logger(__name__)

LEASE_SECONDS = 15.0
FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 0.5, 15.0
THREADS = 8
IN_LINE = ("holding", "dialogue", "promised")
LANES = ("telephony", "orders")
JOB_SECONDS, FORGET_SECONDS = 30, 60
TAPE_LOOK_BACK = timedelta(minutes=2)
TAPE_RUNS = ("in-progress", "paused")


class NotYet(Exception):
    """What the effect needs is on its way: a leg that is being rung has no CallSid yet."""


_AGAIN = (rest.Unknown, port.Unavailable, Conflict, NotYet)
"""What passes: nobody answered, somebody was faster, or it is too early."""


def delay_seconds(attempts: int) -> float:
    """Return how long to wait after so many attempts: half a second, doubling up to fifteen."""
    return float(min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** min(attempts - 1, 10)))


class Jobs:
    """Does repeatable effects: each again and again until it is done, proved impossible, or no longer wanted."""

    def __init__(
        self, board: Switchboard, telephone: rest.Telephone, doors: Doors, transcripts: Transcripts | None = None
    ) -> None:
        self._board = board
        self._transcripts = transcripts or TwilioTranscripts(telephone)
        self._outbox = board.record.outbox
        self._telephone = telephone
        self._doors = doors

    def run(self, effect_id: str) -> None:
        """Do an effect if it is due and free; never raises, for nobody above could do better than try again."""
        try:
            row = self._outbox.claim(effect_id, LEASE_SECONDS)
            if row is not None:
                self._finish(row)
        except Unreachable:  # the lease runs out by itself
            log.warning("job_without_record", effect=effect_id)

    def _finish(self, row: EffectRow) -> None:
        try:
            result = self._perform(row)
        except (*_AGAIN, rest.Refused, port.Refused) as trouble:
            self._put_off(row, trouble)
        except Unreachable:
            raise
        except Exception as fault:
            # Its text may quote the caller; its type does not.
            log.error("job_failed", effect=row.id, kind=row.kind, fault=type(fault).__name__)
            self._outbox.again(row.id, delay_seconds(row.attempts), type(fault).__name__)
        else:
            self._outbox.done(row.id, result)
            if row.lane == "orders":
                self._board.live.ring("relay")  # the next of this call was waiting for it

    def _put_off(self, row: EffectRow, trouble: Exception) -> None:
        for_good = isinstance(trouble, port.Refused) or (isinstance(trouble, rest.Refused) and not trouble.retry)
        if for_good:
            log.error("job_refused", effect=row.id, kind=row.kind, why=str(trouble))
            self._outbox.dead(row.id, str(trouble))
        else:
            log.info("job_put_off", effect=row.id, kind=row.kind, why=type(trouble).__name__)
            self._outbox.again(row.id, delay_seconds(row.attempts), type(trouble).__name__)

    def _perform(self, row: EffectRow) -> str:
        """Do it and return what it brought; "" for nothing worth keeping."""
        loaded = self._board.record.load_call(row.call_id)
        if loaded is None:
            return "no such call"
        call, effect = loaded.call, row.effect
        match effect:
            case MoveCaller():
                return self._move_caller(call, effect)
            case MoveLeg():
                return self._move_leg(call, effect)
            case EndLeg():
                return self._end_leg(effect)
            case Transcribe():
                return self._transcribe(call, effect)
            case DeleteRecording():
                self._telephone.forget_message(effect.recording)
                self._board.record.recordings.deleted(call.id, effect.recording, self._board.clock.now())
                return "deleted"
            case SetParticipant():
                return self._set_participant(call, effect)
            case SetTape():
                return self._set_tape(call, effect, row.attempts)
            case LookAfter():
                return self._look_after(call, effect)
            case Inquire():
                return self._inquire(call, effect)
            case CloseShared():
                self._board.tell(effect.call, TicketClosed(effect.ticket, effect.resolution))
                return "told"
        return self._tell_orders(loaded, row)

    def _tell_orders(self, loaded: Loaded, row: EffectRow) -> str:
        """Have the order system do or know something, and return what it brought."""
        call, effect = loaded.call, row.effect
        match effect:
            case RequestRefill():
                return self._request_refill(call, effect, row.id)
            case RequestRenewal():
                return self._request_renewal(call, effect, row.id)
            case CreateTask():
                return self._board.orders.create_task(_task(call.id, effect), row.id)
            case WriteDisposition():
                return self._write_disposition(loaded, effect)
            case RecordCall():
                return "a later one tells it" if self._outbox.is_overtaken(row) else self._record_call(loaded)
            case SendNote():
                return self._send_note(call, effect)
        raise ValueError(f"{row.kind} is no job")

    # ------------------------------------------------------------ the telephone

    def _move_caller(self, call: Call, effect: MoveCaller) -> str:
        """Take the caller out of the hold queue; only the first of several moves does anything."""
        sid = self._to_move(call, effect)
        if sid is None:
            return "not wanted any more"
        url = self._doors.moved(effect.leg, effect.document)
        try:
            self._telephone.move_member(call.site, sid, url)
        except rest.Refused as refused:
            if refused.retry:
                raise
            return self._move(call, effect.leg, sid, url)
        return "moved"

    def _move_leg(self, call: Call, effect: MoveLeg) -> str:
        sid = self._to_move(call, effect)
        if sid is None:
            return "not wanted any more"
        return self._move(call, effect.leg, sid, self._doors.moved(effect.leg, effect.document))

    def _move(self, call: Call, leg: str, sid: str, url: str) -> str:
        """Move a leg wherever it is, or find out that it is over and tell the call."""
        status = self._telephone.call_status(sid)
        if status is not None and status not in CALL_OVER:
            try:
                self._telephone.move_call(sid, url)
            except rest.Gone:
                status = self._telephone.call_status(sid)
            else:
                return "moved"
        if status is not None and status not in CALL_OVER:
            raise NotYet
        self._board.tell(call.id, CallerGone(leg))
        return "gone"

    def _to_move(self, call: Call, effect: MoveCaller | MoveLeg) -> str | None:
        """Return the CallSid to move; None once the leg is over or has come, for it must not be torn away again."""
        seen = self._board.record.load(effect.leg, effect.document, "moved")
        leg = call.legs[effect.leg]
        if seen is None or seen.reply is not None or leg.state == "over":
            return None
        if isinstance(effect, MoveCaller) and not _is_awaited(call):
            return None
        if isinstance(effect, MoveLeg) and leg.documents > effect.document:  # they have asked since, and know
            return None
        if seen.call_sid is None:
            raise NotYet
        return seen.call_sid

    def _set_participant(self, call: Call, effect: SetParticipant) -> str:
        """Let a leg in a room be heard by whom it should be now, once it is there."""
        may = participant(call, effect.leg)
        if may is None:
            return "not wanted any more"
        room, muted, ends, coached = may
        coaching = self._sid_of(coached) if coached else ""
        try:
            self._telephone.participant(room, self._sid_of(effect.leg), muted=muted, ends=ends, coaching=coaching)
        except rest.Gone:
            raise NotYet from None
        return "set"

    def _set_tape(self, call: Call, effect: SetTape, attempts: int) -> str:
        """Have a leg recorded, or not just now, as its call says."""
        if call.legs[effect.leg].state == "over":
            return "not wanted any more"
        sid = self._sid_of(effect.leg)
        if effect.leg not in call.tapes:
            return self._start_tape(call, effect.leg, sid, attempts)
        turn = {
            "on": self._telephone.resume_recording,
            "paused": self._telephone.pause_recording,
            "stopped": self._telephone.stop_recording,
        }[call.tape]
        turn(sid)
        return call.tape

    def _start_tape(self, call: Call, leg: str, sid: str, attempts: int) -> str:
        if call.tape != "on":  # another job may be about to start it, and then it is paused or stopped at once
            raise NotYet
        recording = self._running_tape(sid) if attempts > 1 else None
        recording = recording or self._telephone.start_recording(sid, self._doors.status(leg))
        self._board.tell(call.id, Taped(leg, recording))
        return recording

    def _running_tape(self, sid: str) -> str | None:
        """Return the recording that an earlier attempt started after all: two would be hard to pause."""
        made = self._telephone.recordings_since(self._board.clock.now() - TAPE_LOOK_BACK)
        return next((each.sid for each in made if each.call_sid == sid and each.status in TAPE_RUNS), None)

    def _look_after(self, call: Call, effect: LookAfter) -> str:
        """Find out whether a leg is over that we have heard nothing of."""
        seen = self._board.record.load(effect.leg, 0, "status")
        if seen is None or seen.call_sid is None or call.legs[effect.leg].state == "over":
            return "not wanted any more"
        status = self._telephone.call_status(seen.call_sid)
        if status is not None and status not in CALL_OVER:
            return "there"
        self._board.tell(call.id, HungUp(effect.leg, VANISHED))
        return "gone"

    def _sid_of(self, leg: str) -> str:
        seen = self._board.record.load(leg, 0, "status")
        if seen is None or seen.call_sid is None:
            raise NotYet
        return seen.call_sid

    def _end_leg(self, effect: EndLeg) -> str:
        seen = self._board.record.load(effect.leg, 0, "status")
        if seen is not None and seen.call_sid is not None:
            self._telephone.end_call(seen.call_sid)
            return "ended"
        # Not rung yet: whoever rings it reads first that it is no longer wanted. Being rung: soon we know its CallSid.
        placing = self._outbox.effect_of_leg(effect.leg)
        if placing is not None and placing.state in ("leased", "sending", "unknown"):
            raise NotYet
        return "never rung"

    def _transcribe(self, call: Call, effect: Transcribe) -> str:
        """Look once more for a transcript that did not come; a message without one is worked by ear."""
        words = self._transcripts.of(effect.recording)
        if not words:
            return "there is none"
        leg = next(token for token, leg in call.legs.items() if leg.kind == "caller")
        self._board.tidings.transcribed(Transcribed(leg, effect.recording, words))
        return "found"

    # ------------------------------------------------------------ the order system

    def _inquire(self, call: Call, effect: Inquire) -> str:
        if call.phase == "over":
            return "not wanted any more"
        answer = self._board.inquire(effect.ask, call)
        if answer is None:
            raise port.Unavailable
        self._board.record.keep_answer(call.id, effect.ask, answer, self._board.clock.now())
        if call.phase in IN_LINE:  # they went on without it
            self._board.tell(call.id, Learned(effect.ask))
        return "answered"

    def _request_refill(self, call: Call, effect: RequestRefill, key: str) -> str:
        """Place the refill; what the caller was told and the order system then refuses becomes staff's work."""
        try:
            return self._board.orders.request_refill(effect.prescription, call.id, key)
        except port.Refused as refused:
            if refused.code == "already_in_process":
                return refused.code
            return REFUSED + self._for_staff("refill_refused", call.id, effect, refused.code, f"{key}.refused")

    def _request_renewal(self, call: Call, effect: RequestRenewal, key: str) -> str:
        """Ask the prescriber; whatever stands against it but that they have been asked already is staff's work."""
        try:
            return self._board.orders.request_renewal(effect.prescription, call.id, key)
        except port.Refused as refused:
            if refused.code == port.RENEWAL_OPEN:
                return refused.code
            return REFUSED + self._for_staff("renewal_refused", call.id, effect, refused.code, f"{key}.refused")

    def _for_staff(self, what: str, call_id: str, effect: RequestRefill | RequestRenewal, reason: str, key: str) -> str:
        task = _task(call_id, CreateTask(what, about=effect.about))
        body = {**task, "prescription_id": effect.prescription, "reason": reason}
        try:
            return self._board.orders.create_task(body, key)
        except port.Refused as refused:
            if refused.code != port.KEY_REUSED:
                raise
            return "task made before, for another reason"

    def _write_disposition(self, loaded: Loaded, effect: WriteDisposition) -> str:
        call = loaded.call
        self._board.orders.write_disposition(call.id, dict(effect.body), f"{call.id}:{effect.revision}")
        self._record_call(loaded)
        return "written"

    def _record_call(self, loaded: Loaded) -> str:
        """Have the whole call kept as it stands by now, so that one told late says nothing older."""
        try:
            self._board.orders.record_call(loaded.call.id, self._board.call_record(loaded))
        except port.Refused as refused:  # not every order system keeps calls; all keep dispositions
            return self._not_kept(refused, "call_not_recorded", loaded.call.id)
        return f"revision {loaded.rev}"

    def _send_note(self, call: Call, effect: SendNote) -> str:
        note = self._board.record.revisions.note(call.id, effect.nth)
        if note is None:
            return "kept no longer"
        body = {"text": note.words, "author": note.by, "at": note.at.isoformat(), "revision": note.revision}
        try:
            self._board.orders.add_note(call.id, body, f"{call.id}:note:{effect.nth}")
        except port.Refused as refused:  # not every order system takes notes; ours has it for good
            return self._not_kept(refused, "note_not_taken", call.id, nth=effect.nth)
        return "written"

    def _not_kept(self, refused: port.Refused, what: str, call_id: str, **which: int) -> str:
        """An order system that refuses is asked what it serves at all, so that the rest is not even put to it."""
        if refused.code != port.NOT_SERVED:
            log.warning(what, call=call_id, why=refused.code, **which)
            with contextlib.suppress(port.Unavailable, port.Refused):
                self._board.orders.capabilities()
        return f"not kept: {refused.code}"


def _is_awaited(call: Call) -> bool:
    """Is there still somebody to meet the caller, or something to tell them, away from the hold music?"""
    moved = call.ticket is not None and call.ticket.state == "moved"
    return moved or call.phase in ("connecting", "dialogue") or (call.phase == "holding" and call.dialogue == "nobody")


def _task(call_id: str, effect: CreateTask) -> Mapping[str, Any]:
    return {"what": effect.what, "urgent": effect.urgent, "call_id": call_id, **effect.about}


# ---------------------------------------------------------------- how they get there


class Queues:
    """RQ's queues, one for each lane that it carries."""

    def __init__(self, redis_url: str) -> None:
        redis = connection(redis_url)
        self._queues = {lane: Queue(lane, connection=redis) for lane in LANES}

    def put(self, row: EffectRow) -> bool:
        """Queue an effect, once for each attempt; False when Redis is not there."""
        try:
            self._queues[row.lane].enqueue_call(
                run,
                args=(row.id,),
                job_id=job_id(row),
                unique=True,
                description=row.kind,
                at_front=row.kind == "Inquire",  # a caller listens to the silence
                timeout=JOB_SECONDS,
                ttl=FORGET_SECONDS,
                result_ttl=0,
                failure_ttl=FORGET_SECONDS,
            )
        except DuplicateJobError:
            return True
        except RedisError:
            return False
        return True


def job_id(row: EffectRow) -> str:
    """Return the id of one attempt's job. RQ takes letters, digits, `-` and `_` only."""
    return f"{row.id.replace('.', '-')}-{row.attempts}"


# ---------------------------------------------------------------- who runs them


class Crew:
    """A few threads doing jobs side by side, so that no call waits for another's slow answer."""

    def __init__(self, jobs: Jobs, threads: int = THREADS) -> None:
        self._jobs = jobs
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="job")
        self._room = BoundedSemaphore(2 * threads)

    def hand(self, effect_id: str, patience_seconds: float = 0.0) -> bool:
        """Give the crew a job; False when it has its hands full for longer than that."""
        if not self._room.acquire(timeout=patience_seconds):
            return False
        self._threads.submit(self._do, effect_id)
        return True

    def close(self) -> None:
        """Wait for the jobs under way; those not begun stay due."""
        self._threads.shutdown(cancel_futures=True)

    def _do(self, effect_id: str) -> None:
        try:
            self._jobs.run(effect_id)
        finally:
            self._room.release()


@cache
def crew() -> Crew:
    """Return this process's crew, by the environment's settings."""
    settings = Settings.from_environment()
    # It takes up calls that have a version of their own already, so it need not follow what is published.
    jobs = Jobs(connect(settings, Hearing()), rest.Telephone.from_settings(settings), Doors.from_settings(settings))
    return Crew(jobs)


def run(effect_id: str) -> None:
    """What RQ calls. A job it loses, or we have no room for, is found due by the relay a moment later."""
    crew().hand(effect_id, LEASE_SECONDS)
