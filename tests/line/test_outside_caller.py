"""Whole calls from outside, through a carrier that is none of ours; each leaves exactly one disposition."""

from __future__ import annotations

import codecs
import json
import re
import socket
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

import pytest

from tests.line.conftest import MAIN, PRESCRIBERS, STAFF, Day
from tests.line.people import in_line, talk_a_while, they_talk

PATIENT, SHARED_NUMBER, OFFICE = "+16145550103", "+16145550111", "+16145550120"


def test_a_patient_known_by_their_number_talks_to_refills(day: Day) -> None:
    patient = day.carrier.dials(MAIN, PATIENT)
    patient.hears("dial 911")
    patient.chooses("English")
    patient.hears("Central Pharmacy")
    patient.chooses("refill")
    patient.hears("prescription number")
    patient.presses("0#")
    patient.hears("in line")
    agent = day.carrier.rings()
    they_talk(patient, agent)
    agent.hears("Caller: patient. About: refill request")

    assert day.presence(agent) == "on_call"
    patient.hangs_up()
    day.is_soon(lambda: day.presence(agent), "wrap_up")
    agent.codes("refill ordered")
    agent.hears("Thank you")
    agent.is_sent_away()
    day.is_soon(lambda: day.presence(agent), "available")
    told = {"queue": "refills", "reached": "talk", "tier": "number", "code": "refill_ordered", "final": True}
    day.disposition(patient, outcome="answered", **told)


def test_an_agent_who_keys_nothing_is_let_go_and_the_code_is_asked_for_later(day: Day) -> None:
    caller = day.stranger()
    agent = in_line(day, caller)
    they_talk(caller, agent)
    caller.hangs_up()
    agent.hears("What came of it?")
    agent.says_nothing()
    agent.is_sent_away()
    day.disposition(caller, outcome="answered", code=None, final=True)
    assert day.presence(agent) == "wrap_up"

    day.passes(seconds=31)
    told = day.disposition(caller, code="unresolved", final=True)
    day.is_soon(lambda: day.presence(agent), "available")
    day.is_soon(lambda: [task["what"] for task in tasks_of(day, told["call_id"])], ["disposition_missing"])


def test_a_caller_nobody_knows_asks_for_a_person_aloud_and_is_answered(day: Day) -> None:
    caller = day.stranger(StirVerstat="TN-Validation-Passed-A")
    caller.chooses("English")
    caller.says("Could I talk to somebody, please?")
    caller.hears("in line")
    agent = day.carrier.rings()
    agent.picks_up()
    agent.hears("Caller: unknown")
    talk_a_while(day, caller, agent)
    agent.hangs_up()
    caller.hears("Thank you for calling")

    caller.is_sent_away()
    day.disposition(caller, outcome="answered", queue="front_desk", caller="unknown", tier="anonymous", final=True)


def test_a_prescribers_office_known_by_its_number_is_asked_nothing(day: Day) -> None:
    office = day.carrier.dials(MAIN, OFFICE)
    office.chooses("English")
    office.hears("in line")
    agent = day.carrier.rings()
    they_talk(office, agent)
    office.hangs_up()

    assert not any("For a refill" in said for said in office.heard)
    day.disposition(office, outcome="answered", queue="verification", caller="prescriber", final=True)


def test_the_prescribers_own_number_leads_to_verification(day: Day) -> None:
    office = day.stranger(PRESCRIBERS)
    office.hears("patient in danger")
    office.says_nothing()
    office.hears("N P I")  # their number is not on file
    office.presses("1#")
    office.hears("in line")
    they_talk(office, day.carrier.rings())
    office.hangs_up()

    day.disposition(office, outcome="answered", queue="verification", line="prescribers", final=True)


def test_at_night_a_caller_leaves_a_message(day: Day) -> None:
    day.night_falls()
    caller = day.stranger()
    caller.chooses("English")
    caller.chooses("person")
    caller.hears("closed now")
    caller.leaves_message()
    caller.hears("We have your message")

    caller.is_sent_away()
    assert day.rung() == []
    told = day.disposition(caller, outcome="voicemail", code="message_taken", queue="front_desk", final=False)
    day.is_soon(lambda: [task["what"] for task in tasks_of(day, told["call_id"])], ["voicemail"])


def tasks_of(day: Day, call_id: str) -> list[dict[str, object]]:
    return [task for task in day.order_system("/v1/tasks") if task["call_id"] == call_id]


def test_a_caller_keeps_their_place_by_callback_and_is_rung_back(day: Day) -> None:
    caller = day.stranger()
    first = in_line(day, caller)
    caller.hears("have us call you back")
    caller.chooses("call you back")
    caller.hears("the number you are calling from")
    caller.chooses("to confirm")
    caller.hears("You keep your place")
    caller.chooses("in your turn")
    caller.is_sent_away()
    first.is_sent_away()
    day.disposition(caller, outcome="callback", final=False)

    agent = day.carrier.rings()
    agent.picks_up()
    agent.hears("Call back")
    agent.chooses("take it")
    person = day.carrier.rings(to=caller.caller)
    person.picks_up()
    person.hears("returning a call")
    person.chooses("asked us to call")
    person.until(lambda: person.room, "is in the room")

    assert agent.room == person.room
    person.hangs_up()
    agent.codes("refill ordered")
    day.disposition(caller, outcome="callback", code="refill_ordered", reached="talk", attempts=1, final=True)


def test_a_caller_who_hangs_up_in_the_menu_has_abandoned(day: Day) -> None:
    caller = day.stranger()
    caller.chooses("English")
    caller.hangs_up()

    day.disposition(caller, outcome="abandoned", reached="menu", code="abandoned_ivr", final=True)
    assert day.rung() == []


def test_a_caller_who_hangs_up_on_hold_has_abandoned(day: Day) -> None:
    day.on_break("mateo", "omar")
    caller = day.stranger()
    caller.chooses("English")
    caller.chooses("insurance")
    caller.presses("0#")
    caller.hears("in line")
    day.passes(seconds=20)
    caller.hears("still in line")
    caller.hangs_up()

    told = day.disposition(caller, outcome="abandoned", reached="hold", queue="insurance", final=True)
    assert told["waited_seconds"] >= 20
    assert day.rung() == []


def test_a_caller_who_hangs_up_while_an_agents_phone_rings_lets_it_fall_silent(day: Day) -> None:
    caller = day.stranger()
    agent = in_line(day, caller)
    assert day.presence(agent) == "offered"
    caller.hangs_up()
    agent.until(lambda: agent.status == "canceled", "stops ringing")

    day.is_soon(lambda: day.presence(agent), "available")
    day.disposition(caller, outcome="short_abandon", reached="offer", final=True)
    assert len(day.rung()) == 1


def test_a_caller_who_hangs_up_while_an_agent_hears_the_whisper_sets_them_free(day: Day) -> None:
    caller = day.stranger()
    agent = in_line(day, caller)
    agent.picks_up()
    caller.hangs_up()
    agent.is_sent_away(seconds=3)

    day.is_soon(lambda: day.presence(agent), "available")
    day.disposition(caller, outcome="short_abandon", reached="offer", final=True)


def test_a_caller_who_hangs_up_as_an_agent_says_yes_leaves_nobody_behind(day: Day) -> None:
    """They may still meet, or not: either way the agent is off the phone, and the call has one end."""
    caller = day.stranger()
    agent = in_line(day, caller)
    agent.picks_up()
    agent.chooses("take it")
    caller.hangs_up()
    agent.is_sent_away()

    told = day.disposition(caller, final=True)
    free = {"short_abandon": "available", "answered": "wrap_up"}
    day.is_soon(lambda: day.presence(agent), free[told["outcome"]])


def test_an_agent_who_does_not_pick_up_goes_on_break_and_the_caller_keeps_their_place(day: Day) -> None:
    caller = day.stranger()
    missed = in_line(day, caller)
    missed.rings_out()
    day.is_soon(lambda: day.presence(missed), "on_break missed")
    agent = day.carrier.rings()
    assert agent.to != missed.to
    they_talk(caller, agent)
    caller.hangs_up()

    told = day.disposition(caller, outcome="answered", reached="talk", promise_kept=True, final=True)
    assert told["arrived_at"] == day.disposition(caller)["arrived_at"]
    day.passes(minutes=2, seconds=1)
    day.is_soon(lambda: day.presence(missed), "available")


def test_an_agent_who_declines_is_free_and_another_is_rung(day: Day) -> None:
    caller = day.stranger()
    first = in_line(day, caller)
    first.picks_up()
    first.presses("2")
    first.hears("Somebody else")
    first.is_sent_away()
    day.is_soon(partial(day.presence, first), "available")
    agent = day.carrier.rings()
    assert agent.to != first.to
    they_talk(caller, agent)
    caller.hangs_up()

    day.disposition(caller, outcome="answered", final=True)


def test_an_emergency_rings_three_and_only_one_of_them_gets_the_caller(day: Day) -> None:
    caller = day.stranger()
    caller.chooses("English")
    caller.chooses("bad reaction")
    caller.hears("calling a pharmacist")
    agents = [day.carrier.rings() for _ in range(3)]
    for agent in agents:
        agent.picks_up()
        agent.hears("Emergency")
    with ThreadPoolExecutor(3) as at_once:
        list(at_once.map(lambda agent: agent.chooses("take it"), agents))
    caller.until(lambda: caller.room, "is brought to a pharmacist")

    taken = [agent for agent in agents if agent.room]
    assert [agent.room for agent in taken] == [caller.room]
    for agent in agents:
        if agent not in taken:
            agent.is_sent_away()
            day.is_soon(partial(day.presence, agent), "available")
    caller.hangs_up()
    told = day.disposition(caller, outcome="answered", queue="pharmacist", urgency="emergency", final=True)
    assert told["agents"] == [day.agent(taken[0])]


def test_a_caller_by_sip_is_answered(day: Day) -> None:
    sip = {"SipCallId": "f81d4fae@clinic.example", "SipHeader_X-Clinic": "<b>Birch & Lane</b>"}
    caller = day.carrier.dials("sip:+12125550110@pharmacy.example", "sip:front@clinic.example", **sip)
    they_talk(caller, in_line(day, caller))
    caller.hangs_up()

    day.disposition(caller, outcome="answered", line="main", tier="anonymous", final=True)


def test_a_caller_who_withholds_their_number_is_answered(day: Day) -> None:
    caller = day.carrier.dials(MAIN, "anonymous")
    they_talk(caller, in_line(day, caller))
    caller.hangs_up()

    day.disposition(caller, outcome="answered", tier="anonymous", final=True)


def test_a_caller_who_withholds_their_number_says_where_to_call_back(day: Day) -> None:
    caller = day.carrier.dials(MAIN, "+266696687")
    in_line(day, caller)
    caller.hears("have us call you back")
    caller.chooses("call you back")
    caller.hears("key in your number")
    caller.presses("9405550188#")
    caller.hears("9 4 0")
    caller.chooses("confirm")
    caller.hears("You keep your place")
    caller.chooses("in your turn")
    agent = day.carrier.rings()
    agent.picks_up()
    agent.chooses("take it")
    person = day.carrier.rings(to="+19405550188")
    person.picks_up()
    person.chooses("asked us to call")
    person.until(lambda: person.room, "is in the room")
    person.hangs_up()

    agent.codes("answered")
    day.disposition(caller, outcome="callback", code="answered", attempts=1, final=True)


def test_two_people_on_one_number_are_told_apart_by_their_prescription(day: Day) -> None:
    son = day.carrier.dials(MAIN, SHARED_NUMBER)
    son.chooses("English")
    son.chooses("refill")
    son.presses("7012001")
    son.hears("can be refilled now")
    son.chooses("order it")
    son.hears("refill is ordered")
    son.chooses("that is all")
    son.is_sent_away()
    mother = day.carrier.dials(MAIN, SHARED_NUMBER)
    mother.chooses("order or a delivery")  # the language of this number is known by now
    mother.presses("7011001")
    mother.hears("in line")
    they_talk(mother, day.carrier.rings())
    mother.hangs_up()

    day.disposition(son, outcome="self_served", code="refill_ordered", tier="prescription", final=True)
    day.disposition(mother, outcome="answered", queue="refills", rule="Late cold-chain parcel", final=True)


# ---------------------------------------------------------------- what is handed out, and what is kept

PRIVATE = {
    "who rings": ["9405550142", "6145550101"],
    "who is rung": [number.removeprefix("+1") for number in STAFF],
    "what is keyed": ["7001001", "01051950", "1950-01-05", "9405550143"],
    "who is known": ["Marsh", "Ruth", "patient-01"],
}
DOOR = re.compile(r"/voice/([\w-]{20,}/\d{1,4}/(next|held|wait|after|moved|status)|fallback|rung|rescued)")
OVERRIDES = {"rc": range(6), "ct": range(100, 10001), "rt": range(100, 15001), "tt": range(100, 15001)}


@dataclass(frozen=True)
class Traces:
    """What one call in which all of that was said has left: the URLs handed out, and every word to Valkey."""

    urls: frozenset[str]
    sids: frozenset[str]
    told_valkey: bytes


@pytest.fixture(scope="module")
def traces(days: Iterator[Day]) -> Traces:
    """A stranger proves a prescription, and is called back at another number."""
    day = next(days)
    day.line.everybody_available()
    url = urlsplit(json.loads((day.line.folder / "var" / "practice.json").read_text())["REDIS_URL"])
    with socket.create_connection((url.hostname, url.port), timeout=5) as listening:
        listening.sendall(b"MONITOR\r\n")
        private_call(day)
        listening.sendall(b"QUIT\r\n")
        told = b"".join(iter(partial(listening.recv, 65536), b""))
    return Traces(frozenset(handed_out(day)), frozenset(phone.sid for phone in day.phones()), told)


def private_call(day: Day) -> None:
    caller = day.carrier.dials(MAIN, "+19405550142")
    caller.chooses("English")
    caller.chooses("order or a delivery")
    caller.presses("7001001")
    caller.hears("date of birth")
    caller.presses("01051950")
    caller.hears("can be refilled now")
    caller.presses("0")
    caller.until(lambda: caller.on_hold, "is on hold")
    caller.chooses("call you back")
    caller.hears("the number you are calling from")
    caller.presses("2")
    caller.presses("9405550143#")
    caller.chooses("confirm")
    caller.chooses("in your turn")
    agent = day.carrier.rings()
    agent.picks_up()
    agent.chooses("take it")
    person = day.carrier.rings(to="+19405550143")
    person.picks_up()
    person.chooses("asked us to call")
    person.until(lambda: person.room, "is in the room")
    person.hangs_up()
    agent.codes("follow up")
    day.disposition(caller, code="follow_up", tier="prescription", final=True)


def handed_out(day: Day) -> Iterator[str]:
    """Every URL the line has given Twilio in the calls of this test, in TwiML or by REST; sounds are no doors."""
    sids = {phone.sid for phone in day.phones()}
    for _, fields, reply in list(day.carrier.replies):
        if fields["CallSid"] in sids:
            for verb in reply.twiml.iter():
                yield from (verb.attrib[name] for name in ("action", "waitUrl", "url") if verb.get(name))
                yield from [verb.text or ""] if verb.tag == "Redirect" else []
    for method, path, fields in list(day.carrier.requests):
        if method == "POST" and "/Queues.json" not in path:
            yield from (fields[name] for name in ("Url", "FallbackUrl", "StatusCallback") if name in fields)


def test_no_url_says_anything_of_anybody(day: Day, traces: Traces) -> None:
    paths = {url.removeprefix(day.line.web).partition("#")[0] for url in traces.urls}

    assert {path.rpartition("/")[2] for path in paths} >= {"next", "held", "wait", "after", "moved", "status"}
    assert not [path for path in paths if not DOOR.fullmatch(path)]
    assert not [path for path in paths for values in PRIVATE.values() for value in values if value in path]
    assert not [path for path in paths for sid in traces.sids if sid in path]


def test_every_url_asks_for_retries_in_words_twilio_knows(traces: Traces) -> None:
    for url in traces.urls:
        given = dict(part.split("=") for part in url.partition("#")[2].split("&"))
        assert set(given.pop("rp").split(",")) == {"ct", "rt", "5xx"}
        assert given.keys() == OVERRIDES.keys()
        assert all(int(value) in OVERRIDES[name] for name, value in given.items())


def test_valkey_is_told_nothing_private(traces: Traces) -> None:
    """Every command of a call, with jobs unpacked: what is never said there is never kept there."""
    words = [codecs.escape_decode(word)[0] for word in re.findall(rb'"((?:[^"\\]|\\.)*)"', traces.told_valkey)]
    said = b"\n".join(zlib.decompress(word) if word.startswith(b"x\x9c") else word for word in words)

    assert b"rxline:bell:dispatch" in said
    assert b"ivr.jobs.run" in said
    for what, values in PRIVATE.items():
        assert not [value for value in values if value.encode() in said], f"{what} was told to Valkey"


def test_nothing_private_is_in_the_logs(day: Day, traces: Traces) -> None:
    for what, values in PRIVATE.items():
        assert not [value for value in values if value in day.line.log], f"{what} is in the logs"
    assert "Traceback" not in day.line.log


def test_every_call_so_far_has_left_one_disposition(day: Day) -> None:
    """Whatever tests ran before this one: as many rows as callers, and no row of anybody else."""
    rang_us = sorted(phone.sid for phone in day.carrier.phones.values() if phone.direction == "inbound")

    day.is_soon(lambda: sorted(row["call_id"] for row in day.order_system("/v1/dispositions")), rang_us)
