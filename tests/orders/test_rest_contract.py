"""The product's client against the contract itself: it asks as that says, and reads every answer that allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ivr.orders import port
from ivr.orders.port import NOT_SERVED, Proof, Refused, Unavailable
from ivr.orders.rest import RestOrderSystem
from tests.orders.contract import OPERATIONS, Contract, answer_schema, legal_answers, served, valid

CALL = "CA" + "1" * 32
ADAS = Proof("+16145550101", "7001001", "1950-01-05", "43004")
DISPOSITION = {"revision": 1, "final": True, "outcome": "answered", "code": "refill_ordered", "rule": "Refills"}
Ask = Callable[[RestOrderSystem], Any]
ASKS: dict[str, Ask] = {
    "search": lambda client: client.identify("+16145550101"),
    "verify": lambda client: client.prove(ADAS),
    "prescriptions": lambda client: client.prescriptions("p1"),
    "lookUpPrescriber": lambda client: client.prescriber("1234567893", "+16145550120"),
    "contacts": lambda client: client.contacts("p1"),
    "events": lambda client: client.events("7", 50),
    "capabilities": lambda client: client.capabilities(),
    "recordCall": lambda client: client.record_call(CALL, DISPOSITION),
    "writeDisposition": lambda client: client.write_disposition(CALL, DISPOSITION, f"{CALL}:1"),
    "addNote": lambda client: client.add_note(CALL, {"text": "Will ring back."}, "key-1"),
    "requestRefill": lambda client: client.request_refill("rx_1", CALL, "key-1"),
    "requestRenewal": lambda client: client.request_renewal("rx_1", CALL, "key-1"),
    "createTask": lambda client: client.create_task({"what": "message", "call_id": CALL, "urgent": True}, "key-1"),
}
# The least the contract asks of an answer, as the client has to ask for it.
LEAST: dict[str, Any] = {
    "search": {"items": [{"id": "p1"}]},
    "verify": {"about": "p1", "fits": True},
    "prescriptions": {"items": [{"id": "rx_1", "person": "p1"}]},
    "lookUpPrescriber": {"items": [{"id": "d1"}]},
    "contacts": {"items": [{"at": "2026-11-24T10:00:00-05:00"}]},
    "events": {"items": [{"id": "evt_1", "type": "order.lost", "time": "2026-11-24T15:00:00Z"}], "next": "8"},
    "capabilities": {"version": "1"},
    "recordCall": {},
    "writeDisposition": {},
    "addNote": {"id": "note_1", "text": "Will ring back."},
    "requestRefill": {"id": "refill_1"},
    "requestRenewal": {"id": "renewal_1"},
    "createTask": {"id": "task_1"},
}
quick = settings(
    max_examples=25, phases=[Phase.explicit, Phase.generate], deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module")
def serving() -> Iterator[Contract]:
    with served() as contract:
        yield contract


@pytest.fixture
def contract(serving: Contract) -> Contract:
    serving.asked.clear()
    serving.broken.clear()
    return serving


@pytest.fixture
def client(contract: Contract) -> Iterator[RestOrderSystem]:
    client = RestOrderSystem(contract.url, "secret")
    yield client
    client.close()


@pytest.fixture
def forgetful(contract: Contract) -> Iterator[RestOrderSystem]:
    """A client to whom no answer about what is served stays fresh."""
    client = RestOrderSystem(contract.url, "secret", capabilities_fresh_seconds=0)
    yield client
    client.close()


def told(contract: Contract, client: RestOrderSystem, operation: str, answer: object) -> Any:
    """What the client makes of an answer."""
    contract.answers(answer)
    return ASKS[operation](client)


def known(word: object, words: Any) -> object:
    """A word that is one of ours, None for any other."""
    return word if word in get_args(words) else None


# ---------------------------------------------------------------- what it asks


@pytest.mark.parametrize("operation", ASKS)
def test_every_request_is_as_the_contract_says(contract: Contract, client: RestOrderSystem, operation: str) -> None:
    told(contract, client, operation, LEAST[operation])
    assert (contract.asked, contract.broken) == ([operation], [])


@pytest.mark.parametrize("person", ["p.1/2", "urn:patient:1", "a b", "pé?x=1&after=2#z", "%2e%2e", "..;"])
def test_whatever_an_id_looks_like_it_stays_in_its_place(
    contract: Contract, client: RestOrderSystem, person: str
) -> None:
    contract.answers({"items": []})
    client.contacts(person)
    assert client.prescriptions(person) == ()
    assert (contract.asked, contract.broken) == (["contacts", "prescriptions"], [])


@pytest.mark.parametrize("after", ["", "7", "a b&limit=9", "é#/"])
def test_whatever_a_place_among_events_looks_like_it_is_sent_as_it_came(
    contract: Contract, client: RestOrderSystem, after: str
) -> None:
    contract.answers({"items": [], "next": "next"})
    client.events(after)
    assert (contract.asked, contract.broken) == (["events"], [])


def test_a_request_against_the_contract_is_noticed(contract: Contract, client: RestOrderSystem) -> None:
    """The witness of the tests above."""
    contract.answers({"items": [], "next": "1", "id": "x"})
    client.identify("614 555 0101")
    client.events("", 1000)
    client.add_note(CALL, {"note": "x"}, "key-1")
    client.request_refill("rx_1", CALL, "")
    assert len(contract.broken) == 4


# ---------------------------------------------------------------- what it makes of an answer


@pytest.mark.parametrize("operation", ASKS)
def test_the_least_and_the_most_the_contract_lets_anybody_answer_are_both_read(
    contract: Contract, client: RestOrderSystem, operation: str
) -> None:
    least = LEAST[operation]
    assert valid(answer_schema(operation)).is_valid(least)
    assert told(contract, client, operation, least) == told(contract, client, operation, _strange(least))


def _strange(answer: Any) -> Any:
    """The same with fields nobody knows all over it."""
    if isinstance(answer, list):
        return [_strange(each) for each in answer]
    if isinstance(answer, dict):
        return {name: _strange(each) for name, each in answer.items()} | {"x_moon": {"phase": [1, None]}}
    return answer


@quick
@given(st.data())
def test_people_are_read_one_by_one_and_a_word_nobody_knows_is_unknown(
    contract: Contract, client: RestOrderSystem, data: st.DataObject
) -> None:
    answer = data.draw(legal_answers("search"))
    people = told(contract, client, "search", answer)
    assert [(each.id, each.kind, each.access, each.texts) for each in people] == [
        (each["id"], known(each.get("kind"), port.Kind), known(each.get("access"), port.Access), each.get("texts"))
        for each in answer["items"]
    ]


@quick
@given(st.data())
def test_prescriptions_are_read_one_by_one_with_every_fact_that_is_known(
    contract: Contract, client: RestOrderSystem, data: st.DataObject
) -> None:
    answer = data.draw(legal_answers("prescriptions"))
    items = [{**each, "person": "p1"} for each in answer["items"]]
    found = told(contract, client, "prescriptions", {**answer, "items": items})
    assert len(found) == len(items)
    for read, sent in zip(found, items, strict=True):
        assert read.id == sent["id"]
        for name, words in (("refill", port.Refill), ("order_state", port.OrderState), ("payment", port.Payment)):
            assert getattr(read, name) == known(sent.get(name), words)
        for name in ("substitution", "cold_chain", "time_sensitive", "last4", "medication_class", "days_left"):
            assert getattr(read, name) == sent.get(name)
        for name in ("expected_on", "since", "balance"):
            assert str(getattr(read, name)) == str(sent.get(name))


@quick
@given(st.data())
def test_an_offer_of_proof_fits_exactly_when_it_is_said_to(
    contract: Contract, client: RestOrderSystem, data: st.DataObject
) -> None:
    answer = data.draw(legal_answers("verify"))
    if answer.get("prescription"):
        answer["prescription"]["person"] = answer["about"]
    proved = told(contract, client, "verify", answer)
    assert (proved.about, proved.fits) == (answer.get("about"), answer["fits"])
    assert proved.permission == (known(answer.get("permission"), port.Permission) if proved.fits else None)
    assert (proved.prescription is not None) == bool(answer.get("prescription"))


@quick
@given(st.data())
def test_the_first_office_that_fits_is_known_by_its_number_or_not(
    contract: Contract, client: RestOrderSystem, data: st.DataObject
) -> None:
    answer = data.draw(legal_answers("lookUpPrescriber"))
    office = told(contract, client, "lookUpPrescriber", answer)
    assert (office and office.id) == (answer["items"][0]["id"] if answer["items"] else None)


@quick
@given(st.data())
def test_what_was_said_is_read_wherever_it_has_its_time(
    contract: Contract, client: RestOrderSystem, data: st.DataObject
) -> None:
    answer = data.draw(legal_answers("contacts"))
    said = told(contract, client, "contacts", answer)
    assert [(each.channel, each.said) for each in said] == [
        (known(each.get("channel"), port.Channel), each.get("said")) for each in answer["items"] if _in_time(each["at"])
    ]


@quick
@given(st.data())
def test_no_legal_event_is_lost_and_the_place_is_kept(
    contract: Contract, client: RestOrderSystem, data: st.DataObject
) -> None:
    answer = {**data.draw(legal_answers("events")), "next": "8"}
    events = told(contract, client, "events", answer)
    assert events.after == "8"
    assert [(each.id, each.type) for each in events.items] == [
        (each["id"], each["type"]) for each in answer["items"] if _in_time(each["time"])
    ]


def _in_time(text: str) -> bool:
    """Whether it is an instant Python can hold: RFC 3339 knows leap seconds and small letters too."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


@quick
@given(st.data())
def test_what_is_served_is_what_is_named_in_our_words(
    contract: Contract, forgetful: RestOrderSystem, data: st.DataObject
) -> None:
    answer = data.draw(legal_answers("capabilities"))
    served = told(contract, forgetful, "capabilities", answer)
    assert served == set(answer.get("capabilities", port.CAPABILITIES)) & port.CAPABILITIES


# ---------------------------------------------------------------- no


@pytest.mark.parametrize("operation", [name for name in ASKS if name != "capabilities"])
def test_every_answer_the_contract_knows_is_a_refusal_or_no_answer(
    contract: Contract, client: RestOrderSystem, operation: str
) -> None:
    known_answers = next(each for each in OPERATIONS.values() if each["operationId"] == operation)["responses"]
    for status in (int(each) for each in known_answers if int(each) >= 400):
        contract.answers({"status": status, "code": "some_reason"}, status)
        expected = Unavailable if status in (401, 403, 408, 429) or status >= 500 else Refused
        with pytest.raises(expected) as no:
            ASKS[operation](client)
        assert str(no.value) == (f"http_{status}" if expected is Unavailable else "some_reason")


def test_what_is_not_served_is_refused_without_being_asked(contract: Contract, client: RestOrderSystem) -> None:
    contract.answers({"version": "1", "capabilities": ["identify", "time_travel"]})
    assert client.ready()
    contract.asked.clear()
    for operation in (name for name in ASKS if name not in ("capabilities", "search")):
        with pytest.raises(Refused, match=f"^{NOT_SERVED}$"):
            ASKS[operation](client)
    assert contract.asked == []
    told(contract, client, "search", {"items": []})
    assert contract.asked == ["search"]


def test_before_anybody_asked_what_is_served_everything_is_asked_for(
    contract: Contract, client: RestOrderSystem
) -> None:
    """A caller does not wait for it."""
    told(contract, client, "requestRefill", {"id": "refill_1"})
    assert contract.asked == ["requestRefill"]


def test_what_was_not_served_long_ago_is_asked_for_again(contract: Contract, forgetful: RestOrderSystem) -> None:
    contract.answers({"version": "1", "capabilities": ["identify"]})
    assert forgetful.capabilities() == {"identify"}
    told(contract, forgetful, "createTask", {"id": "task_1"})
    forgetful.capabilities()
    assert contract.asked == ["capabilities", "createTask", "capabilities"]


@pytest.mark.parametrize("status", [401, 500])
def test_an_order_system_that_cannot_say_what_it_serves_is_not_ready(
    contract: Contract, client: RestOrderSystem, status: int
) -> None:
    contract.answers({"status": status, "code": "no"}, status)
    assert not client.ready()


def test_events_that_do_not_go_on_are_no_answer(contract: Contract, client: RestOrderSystem) -> None:
    """Else who reads them would read the same page for ever."""
    with pytest.raises(Unavailable):
        told(contract, client, "events", {**LEAST["events"], "next": "7"})


@pytest.mark.parametrize(
    "odd",
    [
        None,
        7,
        [],
        {"id": 7},
        {"type": "order.shipped", "time": "2026-11-24T15:00:00Z"},
        {"id": "e", "type": "order shipped", "time": "2026-11-24T15:00:00Z"},
        {"id": "e", "type": "order.shipped", "time": "2026-11-24T15:00:00"},
        {"id": "e" * 256, "type": "order.shipped", "time": "2026-11-24T15:00:00Z"},
    ],
)
def test_what_is_no_event_does_not_stop_those_behind_it(contract: Contract, client: RestOrderSystem, odd: Any) -> None:
    sound = LEAST["events"]["items"][0]
    events = told(contract, client, "events", {"items": [odd, sound], "next": "9"})
    assert [each.id for each in events.items] == ["evt_1"]


@pytest.mark.parametrize("odd", [{"said": 7}, {"about": ["rx"]}, {"channel": 1}])
def test_one_odd_fact_of_a_contact_does_not_lose_the_others(
    contract: Contract, client: RestOrderSystem, odd: dict[str, Any]
) -> None:
    whole = {"at": "2026-11-24T15:00:00Z", "channel": "sms", "direction": "to_patient", "about": "rx_1", "said": "Hi"}
    (said,) = told(contract, client, "contacts", {"items": [whole | odd]})
    assert {name: getattr(said, name) for name in odd} == dict.fromkeys(odd)
    assert all(getattr(said, name) == whole[name] for name in whole.keys() - odd.keys() - {"at"})
