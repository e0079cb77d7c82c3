"""The hold music is what a telephone can carry, quiet, and without a seam."""

from __future__ import annotations

import wave
from array import array
from itertools import pairwise
from pathlib import Path

import pytest

from ivr.telephony import SOUNDS, hold_queue, music

LOOPS = [SOUNDS / "hold.wav", SOUNDS / "hold_short.wav"]


def samples(file: Path) -> array[int]:
    with wave.open(str(file)) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, 8000)
        return array("h", sound.readframes(sound.getnframes()))


@pytest.mark.parametrize(("name", "low", "high"), [("hold", 20, 30), ("hold_short", 5, 10)])
def test_it_lasts_as_long_as_a_wait_document_needs(name: str, low: int, high: int) -> None:
    assert low <= len(samples(SOUNDS / f"{name}.wav")) / 8000 <= high


@pytest.mark.parametrize("file", LOOPS, ids=lambda file: file.stem)
def test_it_is_small_and_quiet(file: Path) -> None:
    assert file.stat().st_size < 500_000
    assert 0.15 < max(map(abs, samples(file))) / 32767 < 0.3


@pytest.mark.parametrize("file", LOOPS, ids=lambda file: file.stem)
def test_the_end_leads_into_the_start(file: Path) -> None:
    sound = samples(file)
    steps = [abs(after - before) for before, after in pairwise(sound)]

    assert abs(sound[0] - sound[-1]) <= max(steps)


def test_the_files_are_what_the_score_says(tmp_path: Path) -> None:
    music.write(music.loop(music.LOOPS["hold_short"]), tmp_path / "hold_short.wav")

    made, kept = samples(tmp_path / "hold_short.wav"), samples(SOUNDS / "hold_short.wav")
    # Another machine's sine may differ in its last bit.
    assert len(made) == len(kept)
    assert max(abs(a - b) for a, b in zip(made, kept, strict=True)) <= 1


def test_each_site_has_one_queue() -> None:
    assert hold_queue("main") == "rxline-main"
