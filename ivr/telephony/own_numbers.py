"""The numbers we own at Twilio: what each asks when it is rung, and how that is changed."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from ivr.telephony.wire import Account


@dataclass(frozen=True, slots=True)
class Answering:
    """What a number asks when it is rung, what instead while that fails, and whom it tells how it ended."""

    voice_url: str
    fallback_url: str
    status_callback: str
    voice_method: str = "POST"
    fallback_method: str = "POST"
    status_callback_method: str = "POST"

    def changes(self, now: Answering) -> dict[str, str]:
        """Return the settings that are not yet so, by name."""
        as_it_is = asdict(now)
        return {name: value for name, value in asdict(self).items() if as_it_is[name] != value}


@dataclass(frozen=True, slots=True)
class OwnNumber:
    """A number of ours as Twilio knows it."""

    sid: str
    answering: Answering


class OwnNumbers(Account):
    """Our numbers over REST."""

    def own_number(self, number: str) -> OwnNumber | None:
        """Return an E.164 number of this account; None where it has none like it."""
        found = self._asked(lambda: self._client.incoming_phone_numbers.list(phone_number=number, limit=20))
        # Twilio takes what it is given for a part of a number.
        return next((OwnNumber(one.sid, _answering(one)) for one in found if one.phone_number == number), None)

    def answer_with(self, sid: str, **changes: str) -> None:
        """Change what a number of ours asks; `changes` are fields of Answering."""
        settings = {_AT_TWILIO.get(name, name): value for name, value in changes.items()}
        self._asked(lambda: self._client.incoming_phone_numbers(sid).update(**settings))


_AT_TWILIO = {"fallback_url": "voice_fallback_url", "fallback_method": "voice_fallback_method"}


def _answering(found: object) -> Answering:
    told = {name: str(getattr(found, _AT_TWILIO.get(name, name)) or "") for name in Answering.__slots__}
    return Answering(**told)
