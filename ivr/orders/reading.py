"""The order system's answers as facts: nothing taken on trust, and one odd fact never loses the others."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar, cast, get_args

import structlog

from ivr.orders.port import (
    CAPABILITIES,
    Access,
    ActsNext,
    Channel,
    Contact,
    Direction,
    Events,
    Kind,
    News,
    OrderState,
    Payment,
    Permission,
    Person,
    Prescriber,
    Prescription,
    PriorAuth,
    Proved,
    Refill,
    Renewal,
    Unavailable,
)

_WORD = re.compile(r"[a-z0-9_-]{1,64}", re.IGNORECASE)
_LAST4 = re.compile(r"[0-9]{4}")
_DOLLARS = re.compile(r"[0-9]{1,6}\.[0-9]{2}")
_EVENT_TYPE = re.compile(r"[a-z0-9_]{1,32}(\.[a-z0-9_]{1,32}){1,4}")
_LONGEST_ID = 255
_MOST_DAYS = 36_500
_LONGEST_SAID = 2_000

_log = structlog.get_logger(__name__)
_T = TypeVar("_T")
Json = dict[str, Any]


def object_of(value: object) -> Json:
    if not isinstance(value, dict):
        raise Unavailable("the answer has another shape")
    return value


def items_of(answer: Json) -> list[Json]:
    items = answer.get("items")
    if not isinstance(items, list):
        raise Unavailable("the answer has no items")
    return [object_of(item) for item in items]


def id_of(item: Json, name: str = "id") -> str:
    found = item.get(name)
    if not isinstance(found, str) or not 0 < len(found) <= _LONGEST_ID or not _can_be_kept(found):
        raise Unavailable(f"the answer has no {name} that can be kept")
    return found


def _can_be_kept(text: str) -> bool:
    """Can a database hold it? None holds half a character, and PostgreSQL no zero."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def person_of(item: Json) -> Person:
    return Person(
        id=id_of(item),
        kind=_fact(item, "kind", _one_of(Kind)),
        language=_fact(item, "language", _word),
        access=_fact(item, "access", _one_of(Access)),
        acts_for=_fact(item, "acts_for", _words) or (),
        texts=_fact(item, "texts", _flag),
    )


def prescriber_of(item: Json, phone: str | None) -> Prescriber:
    return Prescriber(id_of(item), phone is not None and phone in (_fact(item, "phones", _texts) or ()))


def proved_of(item: Json) -> Proved:
    number_on_file = _fact(item, "number_on_file", _flag) is True
    if not _fits(item):
        about = None if item.get("about") is None else id_of(item, "about")
        return Proved(about, False, number_on_file, None, None, None, None, None)
    found = item.get("prescription")
    return Proved(
        about=id_of(item, "about"),
        fits=True,
        number_on_file=number_on_file,
        permission=_fact(item, "permission", _one_of(Permission)),
        access=_fact(item, "access", _one_of(Access)),
        texts=_fact(item, "texts", _flag),
        language=_fact(item, "language", _word),
        prescription=None if found is None else prescription_of(id_of(item, "about"), object_of(found)),
    )


def _fits(item: Json) -> bool:
    """Whether a proof fits is no fact that may be unknown: without it nothing was said."""
    fits = item.get("fits")
    if not isinstance(fits, bool):
        raise Unavailable("the answer does not say whether it fits")
    return fits


def prescription_of(person_id: str, item: Json) -> Prescription:
    found = _prescription(item)
    if found.person != person_id:
        raise Unavailable("the answer is about somebody else")
    return found


def _prescription(item: Json) -> Prescription:
    return Prescription(
        id=id_of(item),
        person=id_of(item, "person"),
        refill=_fact(item, "refill", _one_of(Refill)),
        order_state=_fact(item, "order_state", _one_of(OrderState)),
        payment=_fact(item, "payment", _one_of(Payment)),
        medication_class=_fact(item, "medication_class", _word),
        time_sensitive=_fact(item, "time_sensitive", _flag),
        days_left=_fact(item, "days_left", _whole_number),
        earliest_refill_on=_fact(item, "earliest_refill_on", date.fromisoformat),
        expected_on=_fact(item, "expected_on", date.fromisoformat),
        last4=_fact(item, "last4", _last4),
        prior_auth=_fact(item, "prior_auth", _one_of(PriorAuth)),
        approved_until=_fact(item, "approved_until", date.fromisoformat),
        acts_next=_fact(item, "acts_next", _one_of(ActsNext)),
        since=_fact(item, "since", date.fromisoformat),
        answer_by=_fact(item, "answer_by", date.fromisoformat),
        balance=_fact(item, "balance", _dollars),
        renewal=_fact(item, "renewal", _one_of(Renewal)),
        substitution=_fact(item, "substitution", _flag),
        cold_chain=_fact(item, "cold_chain", _flag),
    )


def standing_of(data: Mapping[str, Any]) -> Prescription:
    """Return what an event says is now so of a prescription; its ids stand beside the event's data, not in it."""
    return _prescription({**data, "id": "-", "person": "-"})


def contacts_of(answer: Json) -> tuple[Contact, ...]:
    """Return what was said, without what nobody can place in time."""
    read = [(_fact(item, "at", _instant), item) for item in items_of(answer)]
    return tuple(_contact(at, item) for at, item in read if at is not None)


def _contact(at: datetime, item: Json) -> Contact:
    return Contact(
        at=at,
        channel=_fact(item, "channel", _one_of(Channel)),
        direction=_fact(item, "direction", _one_of(Direction)),
        about=_fact(item, "about", _opaque),
        said=_fact(item, "said", _said),
    )


def events_of(answer: Json) -> Events:
    """Return the page without what is no event: one that nobody can read must not stop those behind it."""
    listed = answer.get("items")
    if not isinstance(listed, list):
        raise Unavailable("the answer has no items")
    read = (news_of(item) for item in listed)
    return Events(tuple(each for each in read if each is not None), id_of(answer, "next"))


def news_of(item: object) -> News | None:
    """Return an event as it comes by webhook and by replay; None, with a word in the log, for what is none."""
    given = item if isinstance(item, dict) else {}
    id_ = _fact(given, "id", _opaque)
    type_ = _fact(given, "type", _event_type)
    at = _fact(given, "time", _instant)
    if id_ is None or type_ is None or at is None:
        _log.warning("the order system sent an event without its id, type or time")
        return None
    data = given.get("data")
    told = data if isinstance(data, dict) else {}
    rest = {name: value for name, value in told.items() if name not in ("person", "prescription")}
    return News(id_, type_, at, _fact(told, "person", _opaque), _fact(told, "prescription", _opaque), rest)


def capabilities_of(answer: Json) -> frozenset[str]:
    """Return the words of ours among those it names; who names none at all serves everything."""
    named = _fact(answer, "capabilities", _texts)
    return CAPABILITIES if named is None else CAPABILITIES.intersection(named)


def _fact(item: Json, name: str, read: Callable[[Any], _T]) -> _T | None:
    """Return the fact, or None where it is absent or unknown to us: one odd fact must not lose the others."""
    given = item.get(name)
    if given is None:
        return None
    try:
        return read(given)
    except (ValueError, TypeError):
        _log.warning("the order system sent a value nobody here knows", fact=name)
        return None


def _one_of(words: Any) -> Callable[[Any], Any]:
    known = get_args(words)
    return lambda given: known[known.index(given)]


def _word(given: Any) -> str:
    if not _WORD.fullmatch(given):
        raise ValueError
    return cast(str, given)


def _words(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list):
        raise TypeError
    return tuple(_word(each) for each in given)


def _texts(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list):
        raise TypeError
    return tuple(each for each in given if isinstance(each, str))


def _opaque(given: Any) -> str:
    if not isinstance(given, str):
        raise TypeError
    if not 0 < len(given) <= _LONGEST_ID:
        raise ValueError
    return given


def _said(given: Any) -> str:
    if not isinstance(given, str):
        raise TypeError
    return given[:_LONGEST_SAID]


def _event_type(given: Any) -> str:
    if not _EVENT_TYPE.fullmatch(given):
        raise ValueError
    return cast(str, given)


def _instant(given: Any) -> datetime:
    at = datetime.fromisoformat(given)
    if at.tzinfo is None:  # nobody knows whose wall clock that was
        raise ValueError
    return at


def _last4(given: Any) -> str:
    if not _LAST4.fullmatch(given):
        raise ValueError
    return cast(str, given)


def _dollars(given: Any) -> Decimal:
    # As text, cents and all: a JSON number has been a binary fraction on its way.
    if not _DOLLARS.fullmatch(given):
        raise ValueError
    return Decimal(given)


def _flag(given: Any) -> bool:
    if not isinstance(given, bool):
        raise TypeError
    return given


def _whole_number(given: Any) -> int:
    # JSON's true is a Python int; a supply of "true" days is no supply of one day. Its 3.0 is as whole as its 3.
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise TypeError
    if not abs(given) <= _MOST_DAYS or given != int(given):  # Python reads NaN and Infinity for numbers
        raise ValueError
    return int(given)
