"""A call flow as a picture an admin can read: what is said, which key leads where, who may hear it, what is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ivr.content.drawing import svg
from ivr.content.drawing.layout import Line, lay_out, turning_back
from ivr.content.drawing.nodes import TAG, Box, box, ways
from ivr.content.drawing.words import Words, label_size
from ivr.content.flow_checks import Content
from ivr.content.flows import WrittenFlow
from ivr.content.problems import Problem
from ivr.core import flows
from ivr.proof.graph import prompts_of

FOLDER = "flow-pictures"
"""Where pictures go when nobody says: beside the content's own folders."""

_MOST_LINES = 7  # of what is said
_VALUE = re.compile(r"\{\{\s*(.*?)\s*\}\}", re.DOTALL)


def pictures(content: Content, problems: Sequence[Problem]) -> Iterator[tuple[str, str]]:
    """Yield each flow's name and its picture as SVG; a flow that cannot be read has none.

    What is said is told in the first language of the line, and what is wrong in red. Same content, same picture.
    """
    for name, written in sorted(content.flows.items()):
        yield name, _Picture(written, content, problems).drawn()


class _Picture:
    """One flow being drawn."""

    def __init__(self, written: WrittenFlow, content: Content, problems: Sequence[Problem]) -> None:
        self._written, self._content, self._flow = written, content, written.flow
        self._problems = [problem for problem in problems if problem.file == written.top.file.path]
        self._language = self._first_language()

    def drawn(self) -> str:
        """Return the picture as text."""
        boxes = {name: self._box(name, node) for name, node in self._flow.nodes.items()}
        lines = list(self._lines(boxes))
        layout = lay_out(
            {name: box.size for name, box in boxes.items()},
            [Line(source, target, label_size(words)) for source, target, words in lines],
        )
        title = self._flow.title or self._flow.name
        told = f"callflows/{self._flow.name}.yaml" + (f", words as in {self._language}" if self._language else "")
        labels = [words for *_, words in lines]
        return svg.Picture(title, told, self._flow.start, boxes, labels, layout, self._problems).text()

    def _lines(self, boxes: dict[str, Box]) -> Iterator[tuple[str, str, Sequence[Words]]]:
        """Yield every line; where one would lead back up, it leads to a box of its own that says where to."""
        nodes = self._flow.nodes
        back = turning_back(self._flow.start, {name: [way for way, _ in ways(node)] for name, node in nodes.items()})
        for name, node in nodes.items():
            for way, words in ways(node):
                if (name, way) in back:
                    tag = f"back to {way} from {name}"
                    boxes[tag] = Box(f"\u21b0 back to {way}", TAG)
                    way = tag
                yield name, way, words

    def _box(self, name: str, node: flows.Node) -> Box:
        prompts = prompts_of(node)
        needed = dict.fromkeys(" or ".join(sorted(self._tiers(prompt))) for prompt in prompts)
        marks = [number for number, problem in enumerate(self._problems, 1) if self._is_at(problem, name)]
        text = self._text(prompts[0]) if prompts else ""
        return box(name, node, text, [f"only {tiers}" for tiers in needed if tiers], marks, _MOST_LINES)

    def _first_language(self) -> str | None:
        """Return the first language of the first line that leads here, of any line otherwise."""
        content = self._content
        lines = [line for line in content.lines.values() if self._flow.name in content.script.flows_of(line)]
        spoken = [line.languages[0] for line in lines] or sorted(content.catalogues)
        return spoken[0] if spoken else None

    def _text(self, prompt: str) -> str:
        written = self._content.texts(prompt, [self._language] if self._language else [])
        return " ".join(_VALUE.sub(_value, next(iter(written.values()), prompt)).split())

    def _tiers(self, prompt: str) -> frozenset[str]:
        written = self._content.catalogues.get(self._language or "")
        found = written.catalogue.prompts.get(prompt) if written else None
        return found.tiers if found else frozenset()

    def _is_at(self, problem: Problem, name: str) -> bool:
        """Return whether a problem stands within a node: at its name or below it, and before the next one's."""
        lines = sorted(place.line for place in self._written.places.values())
        at = self._written.places[name].line
        after = next((line for line in lines if line > at), problem.line + 1)
        return at <= problem.line < after


def _value(match: re.Match[str]) -> str:
    """Return a value of a prompt as the picture shows it: its name, or what is written there itself."""
    name = match[1].partition("|")[0].strip().strip("\"'")
    return f"\u2039{name.replace('_', ' ')}\u203a"
