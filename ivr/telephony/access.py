"""Access tokens of the Voice SDK: what a browser shows Twilio to be rung as an agent's client, and nothing else."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from twilio.jwt.access_token import AccessToken  # type: ignore[import-untyped]
from twilio.jwt.access_token.grants import VoiceGrant  # type: ignore[import-untyped]

from ivr.settings import PRACTICE_ACCOUNT_SID, Settings

LIVES_SECONDS = 3600  # a browser asks for another before it runs out
PRACTICE_API_KEY = "SK" + "0" * 31 + "1"
PRACTICE_API_SECRET = "practice" + "0" * 23 + "2"


class NoKey(Exception):
    """The account has no API key here to sign with; its auth token cannot."""


@dataclass(frozen=True, slots=True)
class VoiceToken:
    """A token, whom it lets a browser be, and until when by real time."""

    token: str
    identity: str
    expires_at: datetime


def voice_token(settings: Settings, identity: str) -> VoiceToken:
    """Return a token to be rung as `client:<identity>`; it places no calls. Raises NoKey."""
    key, secret = _signing(settings)
    began = int(time.time())
    token = AccessToken(
        settings.twilio_account_sid,
        key,
        secret,
        grants=[VoiceGrant(incoming_allow=True)],
        identity=identity,
        valid_until=began + LIVES_SECONDS,
    )
    return VoiceToken(token.to_jwt(), identity, datetime.fromtimestamp(began + LIVES_SECONDS, UTC))


def _signing(settings: Settings) -> tuple[str, str]:
    if settings.twilio_api_key and settings.twilio_api_secret:
        return settings.twilio_api_key, settings.twilio_api_secret
    if settings.twilio_account_sid == PRACTICE_ACCOUNT_SID:
        return PRACTICE_API_KEY, PRACTICE_API_SECRET
    raise NoKey
