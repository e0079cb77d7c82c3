"""Keys: RECORD_KEY's seal the record; SECRET_KEY's what callers were told, their numbers, a recording's pass."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PASS_SECONDS = 600  # a message, and all that is said before it
_NONCE_BYTES = 12
_MARK = b"\x01"
_ID_BYTES = 4
PREFIX_BYTES = len(_MARK) + _ID_BYTES


class WrongKey(Exception):
    """The record is sealed with a key that RECORD_KEY does not name; the text names no secret."""


class Keys:
    """The keys of the record at rest: the first seals, all open.

    What is sealed begins with the name of its key, and opens only as what it was sealed as. AES-GCM and not Fernet: a
    call's state of 3 KB takes 6 and 1 microseconds, where Fernet takes 50 and 100, each turn.
    """

    def __init__(self, secret_key: str, record_key: str = "") -> None:
        # What SECRET_KEY gives stays the last: a record from before RECORD_KEY was set still opens.
        secrets = [*(each.strip() for each in record_key.split(",")), secret_key]
        derived = [_derived(each, b"rxline record") for each in secrets if each]
        self._opening = {_MARK + hashlib.sha256(key).digest()[:_ID_BYTES]: AESGCM(key) for key in derived}
        self.prefix, self._sealing = next(iter(self._opening.items()))

    @property
    def first(self) -> str:
        """The name of the key that seals: it tells nothing of the key."""
        return self.prefix[1:].hex()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all keys that open."""
        return tuple(prefix[1:].hex() for prefix in self._opening)

    def seal(self, what: str, words: str) -> bytes:
        """Return words sealed with the first key; `what` they are is a column's name."""
        nonce = os.urandom(_NONCE_BYTES)
        return self.prefix + nonce + self._sealing.encrypt(nonce, words.encode(), what.encode())

    def open(self, what: str, sealed: bytes) -> str:
        """Return the words; raises WrongKey when no key opens them, or they are something else."""
        key = self._opening.get(sealed[:PREFIX_BYTES])
        if key is None:
            raise WrongKey(f"{what} is sealed with key {sealed[1:PREFIX_BYTES].hex()}: add that key to RECORD_KEY")
        nonce_ends = PREFIX_BYTES + _NONCE_BYTES
        try:
            return key.decrypt(sealed[PREFIX_BYTES:nonce_ends], sealed[nonce_ends:], what.encode()).decode()
        except InvalidTag:
            raise WrongKey(f"{what} is not as it was sealed: somebody changed it, or moved it") from None


class Seal:
    """Seals replies to their leg, and turns phone numbers into keys that only this SECRET_KEY can make."""

    def __init__(self, secret_key: str) -> None:
        self._replies = AESGCM(_derived(secret_key, b"rxline replies"))
        self._numbers = _derived(secret_key, b"rxline numbers")

    def close(self, leg: str, reply: str) -> bytes:
        """Return the reply sealed; it opens for this leg only."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._replies.encrypt(nonce, reply.encode(), leg.encode())

    def open(self, leg: str, sealed: bytes) -> str:
        """Return the reply; raises cryptography's InvalidTag for another leg's, or after SECRET_KEY changed."""
        return self._replies.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], leg.encode()).decode()

    def key_of(self, number: str | None) -> str | None:
        """Return the key a phone number is kept under; None for no number."""
        return hmac.digest(self._numbers, number.encode(), "sha256").hex() if number else None


class Passes:
    """Lets whoever has been given one fetch the sound of one recording, for a short while of real time.

    A pass names its recording to us only, and nobody can make or lengthen one without SECRET_KEY.
    """

    def __init__(self, secret_key: str, purpose: bytes = b"rxline passes") -> None:
        self._key = Fernet(base64.urlsafe_b64encode(_derived(secret_key, purpose)))

    def issue(self, recording: str) -> str:
        """Return a pass, as it may stand in a URL."""
        return self._key.encrypt(recording.encode()).decode()

    def recording(self, issued: str) -> str | None:
        """Return the recording a pass is for; None when it is none of ours, or too old."""
        try:
            return self._key.decrypt(issued, ttl=PASS_SECONDS).decode()
        except InvalidToken:
            return None


class RoundTrips:
    """Lets whoever has the same SECRET_KEY ask the web process what it makes of their signature, for a short while."""

    def __init__(self, secret_key: str) -> None:
        self._passes = Passes(secret_key, b"rxline round trips")

    def issue(self) -> str:
        """Return a pass."""
        return self._passes.issue("round trip")

    def admits(self, issued: str) -> bool:
        """Return whether a pass is one of ours, and fresh."""
        return self._passes.recording(issued) is not None


def _derived(secret_key: str, purpose: bytes) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=purpose).derive(secret_key.encode())
