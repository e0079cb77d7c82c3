"""What is wrong with flows as they are written: where they lead, what they say and for how long, what they keep."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial

from ivr.content.flows import WrittenFlow
from ivr.content.problems import did_you_mean
from ivr.content.prompts import Catalogue
from ivr.content.spoken import spoken_seconds
from ivr.content.written import Item
from ivr.core import flows
from ivr.core.asking import MOST_PICKED
from ivr.core.pharmacy import Line
from ivr.core.rules import RuleSet
from ivr.proof.graph import FlowFinding, Script, broken_graphs, prompts_of, reached, ways_on
from ivr.proof.habits import habits

NOTICE_SECONDS = 6.0  # in two languages together
THIRD_LANGUAGE_SECONDS = 3.0  # and so much longer for each one more
MENU_SECONDS = 25.0
SECRET = ("rx_number", "date_of_birth", "phone", "zip", "code", "letters", "speech")
"""What tells who a caller is, or what they said in their own words. An NPI is public."""

_VALUE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_EMERGENCY_NUMBER = re.compile(r"9\W?1\W?1|nine one one|nueve uno uno", re.IGNORECASE)
_KEYS_NAMED = {"en": re.compile(r"\bpress (\w+)"), "es": re.compile(r"\b(?:oprima|marque) el (\w+)")}
_NUMBERS = (
    tuple("0123456789"),
    ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    ("cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"),
)
_DIGITS = {word: str(digit) for words in _NUMBERS for digit, word in enumerate(words)}


@dataclass(frozen=True, slots=True)
class WrittenCatalogue:
    """A language's prompts and where they stand."""

    catalogue: Catalogue
    top: Item
    places: Mapping[str, Item]


@dataclass(frozen=True)
class Content:
    """What the checks look at. Anything that could not be read is left out, and nothing is said about it."""

    flows: Mapping[str, WrittenFlow]
    catalogues: Mapping[str, WrittenCatalogue]
    lines: Mapping[str, Line]
    rules: Mapping[str, RuleSet]
    complete: bool  # everything could be read, so what nobody uses is really used by nobody
    staff_languages: frozenset[str] = frozenset()  # of the lines that staff ring

    @cached_property
    def script(self) -> Script:
        """The flows, and who is led through them."""
        return Script({name: written.flow for name, written in self.flows.items()}, self.lines, self.rules)

    def languages_of(self, flow: str) -> list[str]:
        """Return the languages in which a flow may be heard."""
        lines = [line for line in self.lines.values() if flow in self.script.flows_of(line)]
        return sorted({language for line in lines for language in line.languages})

    def texts(self, prompt: str, languages: Iterable[str]) -> dict[str, str]:
        """Return a prompt's text in those of some languages in which it is written."""
        found = {code: self.catalogues[code].catalogue.prompts for code in languages if code in self.catalogues}
        return {code: prompts[prompt].source for code, prompts in found.items() if prompt in prompts}

    def report(self, finding: FlowFinding) -> None:
        """Report something found in a flow where the node stands."""
        place = self.flows[finding.flow].places[finding.node]
        place.problem(finding.code, finding.message, severity=finding.severity)


def plain(text: str) -> str:
    """Return a prompt's text with words in the place of its values."""
    return _VALUE.sub("some words", text)


def check_flows(content: Content) -> None:
    """Report what is wrong with each flow's graph and with what it says."""
    for finding in (*broken_graphs(content.script), *habits(content.script)):
        content.report(finding)
    for name, written in content.flows.items():
        languages = content.languages_of(name)
        for node_name, node in written.flow.nodes.items():
            _Said(written.places[node_name], node, languages, content).check()
        _Dictated(written, languages, content).check()
    used = {flow for line in content.lines.values() for flow in content.script.flows_of(line)}
    for name in sorted(set(content.flows) - used) if content.complete else ():
        content.flows[name].top.file.problem("remark", "no line, rule or flow leads here", severity="warning")
    for line in content.lines.values():
        if line.flow in content.flows:
            _FirstWords(line, content).check()


# ---------------------------------------------------------------- the first words


class _FirstWords:
    """What callers of a line hear first: what to do in an emergency, in their language, and nobody can talk over it."""

    def __init__(self, line: Line, content: Content) -> None:
        self._line, self._content, self._written = line, content, content.flows[line.flow]
        self._nodes = self._written.flow.nodes

    def check(self) -> None:
        """Report at the first node of the flow what is wrong with it, or with what comes before the notice."""
        start = self._written.flow.start
        first = next((name for name in self._first() if not self._warns(self._nodes[name])), None)
        if first is None:
            return
        node, place = self._nodes[first], self._written.places[first]
        late = self._late()
        if isinstance(node, flows.SayNode) and not node.notice and self._speaks_of_danger(node):
            message = f'callers can talk over "{first}"; what to do in an emergency is a `notice`'
        elif isinstance(node, flows.SayNode) and node.notice and self._speaks_of_danger(node):
            message = f'"{first}" is said in one language, and the line {self._line.name} speaks more: `languages: all`'
        elif late:
            message = f'"{late}" comes late: "{first}" is before it, and callers in danger have no time'
        else:
            place = self._written.top.at("start") if first == start else place
            message = "a line starts with a `notice` that tells callers in danger to dial 911"
        place.problem("emergency", message)

    def _first(self) -> Iterator[str]:
        """Yield the nodes that may be the first to be heard or to keep the caller waiting."""

        def silent_ways(name: str) -> list[str]:
            node = self._nodes[name]
            return [*(case.then for case in node.cases), node.otherwise] if isinstance(node, flows.Choose) else []

        come_to = reached([self._written.flow.start], silent_ways)
        return (name for name in self._nodes if name in come_to and not isinstance(self._nodes[name], flows.Choose))

    def _warns(self, node: flows.Node) -> bool:
        everybody = isinstance(node, flows.SayNode) and (node.every_language or len(self._line.languages) == 1)
        return everybody and isinstance(node, flows.SayNode) and node.notice and self._speaks_of_danger(node)

    def _speaks_of_danger(self, node: flows.Node) -> bool:
        """Return whether a node tells callers to dial 911, in every language in which it is written."""
        texts = self._content.texts(prompts_of(node)[0], self._line.languages) if prompts_of(node) else {}
        return all(_EMERGENCY_NUMBER.search(text) for text in texts.values())

    def _late(self) -> str | None:
        notices = (n for n, node in self._nodes.items() if isinstance(node, flows.SayNode) and self._warns(node))
        return next(notices, None)


# ---------------------------------------------------------------- what is dictated


class _Dictated:
    """What a flow keeps of an office's words: nothing becomes part of a prescription that was not read back."""

    def __init__(self, written: WrittenFlow, languages: list[str], content: Content) -> None:
        self._written, self._languages, self._content = written, languages, content
        self._nodes = written.flow.nodes

    def check(self) -> None:
        """Report items nobody collects, and those that can be kept without having been heard and confirmed."""
        collecting = [node for flow in self._content.flows.values() for node in flow.flow.nodes.values()]
        collected = {node.field for node in collecting if isinstance(node, flows.Collect)}
        for name, node in self._nodes.items():
            for item in _items_of(node):
                if item not in collected:
                    self._report(name, "reference", f'nothing collects "{item}"{did_you_mean(item, collected)}')
        for message, asked, collect in self._kept():
            if message in reached([collect.then], partial(self._unheard_ways, item=collect.field)):
                told = f'"{collect.field}" can come into it unconfirmed: after "{asked}" no menu reads it back'
                self._report(message, "unconfirmed", told)

    def _kept(self) -> Iterator[tuple[str, str, flows.Collect]]:
        """Yield each message with items, and each node that asks for one of them."""
        messages = [(name, node) for name, node in self._nodes.items() if isinstance(node, flows.TakeMessage)]
        for message, node in messages:
            for asked, collect in self._nodes.items():
                if isinstance(collect, flows.Collect) and collect.field in node.keep:
                    yield message, asked, collect

    def _unheard_ways(self, name: str, item: str) -> list[str]:
        """Return the ways on from a node, none from a menu that reads the item back or asks for it anew."""
        node = self._nodes[name]
        is_asked = isinstance(node, flows.Collect) and node.field == item
        return [] if is_asked or (isinstance(node, flows.Menu) and self._reads(node, item)) else ways_on(node)

    def _reads(self, node: flows.Menu, item: str) -> bool:
        # A flow no line leads to yet may be heard in any language.
        texts = self._content.texts(node.prompt, self._languages or list(self._content.catalogues))
        return bool(texts) and all(re.search(rf"\{{\{{\s*{item}\b", text) for text in texts.values())

    def _report(self, node: str, code: str, message: str) -> None:
        self._written.places[node].problem(code, message)


def _items_of(node: flows.Node) -> tuple[str, ...]:
    if isinstance(node, flows.TakeMessage):
        return node.keep
    return (node.field,) if isinstance(node, flows.CheckMedicine) else ()


# ---------------------------------------------------------------- what is said


class _Said:
    """What one node says, and what it keeps of the answer."""

    def __init__(self, place: Item, node: flows.Node, languages: list[str], content: Content) -> None:
        self._place, self._node, self._languages, self._content = place, node, languages, content

    def check(self) -> None:
        """Report what is wrong with it."""
        node = self._node
        for prompt in dict.fromkeys(prompts_of(node)):
            self._check_written(prompt)
            if isinstance(node, flows.Menu):
                self._check_length(prompt, MENU_SECONDS, "a menu", node.every_language)
                self._check_keys(prompt, node)
        match node:
            case flows.Pick():
                self._check_length(node.prompt, MENU_SECONDS, "a choice of five", times=MOST_PICKED)
            case flows.SayNode() if node.notice:
                self._check_notice(node)
            case flows.Collect() if node.as_ in SECRET and not node.secret:
                message = f"{node.as_} tells who a caller is; it has to be `secret: yes`"
                self._place.problem("privacy", message)

    def _texts(self, prompt: str) -> dict[str, str]:
        return self._content.texts(prompt, self._languages)

    def _check_written(self, prompt: str) -> None:
        for language in sorted(set(self._languages) & self._content.catalogues.keys() - self._texts(prompt).keys()):
            message = f'"{prompt}" is not written in callflows/prompts/{language}.yaml'
            self._place.problem("missing", message)

    def _check_notice(self, node: flows.SayNode) -> None:
        more = max(0, len(self._texts(node.prompt)) - 2) if node.every_language else 0
        most = NOTICE_SECONDS + THIRD_LANGUAGE_SECONDS * more
        self._check_length(node.prompt, most, "a notice, which nobody can skip,", node.every_language)

    def _check_length(self, prompt: str, most: float, what: str, every: bool = False, times: int = 1) -> None:
        lengths = [times * spoken_seconds(plain(text), language) for language, text in self._texts(prompt).items()]
        longest = sum(lengths) if every else max(lengths, default=0.0)
        if longest > most:
            told = f"{what} takes {most:g} seconds at most to say; this one takes about {longest:.0f}"
            self._place.problem("length", told)

    def _check_keys(self, prompt: str, menu: flows.Menu) -> None:
        """A caller can only press what they are told of, and must not be told of what is not there."""
        texts = self._texts(prompt)
        if not texts or len(texts) < len(self._languages):
            return
        told = {language: set(_keys_in(text, language)) for language, text in texts.items() if language in _KEYS_NAMED}
        for language, keys in told.items():
            strange = sorted(keys - set(menu.options) - {"0", "9"})
            if strange:
                message = f'"{prompt}" in {language} names {" and ".join(strange)}, no option here'
                self._place.problem("menu", message)
        heard = [set().union(*told.values())] if menu.every_language else list(told.values())
        for key in menu.options if prompt == menu.prompt else ():
            if any(key not in keys for keys in heard):
                self._place.problem("menu", f'option {key} is not named in "{prompt}"', severity="warning")


def _keys_in(text: str, language: str) -> Iterator[str]:
    for word in _KEYS_NAMED[language].findall(text.casefold()):
        if word in _DIGITS:
            yield _DIGITS[word]
