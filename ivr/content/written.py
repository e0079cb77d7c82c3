"""YAML as an author wrote it: text, lists and mappings that know their place, typed only by whoever asks.

YAML 1.1 makes 22:00 a number and `no` a flag. Here every scalar stays the text in the file, so what it means
depends on the field it stands in and on nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import yaml

from ivr.content.problems import Problem

_SEPARATOR = re.compile("[\x85\u2028\u2029]")  # YAML counts these as line ends, and editors do not
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")  # no text at all
_LONGEST_MESSAGE = 1_500
_DEEPEST = 20  # nothing in the format nests nearly so far
_NULLS = ("", "~", "null", "Null", "NULL")
_HINTS = {
    "mapping values are not allowed in this context": (
        "a second colon on this line starts another value; put quotes around the text, or check the indentation"
    ),
    "did not find expected key": "this does not line up with the lines above it, or a quote or bracket is not closed",
    "did not find expected '-' indicator": "this does not line up with the list above it; start it with a dash",
    "could not find expected ':'": "a key is followed by a colon and a space here",
    "found character that cannot start any token": (
        "a value cannot begin with a tab, @, ` or %; indent with spaces, or put quotes around it"
    ),
    "did not find expected ',' or '}'": (
        "a { is not closed, or a comma is missing before this; text that holds { } goes in quotes"
    ),
    "found a tab character that violates indentation": "this is a tab; indent with spaces",
    "found a tab character where an indentation space is expected": "this is a tab; indent with spaces",
    "did not find expected ',' or ']'": "a [ is not closed, or a comma is missing before this",
    "found unexpected end of stream": "a quote is not closed",
    "did not find expected node content": "a value is missing here, or a bracket above is not closed",
    "found unexpected document indicator": "a quote is not closed before this",
    "did not find expected <document start>": "this does not line up with the lines above it",
    "block sequence entries are not allowed in this context": "a list starts on a line of its own, not beside its key",
    "mapping keys are not allowed in this context": "a ? starts a key here; put quotes around the text",
    "found unknown escape character": "this backslash means nothing; write \\\\, or use single quotes",
    "did not find expected alphabetic or numeric character": "& and * mark places; put quotes around the text",
}
_TOLD_AT_ITS_START = (  # it is noticed only where it would have had to end, which may be the end of the file
    "could not find expected ':'",
    "found unexpected end of stream",
    "found unexpected document indicator",
)


class Wrong(Exception):
    """What is written cannot be read, and why; without a message, it has been reported already."""

    def __init__(self, code: str = "", message: str = "", item: Item | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.item = code, message, item


@dataclass(eq=False)
class File:
    """One file being read, and the problems found in it."""

    path: str
    text: str
    problems: list[Problem] = field(default_factory=list)
    readable: bool = True  # False: it is there and holds no text, which has been said

    def problem(self, code: str, message: str, line: int = 1, column: int = 1, *, severity: str = "error") -> None:
        self.problems.append(Problem(self.path, line, column, severity, code, _shortened(message)))

    @cached_property
    def lines(self) -> list[str]:
        """The text line by line; the line counted as 1 stands first."""
        return self.text.split("\n")


def _shortened(message: str) -> str:
    """Leave out the middle of what repeats a very long text."""
    return message if len(message) <= _LONGEST_MESSAGE else f"{message[:300]} … {message[-300:]}"


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """Something written in a file, and where."""

    file: File
    line: int
    column: int
    kind: str  # text · list · mapping · refused
    text: str = ""
    items: tuple[Item, ...] = ()
    pairs: tuple[tuple[Item, Item], ...] = ()
    quoted: bool = False

    def problem(self, code: str, message: str, *, severity: str = "error") -> None:
        self.file.problem(code, message, self.line, self.column, severity=severity)

    def at(self, key: str) -> Item:
        """Return what stands at a key of a mapping, or the item itself when nothing does."""
        return next((value for found, value in self.pairs if found.text == key), self)

    def as_written(self) -> str:
        """Return it on one line, as in the file but for spaces."""
        if self.kind == "list":
            return f"[{', '.join(item.as_written() for item in self.items)}]"
        if self.kind == "mapping":
            return ", ".join(f"{key.text} {value.as_written()}" for key, value in self.pairs)
        return self.text


# ---------------------------------------------------------------- from text to items


def same_content(one: str, other: str) -> bool:
    """Return whether two texts differ in comments, quotes and layout at most; one that is no YAML is like no other."""
    try:
        return one == other or _events(one) == _events(other)
    except yaml.YAMLError:
        return False


def _events(text: str) -> list[tuple[type, str | None]]:
    return [(type(event), getattr(event, "value", None)) for event in yaml.parse(text, Loader=yaml.CSafeLoader)]


def read_yaml(file: File) -> Item | None:
    """Return what a file holds, or None, with a problem, when nothing in it can be read."""
    if not file.readable:
        return None
    if _hidden(file, _CONTROL, "an invisible character ({}) stands here; delete it"):
        return None
    if _hidden(file, _SEPARATOR, "an invisible line break stands here; delete it and press enter"):
        return None
    try:
        return _document(file, iter(yaml.parse(file.text, Loader=yaml.CSafeLoader)))
    except Wrong as wrong:
        report(wrong, None, file)
    except yaml.MarkedYAMLError as error:
        said = str(error.problem)
        hint = _HINTS.get(said, f"this cannot be read: {said}; check quotes, brackets and indentation")
        mark = error.context_mark if said in _TOLD_AT_ITS_START and error.context_mark else error.problem_mark
        file.problem("syntax", hint, *_inside(file, *_place(mark)))
    return None


def _inside(file: File, line: int, column: int) -> tuple[int, int]:
    """Return a place, or the end of the file for one behind it."""
    lines = file.text.split("\n")
    return (line, column) if line <= len(lines) else (len(lines), len(lines[-1]) + 1)


def _hidden(file: File, characters: re.Pattern[str], message: str) -> bool:
    """Report the first of some characters nobody can see; whether there is one."""
    found = characters.search(file.text)
    if found is None:
        return False
    before = file.text[: found.start()]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    file.problem("syntax", message.format(_code_point(found[0])), line, column)
    return True


def _code_point(letter: str) -> str:
    return f"U+{ord(letter):04X}"


def _place(mark: Any) -> tuple[int, int]:
    return mark.line + 1, mark.column + 1


def _document(file: File, events: Iterator[Any]) -> Item:
    found: Item | None = None
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            if found is not None:
                message = "a second document starts here; one file holds one document"
                file.problem("syntax", message, *_place(event.start_mark))
                raise Wrong
            found = _item(file, next(events), events, 0)
    if found is None or (found.kind == "text" and found.text in _NULLS):
        raise Wrong("missing", "the file is empty")
    return found


def _item(file: File, event: Any, events: Iterator[Any], depth: int) -> Item:
    line, column = _place(event.start_mark)
    refused = _refusal(event, depth)
    if refused:
        file.problem("syntax", refused, line, column)
    if depth > _DEEPEST:
        raise Wrong
    match event:
        case yaml.ScalarEvent():
            return Item(file, line, column, "text", event.value, quoted=bool(event.style))
        case yaml.SequenceStartEvent():
            return Item(file, line, column, "list", items=tuple(_members(file, events, depth)))
        case yaml.MappingStartEvent():
            return Item(file, line, column, "mapping", pairs=tuple(_pairs(file, events, depth)))
        case _:
            return Item(file, line, column, "refused")


def _refusal(event: Any, depth: int) -> str | None:
    if isinstance(event, yaml.AliasEvent):
        return f"*{event.anchor} repeats another place; write it out, so that what is here can be read here"
    if event.anchor is not None:
        return f"&{event.anchor} marks this to be repeated elsewhere; write it out in both places"
    if event.tag is not None:
        tag = event.tag.replace("tag:yaml.org,2002:", "!!")
        return f"the tag {tag} is not needed; each field knows what it holds"
    return "this is nested too deep" if depth > _DEEPEST else None


def _members(file: File, events: Iterator[Any], depth: int) -> Iterator[Item]:
    for event in events:
        if isinstance(event, yaml.SequenceEndEvent):
            return
        yield _item(file, event, events, depth + 1)


def _pairs(file: File, events: Iterator[Any], depth: int) -> Iterator[tuple[Item, Item]]:
    seen: dict[str, Item] = {}
    for event in events:
        if isinstance(event, yaml.MappingEndEvent):
            return
        key = _item(file, event, events, depth + 1)
        value = _item(file, next(events), events, depth + 1)
        if key.kind != "text":
            key.problem("type", "a key has to be a single word")
        elif key.text == "<<" and not key.quoted:
            key.problem("syntax", "<< copies from another place; write it out, so that what is here can be read here")
        elif key.text in seen:
            key.problem("duplicate", f'"{key.text}" already stands on line {seen[key.text].line}; keep one of them')
        else:
            seen[key.text] = key
            yield key, value


def text(item: Item) -> str:
    """Return a scalar's text; raises Wrong for anything else, and for nothing."""
    if item.kind == "refused":
        raise Wrong
    if item.kind != "text":
        raise Wrong("type", f"a single value is expected here, not a {item.kind}", item)
    if (item.text in _NULLS and not item.quoted) or not item.text.strip():
        raise Wrong("type", "nothing is written here; fill it in, or leave the whole key out", item)
    if hidden := _CONTROL.search(item.text):
        raise Wrong("syntax", f"an invisible character ({_code_point(hidden[0])}) is written here; delete it", item)
    return item.text


def report(wrong: Wrong, item: Item | None, file: File | None = None) -> None:
    place = wrong.item or item
    if not wrong.message:
        return
    if place is not None:
        place.problem(wrong.code, wrong.message)
    elif file is not None:
        file.problem(wrong.code, wrong.message)
