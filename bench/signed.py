"""A turn as the carrier posts it: the form, and the signature over it."""

from __future__ import annotations

import hmac
from base64 import b64encode
from urllib.parse import urlencode

from bench.load import post
from ivr.settings import PRACTICE_ACCOUNT_SID

PUBLIC_URL = "https://line.example.com"
TOKEN = "bench-token"
FIELDS = {
    "AccountSid": PRACTICE_ACCOUNT_SID, "ApiVersion": "2010-04-01", "CallStatus": "in-progress", "Direction": "inbound",
    "From": "+16145550101", "Caller": "+16145550101", "FromCity": "COLUMBUS", "FromState": "OH", "FromZip": "43004",
    "FromCountry": "US", "CallerCity": "COLUMBUS", "CallerState": "OH", "CallerZip": "43004", "CallerCountry": "US",
    "ToCity": "NEW YORK", "ToState": "NY", "ToZip": "10001", "ToCountry": "US", "CalledCity": "NEW YORK",
    "CalledState": "NY", "CalledZip": "10001", "CalledCountry": "US", "StirVerstat": "TN-Validation-Passed-A",
}  # fmt: skip


def signed(path: str, sid: str, extra: dict[str, str]) -> bytes:
    """Return the whole HTTP request of a turn."""
    form = FIELDS | {"CallSid": sid, "From": "anonymous"} | extra
    text = PUBLIC_URL + path + "".join(name + form[name] for name in sorted(form))
    signature = b64encode(hmac.digest(TOKEN.encode(), text.encode(), "sha1")).decode()
    return post(path, urlencode(form).encode(), {"X-Twilio-Signature": signature})
