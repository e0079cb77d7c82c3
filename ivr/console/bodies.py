"""What a request may say: every body and query is read here, and everything wrong with one is told at once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal, TypeVar

from flask import Request
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import ErrorDetails

from ivr.console.problems import Fault, Problem
from ivr.core.amending import LONGEST_NOTE
from ivr.core.codes import Channel, NextStep, Owner, Resolution
from ivr.presence import OURS, WORDS

LARGEST_BODY = 16_384
_LARGEST_FENCE = 2**31 - 1

Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Whom = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,63}$")]
# A reason is no place for what a caller told: letters only.
Why = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z _-]{0,39}$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_NOTE)]
Fence = Annotated[int, Field(ge=0, le=_LARGEST_FENCE)]


def _not_ours(reason: Any) -> Any:
    if reason in OURS:
        raise ValueError(f"{' and '.join(OURS)} are given and taken back by the line itself")
    return reason


class Body(BaseModel):
    """A request body whose every field we know."""

    model_config = ConfigDict(strict=True, extra="forbid")


class Nothing(Body):
    """For what needs no more than its path."""


class PresenceBody(Body):
    presence: Literal["available", "on_break", "break", "signed_out", "out"]
    reason: Annotated[Why, BeforeValidator(_not_ours)] | None = None
    fence: Fence | None = None
    since: AwareDatetime | None = None
    force: bool = False


class BeatBody(Body):
    fence: Fence


class ToBody(Body):
    to: Whom


class CodeBody(Body):
    code: Word


class Window(Body):
    begins_at: AwareDatetime
    ends_at: AwareDatetime


class MoveBody(Body):
    window: Window


class NoteBody(Body):
    text: Words


class AmendBody(Body):
    why: Words
    resolution: Resolution | None = None
    next_step: NextStep | None = None
    owner: Owner | None = None
    due_at: AwareDatetime | None = None
    follow_up_channel: Channel | None = None


class Query(BaseModel):
    """What stands behind the question mark: always text."""

    model_config = ConfigDict(extra="forbid")


class NoQuery(Query):
    """For what is asked by its path alone."""


class LineQuery(Query):
    site: str | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    after: str | None = None


class AuditQuery(Query):
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    before: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{1,40}$")] | None = None


_S = TypeVar("_S", bound=BaseModel)


def read_body(shape: type[_S], request: Request) -> _S:
    """Return the body in its shape; raises Problem 400, 413, 415 or 422. No body at all is an empty one."""
    raw = request.get_data()
    if len(raw) >= LARGEST_BODY:  # one sent in chunks may have been cut off there
        raise Problem(413, "request_entity_too_large", f"a body has less than {LARGEST_BODY} bytes")
    if not raw:
        return _shaped(shape, lambda: shape.model_validate({}))
    if request.mimetype != "application/json":
        raise Problem(415, "unsupported_media_type", "a body is JSON: send it as `Content-Type: application/json`")
    _plain(raw)
    return _shaped(shape, lambda: shape.model_validate_json(raw))


def read_query(shape: type[_S], request: Request) -> _S:
    """Return the query in its shape; raises Problem 422."""
    twice = [Fault(name, "is given twice") for name, values in request.args.lists() if len(values) > 1]
    if twice:
        raise Problem(422, "query_invalid", "the query is not valid", twice)
    return _shaped(shape, lambda: shape.model_validate(request.args.to_dict()))


def _plain(raw: bytes) -> None:
    """See that it is JSON which says nothing twice: whichever a reader took, the other would be lost in silence."""
    twice: list[str] = []

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        twice.extend(sorted({name for name in names if names.count(name) > 1}))
        return dict(pairs)

    try:
        json.loads(raw.decode(), object_pairs_hook=once, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Problem(400, "body_unreadable", "the body is not JSON") from None
    if twice:
        raise Problem(422, "body_invalid", "the body is not valid", [Fault(name, "is said twice") for name in twice])


def _no_number(_: str) -> Any:
    raise ValueError


def _shaped(shape: type[_S], read: Callable[[], _S]) -> _S:
    try:
        return read()
    except ValidationError as failure:
        what = "query" if issubclass(shape, Query) else "body"
        faults = [_fault(error, shape) for error in failure.errors(include_url=False)]
        raise Problem(422, f"{what}_invalid", f"the {what} is not valid", faults) from None


def _fault(error: ErrorDetails, shape: type[BaseModel]) -> Fault:
    at = ".".join(map(str, error["loc"]))
    match error["type"]:
        case "extra_forbidden":
            return Fault(at, "there is no such field", nearest(str(error["loc"][-1]), _fields_at(shape, error["loc"])))
        case "missing":
            return Fault(at, "is missing")
        case "literal_error":
            return Fault(at, "is not one of the words that may stand here", nearest(str(error["input"]), _words(error)))
        case "value_error":
            return Fault(at, str(error["ctx"]["error"]))
    return Fault(at, error["msg"][:1].lower() + error["msg"][1:])


def _words(error: ErrorDetails) -> Iterable[str]:
    """The words that may stand there, of which only the presences have others that mean the same."""
    return WORDS if error["loc"] == ("presence",) else re.findall(r"'([^']+)'", error["ctx"]["expected"])


def _fields_at(shape: type[BaseModel], loc: tuple[int | str, ...]) -> Iterable[str]:
    for part in loc[:-1]:
        inner = shape.model_fields[str(part)].annotation
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            break
        shape = inner
    return shape.model_fields


def nearest(given: str, known: Iterable[str] | Mapping[str, Any]) -> str:
    """Return a hint: the known name most like the given one, else all of them."""
    names = sorted(known)
    close = get_close_matches(given, names, n=1)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"there is {', '.join(names)}" if names else "nothing stands here"
