"""What callers hear while the whole line is away: one static document for each line, for any host that serves files.

It knows neither the hour nor who calls and can ask nothing, so whoever waits decides by waiting. It says what to do in
an emergency, when the pharmacy is open, and that nobody answers there when it is not; then it rings the staffed number.
Whom nobody answers is told that who can wait should hang up now, and who holds is put through to the pharmacist on
call: so at noon a person answers, and at three in the morning nobody is woken for what can wait, and nobody in need
hears only a tape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ivr.core.hours import Hours
from ivr.core.pharmacy import Line, Pharmacy
from ivr.telephony import twiml


def documents(pharmacy: Pharmacy) -> dict[str, str]:
    """Return the TwiML of every line by the line's name; it is as true as the hours and numbers it was made of."""
    callers = {name: _for_callers(pharmacy, line) for name, line in pharmacy.lines.items()}
    return callers | {name: _for_staff(pharmacy, line) for name, line in pharmacy.staff_lines.items()}


def _for_callers(pharmacy: Pharmacy, line: Line) -> str:
    site = pharmacy.sites[line.site]
    parts: list[Sequence[twiml.Spoken] | str] = [_words(pharmacy, line, "away_emergency")]
    parts.append(_hours(pharmacy, line))
    for words, number in _to_ring(site.staffed_number, site.on_call).items():
        parts += [_words(pharmacy, line, words), number]
    return twiml.alone([*parts, _words(pharmacy, line, "away_nobody")])


def _hours(pharmacy: Pharmacy, line: Line) -> list[twiml.Spoken]:
    """When we are open, a language at a time: who understands one follows it to its end."""
    hours = pharmacy.hours[line.site]
    values = {"week": hours.week_told()}
    return [said for language in line.languages for said in _in(language, pharmacy, line, _of_hours(hours), values)]


def _of_hours(hours: Hours) -> tuple[str, ...]:
    return ("away_hours", "away_holidays") if hours.closed_days else ("away_hours",)


def _to_ring(staffed: str, on_call: str) -> dict[str, str]:
    """The numbers one after the other, each by the prompt that says so; one that is not there is not promised."""
    asked = {"away_ringing": staffed, "away_on_call": on_call if on_call != staffed else ""}
    return {prompt: number for prompt, number in asked.items() if number}


def _for_staff(pharmacy: Pharmacy, line: Line) -> str:
    return twiml.alone([_words(pharmacy, line, "away_staff")])


def _words(pharmacy: Pharmacy, line: Line, prompt: str) -> list[twiml.Spoken]:
    return [said for language in line.languages for said in _in(language, pharmacy, line, (prompt,), {})]


def _in(
    language: str, pharmacy: Pharmacy, line: Line, prompts: Sequence[str], values: Mapping[str, str]
) -> list[twiml.Spoken]:
    known = {"pharmacy": pharmacy.sites[line.site].title, **values}
    return [pharmacy.prompts.say(language, prompt, known) for prompt in prompts]
