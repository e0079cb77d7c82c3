"""Where the sound of a recording is fetched."""

from __future__ import annotations

from urllib.parse import quote

from ivr.settings import Settings

TWILIO = "https://api.twilio.com"


def recording_url(settings: Settings, recording: str) -> str:
    """Return where a recording of the account is heard, by its id: what `<Play>` is given, for staff only."""
    account = f"{settings.twilio_api_url or TWILIO}/2010-04-01/Accounts/{settings.twilio_account_sid}"
    return f"{account}/Recordings/{quote(recording, safe='')}.mp3"
