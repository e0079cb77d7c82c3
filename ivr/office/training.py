"""Trains the listener's model on the utterances in the repository: `python -m ivr.office.training`.

The weights are kept as whole numbers in a file that holds nothing else but what they were trained on, as a fingerprint.
The same utterances give the same file.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from ivr.content.speech import built_in
from ivr.speech.features import features, weight
from ivr.speech.listener import Listener
from ivr.speech.model import WEIGHTS, Model

UTTERANCES = Path(__file__).parent.parent / "speech" / "utterances"
SEEN_IN = 3  # utterances; a feature of one alone says nothing of the next
STRENGTH = {"urgency": 6.0, "intent": 6.0}
RARE, COMMON = 0.5, 5.0  # a rare word says more than a common one
SHARPER = 1.2  # intents, so that half sure is right often enough to be believed
STEPS = 127
SAMPLE = 20  # every so many utterances tell whether the features are still the same

Utterance = Mapping[str, Any]
Kinds = Sequence[list[str]]


def utterances(name: str) -> list[Utterance]:
    """Return the labelled utterances of a split, train or held_out, from all its files."""
    files = sorted(UTTERANCES.glob(f"{name}*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def seen(listener: Listener, labelled: Iterable[Utterance]) -> list[Kinds]:
    """Return what the model sees of each utterance."""
    return [list(features(listener.words(one["text"]), listener.patterns.lists)) for one in labelled]


def fingerprint(listener: Listener, labelled: Sequence[Utterance]) -> str:
    """Return what tells one training from another: its utterances, what the model sees of some, and the settings."""
    settings = [SEEN_IN, STRENGTH, RARE, COMMON, SHARPER, STEPS]
    told = [list(map(dict, labelled)), seen(listener, labelled[::SAMPLE]), settings]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def train(labelled: Sequence[Utterance], kinds: Sequence[Kinds]) -> Model:
    """Return a model of labelled utterances, from what it sees of each."""
    counted = Counter(feature for one in kinds for found in one for feature in found)
    names = sorted(feature for feature, count in counted.items() if count >= SEEN_IN)
    rows = {name: row for row, name in enumerate(names)}
    telling = np.array([math.log(len(kinds) / counted[name]) / COMMON for name in names]) ** RARE
    matrix = _matrix(kinds, rows).multiply(telling).tocsr()
    urgency, intent = (_fitted(matrix, [one[what] for one in labelled], STRENGTH[what]) for what in STRENGTH)
    weights = np.hstack([urgency.coef_.T, intent.coef_.T * SHARPER]) * telling[:, None]
    steps = np.maximum(np.abs(weights).max(axis=0), 1e-9) / STEPS
    answers = (*urgency.classes_.tolist(), *intent.classes_.tolist())
    bias = np.concatenate([urgency.intercept_, intent.intercept_ * SHARPER])
    return Model(rows, np.rint(weights / steps).astype(np.int8), steps, bias, answers, len(urgency.classes_))


def _matrix(kinds: Sequence[Kinds], rows: Mapping[str, int]) -> csr_matrix:
    places: list[int] = []
    values: list[float] = []
    ends = [0]
    for one in kinds:
        for kind, found in enumerate(one):
            known = [rows[feature] for feature in found if feature in rows]
            places += known
            values += [weight(kind, found)] * len(known)
        ends.append(len(places))
    return csr_matrix((values, places, ends), shape=(len(kinds), len(rows)))


def _fitted(matrix: csr_matrix, answers: list[str], strength: float) -> LogisticRegression:
    return LogisticRegression(C=strength, class_weight="balanced", max_iter=1_000, tol=1e-4).fit(matrix, answers)


def save(model: Model, of: str, path: Path = WEIGHTS) -> None:
    """Write a model where the listener finds it, with the fingerprint of what it was trained on."""
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            features=_bytes("\n".join(model.rows)),
            answers=_bytes("\n".join(model.answers)),
            weights=model.weights,
            steps=model.steps,
            bias=model.bias,
            urgencies=np.array(model.urgencies),
            trained_on=_bytes(of),
        )


def _bytes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), np.uint8)


def trained_on(path: Path = WEIGHTS) -> str:
    """Return the fingerprint of what some weights were trained on."""
    with np.load(path, allow_pickle=False) as stored:
        return str(stored["trained_on"].tobytes().decode())


def main() -> None:
    listener, labelled = Listener(built_in()), utterances("train")
    save(train(labelled, seen(listener, labelled)), fingerprint(listener, labelled))


if __name__ == "__main__":
    main()
