"""Boxes, lines and words as an SVG picture that needs nothing else and looks the same everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ivr.content.drawing.layout import Layout, Size, Spot, Stroke
from ivr.content.drawing.nodes import HEAD, MARK, PADDING, Box, Kind, legend
from ivr.content.drawing.words import FAINT, FONT, INK, RED, SMALL, TITLE, Words, label_size, width, wrapped
from ivr.content.problems import Problem

_MARGIN = 32
_NARROWEST = 760
_START = 44  # room for the dot a call starts at
_LINES = "#7b8794"
_BADGE = "#6a3fa0"
_SWATCH = Size(30, 18)

_Entry = tuple[float, Kind, str]


class Picture:
    """Everything that is in a picture, from its title to what is wrong."""

    def __init__(
        self,
        title: str,
        told: str,
        start: str,
        boxes: Mapping[str, Box],
        labels: Sequence[Sequence[Words]],
        layout: Layout,
        problems: Sequence[Problem],
    ) -> None:
        self._title, self._told, self._start = Words(title, TITLE, weight="bold"), told, start
        self._boxes, self._labels, self._layout = boxes, labels, layout
        self._room = max(layout.size.width, _NARROWEST - 2 * _MARGIN, self._title.width)
        self._legend = list(_in_rows(legend(boxes.values()), self._room))
        self._notes = [self._note(problem) for problem in problems]

    def text(self) -> str:
        """Return the picture as SVG."""
        top = _MARGIN + 60 + 28 * len(self._legend) + _START
        foot = top + self._layout.size.height + _MARGIN
        size = {"width": _n(self._room + 2 * _MARGIN), "height": _n(foot + sum(18 * len(n) + 6 for n in self._notes))}
        svg = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", **size, "font-family": FONT, "role": "img"})
        _in(svg, "title").text = f"{self._title.text} ({self._told})"
        _in(svg, "rect", size, fill="#ffffff")
        self._head(svg)
        left = _MARGIN + (self._room - self._layout.size.width) / 2
        self._drawing(_in(svg, "g", transform=f"translate({_n(left)} {_n(top)})"))
        self._foot(svg, foot)
        indent(svg)
        return tostring(svg, encoding="unicode") + "\n"

    def _head(self, svg: Element) -> None:
        _write(svg, self._title, _MARGIN, _MARGIN + 18)
        _write(svg, Words(self._told, colour=FAINT), _MARGIN, _MARGIN + 38)
        for row, entries in enumerate(self._legend):
            y = _MARGIN + 56 + 28 * row
            for x, kind, told in entries:
                _shape(svg, kind, _MARGIN + x, y, _SWATCH)
                _write(svg, Words(told, SMALL, FAINT), _MARGIN + x + _SWATCH.width + 8, y + 13)

    def _drawing(self, group: Element) -> None:
        first = self._layout.boxes[self._start]
        _in(group, "circle", cx=_n(first.x), cy=_n(10 - _START), r="7", fill=INK)
        _draw_stroke(group, Stroke(Spot(first.x, 17 - _START), (-20, -10), first, arrow=True))
        for stroke in self._layout.strokes:
            _draw_stroke(group, stroke)
        for words, spot in zip(self._labels, self._layout.labels, strict=True):
            _draw_label(group, words, spot)
        for name, box in self._boxes.items():
            _draw_box(group, box, self._layout.boxes[name])

    def _note(self, problem: Problem) -> list[str]:
        remark = "" if problem.severity == "error" else f" ({problem.severity})"
        return wrapped(f"line {problem.line}: {problem.message}{remark}", self._room - 28)

    def _foot(self, svg: Element, y: float) -> None:
        for number, lines in enumerate(self._notes, 1):
            _mark(svg, number, _MARGIN + 9, y - 4)
            for line in lines:
                _write(svg, Words(line, colour=RED), _MARGIN + 28, y)
                y += 18
            y += 6


def _in_rows(entries: Iterable[tuple[Kind, str]], room: float) -> Iterator[list[_Entry]]:
    row: list[_Entry] = []
    x = 0.0
    for kind, told in entries:
        wide = _SWATCH.width + 8 + width(told, SMALL)
        if row and x + wide > room:
            yield row
            row, x = [], 0.0
        row.append((x, kind, told))
        x += wide + 18
    yield row


# ---------------------------------------------------------------- boxes and lines


def _draw_box(parent: Element, box: Box, spot: Spot) -> None:
    size, side = box.size, PADDING + box.kind.side
    left = spot.x - size.width / 2
    group = _in(parent, "g")
    _in(group, "title").text = box.tip or box.name
    _shape(group, box.kind, left, spot.y, size, wrong=bool(box.marks), twice=box.end)
    _write(group, Words(box.name, weight="bold"), left + side, spot.y + 20)
    right = left + size.width - side - MARK * len(box.marks)
    _write(group, Words(box.kind.word, SMALL, box.kind.edge), right, spot.y + 19, "end")
    for place, number in enumerate(box.marks):
        _mark(group, number, right + 12 + MARK * place, spot.y + 15)
    y = spot.y + HEAD + 4
    for words in box.words:
        _write(group, words, left + side, y + words.size)
        y += words.size + 4
    for tier in box.tiers:
        _badge(group, tier, left + side, y + 4)
        y += 24


def _badge(parent: Element, text: str, x: float, y: float) -> None:
    look = {"width": _n(width(text, SMALL) + 14), "height": "18", "rx": "9", "fill": _BADGE}
    _in(parent, "rect", look, x=_n(x), y=_n(y))
    _write(parent, Words(text, SMALL, "#ffffff"), x + 7, y + 13)


def _mark(parent: Element, number: int, x: float, y: float) -> None:
    _in(parent, "circle", cx=_n(x), cy=_n(y), r="9", fill=RED)
    _write(parent, Words(str(number), SMALL, "#ffffff", "bold"), x, y + 4, "middle")


def _draw_label(parent: Element, words: Sequence[Words], spot: Spot) -> None:
    if not words:
        return
    size = label_size(words)
    look = {"rx": "9", "fill": "#ffffff", "stroke": _LINES, "width": _n(size.width), "height": _n(size.height)}
    _in(parent, "rect", look, x=_n(spot.x - size.width / 2), y=_n(spot.y))
    y = spot.y + 3
    for line in words:
        _write(parent, line, spot.x, y + line.size, "middle")
        y += line.size + 4


def _draw_stroke(parent: Element, stroke: Stroke) -> None:
    (x1, y1), (x2, y2) = stroke.start, stroke.end
    top, bottom = stroke.bend
    bottom -= 8 if stroke.arrow else 0  # lines meet before the head of the arrow
    half = (top + bottom) / 2
    path = f"M{_n(x1)} {_n(y1)}V{_n(top)}"
    path += f"C{_n(x1)} {_n(half)} {_n(x2)} {_n(half)} {_n(x2)} {_n(bottom)}" if x1 != x2 else ""
    path += f"V{_n(y2 - 8 if stroke.arrow else y2)}"
    _in(parent, "path", {"d": path, "fill": "none", "stroke": _LINES, "stroke-width": "1.6"})
    if stroke.arrow:
        head = f"M{_n(x2 - 5)} {_n(y2 - 10)}L{_n(x2)} {_n(y2)}L{_n(x2 + 5)} {_n(y2 - 10)}Z"
        _in(parent, "path", d=head, fill=_LINES)


# ---------------------------------------------------------------- shapes


def _shape(
    parent: Element, kind: Kind, x: float, y: float, size: Size, *, wrong: bool = False, twice: bool = False
) -> None:
    look = {"fill": kind.fill, "stroke": RED if wrong else kind.edge, "stroke-width": "2.6" if wrong else "1.6"}
    _in(parent, "path", {"d": _outline(kind.shape, x, y, *size), **look})
    inside = _inside(kind.shape, x, y, size)
    if twice:
        inside = _outline(kind.shape, x + 4, y + 4, size.width - 8, size.height - 8)
    if inside:
        _in(parent, "path", {"d": inside, "fill": "none", "stroke": kind.edge})


def _inside(shape: str, x: float, y: float, size: Size) -> str:
    """Return the lines within a shape: what is run stands between bars, and what is asked is a drum."""
    if shape == "bars":
        return f"M{_n(x + 7)} {_n(y)}v{_n(size.height)}M{_n(x + size.width - 7)} {_n(y)}v{_n(size.height)}"
    return f"M{_n(x)} {_n(y + 5)}h{_n(size.width)}" if shape == "drum" else ""


def _outline(shape: str, x: float, y: float, wide: float, high: float) -> str:
    right, bottom, side = x + wide, y + high, min(12.0, high / 2)
    match shape:
        case "hex":
            upper = [(x, y + high / 2), (x + side, y), (right - side, y), (right, y + high / 2)]
            return _polygon([*upper, (right - side, bottom), (x + side, bottom)])
        case "lean":
            return _polygon([(x + side, y), (right, y), (right - side, bottom), (x, bottom)])
        case "cut":
            upper = [(x, y + side), (x + side, y), (right - side, y), (right, y + side)]
            return _polygon(
                [*upper, (right, bottom - side), (right - side, bottom), (x + side, bottom), (x, bottom - side)]
            )
        case "pill":
            return _rounded(x, y, wide, high, min(22, high / 2))
        case _:
            return _rounded(x, y, wide, high, 8 if shape == "round" else 3)


def _polygon(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in points) + "Z"


def _rounded(x: float, y: float, wide: float, high: float, r: float) -> str:
    across, down, arc = _n(wide - 2 * r), _n(high - 2 * r), f"a{_n(r)} {_n(r)} 0 0 1"
    upper = f"M{_n(x + r)} {_n(y)}h{across}{arc} {_n(r)} {_n(r)}v{down}{arc} {_n(-r)} {_n(r)}"
    return f"{upper}h-{across}{arc} {_n(-r)} {_n(-r)}v-{down}{arc} {_n(r)} {_n(-r)}Z"


# ---------------------------------------------------------------- elements


def _write(parent: Element, words: Words, x: float, y: float, anchor: str = "start") -> None:
    look = {"font-size": str(words.size), "fill": words.colour}
    unusual = {"text-anchor": anchor, "font-weight": words.weight, "font-style": words.style}
    look |= {name: value for name, value in unusual.items() if value not in ("start", "normal")}
    _in(parent, "text", look, x=_n(x), y=_n(y)).text = words.text


def _in(parent: Element, tag: str, look: Mapping[str, str] | None = None, **more: str) -> Element:
    return SubElement(parent, tag, {**(look or {}), **more})


def _n(number: float) -> str:
    """Return a number as short as the eye can tell; never -0."""
    return f"{number + 0:.1f}".removesuffix(".0").replace("-0.0", "0")
