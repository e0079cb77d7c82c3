"""The names one file may use because another defines them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from ivr.core.rules import FACTS, Fact

Known = Collection[str] | None  # None: the file that would say cannot be read, so nobody can tell


@dataclass(frozen=True, slots=True)
class Names:
    """What exists, by kind."""

    facts: Mapping[str, Fact] = field(default_factory=lambda: FACTS)
    queues: Known = None
    on_call_queues: Known = None  # those an emergency may go to
    sites: Known = None
    flows: Known = None
    prompts: Known = None
    transfers: Known = None
    skills: Known = None
    rule_files: Known = None
    languages: Known = None
