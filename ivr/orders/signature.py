"""Webhooks signed as Standard Webhooks says: id, time and body together, by a secret both sides know."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

WINDOW_SECONDS = 300
_LONGEST = 4096  # of a header that nobody has vouched for yet


@dataclass(frozen=True, slots=True)
class Sealed:
    """The headers of a webhook, as they came: `webhook-id`, `webhook-timestamp`, `webhook-signature`."""

    id: str
    timestamp: str
    signatures: str  # with spaces between, while the sender's secret changes


def refused_because(sealed: Sealed, body: bytes, keys: Sequence[bytes], now_seconds: float) -> str | None:
    """Return why a webhook is not believed: `not_signed`, or `too_old`; None when any of the keys signed it just now.

    `now_seconds` since 1970 is real time. A moment that is too far ahead is as wrong as one too long ago.
    """
    if not _is_signed(sealed, body, keys):
        return "not_signed"
    return "too_old" if abs(now_seconds - int(sealed.timestamp)) > WINDOW_SECONDS else None


def _is_signed(sealed: Sealed, body: bytes, keys: Sequence[bytes]) -> bool:
    plain = sealed.timestamp.isascii() and sealed.timestamp.isdigit() and len(sealed.timestamp) < 16
    if not (sealed.id and plain) or max(len(sealed.id), len(sealed.signatures)) > _LONGEST:
        return False
    content = f"{sealed.id}.{sealed.timestamp}.".encode() + body
    right = [f"v1,{base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()}".encode() for key in keys]
    given = [each.encode() for each in sealed.signatures.split()]
    return any(hmac.compare_digest(one, other) for one in given for other in right)
