"""Finds a call outside a set of boxes by splitting: needs nothing but Python, and serves some hundreds of rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from ivr.proof.patience import Patience
from ivr.proof.space import Box, Space

_Sparse = tuple[tuple[int, int], ...]  # (axis, mask) where a wall does not take the whole axis


class BoxSplitter:
    """A `solver.Solver` that cuts what is left of a box along the wall that cuts it least, until nothing is left."""

    def __init__(self, space: Space, walls: Sequence[Box], patience: Patience) -> None:
        self._patience = patience
        self._walls = [_sparse(wall, space.whole) for wall in walls]
        self.core: frozenset[int] = frozenset()

    def find(self, inside: Box, *outside: Iterable[int]) -> Box | None:
        """Return a box of calls inside `inside` and outside these walls; see `solver.Solver`."""
        used: set[int] = set()
        todo = [(inside, list(chain(*outside)))] if all(inside) else []
        while todo:
            self._patience.spend()
            box, walls = todo.pop()
            cuts = [(cut, wall) for wall in walls if (cut := _cut(self._walls[wall], box)) is not None]
            if not cuts:
                return box
            fewest, wall = min(cuts, key=lambda pair: len(pair[0]))
            used.add(wall)
            rest = [other for _, other in cuts if other != wall]
            for axis, mask in fewest:
                todo.append((_with(box, axis, box[axis] & ~mask), rest))
                box = _with(box, axis, box[axis] & mask)
        self.core = frozenset(used)
        return None


def _sparse(wall: Box, whole: Box) -> _Sparse:
    return tuple((axis, mask) for axis, mask in enumerate(wall) if mask != whole[axis])


def _cut(wall: _Sparse, box: Box) -> _Sparse | None:
    """Return the axes on which a wall takes only part of a box: none when it takes all, None when it misses it."""
    cut = []
    for pair in wall:
        axis, mask = pair
        here = box[axis]
        if not here & mask:
            return None
        if here & ~mask:
            cut.append(pair)
    return tuple(cut)


def _with(box: Box, axis: int, mask: int) -> Box:
    return (*box[:axis], mask, *box[axis + 1 :])
