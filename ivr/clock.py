"""The one clock of the shell: real time, or a practice time that starts where you like and may run faster.

Web, worker, sandbox and exchange are separate processes and must agree on the time, so a practice clock is an
anchor in a small file: this real instant is that practice instant, running at this speed. Setting the time
rewrites the file, and every process notices within 0.2 s. The real clock never touches the file.

Whoever goes by the file holds a lock beside it, which goes when they die, however they die. So a process that comes
later and asks for another time is told that a clock runs already, and only a clock nobody goes by is started anew.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import tempfile
import time
import weakref
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

DEFAULT_FILE = "var/clock.json"
_LOOK_EVERY_SECONDS = 0.2
_SPEC = re.compile(r"(?P<start>\S+?)(?:\s+x(?P<speed>\d+(?:\.\d+)?))?")
_EXAMPLE = "write `real`, `2026-11-24T10:00-05:00`, or `2026-11-24T10:00-05:00 x20`"


class ClockRefused(ValueError):
    """The clock cannot be what RXLINE_CLOCK or a call to `set` asks for; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """At real second `real_epoch` the practice clock reads `base_epoch`, running `speed` times as fast."""

    spec: str
    real_epoch: float
    base_epoch: float
    speed: float


class Clock:
    """Tells the time; share one per process. Safe to use from several threads.

    Without an anchor it is the real clock. With one, `file` is where processes share it, or None for a clock
    of this process alone.
    """

    def __init__(self, anchor: Anchor | None = None, file: Path | None = None) -> None:
        self._anchor = anchor
        self._file = file
        self._seen: tuple[int, int] | None = None
        self._look_at = time.monotonic() + _LOOK_EVERY_SECONDS
        self._ticks_from = (time.monotonic(), 0.0)
        self._use: _Use | None = None

    @classmethod
    def from_environment(cls, env: Mapping[str, str] = os.environ) -> Clock:
        """Return the clock RXLINE_CLOCK names, joining the anchor other processes already share.

        Raises ClockRefused for a text that is no clock, for another text than theirs, and for a practice clock
        beside real credentials.
        """
        spec = env.get("RXLINE_CLOCK", "").strip()
        if is_real(spec):
            return cls()
        _refuse_beside_real_calls(env)
        file = Path(env.get("RXLINE_CLOCK_FILE") or DEFAULT_FILE)
        with _Use.of(file) as use:
            clock = cls(_joined(spec, file, use.first), file)
        clock._use = use
        return clock

    @property
    def is_real(self) -> bool:
        """Whether this is the real time."""
        return self._anchor is None

    @property
    def speed(self) -> float:
        """How many practice seconds pass in a real one; 1.0 for the real clock."""
        anchor = self._current()
        return anchor.speed if anchor else 1.0

    def now(self) -> datetime:
        """Return the present instant, aware and in UTC."""
        anchor = self._current()
        if anchor is None:
            return datetime.now(UTC)
        passed = (time.time() - anchor.real_epoch) * anchor.speed
        return datetime.fromtimestamp(anchor.base_epoch + passed, UTC)

    def monotonic(self) -> float:
        """Return practice seconds that only ever go up: setting the time does not move them."""
        anchor = self._current()
        if anchor is None:
            return time.monotonic()
        real, ticks = self._ticks_from
        return ticks + (time.monotonic() - real) * anchor.speed

    def sleep(self, practice_seconds: float) -> None:
        """Wait so many practice seconds; setting the time meanwhile neither shortens nor lengthens it."""
        time.sleep(max(0.0, practice_seconds) / self.speed)

    def set(self, at: datetime, speed: float | None = None) -> None:
        """Move a practice clock to `at` (aware) for every process that shares it; speed None keeps the speed.

        Raises ClockRefused on the real clock, for a naive instant, and for a speed of 0 or less.
        """
        if self._anchor is None:
            raise ClockRefused("the real clock cannot be set; start with RXLINE_CLOCK to practise another")
        base = _aware(at, at.isoformat())
        faster = _positive(self._anchor.speed if speed is None else speed)
        moved = replace(self._anchor, real_epoch=time.time(), base_epoch=base.timestamp(), speed=faster)
        if self._file is not None:
            _write(self._file, moved)
        self._adopt(moved)

    def _current(self) -> Anchor | None:
        if self._file is not None and time.monotonic() >= self._look_at:
            self._look()
        return self._anchor

    def _look(self) -> None:
        self._look_at = time.monotonic() + _LOOK_EVERY_SECONDS
        seen = _signature(self._file)
        if self._file is not None and seen != self._seen:
            self._seen = seen
            anchor = _read(self._file)
            if anchor is not None:
                self._adopt(anchor)

    def _adopt(self, anchor: Anchor) -> None:
        real, ticks = self._ticks_from
        at = time.monotonic()
        before = self._anchor.speed if self._anchor else 1.0
        self._ticks_from = (at, ticks + (at - real) * before)
        self._anchor = anchor


class _Use:
    """That somebody goes by a clock's file, for as long as this lives. `first`: nobody else does."""

    def __init__(self, hold: int, first: bool) -> None:
        self.first = first
        self._hold = hold
        weakref.finalize(self, os.close, hold)

    @classmethod
    def of(cls, file: Path) -> _Use:
        """Wait for whoever is just starting the clock, and start it ourselves if nobody goes by it."""
        file.parent.mkdir(parents=True, exist_ok=True)
        hold = os.open(file.with_name(f"{file.name}.lock"), os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(hold, fcntl.LOCK_SH)
            return cls(hold, first=False)
        return cls(hold, first=True)

    def __enter__(self) -> _Use:
        return self

    def __exit__(self, refused: type[BaseException] | None, *_: object) -> None:
        """The clock runs, and whoever waits may join it; or we do not go by it after all."""
        fcntl.flock(self._hold, fcntl.LOCK_UN if refused else fcntl.LOCK_SH)


def _joined(spec: str, file: Path, first: bool) -> Anchor:
    anchor = _read(file)
    if anchor is None or (first and anchor.spec != spec):
        return start_anchor(spec, file)
    if anchor.spec != spec:
        parse(spec)
        raise ClockRefused(
            f"RXLINE_CLOCK: the line that runs here goes by `{anchor.spec}`, not by `{spec}`; say the same and set the "
            "time on the practice page, or stop that line first, or name a RXLINE_CLOCK_FILE of your own"
        )
    return anchor


def is_real(spec: str) -> bool:
    """Return whether an RXLINE_CLOCK text means the real time."""
    return spec.strip() in ("", "real")


def parse(spec: str) -> tuple[datetime, float]:
    """Return the start (aware, UTC) and the speed a practice RXLINE_CLOCK text names; raises ClockRefused."""
    match = _SPEC.fullmatch(spec.strip())
    if match is None:
        raise ClockRefused(f"RXLINE_CLOCK: `{spec}` is not a clock; {_EXAMPLE}")
    try:
        start = datetime.fromisoformat(match["start"])
    except ValueError:
        raise ClockRefused(f"RXLINE_CLOCK: `{spec}` has no date and time; {_EXAMPLE}") from None
    return _aware(start, spec), _positive(float(match["speed"] or 1))


def reading(file: Path, real_epoch: float) -> datetime | None:
    """Return what the practice clock in `file` read at a real second; None where no clock was kept."""
    anchor = _read(file)
    if anchor is None:
        return None
    return datetime.fromtimestamp(anchor.base_epoch + (real_epoch - anchor.real_epoch) * anchor.speed, UTC)


def start_anchor(spec: str, file: Path | None = None) -> Anchor:
    """Return the anchor of a practice clock starting now, shared in `file` if given; raises ClockRefused."""
    start, speed = parse(spec)
    anchor = Anchor(spec.strip(), time.time(), start.timestamp(), speed)
    if file is not None:
        _write(file, anchor)
    return anchor


def _aware(at: datetime, text: str) -> datetime:
    if at.tzinfo is None:
        raise ClockRefused(f"the clock: `{text}` does not say which zone; add an offset, as in 10:00-05:00")
    return at.astimezone(UTC)


def _positive(speed: float) -> float:
    if speed <= 0:
        raise ClockRefused(f"the clock: speed x{speed:g} would stand still; write x1 or more")
    return speed


def _refuse_beside_real_calls(env: Mapping[str, str]) -> None:
    if env.get("TWILIO_ACCOUNT_SID") and not env.get("TWILIO_API_URL"):
        raise ClockRefused(
            "RXLINE_CLOCK: a practice clock with real Twilio credentials would tell callers the wrong time; "
            "remove RXLINE_CLOCK, or set TWILIO_API_URL to a practice exchange"
        )


def _signature(file: Path | None) -> tuple[int, int] | None:
    # Two writes within the file system's timestamp grain still differ in inode, because each is a new file.
    with contextlib.suppress(OSError):
        if file is not None:
            stat = file.stat()
            return stat.st_mtime_ns, stat.st_ino
    return None


def _read(file: Path) -> Anchor | None:
    try:
        return Anchor(**json.loads(file.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def _write(file: Path, anchor: Anchor) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=file.parent, prefix=file.name, delete=False) as written:
        json.dump(asdict(anchor), written)
    os.replace(written.name, file)
