"""A town of phones in one thread: callers who ring a line over real HTTP, the staff's phones, and the carrier between.

It follows TwiML in real time as Twilio does, and `bench.carrier` serves the REST calls a line makes; everything in one
event loop, so that hundreds of calls at once cost the machine little beside the line under test.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil
from random import Random
from typing import Any, TypeVar
from xml.etree import ElementTree

from bench.rooms import Room, Seat
from bench.wire import Fields, Wire

__all__ = ["Happening", "Owner", "Phone", "Town"]

WORDS_A_SECOND = 3.0
MUSIC_SECONDS, SHORT_MUSIC_SECONDS = 20.0, 5.0
RING_SECONDS = 2.0
NOTEWORTHY_SECONDS = 1.0

Element = ElementTree.Element
Done = TypeVar("Done")


class HungUp(Exception):
    """The phone is down."""


class RanOut(HungUp):
    """The document has ended, and says nothing of what comes next."""


class Moved(Exception):
    """Our own word took the leg to another document."""


class Left(Exception):
    """A document inside a queue says that the caller leaves it."""


class Owner:
    """Whoever holds a phone. This one presses keys in order, one at each question, and then listens."""

    def __init__(self, keys: list[str] | None = None, thinks_seconds: float = 3.0, talk_seconds: float = 60.0) -> None:
        self.keys = keys or []
        self.thinks_seconds = thinks_seconds
        self.talk_seconds = talk_seconds

    async def rung(self, phone: Phone) -> str:
        """What becomes of their ringing phone: `in-progress` or `busy`; who never hears it never returns."""
        await asyncio.sleep(RING_SECONDS)
        return "in-progress"

    async def asked(self, phone: Phone, words: str) -> str | None:
        """The keys for a question that ends in these words, or what is said to it; None to listen on."""
        if not self.keys:
            return None
        await asyncio.sleep(self.thinks_seconds)
        return self.keys.pop(0)

    async def hears(self, phone: Phone, words: str) -> None:
        """They have begun to hear these words."""

    async def talks(self, phone: Phone, seat: Seat) -> str:
        """What they do once they talk: "" to hang up, or a star."""
        await seat.company.wait()
        await asyncio.sleep(self.talk_seconds)
        return ""

    async def dictates(self, phone: Phone) -> float:
        """How many seconds they speak after the beep."""
        return 8.0


@dataclass
class Phone:
    """A leg, and what it has come to."""

    sid: str
    number: str
    line: str
    direction: str
    owner: Owner
    status_url: str
    status: str = "ringing"
    goto: str = ""
    machine: str = ""  # what the carrier says of who picked up, where it was asked to find out
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    quiet_since: float | None = None
    longest_silence: float = 0.0
    silent_until: float = 0.0  # when that ended
    silences: list[tuple[float, float]] = field(default_factory=list)  # those of some length: since when, until when
    served: bool = False
    hung_up_themselves: bool = False
    began_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def seconds(self) -> int:
        """How long it was up, rounded up as the carrier does."""
        up = self.ended_at - self.answered_at if self.ended_at and self.answered_at else timedelta()
        return ceil(up.total_seconds())

    @property
    def is_over(self) -> bool:
        return self.status in ("completed", "busy", "no-answer", "canceled", "failed")

    def fields(self) -> Fields:
        from_, to = (self.number, self.line) if self.direction == "inbound" else (self.line, self.number)
        return {"CallSid": self.sid, "From": from_, "To": to, "CallStatus": self.status, "Direction": self.direction}

    def move(self, url: str) -> None:
        """Send the leg to another document; to none, and it is hung up."""
        self.goto = url
        self.moved.set()

    def hang_up(self) -> None:
        """Its owner puts it down."""
        self.hung_up_themselves = True
        self.move("")

    def is_quiet(self) -> None:
        if self.quiet_since is None:
            self.quiet_since = time.perf_counter()

    def is_heard(self) -> None:
        if self.quiet_since is not None:
            now, since, self.quiet_since = time.perf_counter(), self.quiet_since, None
            if now - since > NOTEWORTHY_SECONDS:
                self.silences.append((time.monotonic() - (now - since), time.monotonic()))
            if now - since > self.longest_silence:
                self.longest_silence, self.silent_until = now - since, time.monotonic()


@dataclass(frozen=True, slots=True)
class Happening:
    """Something the carrier saw: its own log, which knows nothing of the line's record."""

    at: float
    what: str
    sid: str
    detail: str = ""


class Town:
    """Everybody with a phone, and what the carrier sees of it. `owner_of` says who picks up a number we ring.

    `pace` is how long a second of sound and waiting takes, in seconds.
    """

    def __init__(
        self, wire: Wire, random: Random, owner_of: Callable[[str], Owner] | None = None, pace: float = 1.0
    ) -> None:
        self.wire = wire
        self.random = random
        self.owner_of = owner_of or (lambda number: Owner(["1"], talk_seconds=3600))
        self.pace = pace
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.phones: dict[str, Phone] = {}
        self.queue: dict[str, float] = {}
        self.rooms: dict[str, Room] = {}
        self.recordings: list[Fields] = []
        self.texts: list[Fields] = []
        self.log: list[Happening] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self.placed = self.talks = 0
        self._numbers = 0

    # ------------------------------------------------------------ calls

    def sid(self, kind: str = "CA") -> str:
        self._numbers += 1
        return f"{kind}{self._numbers:032x}"

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Let something happen by the way."""
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def empties(self) -> None:
        """Let go of everything that is still going on."""
        while self.tasks:
            tasks = list(self.tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def notes(self, phone: Phone, what: str, detail: str = "") -> None:
        self.log.append(Happening(time.monotonic(), what, phone.sid, detail))

    async def dials(self, phone: Phone, first_url: str, seconds: float) -> None:
        """Ring the line, do what one does, and hang up after so long at the latest."""
        self._begins(phone)
        with suppress(HungUp):
            try:
                async with asyncio.timeout(seconds):
                    await self._lives(phone, first_url)
            except TimeoutError:
                phone.hung_up_themselves = True
        self._over(phone, "completed")

    async def rung(self, phone: Phone, url: str, seconds: float) -> None:
        """A phone the line rings: it is picked up or not, and its owner does what they do."""
        self._begins(phone)
        self._tells_state(phone, "ringing")
        how = await self._rings(phone, seconds)
        if how == "in-progress":
            phone.status = how
            self._tells_state(phone, how)
            with suppress(HungUp):
                await self._lives(phone, url)
            how = "completed"
        self._over(phone, how)

    def _begins(self, phone: Phone) -> None:
        self.phones[phone.sid] = phone
        phone.began_at = self.now()
        self.notes(phone, "rings", phone.number)

    async def _rings(self, phone: Phone, seconds: float) -> str:
        try:
            async with asyncio.timeout(seconds * self.pace):
                return await self._either(phone, phone.owner.rung(phone))
        except TimeoutError:
            return "no-answer"
        except (HungUp, Moved):
            return "canceled"

    async def _lives(self, phone: Phone, url: str) -> None:
        phone.status, phone.answered_at = "in-progress", self.now()
        more = {"AnsweredBy": phone.machine} if phone.machine else {}
        document = await self._ask(phone, url, more)
        while True:
            try:
                document = await self._plays(phone, document)
            except Moved:
                document = await self._ask(phone, phone.goto, {})

    def _over(self, phone: Phone, status: str) -> None:
        phone.status = status
        phone.ended_at = self.now()
        phone.is_heard()
        self.queue.pop(phone.sid, None)
        self.notes(phone, "over", status)
        self._tells_state(phone, status)

    def _tells_state(self, phone: Phone, status: str) -> None:
        if phone.direction == "inbound" and status != "completed":
            return
        seconds = {"CallDuration": str(phone.seconds)} if status == "completed" else {}
        self.start(self.wire.tell(phone.status_url, {**phone.fields(), "CallStatus": status, **seconds}))

    async def _ask(self, phone: Phone, url: str, more: Fields) -> Element:
        phone.is_quiet()
        self.notes(phone, "asks", url.partition("#")[0])
        return await self.wire.post(url, {**phone.fields(), **more})

    # ------------------------------------------------------------ time

    async def _hears(self, phone: Phone, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds * self.pace):
                await phone.moved.wait()
        self._if_moved(phone)

    async def _either(self, phone: Phone, work: Awaitable[Done]) -> Done:
        """Wait for what somebody does, unless the leg is moved before."""
        does, moves = asyncio.ensure_future(work), asyncio.ensure_future(phone.moved.wait())
        try:
            await asyncio.wait({does, moves}, return_when=asyncio.FIRST_COMPLETED)
            self._if_moved(phone)
            return does.result()
        finally:
            does.cancel()
            moves.cancel()

    def _if_moved(self, phone: Phone) -> None:
        if phone.moved.is_set():
            phone.moved.clear()
            raise Moved if phone.goto else HungUp

    # ------------------------------------------------------------ TwiML

    async def _plays(self, phone: Phone, document: Element) -> Element:
        for verb in document:
            match verb.tag:
                case "Say" | "Play" | "Pause":
                    await self._sounds(phone, verb)
                case "Gather":
                    answer = await self._gathers(phone, verb)
                    if answer is not None:
                        return await self._ask(phone, verb.get("action", ""), answer)
                case "Redirect":
                    return await self._ask(phone, verb.text or "", {})
                case "Enqueue":
                    return await self._enqueued(phone, verb)
                case "Dial":
                    answer = await self._dialled(phone, verb)
                    if verb.get("action"):
                        return await self._ask(phone, verb.get("action", ""), answer)
                case "Record":
                    return await self._records(phone, verb)
                case "Leave":
                    raise Left
                case "Hangup":
                    raise HungUp
        raise RanOut

    async def _sounds(self, phone: Phone, verb: Element) -> None:
        if verb.tag != "Pause":
            words = _words(verb)
            phone.is_heard()
            self.notes(phone, "hears", words)
            await phone.owner.hears(phone, words)
        await self._hears(phone, _seconds(verb))

    async def _gathers(self, phone: Phone, gather: Element) -> Fields | None:
        words = " ".join(_words(verb) for verb in gather)
        if words:
            phone.is_heard()
            self.notes(phone, "hears", words)
            await phone.owner.hears(phone, words)
        listens = sum(_seconds(verb) for verb in gather) + _timeout(gather)
        keys: str | None = None
        with suppress(TimeoutError):
            async with asyncio.timeout(listens * self.pace):
                keys = await self._either(phone, phone.owner.asked(phone, words))
                if keys is None:
                    await self._hears(phone, listens)
        if keys is not None:
            self.notes(phone, "answers", keys)
            return {"SpeechResult": keys, "Confidence": "0.9"} if keys[:1].isalpha() else {"Digits": keys}
        return {} if gather.get("actionOnEmptyResult") == "true" else None

    async def _records(self, phone: Phone, verb: Element) -> Element:
        phone.is_heard()
        seconds = await phone.owner.dictates(phone)
        recording = {"sid": self.sid("RE"), "call_sid": phone.sid, "status": "completed", "duration": str(int(seconds))}
        await self._hears(phone, seconds)
        self.recordings.append({**recording, "date_created": self.now().isoformat()})
        self.notes(phone, "message", recording["sid"])
        told = {"RecordingSid": recording["sid"], "RecordingDuration": recording["duration"]}
        return await self._ask(phone, verb.get("action", ""), told)

    # ------------------------------------------------------------ the hold queue

    async def _enqueued(self, phone: Phone, verb: Element) -> Element:
        self.queue[phone.sid] = began = time.monotonic()
        self.notes(phone, "queued")
        action, wait = verb.get("action", ""), verb.get("waitUrl", "")
        try:
            while True:  # a wait document that has run out is asked for again
                seconds = str(int(time.monotonic() - began))
                document = await self._ask(phone, wait, {"QueueTime": seconds, "QueuePosition": "1"})
                await self._waits(phone, document)
        except Left:
            return await self._ask(phone, action, {"QueueResult": "leave", "QueueTime": "1"})
        except Moved:
            self._notice(action, {**phone.fields(), "QueueResult": "redirected", "QueueTime": "1"})
            raise
        except (HungUp, asyncio.CancelledError):
            over = {**phone.fields(), "CallStatus": "completed"}
            self._notice(action, {**over, "QueueResult": "hangup", "QueueTime": "1"})
            raise
        finally:
            self.queue.pop(phone.sid, None)
            self.notes(phone, "left the queue")

    async def _waits(self, phone: Phone, document: Element) -> None:
        with suppress(RanOut):
            while True:
                document = await self._plays(phone, document)

    def _notice(self, url: str, fields: Fields) -> None:
        self.start(self.wire.tell(url, fields))

    # ------------------------------------------------------------ rooms and other numbers

    async def _dialled(self, phone: Phone, verb: Element) -> Fields:
        noun = verb.find("Conference")
        if noun is None:
            return await self._puts_through(phone, verb)
        room = self.rooms.setdefault(noun.text or "", Room(noun.text or "", self.sid("CF")))
        seat = self._enters(room, phone, noun)
        try:
            how = await self._either(phone, self._in_room(phone, seat))
            if how == "" or (how == "*" and verb.get("hangupOnStar") != "true"):
                phone.hung_up_themselves = True
                raise HungUp
        except (HungUp, asyncio.CancelledError):
            over = {**phone.fields(), "CallStatus": "completed"}
            self._notice(verb.get("action", ""), {**over, "DialCallStatus": "completed"})
            raise
        finally:
            self._leaves(room, seat)
        return {"DialCallStatus": "answered"}

    async def _in_room(self, phone: Phone, seat: Seat) -> str:
        """Wait until they hang up, press a star, or the room has ended for them."""
        talks, out = asyncio.ensure_future(phone.owner.talks(phone, seat)), asyncio.ensure_future(seat.out.wait())
        try:
            await asyncio.wait({talks, out}, return_when=asyncio.FIRST_COMPLETED)
            return "out" if seat.out.is_set() else talks.result()
        finally:
            talks.cancel()
            out.cancel()

    def _enters(self, room: Room, phone: Phone, noun: Element) -> Seat:
        seat = Seat(phone.sid, noun.get("endConferenceOnExit") == "true")
        before = len(room.seats)
        room.enter(seat)
        self.notes(phone, "enters", room.name)
        if before == 0:
            phone.is_heard() if noun.get("waitUrl") else phone.is_quiet()
            return seat
        self.talks += before == 1
        for sid in room.seats:
            self.phones[sid].is_heard()
            self.phones[sid].served = True
        return seat

    def _leaves(self, room: Room, seat: Seat) -> None:
        self.notes(self.phones[seat.sid], "leaves", room.name)
        room.leave(seat)
        if not room.seats and self.rooms.get(room.name) is room:
            del self.rooms[room.name]

    async def _puts_through(self, phone: Phone, verb: Element) -> Fields:
        number = "".join(verb.itertext()).strip()
        other = Phone(self.sid(), number, phone.line, "outbound-dial", self.owner_of(number), "")
        self.notes(phone, "dials", number)
        phone.is_heard()
        how = await self._rings(other, float(verb.get("timeout", "30")))
        if how != "in-progress":
            return {"DialCallStatus": how}
        phone.served = True
        self.notes(phone, "put through", number)
        await self._hears(phone, 5)
        if not verb.get("action"):  # they have talked, and do not listen to what would come next
            phone.hang_up()
            self._if_moved(phone)
        return {"DialCallStatus": "completed"}


def _words(verb: Element) -> str:
    return "music" if verb.tag == "Play" else " ".join("".join(verb.itertext()).split())


def _timeout(gather: Element) -> float:
    return float(gather.get("timeout", "5"))


def _seconds(verb: Element) -> float:
    match verb.tag:
        case "Pause":
            return float(verb.get("length", "1"))
        case "Play":
            return SHORT_MUSIC_SECONDS if "short" in (verb.text or "") else MUSIC_SECONDS
    return max(0.5, len("".join(verb.itertext()).split()) / WORDS_A_SECOND)
