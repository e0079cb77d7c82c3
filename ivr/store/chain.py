"""The chain of the audit: each line is bound to the one before it by a key that is not in the database.

HMAC with SHA-256 and not a plain hash: whoever can write to the database could compute a plain chain anew behind what
they changed. Where the chain ends, and where it begins once old lines are gone, is kept as marks of the same key.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

HEAD, ANCHOR = "audit:head", "audit:anchor"
"""The marks: the newest line, and the newest of those that were kept long enough and are gone."""
BOUND = ("seq", "prev", "id", "at", "by", "door", "act", "subject", "detail", "outcome", "why", "key")
"""The columns a hash is over, in this order, for good."""


class Link(NamedTuple):
    """A place in the chain: which line, counted from 1, and its hash."""

    seq: int
    hash: str


BEGINNING = Link(0, "")
_LONGEST_PLACE = 20  # digits


class Chain:
    """Makes and knows the hashes of lines and marks: the first key makes them, all know them.

    The keys are those of AUDIT_KEY (with commas between, the newest first), and at last the one of SECRET_KEY.
    """

    def __init__(self, secret_key: str, audit_key: str = "") -> None:
        secrets = [*(each.strip() for each in audit_key.split(",")), secret_key]
        self._keys = tuple(_derived(each) for each in secrets if each)

    @property
    def oldest(self) -> int:
        """The place of the oldest key: where a walk along the chain begins."""
        return len(self._keys) - 1

    def bound(self, after: Link, line: Mapping[str, Any]) -> dict[str, Any]:
        """Return a line as the one that follows `after`: with its `seq`, `prev` and `hash`."""
        placed = {**line, "seq": after.seq + 1, "prev": after.hash}
        return {**placed, "hash": _mac(self._keys[0], _canonical(placed))}

    def key_of(self, line: Mapping[str, Any], oldest: int) -> int | None:
        """Return the place of the key that made a line's hash, none older than that; None when none did."""
        whole, told = _canonical(line), str(line["hash"])
        fit = (place for place in range(oldest, -1, -1) if _is_same(_mac(self._keys[place], whole), told))
        return next(fit, None)

    def mark(self, name: str, link: Link) -> str:
        """Return a mark's value."""
        return f"{link.seq} {link.hash} {_mac(self._keys[0], _marked(name, link))}"

    def marked(self, name: str, value: str) -> Link | None:
        """Return the place a mark names; None when it was made with no key of ours."""
        seq, _, rest = value.partition(" ")
        hash_, _, made = rest.partition(" ")
        if not (seq.isascii() and seq.isdigit() and len(seq) < _LONGEST_PLACE):
            return None
        link = Link(int(seq), hash_)
        return link if any(_is_same(_mac(key, _marked(name, link)), made) for key in self._keys) else None

    def broken(self, value: str) -> str:
        """Return the `prev` of a line that has to follow a head which is not ours: no line has this hash."""
        return _mac(self._keys[0], b"not our head " + value.encode())


def _canonical(line: Mapping[str, Any]) -> bytes:
    # A list, so that nothing can be moved from one column to the next; what SQLite alone could hold there is no text.
    values = [line[name] for name in BOUND]
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"), default=_odd).encode()


def _odd(value: object) -> dict[str, str]:
    return {type(value).__name__: repr(value)}


def _marked(name: str, link: Link) -> bytes:
    return f"{name} {link.seq} {link.hash}".encode()


def _mac(key: bytes, whole: bytes) -> str:
    return hmac.digest(key, whole, "sha256").hex()


def _is_same(made: str, told: str) -> bool:
    return hmac.compare_digest(made.encode(), told.encode())


def _derived(secret: str) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=b"rxline audit").derive(secret.encode())
