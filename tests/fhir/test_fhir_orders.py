"""The line on a FHIR server: ours, and one that nobody here wrote."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import pytest

from ivr.core.call import Call, Caller
from ivr.orders.fhir.words import CALL, DISPOSITION, KEY, STEP, TASK, Json
from ivr.orders.port import KEY_REUSED, RENEWAL_OPEN, Contact, OrderSystem, Person, Prescriber, Proof, Refused
from ivr.orders.questions import put
from tests.fhir import cast
from tests.fhir.cast import ADA, ADAS_BIRTH, ADAS_RX, ADAS_ZIP, CAROL, LEO, NOBODY, OFFICE
from tests.fhir.conftest import NOW

CALL_ID = "CA" + "1" * 32
RX1, RX2, RX3 = (f"MedicationRequest/rx{number}" for number in (1, 2, 3))
LEFT = {"revision": 1, "final": False, "outcome": "callback"}
DONE = {"revision": 2, "final": True, "outcome": "answered"}


def codes(concept: Json) -> list[tuple[str, str]]:
    return [(one["system"], one["code"]) for one in concept["coding"]]


# ---------------------------------------------------------------- who is calling


def test_a_patient_is_known_by_her_number(orders):
    assert orders.identify(ADA) == (Person("Patient/ada", "patient", "en", "slow", (), True),)


def test_a_number_filed_the_way_people_write_it_is_the_same_number(orders, shelf):
    shelf.put(cast.patient("olga", "(614) 555-0130"))
    assert [person.id for person in orders.identify("+16145550130")] == ["Patient/olga"]


def test_two_patients_who_share_a_number_are_both_named(orders):
    assert {person.id for person in orders.identify(LEO)} == {"Patient/kaya", "Patient/leo"}


def test_who_acts_for_a_patient_and_a_prescribers_office_are_known_too(orders):
    assert orders.identify(CAROL) == (Person("RelatedPerson/carol", "caregiver", None, None, ("Patient/ada",), None),)
    assert [person.kind for person in orders.identify(OFFICE)] == ["prescriber"]
    assert orders.identify(NOBODY) == ()


def test_an_office_is_known_by_its_npi_and_proved_by_its_number(orders):
    assert orders.prescriber("1234567893", OFFICE) == Prescriber("Practitioner/quay", True)
    assert orders.prescriber("1234567893", ADA) == Prescriber("Practitioner/quay", False)
    assert orders.prescriber("1993999998", OFFICE) is None


def test_an_office_may_be_reached_by_the_number_of_a_role(orders, shelf):
    about = {"reference": "Practitioner/quay"}
    role = {"resourceType": "PractitionerRole", "id": "r1", "practitioner": about, "telecom": [cast.phone(ADA)]}
    shelf.put(role)
    assert orders.prescriber("1234567893", ADA) == Prescriber("Practitioner/quay", True)


# ---------------------------------------------------------------- proof


def test_a_number_from_the_label_and_a_birth_date_that_fit_are_a_proof(orders):
    proved = orders.prove(Proof(ADA, ADAS_RX, ADAS_BIRTH, ADAS_ZIP))
    assert (proved.about, proved.fits, proved.number_on_file) == ("Patient/ada", True, True)
    assert (proved.permission, proved.access, proved.texts, proved.language) == ("everything", "slow", True, "en")
    assert proved.prescription.id == RX1


@pytest.mark.parametrize("wrong", [{"date_of_birth": "1950-01-06"}, {"zip": "43005"}])
def test_what_does_not_fit_says_nothing_but_whom_it_was_aimed_at(orders, wrong):
    proved = orders.prove(Proof(ADA, ADAS_RX, **wrong))
    assert (proved.about, proved.fits, proved.number_on_file) == ("Patient/ada", False, True)
    assert (proved.permission, proved.prescription, proved.language) == (None, None, None)


def test_a_number_nobody_has_leads_to_nobody(orders):
    proved = orders.prove(Proof(ADA, "7999999", ADAS_BIRTH))
    assert (proved.about, proved.fits) == (None, False)


def test_a_number_two_prescriptions_have_leads_to_nobody(orders, shelf):
    shelf.put(cast.prescription("twin", "leo", ADAS_RX))
    assert orders.prove(Proof(ADA, ADAS_RX, ADAS_BIRTH)).about is None


def test_without_a_number_the_phone_leads_to_the_one_who_fits(orders):
    proved = orders.prove(Proof(LEO, date_of_birth="2012-07-08"))
    assert (proved.about, proved.fits, proved.prescription) == ("Patient/leo", True, None)
    assert orders.prove(Proof(LEO, date_of_birth="1999-01-01")).about is None


def test_who_acts_for_a_patient_hears_what_was_agreed_to(orders):
    proved = orders.prove(Proof(CAROL, date_of_birth=ADAS_BIRTH))
    assert (proved.about, proved.fits, proved.number_on_file, proved.permission) == (
        *("Patient/ada", True, True),
        "refills",
    )


def test_a_permission_that_was_taken_back_is_none(orders, shelf):
    shelf.put(cast.consent("carol-may", "ada", "carol", "deny"))
    proved = orders.prove(Proof(CAROL, ADAS_RX, ADAS_BIRTH))
    assert (proved.fits, proved.number_on_file, proved.permission) == (True, False, "nothing")
    assert orders.identify(CAROL)[0].acts_for == ()


def test_a_borrowed_phone_is_no_hindrance_and_an_offices_is(orders):
    assert orders.prove(Proof(NOBODY, ADAS_RX, ADAS_BIRTH)).permission == "everything"
    assert orders.prove(Proof(OFFICE, ADAS_RX, ADAS_BIRTH)).permission == "nothing"
    assert orders.prove(Proof(None, ADAS_RX, ADAS_BIRTH)).number_on_file is False


def test_a_phone_alone_proves_nothing(orders):
    with pytest.raises(Refused, match=r"^body_invalid$"):
        orders.prove(Proof(ADA, zip=ADAS_ZIP))


# ---------------------------------------------------------------- prescriptions


def test_prescriptions_come_with_what_they_stand_at(orders):
    first, second = orders.prescriptions("Patient/ada")
    assert (first.refill, first.acts_next, first.days_left, first.last4) == ("eligible", "nobody", 0, "1001")
    assert (first.earliest_refill_on, first.renewal, first.cold_chain) == (date(2026, 11, 17), "none", False)
    assert (second.refill, second.acts_next, second.order_state) == ("no_refills", "patient", None)


def test_a_late_parcel_comes_with_when_it_should_come_and_who_acts(orders):
    (late,) = orders.prescriptions("Patient/leo")
    assert (late.refill, late.order_state, late.acts_next) == ("already_in_process", "delayed", "carrier")
    assert (late.expected_on, late.since, late.answer_by) == (
        *(date(2026, 11, 27), date(2026, 11, 22)),
        date(2026, 11, 25),
    )


def test_what_is_owed_comes_in_dollars_and_cents(orders, shelf):
    owed = cast.output("balance", valueMoney={"value": 24.6, "currency": "USD"})
    shelf.put(cast.task("t", "rx1", "ada", "payment-failed", status="on-hold", output=[owed]))
    first, _ = orders.prescriptions("Patient/ada")
    assert (first.refill, first.payment, first.balance) == ("payment_blocked", "failed", Decimal("24.60"))


def test_nobody_but_a_patient_has_prescriptions(orders):
    with pytest.raises(Refused):
        orders.prescriptions("RelatedPerson/carol")
    with pytest.raises(Refused):
        orders.prescriptions("Patient/nobody")


# ---------------------------------------------------------------- refills and renewals


def test_a_refill_sent_again_is_placed_once_and_is_under_way(orders, shelf):
    first, again = (orders.request_refill(RX1, CALL_ID, "key-1") for _ in range(2))
    assert first == again
    placed = [task for task in shelf.all("Task") if task.get("identifier")]
    assert [task["focus"] for task in placed] == [{"reference": RX1}]
    assert codes(placed[0]["code"]) == [(TASK, "refill")]
    assert orders.prescriptions("Patient/ada")[0].refill == "already_in_process"
    with pytest.raises(Refused, match=r"^already_in_process$"):
        orders.request_refill(RX1, CALL_ID, "key-2")


def test_two_wishes_for_one_refill_at_once_place_one(orders, shelf):
    assert sorted(at_once(orders, "request_refill", RX1)) == ["already_in_process"] * 5 + ["placed"]
    assert len([task for task in shelf.all("Task") if task.get("identifier")]) == 1


def test_two_wishes_for_one_renewal_at_once_ask_once(orders, shelf):
    assert sorted(at_once(orders, "request_renewal", RX2)) == ["placed"] + [RENEWAL_OPEN] * 5
    assert len([task for task in shelf.all("Task") if task.get("identifier")]) == 1


def at_once(orders: OrderSystem, wish: str, prescription: str) -> list[str]:
    def ask(number: int) -> str:
        try:
            getattr(orders, wish)(prescription, CALL_ID, f"key-{number}")
        except Refused as refused:
            return refused.code
        return "placed"

    with ThreadPoolExecutor(6) as pool:
        return list(pool.map(ask, range(6)))


def test_a_refill_that_is_blocked_is_refused_with_what_blocks_it(orders, shelf):
    with pytest.raises(Refused, match=r"^no_refills$"):
        orders.request_refill(RX2, CALL_ID, "key-1")
    for nothing in ("MedicationRequest/none", "rx_0001"):
        with pytest.raises(Refused, match=r"^prescription_not_found$"):
            orders.request_refill(nothing, CALL_ID, "key-2")
    assert [task["id"] for task in shelf.all("Task")] == ["rx3-parcel"]


def test_a_key_used_for_another_prescription_is_refused(orders):
    orders.request_refill(RX1, CALL_ID, "key-1")
    with pytest.raises(Refused, match=f"^{KEY_REUSED}$"):
        orders.request_refill(RX2, CALL_ID, "key-1")


def test_a_renewal_is_asked_where_one_is_needed_and_told(orders, shelf):
    with pytest.raises(Refused, match=r"^not_renewable$"):
        orders.request_renewal(RX1, CALL_ID, "key-1")
    assert orders.request_renewal(RX2, CALL_ID, "key-2").startswith("Task/")
    after = orders.prescriptions("Patient/ada")[1]
    assert (after.renewal, after.order_state, after.acts_next) == ("requested", "awaiting_provider", "prescriber")


def test_a_renewal_the_prescriber_denied_is_not_asked_for_again(orders, shelf):
    shelf.put(cast.task("no", "rx2", "ada", code="approve", status="rejected"))
    with pytest.raises(Refused, match=r"^renewal_denied$"):
        orders.request_renewal(RX2, CALL_ID, "key-1")


# ---------------------------------------------------------------- calls


def test_a_call_is_a_virtual_encounter_with_its_whole_record(orders, shelf):
    body = {
        **{"line": "main", "person": "Patient/ada", "intent": "refill_request", "urgency": "urgent"},
        **{"arrived_at": "2026-11-24T15:00:00+00:00", "ended_at": "2026-11-24T15:04:00+00:00"},
        **{"agents": ["maria"], "waited_seconds": 41, "promise_kept": True, "rule": None, "recordings": []},
    }
    orders.record_call(CALL_ID, body)
    kept = shelf.one("Encounter")
    assert (kept["class"]["code"], kept["identifier"]) == ("VR", [{"system": CALL, "value": CALL_ID}])
    assert (kept["subject"], kept["period"]["end"]) == ({"reference": "Patient/ada"}, body["ended_at"])
    assert [one["individual"]["identifier"]["value"] for one in kept["participant"]] == ["maria"]
    assert plain(kept, "urn:rxline:record") == {name: value for name, value in body.items() if value not in (None, [])}


def plain(resource: Json, url: str) -> Json:
    (whole,) = (one for one in resource["extension"] if one["url"] == url)
    return {
        one["url"]: [value] if one["url"] == "agents" else value
        for one in whole["extension"]
        for name, value in one.items()
        if name != "url"
    }


def test_a_call_record_is_replaced_and_never_doubled(orders, shelf):
    orders.record_call(CALL_ID, {"line": "main", "queue": "refills"})
    orders.record_call(CALL_ID, {"line": "main", "intent": "refill_request"})
    assert plain(shelf.one("Encounter"), "urn:rxline:record") == {"line": "main", "intent": "refill_request"}


def test_a_newer_disposition_replaces_the_older_on_the_one_call(orders, shelf):
    orders.record_call(CALL_ID, {"line": "main"})
    orders.write_disposition(CALL_ID, LEFT, "key-1")
    assert shelf.one("Encounter")["status"] == "in-progress"
    orders.write_disposition(CALL_ID, DONE, "key-2")
    kept = shelf.one("Encounter")
    assert (kept["status"], plain(kept, DISPOSITION)) == ("finished", DONE)
    assert plain(kept, "urn:rxline:record") == {"line": "main"}


@pytest.mark.parametrize("late", [1, 2])
def test_a_disposition_that_comes_late_changes_nothing(orders, shelf, late):
    orders.write_disposition(CALL_ID, DONE, "key-2")
    before = shelf.one("Encounter")
    orders.write_disposition(CALL_ID, {**LEFT, "revision": late}, "key-1")
    assert shelf.one("Encounter") == before


def test_a_record_of_an_earlier_revision_changes_nothing(orders, shelf):
    orders.record_call(CALL_ID, DONE)
    before = shelf.one("Encounter")
    orders.record_call(CALL_ID, LEFT)
    orders.record_call(CALL_ID, DONE)
    assert shelf.one("Encounter") == before


def test_what_others_wrote_on_a_call_stays(orders, shelf):
    orders.record_call(CALL_ID, {"line": "main"})
    kept = shelf.one("Encounter")
    theirs = {"url": "urn:theirs", "valueString": "a word"}
    shelf.put({**kept, "extension": [*kept["extension"], theirs], "length": {"value": 4, "unit": "min"}})
    orders.write_disposition(CALL_ID, DONE, "key-1")
    after = shelf.one("Encounter")
    assert theirs in after["extension"]
    assert after["length"]["value"] == 4


def test_revisions_written_at_once_leave_one_call_with_the_newest(orders, shelf):
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda n: orders.write_disposition(CALL_ID, {**DONE, "revision": n}, f"key-{n}"), range(3)))
    assert plain(shelf.one("Encounter"), DISPOSITION)["revision"] == 2


def test_the_next_step_is_a_task_that_follows_the_disposition(orders, shelf):
    orders.record_call(CALL_ID, {"person": "Patient/ada"})
    step = {
        **{"next_step": "prescriber_to_respond", "owner": "prescriber", "due_at": "2026-11-27T15:00:00+00:00"},
        **{"resolution": "renewal_requested", "queue": "refills"},
    }
    for _ in range(2):
        orders.write_disposition(CALL_ID, {**LEFT, **step}, "key-1")
    (task,) = (each for each in shelf.all("Task") if each.get("identifier"))
    assert (task["identifier"], task["status"]) == ([{"system": STEP, "value": CALL_ID}], "requested")
    assert codes(task["businessStatus"]) == [(STEP, "prescriber_to_respond")]
    assert codes(task["performerType"][0]) == [("urn:rxline:owner", "prescriber")]
    assert codes(task["reasonCode"]) == [("urn:rxline:outcome", "renewal_requested")]
    assert (task["restriction"]["period"]["end"], task["for"]) == (step["due_at"], {"reference": "Patient/ada"})
    orders.write_disposition(CALL_ID, {**DONE, "next_step": "none"}, "key-2")
    orders.write_disposition(CALL_ID, {**LEFT, **step}, "key-1")
    (task,) = (each for each in shelf.all("Task") if each.get("identifier"))
    assert task["status"] == "completed"


def test_a_disposition_without_a_next_step_leaves_no_task(orders, shelf):
    orders.write_disposition(CALL_ID, {**DONE, "next_step": "none"}, "key-1")
    assert [task["id"] for task in shelf.all("Task")] == ["rx3-parcel"]


@pytest.mark.parametrize("body", [{"revision": 1, "final": True}, {**DONE, "revision": "1"}, {**DONE, "outcome": ""}])
def test_a_disposition_that_is_none_is_refused(orders, body):
    with pytest.raises(Refused, match=r"^body_invalid$"):
        orders.write_disposition(CALL_ID, body, "key-1")


# ---------------------------------------------------------------- tasks, notes, contacts


def test_a_task_is_put_before_staff_once(orders, shelf):
    body = {
        **{"what": "message", "urgent": True, "call_id": CALL_ID, "person": "Patient/ada", "queue": "refills"},
        **{"prescription": RX1, "recordings": ["RE1", "RE2"], "found": {"at": 3}},
    }
    first, again = (orders.create_task(body, "key-1") for _ in range(2))
    assert first == again
    (task,) = (each for each in shelf.all("Task") if each.get("identifier"))
    assert (f"Task/{task['id']}", task["priority"], codes(task["code"])) == (first, "urgent", [(TASK, "message")])
    assert (task["focus"]["reference"], task["for"]["reference"]) == (RX1, "Patient/ada")
    assert task["encounter"]["identifier"] == {"system": CALL, "value": CALL_ID}
    told = [(one["type"]["text"], one["valueString"]) for one in task["input"] if "valueString" in one]
    assert told[:3] == [("queue", "refills"), ("recordings", "RE1"), ("recordings", "RE2")]
    with pytest.raises(Refused, match=f"^{KEY_REUSED}$"):
        orders.create_task({**body, "urgent": False}, "key-1")
    assert orders.prescriptions("Patient/ada")[0].refill == "eligible"  # a message about it is no fill


def test_an_id_that_another_order_system_gave_is_told_as_it_came(orders, shelf):
    orders.create_task({"what": "message", "person": "patient-01"}, "key-1")
    (task,) = (each for each in shelf.all("Task") if each.get("identifier"))
    assert "for" not in task
    assert task["input"] == [{"type": {"text": "person"}, "valueString": "patient-01"}]


def test_a_note_is_written_to_its_call_once(orders, shelf):
    orders.record_call(CALL_ID, {"person": "Patient/ada"})
    for _ in range(2):
        orders.add_note(CALL_ID, {"text": "asked for a call in the evening", "author": "maria", "about": RX1}, "key-1")
    kept = shelf.one("Communication")
    assert kept["payload"] == [{"contentString": "asked for a call in the evening"}]
    assert (kept["subject"], kept["identifier"]) == ({"reference": "Patient/ada"}, [{"system": KEY, "value": "key-1"}])
    assert (kept["encounter"]["identifier"]["value"], kept["about"]) == (CALL_ID, [{"reference": RX1}])
    assert orders.contacts("Patient/ada") == ()  # what we noted is not what they were told


def test_a_note_to_a_call_nobody_recorded_yet_is_kept_too(orders, shelf):
    orders.add_note(CALL_ID, {"text": "rang off"}, "key-1")
    assert "subject" not in shelf.one("Communication")


@pytest.mark.parametrize(
    ("method", "arguments"), [("create_task", ({"urgent": True}, "k")), ("add_note", (CALL_ID, {"text": ""}, "k"))]
)
def test_a_write_that_says_nothing_is_refused(orders, method, arguments):
    with pytest.raises(Refused, match=r"^body_invalid$"):
        getattr(orders, method)(*arguments)


def test_what_was_said_to_a_patient_comes_newest_first(orders, shelf):
    mode = "http://terminology.hl7.org/CodeSystem/v3-ParticipationMode"
    texted = {
        **{"resourceType": "Communication", "id": "m1", "status": "completed", "subject": {"reference": "Patient/ada"}},
        **{"sent": "2026-11-20T10:00:00Z", "recipient": [{"reference": "Patient/ada"}], "about": [{"reference": RX1}]},
        **{
            "medium": [{"coding": [{"system": mode, "code": "SMSWRIT"}]}],
            "payload": [{"contentString": "it is ready"}],
        },
    }
    wrote = {**texted, "id": "m2", "sent": "2026-11-21T10:00:00Z", "sender": {"reference": "Patient/ada"}}
    shelf.put(texted, wrote, {**texted, "id": "m3", "status": "not-done"})
    told = orders.contacts("Patient/ada")
    assert [one.direction for one in told] == ["from_patient", "to_patient"]
    at = datetime.fromisoformat("2026-11-20T10:00:00+00:00")
    assert told[1] == Contact(at, "sms", "to_patient", RX1, "it is ready")


# ---------------------------------------------------------------- who was told what


def test_every_question_about_somebody_is_written_down(orders, shelf):
    orders.identify(ADA)
    orders.prove(Proof(ADA, ADAS_RX, "1950-01-06"))
    orders.prescriptions("Patient/ada")
    kept = shelf.all("AuditEvent")
    assert [one["subtype"][0]["code"] for one in kept] == ["identify", "prove", "disclose"]
    assert [one["outcome"] for one in kept] == ["0", "4", "0"]
    assert {one["entity"][0]["what"]["reference"] for one in kept} == {"Patient/ada"}
    assert kept[0]["agent"][0]["network"] == {"address": ADA, "type": "3"}


def test_a_server_that_answers_is_ready_and_says_what_it_does(orders):
    assert orders.ready()
    assert {"identify", "refills", "notes"} <= orders.capabilities()
    assert "events" not in orders.capabilities()
    with pytest.raises(Refused, match=r"^not_served$"):
        orders.events("")


# ---------------------------------------------------------------- what the line makes of it


def test_a_caller_is_known_proved_and_told_what_is_theirs(orders):
    caller = Caller("number", ADA, "A")
    call = Call(CALL_ID, "main", "central", "v1", NOW, caller, facts={"tier": "anonymous"})
    who = put("who", call, orders)
    assert who is not None
    known = {"caller": "patient", "language": "en", "access": "slow", "texts": "yes"}
    assert who.answer.facts == {"tier": "number", **known}
    told = put("identity:0", replace(call, fields={"rx_number": ADAS_RX, "date_of_birth": ADAS_BIRTH}), orders)
    assert told is not None
    facts = told.answer.facts
    assert (facts["tier"], facts["refill"], facts["permission"]) == ("verified", "eligible", "everything")
    assert (told.answer.prescription, told.answer.values["last4"]) == (RX1, "1001")
