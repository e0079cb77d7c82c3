"""What leaves the process as a log line."""

from __future__ import annotations

import io
import json
import logging
import logging.config
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import structlog

from ivr import logs


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    written = io.StringIO()
    logs.configure("INFO", written)
    yield written
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": False, "root": {"handlers": []}})


def _lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_the_call_it_belongs_to(stream: io.StringIO) -> None:
    logs.bind_call("first")
    logs.bind_call("second")
    structlog.get_logger("ivr.test").info("turn taken", node="menu", took_ms=12345)

    [line] = _lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "turn taken",
        "call": "second",
        "node": "menu",
        "took_ms": 12345,
        "level": "info",
        "logger": "ivr.test",
    }


@pytest.mark.parametrize(
    "private",
    [
        *("+15550100199", "5550100199", "(555) 010-0199", "555.010.0199", "+44 20 7946 0000", "010-0199"),
        *("1980-01-02", "1/2/80", "01/02/1980", "02139", date(1980, 1, 2), 7654321, b"5550100199"),
    ],
)
def test_what_looks_like_health_data_never_gets_out(stream: io.StringIO, private: object) -> None:
    log = structlog.get_logger("ivr.test")

    log.info(f"heard {private!s}", said=private, nested={"deep": [private, {private}], "leg": "a1"})
    logging.getLogger("a.library").warning("refused %s", private)

    first, second = _lines(stream)
    assert first["event"].startswith("heard ")
    assert logs.MASK in first["event"] + str(first["said"])
    assert str(private) not in stream.getvalue()
    assert second["event"] == f"refused {logs.MASK}" or isinstance(private, bytes)


def test_our_own_ids_and_small_numbers_stay_readable(stream: io.StringIO) -> None:
    plain = {"call_sid": "CA1234567", "leg": "99887766", "at": "8:30", "ready": True, "gone": None, "tries": 9999}
    plain |= {"address": "http://127.0.0.1:8000", "released": "1.2.3"}

    structlog.get_logger("ivr.test").info("refills.yaml:14:19", **plain)

    [line] = _lines(stream)
    assert {key: line[key] for key in plain} == plain
    assert line["event"] == "refills.yaml:14:19"


def test_a_key_that_promises_an_id_hides_no_object(stream: io.StringIO) -> None:
    structlog.get_logger("ivr.test").info("stored", call={"caller": "+15550100199"})

    assert _lines(stream)[0]["call"] == {"caller": logs.MASK}


def test_a_traceback_has_no_values_of_local_variables(stream: io.StringIO) -> None:
    name = "Maria"
    try:
        raise LookupError("no 5550100199 " + name[:0])
    except LookupError:
        structlog.get_logger("ivr.test").exception("turn failed")

    [line] = _lines(stream)
    assert f"LookupError: no {logs.MASK}" in line["exception"]
    assert "Maria" not in line["exception"]


def test_levels_below_the_chosen_one_are_left_out(stream: io.StringIO) -> None:
    structlog.get_logger("ivr.test").debug("quiet")
    logging.getLogger("httpx").info("POST http://somewhere")

    assert stream.getvalue() == ""


def test_a_terminal_gets_lines_to_read() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    logging.config.dictConfig(logs.stdlib_config("INFO", terminal))
    logging.getLogger("a.library").warning("refused %s", "5550100199")
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": False, "root": {"handlers": []}})

    assert "refused ***" in terminal.getvalue()
    assert not terminal.getvalue().startswith("{")


@pytest.mark.parametrize("line", ["plain words", "[1, 2]", '{"no": "event"}', "{broken"])
def test_a_line_that_is_not_ours_is_shown_as_it_is(line: str) -> None:
    assert logs.readable(line) == line


def test_a_line_of_ours_is_shown_to_be_read() -> None:
    line = json.dumps({"event": "turn taken", "level": "info", "timestamp": "2026-11-24T15:00:00Z", "node": "menu"})

    assert " ".join(logs.readable(line).split()) == "[info ] turn taken node=menu"


def test_what_came_in_a_url_cannot_write_over_a_terminal() -> None:
    line = json.dumps({"event": "webhook_not_understood", "leg": "a\x00\x1b[2J\nb", "exception": "one\ntwo"})

    shown = logs.readable(line)

    assert "\\u0000\\u001b[2J\\nb" in shown
    assert "one\ntwo" in shown
    assert shown.replace("\n", "").isprintable()
