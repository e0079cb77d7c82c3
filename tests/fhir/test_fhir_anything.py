"""Whatever stands in a resource, reading it fails nobody: a fact is unknown, and the call goes on."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.orders.fhir import contacts, people, written
from ivr.orders.fhir.people import Household
from ivr.orders.fhir.prescriptions import filed, prescription_of
from ivr.orders.fhir.words import ACCESS, CALL, FACT, Json
from ivr.orders.port import CAPABILITIES, Proof
from tests.fhir import cast
from tests.fhir.conftest import NOW

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["1e99999999", "d"]),
    lambda inside: st.lists(inside, max_size=2) | st.dictionaries(st.text(max_size=4), inside, max_size=2),
    max_leaves=4,
)
REQUEST = cast.prescription(
    "rx",
    "ada",
    "7001001",
    statusReason={"coding": [{"code": "sddi"}]},
    substitution={"allowedCodeableConcept": {"coding": [{"code": "G"}]}},
    dispense={"dispenseInterval": {"value": 28, "unit": "d"}},
)
DISPENSE = cast.dispensed("d", "rx", "ada", "2026-10-25", daysSupply={"value": 30, "unit": "d"}, quantity={"value": 30})
TASK = cast.task(
    "t",
    "rx",
    "ada",
    "pa-approved",
    owner={"reference": "Patient/ada"},
    output=[
        {"type": {"coding": [{"system": FACT, "code": "balance"}]}, "valueMoney": {"value": 5, "currency": "USD"}},
        {"type": {"coding": [{"system": FACT, "code": "approved_until"}]}, "valueDate": "2027-01-01"},
    ],
    executionPeriod={"start": "2026-11-22"},
    restriction={"period": {"end": "2026-11-25"}},
)
PATIENT = cast.patient("ada", cast.ADA, extension=[{"url": ACCESS, "valueCode": "slow"}])
CARER, CONSENT = cast.carer("carol", cast.CAROL, "ada"), cast.consent("c", "ada", "carol", "permit", "refills")
SAID: Json = {
    **{"resourceType": "Communication", "id": "m", "status": "completed", "sent": "2026-11-20T10:00:00Z"},
    **{"medium": [{"coding": [{"code": "PHONE"}]}], "payload": [{"contentString": "it is ready"}]},
    **{"sender": {"reference": "Patient/ada"}, "about": [{"reference": "MedicationRequest/rx"}]},
}
METADATA: Json = {"rest": [{"resource": [{"type": "Task", "interaction": [{"code": "create"}]}]}]}
AS_THE_WIRE_SEES_TO = ("resourceType", "id", "extension", "identifier", "meta")


@st.composite
def odd(draw: Any, resource: Json) -> Json:
    """A resource with anything at some place in it, as far as the wire lets it through."""
    changed = copy.deepcopy(resource)
    here: Any = changed
    names = [name for name in changed if name not in AS_THE_WIRE_SEES_TO]
    while True:
        name = draw(st.sampled_from(names))
        if not isinstance(here[name], dict | list) or not here[name] or draw(st.booleans()):
            here[name] = draw(ANYTHING)
            return changed
        here = here[name]
        names = list(here) if isinstance(here, dict) else list(range(len(here)))


@settings(max_examples=60)
@given(odd(REQUEST), odd(DISPENSE), odd(TASK))
def test_a_prescription(request: Json, dispense: Json, task: Json) -> None:
    for one in filed([request], [dispense], [task], NOW):
        told = prescription_of(one)
        assert told is None or told.id == "MedicationRequest/rx"


@settings(max_examples=60)
@given(odd(PATIENT), odd(CARER), odd(CONSENT))
def test_people_and_what_they_agreed_to(patient: Json, carer: Json, consent: Json) -> None:
    household = Household((patient,), (carer,), (), (consent,), NOW)
    assert [one.id for one in household.people()] == ["Patient/ada", "RelatedPerson/carol"]
    assert household.permission("Patient/ada") == "everything"
    assert people.is_filed_under(patient, cast.ADA) in (True, False)
    assert people.is_theirs(patient, Proof(zip="43004")) in (True, False)


@settings(max_examples=60)
@given(odd(SAID))
def test_what_was_said(said: Json) -> None:
    told = contacts.contact_of(said)
    assert told is None or told.at.tzinfo is not None


@settings(max_examples=60)
@given(odd(METADATA))
def test_what_a_server_says_it_does(metadata: Json) -> None:
    assert contacts.served(metadata) <= CAPABILITIES


@settings(max_examples=60)
@given(st.lists(st.dictionaries(st.sampled_from(["url", "extension", "valueInteger"]), ANYTHING), max_size=2))
def test_a_call_others_have_written_on(extension: list[Json]) -> None:
    call = {**written.encounter("CA1"), "id": "e", "extension": [*extension, {"url": CALL}]}
    for url in (written.DISPOSITION, written.RECORD):
        told = {**call, "extension": [*call["extension"], {"url": url, "extension": extension}]}
        assert written.with_disposition(told, {"revision": 10**9, "final": True}) is not None
        written.with_record(told, {"revision": 1})
