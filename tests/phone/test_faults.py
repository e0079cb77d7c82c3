"""A share of what goes wrong: the same share for the same seed, and no more than its share."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from ivr.phone.client import Phones
from ivr.phone.exchange import Exchange
from ivr.phone.faults import FaultBox
from tests.phone.conftest import ANA, LINE, Product, noted

SHARES = ("drop_callbacks_share", "repeat_callbacks_share", "delay_callbacks_share")


def thrown(seed: int, share: float, count: int = 200) -> list[bool]:
    """Return whom a fault strikes among so many."""
    box = FaultBox()
    box.set({"seed": seed, "drop_callbacks_share": share})
    return [box.strikes("drop_callbacks_share") for _ in range(count)]


@given(seed=st.integers(0, 2**32), share=st.floats(0, 1))
@settings(max_examples=50, deadline=None)
def test_the_same_seed_strikes_the_same(seed: int, share: float) -> None:
    assert thrown(seed, share) == thrown(seed, share)


def test_a_share_is_about_its_share_and_none_and_all_are_that() -> None:
    assert 0.15 < sum(thrown(7, 0.2, 5000)) / 5000 < 0.25
    assert not any(thrown(7, 0.0))
    assert all(thrown(7, 1.0))
    assert thrown(7, 0.5) != thrown(8, 0.5)


@pytest.mark.parametrize(("when", "before"), [("before", 1.0), ("after", 0.0), ("either", 0.5)])
def test_rest_requests_fail_before_or_after_in_their_share(when: str, before: float) -> None:
    box, failed = FaultBox(), {"before": 0, "after": 0}
    box.set({"rest_failure_share": 0.4, "rest_when": when})
    for _ in range(5000):
        place = next((place for place in failed if box.takes_rest(place)), None)
        if place:
            failed[place] += 1

    total = sum(failed.values())
    assert 0.35 < total / 5000 < 0.45
    assert abs(failed["before"] / total - before) < 0.05


def test_too_many_requests_is_always_before() -> None:
    box = FaultBox()
    box.set({"rest_failure_share": 1.0, "rest_when": "either", "rest_status": 429})

    assert (box.takes_rest("before"), box.takes_rest("after")) == (True, False)


def told(product: Product, phones: Phones, twilio: Client, count: int) -> list[str]:
    """Return what the status callbacks of a call that is answered and ends say, in the order they come."""
    phones.post("/phones", number=ANA, does="answer")
    events = ["initiated", "ringing", "answered", "completed"]
    watched = {"status_callback": f"{product.url}/voice/status", "status_callback_event": events}
    twilio.calls.create(to=ANA, from_=LINE, twiml="<Response/>", **watched)
    return [one.params["CallStatus"] for one in product.wait_for("/voice/status", count)]


def test_every_callback_may_come_twice(product: Product, phones: Phones, twilio: Client) -> None:
    phones.faults(repeat_callbacks_share=1.0)

    statuses = told(product, phones, twilio, 8)

    assert [statuses.count(one) for one in ("initiated", "ringing", "in-progress", "completed")] == [2, 2, 2, 2]


def test_some_callbacks_come_late_and_are_overtaken(product: Product, phones: Phones, twilio: Client) -> None:
    seed = next(n for n in range(100) if thrown_late(n) == [True, False, False, False])
    phones.faults(delay_callbacks_share=0.5, callback_delay_seconds=0.3, seed=seed)

    assert told(product, phones, twilio, 4)[-1] == "initiated"


def thrown_late(seed: int) -> list[bool]:
    """Return which of four callbacks come late."""
    box = FaultBox()
    box.set({"seed": seed, "delay_callbacks_share": 0.5})
    return [box.strikes("delay_callbacks_share") for _ in range(4)]


def test_what_a_conference_tells_may_be_lost_too(
    product: Product, phones: Phones, twilio: Client, exchange: Exchange
) -> None:
    phones.faults(drop_callbacks_share=1.0)
    watched = 'statusCallback="/voice/told" statusCallbackEvent="join leave end" record="record-from-start"'
    kept = 'recordingStatusCallback="/voice/told"'
    product.answers("/voice/incoming", f"<Dial><Conference {watched} {kept}>room</Conference></Dial>")
    phone = phones.call("main", ANA)
    phone.wait_for(noted("joined"), 5)
    phone.hang_up()
    phone.wait_for(noted("over"), 5)
    exchange.courier.close()

    assert product.requests("/voice/told") == []
    assert twilio.recordings.list()[0].status == "completed"


def test_rest_requests_may_be_slow_and_fail(phones: Phones, twilio: Client) -> None:
    phones.faults(rest_seconds=0.2, rest_failure_share=1.0, rest_status=503, rest_when="after")

    began = time.monotonic()
    with pytest.raises(TwilioRestException, match="as rehearsed"):
        twilio.queues.create(friendly_name="north")

    assert time.monotonic() - began >= 0.2
    phones.faults()
    assert [queue.friendly_name for queue in twilio.queues.list()] == ["north"]
