"""A transcript's lines as a person reads them."""

from __future__ import annotations

from typing import Any

_SENTENCES = {
    "calling": "calls {line}",
    "ringing": "rings",
    "answered": "answered",
    "said": "“{text}”",
    "heard": "{by}: “{text}”",
    "spoke": "says “{text}”",
    "played": "♪ {what}",
    "music": "♪ hold music",
    "quiet": "… silence, waiting",
    "paused": "… {seconds:g} s",
    "keyed": "presses {digits}",
    "silent": "says and presses nothing",
    "ignored": "{what} {value}: nobody listens",
    "recording": "beep",
    "recorded": "message recorded, {seconds} s",
    "queued": "is in line ({queue})",
    "queue full": "the line is full ({queue})",
    "left queue": "leaves the line ({queue})",
    "dialing": "is being connected",
    "joined": "is in a conference",
    "left": "is out of the conference",
    "alone": "is alone on the line",
    "hold": "is on hold",
    "unhold": "is off hold",
    "mute": "is muted",
    "unmute": "is unmuted",
    "modify": "",
    "announcement failed": "FAILED: an announcement could not be had",
    "greeting": "machine: “{text}”",
    "beep": "machine: beep",
    "not transcribed": "",
    "moved": "is taken elsewhere",
    "falling back": "the fallback answers (error {code})",
    "failure": "FAILED: {text} {path}",
    "violation": "WRONG: {text} {path}",
    "over": "over: {status}, ended by {by}, {seconds} s",
}


def told(line: dict[str, Any]) -> str:
    """Return one transcript line as a sentence; empty for what only a machine wants to know."""
    if line["kind"] == "gathering":
        return f"({_waits_for(line)})"
    if line["kind"] == "bridged":
        return f"talks with {', '.join(line['others'])}"
    return _SENTENCES.get(line["kind"], "").format(**line).rstrip()


def _waits_for(line: dict[str, Any]) -> str:
    ways = [way for way, asked in (("press", line["digits"]), ("speak", line["speech"])) if asked]
    return " or ".join(ways)
