"""How well the listener understands labelled utterances, in the figures that matter: emergencies before everything."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ivr.core.heard import Heard
from ivr.core.rules import FACTS
from ivr.speech.listener import Listener

OTHER = "other"
MOST_CONFUSIONS = 8


@dataclass(frozen=True, slots=True)
class NoLabel(Exception):
    """A line without a label that can be scored."""

    why: str


@dataclass(frozen=True, slots=True)
class Tried:
    """One labelled utterance, and what was heard."""

    language: str
    intent: str
    urgency: str
    heard: Heard
    seconds: float

    @property
    def is_emergency(self) -> bool:
        return self.urgency == "emergency"

    @property
    def caught(self) -> bool:
        return self.heard.urgency == "emergency" or self.heard.ask_safety

    @property
    def pressing(self) -> bool:
        """Whether more than routine was heard; asking counts where somebody is in danger."""
        return self.heard.urgency != "routine" or (self.is_emergency and self.heard.ask_safety)


def labelled(utterance: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an utterance whose labels are known words; raises NoLabel."""
    for label in ("intent", "urgency"):
        if utterance.get(label) not in FACTS[label].values:
            raise NoLabel(f"`{label}` is one of {', '.join(FACTS[label].values)}")
    return utterance


def tried(listener: Listener, utterances: Iterable[Mapping[str, Any]]) -> list[Tried]:
    """Return what a listener makes of labelled utterances."""
    listener.warm()
    return [_tried(listener, one) for one in utterances]


def _tried(listener: Listener, one: Mapping[str, Any]) -> Tried:
    begun = time.perf_counter()
    heard = listener.understand(one["text"], one.get("lang"))
    return Tried(str(one.get("lang")), one["intent"], one["urgency"], heard, time.perf_counter() - begun)


# ---------------------------------------------------------------- figures


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    hits: int
    of: int

    @property
    def share(self) -> float:
        return self.hits / self.of if self.of else 1.0

    def __str__(self) -> str:
        return f"{self.share:6.1%} ({self.hits}/{self.of})" if self.of else "   -"


def figures(all_tried: Sequence[Tried]) -> dict[str, Share]:
    """Return every figure by name."""
    dangers = [one for one in all_tried if one.is_emergency]
    others = [one for one in all_tried if not one.is_emergency]
    called = [one for one in all_tried if one.heard.urgency == "emergency"]
    presses = [one for one in all_tried if one.urgency != "routine"]
    return {
        "emergencies caught": _share(one.caught for one in dangers),
        "emergencies outright": _share(one.heard.urgency == "emergency" for one in dangers),
        "right when it says emergency": _share(one.is_emergency for one in called),
        "asks where there is none": _share(one.heard.ask_safety for one in others),
        "urgent or above": _share(one.pressing for one in presses),
        "intent right": _share((one.heard.intent or OTHER) == one.intent for one in all_tried),
    }


def _share(hits: Iterable[bool]) -> Share:
    told = list(hits)
    return Share(sum(told), len(told))


def table(all_tried: Sequence[Tried]) -> str:
    """Return the figures as text, all together and by language, with what is mixed up most."""
    languages = sorted({one.language for one in all_tried})
    columns = {"all": all_tried, **{code: [one for one in all_tried if one.language == code] for code in languages}}
    told = {name: figures(some) for name, some in columns.items()}
    head = f"{'':30}" + "".join(f"{name:>18}" for name in columns)
    rows = [f"{name:30}" + "".join(f"{told[column][name]!s:>18}" for column in columns) for name in told["all"]]
    spent = sorted(one.seconds for one in all_tried)
    pace = f"{1_000 * sum(spent) / len(spent):.1f} ms an utterance, at most {1_000 * spent[-1]:.1f} ms"
    return "\n".join([f"{len(all_tried)} utterances, {pace}", head, *rows, *_confusions(all_tried)])


def _confusions(all_tried: Sequence[Tried]) -> list[str]:
    mixed = Counter(
        (one.intent, one.heard.intent or OTHER) for one in all_tried if (one.heard.intent or OTHER) != one.intent
    )
    most = [f"  {count:3}  {meant} heard as {heard}" for (meant, heard), count in mixed.most_common(MOST_CONFUSIONS)]
    return ["mixed up most:", *most] if most else []
