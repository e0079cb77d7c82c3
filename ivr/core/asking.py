"""One question to the caller: what they hear, how they may answer, and how long we wait."""

from __future__ import annotations

from ivr.core import entry, facts, flows
from ivr.core.call import Found
from ivr.core.draft import Draft
from ivr.core.verbs import Gather, Say

SECONDS = 7  # until the first key …
PATIENT_SECONDS = 12  # … of callers who are given more time
HELP_AFTER = 2  # misses, and it is asked in other words
MOST_PICKED = 5  # prescriptions, each said with the same prompt
YES_AND_NO = {"en": ("yes", "no", "one", "two"), "es": ("sí", "no", "uno", "dos")}


def gather(
    draft: Draft,
    *says: Say,
    digits: int | None = 1,
    speech: bool = False,
    hints: tuple[str, ...] = (),
    secret: bool = False,
) -> bool:
    """Ask; what went before can be talked over, except notices. The document is complete with it, so this is True."""
    notices = [verb for verb in draft.says if isinstance(verb, Say) and verb.notice]
    loose = tuple(verb for verb in draft.says if isinstance(verb, Say) and not verb.notice)
    seconds = PATIENT_SECONDS if facts.is_patient(draft) else SECONDS
    draft.says = [*notices, Gather((*loose, *says), digits, speech, hints, seconds)]
    draft.put(secret=secret)
    return True


def menu(draft: Draft, node: flows.Menu) -> bool:
    """Ask for a choice by key, or in words where the menu has some or understands any."""
    prompt, values = _words(draft, node), draft.prompt_values()
    languages = draft.line.languages if node.every_language else (None,)
    says = [Say(prompt, values, language) for language in languages]
    phrases = tuple(one for option in node.options.values() for one in option.hear.get(facts.language(draft), ()))
    return gather(draft, *says, speech=bool(phrases or node.understand), hints=phrases)


def collect(draft: Draft, node: flows.Collect) -> bool:
    """Ask for something to key in or to say; `0` must act at once where it is said in words."""
    length = 1 if node.as_ == "speech" else node.length or entry.LENGTHS.get(node.as_)
    says = Say(_words(draft, node), draft.prompt_values())
    return gather(draft, says, digits=length, speech=True, secret=node.secret)


def pick(draft: Draft, node: flows.Pick) -> bool:
    """Ask which of the prescriptions that were found."""
    says = [Say(node.prompt, _of(draft, key, one)) for key, one in to_pick_from(draft).items()]
    return gather(draft, *says, speech=True)


def safety(draft: Draft) -> bool:
    """Ask whether anybody is hurt or in danger."""
    return gather(
        draft, Say("safety_question"), speech=True, hints=YES_AND_NO.get(facts.language(draft), YES_AND_NO["en"])
    )


def to_pick_from(draft: Draft) -> dict[str, Found]:
    """The prescriptions that can be picked, by their keys."""
    return {str(key): one for key, one in enumerate(draft.call.found[:MOST_PICKED], 1)}


def _of(draft: Draft, key: str, one: Found) -> dict[str, object]:
    return {**draft.prompt_values(), **one.facts, **one.values, "key": key}


def _words(draft: Draft, node: flows.Menu | flows.Collect) -> str:
    return node.help if node.help and draft.call.strikes >= HELP_AFTER else node.prompt
