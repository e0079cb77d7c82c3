"""The one question all proofs come down to, and who answers it here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from typing import Protocol

from ivr.proof.boxes import BoxSplitter
from ivr.proof.patience import Patience
from ivr.proof.space import Box, Space


class Solver(Protocol):
    """Knows some walls (boxes, by number) and finds calls outside them."""

    core: frozenset[int]  # the walls that leave no call, as far as needed: of the last `find` that returned None

    def find(self, inside: Box, *outside: Iterable[int]) -> Box | None:
        """Return calls that are inside a box and outside all these walls; None when there are none.

        Walls that follow each other are best given as a range; `core` may stay empty then. Raises OutOfTime.
        """


MakeSolver = Callable[[Space, Sequence[Box], Patience], Solver]


def quickest(space: Space, walls: Sequence[Box], patience: Patience) -> Solver:
    """Return the SAT solver where python-sat is installed (the `verify` extra), else the one that needs nothing."""
    if find_spec("pysat") is None:
        return BoxSplitter(space, walls, patience)
    from ivr.proof.sat import SatSolver

    return SatSolver(space, walls, patience)
