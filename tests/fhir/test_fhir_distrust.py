"""What the line makes of a FHIR server that answers badly, or does only half of what is asked."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs
from werkzeug import Response

from ivr.orders.fhir.client import FhirOrderSystem
from ivr.orders.fhir.words import Json, extensions
from ivr.orders.port import NOT_SERVED, Proof, Refused, Unavailable
from tests.fhir import cast
from tests.fhir.cast import ADA, ADAS_BIRTH, ADAS_RX, CAROL
from tests.fhir.conftest import NOW
from tests.fhir.fake import refused, said

CALL_ID = "CA" + "1" * 32
RX1 = "MedicationRequest/rx1"
DONE = {"revision": 2, "final": True, "outcome": "answered"}


def answer(status: int, body: str, **headers: str) -> Callable[[], Response]:
    return lambda: Response(body, status, headers)


def bundle(*entries: object, **more: object) -> Callable[[], Response]:
    return answer(200, json.dumps({"resourceType": "Bundle", "entry": entries, **more}))


PATIENT = cast.patient("ada", ADA)

BAD_ANSWERS = {
    "an empty body": answer(200, ""),
    "a web page": answer(200, "<html>welcome</html>"),
    "JSON too deep to read": answer(200, "[" * 100_000),
    "a list": answer(200, "[]"),
    "no Bundle": answer(200, json.dumps(PATIENT)),
    "entries that are no list": answer(200, '{"resourceType": "Bundle", "entry": {}}'),
    "links that are no list": answer(200, '{"resourceType": "Bundle", "link": {}}'),
    "an entry that is nothing": bundle("p1"),
    "an entry without a resource": bundle({"fullUrl": "x"}),
    "another kind of resource": bundle({"resource": {"resourceType": "Person", "id": "1"}}),
    "no id": bundle({"resource": {"resourceType": "Patient"}}),
    "an id that leads elsewhere": bundle({"resource": {**PATIENT, "id": "../Binary/1"}}),
    "a version nobody can tell": bundle({"resource": {**PATIENT, "meta": {"versionId": 'W/"é'}}}),
    "meta that is a text": bundle({"resource": {**PATIENT, "meta": "new"}}),
    "extensions that are none": bundle({"resource": {**PATIENT, "extension": ["x"]}}),
    "a next page by URL": bundle(link=[{"relation": "next", "url": "?page=1"}]),
    "more than anybody asked for": answer(200, " " * 8_100_000),
    "gone elsewhere": answer(302, "", Location="http://127.0.0.1:9/"),
    "too many requests": answer(429, "{}"),
    "who are you": answer(401, "{}"),
    "a gateway's error": answer(502, "<html>bad gateway</html>"),
    "locked for now": lambda: refused(423, "lock-error"),
}


@pytest.mark.parametrize("bad", BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_an_answer_we_cannot_read_is_no_answer(ours, fake, bad):
    fake.answers = [bad] * 12
    with pytest.raises(Unavailable) as failure:
        ours.identify(ADA)
    assert ADA not in str(failure.value)
    assert ADA[2:] not in "".join(url for _, url, _ in fake.asked)


@pytest.mark.parametrize(
    ("answer_", "code"),
    [
        (lambda: refused(404, "not-found"), "not_found"),
        (lambda: refused(422, "business-rule"), "business_rule"),
        (lambda: refused(400, "about +16145550101"), "http_400"),
        (answer(410, "<html>gone</html>"), "http_410"),
        (answer(422, "[" * 100_000), "http_422"),
        (answer(501, "{}"), "http_501"),
    ],
)
def test_a_refusal_keeps_a_plain_code_and_nothing_else(ours, fake, answer_, code):
    fake.answers = [answer_]
    with pytest.raises(Refused) as refusal:
        ours.identify(ADA)
    assert (refusal.value.code, str(refusal.value)) == (code, code)


def test_nobody_there_is_no_answer():
    with contextlib.closing(FhirOrderSystem("http://127.0.0.1:9/fhir", "t", lambda: NOW)) as orders:
        with pytest.raises(Unavailable):
            orders.identify(ADA)
        assert not orders.ready()


def test_no_time_is_no_answer(ours, fake):
    with pytest.raises(Unavailable):
        ours.identify(ADA, timeout_seconds=0)
    assert fake.asked == []


def test_a_question_has_one_time_for_all_its_requests(ours, fake):
    def slowly() -> Response:
        time.sleep(0.1)
        return said(200, {"resourceType": "Bundle"})

    fake.answers = [slowly] * 5
    with pytest.raises(Unavailable):
        ours.identify(ADA, timeout_seconds=0.25)
    assert 2 <= len(fake.asked) <= 3


def test_an_answer_that_trickles_is_given_up(ours, fake):
    def trickling() -> Response:
        return Response((time.sleep(0.05) or b" " for _ in range(100)), 200)

    fake.answers = [trickling]
    with pytest.raises(Unavailable):
        ours.identify(ADA, timeout_seconds=0.2)


# ---------------------------------------------------------------- what stands in a URL


def test_nothing_private_stands_in_a_url(ours, fake):
    ours.identify(ADA)
    ours.prove(Proof(ADA, ADAS_RX, ADAS_BIRTH, "43004"))
    ours.prescriptions("Patient/ada")
    ours.prescriber("1234567893", ADA)
    ours.request_refill(RX1, CALL_ID, "key-1")
    ours.record_call(CALL_ID, {"caller": ADA})
    ours.create_task({"what": "message", "phone": ADA}, "key-2")
    ours.add_note(CALL_ID, {"text": f"ring {ADA}"}, "key-3")
    urls = {url for _, url, _ in fake.asked}
    read = {"Patient/ada", "MedicationRequest/rx1", "Encounter/" + next(k for k in fake.kept if "Encounter" in k)[10:]}
    searched = {url.removeprefix("/fhir/").removesuffix("/_search") for url in urls} - read
    assert all(name.isalpha() for name in searched)


# ---------------------------------------------------------------- a server that does it differently


def test_what_comes_in_pages_is_read_to_the_end(ours, fake, fake_server):
    first = {"resource": cast.prescription("rx1", "ada", ADAS_RX)}
    second = bundle({"resource": cast.prescription("rx2", "ada", "7001002")})
    more = bundle(first, link=[{"relation": "next", "url": f"{fake_server[1]}?_getpages=1"}])
    fake.answers = [None, more, second]
    assert [one.id for one in ours.prescriptions("Patient/ada")] == [RX1, "MedicationRequest/rx2"]
    assert fake.asked[2][:2] == ("GET", "/fhir?_getpages=1")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/fhir?page=2", "//elsewhere/fhir", "http://[", "?page=1"])
def test_a_next_page_elsewhere_and_pages_without_an_end_are_no_answer(ours, fake, url):
    fake.answers = [None, *[bundle(link=[{"relation": "next", "url": url}])] * 20]
    with pytest.raises(Unavailable):
        ours.prescriptions("Patient/ada")
    assert len(fake.asked) == (12 if url == "?page=1" else 2)


def test_what_a_server_remarks_on_a_search_is_no_result(ours, fake):
    remark = {"resource": {"resourceType": "OperationOutcome"}, "search": {"mode": "outcome"}}
    fake.answers = [bundle(remark, {"resource": PATIENT})]
    assert [one.id for one in ours.identify(ADA)] == ["Patient/ada"]


def test_a_server_that_finds_too_much_names_nobody_else(ours, fake):
    fake.answers = [bundle({"resource": cast.patient("other", "+16145550177")}, {"resource": PATIENT})]
    assert [one.id for one in ours.identify(ADA)] == ["Patient/ada"]
    fake.answers = [bundle({"resource": cast.prescription("rx1", "ada", "7001009")})]
    assert ours.prove(Proof(ADA, "7001001", ADAS_BIRTH)).about is None


def test_a_prescription_of_somebody_else_is_shown_to_nobody(ours, fake):
    fake.answers = [None, bundle({"resource": cast.prescription("rx3", "leo", "7012002")})]
    with pytest.raises(Unavailable):
        ours.prescriptions("Patient/ada")


def test_what_a_server_finds_besides_is_not_written_over(ours, fake):
    theirs = {"resourceType": "Encounter", "id": "e7", "status": "planned", "class": {"code": "AMB"}}
    fake.keep(theirs)
    fake.answers = [bundle({"resource": theirs})]
    ours.record_call(CALL_ID, {"line": "main", "final": True})
    assert fake.kept["Encounter/e7"]["status"] == "planned"
    assert len([one for one in fake.kept.values() if one["resourceType"] == "Encounter"]) == 2
    fake.answers = [bundle(), answer(200, json.dumps(theirs))]  # as if it were the one that was there already
    with pytest.raises(Unavailable):
        ours.record_call("CA8", {"line": "main"})


def test_a_task_found_besides_keeps_no_refill_from_being_placed(ours, fake):
    other = {"resourceType": "Task", "id": "t7", "status": "requested", "intent": "order"}
    fake.answers = [None, bundle({"resource": other})]
    assert ours.request_refill(RX1, CALL_ID, "key-1") != "Task/t7"


def test_another_office_than_was_asked_for_is_nobodys(ours, fake):
    fake.answers = [bundle({"resource": cast.office("other", CAROL, "1999999999")})]
    assert ours.prescriber("1234567893", CAROL) is None


def test_another_resource_than_was_asked_for_is_no_answer(ours, fake):
    fake.answers = [answer(200, json.dumps(cast.prescription("rx9", "leo", "7012002")))]
    with pytest.raises(Unavailable):
        ours.request_refill(RX1, CALL_ID, "key-1")


def test_a_server_that_says_only_where_it_wrote_is_asked_what(ours, fake):
    fake.says_only_where = True
    first, again = (ours.create_task({"what": "message"}, "key-1") for _ in range(2))
    assert first == again
    fake.answers = [answer(201, "")]
    with pytest.raises(Unavailable):
        ours.create_task({"what": "message"}, "key-2")


def test_a_server_without_versions_is_written_as_it_is(ours, fake):
    fake.has_versions = False
    ours.write_disposition(CALL_ID, {**DONE, "revision": 1}, "key-1")
    ours.write_disposition(CALL_ID, DONE, "key-2")
    (kept,) = (one for one in fake.kept.values() if one["resourceType"] == "Encounter")
    assert {"url": "revision", "valueInteger": 2} in kept["extension"][0]["extension"]


def test_a_call_others_keep_writing_is_tried_again_and_then_put_off(ours, fake):
    ours.record_call(CALL_ID, {"line": "main"})
    fake.answers = [None, lambda: refused(412, "conflict"), None, lambda: refused(409, "conflict")]
    ours.write_disposition(CALL_ID, DONE, "key-1")
    fake.answers = [None, lambda: refused(412, "conflict")] * 4
    with pytest.raises(Unavailable):
        ours.write_disposition(CALL_ID, {**DONE, "revision": 3}, "key-2")


def test_what_somebody_wrote_in_the_same_moment_is_not_written_over(ours, fake):
    ours.record_call(CALL_ID, {"line": "main"})
    (before,) = (one for one in fake.kept.values() if one["resourceType"] == "Encounter")
    theirs = {"url": "urn:theirs", "valueString": "a word"}
    fake.keep({**before, "extension": [*before["extension"], theirs]})
    fake.answers = [bundle({"resource": before})]
    ours.write_disposition(CALL_ID, DONE, "key-1")
    assert theirs in fake.kept[f"Encounter/{before['id']}"]["extension"]


def test_a_wish_somebody_else_placed_in_the_same_moment_is_the_only_one(ours, fake):
    ours.request_refill(RX1, CALL_ID, "key-1")
    read, not_by_this_key, dispensed, not_yet_placed = None, None, None, bundle()
    fake.answers = [read, not_by_this_key, dispensed, not_yet_placed]
    with pytest.raises(Refused, match=r"^already_in_process$"):
        ours.request_refill(RX1, CALL_ID, "key-2")
    assert len([one for one in fake.kept.values() if one["resourceType"] == "Task" and "identifier" in one]) == 1


def test_a_call_that_is_there_twice_is_refused(ours, fake):
    for id_ in ("e1", "e2"):
        fake.keep(
            {"resourceType": "Encounter", "id": id_, "identifier": [{"system": "urn:rxline:call", "value": "CA9"}]}
        )
    with pytest.raises(Refused, match=r"^multiple_matches$"):
        ours.record_call("CA9", {"line": "main"})


def test_a_revision_nobody_can_read_is_written_over(ours, fake):
    ours.write_disposition(CALL_ID, DONE, "key-1")
    (kept,) = (one for one in fake.kept.values() if one["resourceType"] == "Encounter")
    kept["extension"][0]["extension"] = [{"url": "revision", "valueString": "two"}]
    ours.write_disposition(CALL_ID, DONE, "key-1")
    (kept,) = (one for one in fake.kept.values() if one["resourceType"] == "Encounter")
    assert {"url": "revision", "valueInteger": 2} in kept["extension"][0]["extension"]


def test_what_a_server_does_not_keep_is_unknown(ours, fake):
    fake.unserved = {"RelatedPerson", "Consent", "MedicationDispense", "Task", "AuditEvent", "Practitioner"}
    with capture_logs() as logged:
        (ada,) = ours.identify(ADA)
        first, _ = ours.prescriptions("Patient/ada")
    assert (ada.id, ada.texts) == ("Patient/ada", None)
    assert (first.refill, first.renewal, first.days_left) == (None, None, None)
    assert {each["resource"] for each in logged if "resource" in each} == fake.unserved - {"AuditEvent"}
    assert "the order system keeps no audit" in {each["event"] for each in logged}
    assert ADA not in str(logged)


def test_nobody_is_told_what_could_not_be_written_down(ours, fake):
    fake.answers = [None] * 4 + [answer(503, "")]
    with pytest.raises(Unavailable):
        ours.identify(ADA)
    assert fake.asked[-1][1] == "/fhir/AuditEvent"


def test_a_server_says_what_it_does_and_is_not_asked_for_more(unasked, fake):
    kinds = {"Patient": ["search-type"], "MedicationRequest": ["search-type"], "Encounter": ["create", "update"]}
    listed = [{"type": kind, "interaction": [{"code": code} for code in codes]} for kind, codes in kinds.items()]
    fake.metadata = {"resourceType": "CapabilityStatement", "rest": [{"mode": "server", "resource": listed}]}
    expected = {"identify", "proof", "prescriptions", "calls", "dispositions"}
    assert unasked.capabilities() == unasked.capabilities() == expected
    assert [url for _, url, _ in fake.asked] == ["/fhir/metadata"]
    for ask in (
        lambda: unasked.add_note(CALL_ID, {"text": "x"}, "k"),
        lambda: unasked.create_task({"what": "message"}, "k"),
        lambda: unasked.request_refill(RX1, CALL_ID, "k"),
        lambda: unasked.contacts("Patient/ada"),
        lambda: unasked.prescriber("1234567893", None),
    ):
        with pytest.raises(Refused, match=f"^{NOT_SERVED}$"):
            ask()
    unasked.record_call(CALL_ID, {"line": "main"})


def test_metadata_of_another_shape_says_nothing(unasked, fake):
    fake.metadata = {"resourceType": "CapabilityStatement", "rest": "all"}
    with capture_logs() as logged:
        assert "refills" in unasked.capabilities()
    assert [each["fact"] for each in logged] == ["rest"]


# ---------------------------------------------------------------- odd people


ODD_PATIENTS = [
    ("language", {"communication": [{"language": "english"}]}, "language"),
    ("language", {"communication": "en"}, "language"),
    ("language", {"communication": [{"language": {"text": "English"}}]}, "language"),
    ("access", {"extension": [{"url": "urn:rxline:access", "valueCode": "fast"}]}, "access"),
]


@pytest.mark.parametrize(("name", "odd", "logged_as"), ODD_PATIENTS)
def test_one_odd_fact_of_a_person_does_not_lose_the_others(ours, fake, name, odd, logged_as):
    fake.keep({**PATIENT, **odd})
    with capture_logs() as logged:
        (person,) = ours.identify(ADA)
    assert (person.id, getattr(person, name), person.texts) == ("Patient/ada", None, True)
    assert {(each["log_level"], each["fact"]) for each in logged} == {("warning", logged_as)}


@pytest.mark.parametrize(
    "odd",
    [
        {"telecom": "614"},
        {"telecom": [{"system": "phone", "value": 6145550101}]},
        {"telecom": [cast.phone(ADA, use="old")]},
        {"telecom": [{"system": "fax", "value": ADA}]},
        {"active": False},
    ],
)
def test_who_cannot_be_told_by_the_number_is_not(ours, fake, odd):
    fake.answers = [bundle({"resource": {**PATIENT, **odd}})]
    assert ours.identify(ADA) == ()


@pytest.mark.parametrize(
    ("consent", "permission"),
    [
        (cast.consent("carol-may", "ada", "carol", "permit", "status"), "status"),
        (cast.consent("carol-may", "ada", "carol"), "everything"),
        (cast.consent("carol-may", "ada", "carol", "permit", "status", "refills"), "refills"),
        (cast.consent("carol-may", "ada", "carol", "permit", "anything"), "nothing"),
        (cast.consent("carol-may", "ada", "carol", period={"end": "2026-11-23"}), "nothing"),
        (cast.consent("carol-may", "ada", "carol", period={"start": "2026-11-24"}), "everything"),
        (cast.consent("carol-may", "ada", "carol", period={"end": "soon"}), "nothing"),
        ({**cast.consent("carol-may", "ada", "carol"), "status": "rejected"}, "nothing"),
        ({**cast.consent("carol-may", "ada", "carol"), "provision": {"type": "permit"}}, "nothing"),
        ({**cast.consent("carol-may", "ada", "carol"), "provision": "yes"}, "nothing"),
    ],
)
def test_a_permission_is_what_is_plainly_agreed_to(ours, fake, consent, permission):
    fake.keep(consent)
    assert ours.prove(Proof(CAROL, ADAS_RX, ADAS_BIRTH)).permission == permission


def test_the_standard_word_for_telling_is_a_permission_to_be_told(ours, fake):
    consent = cast.consent("carol-may", "ada", "carol")
    system = "http://terminology.hl7.org/CodeSystem/consentaction"
    consent["provision"]["action"] = [{"coding": [{"system": system, "code": "disclose"}]}]
    fake.keep(consent)
    assert ours.prove(Proof(CAROL, ADAS_RX, ADAS_BIRTH)).permission == "status"
    consent["provision"]["action"] = [{"coding": [{"system": system, "code": "correct"}]}]
    fake.keep(consent)
    assert ours.prove(Proof(CAROL, ADAS_RX, ADAS_BIRTH)).permission == "nothing"


def test_a_refusal_that_cannot_be_read_still_refuses(ours, fake):
    fake.keep(cast.consent("no", "ada", "carol", "deny", period={"end": "soon"}))
    assert ours.prove(Proof(CAROL, ADAS_RX, ADAS_BIRTH)).permission == "nothing"


def test_a_patient_who_is_no_more_is_proved_by_nothing(ours, fake):
    fake.keep({**PATIENT, "active": False})
    assert ours.prove(Proof(ADA, ADAS_RX, ADAS_BIRTH)).fits is False


@pytest.mark.parametrize("number", ["", "6145550101", "+1614555010x", "anonymous"])
def test_a_number_that_is_none_is_not_searched_for(ours, fake, number):
    with pytest.raises(Refused, match=r"^body_invalid$"):
        ours.identify(number)
    with pytest.raises(Refused, match=r"^body_invalid$"):
        ours.prove(Proof(number, ADAS_RX, ADAS_BIRTH))
    assert fake.asked == []


def test_a_number_of_another_country_is_filed_as_it_is(ours, fake):
    fake.keep(cast.patient("ann", "+442079460018"))
    assert [one.id for one in ours.identify("+442079460018")] == ["Patient/ann"]


def test_a_proposal_is_not_refilled(ours, fake):
    fake.keep(cast.prescription("p", "ada", "7009999", intent="proposal"))
    with pytest.raises(Refused, match=r"^prescription_not_found$"):
        ours.request_refill("MedicationRequest/p", CALL_ID, "key-1")


def test_who_acts_for_a_patient_no_more_may_hear_nothing(ours, fake):
    fake.keep(cast.carer("carol", CAROL, "ada", period={"end": "2026-11-01"}))
    assert ours.identify(CAROL)[0].acts_for == ()


@pytest.mark.parametrize(("said_", "texts"), [(("deny",), False), (("permit", "deny"), None), ((), None)])
def test_texts_are_agreed_to_where_that_is_plainly_said(ours, fake, said_, texts):
    del fake.kept["Consent/ada-texts"]
    for word in said_:
        fake.keep(cast.consent(f"texts-{word}", "ada", None, word))
    assert ours.identify(ADA)[0].texts is texts


@pytest.mark.parametrize("odd", [{"sent": "2026-11-20T10:00:00"}, {"sent": None}, {"identifier": "k"}])
def test_what_was_said_at_no_known_time_is_passed_over(ours, fake, odd):
    told: Json = {"resourceType": "Communication", "id": "m", "status": "completed", "sent": "2026-11-20T10:00:00Z"}
    about = {"subject": {"reference": "Patient/ada"}}
    fake.keep({**told, **about, "about": [{"reference": "Task/1"}], "medium": ["x"], "payload": "x"})
    (one,) = ours.contacts("Patient/ada")
    assert (one.channel, one.direction, one.about, one.said) == (None, None, None, None)
    fake.keep({**told, **about, **odd})
    if "identifier" in odd:
        with pytest.raises(Unavailable):
            ours.contacts("Patient/ada")
    else:
        assert ours.contacts("Patient/ada") == ()


def test_a_record_of_any_shape_is_kept_whole():
    body = {
        "a": [1, 2**40, 1.5, True],
        "b": {"c": {"d": "e"}},
        "f": [[1], []],
        "g": {"h": [None, {}]},
        "empty": "",
        "none": None,
    }
    told = list(extensions(body))
    assert [next(iter(value for name, value in one.items() if name != "url")) for one in told[:4]] == body["a"]
    assert told[4] == {"url": "b", "extension": [{"url": "c", "extension": [{"url": "d", "valueString": "e"}]}]}
    assert told[5:] == [{"url": "f", "extension": [{"url": "item", "valueInteger": 1}]}]
