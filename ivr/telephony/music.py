"""Makes the hold music in `sounds/`: run `python -m ivr.telephony.music` after a change.

Four soft chords with a slow music box over them, all within the 300 to 3,400 Hz a telephone carries.
Every sound that rings past the end goes on at the start, so the loop has no seam. 8 kHz, mono, 16 bit, quiet.
"""

from __future__ import annotations

import math
import sys
import wave
from array import array
from collections.abc import Iterable
from pathlib import Path

from ivr.telephony import SOUNDS

RATE = 8000
BEAT_SECONDS = 0.75
LOUDEST = 0.22  # of full scale: a person may come back to the phone at any moment

# MIDI notes: a soft chord, and the music box over it, one note or rest (0) a beat.
Bar = tuple[tuple[int, ...], tuple[int, ...]]
F_MAJOR: Bar = ((65, 69, 72, 76), (81, 0, 84, 0, 88, 0, 84, 0))
D_MINOR: Bar = ((62, 65, 69, 72), (86, 0, 81, 0, 77, 0, 81, 0))
B_FLAT: Bar = ((62, 65, 70, 74), (82, 0, 86, 0, 89, 0, 86, 0))
C_MAJOR: Bar = ((64, 67, 72, 74), (88, 0, 84, 0, 79, 0, 84, 0))
LOOPS: dict[str, tuple[Bar, ...]] = {
    "hold": (F_MAJOR, D_MINOR, B_FLAT, C_MAJOR),
    "hold_short": (F_MAJOR,),
}


def loop(bars: tuple[Bar, ...]) -> array[float]:
    """Return the samples of a seamless loop, the loudest at `LOUDEST`."""
    beats = sum(len(melody) for _, melody in bars)
    samples = array("d", bytes(8 * round(beats * BEAT_SECONDS * RATE)))
    beat = 0
    for chord, melody in bars:
        for note in chord:
            _add(samples, beat, _pad(note, len(melody) * BEAT_SECONDS))
        for step, note in enumerate(melody):
            if note:
                _add(samples, beat + step, _bell(note))
        beat += len(melody)
    loudest = max(map(abs, samples))
    return array("d", (sample * LOUDEST / loudest for sample in samples))


def write(samples: array[float], file: Path) -> None:
    """Write samples between -1 and 1 as a WAV file."""
    pcm = array("h", (round(sample * 32767) for sample in samples))
    if sys.byteorder == "big":
        pcm.byteswap()
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(pcm.tobytes())


def _add(samples: array[float], beat: int, sound: Iterable[float]) -> None:
    start = round(beat * BEAT_SECONDS * RATE)
    for at, sample in enumerate(sound, start):
        samples[at % len(samples)] += sample


def _pad(note: int, seconds: float) -> Iterable[float]:
    """A breath: swells, holds, and fades into the next chord."""
    fade = 1.5
    for count in range(round((seconds + fade) * RATE)):
        at = count / RATE
        swell = min(1.0, at / fade, (seconds + fade - at) / fade)
        level = 0.5 - 0.5 * math.cos(math.pi * swell)
        angle = math.tau * _hertz(note) * at
        yield 0.16 * level * (math.sin(angle) + 0.3 * math.sin(2 * angle) + 0.5 * math.sin(1.003 * angle))


def _bell(note: int) -> Iterable[float]:
    """A music box: struck softly, ringing for three seconds."""
    for count in range(3 * RATE):
        at = count / RATE
        level = min(1.0, at / 0.02) * math.exp(-1.6 * at)
        angle = math.tau * _hertz(note) * at
        yield 0.2 * level * (math.sin(angle) + 0.25 * math.exp(-2 * at) * math.sin(2 * angle))


def _hertz(note: int) -> float:
    return 440.0 * math.pow(2.0, (note - 69) / 12)


if __name__ == "__main__":
    for name, bars in LOOPS.items():
        write(loop(bars), SOUNDS / f"{name}.wav")
