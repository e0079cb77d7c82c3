"""How sure we are who is speaking: nothing but the listed proofs ever makes us surer, and codes open once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.core import identity
from ivr.core.call import Answer, Call
from ivr.core.identity import MOST_CODES, RANKS, code_fits, code_sent, code_used, may_send_code, new_code, tier_for

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
CALL = Call("CA1", "main", "central", "v1", NOW, facts={"tier": "anonymous"})

items = st.sets(st.sampled_from(["rx_number", "date_of_birth", "zip", "code"]))
attestations = st.sampled_from(["A", "B", "C", "failed", "none"])
tiers = st.sampled_from(["anonymous", "number", "prescription", "verified"])


def worth(shown: str, *, on_file: bool = True, attestation: str = "none") -> str | None:
    return tier_for(shown.split(), number_on_file=on_file, attestation=attestation)


# ---------------------------------------------------------------- the table


@pytest.mark.parametrize(
    ("shown", "on_file", "attestation", "tier"),
    [
        ("rx_number", True, "none", "prescription"),
        ("rx_number", True, "failed", None),
        ("rx_number", False, "A", None),
        ("rx_number date_of_birth", False, "none", "prescription"),
        ("rx_number zip", False, "none", "prescription"),
        ("rx_number date_of_birth", True, "none", "verified"),
        ("rx_number date_of_birth", True, "failed", "prescription"),
        ("rx_number zip", True, "A", "prescription"),
        ("date_of_birth zip", True, "B", "verified"),
        ("date_of_birth zip", True, "failed", None),
        ("date_of_birth zip", False, "A", None),
        ("date_of_birth rx_number zip", False, "failed", "verified"),
        ("date_of_birth", True, "A", "verified"),
        ("date_of_birth", True, "B", None),
        ("date_of_birth", False, "A", None),
        ("date_of_birth code", True, "C", "verified"),
        ("date_of_birth code", True, "failed", None),
        ("code", True, "A", None),
        ("zip", True, "A", None),
        ("zip code", True, "A", None),
        ("", True, "A", None),
    ],
)
def test_what_is_worth_which_tier(shown: str, on_file: bool, attestation: str, tier: str | None) -> None:
    assert worth(shown, on_file=on_file, attestation=attestation) == tier


@given(items, st.booleans(), attestations)
def test_nobody_is_verified_but_by_a_birth_date_and_something_else(shown: set[str], on_file: bool, how: str) -> None:
    if tier_for(shown, number_on_file=on_file, attestation=how) == "verified":
        theirs = on_file and how != "failed"
        assert "date_of_birth" in shown
        assert {"rx_number", "zip"} <= shown or (theirs and (shown & {"rx_number", "zip", "code"} or how == "A"))


@given(items, st.booleans(), attestations)
def test_no_tier_but_by_a_prescription_or_a_birth_date(shown: set[str], on_file: bool, how: str) -> None:
    if tier_for(shown, number_on_file=on_file, attestation=how):
        assert shown & {"rx_number", "date_of_birth"}


@given(items, st.booleans(), attestations)
def test_a_failed_attestation_never_helps(shown: set[str], on_file: bool, how: str) -> None:
    failed = tier_for(shown, number_on_file=on_file, attestation="failed")
    assert failed == tier_for(shown, number_on_file=False, attestation=how)


@given(items, items, st.booleans(), attestations)
def test_whoever_shows_more_is_never_less(shown: set[str], more: set[str], on_file: bool, how: str) -> None:
    before = tier_for(shown, number_on_file=on_file, attestation=how)
    after = tier_for(shown | more, number_on_file=on_file, attestation=how)
    assert before is None or (after is not None and RANKS.index(after) >= RANKS.index(before))


# ---------------------------------------------------------------- what still is news


@given(tiers, tiers, st.sampled_from([None, "p1"]), st.sampled_from(["identity:1", "prescription:0", "who"]))
def test_a_tier_never_falls_while_it_is_about_the_same_person(
    now: str, told: str, person: str | None, ask: str
) -> None:
    call = replace(CALL, facts={"tier": now}, person="p1")
    answer = identity.as_it_stands(ask, Answer(True, {"tier": told}, person), call)
    assert RANKS.index(str({**call.facts, **answer.facts}["tier"])) >= RANKS.index(now)


def test_a_tier_falls_with_another_persons_prescription() -> None:
    call = replace(CALL, facts={"tier": "verified"}, person="p1")
    told = Answer(True, {"tier": "prescription"}, "p2", "rx9")
    assert identity.as_it_stands("prescription:1", told, call) == told


def test_a_number_is_no_news_of_somebody_who_has_proved_who_they_are() -> None:
    call = replace(CALL, facts={"tier": "verified"}, person="p1")
    told = Answer(True, {"tier": "number", "caller": "caregiver", "language": "es", "access": "slow"}, "p2")
    assert identity.as_it_stands("who", told, call) == Answer(True, {"language": "es", "access": "slow"})


def test_how_a_caller_wants_to_be_spoken_to_is_theirs_to_choose() -> None:
    told = Answer(True, {"tier": "number", "access": "standard"})
    assert identity.as_it_stands("who", told, CALL) == told
    chose = replace(CALL, facts={"tier": "anonymous", "access": "slow"})
    assert identity.as_it_stands("who", told, chose).facts == {"tier": "number"}


# ---------------------------------------------------------------- one-time codes


@given(st.text())
def test_a_code_is_six_digits_and_follows_from_the_token_alone(fresh: str) -> None:
    code = new_code(fresh)
    assert len(code) == 6
    assert code.isascii()
    assert code.isdigit()
    assert code == new_code(fresh)


def test_a_code_fits_for_ten_minutes_and_once() -> None:
    call = code_sent(CALL, "604938", NOW)
    assert code_fits(call, "604938", NOW + timedelta(minutes=9, seconds=59))
    assert not code_fits(call, "604938", NOW + timedelta(minutes=10))
    assert not code_fits(call, "604939", NOW)
    used = code_used(call)
    assert used.code_right
    assert not code_fits(used, "604938", NOW)


def test_before_a_code_is_sent_none_fits() -> None:
    assert not code_fits(CALL, "", NOW)


def test_a_new_code_takes_the_place_of_the_last_and_what_it_was_worth() -> None:
    call = code_sent(code_used(code_sent(CALL, "111111", NOW)), "222222", NOW)
    assert not call.code_right
    assert not code_fits(call, "111111", NOW)
    assert code_fits(call, "222222", NOW)


def test_a_code_of_another_call_does_not_fit_though_its_hash_be_copied() -> None:
    call = replace(code_sent(CALL, "604938", NOW), id="CA2")
    assert not code_fits(call, "604938", NOW)


def test_a_call_keeps_no_code_as_it_was_sent() -> None:
    assert "604938" not in str(code_sent(CALL, "604938", NOW))


def test_three_codes_are_sent_in_a_call_and_no_more() -> None:
    call, sent = CALL, 0
    while may_send_code(call):
        call, sent = code_sent(call, new_code(str(sent)), NOW), sent + 1
    assert sent == MOST_CODES == 3


# ---------------------------------------------------------------- what came of it


@pytest.mark.parametrize(
    ("parts", "word"),
    [
        ({}, "none"),
        ({"tries": 2}, "failed"),
        ({"facts": {"tier": "number"}, "tries": 1}, "failed"),
        ({"tries": 3, "wrong_proofs": 2}, "failed"),
        ({"tries": 3, "wrong_proofs": 3}, "locked"),
        ({"facts": {"tier": "prescription"}, "tries": 4, "wrong_proofs": 3}, "rx_only"),
        ({"facts": {"tier": "prescription"}, "tries": 1}, "rx_only"),
        ({"facts": {"tier": "verified"}, "tries": 1}, "dob_phone"),
        ({"facts": {"tier": "verified"}, "tries": 1, "code_right": True}, "otp"),
        ({"facts": {"tier": "prescriber"}, "tries": 1}, "prescriber_npi"),
    ],
)
def test_a_disposition_says_how_the_caller_proved_who_they_are(parts: dict[str, object], word: str) -> None:
    assert identity.verification(replace(CALL, **parts), most_wrong=3) == word  # type: ignore[arg-type]
