"""Everything an operator sets from outside, by environment variable; without any, the practice line.

The names are fixed in docs and in other people's deployments: add with care, never rename.
"""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from ivr.clock import DEFAULT_FILE

WEB_PORT, SANDBOX_PORT, EXCHANGE_PORT = 8000, 8100, 8200
PRACTICE_ACCOUNT_SID = "AC" + "0" * 31 + "1"
PRACTICE_AUTH_TOKEN = "practice" + "0" * 23 + "1"
PRACTICE_EXCHANGE_URL = f"http://127.0.0.1:{EXCHANGE_PORT}"
SANDBOX_URL = f"http://127.0.0.1:{SANDBOX_PORT}"
SANDBOX_TOKEN = "sandbox"
SANDBOX_EVENT_SECRET = "sandbox-events"
WEBHOOK_SECRET = "whsec_"  # how Standard Webhooks begins a secret that is written in base64
SECRET_KEY_LENGTH = 32
LONGEST_DRAIN_SECONDS = 600
SECRET_KEY_FILE = Path("var/secret_key")

_DATABASES = {
    "postgres://": "postgresql+psycopg://",
    "postgresql://": "postgresql+psycopg://",
    "postgresql+psycopg://": "postgresql+psycopg://",
    "sqlite://": "sqlite://",
}


class SettingsRefused(ValueError):
    """The environment cannot be used; the text has one line per problem: what, why, and what to do."""


def _exchange_unless_real(given: dict[str, Any]) -> str:
    return PRACTICE_EXCHANGE_URL if given.get("twilio_account_sid") == PRACTICE_ACCOUNT_SID else ""


def _practice_token_unless_real(given: dict[str, Any]) -> str:
    return PRACTICE_AUTH_TOKEN if given.get("twilio_account_sid") == PRACTICE_ACCOUNT_SID else ""


def _kept_key_unless_real(given: dict[str, Any]) -> str:
    return practice_secret_key() if given.get("twilio_api_url") else ""


def practice_secret_key(file: Path = SECRET_KEY_FILE) -> str:
    """Return the key kept in `file`, made on first use; processes that start together share it."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=file.parent, prefix=file.name) as fresh:
            fresh.write(secrets.token_urlsafe(32))
            fresh.flush()
            with contextlib.suppress(FileExistsError):
                os.link(fresh.name, file)
    return file.read_text()


class Settings(BaseSettings):
    """The settings of one process, complete and checked; read them once with `Settings.from_environment()`.

    Each field is the environment's name in lower case. Keyword arguments go before the environment.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_ignore_empty=True, hide_input_in_errors=True)

    twilio_account_sid: str = PRACTICE_ACCOUNT_SID
    twilio_api_url: str = Field(default_factory=_exchange_unless_real)
    """Where the Twilio REST API answers; empty means Twilio itself."""
    twilio_auth_token: str = Field(default_factory=_practice_token_unless_real, repr=False)
    """One secret, or several with commas between while rotating; read them as `auth_tokens`."""
    twilio_signing_keys: str = Field(default="", repr=False)
    """Signing keys shared with Twilio, as `id:secret` with commas between; read them as `signing_keys`."""
    twilio_api_key: str = ""
    twilio_api_secret: str = Field(default="", repr=False)
    public_url: str = f"http://127.0.0.1:{WEB_PORT}"
    """What Twilio calls us by, without a slash at the end; signatures are checked against it."""
    fallback_url: str = ""
    database_url: str = Field(default="sqlite:///var/rxline.db", repr=False)
    redis_url: str = Field(default="redis://127.0.0.1:6379/0", repr=False)
    order_system_url: str = SANDBOX_URL
    order_system_token: str = Field(default=SANDBOX_TOKEN, repr=False)
    order_system_event_secret: str = Field(default="", repr=False)
    """What the order system signs its webhooks with, several with commas between; read them as `event_keys`."""
    order_system_kind: Literal["rest", "fhir"] = "rest"
    secret_key: str = Field(default_factory=_kept_key_unless_real, repr=False)
    """Encrypts stored replies and signs sessions; in practice made once and kept in var/."""
    record_key: str = Field(default="", repr=False)
    """Seals the record at rest; several with commas between while rotating. Empty: SECRET_KEY does."""
    audit_key: str = Field(default="", repr=False)
    """Chains the lines of the audit; several with commas between, the newest first. Empty: SECRET_KEY does."""
    rxline_content: Path = Path(".")
    """The folder that holds routing_rules/, callflows/ and config/."""
    rxline_clock: str = ""
    rxline_clock_file: Path = Path(DEFAULT_FILE)
    drain_seconds: float = 0.0
    """How long web serves on after SIGTERM while `/readyz` says that it leaves: what a proxy needs to notice."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @classmethod
    def from_environment(cls) -> Settings:
        """Return the settings the environment names; raises SettingsRefused with every problem at once."""
        try:
            return cls()
        except ValidationError as error:
            raise SettingsRefused("\n".join(_sentences(error.errors()))) from None

    @property
    def auth_tokens(self) -> tuple[str, ...]:
        """The secrets of TWILIO_AUTH_TOKEN in order: the first signs, any may verify."""
        return tuple(token.strip() for token in self.twilio_auth_token.split(",") if token.strip())

    @property
    def signing_keys(self) -> dict[str, str]:
        """The secrets of TWILIO_SIGNING_KEYS by the id Twilio names them by; any may verify a webhook."""
        return dict(_pairs(self.twilio_signing_keys))

    @property
    def event_keys(self) -> tuple[bytes, ...]:
        """The keys of ORDER_SYSTEM_EVENT_SECRET: any of them may have signed an event; (): none is let in."""
        return tuple(_event_key(secret) for secret in _event_secrets(self.order_system_event_secret))

    @property
    def twilio_is_real(self) -> bool:
        """Whether calls and texts reach real people."""
        return not self.twilio_api_url

    @field_validator("public_url", "twilio_api_url", "fallback_url", "order_system_url")
    @classmethod
    def _web_address(cls, url: str) -> str:
        if url and not url.startswith(("http://", "https://")):
            raise ValueError("is not a web address; write it with http:// or https:// in front")
        return url.rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, url: str) -> str:
        for given, driver in _DATABASES.items():
            if url.startswith(given):
                return driver + url.removeprefix(given)
        raise ValueError("is neither SQLite nor PostgreSQL; write sqlite:///file or postgresql://user@host/name")

    @field_validator("redis_url")
    @classmethod
    def _known_redis(cls, url: str) -> str:
        if not url.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("is not a Redis or Valkey address; write redis://host:6379/0")
        return url

    @field_validator("drain_seconds", mode="before")
    @classmethod
    def _some_seconds(cls, given: object) -> float:
        with contextlib.suppress(ValueError):
            if 0 <= (seconds := float(str(given))) <= LONGEST_DRAIN_SECONDS:
                return seconds
        raise ValueError(f"is not a number of seconds from 0 to {LONGEST_DRAIN_SECONDS}")

    @field_validator("log_level", mode="before")
    @classmethod
    def _any_case(cls, level: object) -> object:
        return level.upper() if isinstance(level, str) else level

    @model_validator(mode="after")
    def _fit_for_calls(self) -> Settings:
        problems = list(_unfit(self))
        if problems:
            raise ValueError("\n".join(problems))
        return self


def _pairs(listed: str) -> list[tuple[str, str]]:
    """Return each entry of a list, parted at its first colon."""
    parted = [entry.partition(":") for entry in listed.split(",") if entry.strip()]
    return [(id_.strip(), secret.strip()) for id_, _, secret in parted]


def _event_secrets(listed: str) -> list[str]:
    return [secret.strip() for secret in listed.split(",") if secret.strip()]


def _event_key(secret: str) -> bytes:
    """Return a secret's own letters, or what its base64 stands for; raises ValueError where that stands for nothing."""
    if not secret.startswith(WEBHOOK_SECRET):
        return secret.encode()
    key = base64.b64decode(secret.removeprefix(WEBHOOK_SECRET), validate=True)
    if not key:
        raise ValueError
    return key


def _unfit(settings: Settings) -> Iterator[str]:
    if not settings.auth_tokens:
        yield "TWILIO_AUTH_TOKEN: is not set, so no webhook can be told from a forgery; copy it from Twilio"
    yield from _unfit_keys(_pairs(settings.twilio_signing_keys))
    if settings.order_system_kind == "fhir" and settings.order_system_url == SANDBOX_URL:
        yield "ORDER_SYSTEM_URL: is the sandbox's, which speaks no FHIR; set the base address of your FHIR R4 server"
    yield from _unfit_event_secrets(_event_secrets(settings.order_system_event_secret))
    if settings.twilio_is_real and not settings.public_url.startswith("https://"):
        yield "PUBLIC_URL: is not https, and Twilio sends health data there; set the address Twilio calls"
    if settings.twilio_is_real and len(settings.secret_key) < SECRET_KEY_LENGTH:
        yield f"SECRET_KEY: encrypts what callers were told; set {SECRET_KEY_LENGTH} or more random letters"
    yield from _short("RECORD_KEY", settings.record_key)
    yield from _short("AUDIT_KEY", settings.audit_key)


def _short(name: str, listed: str) -> Iterator[str]:
    for place, key in enumerate(filter(None, map(str.strip, listed.split(","))), 1):
        if len(key) < SECRET_KEY_LENGTH:
            yield f"{name}: key {place} is short; give each {SECRET_KEY_LENGTH} or more random letters"


def _unfit_keys(pairs: list[tuple[str, str]]) -> Iterator[str]:
    # Named by their places: an entry quoted would be a secret told.
    ids = [id_ for id_, _ in pairs]
    for place, (id_, secret) in enumerate(pairs, 1):
        if not (id_ and secret):
            yield f"TWILIO_SIGNING_KEYS: key {place} is not id:secret; write the id Twilio shows, a colon, the secret"
        elif id_ in ids[: place - 1]:
            yield f"TWILIO_SIGNING_KEYS: key {place} has the id of an earlier one; an id names one secret"


def _unfit_event_secrets(secrets: list[str]) -> Iterator[str]:
    for place, secret in enumerate(secrets, 1):
        try:
            _event_key(secret)
        except ValueError:
            what = f"ORDER_SYSTEM_EVENT_SECRET: secret {place} begins with {WEBHOOK_SECRET} and goes on with no base64"
            yield f"{what}; copy it whole from the order system"


def _sentences(problems: list[ErrorDetails]) -> Iterator[str]:
    for problem in problems:
        # Pydantic adds one for each default it could not work out: an echo of a problem already listed.
        if problem["type"] != "default_factory_not_called":
            details = problem.get("ctx", {})
            cause = details.get("error") or f"must be {details.get('expected')}"
            yield f"{str(problem['loc'][0]).upper()}: {cause}" if problem["loc"] else str(cause)
