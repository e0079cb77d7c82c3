"""A small Twilio for tests, written from Twilio's manual and from nothing of ours: it plays the world outside.

It answers the REST calls a line makes, keeps phones, and follows TwiML as Twilio does. Only time is its own: music
and pauses are over at once, and a question stays open until the test answers it.
"""

from __future__ import annotations

import hmac
import json
import random
import re
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.etree import ElementTree

ACCOUNT = "AC" + "5" * 32
FORM = "application/x-www-form-urlencoded"
OVER = {"completed", "busy", "failed", "no-answer", "canceled"}
MOST_TWIML_BYTES = 64 * 1024

# What each verb may hold, and what may be said to a caller who waits in a queue.
SOUND = {"Say", "Play", "Pause"}
MANNER = {"break", "emphasis", "lang", "p", "prosody", "s", "say-as", "sub", "w"}
INSIDE = {
    "Response": SOUND | {"Gather", "Record", "Dial", "Enqueue", "Leave", "Redirect", "Hangup", "Reject"},
    "Gather": SOUND,
    "Say": MANNER,
    "prosody": MANNER,
    "Dial": {"Number", "Sip", "Client", "Conference"},
}
ON_HOLD = SOUND | {"Gather", "Leave", "Redirect", "Hangup"}
KEYED_BY_NAME = {"star": "*", "pound": "#"}

Fields = Sequence[tuple[str | bytes, str | bytes]]


# ---------------------------------------------------------------- one signed request


@dataclass(frozen=True)
class Reply:
    """What a door answered."""

    status: int
    kind: str
    body: bytes

    @property
    def twiml(self) -> ElementTree.Element:
        """The document in it; AssertionError, as Twilio would end the call, when it is none."""
        assert self.status == 200, f"Twilio error 11200: status {self.status}"
        assert self.kind.partition(";")[0] == "text/xml", f"Twilio error 12300: {self.kind}"
        assert len(self.body) <= MOST_TWIML_BYTES, "Twilio error 11750: too large"
        document = ElementTree.fromstring(self.body)
        assert document.tag == "Response", f"Twilio error 12102: {document.tag}"
        for parent in document.iter():
            wrong = [child.tag for child in parent if child.tag not in INSIDE.get(parent.tag, ())]
            assert not wrong, f"Twilio warning 12200: {wrong} inside {parent.tag}"
        return document


def signature(secret: str, url: str, fields: Fields = (), digest: str = "sha1") -> str:
    """Sign as Twilio does: the URL without fragment, then every distinct field with its value, sorted by name."""
    pairs = sorted({(_bytes(name), _bytes(value)) for name, value in fields})
    signed = url.partition("#")[0].encode() + b"".join(name + value for name, value in pairs)
    return b64encode(hmac.digest(secret.encode(), signed, digest)).decode()


def send(
    url: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "POST",
    to: str | None = None,
    seconds: float = 15,
) -> Reply:
    """Send a request with exactly this path and these headers; `to` is the origin to connect to, else the URL's."""
    asked = urlsplit(url)
    there = urlsplit(to or url)
    assert there.hostname is not None
    connection = HTTPConnection(there.hostname, there.port, timeout=seconds)
    try:
        path = f"{asked.path}?{asked.query}" if asked.query else asked.path
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": asked.netloc, "Content-Length": str(len(body)), **(headers or {})}.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        return Reply(response.status, response.headers.get("Content-Type", ""), response.read())
    finally:
        connection.close()


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


# ---------------------------------------------------------------- the exchange


@dataclass
class Held:
    """A status callback kept back for the test to deliver when it likes."""

    url: str
    fields: dict[str, str]


@dataclass
class Queue:
    sid: str
    name: str
    size: int = 1000
    members: list[Phone] = field(default_factory=list)


class Carrier:
    """Phones, queues and rooms of one account. `deliveries` is how often each webhook comes: `once`, `twice` (one
    after the other) or `at once` (two at the same moment)."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.line = ""  # the public URL whose doors the numbers point at
        self.deliveries = "once"
        self.moves_take_seconds = 0.0  # until a member update does anything
        self.status_comes = "soon"  # soon, in no certain order · first, before anything else of that moment · held
        self.held: list[Held] = []
        self.phones: dict[str, Phone] = {}
        self.unanswered: list[Phone] = []  # phones the line rings, which no test has taken up yet
        self.queues: dict[str, Queue] = {}
        self.rooms: dict[str, list[Phone]] = {}
        self.replies: list[tuple[str, dict[str, str], Reply]] = []  # every webhook sent, and its answer
        self.requests: list[tuple[str, str, dict[str, str]]] = []  # every REST request: method, path, fields
        self.faults: list[str] = []
        self.chance = random.Random(5)
        self.lock = threading.RLock()
        self._soon = ThreadPoolExecutor(16, thread_name_prefix="carrier")
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _rest(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where the REST API answers."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop answering."""
        self._soon.shutdown(cancel_futures=True)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    # -- what tests do

    def dials(self, to: str, caller: str, **fields: str) -> Phone:
        """Somebody rings one of the line's numbers and hears the first document."""
        phone = self._phone(caller, to, "inbound", f"{self.line}/voice/incoming", f"{self.line}/voice/status", fields)
        phone.events = ("completed",)
        phone.picks_up()
        return phone

    def rings(self, *, to: str = "", seconds: float = 30) -> Phone:
        """Wait for the line to ring somebody, and return that phone."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with self.lock:
                for phone in self.unanswered:
                    if to in ("", phone.to) and phone.status not in OVER:
                        self.unanswered.remove(phone)
                        return phone
            time.sleep(0.02)
        raise AssertionError(f"nobody was rung within {seconds} s")

    def twin(self, phone: Phone) -> Phone:
        """The same call placed a second time, as after a lost answer: another CallSid on the same URLs."""
        twin = self._phone(phone.caller, phone.to, phone.direction, phone.url, phone.status_url, {})
        twin.events = phone.events
        return twin

    def quiet_down(self) -> None:
        """Everybody still on the phone hangs up, and what was held is forgotten."""
        self.deliveries, self.status_comes, self.moves_take_seconds = "once", "soon", 0.0
        for phone in list(self.phones.values()):
            if phone.status not in OVER:
                phone.hangs_up()
        self.unanswered.clear()
        self.held.clear()

    # -- webhooks

    def post(self, url: str, fields: dict[str, str], *, view: bool = False) -> Reply:
        """Send a signed webhook as often as `deliveries` says; all must get the same answer, but for views."""
        if self.deliveries == "at once":
            with ThreadPoolExecutor(2) as both:
                replies = [sent.result() for sent in [both.submit(self.send_once, url, fields) for _ in range(2)]]
        else:
            replies = [self.send_once(url, fields) for _ in range(2 if self.deliveries == "twice" else 1)]
        if not view and len({(reply.status, reply.body) for reply in replies}) > 1:
            self.faults.append(f"a second delivery got another reply: {[reply.body for reply in replies]}")
        return replies[0]

    def send_once(self, url: str, fields: dict[str, str]) -> Reply:
        """Send one signed webhook."""
        pairs = list(fields.items())
        headers = {"Content-Type": FORM, "X-Twilio-Signature": signature(self.secret, url, pairs)}
        reply = send(url, urlencode(pairs).encode(), headers)
        self.replies.append((url, fields, reply))
        return reply

    def report(self, phone: Phone, fields: dict[str, str]) -> None:
        """Tell the line what became of a phone: in a request of its own, so in no certain order."""
        told = Held(phone.status_url, fields)
        match self.status_comes:
            case "held":
                self.held.append(told)
            case "first":
                self.deliver(told)
            case _:
                self.soon(lambda: self.deliver(told))

    def deliver(self, held: Held) -> None:
        """Deliver a status callback now."""
        assert self.post(held.url, held.fields).status in (200, 204)

    def deliver_now(self, phone: Phone, status: str) -> None:
        """Say what became of a phone, true or not."""
        self.deliver(Held(phone.status_url, phone.form(CallStatus=status, CallDuration="3600", SequenceNumber="3")))

    def soon(self, act: Callable[[], object]) -> None:
        """Do it in a moment, on a thread of our own."""

        def safely() -> None:
            try:
                act()
            except Exception as fault:
                self.faults.append(f"{type(fault).__name__}: {fault}")

        self._soon.submit(safely)

    # -- phones, queues, rooms

    def _phone(self, caller: str, to: str, direction: str, url: str, status_url: str, fields: dict[str, str]) -> Phone:
        with self.lock:
            sid = f"CA{self.chance.getrandbits(128):032x}"
            self.phones[sid] = Phone(self, sid, caller, to, direction, url, status_url, fields)
            return self.phones[sid]

    def place(self, form: dict[str, str], events: tuple[str, ...]) -> Phone:
        """The line rings somebody."""
        phone = self._phone(form["From"], form["To"], "outbound-api", form["Url"], form["StatusCallback"], {})
        phone.events, phone.placed = events, True
        self.unanswered.append(phone)
        self.soon(phone.begins_to_ring)
        return phone

    def queue(self, name: str) -> Queue:
        """The queue of this name, made when somebody first asks for it."""
        with self.lock:
            found = next((queue for queue in self.queues.values() if queue.name == name), None)
            queue = found or Queue(f"QU{self.chance.getrandbits(128):032x}", name)
            self.queues[queue.sid] = queue
            return queue

    def take_from_queue(self, queue_sid: str, call_sid: str) -> Phone | None:
        """Take a member out; None when they are not in it, or no longer."""
        with self.lock:
            queue = self.queues.get(queue_sid)
            phone = next((each for each in queue.members if each.sid == call_sid), None) if queue else None
            if queue and phone:
                queue.members.remove(phone)
            return phone


# ---------------------------------------------------------------- a phone


@dataclass
class Hold:
    queue: Queue
    wait_url: str
    action: str
    since: float


class Phone:
    """One leg: what was heard on it, the question that is open, and where it is."""

    def __init__(
        self,
        carrier: Carrier,
        sid: str,
        caller: str,
        to: str,
        direction: str,
        url: str,
        status_url: str,
        fields: dict[str, str],
    ) -> None:
        self.carrier = carrier
        self.sid, self.caller, self.to, self.direction = sid, caller, to, direction
        self.url, self.status_url = url, status_url
        self.events: tuple[str, ...] = ()
        self.placed = False  # by the line, over the REST API
        self.fields = fields  # what else comes with every request: attestation, SIP headers
        self.status = "ringing" if direction == "inbound" else "queued"
        self.heard: list[str] = []
        self.room: str | None = None
        self.dialed: str | None = None
        self.began = carrier.now()
        self.ended: datetime | None = None
        self._listened = 0
        self._question: ElementTree.Element | None = None
        self._after: list[ElementTree.Element] = []  # the verbs behind the open question
        self._recorder: ElementTree.Element | None = None
        self._dial: ElementTree.Element | None = None
        self._hold: Hold | None = None
        self._reports = 0
        self._lock = threading.RLock()

    # -- what people do

    def picks_up(self) -> None:
        """Answer, or for the caller: be answered."""
        with self._lock:
            if self.is_over:
                return
            first = self.status
            if self.direction != "inbound":
                self._becomes("in-progress", "answered")
                first = self.status
            reply = self.carrier.post(self.url, self.form(CallStatus=first))
            self.status = "in-progress"
            self._follow(reply)

    def begins_to_ring(self) -> None:
        with self._lock:
            if self.status == "queued":
                self._report("initiated")
                self._becomes("ringing", "ringing")

    def rings_out(self, status: str = "no-answer") -> None:
        """Nobody picks up; or `busy`, `failed`."""
        with self._lock:
            self._ends(status)

    def presses(self, keys: str) -> None:
        """Answer the open question by keys."""
        with self._lock:
            question = self._take_question()
            most = int(question.get("numDigits", "1000"))
            pressed = keys.partition(question.get("finishOnKey", "#"))[0][:most]
            self._follow(self.carrier.post(question.attrib["action"], self.form(Digits=pressed)))

    def chooses(self, what: str) -> None:
        """Press the key that the open question names for this: `For a refill, press 2`."""
        assert self._question is not None, f"nothing is asked; heard: {self.heard[-5:]}"
        asked = self.asked
        sentence = next((part for part in re.split(r"(?<=[.!?])\s", asked) if what.casefold() in part.casefold()), "")
        key = re.search(r"press (\w+)", sentence, re.IGNORECASE)
        assert key is not None, f"no key is named for `{what}` in: {asked}"
        self.presses(KEYED_BY_NAME.get(key[1], key[1]))

    def codes(self, what: str) -> None:
        """Key what came of the talk, once it is asked: `follow up: 4`."""
        self.hears("What came of it?")
        self.until(lambda: self._keys_code(what), f"is asked whether it was `{what}`")

    def _keys_code(self, what: str) -> bool:
        """Key it while it is asked: whoever is fetched to hear what became of the talk is asked once more."""
        with self._lock:
            key = re.search(rf"\b{re.escape(what)}: (\d)", self.asked, re.IGNORECASE)
            if key is not None:
                self.presses(key[1])
            return key is not None

    def says(self, words: str, confidence: str = "0.9") -> None:
        """Answer the open question by voice."""
        with self._lock:
            action = self._take_question().attrib["action"]
            self._follow(self.carrier.post(action, self.form(SpeechResult=words, Confidence=confidence)))

    def says_nothing(self) -> None:
        """Let the open question pass."""
        with self._lock:
            rest, question = self._after, self._take_question()
            if question.get("actionOnEmptyResult") == "true":
                self._follow(self.carrier.post(question.attrib["action"], self.form(Digits="")))
            else:
                self._play(rest)

    def leaves_message(self, seconds: int = 12) -> None:
        """Speak after the tone, and end it by a key."""
        with self._lock:
            assert self._recorder is not None, f"nothing is recorded; heard: {self.heard[-5:]}"
            action, self._recorder = self._recorder.attrib["action"], None
            made = f"RE{self.carrier.chance.getrandbits(128):032x}"
            sound = f"{self.carrier.url}/2010-04-01/Accounts/{ACCOUNT}/Recordings/{made}"
            told = {"RecordingSid": made, "RecordingUrl": sound, "RecordingDuration": str(seconds), "Digits": "#"}
            self._follow(self.carrier.post(action, self.form(**told)))

    def hangs_up(self) -> None:
        """Put the phone down."""
        with self._lock:
            if self.status not in OVER:
                self._ends("completed" if self.status == "in-progress" else "canceled")

    def stars(self) -> None:
        """Press `*` in a room that it leaves."""
        with self._lock:
            dial = self._dial
            assert dial is not None, "in no room"
            assert dial.get("hangupOnStar") == "true", "a key means nothing in this room"
            self._leaves_room(tells=False)
            self._follow(self.carrier.post(dial.attrib["action"], self.form(DialCallStatus="answered")))

    def vanishes(self) -> None:
        """The phone is dead, its room has ended for the others, and nobody tells the line."""
        with self._lock:
            self.ended, self.status, self._question = self.carrier.now(), "completed", None
            self._leaves_room(tells=False)

    def tells_of_hanging_up(self) -> list[tuple[str, dict[str, str]]]:
        """What Twilio would tell if this phone in a room were hung up: that its Dial is over, and the leg."""
        assert self._dial is not None
        over = self.form(CallStatus="completed")
        ended = {**over, "DialCallStatus": "answered"}
        # The line's clock may run fast: as long as this both phones were up until now.
        return [(self._dial.attrib["action"], ended), (self.status_url, {**over, "CallDuration": "3600"})]

    # -- what tests look at

    def hears(self, words: str, seconds: float = 30) -> None:
        """Wait until these words are said, after those the test has waited for before."""
        self.until(lambda: self._has_heard(words), f"hears `{words}`", seconds)

    def is_sent_away(self, seconds: float = 30) -> None:
        """Wait until the line hangs this phone up, or lets it ring no more."""
        self.until(lambda: self.is_over, "is hung up", seconds)

    def until(self, true: Callable[[], object], what: str, seconds: float = 30) -> None:
        """Stay on the phone until something is so; on hold the hold goes on meanwhile."""
        deadline, listen_at = time.monotonic() + seconds, 0.0
        while not true():
            assert time.monotonic() < deadline, f"not within {seconds} s: {what}; heard: {self.heard[-8:]}"
            if self.on_hold and time.monotonic() >= listen_at:
                self.listens()
                listen_at = time.monotonic() + 0.4
            time.sleep(0.02)

    def listens(self) -> None:
        """Hear the hold once round."""
        with self._lock:
            hold = self._hold
            if hold is None:
                return
            waited, waiting = int(time.monotonic() - hold.since), hold.queue.members
            position = waiting.index(self) + 1 if self in waiting else 1
            told = {"QueueSid": hold.queue.sid, "QueueTime": str(waited), "AvgQueueTime": "0"}
            told |= {"QueuePosition": str(position), "CurrentQueueSize": str(len(waiting)), "MaxQueueSize": "5000"}
            self._play_on_hold(self.carrier.post(hold.wait_url, self.form(**told), view=True).twiml)

    @property
    def asked(self) -> str:
        """The words of the open question; empty when none is open."""
        return "" if self._question is None else " ".join(map(_words, self._question.iter("Say")))

    @property
    def keys_asked(self) -> int | None:
        """How many keys the open question takes; None: as many as they like, until `#`."""
        keys = None if self._question is None else self._question.get("numDigits")
        return int(keys) if keys else None

    @property
    def may_speak(self) -> bool:
        """Does the open question listen?"""
        return self._question is not None and "speech" in self._question.get("input", "")

    @property
    def may_leave_message(self) -> bool:
        return self._recorder is not None

    @property
    def on_hold(self) -> bool:
        return self._hold is not None

    @property
    def is_over(self) -> bool:
        return self.status in OVER

    # -- what the line does to a phone

    def is_moved(self, url: str) -> None:
        """A REST update: whatever this phone hears ends, and it goes on with the document at `url`."""
        with self._lock:
            if self.status != "in-progress":
                return
            hold, self._question, self._recorder = self._hold, None, None
            self._hold = None
            self._leaves_room(tells=False)
            notice_first = self.carrier.chance.random() < 0.5
            if hold and notice_first:
                self._leaves_queue(hold, "redirected")
            reply = self.carrier.post(url, self.form())
            if hold and not notice_first:
                self._leaves_queue(hold, "redirected")
            self._follow(reply)

    def is_ended(self) -> None:
        """A REST update: hung up, or no longer rung."""
        with self._lock:
            if self.status not in OVER:
                self._ends("completed" if self.status == "in-progress" else "canceled")

    def loses_room(self) -> None:
        """The conference has ended for this phone: its Dial is over, and the action says what comes next."""
        with self._lock:
            dial, self._dial, self.room = self._dial, None, None
            if dial is not None and self.status == "in-progress":
                self._follow(self.carrier.post(dial.attrib["action"], self.form(DialCallStatus="completed")))

    # -- how

    def form(self, **more: str) -> dict[str, str]:
        """What comes with every request; names as Twilio writes them."""
        always = {"CallSid": self.sid, "AccountSid": ACCOUNT, "From": self.caller, "To": self.to}
        same = {"Caller": self.caller, "Called": self.to, "ApiVersion": "2010-04-01", "Direction": self.direction}
        return {**always, **same, "CallStatus": self.status, **self.fields, **more}

    def _take_question(self) -> ElementTree.Element:
        question, self._question, self._after = self._question, None, []
        assert question is not None, f"nothing is asked; heard: {self.heard[-5:]}"
        return question

    def _has_heard(self, words: str) -> bool:
        for at in range(self._listened, len(self.heard)):
            if words.casefold() in self.heard[at].casefold():
                self._listened = at + 1
                return True
        return False

    def _follow(self, reply: Reply) -> None:
        self._question = self._recorder = None
        if self.status in OVER:
            return
        if self._hold is not None:
            self._play_on_hold(reply.twiml)
        else:
            self._play(list(reply.twiml))

    def _play(self, verbs: list[ElementTree.Element]) -> None:
        """Go through a document until it waits for somebody, leads elsewhere, or ends the call."""
        for place, verb in enumerate(verbs):
            match verb.tag:
                case tag if tag in SOUND:
                    self._hear(verb)
                case "Gather":
                    self._ask(verb, verbs[place + 1 :])
                    return
                case "Record":
                    self._recorder = verb
                    return
                case "Redirect":
                    return self._follow(self.carrier.post(verb.text or "", self.form()))
                case "Enqueue":
                    return self._waits_in(verb)
                case "Dial":
                    return self._dials(verb)
                case _:
                    break
        self._ends("completed")

    def _play_on_hold(self, document: ElementTree.Element) -> None:
        """A document of the queue: when it has been heard, the queue asks again by itself."""
        wrong = [verb.tag for verb in document if verb.tag not in ON_HOLD]
        assert not wrong, f"Twilio error 13238: {wrong} on hold"
        assert self._hold is not None
        self._question, self._after = None, []
        for place, verb in enumerate(document):
            match verb.tag:
                case "Gather":
                    self._ask(verb, list(document)[place + 1 :])
                    self._after_question_on_hold()
                    return
                case "Redirect":
                    self._hold.wait_url = verb.text or ""
                    return
                case "Leave":
                    hold, self._hold = self._hold, None
                    with self.carrier.lock:
                        hold.queue.members.remove(self)
                    told = {"QueueResult": "leave", "QueueSid": hold.queue.sid, "QueueTime": "1"}
                    return self._follow(self.carrier.post(hold.action, self.form(**told)))
                case "Hangup":
                    return self._ends("completed")
                case _:
                    self._hear(verb)

    def _after_question_on_hold(self) -> None:
        redirect = next((verb for verb in self._after if verb.tag == "Redirect"), None)
        if redirect is not None and self._hold is not None:
            self._hold.wait_url = redirect.text or ""

    def _hear(self, verb: ElementTree.Element) -> None:
        if verb.tag == "Say":
            self.heard.append(_words(verb))
        elif verb.tag == "Pause":
            time.sleep(0.05)

    def _ask(self, gather: ElementTree.Element, rest: list[ElementTree.Element]) -> None:
        for verb in gather:
            self._hear(verb)
        self._question, self._after = gather, rest

    def _waits_in(self, enqueue: ElementTree.Element) -> None:
        queue = self.carrier.queue(enqueue.text or "")
        self._hold = Hold(queue, enqueue.attrib["waitUrl"], enqueue.attrib["action"], time.monotonic())
        with self.carrier.lock:
            queue.members.append(self)
        self.listens()

    def _dials(self, dial: ElementTree.Element) -> None:
        party = dial[0]
        if party.tag != "Conference":
            self.dialed = party.text
            return
        self._dial, self.room = dial, party.text or ""
        with self.carrier.lock:
            self.carrier.rooms.setdefault(self.room, []).append(self)

    def _leaves_queue(self, hold: Hold, result: str) -> None:
        waited = str(int(time.monotonic() - hold.since))
        told = {"QueueResult": result, "QueueSid": hold.queue.sid, "QueueTime": waited}
        reply = self.carrier.post(hold.action, self.form(**told))
        assert len(reply.twiml) == 0, f"a notice was answered with {reply.body!r}"

    def _leaves_room(self, *, tells: bool) -> None:
        dial, room, self._dial, self.room = self._dial, self.room, None, None
        if dial is None or room is None:
            return
        with self.carrier.lock:
            others = [phone for phone in self.carrier.rooms.pop(room, []) if phone is not self]
            if dial[0].get("endConferenceOnExit") != "true":
                self.carrier.rooms[room], others = others, []
        for phone in others:
            self.carrier.soon(phone.loses_room)
        if tells:
            self.carrier.post(dial.attrib["action"], self.form(DialCallStatus="completed"))

    def _ends(self, status: str) -> None:
        """The end of this leg, whoever ended it: what it was part of hears of it, and then the line does."""
        self.ended, self._question, self._recorder = self.carrier.now(), None, None
        self._becomes(status, "completed")
        hold, self._hold = self._hold, None
        if hold is not None:
            with self.carrier.lock:
                was_in = self in hold.queue.members
                if was_in:
                    hold.queue.members.remove(self)
            if was_in:
                self._leaves_queue(hold, "hangup")
        self._leaves_room(tells=True)

    def _becomes(self, status: str, event: str) -> None:
        self.status = status
        self._report(event)

    def _report(self, event: str) -> None:
        if event in self.events:
            told = {"SequenceNumber": str(self._reports), "CallbackSource": "call-progress-events"}
            if event == "completed":
                told["CallDuration"] = self.seconds or "0"
            self.carrier.report(self, self.form(Timestamp=format_datetime(self.carrier.now()), **told))
            self._reports += 1

    @property
    def seconds(self) -> str | None:
        return str(int((self.ended - self.began).total_seconds())) if self.ended else None


def _words(say: ElementTree.Element) -> str:
    """What is said, without how."""
    return "".join(say.itertext())


# ---------------------------------------------------------------- the REST API


class Refusal(Exception):
    """An error of the REST API, by status and Twilio's code."""

    def __init__(self, status: int, code: int) -> None:
        self.status, self.code = status, code


def _rest(carrier: Carrier) -> type[BaseHTTPRequestHandler]:
    api = _Api(carrier)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def _answer(self, method: str) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            asked = urlsplit(self.path)
            pairs = parse_qsl(asked.query) + parse_qsl(body)
            carrier.requests.append((method, asked.path, dict(pairs)))
            try:
                status, answer = api.answer(method, asked.path, pairs, self.headers.get("Authorization", ""))
            except Refusal as refusal:
                status = refusal.status
                answer = {"code": refusal.code, "message": "refused", "more_info": "", "status": status}
            except Exception as fault:
                carrier.faults.append(f"REST {method}: {type(fault).__name__}: {fault}")
                status, answer = 500, {}
            written = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(written)))
            self.end_headers()
            self.wfile.write(written)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


class _Api:
    """The part of `2010-04-01` that lines use."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier

    def answer(self, method: str, path: str, pairs: list[tuple[str, str]], key: str) -> tuple[int, dict[str, Any]]:
        user, _, password = b64decode(key.removeprefix("Basic ")).decode().partition(":")
        if (user, password) != (ACCOUNT, self._carrier.secret):
            raise Refusal(401, 20003)
        form = dict(pairs)
        parts = path.removeprefix(f"/2010-04-01/Accounts/{ACCOUNT}/").removesuffix(".json").split("/")
        match method, parts:
            case "POST", ["Calls"]:
                events = tuple(value for name, value in pairs if name == "StatusCallbackEvent")
                return 201, self._call(self._carrier.place(form, events or ("completed",)))
            case "GET", ["Calls"]:
                return 200, _page("calls", map(self._call, self._calls(form)))
            case "GET", ["Calls", sid]:
                return 200, self._call(self._phone(sid))
            case "POST", ["Calls", sid]:
                return 200, self._update_call(self._phone(sid), form)
            case _:
                return self._answer_rooms(method, parts, form)

    def _answer_rooms(self, method: str, parts: list[str], form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        carrier = self._carrier
        match method, parts:
            case "GET", ["Queues"]:
                return 200, _page("queues", map(_queue, list(carrier.queues.values())))
            case "POST", ["Queues"]:
                queue = carrier.queue(form["FriendlyName"])
                queue.size = int(form.get("MaxSize", queue.size))
                return 201, _queue(queue)
            case (("GET" | "POST"), ["Queues", sid]) if sid in carrier.queues:
                queue = carrier.queues[sid]
                queue.size = int(form.get("MaxSize", queue.size))
                return 200, _queue(queue)
            case "GET", ["Queues", sid, "Members"] if sid in carrier.queues:
                members = enumerate(list(carrier.queues[sid].members), 1)
                return 200, _page("queue_members", (_member(sid, place, phone) for place, phone in members))
            case "POST", ["Queues", sid, "Members", call_sid]:
                return 200, self._dequeue(sid, call_sid, form["Url"])
            case "GET", ["Conferences"]:
                return 200, _page("conferences", (_room(name) for name, there in list(carrier.rooms.items()) if there))
            case "GET", ["Conferences", sid, "Participants"]:
                there = next((there for name, there in carrier.rooms.items() if _room_sid(name) == sid), [])
                return 200, _page("participants", ({"call_sid": phone.sid} for phone in there))
            case "GET", ["Recordings"]:
                return 200, _page("recordings", ())
        raise Refusal(404, 20404)

    def _phone(self, sid: str) -> Phone:
        if sid not in self._carrier.phones:
            raise Refusal(404, 20404)
        return self._carrier.phones[sid]

    def _calls(self, form: dict[str, str]) -> list[Phone]:
        since = form.get("StartTime>", "")
        return [
            phone
            for phone in reversed(list(self._carrier.phones.values()))
            if form.get("To", phone.to) == phone.to and form.get("From", phone.caller) == phone.caller
            if phone.began.strftime("%Y-%m-%dT%H:%M:%SZ") >= since
        ]

    def _update_call(self, phone: Phone, form: dict[str, str]) -> dict[str, Any]:
        wanted = form.get("Status")
        if phone.is_over or (wanted == "canceled" and phone.status == "in-progress"):
            raise Refusal(400, 21220)
        if "Url" in form:
            if phone.status != "in-progress":
                raise Refusal(400, 21220)
            self._leave_any_queue(phone)
            self._carrier.soon(lambda: phone.is_moved(form["Url"]))
        elif wanted in ("completed", "canceled"):
            self._carrier.soon(phone.is_ended)
        return self._call(phone)

    def _leave_any_queue(self, phone: Phone) -> None:
        for queue in list(self._carrier.queues):
            self._carrier.take_from_queue(queue, phone.sid)

    def _dequeue(self, queue_sid: str, call_sid: str, url: str) -> dict[str, Any]:
        time.sleep(self._carrier.moves_take_seconds)
        phone = self._carrier.take_from_queue(queue_sid, call_sid)
        if phone is None:
            raise Refusal(404, 20404)
        self._carrier.soon(lambda: phone.is_moved(url))
        return _member(queue_sid, 1, phone)

    def _call(self, phone: Phone) -> dict[str, Any]:
        ended = format_datetime(phone.ended) if phone.ended else None
        return {
            "sid": phone.sid,
            "account_sid": ACCOUNT,
            "to": phone.to,
            "from": phone.caller,
            "status": phone.status,
            "direction": phone.direction,
            "date_created": format_datetime(phone.began),
            "start_time": format_datetime(phone.began),
            "end_time": ended,
            "duration": phone.seconds,
        }


def _page(name: str, rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {name: list(rows), "page": 0, "page_size": 1000, "next_page_uri": None, "previous_page_uri": None}


def _queue(queue: Queue) -> dict[str, Any]:
    members = len(queue.members)
    return {"sid": queue.sid, "friendly_name": queue.name, "max_size": queue.size, "current_size": members}


def _member(queue_sid: str, place: int, phone: Phone) -> dict[str, Any]:
    waited = int((phone.carrier.now() - phone.began).total_seconds())
    return {"call_sid": phone.sid, "queue_sid": queue_sid, "position": place, "wait_time": waited}


def _room(name: str) -> dict[str, Any]:
    return {"sid": _room_sid(name), "friendly_name": name, "status": "in-progress"}


def _room_sid(name: str) -> str:
    return f"CF{hmac.digest(b'room', name.encode(), 'sha256').hex()[:32]}"
