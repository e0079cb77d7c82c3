"""What a number is: may it be called back, and which time zones may it be in?"""

from __future__ import annotations

from collections.abc import Collection
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from phonenumbers import PhoneNumberType, timezone
from phonenumbers.shortnumberinfo import is_emergency_number

MOST_ZONES = 4  # of one area code; more are all those of a country, and so nobody knows
_DEAR = frozenset({PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST})


def verdict(number: str, countries: Collection[str], ours: Collection[str]) -> str:
    """Return whether we call a number (E.164) back: `fine`, or why not: ours premium abroad emergency unclear.

    `countries` are region codes (US, CA); `ours` the numbers that ring at the pharmacy itself.
    """
    if number in ours:
        return "ours"
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return "unclear"
    region = _region(parsed)
    if is_emergency_number(phonenumbers.national_significant_number(parsed), region or "US"):
        return "emergency"
    if not phonenumbers.is_possible_number(parsed):
        return "unclear"
    if phonenumbers.number_type(parsed) in _DEAR or _is_900(parsed):
        return "premium"
    return "fine" if region in countries else "abroad"


def _region(parsed: phonenumbers.PhoneNumber) -> str | None:
    """Return the region of a number; one in no table is taken as of the country its code belongs to first."""
    return phonenumbers.region_code_for_number(parsed) or phonenumbers.region_code_for_country_code(
        parsed.country_code or 0
    )


def _is_900(parsed: phonenumbers.PhoneNumber) -> bool:
    """The tables know only those 900 and 976 numbers that are in use."""
    national = phonenumbers.national_significant_number(parsed)
    return parsed.country_code == 1 and (national[:3] == "900" or national[3:6] == "976")


def zones(number: str) -> tuple[str, ...]:
    """Return the time zones a number (E.164) may be in; none where its digits do not tell, as of toll-free ones."""
    try:
        found = timezone.time_zones_for_geographical_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return ()
    known = tuple(zone for zone in found if _is_a_zone(zone))
    return known if len(known) <= MOST_ZONES else ()


def _is_a_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return False
    return "/" in name and not name.startswith("Etc/")
