"""What is wrong with prompts: words nobody wrote, values nobody gives, words that are not for everybody or too hard."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from ivr.content.flow_checks import Content, WrittenCatalogue, plain
from ivr.content.problems import did_you_mean
from ivr.content.prompts import ALWAYS, ALWAYS_GIVEN, SOMETIMES, STAFF_LINE_PROMPTS, SYSTEM_PROMPTS, Prompt
from ivr.content.reading_level import reading_level
from ivr.content.spare_words import SPARE
from ivr.content.written import Item
from ivr.core import flows
from ivr.core.facts import SPOKEN_OF_IT
from ivr.proof.graph import prompts_of

UNPROVED = frozenset({"anonymous", "number"})
PICKED = frozenset({"key"})  # what the prompt of a `pick` is given, besides what is known of the prescription
_UNSURE = SOMETIMES | SPOKEN_OF_IT
_STAFF_HEARS = "agent_"
_SAID_BY_LINE = {**SYSTEM_PROMPTS, **STAFF_LINE_PROMPTS}


def check_prompts(content: Content, announced: Collection[str]) -> None:
    """Report what is wrong with each prompt, and which are missing or said by nobody."""
    nodes = [node for written in content.flows.values() for node in written.flow.nodes.values()]
    spoken = {language for line in content.lines.values() for language in line.languages}
    keyed = frozenset(node.field for node in nodes if isinstance(node, flows.Collect))
    picking = {node.prompt for node in nodes if isinstance(node, flows.Pick)}
    used = {*_SAID_BY_LINE, *announced, *(prompt for node in nodes for prompt in prompts_of(node))}
    for language, written in content.catalogues.items():
        prompts = written.catalogue.prompts
        if language in spoken:
            _check_written(written, {*SYSTEM_PROMPTS, *announced})
        if language in content.staff_languages:
            _check_written(written, {*STAFF_LINE_PROMPTS})
        for name, prompt in prompts.items():
            is_picked = name in picking or any(p.without == name for p in prompts.values() if p.name in picking)
            given = keyed | PICKED if is_picked else keyed
            _Checked(written.places[name], prompt, written, content).check(given)
        stand_ins = {prompt.without for prompt in prompts.values()}
        for name in sorted(set(prompts) - used - stand_ins) if content.complete else ():
            written.places[name].problem("remark", f'nothing says "{name}"', severity="warning")


def _check_written(written: WrittenCatalogue, needed: set[str]) -> None:
    """Report what the line needs and nobody wrote; of what it can say in words of its own, remark."""
    unwritten = needed - set(written.catalogue.prompts)
    spare = unwritten & set(SPARE["en"])
    if unwritten - spare:
        names = ", ".join(sorted(unwritten - spare))
        written.top.problem("missing", f"the line says by itself, and nobody wrote: {names}")
    elif spare:
        how = "in words of its own" if written.catalogue.language in SPARE else "in another language"
        message = f"nobody wrote, and the line says {how}: {', '.join(sorted(spare))}"
        written.top.problem("remark", message, severity="warning")


def tiers(content: Content) -> dict[str, frozenset[str]]:
    """Return who may hear each prompt, in every language and whatever stands in for it; everybody: left out."""
    found: dict[str, frozenset[str]] = {}
    for written in content.catalogues.values():
        prompts = written.catalogue.prompts
        for name, prompt in prompts.items():
            stand_in = prompts.get(prompt.without or "")
            for may in (prompt.tiers, stand_in.tiers if stand_in else frozenset[str]()):
                if may:
                    found[name] = found.get(name, may) & may
    return found


class _Checked:
    """One prompt in one language."""

    def __init__(self, place: Item, prompt: Prompt, written: WrittenCatalogue, content: Content) -> None:
        self._place, self._prompt, self._content = place, prompt, content
        self._language = written.catalogue.language
        self._prompts: Mapping[str, Prompt] = written.catalogue.prompts

    def check(self, keyed: frozenset[str]) -> None:
        """Report what is wrong with it; `keyed` are the values that callers key in or pick."""
        self._check_values(keyed)
        self._check_tiers()
        self._check_reading_level()

    def _check_values(self, keyed: frozenset[str]) -> None:
        prompt = self._prompt
        given = ALWAYS | _UNSURE | keyed | _SAID_BY_LINE.get(prompt.name, frozenset())
        for value in sorted(prompt.values - given):
            self._place.problem("reference", f'nobody gives a prompt "{value}"{did_you_mean(value, given)}')
        unsure = sorted((prompt.values & _UNSURE) - ALWAYS_GIVEN.get(prompt.name, frozenset()))
        if not unsure:
            return
        stand_in = self._prompts.get(prompt.without or "")
        if stand_in is None:
            self._place.problem("missing", f"{unsure[0]} is not always known; name another prompt in `without`")
        elif stand_in.values & _UNSURE:
            message = f'"{stand_in.name}" stands in when values are missing, and speaks of some itself'
            self._place.problem("reference", message)

    def _check_tiers(self) -> None:
        prompt = self._prompt
        others = [named for named in self._tiers_elsewhere() if named != prompt.tiers]
        tiers = prompt.tiers or next(iter(others), frozenset[str]())  # named in one language, they hold in all
        personal = sorted(prompt.values & SPOKEN_OF_IT)
        unproved = sorted(tiers & UNPROVED)
        if prompt.name in SYSTEM_PROMPTS and not prompt.name.startswith(_STAFF_HEARS) and (prompt.tiers or personal):
            self._disclosed("the line says this by itself, to anybody; it must tell nothing private")
        elif personal and not tiers:
            self._disclosed(f"{personal[0]} tells something of a patient; say in `tier` who may hear it")
        elif personal and unproved:
            who = " and ".join(unproved)
            self._disclosed(f"{personal[0]} tells something of a patient, and {who} callers have proved nothing")
        if prompt.tiers and others:
            self._disclosed("this is for other callers than in another language; give both the same `tier`")

    def _tiers_elsewhere(self) -> Iterator[frozenset[str]]:
        """Yield the tiers named in each other language that names any."""
        for written in self._content.catalogues.values():
            other = written.catalogue.prompts.get(self._prompt.name)
            if other and other.tiers and written.catalogue.language != self._language:
                yield other.tiers

    def _disclosed(self, message: str) -> None:
        self._place.problem("disclosure", message)

    def _check_reading_level(self) -> None:
        level = None if self._prompt.name.startswith(_STAFF_HEARS) else reading_level(self._text, self._language)
        if level and level.hard:
            message = f"this is hard to follow ({level.told}, {level.asked}); use shorter sentences and plainer words"
            self._place.problem("plain-words", message, severity="error" if level.too_hard else "warning")

    @property
    def _text(self) -> str:
        return plain(self._prompt.source)
