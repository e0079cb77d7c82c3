"""Names of medicines: which are mistaken for each other, and which nobody leaves in a message."""

from __future__ import annotations

import pytest

from ivr.content.medicines import KnownMedicines
from tests.published import pharmacy_shipped

KNOWN = pharmacy_shipped().medicines
assert KNOWN is not None


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("midodrine", ("midrin",)),
        ("midodrin", ("midodrine", "midrin")),  # a letter is missing: it may be either
        ("clindesse", ("clindets",)),
        ("hydroxizine", ("hydroxyzine", "hydralazine")),
        ("lisinopril", ()),
        ("ibu", ()),
    ],
)
def test_names_that_are_mistaken_for_each_other_are_named(name: str, others: tuple[str, ...]) -> None:
    assert KNOWN.mistaken_for(name) == others


@pytest.mark.parametrize(
    ("name", "is_controlled"),
    [
        ("oxycodone", True),
        ("oxycodon", True),
        ("oxycodine", True),
        ("tramadol", True),
        ("trazodone", False),
        ("hydrocortisone", False),
        ("clonidine", False),
        ("metformin", False),
        ("lyric", True),
    ],
)
def test_controlled_medicines_are_known_a_letter_off_too(name: str, is_controlled: bool) -> None:
    assert KNOWN.is_controlled(name) == is_controlled


def test_where_nothing_is_listed_nothing_is_known() -> None:
    assert KnownMedicines().mistaken_for("midodrine") == ()
    assert not KnownMedicines().is_controlled("oxycodone")
