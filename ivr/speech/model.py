"""The trained model: a weight for each feature and answer, read from a file of plain numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ivr.speech.features import weight

WEIGHTS = Path(__file__).parent / "weights.npz"


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """Two linear models over the same features: one for the intent, one for the urgency."""

    rows: Mapping[str, int]  # feature -> its row of weights
    weights: np.ndarray  # features x answers, whole numbers
    steps: np.ndarray  # what one of these is worth, by answer
    bias: np.ndarray  # by answer
    answers: tuple[str, ...]  # those before `intents` are urgencies
    urgencies: int  # how many answers are urgencies

    def judge(self, kinds: Iterable[list[str]]) -> tuple[dict[str, float], dict[str, float]]:
        """Return how likely each urgency and each intent is, from features by kind."""
        scores = self.bias.copy()
        for kind, found in enumerate(kinds):
            rows = [self.rows[feature] for feature in found if feature in self.rows]
            if rows:
                scores += self.weights[rows].sum(axis=0, dtype=np.int64) * self.steps * weight(kind, found)
        return self._likely(scores, 0, self.urgencies), self._likely(scores, self.urgencies, len(self.answers))

    def _likely(self, scores: np.ndarray, first: int, last: int) -> dict[str, float]:
        """Return the scores of some answers as shares of one."""
        risen = np.exp(scores[first:last] - scores[first:last].max())
        return dict(zip(self.answers[first:last], (risen / risen.sum()).tolist(), strict=True))


@cache
def shipped() -> Model:
    """Return the model that comes with the program, read once."""
    with np.load(WEIGHTS, allow_pickle=False) as stored:
        names = stored["features"].tobytes().decode().split("\n")
        answers = tuple(stored["answers"].tobytes().decode().split("\n"))
        rows = {name: row for row, name in enumerate(names)}
        return Model(rows, stored["weights"], stored["steps"], stored["bias"], answers, int(stored["urgencies"]))
