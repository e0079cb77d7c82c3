"""Is a webhook really from Twilio? Checked over the configured public URL and the bytes as they were received."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from types import MappingProxyType
from urllib.parse import parse_qs, urlsplit

from ivr.telephony.forms import Form

SIGNATURE_HEADER = "X-Twilio-Signature"
SETTINGS_HEADER = "X-Twilio-Webhooks-Signature-Settings"

_FORM = "application/x-www-form-urlencoded"
_ALGORITHMS = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}
_DEFAULT_PORTS = {"https": 443, "http": 80}
_NO_KEYS: Mapping[str, str] = MappingProxyType({})


class Verifier:
    """Knows the secrets Twilio may sign with; share one per process.

    `secrets` are the account's auth tokens, several while one is rotated; `shared_keys` are signing keys of our own
    by the id Twilio names in the settings header. That header only chooses among these, so it needs no trust.
    """

    def __init__(self, public_url: str, secrets: Sequence[str], shared_keys: Mapping[str, str] = _NO_KEYS) -> None:
        self._origins = tuple(origin.encode() for origin in _spellings(public_url))
        self._prefix = urlsplit(public_url).path.rstrip("/")
        self._secrets = tuple(secret.encode() for secret in secrets)
        self._shared_keys = {key: (secret.encode(),) for key, secret in shared_keys.items()}

    def accepts(
        self,
        path_and_query: str,
        body: bytes | Form,
        signature: str | None,
        settings: str | None = None,
        content_type: str | None = None,
    ) -> bool:
        """Return whether Twilio signed this request; never raises, whatever was sent.

        `path_and_query` is the request line's, undecoded (`RAW_URI`); `body` the bytes received, or the form already
        parsed from them; the others are headers, None when absent. A body that is no form must be hashed in the
        query (`bodySHA256`).
        """
        form = Form.parse(body) if isinstance(body, bytes) else body
        secrets, algorithm = self._chosen_by(settings)
        signed = self._signed(path_and_query, form, content_type)
        if not signature or not algorithm or signed is None:
            return False
        given = signature.encode("utf-8", "replace")
        return any(
            hmac.compare_digest(given, b64encode(hmac.digest(secret, origin + signed, algorithm)))
            for origin in self._origins
            for secret in secrets
        )

    def _chosen_by(self, settings: str | None) -> tuple[tuple[bytes, ...], str | None]:
        if not settings:
            return self._secrets, "sha1"
        named = dict(part.strip().partition("=")[::2] for part in settings.split(","))
        secrets = self._shared_keys.get(named["key"], ()) if "key" in named else self._secrets
        return secrets, _ALGORITHMS.get((named.get("algorithm") or "HMAC_SHA1").upper())

    def _signed(self, path_and_query: str, form: Form, content_type: str | None) -> bytes | None:
        path = path_and_query
        # A proxy may or may not take away the path our public URL ends in.
        if self._prefix and path.startswith(self._prefix + "/"):
            path = path.removeprefix(self._prefix)
        # WSGI hands over the bytes of the request line as Latin-1.
        url = path.encode("latin-1", "replace")
        if not form.body:
            return url
        if content_type and content_type.partition(";")[0].strip().lower() == _FORM:
            return url + form.signed
        return url if _carries_hash_of(form.body, path) else None


def _spellings(public_url: str) -> Iterator[str]:
    # Twilio is inconsistent about the port, so the URL with or without it is second best.
    parts = urlsplit(public_url.rstrip("/"))
    host = parts.netloc.rpartition("@")[2]  # user:password@ is not signed
    yield f"{parts.scheme}://{host}{parts.path}"
    bare = host.removesuffix(f":{parts.port}")
    other = bare if parts.port else f"{bare}:{_DEFAULT_PORTS[parts.scheme]}"
    yield f"{parts.scheme}://{other}{parts.path}"


def _carries_hash_of(body: bytes, path_and_query: str) -> bool:
    claimed = parse_qs(path_and_query.partition("?")[2]).get("bodySHA256", [""])[0]
    return hmac.compare_digest(claimed.encode("utf-8", "replace"), sha256(body).hexdigest().encode())
