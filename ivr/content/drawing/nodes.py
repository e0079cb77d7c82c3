"""What a picture shows of a node: its kind by colour and shape, what it does, and where it leads by which key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ivr.content.drawing.layout import Size
from ivr.content.drawing.words import FAINT, GREEN, SMALL, TEXT, Words, aside, width, wrapped
from ivr.core import flows
from ivr.core.rules import Condition

WIDE = 240  # of the text in a box
_LABEL_WIDE = 150
_FEW_CASES = 5  # more are told in the box, and only a letter on the line
_ALPHABET = "abcdefghijklmnopqrstuvwxyz"
_EVERY_LANGUAGE = "in every language of the line"
PADDING = 14
HEAD = 30
MARK = 20  # room for the number of a problem
_ENDS = (flows.Route, flows.Return, flows.TakeMessage, flows.TransferTo, flows.HangUpNode)
_SIDES = {"hex": 12, "lean": 12, "bars": 8, "pill": 8, "cut": 4}  # what a shape takes of the text's room


@dataclass(frozen=True, slots=True)
class Kind:
    """How a kind of node looks, and what the legend says of it."""

    word: str
    told: str
    shape: str  # round · cut · hex · lean · drum · bars · pill
    fill: str
    edge: str

    @property
    def side(self) -> float:
        return _SIDES.get(self.shape, 0)


def _end(word: str) -> Kind:
    return Kind(word, "the flow ends here", "pill", "#d7dee6", "#44525f")


NOTICE = Kind("notice", "words nobody can talk over", "round", "#fff0d0", "#d08700")
TAG = Kind("", "", "round", "#ffffff", "#7b8794")
_KINDS: Mapping[type, Kind] = {
    flows.SayNode: Kind("say", "words, a key cuts them short", "round", "#e8f1fb", "#4a7fb5"),
    flows.Menu: Kind("menu", "a choice by key or word", "hex", "#e6f4e6", "#4c9152"),
    flows.Pick: Kind("pick", "a choice of prescriptions", "hex", "#d9efe9", "#2f8a78"),
    flows.Collect: Kind("collect", "keyed in or said", "lean", "#eef6d8", "#7c9a2e"),
    flows.AskNode: Kind("ask", "asks the order system", "drum", "#efe9f7", "#7d5fb2"),
    flows.Choose: Kind("choose", "by what is known", "cut", "#fdf6d8", "#b3922b"),
    flows.SubFlow: Kind("flow", "runs another flow", "bars", "#f1f3f5", "#5b6876"),
    flows.CheckMedicine: Kind("medicine", "by what is known of its name", "cut", "#fde4e9", "#b3455f"),
    flows.Do: Kind("do", "done for the caller", "round", "#fde9d9", "#c2702e"),
    flows.Route: _end("route"),
    flows.Return: _end("return"),
    flows.TakeMessage: _end("message"),
    flows.TransferTo: _end("transfer"),
    flows.HangUpNode: _end("hang_up"),
}


@dataclass(frozen=True, slots=True)
class Box:
    """A node as it is drawn."""

    name: str
    kind: Kind
    words: Sequence[Words] = ()
    tiers: Sequence[str] = ()  # who may hear it
    marks: Sequence[int] = ()  # numbers of the problems at it
    tip: str = ""  # all of it, shown when the pointer rests on it
    end: bool = False

    @property
    def size(self) -> Size:
        head = Words(self.name, weight="bold").width + width(self.kind.word, SMALL) + 24 + MARK * len(self.marks)
        texts = [words.width for words in self.words] + [width(tier, SMALL) + 14 for tier in self.tiers]
        height = HEAD + sum(words.size + 4 for words in self.words) + 24 * len(self.tiers)
        wide = max(100.0, head, *texts) + 2 * (PADDING + self.kind.side)
        return Size(wide, height + (12 if self.words or self.tiers else 4))


def box(name: str, node: flows.Node, text: str, tiers: Sequence[str], marks: Sequence[int], most_lines: int) -> Box:
    """Return a node as a box; `text` is what it says."""
    said = wrapped(f"\u201c{text}\u201d", WIDE) if text else []
    if len(said) > most_lines:
        said = [*said[: most_lines - 1], f"{said[most_lines - 1].rstrip('.,')} \u2026\u201d"]
    words = [*map(Words, said), *_details(node)]
    tip = f"{name}: {text}" if text else name
    return Box(name, kind_of(node), words, tiers, marks, tip, isinstance(node, _ENDS))


def kind_of(node: flows.Node) -> Kind:
    """Return how a node looks."""
    return NOTICE if isinstance(node, flows.SayNode) and node.notice else _KINDS[type(node)]


def legend(boxes: Iterable[Box]) -> Iterator[tuple[Kind, str]]:
    """Yield each kind of node that is drawn, once, and what it is; all ends look alike."""
    drawn = {box.kind for box in boxes}
    for kind in (NOTICE, *_KINDS.values()):
        if kind in drawn and kind.shape != "pill":
            yield kind, f"{kind.word}: {kind.told}"
    yield from [(kind, kind.told) for kind in _KINDS.values() if kind in drawn and kind.shape == "pill"][:1]


def _details(node: flows.Node) -> Iterator[Words]:
    for line in wrapped(_detail(node), WIDE, SMALL):
        yield Words(line, SMALL, FAINT)
    if isinstance(node, flows.Choose) and len(node.cases) > _FEW_CASES:
        for letter, case in zip(_letters(node), node.cases, strict=True):
            yield Words(f"{letter}: {', '.join(condition.text for condition in case.when)}", SMALL)
    if isinstance(node, flows.SayNode | flows.HangUpNode) and node.resolution:
        yield Words(f"\u2713 {node.resolution}", SMALL, GREEN)


def _detail(node: flows.Node) -> str:
    match node:
        case flows.Collect():
            length = f"{node.length} long" if node.length else ""
            return ", ".join(filter(None, (node.as_, length, "kept secret" if node.secret else "", _help(node))))
        case flows.AskNode():
            return f"asks: {node.question}"
        case flows.SubFlow():
            return f"runs {node.flow} and comes back"
        case flows.Route():
            return "the routing rules decide, for a person" if node.person else "the routing rules decide"
        case flows.Return():
            return "back to the flow that ran this one"
        case flows.TakeMessage():
            return f"takes a message for {node.queue}{', with ' if node.keep else ''}{', '.join(node.keep)}"
        case flows.CheckMedicine():
            return f"looks {node.field} up"
        case flows.TransferTo():
            return f"transfers to {node.name}"
        case flows.Do():
            return node.what
        case flows.Menu():
            return ", ".join(filter(None, (_EVERY_LANGUAGE if node.every_language else "", _help(node))))
        case flows.SayNode() if node.every_language:
            return _EVERY_LANGUAGE
        case _:
            return ""


def _help(node: flows.Menu | flows.Collect) -> str:
    return f"then in other words: {node.help}" if node.help else ""


def ways(node: flows.Node) -> Iterator[tuple[str, Sequence[Words]]]:
    """Yield where a node leads, and what stands on the line there."""
    match node:
        case flows.Menu():
            yield from ((option.then, _on_key(key, option)) for key, option in node.options.items())
            asides = {"own words": node.understand, "silence": node.silence, f"{node.unless_known} known": node.then}
            yield from ((way, [aside(word)]) for word, way in asides.items() if way)
        case flows.Pick():
            yield node.then, [Words("1 to 5", TEXT, weight="bold")]
            yield node.none, [aside("none")]
        case flows.Choose():
            for letter, case in zip(_letters(node), node.cases, strict=True):
                yield case.then, [Words(letter, weight="bold")] if letter else list(_conditions(case.when))
            yield node.otherwise, [aside("otherwise")]
        case flows.Collect():
            yield node.then, []
            yield from ((way, [Words(f"{key} #", weight="bold")]) for key, way in node.instead.items())
        case flows.SayNode() | flows.AskNode() | flows.SubFlow() | flows.Do():
            yield node.then, []
        case flows.CheckMedicine():
            yield node.then, []
            yield node.controlled, [aside("controlled")]
            yield node.mistaken, [aside("easily mistaken")]


def _on_key(key: str, option: flows.Option) -> list[Words]:
    facts = " ".join(str(value).replace("_", " ") for value in option.facts.values())
    return [Words(key, weight="bold"), *(Words(line, SMALL, FAINT) for line in wrapped(facts, _LABEL_WIDE, SMALL))]


def _letters(node: flows.Choose) -> Sequence[str]:
    """Return what stands for each case on its line; nothing where there is room for the case itself."""
    count = len(node.cases)
    return [f"{_ALPHABET[n % 26]}{n // 26 or ''}" if count > _FEW_CASES else "" for n in range(count)]


def _conditions(when: Iterable[Condition]) -> Iterator[Words]:
    for condition in when:
        yield from (Words(line, SMALL) for line in wrapped(condition.text, _LABEL_WIDE, SMALL))
