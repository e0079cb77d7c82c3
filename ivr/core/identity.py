"""How sure we are who is speaking: what a caller has shown, and the tier it is worth. One table, and one-time codes."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ivr.core.call import Answer, Call

# ---------------------------------------------------------------- tiers


@dataclass(frozen=True, slots=True)
class Worth:
    """What is worth a tier: all of these fit one person, and the number that rings says this much."""

    shown: frozenset[str]  # of rx_number, date_of_birth, zip, code
    number: str  # any · filed (theirs, or of who acts for them) · on_file (not doubtful) · vouched (not forged)
    tier: str


def _worth(shown: str, number: str, tier: str) -> Worth:
    return Worth(frozenset(shown.split()), number, tier)


TABLE = (
    _worth("date_of_birth rx_number", "on_file", "verified"),
    _worth("date_of_birth zip", "on_file", "verified"),
    _worth("date_of_birth code", "filed", "verified"),
    _worth("date_of_birth", "vouched", "verified"),
    _worth("date_of_birth rx_number zip", "any", "verified"),
    _worth("rx_number", "on_file", "prescription"),
    _worth("rx_number date_of_birth", "any", "prescription"),
    _worth("rx_number zip", "any", "prescription"),
)
"""The first row that applies counts. A birth date and a zip are matched, not secret: alone they are worth nothing."""

DOUBTFUL = ("failed", "C")
"""A number that failed is forged; one at C came through a gateway, as forged ones do. Neither shows anything."""

RANKS = ("anonymous", "number", "prescription", "prescriber", "verified", "staff")


def tier_for(shown: Collection[str], *, number_on_file: bool, attestation: str) -> str | None:
    """Return the tier of a caller all of whose proofs fit one person; None: nothing new, ask for more.

    A number whose attestation is doubtful shows nothing, whatever the order system has on file.
    """
    says = {"any"}
    if number_on_file and attestation != "failed":
        says.add("filed")  # enough where a code came back from it
    if number_on_file and attestation not in DOUBTFUL:
        says.add("on_file")
        if attestation == "A":
            says.add("vouched")
    return next((row.tier for row in TABLE if row.shown <= set(shown) and row.number in says), None)


_HINTS = ("language", "access")


def as_it_stands(ask: str, answer: Answer, call: Call) -> Answer:
    """Return an answer as far as it still says something new when the call hears of it.

    A tier falls only with another person's prescription, and how a caller wants to be spoken to is theirs to choose.
    """
    facts = dict(answer.facts)
    if "access" in call.facts:
        facts.pop("access", None)
    lower = _rank(facts.get("tier")) < _rank(call.facts.get("tier"))
    if lower and (ask == "who" or answer.person in (None, call.person)):
        facts.pop("tier", None)
    if ask == "who" and lower:  # a number is no news of somebody who has proved who they are
        return replace(
            answer, facts={name: facts[name] for name in ("language", "access") if name in facts}, person=None
        )
    return replace(answer, facts=facts)


def _rank(tier: object) -> int:
    return RANKS.index(str(tier)) if tier in RANKS else 0


# ---------------------------------------------------------------- one-time codes

CODE_DIGITS = 6
CODE_LASTS = timedelta(minutes=10)
MOST_CODES = 3  # texted in one call


def new_code(fresh: str) -> str:
    """Return a code of six digits made from a random token that is used for nothing else."""
    number = int.from_bytes(hashlib.sha256(f"code {fresh}".encode()).digest())
    return f"{number % 10**CODE_DIGITS:0{CODE_DIGITS}}"


def may_send_code(call: Call) -> bool:
    """May one more code be texted in this call?"""
    return call.codes_sent < MOST_CODES


def code_sent(call: Call, code: str, now: datetime) -> Call:
    """Return the call that waits for this code and no earlier one."""
    return replace(
        call,
        code_kept=_kept(call, code),
        code_until=now + CODE_LASTS,
        code_right=False,
        codes_sent=call.codes_sent + 1,
    )


def code_fits(call: Call, code: str, now: datetime) -> bool:
    """Is this the code the call waits for, and still in time?"""
    if call.code_kept is None or call.code_until is None or now >= call.code_until:
        return False
    return hmac.compare_digest(call.code_kept, _kept(call, code))


def code_used(call: Call) -> Call:
    """Return the call after its code was read back rightly: that counts until the call ends, and the code is spent."""
    return replace(call, code_kept=None, code_until=None, code_right=True)


def _kept(call: Call, code: str) -> str:
    return hashlib.sha256(f"{call.id} {code}".encode()).hexdigest()


# ---------------------------------------------------------------- what came of it


def verification(call: Call, most_wrong: int) -> str:
    """Return how the caller proved who they are, in the codes of dispositions; `failed` when they tried in vain.

    Who offered what fits nobody `most_wrong` times may prove nothing more in this call: `locked`.
    """
    tier = call.facts.get("tier")
    if tier == "prescriber":
        return "prescriber_npi"
    if tier == "verified":
        return "otp" if call.code_right else "dob_phone"
    if tier == "prescription":
        return "rx_only"
    if call.wrong_proofs >= most_wrong:
        return "locked"
    return "failed" if call.tries else "none"
