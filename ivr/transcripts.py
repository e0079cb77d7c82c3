"""What is said in a message, as a machine heard it: a port, and Twilio behind it.

A transcript mostly comes by itself, through the door the recorder was given; this is for the one that did not come.
Whatever it says was said by a stranger and written down by a machine. It is kept sealed, shown as what it is, listened
to for danger, and believed by nobody: no words in it make a message less urgent, and none are acted upon.
"""

from __future__ import annotations

from typing import Protocol

from ivr.telephony.rest import Telephone


class Transcripts(Protocol):
    """Somebody who can say what is said in a recording."""

    def of(self, recording: str) -> str | None:
        """Return the words, "" when none could be made, None when nobody has tried or somebody still is at it.

        Raises `rest.Refused` and `rest.Unknown`, as every request to a provider does.
        """


class TwilioTranscripts:
    """Transcripts Twilio made because a `<Record>` asked for them: US English, of 2 to 120 seconds."""

    def __init__(self, telephone: Telephone) -> None:
        self._telephone = telephone

    def of(self, recording: str) -> str | None:
        """Return what Twilio heard in a recording, as the port has it."""
        return self._telephone.transcript_of(recording)
