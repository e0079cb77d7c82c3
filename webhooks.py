"""Every door Twilio may knock on: verify, parse, hand to the switchboard, reply. Read it top to bottom.

A caller always hears something: whatever goes wrong behind these doors, the reply is `rescue()`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from traceback import extract_tb
from typing import cast

import structlog
from flask import Blueprint, Flask, Response, current_app, jsonify, request, send_file
from werkzeug.exceptions import HTTPException

from ivr import app as house
from ivr.console.problems import Problem, http_problem, problem_answer
from ivr.rescue import Rescue
from ivr.settings import Settings
from ivr.store import Passes, RoundTrips
from ivr.switchboard import Exit, Switchboard, UnknownLeg
from ivr.telephony.forms import (
    Form,
    answered_by,
    call_sid,
    caller,
    dialed,
    event,
    recorded_event,
    status_event,
    transcribed_event,
)
from ivr.telephony.round_trip import PASS
from ivr.telephony.signature import Verifier

log = structlog.get_logger()
voice = Blueprint("voice", __name__, url_prefix="/voice")

LARGEST_BODY = 1_000_000
HUNG_UP = "<Response><Hangup/></Response>"
PATIENCE_SECONDS = 4  # Twilio waits five for each reply: rescued any later, a caller hears nothing
KEPT_SECONDS = 31_536_000
_SOUNDS = {".wav": "audio/wav", ".mp3": "audio/mpeg"}
OURS = "/<leg>/<int(max=999999):document>"
TIDINGS = ("/status", "/recorded", "/heard")
Door = Callable[..., str | None]
Sound = Callable[[str, str], Iterator[bytes] | None]

# Whatever stands before it: our public URL may end in a path.
_FAILED = re.compile(r".*/voice/(?:incoming|(?P<leg>[\w-]+)/(?P<document>[0-9]{1,6})/(?P<way>[a-z]+))(?:[?#].*)?")


def create_app(settings: Settings | None = None) -> Flask:
    """The web process; gunicorn calls it as `webhooks:create_app()`."""
    settings = settings or Settings.from_environment()
    web = house.create_app(settings)
    board: Switchboard = web.extensions["switchboard"]
    web.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    board.library.listen(lambda known: web.extensions.update(rescue=Rescue(known, settings.public_url)))
    web.extensions.update(settings=settings, round_trips=RoundTrips(settings.secret_key))
    web.extensions["verifier"] = Verifier(settings.public_url, settings.auth_tokens, settings.signing_keys)
    web.register_blueprint(voice)
    return web


# ---------------------------------------------------------------- what every door does


def answered(door: Door) -> Callable[..., Response]:
    """Let in only what Twilio signed; answer with TwiML whatever happens."""

    @wraps(door)
    def knock(**where: str | int) -> Response:
        form = admitted()
        if form is None:
            return Response(status=403)
        try:
            with board().record.within(PATIENCE_SECONDS):
                return spoken(door(form, **where) or rescue(form))
        except UnknownLeg:
            return spoken(rescue(form))
        except Exception as error:  # the caller is on the phone: apologise and get them to a person
            log.error("turn_failed", leg=where.get("leg"), error=type(error).__name__, at=_places(error))
            if request.path.endswith(TIDINGS):  # nobody listens, and Twilio sends it again
                return Response(status=503)
            return spoken(rescue(form))

    return knock


def _places(error: Exception) -> list[str]:
    """Where an error came from, without its words: a database's may quote what a caller keyed."""
    frames = extract_tb(error.__traceback__)[-4:]
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]


def admitted() -> Form | None:
    """The request's form if one of our secrets signed it for our public URL; else None."""
    form = Form.parse(request.get_data(), request.query_string)
    headers = request.headers
    signature = headers.get("X-Twilio-Signature")
    settings = headers.get("X-Twilio-Webhooks-Signature-Settings")
    verifier = cast(Verifier, current_app.extensions["verifier"])
    if not verifier.accepts(house.raw_path(request.environ), form, signature, settings, headers.get("Content-Type")):
        log.warning("forged_request")
        return None
    return form


def spoken(twiml: str) -> Response:
    return Response(twiml, mimetype="text/xml")


def rescue(form: Form) -> str:
    """An apology and the way to a person, from what this process knows by heart."""
    by_heart = _by_heart()
    if form.text("Direction").startswith("outbound"):  # we rang them: staff, or somebody we call back
        return by_heart.goodbye()
    if request.path.endswith(("/wait", "/held")):  # nobody can be dialled from inside a queue; they keep their place
        return by_heart.on_hold(dialed(form))
    return by_heart.document(dialed(form), board().clock.now())


def _by_heart() -> Rescue:
    return cast(Rescue, current_app.extensions["rescue"])


def board() -> Switchboard:
    return cast(Switchboard, current_app.extensions["switchboard"])


# ---------------------------------------------------------------- the doors


@voice.post("/incoming")
@answered
def incoming(form: Form) -> str | None:
    """A caller rings one of our numbers."""
    return _arrived(form)


def _arrived(form: Form) -> str | None:
    sid = call_sid(form)
    return board().arrived(sid, caller(form), dialed(form)) if sid else None


@voice.post(f"{OURS}/<any(next, held, after, moved):way>")
@answered
def leave(form: Form, leg: str, document: int, way: str) -> str | None:
    """A party leaves a document we gave them by one of its exits, or comes for one we reserved."""
    sid = call_sid(form)
    return board().turn(Exit(leg, document, way), event(way, leg, document, form), sid) if sid else None


@voice.post(f"{OURS}/wait")
@answered
def wait(form: Form, leg: str, document: int) -> str:
    """A caller on hold wants something to hear."""
    return board().waiting(Exit(leg, document, "wait"))


@voice.post("/status")
@answered
def status(form: Form) -> str:
    """What became of a call that rang us: in any order, perhaps twice."""
    return _ended(board().leg_of(call_sid(form)), form)


@voice.post(f"{OURS}/status")
@answered
def leg_status(form: Form, leg: str, document: int) -> str:
    """What became of a call we placed, and who picked up."""
    heard = answered_by(leg, form)
    if heard is not None:
        board().tidings.leg_answered(leg, heard, call_sid(form))
    return _ended(leg, form)


def _ended(leg: str, form: Form) -> str:
    over = status_event(leg, form)
    if over is not None:
        board().tidings.leg_ended(leg, over, call_sid(form))
    return "<Response/>"


@voice.post(f"{OURS}/recorded")
@answered
def recorded(form: Form, leg: str, document: int) -> str:
    """A recording is finished: of those who hung up at its end this may be all we hear."""
    made = recorded_event(leg, form)
    if made is not None:
        board().tidings.recorded(made, call_sid(form))
    return "<Response/>"


@voice.post(f"{OURS}/heard")
@answered
def heard(form: Form, leg: str, document: int) -> str:
    """What the provider makes of a message, or that it can make nothing of it: never a turn, and perhaps twice."""
    told = transcribed_event(leg, form)
    if told is not None:
        board().tidings.transcribed(told, call_sid(form))
    return "<Response/>"


@voice.post("/fallback")
@answered
def fallback(form: Form) -> str | None:
    """Twilio could not get or play one of our documents, and asks here what to do instead."""
    log.error("document_failed", code=form.text("ErrorCode")[:8])
    failed = _FAILED.fullmatch(form.text("ErrorUrl"))
    if failed is None:
        return None
    if failed["leg"] is None:
        return _arrived(form)
    return board().stumbled(Exit(failed["leg"], int(failed["document"]), failed["way"]), call_sid(form))


@voice.post("/rung")
@answered
def rung(form: Form) -> str:
    """The end of a rescue's call to the staffed number: they have talked, or a recorder takes over."""
    if form.text("DialCallStatus") in ("completed", "answered"):
        return HUNG_UP
    return _by_heart().unanswered(dialed(form))


@voice.post("/rescued")
@answered
def rescued(form: Form) -> str:
    """The end of a rescue: the message is recorded, and reconciliation will find it."""
    return HUNG_UP


@voice.post("/round-trip/<path:_>")
def round_trip(_: str) -> Response:
    """`ivr connect` asks whether a signature holds all the way to us: told to whoever has our SECRET_KEY."""
    form = Form.parse(request.get_data(), request.query_string)
    house_key = cast(RoundTrips, current_app.extensions["round_trips"])
    if not house_key.admits(form.text(PASS)):
        return Response(status=403)
    path = house.raw_path(request.environ)
    public_url = cast(Settings, current_app.extensions["settings"]).public_url
    return jsonify(accepted=admitted() is not None, public_url=public_url, path=path)


@voice.get("/recordings/<language>/<file>")
def recording(language: str, file: str) -> Response:
    """Twilio fetches a recorded prompt: the same for every caller, so nothing is signed and anybody may keep it.

    `v` is how the hash of the sound begins, so what is kept under one URL never changes.
    """
    digest = request.args.get("v", "")
    found = board().recordings.find(language, file, digest)
    if found is None:
        return Response(status=404)
    sound = send_file(found.resolve(), mimetype=_SOUNDS[found.suffix], max_age=KEPT_SECONDS if digest else 0)
    sound.headers["X-Content-Type-Options"] = "nosniff"
    return sound


@voice.get("/sounds/<issued>")
def sound(issued: str) -> Response:
    """Twilio fetches a recording it is to play to staff: whoever comes with a pass of ours, and nobody keeps it."""
    passes = cast(Passes, current_app.extensions["passes"])
    recording = passes.recording(issued)
    heard = None if recording is None else _sound_of(recording)
    if heard is None:
        return Response(status=404)
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(heard, mimetype="audio/mpeg", headers=headers)


def _sound_of(recording: str) -> Iterator[bytes] | None:
    try:
        return cast(Sound, current_app.extensions["sound"])(recording, "mp3")
    except Problem:
        log.warning("sound_unavailable")
        return None


@voice.app_errorhandler(HTTPException)
def refused(error: HTTPException) -> Response:
    """Wrong paths and methods: never a page that could be read aloud; to programs a problem that can be read."""
    if request.path.startswith(("/api/", "/orders/")):
        return problem_answer(http_problem(error))
    return Response("<Response/>", status=error.code or 500, mimetype="text/xml")
