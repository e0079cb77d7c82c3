"""Written calls, as a pharmacist writes them: the format, read into steps or refused with a place and a hint.

name: A patient asks for a pharmacist
dial: main                          # a line's name or number
as: maria-lopez                     # a person of the sandbox order system, or  from: "+1202…"
steps:
  - hear: thank you for calling     # said since the last step: part of it, any case, or /a regular expression/
  - key: 2                          # keys, pressed as they are asked for
  - say: I have a question about my pills
  - silence                         # let the question time out
  - leave message: please call me   # after the beep
  - staff ruth: answers             # also: declines, ignores, hangs up, silence
  - staff ruth: {hears: a patient}
  - staff ruth: {key: 1}
  - staff ruth: {says: Hello, this is Ruth}
  - hear: this is Ruth
  - phone +12025550101: answers     # any other phone, or a person's by id
  - phone +12025550101: {gets text: is ready}
  - staff omar: {is: busy}          # from now on: ring, answer, decline, busy, ignore, fail, machine, screen
  - staff omar: {is: {does: answer, keys: 1, hangs_up_after_seconds: 5}}
  - phone patient-01: {gets message: please call}     # left on its machine
  - phone client:ana: answers       # a browser, or a sip: phone
  - held                            # on hold by now; also of others
  - not hear: lisinopril            # not since the last own step; of others: {does not hear: …}
  - wait: 2                         # real seconds
  - faults: {twice: yes}            # what goes wrong from here on, see ivr.phone.faults; {} ends it
  - hang up
  - expect: {ended: yes}
  - expect: {disposition: {outcome: answered, queue: pharmacist}}
  - expect: {order_system: {/v1/tasks: {kind: callback}}}
never hear: [lisinopril]            # nowhere in the call, by nobody
may fail: yes                       # webhooks may fail in this rehearsal; without it that fails the script
stir: A                             # what the carrier says of the caller's number
forwarded: "+1202…"
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ivr.content.problems import did_you_mean
from ivr.content.written import Item
from ivr.phone.faults import FaultBox, FaultRefused
from ivr.phone.files import Unreadable, read
from ivr.phone.ringing import HABIT_FIELDS, HABITS

CALLER = "caller"
_FIELDS = ("name", "dial", "as", "from", "steps", "never hear", "may fail", "stir", "forwarded")
_EXPECTED = ("ended", "disposition", "order_system")
# The same thing done by the caller, and by somebody else.
_ALONE = {"silence": "silence", "talks": "talk", "held": "held", "hang up": "hang up"}
_WITH_VALUE = {
    "hear": "hear",
    "not hear": "not hear",
    "key": "key",
    "say": "say",
    "leave message": "leave message",
}
_ONLY_CALLER = ("wait", "faults", "expect")
_OTHERS_ALONE = {
    "answers": "answer",
    "declines": "decline",
    "ignores": "ignore",
    "silence": "silence",
    "talks": "talk",
    "held": "held",
    "hangs up": "hang up",
}
_OTHERS_WITH_VALUE = {
    "hears": "hear",
    "does not hear": "not hear",
    "key": "key",
    "says": "say",
    "leaves message": "leave message",
    "gets text": "gets text",
    "gets message": "gets message",
    "is": "is",
}


class _Wrong(Exception):
    def __init__(self, item: Item, text: str) -> None:
        super().__init__(text)
        self.item = item


@dataclass(frozen=True, slots=True)
class Who:
    """Whose phone: the caller's, one of the staff's (`staff`, id), or any (`phone`, number or person id)."""

    kind: str = CALLER
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".strip()


@dataclass(frozen=True, slots=True)
class Words:
    """What should be heard."""

    written: str
    pattern: re.Pattern[str]

    def are_in(self, text: str) -> bool:
        """Return whether they are in a text, in any case and however it is spaced."""
        return self.pattern.search(" ".join(text.split())) is not None


@dataclass(frozen=True, slots=True)
class Step:
    """One step: who does what on which line of the file. `value` is text, Words, seconds, or plain values."""

    line: int
    who: Who
    does: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class Script:
    """A written call."""

    path: Path
    name: str
    dial: str
    person: str
    from_number: str
    steps: tuple[Step, ...]
    never: tuple[Words, ...] = ()
    may_fail: bool = False
    stir: str | None = None
    forwarded: str | None = None


@dataclass
class _Reader:
    wrong: list[_Wrong] = field(default_factory=list)

    def __call__(self, read: Callable[[Item], Any], item: Item, otherwise: Any = None) -> Any:
        try:
            return read(item)
        except _Wrong as wrong:
            self.wrong.append(wrong)
            return otherwise


def read_script(path: Path) -> Script:
    """Return a written call; raises Unreadable with every problem in the file at once."""
    item = read(path)
    reader = _Reader()
    script = _script(path, item, reader)
    if reader.wrong:
        places = sorted((wrong.item.line, wrong.item.column, str(wrong)) for wrong in reader.wrong)
        raise Unreadable("\n".join(f"{path}:{line}:{column}: {text}" for line, column, text in places))
    return script


def _script(path: Path, item: Item, reader: _Reader) -> Script:
    fields = reader(_mapping, item, {})
    for key, _ in item.pairs:
        if key.text not in _FIELDS:
            reader(_unknown(_FIELDS, "a script has no"), key)

    def text(name: str) -> str:
        return str(reader(_text, fields[name], "")) if name in fields else ""

    if ("as" in fields) == ("from" in fields):
        reader.wrong.append(
            _Wrong(item, "say who calls: either `as:` a person of the order system, or `from:` a number")
        )
    if "steps" not in fields:
        reader.wrong.append(_Wrong(item, "a script needs `steps:`"))
    return Script(
        path=path,
        name=text("name") or path.stem,
        dial=text("dial") or "main",
        person=text("as"),
        from_number=text("from"),
        steps=tuple(_each(reader, fields.get("steps"), _step)),
        never=tuple(_each(reader, fields.get("never hear"), _words)),
        may_fail=text("may fail") in ("yes", "true"),
        stir=text("stir") or None,
        forwarded=text("forwarded") or None,
    )


def _each(reader: _Reader, item: Item | None, read: Callable[[Item], Any]) -> list[Any]:
    if item is None:
        return []
    members = reader(_list, item, ())
    found = [reader(read, member) for member in members]
    return [one for one in found if one is not None]


# ---------------------------------------------------------------- steps


def _step(item: Item) -> Step:
    if item.kind == "text":
        return _doing(item, Who(), item.text, None, _ALONE, _WITH_VALUE, _ONLY_CALLER)
    key, value = _only_pair(item)
    kind, _, name = key.text.partition(" ")
    if kind in ("staff", "phone"):
        return _others(key, Who(kind, name.strip()), value)
    return _doing(key, Who(), key.text, value, _ALONE, _WITH_VALUE, _ONLY_CALLER)


def _others(key: Item, who: Who, value: Item) -> Step:
    if not who.name:
        raise _Wrong(key, f"say whose phone: `{who.kind} " + ("ruth`" if who.kind == "staff" else "+12025550101`"))
    if value.kind == "text":
        return _doing(value, who, value.text, None, _OTHERS_ALONE, _OTHERS_WITH_VALUE)
    does, with_value = _only_pair(value)
    return _doing(does, who, does.text, with_value, _OTHERS_ALONE, _OTHERS_WITH_VALUE)


def _doing(
    place: Item,
    who: Who,
    word: str,
    value: Item | None,
    alone: dict[str, str],
    with_value: dict[str, str],
    only: Iterable[str] = (),
) -> Step:
    needs = {**with_value, **{name: name for name in only}}
    if value is None and word in alone:
        return Step(place.line, who, alone[word])
    if value is not None and word in needs:
        return Step(place.line, who, needs[word], _VALUES[needs[word]](value))
    if word in alone:
        raise _Wrong(place, f"`{word}` stands alone, without a colon")
    if word in needs:
        raise _Wrong(place, f"`{word}:` needs to say what")
    known = [*alone, *(f"{name}:" for name in needs)]
    raise _Wrong(place, f"`{word}` is no step{did_you_mean(word, [*alone, *needs])}; there are: {', '.join(known)}")


# ---------------------------------------------------------------- values


def _unknown(known: Iterable[str], what: str) -> Callable[[Item], None]:
    def refuse(key: Item) -> None:
        raise _Wrong(key, f"{what} `{key.text}`{did_you_mean(key.text, known)}; there are: {', '.join(known)}")

    return refuse


def _text(item: Item) -> str:
    if item.kind != "text" or not item.text.strip():
        raise _Wrong(item, "words are expected here")
    return item.text.strip()


def _list(item: Item) -> tuple[Item, ...]:
    if item.kind != "list":
        raise _Wrong(item, "a list is expected here: lines that start with a dash")
    return item.items


def _mapping(item: Item) -> dict[str, Item]:
    if item.kind != "mapping" or not item.pairs:
        raise _Wrong(item, "a name, a colon and a value are expected here")
    return {key.text: value for key, value in item.pairs}


def _only_pair(item: Item) -> tuple[Item, Item]:
    _mapping(item)
    if len(item.pairs) > 1:
        raise _Wrong(item.pairs[1][0], "one step does one thing; start another with a dash")
    return item.pairs[0]


def _words(item: Item) -> Words:
    written = _text(item)
    if len(written) > 2 and written[0] == written[-1] == "/":
        try:
            return Words(written, re.compile(written[1:-1], re.IGNORECASE))
        except re.error as error:
            raise _Wrong(item, f"not a regular expression: {error}") from None
    return Words(written, re.compile(re.escape(" ".join(written.split())), re.IGNORECASE))


def _digits(item: Item) -> str:
    digits = _text(item)
    if not set(digits) <= set("0123456789*#"):
        raise _Wrong(item, "a phone has the keys 0-9, * and #")
    return digits


def _seconds(item: Item) -> float:
    try:
        return float(_text(item).removesuffix("s"))
    except ValueError:
        raise _Wrong(item, "seconds are expected here, such as 2 or 0.5") from None


def _habit(item: Item) -> dict[str, Any]:
    if item.kind == "text":
        return {"does": _does(item)}
    for key, _ in item.pairs:
        if key.text not in HABIT_FIELDS:
            _unknown(HABIT_FIELDS, "a phone has no")(key)
    read = {name: _seconds if kind is float else _text for name, kind in HABIT_FIELDS.items()}
    values = {"does": _does, "keys": _digits}
    found = {name: values.get(name, read[name])(value) for name, value in _mapping(item).items()}
    if "does" not in found:
        raise _Wrong(item, "say what the phone `does`")
    return found


def _does(item: Item) -> str:
    habit = _text(item)
    if habit not in HABITS:
        raise _Wrong(item, f"a phone is one of: {', '.join(HABITS)}{did_you_mean(habit, HABITS)}")
    return habit


def plain(item: Item) -> Any:
    """Return what is written as text, lists and dicts of text."""
    if item.kind == "mapping":
        return {key.text: plain(value) for key, value in item.pairs}
    return [plain(one) for one in item.items] if item.kind == "list" else item.text


def _faults(item: Item) -> dict[str, Any]:
    found = plain(item)
    if not isinstance(found, dict):
        raise _Wrong(item, "faults are expected here, such as {twice: yes}")
    typed = {name: _typed(value) for name, value in found.items()}
    try:
        FaultBox().set(typed)
    except FaultRefused as refused:
        raise _Wrong(item, str(refused)) from None
    return typed


def _typed(value: Any) -> Any:
    if value in ("yes", "true", "no", "false"):
        return value in ("yes", "true")
    if isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?", value):
        return float(value) if "." in value else int(value)
    return value


def _expectation(item: Item) -> dict[str, Any]:
    for key in _mapping(item):
        if key not in _EXPECTED:
            raise _Wrong(item, f"nothing is expected of `{key}`{did_you_mean(key, _EXPECTED)}; {', '.join(_EXPECTED)}")
    found: dict[str, Any] = plain(item)
    for name in ("disposition", "order_system"):
        if name in found and not isinstance(found[name], dict):
            raise _Wrong(item.at(name), "fields and their values are expected here")
    return found


_VALUES: dict[str, Callable[[Item], Any]] = {
    "hear": _words,
    "not hear": _words,
    "gets text": _words,
    "gets message": _words,
    "key": _digits,
    "say": _text,
    "leave message": _text,
    "is": _habit,
    "wait": _seconds,
    "faults": _faults,
    "expect": _expectation,
}
