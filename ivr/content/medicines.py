"""Reads `config/medicines.yaml`: names that are mistaken for each other, and those that need more than a phone call."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from rapidfuzz import fuzz, process

from ivr.content import scalars
from ivr.content.config import top_fields
from ivr.content.reading import Fields, Read, listed, scalar
from ivr.content.written import Item, Wrong, text

T = TypeVar("T")

NEAR = 85  # of 100: as near as a name with one letter misheard
SHORTEST_NEAR = 5  # letters; shorter names are near to too many


@dataclass(frozen=True, slots=True)
class KnownMedicines:
    """What is known of medicines by their names, in small letters; a name nobody listed is like none."""

    groups: tuple[tuple[str, ...], ...] = ()  # names mistaken for each other
    controlled: frozenset[str] = frozenset()

    def mistaken_for(self, name: str) -> tuple[str, ...]:
        """Return the names this one is easily mistaken for, one letter out of place included; none for most."""
        listed = {one for group in self.groups for one in group}
        meant = {name} if name in listed else _near(name, listed)
        others = (one for group in self.groups if not meant.isdisjoint(group) for one in group if one != name)
        return tuple(dict.fromkeys(others))

    def is_controlled(self, name: str) -> bool:
        """Return whether a name, or one so near that it may be the same misheard, is of a controlled medicine."""
        known = {one for group in self.groups for one in group}
        return name in self.controlled or (name not in known and bool(_near(name, self.controlled)))


def _near(name: str, names: Iterable[str]) -> set[str]:
    if len(name) < SHORTEST_NEAR:
        return set()
    return {found for found, _, _ in process.extract(name, list(names), scorer=fuzz.ratio, score_cutoff=NEAR)}


def read_medicines(item: Item) -> KnownMedicines:
    """Return what is known of medicines; raises Wrong after reporting every fault."""
    fields = top_fields(item, "medicines.yaml")
    groups = fields.take("look_alikes", lambda value: _list_of(value, "groups", listed(_group)), ())
    names = fields.take("controlled", lambda value: _list_of(value, "names", listed(scalar(_name))), ())
    fields.done()
    return KnownMedicines(groups, frozenset(names))


def _list_of(item: Item, key: str, read: Read[tuple[T, ...]]) -> tuple[T, ...]:
    """A list with where it comes from and how old it is: such lists change, and somebody has to look."""
    fields = Fields(item, "a list of medicines")
    fields.need("source", text)
    fields.need("as_of", scalar(scalars.day))
    found = fields.need(key, read)
    fields.done()
    return found


def _group(item: Item) -> tuple[str, ...]:
    names = listed(scalar(_name))(item)
    if len(set(names)) < 2:
        raise Wrong("range", "two different names at least are mistaken for each other", item)
    return names


def _name(told: str) -> str:
    if not told.isascii() or not told.isalpha() or told != told.lower():
        raise Wrong("type", f'"{told}" has to be the letters of a name, in small letters and nothing between them')
    return told
