"""Keys made from SECRET_KEY: to seal what callers were told, to hide their numbers, to let a recording be heard."""

from __future__ import annotations

import base64
import hmac
import os

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PASS_SECONDS = 600  # a message, and all that is said before it
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


class Passes:
    """Lets whoever has been given one fetch the sound of one recording, for a short while of real time.

    A pass names its recording to us only, and nobody can make or lengthen one without SECRET_KEY.
    """

    def __init__(self, secret_key: str) -> None:
        self._key = Fernet(base64.urlsafe_b64encode(_derived(secret_key, b"rxline passes")))

    def issue(self, recording: str) -> str:
        """Return a pass, as it may stand in a URL."""
        return self._key.encrypt(recording.encode()).decode()

    def recording(self, issued: str) -> str | None:
        """Return the recording a pass is for; None when it is none of ours, or too old."""
        try:
            return self._key.decrypt(issued, ttl=PASS_SECONDS).decode()
        except InvalidToken:
            return None


def _derived(secret_key: str, purpose: bytes) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=purpose).derive(secret_key.encode())
