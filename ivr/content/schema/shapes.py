"""What a value, a list or a group of fields looks like to an editor."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Shape = dict[str, Any]
"""A JSON Schema."""

_QUOTED = ("yes", "no")  # an editor that takes these from an enum puts quotes around them
_NAMED = {"pattern": "^[a-z0-9_-]+$", "errorMessage": "a name is small letters, digits and _"}


@dataclass(frozen=True, slots=True)
class Single:
    """A single value: the types YAML may take it for, what it has to be, and what an editor offers."""

    types: tuple[str, ...]
    limits: Shape
    offered: tuple[str, ...] = ()

    def alone(self, about: str) -> Shape:
        """Return a field that holds one."""
        if any(word in _QUOTED or word.isdigit() for word in self.offered):
            offers = {**self._offers(), **self._hint()}
            return {"description": about, "type": [*self.types], **offers, **self._when_single()}
        offers = {} if "enum" in self.limits else self._offers()
        return {"description": about, "type": [*self.types], **offers, **self.limits}

    def or_list(self, about: str, *, least: int = 1, of: Single | None = None) -> Shape:
        """Return a field that holds one, or a list of them (or of something else) with at least so many."""
        listed = {"items": (of or self).member(), "minItems": least}
        return {
            "description": about,
            "type": [*self.types, "array"],
            **self._offers(),
            **self._hint(),
            **self._when_single(),
            "else": listed,
        }

    def condition(self, about: str) -> Shape:
        """Return a field of a `when`: one, a list of them, or `{not: …}`."""
        none_of = self.or_list("None of these. Where nobody knows, it fits too, unless unknown is among them.")
        return {
            "description": about,
            "type": [*self.types, "array", "object"],
            **self._offers(),
            **self._hint(),
            **self._when_single(),
            "else": {
                "items": self.member(),
                "minItems": 1,
                "properties": {"not": none_of},
                "additionalProperties": False,
                "minProperties": 1,
            },
        }

    def or_fields(self, about: str, has: Mapping[str, Shape], needs: str) -> Shape:
        """Return a field that holds one, or a mapping with these fields."""
        group = {"properties": {**has}, "required": needs.split(), "additionalProperties": False}
        return {"description": about, "type": [*self.types, "object"], **self._when_single(), "else": group}

    def list(self, about: str) -> Shape:
        """Return a field that holds a list of them."""
        return {"description": about, "type": "array", "items": self.member(), "minItems": 1}

    def member(self) -> Shape:
        """Return one of a list."""
        return {key: value for key, value in self.alone("").items() if key != "description"}

    def _when_single(self) -> Shape:
        return {"if": {"type": [*self.types]}, "then": self.limits}

    def _hint(self) -> Shape:
        """Return what to say of a value of a wrong type, such as true for yes."""
        return {key: hint for key, hint in self.limits.items() if key == "errorMessage"}

    def _offers(self) -> Shape:
        snippets = [{"label": word, "body": int(word) if word.isdigit() else word} for word in self.offered]
        return {"defaultSnippets": snippets} if snippets else {}


def word(words: Iterable[str], otherwise: str = "") -> Single:
    """Return one word of a closed list; `otherwise` is what an editor says of any other."""
    known = tuple(words)
    numbers = [int(told) for told in known if told.isdigit()]  # a word of digits is a number to an editor
    types = ("string", "integer") if numbers else ("string",)
    said = {"errorMessage": otherwise} if otherwise else {}
    return Single(types, {"enum": [*known, *numbers], **said}, known)


def name(kind: str, known: Collection[str] | None, defined_in: str) -> Single:
    """Return the name of something another file defines; any word while nothing is known to be defined."""
    if not known:  # editors refuse a schema with an empty enum
        return TEXT
    otherwise = f"no {kind} is called this; after adding one to {defined_in}, run `ivr schema`"
    return word(sorted(known), otherwise)


def whole(low: int, high: int) -> Single:
    """Return a whole number from low to high."""
    limits = {"minimum": low, "maximum": high, "pattern": f"^{NUMBER}$", "errorMessage": "write digits only, as in 7"}
    return Single(("integer", "string"), limits)


def written(pattern: str, hint: str, *offered: str, also: tuple[str, ...] = (), **limits: int) -> Single:
    """Return a value of a certain form, with what to say of any other; `also` are types YAML may take it for."""
    return Single(("string", *also), {"pattern": f"^({pattern})$", **limits, "errorMessage": hint}, offered)


def fields(about: str, has: Mapping[str, Shape], needs: str = "", **limits: Any) -> Shape:
    """Return a mapping with these fields and no others."""
    required = {"required": needs.split()} if needs else {}
    shape = {"description": about, "type": "object", "properties": {**has}, **required}
    return {**shape, "additionalProperties": False, **limits}


def one_of(*keys: str) -> Shape:
    """Return what `fields` needs to know when only one of some keys may stand there."""
    hint = f"only one of {', '.join(keys)} may stand here"
    return {key: without(*(other for other in keys if other != key), errorMessage=hint) for key in keys}


def without(*keys: str, **more: Any) -> Shape:
    """Return what stands beside a key that does not go together with others."""
    return {"properties": dict.fromkeys(keys, False), **more}


def by_name(about: str, each: Shape, known: Collection[str] | None = None) -> Shape:
    """Return a mapping from names, of the author's choice unless they are known, to things of one shape."""
    if known is not None:
        return fields(about, dict.fromkeys(sorted(known), each))
    return {"description": about, "type": "object", "propertyNames": _NAMED, "additionalProperties": each}


def list_of(about: str, each: Shape) -> Shape:
    """Return a list, one thing to a dash."""
    return {"description": about, "type": "array", "items": each, "minItems": 1}


def whole_file(about: str, has: Mapping[str, Shape], needs: str, **limits: Any) -> Shape:
    """Return a file with these fields and the version of the format."""
    return fields(about, {"version": VERSION.alone("The version of this format, always 1."), **has}, needs, **limits)


# ---------------------------------------------------------------- single values

NUMBER = "(0|-?[1-9][0-9]*)"
CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9]"
CLOCK_RANGE = f"{CLOCK} +to +({CLOCK}|24:00)"
_DAY_OF_YEAR = "(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
LENGTH = "([1-9][0-9]*[hm] )?[1-9][0-9]*[smh]"

TEXT = written(r"[\s\S]*\S[\s\S]*", "write something here, or leave the whole key out", also=("number",))
FLAG = word(("yes", "no"), "write yes or no")
VERSION = word(("1",), "write 1")
DURATION = written(LENGTH, "write a length of time: 30s, 5m, 2h or 1m 30s", "30s", "2m", "1h")
DAYS = written(r"[1-9][0-9]{0,4}[dy]", "write days or years, as in 90d or 6y", "90d", "6y")
PROMISE = written(f"now|{LENGTH}", "write a length of time: 30s, 5m, 2h or 1m 30s; now is for emergencies", "1m", "now")
WITHIN = written(f"(at most +)?(now|{LENGTH})", "write a length of time: 30s, at most 2m, or now", "at most 1m", "now")
TIMES = written(CLOCK_RANGE, "write two times, as in 08:00 to 20:00", "08:00 to 20:00")
SHIFT = written(f"closed|{CLOCK_RANGE}", "write closed, or two times as in 08:00 to 20:00", "08:00 to 20:00", "closed")
DAY = written(f"[0-9]{{4}}-{_DAY_OF_YEAR}", "write a day as 2026-12-24", "2026-12-24")
DAY_OF_YEAR = written(_DAY_OF_YEAR, "write a day of the year as 12-24", "12-24")
ONE_WORD = written("[A-Za-z0-9_.-]+", "write one word of letters, digits and _", also=("number",))
LANGUAGE = written("[a-z]{2,3}", "write the code of a language, as in en or es", "en", "es")
# Without quotes YAML takes these for numbers, which `ivr check` does not.
COUNTRY = written("[A-Z]{2}", "write its code, as in US or CA", "US", "CA")
PHONE = written(
    r"\+[1-9][0-9]{6,14}",
    "write a phone number as +12025550101, with country and no spaces",
    also=("integer",),
    minimum=1_000_000,
    maximum=999_999_999_999_999,
)
PIN = written("[0-9]{4,8}", "a pin is 4 to 8 digits", also=("integer",), minimum=0, maximum=99_999_999)
