"""Logs as JSON lines, or readable ones on a terminal; what looks like health data is masked on the way out.

Whoever logs keeps numbers, names and dates out in the first place; the mask is only the last defence.
"""

from __future__ import annotations

import json
import logging.config
import re
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

MASK = "***"
_PRIVATE = re.compile(
    r"\d{5,}"  # a ZIP code, a prescription, a phone number
    r"|\+\d[\d().\- ]{6,}\d"  # +44 20 7946 0000
    r"|\(?\d{3}[).\- ]{1,2}\d{3}[.\- ]\d{4}|\d{3}[.\- ]\d{4}"  # (555) 010-0199, 010-0199
    r"|\d{4}[/.\-]\d{1,2}[/.\-]\d{1,2}|\d{1,2}[/.\-]\d{1,2}[/.\-]\d{4}|\d{1,2}[/\-]\d{1,2}[/\-]\d{2}"  # dates
)
_LARGEST_PLAIN_NUMBER = 9999
_SAFE_KEYS = frozenset({"timestamp", "level", "logger", "pid", "port", "count", "version"}) | frozenset(
    {"call", "leg", "ticket", "offer", "effect", "job", "document"}
)
_OF_LINES = frozenset({"event", "exception", "stack"})
_SAFE_ENDINGS = ("_at", "_id", "_sid", "_ms", "_seconds", "_bytes", "_count", "_pid", "_version")


def mask(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Return the event with what looks like health data masked, except under keys that name our own ids."""
    for key, value in event.items():
        # An id is a plain value; an object under such a key may print anything.
        if not (_is_safe(key) and isinstance(value, str | int | float)):
            event[key] = _masked(value)
    return event


def bind_call(token: str) -> None:
    """Put the call's token on every later line of this thread or task, in place of what was bound before."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(call=token)


def configure(level: str = "INFO", stream: TextIO = sys.stderr) -> None:
    """Send structlog and the standard library's loggers to `stream` from `level` up; call once a process."""
    logging.config.dictConfig(stdlib_config(level, stream))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_preparation(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def stdlib_config(level: str = "INFO", stream: TextIO = sys.stderr) -> dict[str, Any]:
    """Return the `logging.config` dictionary behind `configure`, for servers that apply one themselves."""
    ours = {"handlers": [], "propagate": True}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"ours": {"()": _formatter, "colours": stream.isatty()}},
        "handlers": {"ours": {"class": "logging.StreamHandler", "formatter": "ours", "stream": stream}},
        "root": {"handlers": ["ours"], "level": level},
        # Gunicorn logs every request once it is given a dictionary; the turns themselves are logged, and say more.
        "loggers": {"gunicorn.error": ours, "gunicorn.access": {"level": "CRITICAL"}}
        # These log addresses and request bodies even when all is well.
        | {name: {"level": "WARNING"} for name in ("httpx", "httpcore", "werkzeug", "alembic", "twilio")},
    }


def readable(line: str, colours: bool = False) -> str:
    """Return a JSON log line the way a person reads it, and any other line as it is."""
    try:
        event = json.loads(line)
    except ValueError:
        return line
    if not isinstance(event, dict) or "event" not in event:
        return line
    event.pop("timestamp", None)
    return str(_console(colours)(None, "", _escaped(None, "", event)))


def _preparation() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # Formatted to text before the mask, and without the values of local variables.
        structlog.processors.format_exc_info,
    ]


def _formatter(colours: bool) -> logging.Formatter:
    as_json: Processor = structlog.processors.JSONRenderer()
    renderers = [_escaped, _console(colours)] if colours else [as_json]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_preparation(),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, mask, *renderers],
    )


def _escaped(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Return the event without anything that would move a terminal's cursor; what broke keeps its lines."""
    for key, value in event.items():
        if isinstance(value, str) and not value.isprintable() and key not in _OF_LINES:
            event[key] = json.dumps(value)[1:-1]
    return event


def _console(colours: bool) -> structlog.dev.ConsoleRenderer:
    return structlog.dev.ConsoleRenderer(colors=colours, pad_event_to=0)


def _is_safe(key: str) -> bool:
    return key in _SAFE_KEYS or key.endswith(_SAFE_ENDINGS)


def _masked(value: object) -> object:
    match value:
        case str():
            return _PRIVATE.sub(MASK, value)
        case bool() | None:
            return value
        case int() | float():
            return value if abs(value) <= _LARGEST_PLAIN_NUMBER else MASK
        case Mapping():
            return {key: item if _is_safe(str(key)) else _masked(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_masked(item) for item in value]
    return _PRIVATE.sub(MASK, str(value))
