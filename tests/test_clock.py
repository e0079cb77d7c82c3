"""The one clock that web, worker, sandbox and exchange share."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ivr.clock import Clock, ClockRefused, parse, start_anchor

TUESDAY = "2026-11-24T10:00-05:00"
TUESDAY_AT = datetime(2026, 11, 24, 15, tzinfo=UTC)
MOMENT = timedelta(seconds=1)
CHRISTMAS = {"RXLINE_CLOCK": "2026-12-25T12:00Z"}


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"RXLINE_CLOCK": TUESDAY, "RXLINE_CLOCK_FILE": str(tmp_path / "var" / "clock.json")}


@pytest.mark.parametrize("spec", ["", "real", " real "])
def test_without_a_practice_time_it_is_the_real_time_and_no_file_is_touched(env: dict[str, str], spec: str) -> None:
    clock = Clock.from_environment(env | {"RXLINE_CLOCK": spec})

    assert abs(clock.now() - datetime.now(UTC)) < MOMENT
    assert clock.is_real
    assert clock.speed == 1
    assert abs(clock.monotonic() - time.monotonic()) < 1
    assert not Path(env["RXLINE_CLOCK_FILE"]).exists()


def test_a_practice_clock_starts_where_it_is_told_and_goes_on(env: dict[str, str]) -> None:
    clock = Clock.from_environment(env)
    first = clock.now()
    time.sleep(0.01)

    assert first - TUESDAY_AT < MOMENT
    assert clock.now() > first
    assert clock.now().tzinfo is UTC
    assert not clock.is_real


def test_a_faster_clock_sleeps_practice_seconds(env: dict[str, str]) -> None:
    clock = Clock.from_environment(env | {"RXLINE_CLOCK": f"{TUESDAY} x100"})
    real, practice = time.monotonic(), clock.monotonic()

    clock.sleep(5)

    assert 0.05 <= time.monotonic() - real < 1
    assert clock.monotonic() - practice >= 5
    assert clock.now() - TUESDAY_AT >= timedelta(seconds=5)
    assert clock.speed == 100


def test_a_process_that_starts_later_joins_the_clock_already_running(env: dict[str, str]) -> None:
    spec = {"RXLINE_CLOCK": f"{TUESDAY} x1000"}
    first = Clock.from_environment(env | spec)
    first.sleep(60)
    told = subprocess.run(
        [sys.executable, "-c", "from ivr.clock import Clock; print(Clock.from_environment().now().isoformat())"],
        env=os.environ | env | spec,
        capture_output=True,
        text=True,
        check=True,
    )

    assert TUESDAY_AT + timedelta(seconds=60) <= datetime.fromisoformat(told.stdout.strip()) <= first.now()


def test_setting_the_time_moves_every_process_and_no_duration(env: dict[str, str]) -> None:
    web, worker = Clock.from_environment(env), Clock.from_environment(env)
    before = worker.monotonic()
    evening = datetime(2026, 11, 24, 23, tzinfo=UTC)

    web.set(evening)
    time.sleep(0.25)

    assert web.now() - evening < MOMENT
    assert worker.now() - evening < MOMENT
    assert worker.monotonic() - before < 1


def test_a_change_of_speed_reaches_every_process_and_no_duration_jumps(env: dict[str, str]) -> None:
    web, worker = Clock.from_environment(env), Clock.from_environment(env)

    web.set(TUESDAY_AT, speed=50)
    before = worker.monotonic()
    time.sleep(0.25)

    assert worker.speed == 50
    assert worker.monotonic() - before < 12.5


def test_the_set_time_is_kept_by_processes_that_start_later(env: dict[str, str]) -> None:
    evening = datetime(2026, 11, 24, 23, tzinfo=UTC)
    Clock.from_environment(env).set(evening)

    assert Clock.from_environment(env).now() - evening < MOMENT


def test_another_text_or_a_fresh_start_begins_anew_where_nobody_goes_by_the_old(env: dict[str, str]) -> None:
    Clock.from_environment(env).set(datetime(2026, 11, 24, 23, tzinfo=UTC))
    start_anchor(TUESDAY, Path(env["RXLINE_CLOCK_FILE"]))

    assert Clock.from_environment(env).now() - TUESDAY_AT < MOMENT
    christmas = Clock.from_environment(env | CHRISTMAS)
    assert christmas.now() - datetime(2026, 12, 25, 12, tzinfo=UTC) < MOMENT


def test_whoever_comes_later_cannot_move_the_clock_of_a_running_line(env: dict[str, str]) -> None:
    line = Clock.from_environment(env)

    with pytest.raises(ClockRefused, match=f"goes by `{TUESDAY}`, not by `2026-12-25T12:00Z`"):
        Clock.from_environment(env | CHRISTMAS)
    with pytest.raises(ClockRefused, match="is not a clock"):
        Clock.from_environment(env | {"RXLINE_CLOCK": "next week"})

    time.sleep(0.25)
    assert line.now() - TUESDAY_AT < MOMENT


def test_nor_can_they_while_only_one_part_of_the_line_is_left(env: dict[str, str]) -> None:
    with running_elsewhere(env) as part:
        Clock.from_environment(env)
        with pytest.raises(ClockRefused, match="goes by"):
            Clock.from_environment(env | CHRISTMAS)
        part.kill()
        part.wait()
        assert Clock.from_environment(env | CHRISTMAS).now().month == 12


def test_parts_that_start_at_one_moment_agree_on_a_new_time(env: dict[str, str]) -> None:
    Clock.from_environment(env)

    with running_elsewhere(env | CHRISTMAS), running_elsewhere(env | CHRISTMAS):
        assert Clock.from_environment(env | CHRISTMAS).now().month == 12


@contextmanager
def running_elsewhere(env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Another process that goes by the clock."""
    goes_by = "from ivr.clock import Clock; clock = Clock.from_environment(); print(clock.now(), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", goes_by],
        env=os.environ | env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip()
        yield process
        process.kill()


@pytest.mark.parametrize("harm", ["spoiled", "gone"])
def test_a_file_lost_or_spoiled_under_way_leaves_the_clock_going(env: dict[str, str], harm: str) -> None:
    clock, file = Clock.from_environment(env), Path(env["RXLINE_CLOCK_FILE"])

    file.write_text('{"spec": 7') if harm == "spoiled" else file.unlink()
    time.sleep(0.25)

    assert clock.now() - TUESDAY_AT < MOMENT
    assert Clock.from_environment(env).now() - TUESDAY_AT < MOMENT


def test_a_clock_of_one_process_needs_no_file() -> None:
    clock = Clock(start_anchor(TUESDAY))

    clock.set(TUESDAY_AT + timedelta(days=1))

    assert clock.now() - (TUESDAY_AT + timedelta(days=1)) < MOMENT


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("tomorrow", "no date and time"),
        ("2026-11-24T10:00", "which zone"),
        ("2026-11-24 10:00-05:00", "is not a clock"),
        (f"{TUESDAY} x0", "stand still"),
        (f"{TUESDAY} fast", "is not a clock"),
        ("2026-13-24T10:00-05:00", "no date and time"),
    ],
)
def test_what_is_no_clock_is_refused_with_the_reason(spec: str, why: str) -> None:
    with pytest.raises(ClockRefused, match=why):
        parse(spec)


def test_the_real_clock_cannot_be_set() -> None:
    with pytest.raises(ClockRefused, match="cannot be set"):
        Clock().set(TUESDAY_AT)


def test_a_naive_instant_cannot_be_set(env: dict[str, str]) -> None:
    with pytest.raises(ClockRefused, match="which zone"):
        Clock.from_environment(env).set(datetime(2026, 11, 24, 10))


def test_real_callers_never_hear_a_practice_time(env: dict[str, str]) -> None:
    real = env | {"TWILIO_ACCOUNT_SID": "AC" + "f" * 32}

    with pytest.raises(ClockRefused, match="real Twilio credentials"):
        Clock.from_environment(real)
    assert not Clock.from_environment(real | {"TWILIO_API_URL": "http://127.0.0.1:8200"}).is_real
    assert Clock.from_environment(real | {"RXLINE_CLOCK": ""}).is_real
