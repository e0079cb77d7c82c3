"""Twilio's REST API for recordings: those of a call or a conference under way, those kept, and their sound."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from ivr.phone import rest_asked as asked
from ivr.phone.exchange import Exchange
from ivr.phone.recordings import RUNNING, Recording, mp3, wav
from ivr.phone.rest_shapes import RestError, Shapes, in_time, not_found, page

_DAYS = ("DateCreated", "DateCreated<", "DateCreated>")
_STATUSES = ("paused", "in-progress", "stopped")
_CURRENT = "Twilio.CURRENT"


def mount_recordings(api: Blueprint, exchange: Exchange, shapes: Shapes) -> None:
    """Add recordings to the REST API."""
    _mount_kept(api, exchange, shapes)
    _mount_sound(api, exchange)
    _mount_running(api, exchange, shapes)
    _mount_starting(api, exchange, shapes)


# ---------------------------------------------------------------- those kept


def _mount_kept(api: Blueprint, exchange: Exchange, shapes: Shapes) -> None:
    @api.get("/Recordings.json")
    def list_recordings() -> ResponseReturnValue:
        query = request.args
        asked.known(query, "CallSid", "ConferenceSid", *_DAYS, listing=True)
        found = [one for one in reversed(exchange.recordings.all()) if _recorded(one, query)]
        return page("recordings", found, shapes.recording, request.path, query)

    @api.get("/Recordings/<sid>.json")
    def fetch_recording(sid: str) -> ResponseReturnValue:
        return shapes.recording(_recording(exchange, sid))

    @api.delete("/Recordings/<sid>.json")
    def delete_recording(sid: str) -> ResponseReturnValue:
        recording = _recording(exchange, sid)
        if recording.status in RUNNING:
            # What Twilio says of one that still runs is not written.
            raise RestError(400, 20001, "the recording is not over yet")
        exchange.recordings.delete(sid)
        return "", 204


def _recorded(one: Recording, query: Mapping[str, str]) -> bool:
    wanted = {"CallSid": one.call_sid, "ConferenceSid": one.conference_sid}
    named = all(query.get(name) in (None, value) for name, value in wanted.items())
    return named and in_time(query, "DateCreated", one.at)


def _recording(exchange: Exchange, sid: str) -> Recording:
    recording = exchange.recordings.find(sid)
    if recording is None:
        raise not_found(request.path)
    return recording


def _mount_sound(api: Blueprint, exchange: Exchange) -> None:
    kinds: dict[str, tuple[str, Callable[[Recording], bytes]]] = {
        "wav": ("audio/x-wav", wav),
        "mp3": ("audio/mpeg", mp3),
        "txt": ("text/plain; charset=utf-8", lambda recording: recording.text.encode()),  # Twilio has no words
    }

    @api.get("/Recordings/<sid>")
    @api.get("/Recordings/<sid>.<any(wav, mp3, txt):kind>")
    def play_recording(sid: str, kind: str = "wav") -> ResponseReturnValue:
        recording = _recording(exchange, sid)
        if recording.status in RUNNING:
            raise not_found(request.path)  # "the file may not exist yet"
        media, sound = kinds[kind]
        return Response(sound(recording), content_type=media)


# ---------------------------------------------------------------- those that run


def _mount_running(api: Blueprint, exchange: Exchange, shapes: Shapes) -> None:
    of = "/<any(Calls, Conferences):kind>/<owner>/Recordings"

    @api.get(f"{of}.json")
    def list_own(kind: str, owner: str) -> ResponseReturnValue:
        asked.known(request.args, *_DAYS, listing=True)
        _owned(exchange, kind, owner)
        named = {"ConferenceSid" if kind == "Conferences" else "CallSid": owner, **request.args}
        found = [one for one in reversed(exchange.recordings.all()) if _recorded(one, named)]
        return page("recordings", found, shapes.recording, request.path, request.args)

    @api.get(f"{of}/<sid>.json")
    def fetch_own(kind: str, owner: str, sid: str) -> ResponseReturnValue:
        return shapes.recording(_own(exchange, kind, owner, sid))

    @api.post(f"{of}/<sid>.json")
    def update_own(kind: str, owner: str, sid: str) -> ResponseReturnValue:
        with exchange.lock:
            recording = _own(exchange, kind, owner, sid)
            _change(exchange, recording, request.form)
            stopped = {"status": "stopped"} if recording.status == "completed" else {}
            return {**shapes.recording(recording), **stopped}


def _mount_starting(api: Blueprint, exchange: Exchange, shapes: Shapes) -> None:
    @api.post("/Calls/<sid>/Recordings.json")
    def start(sid: str) -> ResponseReturnValue:
        form = request.form
        callback = ("RecordingStatusCallback", "RecordingStatusCallbackEvent", "RecordingStatusCallbackMethod")
        asked.known(form, *callback)
        leg = exchange.legs.get(sid)
        if leg is None:
            raise not_found(request.path)
        if not leg.is_live or leg.status != "in-progress":
            raise RestError(400, 21220, "Requested resource is not eligible for recording")
        watch = asked.watch(form, "RecordingStatusCallback", asked.RECORDING_EVENTS)
        return shapes.recording(exchange.record(leg, watch)), 201


def _owned(exchange: Exchange, kind: str, owner: str) -> None:
    if owner not in (exchange.conferences if kind == "Conferences" else exchange.legs):
        raise not_found(request.path)


def _own(exchange: Exchange, kind: str, owner: str, sid: str) -> Recording:
    _owned(exchange, kind, owner)
    found = exchange.recordings.current(owner) if sid == _CURRENT else exchange.recordings.find(sid)
    if found is None or owner not in (found.owner, found.call_sid):
        raise not_found(request.path)
    return found


def _change(exchange: Exchange, recording: Recording, form: asked.Form) -> None:
    asked.known(form, "Status", "PauseBehavior")
    asked.needed(form, "Status", 20001)
    status, pause = asked.one_of(form, "Status", *_STATUSES), asked.one_of(form, "PauseBehavior", "silence", "skip")
    if recording.status not in RUNNING:
        # What Twilio says to a change of one that is over is not written.
        raise RestError(400, 21220, "the recording is over")
    at = exchange.clock.now()
    if status == "paused":
        recording.pause(at, skip=pause == "skip")
    elif status == "in-progress":
        recording.resume(at)
    else:
        exchange.stop(recording)
