"""Two keys made from SECRET_KEY: one seals what callers were told, one hides their numbers."""

from __future__ import annotations

import hmac
import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12


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


def _derived(secret_key: str, purpose: bytes) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=purpose).derive(secret_key.encode())
