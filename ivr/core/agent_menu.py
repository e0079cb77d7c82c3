"""What an agent is asked who has pressed `*` during a talk: spoken to staff only, while the caller hears music."""

from __future__ import annotations

from collections.abc import Iterator

from ivr.core.call import Talk
from ivr.core.draft import Draft
from ivr.core.line import OUTSIDE, Offer
from ivr.core.verbs import Gather, Play, Say, Verb

MENU_SECONDS = 30  # an agent may be looking something up, and is not talked at
CHOICE_SECONDS = 10
ONE_KEY = 9  # choices; of more, each has two


def asked(draft: Draft, consultation: Offer | None) -> tuple[Verb, ...]:
    """The question the agent hears now."""
    talk = draft.call.talk
    assert talk is not None
    match talk.menu:
        case "queue" | "colleague":
            digits = 1 if len(talk.choices) <= ONE_KEY else 2
            return (Gather(tuple(_choices(draft, talk)), digits=digits, seconds=CHOICE_SECONDS),)
        case "ringing":
            return (Gather((*_told(draft, talk), Say("agent_ringing"), Play("hold_short")), seconds=1),)
    words = "agent_menu_colleague" if consultation else "agent_menu"
    return (Gather((*_told(draft, talk), Say(words)), seconds=MENU_SECONDS),)


def _told(draft: Draft, talk: Talk) -> Iterator[Say]:
    if talk.told == "agent_reminder":
        since = talk.hold_since or draft.now
        yield Say("agent_reminder", {"minutes": max(1, int((draft.now - since).total_seconds() // 60))})
    elif talk.told:
        yield Say(talk.told)


def _choices(draft: Draft, talk: Talk) -> Iterator[Say]:
    for number, choice in enumerate(talk.choices, 1):
        key = str(number) if len(talk.choices) <= ONE_KEY else " ".join(f"{number:02}")
        yield Say("agent_choice", {"who": _name(draft, choice), "key": key})


def _name(draft: Draft, choice: str) -> str:
    if choice in draft.pharmacy.queues:
        return draft.pharmacy.queues[choice].title
    return draft.pharmacy.staff[choice].name if choice in draft.pharmacy.staff else choice.removeprefix(OUTSIDE)


def chosen(talk: Talk, keys: str) -> str | None:
    """What these keys stand for among the choices; None for nothing."""
    number = int(keys) if keys.isdigit() else 0
    return talk.choices[number - 1] if 0 < number <= len(talk.choices) else None
