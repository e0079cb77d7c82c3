"""`<Record transcribe="true">`: what Twilio makes of a message, told a while after it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from ivr.phone.recordings import Recording

if TYPE_CHECKING:
    from ivr.phone.stage import Stage

# Only recordings of more than two seconds and less than two minutes are transcribed; of others nothing is told.
SHORTEST_SECONDS, LONGEST_SECONDS = 2, 120


def transcribe(stage: Stage, verb: Element, recording: Recording) -> None:
    """Tell what was said in a recording, late or failed as the faults want, if the verb asks for it."""
    url = verb.get("transcribeCallback")
    if verb.get("transcribe") != "true" or not url:
        return
    if not SHORTEST_SECONDS < recording.seconds < LONGEST_SECONDS:
        stage.note("not transcribed", seconds=recording.seconds)
        return
    exchange, leg = stage.exchange, stage.leg
    failed = exchange.faults.take("fail_transcripts")
    sid, at = exchange.new_sid("TR"), exchange.recordings.url_of(recording)
    told = {
        **exchange.parameters(leg),
        "TranscriptionSid": sid,
        "TranscriptionText": "" if failed else recording.text,
        "TranscriptionStatus": "failed" if failed else "completed",
        "TranscriptionType": "fast",
        "TranscriptionUrl": at.replace(f"/Recordings/{recording.sid}", f"/Transcriptions/{sid}"),
        "RecordingSid": recording.sid,
        "RecordingUrl": at,
    }
    # "POST only". It comes when it comes, so after the call as well as before its last callback.
    goto = stage.follow(url)
    seconds = exchange.faults.now.transcript_delay_seconds
    exchange.later.after(seconds, lambda: exchange.courier.post_status(sid, goto.url, "POST", told))
