"""Where the boxes of a picture go: in rows from top to bottom, so that lines cross little, and boxes never.

After Sugiyama, Tagawa and Toda (Methods for visual understanding of hierarchical system structures, 1981): boxes are
put in rows, a line that passes a row gets room of its own there, rows are ordered by what they are joined to, and
shifted sideways as little as keeps them apart. Lines to the same box share one way. Same boxes and lines, same picture.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import NamedTuple

SPACE = 28  # between neighbours
_LINE = 8  # room of a line that passes a row
_GAP = 36  # between two rows of boxes, and more where lines have far to go sideways
_WIDEST = 1_400  # of the boxes in a row, as a screen has room for
_SWEEPS = 24
_SETTLING = 160  # sweeps until everything has found its place sideways
_STRAIGHT = 6.0  # how much rather a line is straight where it passes nothing than a box is in the middle
_PORT = 16  # between the ends of two lines at the same box


class Size(NamedTuple):
    width: float
    height: float


class Line(NamedTuple):
    """A line from one box to another; `label` is the room its words take, none when it has none."""

    source: str
    target: str
    label: Size


class Spot(NamedTuple):
    """The middle of the upper edge."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Stroke:
    """A curve down between two rows, straight before it from `start` and after it to `end`."""

    start: Spot
    bend: tuple[float, float]  # from this height …
    end: Spot
    arrow: bool  # it ends at a box


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything goes; x and y count from 0."""

    boxes: Mapping[str, Spot]
    labels: Sequence[Spot]  # of each line, whether it has words or not
    strokes: Sequence[Stroke]
    size: Size


def turning_back(start: str, ways: Mapping[str, Sequence[str]]) -> set[tuple[str, str]]:
    """Return the lines that lead back to where a call has been, going from the start and then from what is left."""
    back: set[tuple[str, str]] = set()
    done: set[str] = set()
    on_the_way: list[str] = []

    def visit(name: str) -> None:
        on_the_way.append(name)
        for way in ways[name]:
            if way in on_the_way:
                back.add((name, way))
            elif way not in done:
                visit(way)
        done.add(on_the_way.pop())

    for name in (start, *ways):
        if name not in done:
            visit(name)
    return back


def lay_out(boxes: Mapping[str, Size], lines: Sequence[Line]) -> Layout:
    """Return where boxes and lines go; no line may lead back up. Earlier boxes and lines are put further left."""
    rows = _Rows(boxes, lines)
    rows.order()
    return rows.placed()


class _Rows:
    """Boxes stand in even rows, the words of lines below them in odd rows, and lines pass through the rest."""

    def __init__(self, boxes: Mapping[str, Size], lines: Sequence[Line]) -> None:
        self._boxes, self._lines = boxes, lines
        self._sizes: dict[Hashable, Size] = dict(boxes.items())
        self._row = {name: 2 * level for name, level in _levels(boxes, lines).items()}
        self._rows: list[list[Hashable]] = [[] for _ in range(max(self._row.values()) + 1)]
        self._up: dict[Hashable, list[Hashable]] = defaultdict(list)
        self._down: dict[Hashable, list[Hashable]] = defaultdict(list)
        for number, line in enumerate(lines):
            self._join(number, line)
        self._fill_rows()

    def _join(self, number: int, line: Line) -> None:
        """Lead a line down row by row; from the row below its words it shares the way of others to the same box."""
        at: Hashable = line.source
        for row in range(self._row[line.source] + 1, self._row[line.target] + 1):
            to: Hashable = ("label", number) if row == self._row[line.source] + 1 else ("way", line.target, row)
            if row == self._row[line.target]:
                to = line.target
            self._sizes.setdefault(to, line.label if to == ("label", number) and line.label.width else Size(_LINE, 0))
            if to not in self._down[at]:
                self._down[at].append(to)
                self._up[to].append(at)
            at = to

    def _fill_rows(self) -> None:
        """Put everything into its row in the order it is come to from above, leftmost first."""
        seen: set[Hashable] = set()

        def visit(item: Hashable, row: int) -> None:
            if item not in seen:
                seen.add(item)
                self._rows[row].append(item)
                for below in self._down[item]:
                    visit(below, row + 1)

        for name in self._boxes:
            if not self._up[name]:
                visit(name, self._row[name])

    # ------------------------------------------------------------ order

    def order(self) -> None:
        """Order every row by what it is joined to, down and up again, and keep the order with the fewest crossings."""
        best = (self._crossings(), [list(row) for row in self._rows])
        for sweep in range(_SWEEPS):
            neighbours = self._down if sweep % 2 else self._up
            for row in range(len(self._rows))[:: -1 if sweep % 2 else 1]:
                self._sort(row, row + (1 if sweep % 2 else -1), neighbours)
            crossings = self._crossings()
            if crossings < best[0]:
                best = (crossings, [list(row) for row in self._rows])
        self._rows = best[1]

    def _sort(self, row: int, beside: int, neighbours: Mapping[Hashable, Sequence[Hashable]]) -> None:
        if 0 <= beside < len(self._rows):
            place = {item: number for number, item in enumerate(self._rows[beside])}
            own = {item: number for number, item in enumerate(self._rows[row])}

            def middle(item: Hashable) -> tuple[float, int]:
                joined = [place[other] for other in neighbours[item]]
                return (sum(joined) / len(joined) if joined else own[item], own[item])

            self._rows[row].sort(key=middle)

    def _crossings(self) -> int:
        return sum(self._crossings_below(row) for row in range(len(self._rows) - 1))

    def _crossings_below(self, row: int) -> int:
        place = {item: number for number, item in enumerate(self._rows[row + 1])}
        ends = [[place[below] for below in self._down[item]] for item in self._rows[row]]
        return sum(b > c for n, left in enumerate(ends) for right in ends[n + 1 :] for b in left for c in right)

    # ------------------------------------------------------------ place

    def placed(self) -> Layout:
        """Return where everything goes, once the rows are in order."""
        middle = self._middles()
        left = min(middle[item] - self._sizes[item].width / 2 for row in self._rows for item in row)
        middle = {item: x - left for item, x in middle.items()}
        tops, bottoms = self._heights(middle)
        spots = {item: Spot(middle[item], tops[n]) for n, row in enumerate(self._rows) for item in row}
        width = max(spots[item].x + self._sizes[item].width / 2 for item in spots)
        return Layout(
            {name: spots[name] for name in self._boxes},
            [spots["label", number] for number in range(len(self._lines))],
            [stroke for n, row in enumerate(self._rows) for stroke in self._strokes(row, bottoms[n], spots)],
            Size(width, bottoms[-1]),
        )

    def _middles(self) -> dict[Hashable, float]:
        """Return the middle of everything sideways: as near as may be to the middle of what it is joined to."""
        middle: dict[Hashable, float] = {}
        for row in self._rows:
            middle |= self._apart(row, [(0.0, 1.0)] * len(row))
        both = {item: [*self._up[item], *self._down[item]] for row in self._rows for item in row}
        for sweep in range(_SETTLING):
            near = both if sweep > _SETTLING / 2 else self._down if sweep % 2 else self._up
            for row in self._rows[:: -1 if sweep % 2 else 1]:
                middle |= self._apart(row, [self._pull(item, near[item], middle) for item in row])
        return middle

    def _pull(self, item: Hashable, near: Sequence[Hashable], middle: Mapping[Hashable, float]) -> tuple[float, float]:
        """Return where something is pulled to and how strongly: a bare line most of all, so that it is straight."""
        pulls = [_STRAIGHT ** (self._bare(item) + self._bare(other)) for other in near]
        if not pulls:
            return middle[item], 1.0
        return sum(pull * middle[other] for pull, other in zip(pulls, near, strict=True)) / sum(pulls), sum(pulls)

    def _bare(self, item: Hashable) -> bool:
        """Return whether nothing but a line is there."""
        return item not in self._boxes and not self._sizes[item].height

    def _apart(self, row: Sequence[Hashable], wanted: Sequence[tuple[float, float]]) -> dict[Hashable, float]:
        gaps = [self._gap(one, other) for one, other in pairwise(row)]
        return dict(zip(row, spread(wanted, gaps), strict=True))

    def _gap(self, one: Hashable, other: Hashable) -> float:
        space = SPACE / 2 if self._bare(one) or self._bare(other) else SPACE
        return (self._sizes[one].width + self._sizes[other].width) / 2 + space

    def _heights(self, middle: Mapping[Hashable, float]) -> tuple[list[float], list[float]]:
        """Return where each row begins and ends; rows are further apart where lines have far to go sideways."""
        tops, bottoms = [0.0], []
        for row in self._rows:
            bottoms.append(tops[-1] + max((self._sizes[item].height for item in row), default=0.0))
            sideways = max((abs(middle[a] - middle[b]) for a in row for b in self._down[a]), default=0.0)
            tops.append(bottoms[-1] + _GAP / 2 + min(sideways / 8, 40))
        return tops, bottoms

    def _strokes(self, row: Sequence[Hashable], bottom: float, spots: Mapping[Hashable, Spot]) -> Iterable[Stroke]:
        for item in row:
            size = self._sizes[item]
            below = sorted(self._down[item], key=lambda other: spots[other].x)
            ports = self._ports(item, spots[item].x, [spots[other].x for other in below])
            for port, other in zip(ports, below, strict=True):
                x, y = spots[other]
                if self._up[other] == [item]:  # alone it may come straight down
                    x = self._ports(other, x, [port])[0]
                yield Stroke(Spot(port, spots[item].y + size.height), (bottom, y), Spot(x, y), other in self._boxes)

    def _ports(self, item: Hashable, x: float, ends: Sequence[float]) -> Sequence[float]:
        """Return where lines leave something: above their ends as far as it is wide, and apart."""
        wide = 0.0 if self._bare(item) else self._sizes[item].width
        room = wide / 2 - min(24, wide / 3)
        step = min(_PORT, 2 * room / max(1, len(ends) - 1))
        ports = spread([(min(max(end, x - room), x + room), 1.0) for end in ends], [step] * (len(ends) - 1))
        shift = max(0.0, x - room - ports[0]) - max(0.0, ports[-1] - x - room) if ports else 0.0
        return [port + shift for port in ports]


def _levels(boxes: Mapping[str, Size], lines: Sequence[Line]) -> dict[str, int]:
    """Return in which row each box stands: below all that lead to it, and further down where a row is too wide."""
    above: dict[str, list[str]] = {name: [] for name in boxes}
    for line in lines:
        above[line.target].append(line.source)
    ready = [name for name in boxes if not above[name]]
    found: dict[str, int] = {}
    level = 0
    while ready:
        row = [name for name, end in zip(ready, _ends(ready, boxes), strict=True) if end <= _WIDEST] or ready[:1]
        found |= dict.fromkeys(row, level)
        level += 1
        ready = [name for name in boxes if name not in found and all(other in found for other in above[name])]
    return found


def _ends(names: Sequence[str], boxes: Mapping[str, Size]) -> Iterable[float]:
    """Return how wide a row is by the end of each box."""
    return accumulate(boxes[name].width + SPACE for name in names)


def spread(wanted: Sequence[tuple[float, float]], gaps: Sequence[float]) -> list[float]:
    """Return the places nearest to those wanted, each with its weight, that keep their order and these gaps.

    (The squares of the distances are least: isotonic regression by pooling adjacent violators.)
    """
    offsets = list(accumulate(gaps, initial=0.0))
    pools: list[tuple[float, float, int]] = []  # mean, weight, and of how many
    for (want, weight), offset in zip(wanted, offsets, strict=False):
        mean, count = want - offset, 1
        while pools and pools[-1][0] > mean:
            other, heavy, number = pools.pop()
            mean, weight, count = (other * heavy + mean * weight) / (heavy + weight), heavy + weight, number + count
        pools.append((mean, weight, count))
    means = [mean for mean, _, count in pools for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=False)]
