"""Which numbers are called back, and where they may be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.telephony.numbers import verdict, zones

OURS = {"+12125550110"}


@pytest.mark.parametrize(
    ("number", "told"),
    [
        ("+16145550103", "fine"),
        ("+15555550130", "fine"),  # in nobody's table
        ("+14165550100", "fine"),  # Toronto
        ("+18005550100", "fine"),
        ("+12125550110", "ours"),
        ("+19005550100", "premium"),
        ("+12129765501", "premium"),
        ("+18765550100", "abroad"),  # Jamaica, which shares our country code
        ("+442079460000", "abroad"),
        ("+1911", "emergency"),
        ("+1212", "unclear"),
        ("no number", "unclear"),
    ],
)
def test_what_a_number_is(number: str, told: str) -> None:
    assert verdict(number, ("US", "CA"), OURS) == told


def test_a_country_the_policies_name_is_called_back() -> None:
    assert verdict("+442079460000", ("US", "GB"), OURS) == "fine"


@pytest.mark.parametrize(
    ("number", "told"),
    [
        ("+12125550100", ("America/New_York",)),
        ("+13035550100", ("America/Denver",)),
        ("+18005550100", ()),  # toll-free: nobody knows
        ("+15555550130", ()),
        ("no number", ()),
    ],
)
def test_where_it_may_be(number: str, told: tuple[str, ...]) -> None:
    assert zones(number) == told


@given(st.text(max_size=20))
def test_whatever_is_asked_something_is_told(text: str) -> None:
    assert verdict(text, ("US",), OURS) in {"fine", "ours", "premium", "abroad", "emergency", "unclear"}
    assert isinstance(zones(text), tuple)
