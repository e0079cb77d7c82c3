"""The handset API: what a person can do with a phone, for the terminal, the page at `/phone`, and call scripts.

JSON both ways under `/handset`, on this machine only, without a password. `{leg}` is the call's CallSid; numbers
are E.164. A refusal is `{"error": sentence}`: 404 no such leg or line, 409 not now, 400 not understood.

    GET  /handset/lines                      {"lines": [{"name", "number"}]}
    POST /handset/calls                      {"from", "to", "stir"?, "forwarded"?, "pace"?} → 201 a leg
                                             `to` is a number or a line's name; `stir` is A, B, C or a whole
                                             StirVerstat; `pace` 1: sounds last as long as they would, 0: no time
    GET  /handset/calls?number=&all=1        {"calls": [leg...]}, newest first; without `all` those not over
    GET  /handset/calls/{leg}?after=N&wait=S a leg and its `lines` after number N, waiting up to S seconds (at
                                             most 30) for the first
    POST /handset/calls/{leg}/keys           {"digits", "when_asked"?}
    POST /handset/calls/{leg}/speech         {"text", "confidence"?, "when_asked"?}: to a question that takes
                                             speech, after a beep, or to the people on the line
    POST /handset/calls/{leg}/silence        let the question being asked, or the next one, time out at once
    POST /handset/calls/{leg}/voicemail      {"text"}: what is said after the next beep
    POST /handset/calls/{leg}/answer         {"pace"?}: pick up a ringing phone
    POST /handset/calls/{leg}/decline        busy
    POST /handset/calls/{leg}/ignore         it has rung long enough: no answer
    POST /handset/calls/{leg}/hangup
    GET  /handset/ringing?number=&wait=S     {"ringing": [leg...]}, waiting for the first
    GET  /handset/phones                     {"phones": {number: {"does", …}}}
    POST /handset/phones                     {"number", "does", …}: what a phone does by itself from now on: ring,
                                             answer (and press `keys` as asked), decline, busy, ignore, fail; machine
                                             (voicemail: speaks its greeting, beeps, keeps what it hears then) or
                                             screen (asks who calls, keeps what it hears, and presses `keys`).
                                             With "after_seconds" it rings so long first; with "keys" it presses them
                                             as asked; with "hangs_up_after_seconds" it is gone so long after it has
                                             answered (seconds of the practice clock). A machine's "greeting" and
                                             "greeting_seconds"; "answered_by": what Twilio takes it for
    GET  /handset/machines?number=           {"messages": [{"leg", "number", "text"}]}: what was left on machines
    GET  /handset/messages?number=           {"messages": [{"from", "to", "body", "at"}]}, newest first
    GET  /handset/recordings                 {"recordings": [{"sid", "leg", "conference", "status", "text", "seconds",
                                             "at", "source"}]}, newest first; what was said while one was paused is
                                             not in its text, or is [silence]
    GET  /handset/faults, POST the same      what goes wrong on purpose: see `ivr.phone.faults`; POST sets exactly
                                             what it names, so `{}` ends all faults

`when_asked` keeps keys and words until a question (or a beep) takes them, one question after another, as a
script or a pipe needs; without it, they are lost when nobody is listening, as on a real line.

A leg is {"leg", "number" (whose phone), "line", "direction" (inbound, outbound-api, outbound-dial), "status"
(Twilio's), "doing", "pace", "last" (number of the newest line)}; `doing` is `calling` until the line answers,
then `listening` (to sounds, or while a document is fetched), `gathering recording queued dialing talking`; a phone
we ring is `ringing` before that; in the end it is `over`.

A line is {"n", "at", "kind"} and, by kind:

    calling    person, line                  the phone is off the hook
    ringing    person, line                  it rings here
    answered
    webhook    path, ms, attempts            the product was asked and answered: the round trip in milliseconds
    said       text, language, voice         words to speak to whoever holds the phone; slower with rate (1: as usual),
                                             and with recording, a sound's URL, already spoken by somebody
    played     what                          a sound's URL, or keys
    paused     seconds
    gathering  digits, speech, timeout, num_digits (null: any), finish_on      a question waits
    keyed      digits                        what the question got...
    spoke      text, confidence              (also: what was said to others, confidence null)
    silent                                   ... or nothing
    ignored    what, value                   pressed or said when nobody was listening for it
    recording  finish_on, max_seconds        the beep
    recorded   text, seconds
    queued     queue  ·  queue full  queue  ·  left queue  queue  ·  music  ·  quiet (a wait without sound)
    dialing    numbers
    joined     conference  ·  left  conference
    bridged    others                        these people are heard now  ·  alone
    heard      text, by                      what one of them said
    hold  ·  unhold  ·  mute  ·  unmute  ·  modify  ·  announcement failed
    greeting   text                          a machine has picked up, and says this  ·  beep  it listens now
    not transcribed  seconds                 Twilio transcribes no message as short, or as long
    moved                                    the product took the call elsewhere
    falling back  code                       the fallback URL is asked
    failure    code, text, path, twiml       a document could not be had or run
    violation  code, text, path, twiml       Twilio would complain, or silently ignore (code 0: our own finding)
    over       status, by, seconds           who ended it: the caller, the line, the product, the exchange
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue

from ivr.phone.exchange import Exchange
from ivr.phone.faults import FaultRefused
from ivr.phone.leg import Leg
from ivr.phone.ringing import HABIT_FIELDS, HABITS, Habit

LONGEST_WAIT_SECONDS = 30.0
_KEYS = frozenset("0123456789*#")


class HandsetRefused(Exception):
    """What the person asked for cannot be done; HTTP status and a sentence."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def mount(app: Flask, exchange: Exchange) -> None:
    """Add the handset API to an app."""
    api = Blueprint("handset", __name__, url_prefix="/handset")
    api.register_error_handler(HandsetRefused, _refused)
    _mount_calls(api, exchange)
    _mount_doing(api, exchange)
    _mount_answering(api, exchange)
    _mount_looking(api, exchange)
    _mount_breaking(api, exchange)
    app.register_blueprint(api)


def _refused(error: HandsetRefused) -> Response:
    response = jsonify({"error": str(error)})
    response.status_code = error.status
    return response


def leg_json(leg: Leg) -> dict[str, Any]:
    """Return a leg as the handset API shows it."""
    return {
        "leg": leg.sid,
        "number": leg.person,
        "line": leg.line,
        "direction": leg.direction,
        "status": leg.status,
        "doing": leg.doing,
        "pace": leg.pace,
        "last": leg.transcript.last,
    }


# ---------------------------------------------------------------- calls


def _mount_calls(api: Blueprint, exchange: Exchange) -> None:
    @api.get("/lines")
    def lines() -> ResponseReturnValue:
        return {"lines": [{"name": one.name, "number": one.number} for one in exchange.numbers.all()]}

    @api.post("/calls")
    def place_call() -> ResponseReturnValue:
        asked = _asked({"from": str, "to": str, "stir": str, "forwarded": str, "pace": float})
        leg = exchange.dial_in(_needed(asked, "from"), _needed(asked, "to"), _carried(asked), asked.get("pace"))
        if leg is None:
            raise HandsetRefused(404, f"no line of ours is called or numbered `{asked['to']}`")
        return leg_json(leg), 201

    @api.get("/calls")
    def calls() -> ResponseReturnValue:
        number, over_too = request.args.get("number"), "all" in request.args
        with exchange.lock:
            legs = list(reversed(exchange.legs.values()))
        shown = [leg for leg in legs if number in (None, leg.person) and (over_too or leg.is_live)]
        return {"calls": [leg_json(leg) for leg in shown]}

    @api.get("/calls/<sid>")
    def call(sid: str) -> ResponseReturnValue:
        leg = _leg(exchange, sid)
        lines = leg.transcript.after(int(_number("after")), _wait())
        return {**leg_json(leg), "lines": [line.as_json() for line in lines]}


def _carried(asked: dict[str, Any]) -> dict[str, str]:
    """Return what the carrier says about a call beside its numbers."""
    stir, forwarded = asked.get("stir"), asked.get("forwarded")
    verstat = f"TN-Validation-Passed-{stir}" if stir in ("A", "B", "C") else stir
    return {**({"StirVerstat": verstat} if verstat else {}), **({"ForwardedFrom": forwarded} if forwarded else {})}


# ---------------------------------------------------------------- pressing and speaking


def _mount_doing(api: Blueprint, exchange: Exchange) -> None:
    @api.post("/calls/<sid>/keys")
    def keys(sid: str) -> ResponseReturnValue:
        asked = _asked({"digits": str, "when_asked": bool})
        digits = _needed(asked, "digits")
        if not set(digits) <= _KEYS:
            raise HandsetRefused(400, "digits: a phone has the keys 0-9, * and #")
        leg = _live(exchange, sid)
        leg.press(digits, asked.get("when_asked", False))
        return leg_json(leg)

    @api.post("/calls/<sid>/speech")
    def speech(sid: str) -> ResponseReturnValue:
        asked = _asked({"text": str, "confidence": float, "when_asked": bool})
        leg = _live(exchange, sid)
        leg.speak(_needed(asked, "text"), asked.get("confidence", 0.9), asked.get("when_asked", False))
        return leg_json(leg)

    @api.post("/calls/<sid>/silence")
    def silence(sid: str) -> ResponseReturnValue:
        leg = _live(exchange, sid)
        leg.let_it_time_out()
        return leg_json(leg)

    @api.post("/calls/<sid>/voicemail")
    def voicemail(sid: str) -> ResponseReturnValue:
        leg = _live(exchange, sid)
        leg.leave_message(_needed(_asked({"text": str}), "text"))
        return leg_json(leg)

    @api.post("/calls/<sid>/hangup")
    def hangup(sid: str) -> ResponseReturnValue:
        leg = _leg(exchange, sid)
        leg.hang_up("the caller")
        return leg_json(leg)


# ---------------------------------------------------------------- phones that ring


def _mount_answering(api: Blueprint, exchange: Exchange) -> None:
    @api.post("/calls/<sid>/<any(answer, decline, ignore):how>")
    def pick_up(sid: str, how: str) -> ResponseReturnValue:
        leg = _leg(exchange, sid)
        pace = _asked({"pace": float}).get("pace")
        if pace is not None:
            leg.pace = pace
        if not leg.pick_up(how):
            raise HandsetRefused(409, f"it does not ring: it is {leg.status}")
        return leg_json(leg)

    @api.get("/ringing")
    def ringing() -> ResponseReturnValue:
        legs = exchange.ringing.now(request.args.get("number"), _wait())
        return {"ringing": [leg_json(leg) for leg in legs]}

    @api.get("/phones")
    def phones() -> ResponseReturnValue:
        return {"phones": {number: asdict(habit) for number, habit in exchange.ringing.habits.items()}}

    @api.post("/phones")
    def set_phone() -> ResponseReturnValue:
        asked = _asked({"number": str, **HABIT_FIELDS})
        if asked.get("does") not in HABITS:
            raise HandsetRefused(400, f"does: one of {', '.join(HABITS)}")
        number = _needed(asked, "number")
        del asked["number"]
        exchange.ringing.habits[number] = Habit(**asked)
        return phones()


# ---------------------------------------------------------------- looking, and breaking


def _mount_looking(api: Blueprint, exchange: Exchange) -> None:
    @api.get("/messages")
    def messages() -> ResponseReturnValue:
        number = request.args.get("number")
        found = [text for text in reversed(exchange.texts.values()) if number in (None, text.to_number)]
        shown = [
            {"from": text.from_number, "to": text.to_number, "body": text.body, "at": text.at.isoformat()}
            for text in found
        ]
        return {"messages": shown}

    @api.get("/recordings")
    def recordings() -> ResponseReturnValue:
        shown = [
            {
                "sid": one.sid,
                "leg": one.call_sid,
                "conference": one.conference_sid,
                "status": one.status,
                "text": one.text,
                "seconds": one.seconds,
                "at": one.at.isoformat(),
                "source": one.source,
            }
            for one in reversed(exchange.recordings.all())
        ]
        return {"recordings": shown}

    @api.get("/machines")
    def machines() -> ResponseReturnValue:
        number = request.args.get("number")
        with exchange.lock:
            legs = [leg for leg in reversed(exchange.legs.values()) if leg.machine and number in (None, leg.person)]
        shown = [{"leg": leg.sid, "number": leg.person, "text": leg.machine.message} for leg in legs if leg.machine]
        return {"messages": [one for one in shown if one["text"]]}


def _mount_breaking(api: Blueprint, exchange: Exchange) -> None:
    @api.get("/faults")
    def faults() -> ResponseReturnValue:
        return exchange.faults.as_json()

    @api.post("/faults")
    def set_faults() -> ResponseReturnValue:
        try:
            exchange.faults.set(_body())
        except FaultRefused as refused:
            raise HandsetRefused(400, str(refused)) from None
        return faults()


# ---------------------------------------------------------------- reading a request


def _leg(exchange: Exchange, sid: str) -> Leg:
    leg = exchange.legs.get(sid)
    if leg is None:
        raise HandsetRefused(404, "there is no such call")
    return leg


def _live(exchange: Exchange, sid: str) -> Leg:
    leg = _leg(exchange, sid)
    if not leg.is_live:
        raise HandsetRefused(409, f"the call is over: {leg.status}")
    return leg


def _body() -> dict[str, Any]:
    if not request.content_length:
        return {}
    # A page of another site can send a form here, but no JSON without asking first.
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise HandsetRefused(400, "send a JSON object")
    return body


def _asked(kinds: dict[str, type]) -> dict[str, Any]:
    body = _body()
    for name, value in body.items():
        kind = kinds.get(name)
        if kind is None:
            raise HandsetRefused(400, f"nothing is called `{name}` here; there is {', '.join(kinds)}")
        if not (isinstance(value, kind) or (kind is float and type(value) is int)):
            raise HandsetRefused(400, f"{name}: needs a {kind.__name__}")
    return body


def _needed(asked: dict[str, Any], name: str) -> str:
    value = str(asked.get(name, "")).strip()
    if not value:
        raise HandsetRefused(400, f"{name} is missing")
    return value


def _number(name: str) -> float:
    try:
        return float(request.args.get(name, "0"))
    except ValueError:
        raise HandsetRefused(400, f"{name}: needs a number") from None


def _wait() -> float:
    return min(_number("wait"), LONGEST_WAIT_SECONDS)
