"""What is wrong with flows and prompts as a whole: places nobody reaches, paths with no end, words nobody wrote."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from ivr.content.flows import WrittenFlow
from ivr.content.problems import did_you_mean
from ivr.content.prompts import ALWAYS, ALWAYS_GIVEN, SOMETIMES, SYSTEM_PROMPTS, Catalogue, Prompt
from ivr.content.spoken import spoken_seconds
from ivr.content.written import Item
from ivr.core import flows
from ivr.core.pharmacy import Line
from ivr.core.rules import RuleSet

NOTICE_SECONDS = 6.0
MENU_SECONDS = 25.0
_PRIVATE = ("rx_number", "date_of_birth", "phone")
_VALUE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
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


@dataclass(frozen=True, slots=True)
class Content:
    """What the checks look at. Anything that could not be read is left out, and nothing is said about it."""

    flows: Mapping[str, WrittenFlow]
    catalogues: Mapping[str, WrittenCatalogue]
    lines: Mapping[str, Line]
    rules: Mapping[str, RuleSet]
    complete: bool  # everything could be read, so what nobody uses is really used by nobody

    def languages_of(self, flow: str) -> list[str]:
        """Return the languages in which a flow may be heard."""
        lines = [line for line in self.lines.values() if flow in self.flows_of(line)]
        return sorted({language for line in lines for language in line.languages})

    def flows_of(self, line: Line) -> set[str]:
        """Return the flows a caller of a line may come to."""
        rules = self.rules.get(line.rules)
        found: set[str] = set()
        ahead = [line.flow, *(served_by(rules) if rules else ())]
        while ahead:
            name = ahead.pop()
            if name not in found and name in self.flows:
                found.add(name)
                ahead += self.calls(name)
        return found

    def calls(self, flow: str) -> list[str]:
        """Return the flows a flow runs and comes back from."""
        nodes = _nodes(self.flows[flow]) if flow in self.flows else ()
        return [node.flow for node in nodes if isinstance(node, flows.SubFlow)]

    def waits(self, flow: str) -> bool:
        """Return whether a flow asks the caller anything; one that cannot be read may."""
        written = self.flows.get(flow)
        return written is None or any(
            isinstance(node, flows.Menu | flows.Collect | flows.Pick) for node in _nodes(written)
        )


def check_flows(content: Content) -> None:
    """Report what is wrong with each flow's graph and with what it says."""
    served = {flow for rules in content.rules.values() for flow in served_by(rules)}
    for name, written in content.flows.items():
        _check_graph(written, content)
        _check_secrets(written)
        if name in served:
            _check_return(written)
        for place, node in _placed(written):
            _check_said(place, node, content.languages_of(name), content)
    used = {flow for line in content.lines.values() for flow in content.flows_of(line)}
    for name in sorted(set(content.flows) - used) if content.complete else ():
        content.flows[name].top.file.problem("remark", "no line, rule or flow leads here", severity="warning")
    for line in content.lines.values():
        _check_first_words(content.flows.get(line.flow))


def served_by(rules: RuleSet) -> Iterator[str]:
    """Yield the flows a set of rules sends callers to."""
    for rule in (*rules.rules, rules.otherwise):
        if rule.then.route == "self_service":
            yield rule.then.target


def _nodes(written: WrittenFlow) -> Iterable[flows.Node]:
    return written.flow.nodes.values()


def _placed(written: WrittenFlow) -> Iterator[tuple[Item, flows.Node]]:
    for name, node in written.flow.nodes.items():
        yield written.places[name], node


# ---------------------------------------------------------------- the graph


def ways_on(node: flows.Node) -> list[str]:
    """Return the nodes that may come next."""
    match node:
        case flows.Menu():
            others = [way for way in (node.silence, node.then, node.understand) if way]
            return [option.then for option in node.options.values()] + others
        case flows.Choose():
            return [case.then for case in node.cases] + [node.otherwise]
        case flows.Pick():
            return [node.then, node.none]
        case flows.SayNode() | flows.Collect() | flows.AskNode() | flows.SubFlow() | flows.Do():
            return [node.then]
        case _:
            return []


def reached(start: Iterable[str], ways: Callable[[str], Iterable[str]]) -> set[str]:
    """Return everything that can be come to from `start`, itself included."""
    found: set[str] = set()
    ahead = list(start)
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead += ways(name)
    return found


def _check_graph(written: WrittenFlow, content: Content) -> None:
    nodes, places = written.flow.nodes, written.places
    from_start = reached([written.flow.start], lambda name: ways_on(nodes[name]))
    for name in nodes:
        if name not in from_start:
            places[name].problem("unreachable", f'no caller ever comes to "{name}"')
    circles = {name for name in nodes if _circles(name, written, content)}
    for name in _first_of_each(circles, written):
        message = f'"{name}" comes back to itself without waiting for the caller, who would hear it for ever'
        places[name].problem("dead-end", message)
    endless = from_start - _with_end(written) - circles
    for name in _first_of_each(endless, written):
        places[name].problem("dead-end", f'from "{name}" a call never comes to an end; lead it to one')
    for name, node in nodes.items():
        if isinstance(node, flows.SubFlow) and written.flow.name in reached([node.flow], content.calls):
            places[name].problem("dead-end", f'"{node.flow}" leads back into this flow, so it never returns')


def _with_end(written: WrittenFlow) -> set[str]:
    """Return the nodes from which a call can come to an end."""
    nodes = written.flow.nodes
    back = {name: [other for other in nodes if name in ways_on(nodes[other])] for name in nodes}
    return reached([name for name in nodes if not ways_on(nodes[name])], lambda name: back[name])


def _first_of_each(names: set[str], written: WrittenFlow) -> Iterator[str]:
    """Yield the names nobody before them in the file leads to, so that one fault is told once."""
    told: set[str] = set()
    for name in written.flow.nodes:
        if name in names and name not in told:
            told |= reached([name], lambda at: ways_on(written.flow.nodes[at]))
            yield name


def _circles(name: str, written: WrittenFlow, content: Content) -> bool:
    """Tell whether a call that comes to a node may come to it again without anybody being asked."""

    def on_its_own(at: str) -> list[str]:
        node = written.flow.nodes[at]
        if isinstance(node, flows.Menu):
            return [node.then] if node.then else []
        if isinstance(node, flows.Collect) or (isinstance(node, flows.SubFlow) and content.waits(node.flow)):
            return []
        return ways_on(node)

    return name in reached(on_its_own(name), on_its_own)


def _check_return(written: WrittenFlow) -> None:
    for place, node in _placed(written):
        if isinstance(node, flows.Return):
            place.problem("dead-end", "a rule leads here, so there is nowhere to return to; use route or hang_up")


def _check_secrets(written: WrittenFlow) -> None:
    for place, node in _placed(written):
        if isinstance(node, flows.Collect) and node.as_ in _PRIVATE and not node.secret:
            place.problem("privacy", f"{node.as_} tells who a caller is; it has to be `secret: yes`")


def _check_first_words(written: WrittenFlow | None) -> None:
    start = written.flow.nodes[written.flow.start] if written else None
    if written and not (isinstance(start, flows.SayNode) and start.notice):
        place = next(value for key, value in written.top.pairs if key.text == "start")
        place.problem("emergency", "a line starts with a `notice` that tells callers in danger what to do")


# ---------------------------------------------------------------- what is said


def prompt_of(node: flows.Node) -> str | None:
    """Return the prompt a node says."""
    match node:
        case flows.SayNode() | flows.Menu() | flows.Collect() | flows.Pick() | flows.HangUpNode():
            return node.prompt
        case _:
            return None


def _check_said(place: Item, node: flows.Node, languages: list[str], content: Content) -> None:
    prompt = prompt_of(node)
    if prompt is None:
        return
    for language in languages:
        if language in content.catalogues and prompt not in content.catalogues[language].catalogue.prompts:
            place.problem("missing", f'"{prompt}" is not written in callflows/prompts/{language}.yaml')
    texts = dict(_texts(prompt, languages, content))
    if isinstance(node, flows.Menu):
        _check_length(place, texts, node.every_language, MENU_SECONDS, "a menu")
        if texts and len(texts) == len(languages):
            _check_keys(place, node, texts)
    elif isinstance(node, flows.SayNode) and node.notice:
        _check_length(place, texts, node.every_language, NOTICE_SECONDS, "a notice, which nobody can skip,")


def _texts(prompt: str, languages: Iterable[str], content: Content) -> Iterator[tuple[str, str]]:
    for language in languages:
        written = content.catalogues.get(language)
        if written and prompt in written.catalogue.prompts:
            yield language, written.catalogue.prompts[prompt].source


def _check_length(place: Item, texts: Mapping[str, str], every: bool, most: float, what: str) -> None:
    lengths = [spoken_seconds(_VALUE.sub("some words", text), language) for language, text in texts.items()]
    longest = sum(lengths) if every else max(lengths, default=0.0)
    if longest > most:
        place.problem("length", f"{what} takes {most:g} seconds at most to say; this one takes about {longest:.0f}")


def _check_keys(place: Item, menu: flows.Menu, texts: Mapping[str, str]) -> None:
    """A caller can only press what they are told of, and must not be told of what is not there."""
    told = {language: set(_keys_in(text, language)) for language, text in texts.items() if language in _KEYS_NAMED}
    for language, keys in told.items():
        strange = sorted(keys - set(menu.options) - {"0", "9"})
        if strange:
            place.problem("menu", f'"{menu.prompt}" in {language} names {" and ".join(strange)}, no option here')
    heard = [set().union(*told.values())] if menu.every_language else list(told.values())
    for key in menu.options:
        if any(key not in keys for keys in heard):
            place.problem("menu", f'option {key} is not named in "{menu.prompt}"', severity="warning")


def _keys_in(text: str, language: str) -> Iterator[str]:
    for word in _KEYS_NAMED[language].findall(text.casefold()):
        if word in _DIGITS:
            yield _DIGITS[word]


# ---------------------------------------------------------------- prompts


def check_prompts(content: Content, announced: Collection[str]) -> None:
    """Report prompts the line needs and nobody wrote, and values nobody will give them."""
    spoken = {language for line in content.lines.values() for language in line.languages}
    keyed = {n.field for written in content.flows.values() for n in _nodes(written) if isinstance(n, flows.Collect)}
    used = {prompt_of(node) for written in content.flows.values() for node in _nodes(written)}
    used |= {*SYSTEM_PROMPTS, *announced}
    for language, written in content.catalogues.items():
        prompts = written.catalogue.prompts
        unwritten = sorted({*SYSTEM_PROMPTS, *announced} - set(prompts)) if language in spoken else []
        if unwritten:
            written.top.problem("missing", f"the line says by itself, and nobody wrote: {', '.join(unwritten)}")
        for name, prompt in prompts.items():
            _check_values(written.places[name], prompt, prompts, keyed)
        stand_ins = {prompt.without for prompt in prompts.values()}
        for name in sorted(set(prompts) - used - stand_ins) if content.complete else ():
            written.places[name].problem("remark", f'nothing says "{name}"', severity="warning")


def _check_values(place: Item, prompt: Prompt, prompts: Mapping[str, Prompt], keyed: set[str]) -> None:
    given = ALWAYS | SOMETIMES | keyed | SYSTEM_PROMPTS.get(prompt.name, frozenset())
    for value in sorted(prompt.values - given):
        place.problem("reference", f'nobody gives a prompt "{value}"{did_you_mean(value, given)}')
    unsure = sorted((prompt.values & SOMETIMES) - ALWAYS_GIVEN.get(prompt.name, frozenset()))
    if not unsure:
        return
    stand_in = prompts.get(prompt.without or "")
    if stand_in is None:
        place.problem("missing", f"{unsure[0]} is not always known; name another prompt in `without`")
    elif stand_in.values & SOMETIMES:
        place.problem("reference", f'"{stand_in.name}" stands in when values are missing, and speaks of some itself')
