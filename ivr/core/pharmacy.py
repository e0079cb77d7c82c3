"""What a pharmacy has published: its lines, sites, queues, hours, staff, policies, rules and flows, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ivr.core.flows import Flow
from ivr.core.hours import Hours
from ivr.core.line import Agent, Queue
from ivr.core.router import Router
from ivr.core.rules import RuleSet


@dataclass(frozen=True, slots=True)
class Line:
    """A number we own and what answers it (`config/lines.yaml`)."""

    name: str
    number: str  # E.164
    site: str
    rules: str
    flow: str
    languages: tuple[str, ...]
    serves: str = "callers"  # callers · staff, who need neither rules nor flow


@dataclass(frozen=True, slots=True)
class Site:
    """A place of the pharmacy (`config/sites.yaml`)."""

    name: str
    title: str
    timezone: str
    staffed_number: str
    on_call: str
    address: str = ""  # as callers hear it; empty: not told


YEAR_DAYS = 366  # never less than a year of the calendar
KEEP_DAYS: Mapping[str, int] = {
    "calls": 6 * YEAR_DAYS,  # with all that belongs to them: journal, legs, tickets, offers, messages, dispositions …
    "audit": 6 * YEAR_DAYS,
    "messages": 90,  # since they were worked
    "transcripts": 90,  # of messages, since they were left, once they are worked
    "recordings": 90,  # of talks
    "proofs": 1 * YEAR_DAYS,
    "forecasts": 1 * YEAR_DAYS,
    "callers": 2 * YEAR_DAYS,  # what is remembered of a number, since it was remembered
    "presences": 2 * YEAR_DAYS,  # the days of agents
    "events": 1 * YEAR_DAYS,  # of the order system
}
"""How many days each kind of data is kept, where `config/policies.yaml` does not say."""


@dataclass(frozen=True, slots=True)
class Policies:
    """House rules in seconds and counts (`config/policies.yaml`)."""

    ring_seconds: int = 15
    accept_seconds: int = 10
    missed_return_seconds: int = 120
    prefer_last_agent: bool = False  # is whoever talked with this person lately asked before all others?
    missed_in_a_row: int = 3  # offers, after which nobody comes back by themselves
    wrap_up_seconds: int = 30
    callback_attempts: int = 3
    callback_spacing_seconds: int = 300
    callback_expires_seconds: int = 86_400
    callback_ring_seconds: int = 30
    callback_mode: str = "agent_first"  # or caller_first: the person is rung while an agent is held for them
    callback_windows: tuple[tuple[int, int], ...] = ()  # times of day a caller may choose, in minutes
    callback_machine: str = "hang_up"  # or message: a machine is told to call us back, once a ticket
    callback_detect: bool = True  # have the carrier tell a machine from a person
    callback_says_name: bool = True  # is the pharmacy named before the person has proved to be there?
    callback_per_day: int = 3  # calls to one number a day, for all tickets together
    callback_countries: tuple[str, ...] = ("US", "CA")
    callback_spread_seconds: int = 180  # between the promises of those who asked while we were closed
    quiet_hours: tuple[int, int] = (20 * 60, 9 * 60)  # minutes of the day between which nobody is called back
    message_seconds: int = 120
    transcribed: tuple[str, ...] = ()  # languages of which the provider can make a transcript
    transcript_within_seconds: int = 900  # then it is looked up, and the message counts as one without
    held_seconds: int = 120  # how long a caller is on hold during a talk before the agent is reminded of them
    calls_per_second: float = 1.0
    texts_per_second: float = 1.0
    old_facts_seconds: int = 900  # how long the order system's last word holds while it is away
    wrong_per_call: int = 2  # wrong proofs of who is speaking, after which right ones are no use either
    wrong_per_person: int = 5
    wrong_per_number: int = 10
    wrong_within_seconds: int = 86_400
    recording: Mapping[str, Any] = field(default_factory=dict)
    keep: Mapping[str, int] = field(default_factory=lambda: dict(KEEP_DAYS))
    transfers: Mapping[str, str] = field(default_factory=dict)  # name -> E.164
    reach_out: tuple[str, ...] = ()  # events of the order system of which a patient has to be told


class Medicines(Protocol):
    """What is known of medicines by their names (`config/medicines.yaml`)."""

    def mistaken_for(self, name: str) -> tuple[str, ...]: ...
    def is_controlled(self, name: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Pharmacy:
    """One immutable published version of the content; `version` is the hash of its files."""

    version: str
    lines: Mapping[str, Line]
    sites: Mapping[str, Site]
    queues: Mapping[str, Queue]
    hours: Mapping[str, Hours]
    staff: Mapping[str, Agent]
    policies: Policies
    rules: Mapping[str, RuleSet]  # by file name, as lines name them
    flows: Mapping[str, Flow]
    prompts: Any  # ivr.content.prompts.Prompts; the core never reads it, only the renderer does
    files: Mapping[str, str] = field(default_factory=dict)  # relative path -> text, so any version can be loaded again
    medicines: Medicines | None = None
    speech: Any = None  # ivr.speech.phrases.Phrases: what the listener is told; the core never reads it
    staff_lines: Mapping[str, Line] = field(default_factory=dict)  # numbers that staff ring, to work by phone
    routers: Mapping[str, Router] = field(init=False, repr=False, compare=False)  # `rules`, made ready for calls

    def __post_init__(self) -> None:
        object.__setattr__(self, "routers", {name: Router(rules, self.queues) for name, rules in self.rules.items()})

    def line_of(self, name: str) -> Line:
        """The line of a call by its name; a call of a line that was taken away goes on as the first line's."""
        return self.lines.get(name) or self.staff_lines.get(name) or next(iter(self.lines.values()))

    def line_for(self, dialed: str) -> Line:
        """The line that was rung; a number nobody configured is answered by the first line rather than by silence."""
        every = (*self.lines.values(), *self.staff_lines.values())
        return next((line for line in every if line.number == dialed), every[0])
