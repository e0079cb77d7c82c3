"""Finds a call outside a set of boxes with a SAT solver (python-sat, the `verify` extra): for thousands of rules.

The place of a call on an axis is written in order: variable t says "at part t or before" (order encoding; Tamura et
al., Compiling finite linear CSP into SAT, 2006). A run of parts is then two literals, however long it is.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise

from pysat.solvers import Glucose4

from ivr.proof.patience import Patience
from ivr.proof.space import Box, Space

_CONFLICTS_BETWEEN_LOOKS = 2_000


class SatSolver:
    """A `solver.Solver` for many rules."""

    def __init__(self, space: Space, walls: Sequence[Box], patience: Patience) -> None:
        self._patience = patience
        self._solver = Glucose4()
        self._last = 0
        self._whole = space.whole
        self._axes = [self._axis(len(axis.parts)) for axis in space.axes]
        self._places = self._last  # the variables so far say where a call is
        self._in: dict[tuple[int, int], int] = {}
        self._standing = [self._stand(wall) for wall in walls]
        self._joint: dict[int, list[int]] = {}  # by the first wall of a run
        self._wall = {standing: number for number, standing in enumerate(self._standing)}
        self.core: frozenset[int] = frozenset()

    def find(self, inside: Box, *outside: Iterable[int]) -> Box | None:
        """Return one call inside `inside` and outside these walls, as a box; see `solver.Solver`."""
        if not all(inside):
            self.core = frozenset()
            return None
        walls = chain.from_iterable(self._walls(some) for some in outside)
        if self._solve([*self._place_in(inside), *walls]):
            return self._call()
        blamed = self._solver.get_core() or ()
        self.core = frozenset(self._wall[literal] for literal in blamed if literal in self._wall)
        return None

    # ------------------------------------------------------------ what the variables mean

    def _new(self) -> int:
        self._last += 1
        return self._last

    def _axis(self, parts: int) -> list[int]:
        """Return one variable for each part but the last: the call is at this part or before it."""
        before = [self._new() for _ in range(parts - 1)]
        for earlier, later in pairwise(before):
            self._solver.add_clause([-earlier, later])
        return before

    def _literal(self, axis: int, mask: int) -> int:
        """Return a literal that puts the call into the parts of a mask."""
        key = axis, mask
        if key not in self._in:
            runs = [self._run(axis, first, last) for first, last in _runs(mask)]
            self._in[key] = runs[0] if len(runs) == 1 else self._any(runs)
        return self._in[key]

    def _run(self, axis: int, first: int, last: int) -> int:
        before = self._axes[axis]
        bounds = [*(-at_or_before for at_or_before in before[first - 1 : first]), *before[last : last + 1]]
        if len(bounds) == 1:
            return bounds[0]
        both = self._new()
        for bound in bounds:
            self._solver.add_clause([-both, bound])
        return both

    def _any(self, literals: Sequence[int]) -> int:
        some = self._new()
        self._solver.add_clause([-some, *literals])
        return some

    def _place_in(self, box: Box) -> Iterator[int]:
        return (self._literal(axis, mask) for axis, mask in enumerate(box) if mask != self._whole[axis])

    def _stand(self, wall: Box) -> int:
        """Return a variable that keeps the call out of a wall."""
        beside = ((axis, self._whole[axis] & ~mask) for axis, mask in enumerate(wall))
        return self._any([self._literal(axis, mask) for axis, mask in beside if mask])

    def _together(self, walls: range) -> int:
        """Return a variable that makes a whole run of walls stand, by the last of them and the run that is one shorter.

        Most questions are about runs that begin at the same wall, so they share these variables.
        """
        run = self._joint.setdefault(walls.start, [])
        for wall in walls[len(run) :]:
            up_to = self._new()
            self._solver.add_clause([-up_to, self._standing[wall]])
            if run:
                self._solver.add_clause([-up_to, run[-1]])
            run.append(up_to)
        return run[len(walls) - 1]

    # ------------------------------------------------------------ asking

    def _walls(self, walls: Iterable[int]) -> list[int]:
        if isinstance(walls, range):
            return [self._together(walls)] if walls else []
        return [self._standing[wall] for wall in walls]

    def _solve(self, assumptions: Sequence[int]) -> bool:
        while True:
            self._patience.spend()
            self._solver.conf_budget(_CONFLICTS_BETWEEN_LOOKS)
            found = self._solver.solve_limited(assumptions=assumptions)
            if found is not None:
                return bool(found)

    def _call(self) -> Box:
        true = {*self._solver.get_model()[: self._places]}  # variables no clause has may be missing, and are free
        return tuple(1 << bisect(axis, False, key=true.__contains__) for axis in self._axes)


def _runs(mask: int) -> Iterator[tuple[int, int]]:
    """Yield first and last of each run of parts in a mask."""
    place = 0
    while mask >> place:
        if mask >> place & 1:
            first = place
            while mask >> place & 1:
                place += 1
            yield first, place - 1
        place += 1
