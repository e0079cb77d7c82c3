"""What RQ runs, one effect at a time: done once, done again, or no longer wanted."""

from __future__ import annotations

import logging
import time

import pytest

from ivr.core.call import Answer, Leg
from ivr.core.draft import where_found
from ivr.core.effects import (
    CreateTask,
    EndLeg,
    Inquire,
    KeepNote,
    MoveCaller,
    MoveLeg,
    PlaceCall,
    RecordCall,
    RequestRefill,
    RequestRenewal,
    SendNote,
    WriteDisposition,
)
from ivr.core.events import HungUp, Keyed, TimerDue
from ivr.jobs import Crew, Jobs, delay_seconds
from ivr.orders import port
from ivr.store import EffectRow
from ivr.telephony.rest import Refused, Unknown
from ivr.telephony.twiml import FRAGMENT
from tests.worker.conftest import Opened, Sandbox
from tests.worker.shop import Shop
from tests.worker.test_placing import minutes_pass

MOVED = f"https://line.example/voice/leg-CA1/2/moved{FRAGMENT}"
BODY = {"call_id": "CA1", "revision": 1, "final": True, "outcome": "answered", "reached": "talk"}


def jobs_of(shop: Shop) -> Jobs:
    return Jobs(shop.board, shop.twilio, shop.doors)  # type: ignore[arg-type]


def run(shop: Shop, *kinds: str) -> EffectRow:
    """Run a call's effects of these kinds and return the last as it is then."""
    rows = list(shop.effects(*kinds))
    for row in rows:
        jobs_of(shop).run(row.id)
    last = shop.record.outbox.effect(rows[-1].id)
    assert last is not None
    return last


@pytest.fixture
def connecting(shop: Shop) -> Shop:
    """Ana has accepted: the caller is to be fetched from the hold queue."""
    shop.in_line()
    shop.dispatch.once()
    shop.tell("CA1", Keyed(shop.offers()[0].leg, "1"))
    assert shop.call().phase == "connecting"
    return shop


# ---------------------------------------------------------------- fetching a caller


def test_a_caller_is_taken_from_the_hold_queue_to_the_reserved_document(connecting: Shop) -> None:
    assert run(connecting, "MoveCaller").state == "done"
    assert connecting.twilio.asked == [("move_member", "CA1", MOVED)]


def test_what_is_done_is_not_done_again(connecting: Shop) -> None:
    run(connecting, "MoveCaller")
    run(connecting, "MoveCaller")
    assert len(connecting.twilio.asked) == 1


@pytest.mark.parametrize("trouble", [Unknown(), Unknown(503), Refused(20429, 429), Refused(None, None)])
def test_a_move_nobody_answered_is_tried_again(connecting: Shop, record_url: str, trouble: Exception) -> None:
    connecting.twilio.troubles.append(trouble)
    assert run(connecting, "MoveCaller").state == "due"
    minutes_pass(record_url)
    assert run(connecting, "MoveCaller").state == "done"


def test_a_caller_who_has_gone_is_closed_and_the_agent_is_free(connecting: Shop) -> None:
    connecting.twilio.members.clear()
    connecting.twilio.statuses["CA1"] = "completed"
    assert run(connecting, "MoveCaller").state == "done"
    assert connecting.call().phase == "over"
    assert connecting.call().outcome in ("abandoned", "short_abandon")
    connecting.tell("CA1", HungUp(connecting.offers()[0].leg, "completed"))  # they have heard so
    assert connecting.presence("ana") == "available"


def test_a_caller_who_left_the_queue_but_is_still_ours_is_moved_by_call(connecting: Shop) -> None:
    connecting.twilio.members.clear()
    assert run(connecting, "MoveCaller").state == "done"
    assert connecting.twilio.requests("move_call") == [["CA1", MOVED]]


def test_any_plain_refusal_is_looked_into(connecting: Shop) -> None:
    connecting.twilio.troubles.append(Refused(21000, 400))
    assert run(connecting, "MoveCaller").state == "done"
    assert [asked[0] for asked in connecting.twilio.asked] == ["move_member", "call_status", "move_call"]


def test_a_caller_who_hangs_up_while_they_are_moved_is_told_as_gone(connecting: Shop) -> None:
    connecting.twilio.members.clear()

    def hangs_up(asked: str) -> None:
        if asked == "move_call":
            connecting.twilio.statuses["CA1"] = "completed"

    connecting.twilio.meanwhile = hangs_up
    assert run(connecting, "MoveCaller").state == "done"
    assert connecting.call().phase == "over"


def test_a_leg_twilio_will_not_move_yet_is_tried_again(connecting: Shop) -> None:
    connecting.twilio.members.clear()
    connecting.twilio.statuses["CA1"] = "ringing"
    assert run(connecting, "MoveCaller").state == "due"


def test_a_caller_who_has_already_come_is_left_where_they_are(connecting: Shop) -> None:
    connecting.change("CA1", phase="talking")
    assert run(connecting, "MoveCaller").state == "done"
    assert connecting.twilio.asked == []


def test_a_caller_who_is_back_in_line_is_not_fetched_any_more(connecting: Shop) -> None:
    connecting.tell("CA1", HungUp(connecting.offers()[0].leg, "completed"))
    assert connecting.call().phase == "holding"
    assert run(connecting, "MoveCaller").state == "done"
    assert connecting.twilio.asked == []


def test_a_leg_that_is_over_is_not_moved(shop: Shop) -> None:
    shop.in_line()
    shop.tell("CA1", HungUp("leg-CA1", "completed"))
    shop.change("CA1", does=(MoveCaller("leg-CA1", 2), MoveLeg("leg-CA1", 2)))
    assert run(shop, "MoveCaller", "MoveLeg").state == "done"
    assert shop.twilio.asked == []


def test_a_leg_is_moved_by_call(shop: Shop) -> None:
    shop.in_line()
    shop.change("CA1", does=(MoveLeg("leg-CA1", 2),))
    assert run(shop, "MoveLeg").state == "done"
    assert shop.twilio.requests("move_call") == [["CA1", MOVED]]


# ---------------------------------------------------------------- ending a leg


def rung_leg(shop: Shop, state: str = "expected") -> None:
    shop.in_line()
    legs = {**shop.call().legs, "leg-A": Leg("leg-A", "agent", state, 1, "+15555550110")}
    shop.change("CA1", legs=legs, does=(PlaceCall("leg-A", "+15555550110", 15, 1), EndLeg("leg-A")))


def test_a_phone_that_rings_for_nobody_is_stopped(shop: Shop) -> None:
    rung_leg(shop)
    shop.record.bind_sid("leg-A", "CArung")
    assert run(shop, "EndLeg").state == "done"
    assert shop.twilio.asked == [("end_call", "CArung")]


def test_a_phone_that_is_being_rung_is_stopped_as_soon_as_we_know_its_call(shop: Shop, record_url: str) -> None:
    rung_leg(shop)
    outbox, placing = shop.record.outbox, shop.effect("PlaceCall")
    outbox.claim(placing.id, 15)
    assert run(shop, "EndLeg").state == "due"
    outbox.sending(placing.id)
    shop.record.bind_sid("leg-A", "CArung")
    outbox.done(placing.id, "CArung")
    minutes_pass(record_url)
    assert run(shop, "EndLeg").state == "done"
    assert shop.twilio.asked == [("end_call", "CArung")]


def test_a_phone_not_rung_yet_needs_no_stopping(shop: Shop) -> None:
    rung_leg(shop)
    assert run(shop, "EndLeg").state == "done"
    assert shop.twilio.asked == []


# ---------------------------------------------------------------- the order system


def write(shop: Shop, *does: object) -> None:
    if shop.record.load_call("CA1") is None:
        shop.in_line()
    shop.change("CA1", does=does)


def test_a_disposition_is_written_once_with_the_record_of_its_call(shop: Shop, sandbox: Sandbox) -> None:
    write(shop, WriteDisposition(1, BODY))
    assert run(shop, "WriteDisposition").state == "done"
    [disposition] = sandbox.told("dispositions")
    assert disposition["revision"] == 1
    assert sandbox.http("GET", "/v1/calls/CA1").json()["call_id"] == "CA1"


def test_a_record_told_late_says_how_the_call_stands_by_then(shop: Shop, sandbox: Sandbox) -> None:
    write(shop, RecordCall("routed"), RequestRefill("unknown"))
    shop.change("CA1", agents=("ana",))
    assert run(shop, "RecordCall").state == "done"
    told = sandbox.http("GET", "/v1/calls/CA1").json()
    assert (told["revision"], told["state"], told["agents"]) == (3, "under_way", ["ana"])
    assert [each["state"] for each in told["requests"]] == ["pending"]


def test_a_refill_the_order_system_refused_is_told_with_the_task_it_became(shop: Shop, sandbox: Sandbox) -> None:
    write(shop, RequestRefill("unknown"), RecordCall("routed"))
    run(shop, "RequestRefill")
    assert run(shop, "RecordCall").state == "done"
    [asked] = sandbox.http("GET", "/v1/calls/CA1").json()["requests"]
    [task] = sandbox.told("tasks")
    assert (asked["what"], asked["state"], asked["id"]) == ("refill", "refused", task["id"])


def test_of_a_backlog_only_the_newest_record_is_told(shop: Shop, sandbox: Sandbox) -> None:
    write(shop, RecordCall("identified"), RecordCall("routed"))
    first, second = shop.effects("RecordCall")
    for row in (second, first):  # the second waits for the first, which gives way to it
        jobs_of(shop).run(row.id)
    assert [row.state for row in shop.effects("RecordCall")] == ["done", "due"]
    jobs_of(shop).run(second.id)
    assert [row.state for row in shop.effects("RecordCall")] == ["done", "done"]
    assert sandbox.http("GET", "/v1/calls/CA1").json()["revision"] == 2


def test_a_note_is_told_in_words_once(shop: Shop, sandbox: Sandbox, record_url: str) -> None:
    write(shop, KeepNote(1, "ana", "She will ring again.", 2), SendNote(1))
    sandbox.fails("error")  # it does what it is asked and then answers 500
    assert run(shop, "SendNote").state == "due"
    sandbox.recovers()
    minutes_pass(record_url)
    assert run(shop, "SendNote").state == "done"
    [note] = sandbox.http("GET", "/v1/calls/CA1/notes").json()["items"]
    assert (note["text"], note["author"], note["revision"]) == ("She will ring again.", "ana", 2)


def test_a_note_that_is_kept_no_longer_is_not_told(shop: Shop, sandbox: Sandbox) -> None:
    write(shop, SendNote(1))
    assert run(shop, "SendNote").state == "done"
    assert sandbox.http("GET", "/v1/calls/CA1/notes").json()["items"] == []


def test_an_order_system_that_takes_no_notes_leaves_them_to_us(shop: Shop, sandbox: Sandbox) -> None:
    write(shop, KeepNote(1, "ana", "x" * 5000), SendNote(1))  # more than it takes
    assert run(shop, "SendNote").state == "done"
    assert shop.record.outbox.told("CA1")[-1].result.startswith("not kept: ")


class KeepsNoCalls:
    """An order system that has no calls: 404, until it has been asked what it serves, if it says so."""

    def __init__(self, says_what_it_serves: bool) -> None:
        self.says, self.served, self.asked = says_what_it_serves, frozenset[str](port.CAPABILITIES), 0

    def record_call(self, call_id: str, body: object) -> None:
        if "calls" not in self.served:
            raise port.Refused(port.NOT_SERVED)
        self.asked += 1
        raise port.Refused("http_404")

    def capabilities(self) -> frozenset[str]:
        if not self.says:
            raise port.Unavailable
        self.served = frozenset({"identify", "dispositions"})
        return self.served

    def close(self) -> None:
        """There is nothing to close."""


@pytest.mark.parametrize(("says", "asked"), [(True, 1), (False, 2)])
def test_an_order_system_that_keeps_no_calls_is_asked_once_if_it_says_so(shop: Shop, says: bool, asked: int) -> None:
    shop.board.orders = thin = KeepsNoCalls(says)  # type: ignore[assignment]
    for moment in ("routed", "answered"):
        write(shop, RecordCall(moment))
        assert run(shop, "RecordCall").state == "done"
    assert thin.asked == asked
    assert shop.record.outbox.told("CA1")[-1].result == ("not kept: not_served" if says else "not kept: http_404")


def test_the_record_knows_what_the_order_system_has(shop: Shop, sandbox: Sandbox) -> None:
    write(shop, WriteDisposition(1, BODY))
    run(shop, "WriteDisposition")
    [disposition] = shop.record.dispositions("CA1")
    assert disposition.written_revision == 1


@pytest.mark.parametrize("mode", ["down", "error", "slow"])
def test_an_order_system_that_fails_loses_nothing(shop: Shop, sandbox: Sandbox, record_url: str, mode: str) -> None:
    write(shop, WriteDisposition(1, BODY), CreateTask("voicemail"), RequestRefill("unknown"))
    sandbox.fails(mode)
    for row in shop.effects("WriteDisposition", "CreateTask", "RequestRefill"):
        jobs_of(shop).run(row.id)
    assert {row.state for row in shop.effects("WriteDisposition", "CreateTask", "RequestRefill")} == {"due"}
    sandbox.recovers()
    minutes_pass(record_url)
    for row in shop.effects("WriteDisposition", "CreateTask", "RequestRefill"):
        jobs_of(shop).run(row.id)
    assert len(sandbox.told("dispositions")) == 1
    assert sorted(task["what"] for task in sandbox.told("tasks")) == ["refill_refused", "voicemail"]


def test_an_answer_lost_on_the_way_does_not_make_two_of_anything(shop: Shop, sandbox: Sandbox, record_url: str) -> None:
    write(shop, CreateTask("voicemail"))
    sandbox.fails("error")  # it does what it is asked and then answers 500
    assert run(shop, "CreateTask").state == "due"
    sandbox.recovers()
    minutes_pass(record_url)
    assert run(shop, "CreateTask").state == "done"
    assert len(sandbox.told("tasks")) == 1


def test_order_system_effects_of_one_call_go_in_order(shop: Shop, sandbox: Sandbox) -> None:
    write(shop, CreateTask("first"), CreateTask("second"))
    first, second = shop.effects("CreateTask")
    jobs_of(shop).run(second.id)
    assert sandbox.told("tasks") == []
    jobs_of(shop).run(first.id)
    jobs_of(shop).run(second.id)
    assert [task["what"] for task in sandbox.told("tasks")] == ["first", "second"]


def test_an_answer_is_kept_for_the_call(shop: Shop, sandbox: Sandbox) -> None:
    write(shop, Inquire("who"))
    assert run(shop, "Inquire").state == "done"
    assert shop.record.answers("CA1")["who"].known


def test_a_wrong_proof_the_worker_asks_about_counts_as_one_asked_about_in_a_turn(shop: Shop, sandbox: Sandbox) -> None:
    proof = {"rx_number": "7001001", "date_of_birth": "1950-01-06"}
    for n in range(5):
        shop.in_line(f"CA{n}")
        shop.change(f"CA{n}", does=(Inquire("identity:0"),), fields=proof)
        jobs_of(shop).run(shop.effect("Inquire", f"CA{n}").id)
    shop.in_line("CA9")
    shop.change("CA9", does=(Inquire("identity:0"),), fields={**proof, "date_of_birth": "1950-01-05"})
    jobs_of(shop).run(shop.effect("Inquire", "CA9").id)
    assert [shop.record.answers(f"CA{n}") for n in (0, 9)] == [
        {"identity:0": Answer(True, {"refill": "not_found"})}
    ] * 2


def test_a_renewal_is_asked_for_once(shop: Shop, sandbox: Sandbox) -> None:
    renewable = next(
        each["id"]
        for each in sandbox.http("GET", "/v1/patients/patient-03/prescriptions").json()["items"]
        if each["refill"] == "no_refills"
    )
    write(shop, RequestRenewal(renewable))
    assert run(shop, "RequestRenewal").state == "done"
    write(shop, RequestRenewal(renewable))  # the prescriber has not answered yet
    assert run(shop, "RequestRenewal").state == "done"
    assert [each["prescription_id"] for each in sandbox.told("renewal-requests")] == [renewable]
    assert sandbox.told("tasks") == []


def test_a_question_is_asked_until_the_caller_has_gone(shop: Shop, record_url: str) -> None:
    write(shop, Inquire("who"))  # of an order system that is not there
    assert run(shop, "Inquire").state == "due"
    shop.tell("CA1", HungUp("leg-CA1", "completed"))
    minutes_pass(record_url)
    assert run(shop, "Inquire").state == "done"
    assert shop.record.answers("CA1") == {}


def test_a_refill_is_placed_once(shop: Shop, sandbox: Sandbox) -> None:
    eligible = next(
        each["id"]
        for person in sandbox.http("GET", "/_sandbox/people").json()["people"]
        for each in sandbox.http("GET", f"/v1/patients/{person['id']}/prescriptions").json().get("items", [])
        if each["refill"] == "eligible"
    )
    write(shop, RequestRefill(eligible))
    assert run(shop, "RequestRefill").state == "done"
    assert [each["prescription_id"] for each in sandbox.told("refill-requests")] == [eligible]
    write(shop, RequestRefill(eligible))  # another way to the same refill
    assert run(shop, "RequestRefill").state == "done"
    assert sandbox.told("tasks") == []


def test_a_refill_the_order_system_refuses_becomes_a_task(shop: Shop, sandbox: Sandbox) -> None:
    write(shop, RequestRefill("nothing"))
    assert run(shop, "RequestRefill").state == "done"
    [task] = sandbox.told("tasks")
    assert (task["what"], task["reason"], task["call_id"]) == ("refill_refused", "prescription_not_found", "CA1")


def test_a_renewal_the_order_system_refuses_becomes_a_task(shop: Shop, sandbox: Sandbox) -> None:
    write(shop, RequestRenewal("nothing"))
    assert run(shop, "RequestRenewal").state == "done"
    [task] = sandbox.told("tasks")
    assert (task["what"], task["prescription_id"], task["call_id"]) == ("renewal_refused", "nothing", "CA1")


def test_a_task_says_where_the_work_is(shop: Shop, sandbox: Sandbox) -> None:
    shop.in_line()
    shop.change("CA1", person="p1", recordings=("RE1",))
    about = where_found(shop.call())
    shop.change("CA1", does=(CreateTask("voicemail", True, about),))
    run(shop, "CreateTask")
    [task] = sandbox.told("tasks")
    assert {name: task[name] for name in ("urgent", "queue", "ticket_id", "person", "recordings")} == {
        "urgent": True,
        "queue": "front_desk",
        "ticket_id": "TCA1",
        "person": "p1",
        "recordings": ["RE1"],
    }


def test_a_task_asked_for_again_reads_as_it_did_though_its_call_has_gone_on(
    shop: Shop, sandbox: Sandbox, record_url: str
) -> None:
    shop.in_line(queue="pharmacist", within=0, licensed=True)
    shop.tell("CA1", TimerDue("emergency:unanswered"))
    sandbox.fails("error")  # it does what it is asked and then answers 500
    assert run(shop, "CreateTask").state == "due"
    shop.change("CA1", person="p1", recordings=("RE1",), ticket=None)
    sandbox.recovers()
    minutes_pass(record_url)
    assert run(shop, "CreateTask").state == "done"
    [task] = sandbox.told("tasks")
    assert (task["what"], task["ticket_id"]) == ("emergency_unanswered", "TCA1")


def test_a_refused_refill_is_one_task_though_it_is_refused_for_another_reason_the_next_time(
    shop: Shop, sandbox: Sandbox, record_url: str
) -> None:
    write(shop, RequestRefill("nothing"))
    key = f"{shop.effect('RequestRefill').id}.refused"
    earlier = {"what": "refill_refused", "urgent": False, "call_id": "CA1", "reason": "too_soon"}
    shop.board.orders.create_task(earlier, key)  # and its answer was lost
    assert run(shop, "RequestRefill").state == "done"
    assert [task["reason"] for task in sandbox.told("tasks")] == ["too_soon"]


def test_a_task_the_order_system_will_not_have_is_given_up(shop: Shop, sandbox: Sandbox) -> None:
    write(shop, RequestRefill("nothing", {"recordings": [f"RE{number:032}" for number in range(2000)]}))
    assert run(shop, "RequestRefill").state == "dead"


def test_what_the_order_system_will_never_take_is_given_up_and_the_next_goes_on(shop: Shop, sandbox: Sandbox) -> None:
    write(shop, WriteDisposition(1, {**BODY, "outcome": "no such outcome"}), CreateTask("voicemail"))
    assert run(shop, "WriteDisposition").state == "dead"
    assert run(shop, "CreateTask").state == "done"


def test_an_order_system_that_does_not_keep_calls_keeps_their_dispositions(shop: Shop, sandbox: Sandbox) -> None:
    write(shop, WriteDisposition(1, BODY))
    shop.change("CA1", recordings=tuple(f"RE{number:032}" for number in range(2000)))  # more than it takes
    assert run(shop, "WriteDisposition").state == "done"
    assert len(sandbox.told("dispositions")) == 1
    assert sandbox.http("GET", "/v1/calls/CA1").status_code == 404


# ---------------------------------------------------------------- what goes wrong


def test_a_fault_of_ours_is_logged_by_effect_and_kind_and_tried_again(
    connecting: Shop, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    connecting.twilio.troubles.append(RuntimeError("the caller is at +15555550130"))
    with caplog.at_level(logging.DEBUG):
        assert run(connecting, "MoveCaller").state == "due"
    said = caplog.text + "".join(capsys.readouterr())
    assert connecting.effect("MoveCaller").id in said
    assert "MoveCaller" in said
    assert "5555550130" not in said


def test_without_the_record_a_job_is_left_to_its_lease(connecting: Shop, record_url: str) -> None:
    effect_id = connecting.effect("MoveCaller").id
    connecting.away(record_url)
    jobs_of(connecting).run(effect_id)


def test_a_record_that_goes_away_in_the_middle_leaves_the_job_to_its_lease(connecting: Shop, record_url: str) -> None:
    effect_id = connecting.effect("MoveCaller").id
    connecting.twilio.meanwhile = lambda asked: connecting.away(record_url)
    jobs_of(connecting).run(effect_id)
    assert len(connecting.twilio.asked) == 1


def test_a_job_nobody_knows_is_nothing_to_do(shop: Shop) -> None:
    jobs_of(shop).run("CA0.1.0")


def test_an_effect_for_another_process_is_refused_and_said(shop: Shop) -> None:
    rung_leg(shop)
    jobs_of(shop).run(shop.effect("PlaceCall").id)
    assert shop.effect("PlaceCall").state == "due"
    assert shop.twilio.placed == []


def test_waiting_grows_from_half_a_second_to_fifteen() -> None:
    assert [delay_seconds(attempts) for attempts in (1, 2, 3, 4, 5, 6, 60)] == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]


# ---------------------------------------------------------------- many at once


def test_a_slow_answer_to_one_call_does_not_hold_up_another(opened: Opened, sandbox: Sandbox) -> None:
    shop = opened("ana")
    for number in range(8):
        shop.in_line(f"CA{number}")
        shop.change(f"CA{number}", does=(CreateTask("voicemail"),))
    sandbox.fails("slow")  # each waits for its whole time-out of half a second
    crew = Crew(jobs_of(shop), threads=8)
    began = time.monotonic()
    for row in shop.record.outbox.due("orders"):
        assert crew.hand(row.id)
    crew.close()
    assert time.monotonic() - began < 8 * 0.5 / 2
    assert {row.attempts for number in range(8) for row in shop.effects("CreateTask", call_id=f"CA{number}")} == {1}


class SlowJobs(Jobs):
    def __init__(self) -> None:
        self.ran: list[str] = []

    def run(self, effect_id: str) -> None:
        time.sleep(0.2)
        self.ran.append(effect_id)


def test_a_crew_with_its_hands_full_takes_no_more() -> None:
    slow = SlowJobs()
    crew = Crew(slow, threads=1)
    assert [crew.hand("a"), crew.hand("b"), crew.hand("c")] == [True, True, False]
    assert crew.hand("d", patience_seconds=2.0)
    crew.close()
    assert slow.ran[0] == "a"
    assert "c" not in slow.ran
