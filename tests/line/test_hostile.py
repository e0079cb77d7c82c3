"""What nobody should send: forged, garbled and malicious requests. None gets in, is read aloud, or breaks anything.

Whoever can sign is Twilio; what Twilio carries was keyed, said and put into headers by anybody at all.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from itertools import count
from urllib.parse import quote, urlencode, urlsplit
from xml.etree import ElementTree

import pytest
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from ivr.processes import free_port
from tests.line.carrier import ACCOUNT, FORM, INSIDE, ON_HOLD, Carrier, Reply, send, signature
from tests.line.conftest import MAIN, NEW_SECRET, OLD_SECRET, SHARED_KEY, SHARED_SECRET, Day, days_of, line_of
from tests.whole_line import WholeLine

Pairs = list[tuple[bytes, bytes]]
SIGNED, SETTINGS = "X-Twilio-Signature", "X-Twilio-Webhooks-Signature-Settings"
SHOUTED = ("Quillfeather", "6145550177", "7012001", "alert(1)", "DROP TABLE")  # never to be seen again
REFUSALS = (403, 404, 405)
_CALLS = count(1)


@pytest.fixture(scope="module")
def carrier() -> Iterator[Carrier]:
    carrier = Carrier(NEW_SECRET)
    yield carrier
    carrier.close()


@pytest.fixture(scope="module")
def line(carrier: Carrier, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeLine]:
    """A line of its own: the callbacks these callers are promised would ring in other tests."""
    with line_of(carrier, tmp_path_factory.mktemp("hostile")) as running:
        yield running


@pytest.fixture(scope="module")
def days(line: WholeLine, carrier: Carrier) -> Iterator[Day]:
    return days_of(line, carrier)


def problem(path: str, reply: Reply) -> str:
    """What is wrong with an answer: it must be TwiML a caller may hear, or a refusal that says nothing."""
    if reply.status in REFUSALS:
        return "" if reply.body in (b"", b"<Response/>") else f"refused aloud: {reply.body[:80]!r}"
    if reply.status != 200 or reply.kind.partition(";")[0] != "text/xml":
        return f"{reply.status} {reply.kind} {reply.body[:80]!r}"
    try:
        document = ElementTree.fromstring(reply.body)
    except ElementTree.ParseError as fault:
        return f"{fault}: {reply.body[:80]!r}"
    wrong = [child.tag for parent in document.iter() for child in parent if child.tag not in INSIDE.get(parent.tag, ())]
    if urlsplit(path).path.endswith("/wait"):
        wrong += [verb.tag for verb in document if verb.tag not in ON_HOLD]
    echoed = [word for word in SHOUTED if word.encode() in reply.body]
    return f"verbs {wrong}, echoes {echoed}" if wrong or echoed or document.tag != "Response" else ""


# ---------------------------------------------------------------- who may come in


def test_our_carrier_signs_as_twilio_does() -> None:
    url, fields = "https://line.example.test/voice/incoming?a=%2F", {"To": MAIN, "From": "anonymous", "Digits": "ü*"}
    theirs = RequestValidator(NEW_SECRET).compute_signature(url, fields)

    assert signature(NEW_SECRET, url + "#rc=3", list(fields.items())) == theirs


def knock(
    origin: str,
    path: str = "/voice/incoming",
    *,
    secret: str = NEW_SECRET,
    signed_url: str = "",
    signed: dict[str, str] | None = None,
    digest: str = "sha1",
    to: str | None = None,
    headers: dict[str, str] | None = None,
    **sent: str,
) -> Reply:
    """A caller's first webhook, signed for `signed_url` and the fields `signed` if these are not those sent."""
    fields = {"CallSid": f"CA{next(_CALLS):032x}", "From": "anonymous", "To": MAIN, **sent}
    pairs = list((fields if signed is None else signed).items())
    proof = {SIGNED: signature(secret, signed_url or origin + path, pairs, digest)}
    return send(origin + path, urlencode(fields).encode(), {"Content-Type": FORM, **proof, **(headers or {})}, to=to)


BY_SHA256 = "algorithm=HMAC_SHA256"
FORGERIES = {
    "another account's secret": {"secret": "c" * 32},
    "no secret at all": {"secret": ""},
    "an altered field": {"signed": {"CallSid": "CA1", "From": "anonymous", "To": MAIN}, "CallSid": "CA2"},
    "an added field": {"signed": {"CallSid": "CA3", "From": "x", "To": MAIN}, "CallSid": "CA3", "From": "x", "A": "1"},
    "a field taken away": {"signed": {"CallSid": "CA4", "From": "anonymous", "To": MAIN, "A": "1"}, "CallSid": "CA4"},
    "no signature": {"headers": {SIGNED: ""}},
    "a signature that is none": {"headers": {SIGNED: "ÿ="}},
    "a key nobody configured": {"headers": {SETTINGS: "key=WK1,algorithm=HMAC_SHA1"}},
    "a key nobody configured, SHA-256": {"digest": "sha256", "headers": {SETTINGS: "key=WK1,algorithm=HMAC_SHA256"}},
    "SHA-256 that nobody announced": {"digest": "sha256"},
    "an algorithm nobody knows": {"headers": {SETTINGS: "algorithm=none"}},
    "a shared secret whose key is not named": {"secret": SHARED_SECRET},
    "another secret than the named key's": {"digest": "sha256", "headers": {SETTINGS: f"key={SHARED_KEY},{BY_SHA256}"}},
    "an empty key": {"headers": {SETTINGS: "key=,algorithm=HMAC_SHA1"}},
    "a body that is called something else": {"headers": {"Content-Type": "text/plain"}},
}


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES)
def test_a_forgery_is_refused_without_a_word(line: WholeLine, forgery: dict[str, str]) -> None:
    reply = knock(line.web, **forgery)  # type: ignore[arg-type]

    assert (reply.status, reply.body) == (403, b"")


@pytest.mark.parametrize("digest", ["sha1", "sha256"])
def test_a_key_we_share_with_twilio_signs_as_well_as_the_token(line: WholeLine, digest: str) -> None:
    named = {SETTINGS: f"key={SHARED_KEY},algorithm=HMAC_{digest.upper()}"}

    assert knock(line.web, secret=SHARED_SECRET, digest=digest, headers=named).status == 200


@pytest.mark.parametrize("other", ["/voice/status", "/voice/incoming?a=1", "/voice/incoming/", "/voice/Incoming"])
def test_a_signature_is_good_for_one_path(line: WholeLine, other: str) -> None:
    reply = knock(line.web, signed_url=line.web + other)

    assert (reply.status, reply.body) == (403, b"")


@pytest.mark.parametrize("secret", [NEW_SECRET, OLD_SECRET])
def test_while_secrets_rotate_either_is_good(line: WholeLine, secret: str) -> None:
    assert knock(line.web, secret=secret).twiml[0].tag == "Say"


def test_over_plain_http_the_port_may_be_missing_too(line: WholeLine) -> None:
    assert knock(line.web, signed_url="http://127.0.0.1/voice/incoming").twiml[0].tag == "Say"
    assert knock(line.web, signed_url="http://127.0.0.1:80/voice/incoming").status == 403


def test_a_query_is_signed_with_the_path_byte_for_byte(line: WholeLine) -> None:
    assert knock(line.web, "/voice/incoming?b=%2F&a=%c3%a4+").twiml[0].tag == "Say"


def test_a_body_that_is_no_form_is_let_in_by_its_hash(line: WholeLine) -> None:
    body = b'{"CallSid": "Quillfeather"}'
    url = f"{line.web}/voice/status?bodySHA256={sha256(body).hexdigest()}"
    headers = {"Content-Type": "application/json", SIGNED: signature(NEW_SECRET, url)}

    assert send(url, body, headers).twiml.tag == "Response"
    assert send(url, body + b" ", headers).status == 403


@pytest.fixture(scope="module")
def behind_proxies(line: WholeLine) -> Iterator[dict[str, str]]:
    """The doors again, by other public URLs: public URL -> where it is served."""
    note = json.loads((line.folder / "var" / "practice.json").read_text())
    with contextlib.ExitStack() as stack:
        served = {url: stack.enter_context(web(line, note, url)) for url in PUBLIC}
        for origin in served.values():
            wait_for(origin)
        yield served


PUBLIC = ("https://line.example.test", "https://line.example.test:8443/rx")


@contextlib.contextmanager
def web(line: WholeLine, note: dict[str, str], public_url: str) -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}"],
        cwd=line.folder,
        env={**os.environ, **line.env, **note, "PUBLIC_URL": public_url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def wait_for(origin: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError):
            if send(f"{origin}/healthz", method="GET").status == 200:
                return
        assert time.monotonic() < deadline, f"nobody answers at {origin}"
        time.sleep(0.1)


@pytest.mark.parametrize("public", PUBLIC)
def test_the_public_url_is_what_counts_and_not_what_a_proxy_leaves_of_it(
    behind_proxies: dict[str, str], public: str
) -> None:
    """TLS, the port and a path may end at a proxy; what arrives is plain HTTP, and headers say what they like."""
    here, arrives = behind_proxies[public], urlsplit(public)._replace(path="").geturl()
    told = {"X-Forwarded-Proto": "ftp", "X-Forwarded-Host": "evil.example", "X-Forwarded-Prefix": "/evil"}
    reply = knock(arrives, to=here, signed_url=f"{public}/voice/incoming", headers=told)

    assert reply.twiml[0].tag == "Say"
    assert f'action="{public}/voice/'.encode() in reply.body
    for wrong in (here, "https://evil.example", f"ftp://{urlsplit(public).netloc}", f"{public}/rx", f"{public}:1"):
        assert knock(arrives, to=here, signed_url=f"{wrong}/voice/incoming").status == 403


@pytest.mark.parametrize(
    ("public", "spelled"),
    [
        ("https://line.example.test", "https://line.example.test:443"),
        ("https://line.example.test:8443/rx", "https://line.example.test/rx"),
    ],
)
def test_twilio_may_sign_with_the_port_or_without(behind_proxies: dict[str, str], public: str, spelled: str) -> None:
    arrives = urlsplit(public)._replace(path="").geturl()
    reply = knock(arrives, to=behind_proxies[public], signed_url=f"{spelled}/voice/incoming")

    assert reply.twiml[0].tag == "Say"


@pytest.mark.parametrize("public", PUBLIC)
def test_the_fallback_finds_the_document_that_failed_by_the_url_twilio_knows(
    behind_proxies: dict[str, str], public: str
) -> None:
    here, arrives = behind_proxies[public], urlsplit(public)._replace(path="").geturl()
    first = knock(arrives, to=here, signed_url=f"{public}/voice/incoming", CallSid="CA" + "8" * 32)
    again = knock(
        arrives,
        "/voice/fallback",
        to=here,
        signed_url=f"{public}/voice/fallback",
        CallSid="CA" + "8" * 32,
        ErrorUrl=f"{public}/voice/incoming",
        ErrorCode="11200",
    )

    assert b"Gather" in first.body
    assert again.body == first.body


# ---------------------------------------------------------------- what is signed and still nonsense

NASTY = (
    b"",
    b" \t\r\n",
    b"\x00",
    b"12\x0034",
    b"\xff\xfe\xc3\x28",
    b"</Say><Dial>+19005550100</Dial><Say>",
    b"<script>alert(1)</script>",
    b"]]><!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>&e;",
    b"{{ 7*7 }}{% for x in ().__class__ %}",
    b"'; DROP TABLE calls; --",
    b"Quillfeather, born 01051950, 6145550177, prescription 7012001",
    b"9" * 10_000,
    b"*#0" * 30,
    b"-1",
    b"1e999",
    b"nan",
    b"0x10",
    "\u0661\u0662\u0663".encode(),  # digits, but not ours
    "\u00b2".encode(),  # a digit that is no number
    "\u202e\ufffe\U0001f3e5".encode() * 300,
    b"a" * 65_536,
    b"yes no help " * 5_000,
    b"\r\nX-Injected: 1",
    b"../../../../etc/passwd",
    b"http://[",
    b"http://evil.example/voice/x/1/next",
    b"sip:<script>alert(1)</script>@example.org;transport=tls",
    b"client:" + b"\xf0\x9f" * 10,
    b"+1" + b"5" * 200,
)
WORDS: dict[bytes, tuple[bytes, ...]] = {
    b"Digits": (b"", b"0", b"1", b"2", b"3", b"4", b"5", b"8", b"9", b"*", b"#", b"7012001", b"07081912", b"hangup"),
    b"SpeechResult": (b"person", b"refill please", b"swallowed pills", b"seven oh oh one two three four"),
    b"Confidence": (b"0.9", b"", b"2", b"-1"),
    b"RecordingSid": (b"RE" + b"1" * 32, b""),
    b"RecordingUrl": (b"http://127.0.0.1/RE1", b"file:///etc/passwd"),
    b"RecordingDuration": (b"12", b"0", b"1", b"-5", b"99999999999"),
    b"QueueResult": (b"leave", b"hangup", b"redirected", b"queue-full", b"error", b"system-error", b"bridged", b"x"),
    b"QueueTime": (b"0", b"12", b"-1"),
    b"QueuePosition": (b"1", b"0", b"x"),
    b"DialCallStatus": (b"completed", b"answered", b"no-answer", b"busy", b"x"),
    b"CallStatus": (b"ringing", b"in-progress", b"completed", b"busy", b"canceled", b"no-answer", b"x"),
    b"CallDuration": (b"0", b"3", b"-3", b"1e9", b"99999999999999999999"),
    b"ErrorCode": (b"11200", b"12100", b"x"),
    b"StirVerstat": (b"TN-Validation-Passed-A", b"TN-Validation-Failed-C", b"x"),
    b"From": (b"anonymous", b"+13035550161", b"+16145550101", b"+16145550120", b"sip:a@example.org", b"unknown"),
    b"To": (MAIN.encode(), b"+12125550111", b"+19995550100", b"sip:x@example.org", b""),
}
ODD_PATHS = (
    "/voice", "/voice/", "/voice/incoming/", "/voice//incoming", "//voice/incoming", "/voice/unknown",
    "/voice/rescued", "/voice/status", "/voice/fallback", "/voice/{leg}", "/voice/{leg}/1", "/voice/{leg}/1/unknown",
    "/voice/{leg}/1/next/", "/voice/{leg}/0/next", "/voice/{leg}/-1/next", "/voice/{leg}/1000000000000/next",
    "/voice/{leg}/9999999999999999999999999999/after", "/voice/{leg}/0/wait", "/voice/{leg}/999/moved",
    "/voice/{leg}/99999999999999999999/wait", "/voice/{leg}/99999999999999999999/status", "/voice/{leg}/1.0/next",
    "/voice/{leg}/%D9%A1/next", "/voice/{leg}/%C2%B2/next", "/voice/{leg}/1/next%00", "/voice/{leg}/1/NEXT",
    "/voice/%00/1/next", "/voice/%3Cscript%3E/1/next", "/voice/..%2F..%2Fetc/1/next", "/voice/nobody/1/next",
    "/voice/nobody/1/wait", "/voice/nobody/1/moved", "/voice/nobody/0/status", "/voice/{leg}/1/fallback",
    "/voice/{leg}/1/next?Digits=1&CallSid=CA1", "/voice/{leg}/1/next;x=1", "/voice/%FF%FE/1/after",
)  # fmt: skip


@dataclass
class Storm:
    """Requests made up from a seed. It goes on wherever the line's replies lead, so it gets deep into calls."""

    origin: str
    carrier: Carrier
    chance: random.Random
    doors: list[tuple[str, bytes]] = field(default_factory=list)  # path handed out, and the CallSid it was for
    sids: dict[bytes, None] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    sent: int = 0
    answered: int = 0

    def blow(self, requests: int, at_once: int = 8) -> None:
        with ThreadPoolExecutor(at_once) as several:
            while self.sent < requests:
                batch = [self.request() for _ in range(at_once)]
                for (path, pairs), reply in zip(batch, several.map(self._send, batch), strict=True):
                    self._learn(path, pairs, reply)
                self._answer_phones()

    def settles(self) -> None:
        """Everybody hangs up."""
        over = [("/voice/status", [(b"CallSid", sid), (b"CallStatus", b"completed")]) for sid in self.sids]
        with ThreadPoolExecutor(8) as several:
            list(several.map(self._send, over))

    def request(self) -> tuple[str, Pairs]:
        path, sid = self._door()
        self.sids[sid] = None
        pairs = [(b"CallSid", sid), (b"AccountSid", ACCOUNT.encode()), (b"Direction", b"inbound")]
        for name in (b"From", b"To", b"CallStatus"):
            pairs.append((name, self.chance.choice(WORDS[name])))
        if path.startswith("/voice/fallback"):
            pairs.append((b"ErrorUrl", (self.origin + self._door()[0]).encode()))
        for name in self.chance.sample(sorted(WORDS), self.chance.choice((0, 1, 1, 2, 4))):
            pairs.append((name, self.chance.choice(WORDS[name])))
        return path, self._spoiled(pairs)

    def _door(self) -> tuple[str, bytes]:
        kind = self.chance.random()
        if not self.doors or kind < 0.12:
            return "/voice/incoming", b"CA" + sha256(self.chance.randbytes(8)).hexdigest()[:32].encode()
        path, sid = self.chance.choice(self.doors[-60:])
        if kind < 0.75:
            return path, sid
        if kind < 0.85:
            return self.chance.choice(("/voice/status", "/voice/fallback", "/voice/rescued", "/voice/incoming")), sid
        return self.chance.choice(ODD_PATHS).replace("{leg}", path.split("/")[2]), sid

    def _spoiled(self, pairs: Pairs) -> Pairs:
        """Three of four are spoiled in one to three places."""
        chance = self.chance
        for _ in range(chance.choice((0, 1, 1, 1, 2, 3))):
            place = chance.randrange(len(pairs)) if pairs else 0
            match chance.choice(("drop", "nasty", "nasty", "nasty", "twice", "more", "nothing", "name", "shuffle")):
                case "drop":
                    del pairs[place : place + 1]
                case "nasty" if pairs:
                    pairs[place] = (pairs[place][0], chance.choice(NASTY))
                case "twice" if pairs:
                    pairs.append((pairs[place][0], chance.choice(NASTY)))
                case "more":
                    pairs.append((chance.choice(sorted(WORDS)), chance.choice(NASTY)))
                case "nothing" if chance.random() < 0.2:
                    pairs = []
                case "name":
                    pairs.append((chance.choice(NASTY)[:200], b"1"))
                case "shuffle":
                    chance.shuffle(pairs)
        return pairs

    def _send(self, request: tuple[str, Pairs]) -> Reply:
        path, pairs = request
        body = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs).encode()
        headers = {"Content-Type": FORM, SIGNED: signature(NEW_SECRET, self.origin + path, pairs)}
        return send(self.origin + path, body, headers)

    def _learn(self, path: str, pairs: Pairs, reply: Reply) -> None:
        self.sent += 1
        if wrong := problem(path, reply):
            told = [(name[:40], value[:60]) for name, value in pairs]
            self.problems.append(f"{path}: {wrong} to {told}")
        elif reply.status == 200:
            self.answered += 1
            sid = next((value for name, value in pairs if name == b"CallSid"), b"")
            self.doors += [(urlsplit(url).path, sid) for url in urls_in(reply) if "/voice/rescued" not in url]

    def _answer_phones(self) -> None:
        """Those the line rings are part of the storm: their doors and their CallSids."""
        while self.carrier.unanswered:
            phone = self.carrier.unanswered.pop()
            self.doors.append((urlsplit(phone.url).path, phone.sid.encode()))
            self.doors.append((urlsplit(phone.status_url).path, phone.sid.encode()))


def urls_in(reply: Reply) -> list[str]:
    document = ElementTree.fromstring(reply.body)
    said = [verb.text or "" for verb in document.iter("Redirect")]
    return said + [verb.attrib[name] for verb in document.iter() for name in ("action", "waitUrl") if verb.get(name)]


@pytest.fixture(scope="module")
def storm(days: Iterator[Day], line: WholeLine, carrier: Carrier) -> Storm:
    """1,200 signed requests, most of them spoiled; then all those callers hang up."""
    day = next(days)
    line.everybody_available()
    storm = Storm(line.web, carrier, random.Random(20261124))
    storm.blow(1200)
    storm.settles()
    day.is_young = False
    return storm


def test_whatever_is_signed_is_answered_with_twiml_or_not_at_all(storm: Storm) -> None:
    assert storm.sent >= 1000
    assert not storm.problems, "\n".join(storm.problems[:20])


def test_the_storm_got_into_every_room(storm: Storm) -> None:
    """Else it proves little: it was asked, put on hold, moved, recorded, and rang agents."""
    ways = {path.rpartition("/")[2] for path, _ in storm.doors}

    assert ways >= {"next", "wait", "after", "moved", "status"}
    assert storm.answered > storm.sent / 2


def test_nothing_of_the_storm_raised_an_error(storm: Storm, line: WholeLine) -> None:
    """A door that fails is rescued, and says so in the log: bad input is no failure, it is expected.

    Only a CallSid that is somebody else's is: the record refuses it.
    """
    signs = ("turn_failed", "Traceback", "child_died", "child_failed", "call_not_told", "job_failed")
    failed = {row[row.index("|") :] for row in line.log.splitlines() if any(sign in row for sign in signs)}

    assert not [row for row in failed if "error=Conflict" not in row]


def test_nothing_of_the_storm_is_in_the_log(storm: Storm, line: WholeLine) -> None:
    assert not [word for word in SHOUTED if word in line.log]


def test_after_the_storm_the_line_answers(storm: Storm, day: Day) -> None:
    caller = day.stranger()
    caller.chooses("English")
    caller.chooses("bad reaction")
    caller.hears("calling a pharmacist")
    while caller.room is None:
        agent = day.carrier.rings()  # perhaps still for one of the storm, who has hung up
        agent.picks_up()
        if any("Emergency" in said for said in agent.heard):
            agent.chooses("take it")
            meets = partial(lambda agent: caller.room or agent.is_over, agent)
            agent.until(meets, "meets the caller, or hears that theirs has gone", 20)
    caller.hangs_up()

    day.disposition(caller, outcome="answered", urgency="emergency", final=True)
    assert send(f"{day.line.web}/readyz", method="GET").status == 200


# ---------------------------------------------------------------- other methods, other bodies


RESCUE = ("/voice/fallback", "/voice/rung", "/voice/rescued")
DOORS = ("/voice/incoming", "/voice/status", *RESCUE, "/voice/x/1/next", "/voice/x/1/wait")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", DOORS)
def test_doors_open_to_a_post_only(line: WholeLine, method: str, path: str) -> None:
    reply = send(line.web + path, headers={SIGNED: signature(NEW_SECRET, line.web + path)}, method=method)

    assert reply.status == 405
    assert reply.body in (b"", b"<Response/>")


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", "text/xml", "", "ä"])
@pytest.mark.parametrize("path", DOORS)
def test_a_body_of_another_kind_is_refused_without_a_word(line: WholeLine, path: str, kind: str) -> None:
    headers = {"Content-Type": kind, SIGNED: signature(NEW_SECRET, line.web + path)}
    reply = send(line.web + path, b'{"CallSid": "CA1"}', headers)

    assert (reply.status, reply.body) == (403, b"")


@pytest.mark.parametrize("path", DOORS)
def test_a_request_without_any_field_is_answered(line: WholeLine, path: str) -> None:
    reply = send(line.web + path, headers={SIGNED: signature(NEW_SECRET, line.web + path)})

    assert problem(path, reply) == ""


def test_a_body_beyond_all_measure_is_refused_without_a_word(line: WholeLine) -> None:
    url = f"{line.web}/voice/incoming"
    reply = send(url, b"A=" + b"a" * 2_000_000, {"Content-Type": FORM, SIGNED: "x"})

    assert reply.status == 413
    assert reply.body in (b"", b"<Response/>")


@pytest.mark.parametrize("path", ["/voice//incoming", "//voice/incoming", "/voice/incoming/"])
def test_a_path_that_is_almost_a_door_is_no_redirect(line: WholeLine, path: str) -> None:
    """Twilio follows a redirect, and does not send the keys again."""
    reply = knock(line.web, path)

    assert reply.status in (200, 404)
    assert problem(path, reply) == ""
