"""From what is written to values: readers of words, lists and mappings, which report every fault at its place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TypeVar

from ivr.content.problems import did_you_mean, nearest
from ivr.content.written import Item, Wrong, report, text

T = TypeVar("T")
D = TypeVar("D")
Read = Callable[["Item"], T]


def scalar(parse: Callable[[str], T]) -> Read[T]:
    """Return a reader of single values."""
    return lambda item: parse(text(item))


def listed(read: Read[T]) -> Read[tuple[T, ...]]:
    """Return a reader of lists that are not empty; every faulty member is reported."""

    def read_list(item: Item) -> tuple[T, ...]:
        if item.kind == "refused":
            raise Wrong
        if item.kind != "list":
            raise Wrong("type", "a list is expected here, in [ ] or one to a line with a dash", item)
        if not item.items:
            raise Wrong("type", "the list is empty; fill it in, or leave the whole key out", item)
        return _all(item.items, read)

    return read_list


def one_or_more(read: Read[T]) -> Read[tuple[T, ...]]:
    """Return a reader of a single value or a list of them."""
    return lambda item: listed(read)(item) if item.kind == "list" else (read(item),)


def _all(items: tuple[Item, ...], read: Read[T]) -> tuple[T, ...]:
    values = []
    for item in items:
        try:
            values.append(read(item))
        except Wrong as wrong:
            report(wrong, item)
    if len(values) < len(items):
        raise Wrong
    return tuple(values)


def named(read: Callable[[str, Item], T], what: str) -> Read[dict[str, T]]:
    """Return a reader of mappings from names to things; faulty things are reported and left out."""

    def read_mapping(item: Item) -> dict[str, T]:
        found = {}
        for key, value in pairs(item, what):
            try:
                found[name_of(key, what)] = read(key.text, value)
            except Wrong as wrong:
                report(wrong, value)
        return found

    return read_mapping


def keyed(read: Callable[[Item, Item], T], what: str) -> Read[dict[str, T]]:
    """Return a reader of mappings that takes key and value; every fault is reported, and one is enough to raise."""

    def read_mapping(item: Item) -> dict[str, T]:
        found = {}
        for key, value in pairs(item, what):
            try:
                found[key.text] = read(key, value)
            except Wrong as wrong:
                report(wrong, value)
        if len(found) < len(item.pairs):
            raise Wrong
        return found

    return read_mapping


def name_of(key: Item, what: str) -> str:
    """Return a key that names something; raises Wrong when rules could not name it."""
    if not all(letter.islower() or letter.isdigit() or letter in "_-" for letter in key.text) or not key.text.isascii():
        raise Wrong("type", f'"{key.text}" cannot name {what}; use small letters, digits and _', key)
    return text(key)


def pairs(item: Item, what: str) -> tuple[tuple[Item, Item], ...]:
    """Return the keys and values of a mapping; raises Wrong for anything else."""
    if item.kind == "refused":
        raise Wrong
    if item.kind != "mapping":
        raise Wrong("type", f"{what} is expected here, as key: value", item)
    return item.pairs


class Fields:
    """A mapping being read field by field; keys nobody asked for are problems.

    Ask with `take` and `need`, then call `done()`: it raises Wrong when anything in the mapping was faulty.
    """

    def __init__(self, item: Item, what: str) -> None:
        self.item, self.what = item, what
        self._left = {key.text: (key, value) for key, value in pairs(item, what)}
        self._asked: list[str] = []
        self._missing: dict[str, tuple[str, ...]] = {}  # what to say -> the keys any of which would do
        self._misspelt: set[str] = set()
        self._faulty = False

    def __contains__(self, key: str) -> bool:
        return key in self._left

    def key(self, key: str) -> Item:
        """Return a key that is there and was not asked for yet, where it stands."""
        return self._left[key][0]

    def value(self, key: str) -> Item | None:
        """Return what stands at a key, unread, and mark it as asked for."""
        self._asked.append(key)
        _, value = self._left.pop(key, (None, None))
        return value

    def take(self, key: str, read: Read[T], default: D) -> T | D:
        """Return the value at a key, or `default` when the key is left out or its value is faulty."""
        value = self.value(key)
        if value is None:
            return default
        try:
            return read(value)
        except Wrong as wrong:
            self.fault(wrong, value)
            return default

    def need(self, key: str, read: Read[T]) -> T:
        """Return the value at a key that must be there; a fault is kept until `done`."""
        if key not in self._left:
            self._missing[f"{self.what} needs `{key}`"] = (key,)
        return self.take(key, read, None)  # type: ignore[return-value]  # `done` raises before the None is used

    def need_one(self, reads: Mapping[str, Read[T]], none: str, more: str) -> tuple[str, T | None]:
        """Return which of some keys is there, and its value; `none` and `more` are said of none and of the second.

        The key is empty when none is there; faults are kept until `done`.
        """
        keys = [key for key, _ in self._left.values() if key.text in reads]
        values = {key: self.take(key, read, None) for key, read in reads.items()}
        for key in keys[1:]:
            self.fault(Wrong("duplicate", more), key)
        if not keys:
            self._missing[none] = tuple(reads)
            return "", None
        return keys[0].text, values[keys[0].text]

    def refuse(self, key: str, why: str) -> None:
        """Report a key that makes no sense here."""
        key_item, _ = self._left.pop(key)
        self.fault(Wrong("unknown-key", why), key_item)

    def fault(self, wrong: Wrong, item: Item) -> None:
        """Report a fault now and raise at `done`."""
        report(wrong, item)
        self._faulty = True

    def end(self) -> set[str]:
        """Report the keys nobody asked for, and those that are missing and not just misspelt; return the latter."""
        for key, _ in self._left.values():
            near = nearest(key.text, self._asked)
            self._misspelt |= {near} if near else set()
            hint = f'; did you mean "{near}"?' if near else ""
            self.fault(Wrong("unknown-key", f"{self.what} has no `{key.text}`{hint}"), key)
        for message, keys in self._missing.items():
            if self._misspelt.isdisjoint(keys):
                self.fault(Wrong("missing", message), self.item)
        return self._misspelt

    def done(self) -> None:
        """Report the keys nobody asked for; raises Wrong when anything was faulty."""
        self.end()
        if self._faulty:
            raise Wrong


def attempt(read: Read[T], item: Item, default: D) -> T | D:
    """Return what a reader makes of an item, or `default` after reporting why it cannot."""
    try:
        return read(item)
    except Wrong as wrong:
        report(wrong, item)
        return default


def reference(kind: str, known: Collection[str] | None) -> Read[str]:
    """Return a reader of names of something that must exist; with `known` None nobody can tell, so any will do."""

    def read_name(item: Item) -> str:
        name = text(item)
        if known is not None and name not in known:
            raise Wrong("reference", f'no {kind} is called "{name}"{did_you_mean(name, known) or _few(known)}', item)
        return name

    return read_name


def _few(known: Collection[str]) -> str:
    return f"; there is {', '.join(sorted(known))}" if 0 < len(known) < 10 else ""


def one_of(what: str, words: Iterable[str]) -> Read[str]:
    """Return a reader of one word of a closed list."""
    known = tuple(words)

    def read_word(item: Item) -> str:
        word = text(item)
        if word not in known:
            hint = did_you_mean(word, known) or f"; it is one of {', '.join(known)}"
            raise Wrong("unknown-value", f'"{word}" is not {what}{hint}', item)
        return word

    return read_word
