"""What the practice phone reads from the pharmacy's own files: which numbers are lines, which are staff's.

It reads no more than that, so that it also serves a pharmacy whose rules do not load at the moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ivr.content.written import File, Item, read_yaml


class Unreadable(Exception):
    """A file cannot be read; the text has a line for each problem: file, line, column, why."""


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody who takes calls: `address` is E.164, `sip:…` or `client:…`."""

    id: str
    name: str
    address: str


def read(path: Path) -> Item:
    """Return what a YAML file holds; raises Unreadable."""
    try:
        file = File(str(path), path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"{path}: {getattr(error, 'strerror', None) or 'not text'}") from None
    item = read_yaml(file)
    if item is None or file.problems:
        raise Unreadable("\n".join(str(problem) for problem in file.problems))
    return item


def lines(content: Path) -> dict[str, str]:
    """Return {line: number} from config/lines.yaml; raises Unreadable."""
    written = _under(read(content / "config" / "lines.yaml"), "lines")
    return {name.text: line.at("number").text for name, line in written.pairs if line.at("number").text}


def staff(content: Path) -> dict[str, Colleague]:
    """Return {id: colleague} from config/staff.yaml, those with a phone; raises Unreadable."""
    written = _under(read(content / "config" / "staff.yaml"), "agents")
    people = [_colleague(agent) for agent in written.items]
    return {one.id: one for one in people if one.id and one.address}


def _under(item: Item, key: str) -> Item:
    found = item.at(key)
    return found if found is not item else Item(item.file, item.line, item.column, "mapping")


def _colleague(agent: Item) -> Colleague:
    client = _text(agent, "client")
    address = _text(agent, "phone") or _text(agent, "sip") or (f"client:{client}" if client else "")
    return Colleague(_text(agent, "id"), _text(agent, "name"), address)


def _text(item: Item, key: str) -> str:
    found = item.at(key)
    return found.text if found is not item else ""
