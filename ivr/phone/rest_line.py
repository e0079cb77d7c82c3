"""Twilio's REST API for those who wait and those who talk: queues, members, conferences, participants."""

from __future__ import annotations

from dataclasses import replace
from xml.sax.saxutils import escape, quoteattr

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from ivr.phone import rest_asked as asked
from ivr.phone.conferences import Conference, Participant
from ivr.phone.exchange import Exchange
from ivr.phone.leg import Goto
from ivr.phone.queues import DEFAULT_SIZE, LARGEST_SIZE, Queue, dequeue
from ivr.phone.rest_shapes import RestError, Shapes, in_time, not_found, page
from ivr.phone.ringing import Outgoing

_ANNOUNCING = ("AnnounceUrl", "AnnounceMethod")
_HOLDING = ("Hold", "HoldUrl", "HoldMethod")
_COACHING = ("Coaching", "CallSidToCoach")
_ROOM = {
    "Label": "participantLabel",
    "Muted": "muted",
    "Beep": "beep",
    "StartConferenceOnEnter": "startConferenceOnEnter",
    "EndConferenceOnExit": "endConferenceOnExit",
    "Coaching": "coaching",
}
"""What a call into a conference may ask for, and which attribute of <Conference> says it."""


def mount_line(api: Blueprint, exchange: Exchange, shapes: Shapes) -> None:
    """Add queues and conferences to the REST API."""
    _mount_queues(api, exchange, shapes)
    _mount_members(api, exchange, shapes)
    _mount_conferences(api, exchange, shapes)
    _mount_participants(api, exchange, shapes)
    _mount_calling(api, exchange, shapes)


# ---------------------------------------------------------------- queues


def _mount_queues(api: Blueprint, exchange: Exchange, shapes: Shapes) -> None:
    @api.post("/Queues.json")
    def create_queue() -> ResponseReturnValue:
        form = request.form
        asked.known(form, "FriendlyName", "MaxSize")
        size = asked.number(form, "MaxSize", DEFAULT_SIZE, 1, LARGEST_SIZE)
        return shapes.queue(_new_queue(exchange, asked.needed(form, "FriendlyName", 22001), size)), 201

    @api.get("/Queues.json")
    def list_queues() -> ResponseReturnValue:
        asked.known(request.args, listing=True)
        with exchange.lock:
            return page("queues", list(exchange.queues.values()), shapes.queue, request.path, request.args)

    @api.get("/Queues/<sid>.json")
    def fetch_queue(sid: str) -> ResponseReturnValue:
        return shapes.queue(_queue(exchange, sid))

    @api.delete("/Queues/<sid>.json")
    def delete_queue(sid: str) -> ResponseReturnValue:
        with exchange.lock:
            if _queue(exchange, sid).members:
                raise RestError(400, 22002, "the queue is not empty")
            del exchange.queues[sid]
        return "", 204


def _new_queue(exchange: Exchange, name: str, size: int) -> Queue:
    if len(name) > 64:
        raise RestError(400, 20001, "'FriendlyName' is over 64 characters")
    with exchange.lock:
        if any(queue.name == name for queue in exchange.queues.values()):
            raise RestError(400, 22003, "a queue of this name exists")
        queue = exchange.queue_named(name)
        queue.max_size = size
        return queue


def _queue(exchange: Exchange, sid: str) -> Queue:
    queue = exchange.queues.get(sid)
    if queue is None:
        raise not_found(request.path)
    return queue


def _mount_members(api: Blueprint, exchange: Exchange, shapes: Shapes) -> None:
    @api.get("/Queues/<sid>/Members.json")
    def list_members(sid: str) -> ResponseReturnValue:
        asked.known(request.args, listing=True)
        queue = _queue(exchange, sid)
        with exchange.lock:
            members = [member for member in queue.members if member.leg.is_live]
            return page("queue_members", members, lambda one: shapes.member(queue, one), request.path, request.args)

    @api.get("/Queues/<sid>/Members/<call>.json")
    def fetch_member(sid: str, call: str) -> ResponseReturnValue:
        queue = _queue(exchange, sid)
        with exchange.lock:
            member = queue.find(call)
            if member is None:
                raise not_found(request.path)
            return shapes.member(queue, member)

    @api.post("/Queues/<sid>/Members/<call>.json")
    def update_member(sid: str, call: str) -> ResponseReturnValue:
        asked.known(request.form, "Url", "Method")
        goto = Goto(asked.web_address(request.form, "Url"), asked.method(request.form, "Method"))
        queue = _queue(exchange, sid)
        member = dequeue(exchange, queue, call, goto)
        if member is None:
            raise not_found(request.path)
        return shapes.member(queue, member)


# ---------------------------------------------------------------- conferences


def _mount_conferences(api: Blueprint, exchange: Exchange, shapes: Shapes) -> None:
    @api.get("/Conferences.json")
    def list_conferences() -> ResponseReturnValue:
        query = request.args
        days = ("DateCreated", "DateCreated<", "DateCreated>")
        asked.known(query, "FriendlyName", "Status", *days, listing=True)
        with exchange.lock:
            found = [
                one
                for one in reversed(exchange.conferences.values())
                if query.get("FriendlyName") in (None, one.name)
                and query.get("Status") in (None, one.status)
                and in_time(query, "DateCreated", one.created_at)
            ]
        return page("conferences", found, shapes.conference, request.path, query)

    @api.get("/Conferences/<sid>.json")
    def fetch_conference(sid: str) -> ResponseReturnValue:
        return shapes.conference(_conference(exchange, sid))

    @api.post("/Conferences/<sid>.json")
    def update_conference(sid: str) -> ResponseReturnValue:
        form = request.form
        asked.known(form, "Status", *_ANNOUNCING)
        conference = _conference(exchange, sid)
        announcement = _announcement(form)
        if form.get("Status") not in ("completed", None) or not (announcement or form.get("Status")):
            raise RestError(400, 20001, "'Status' can only become completed")
        if announcement:
            _in_progress(conference).announce(announcement)
        if form.get("Status"):
            conference.end("conference-ended-via-api")
        return shapes.conference(conference)


def _announcement(form: asked.Form) -> Goto | None:
    if not form.get("AnnounceUrl"):
        return None
    return Goto(asked.web_address(form, "AnnounceUrl"), asked.method(form, "AnnounceMethod"))


def _in_progress(conference: Conference) -> Conference:
    # What Twilio says of an announcement to a conference that has not begun, or is over, is not written.
    if conference.status != "in-progress":
        raise RestError(400, 20001, "the conference is not in progress")
    return conference


def _conference(exchange: Exchange, sid: str) -> Conference:
    conference = exchange.conferences.get(sid)
    if conference is None:
        raise not_found(request.path)
    return conference


def _mount_participants(api: Blueprint, exchange: Exchange, shapes: Shapes) -> None:
    path = "/Conferences/<sid>/Participants"

    @api.get(f"{path}.json")
    def list_participants(sid: str) -> ResponseReturnValue:
        asked.known(request.args, "Muted", "Hold", "Coaching", listing=True)
        conference = _conference(exchange, sid)
        with exchange.lock:
            people = [one for one in conference.participants.values() if _wanted(one)]
        return page("participants", people, lambda one: shapes.participant(conference, one), request.path, request.args)

    @api.get(f"{path}/<call>.json")
    def fetch_participant(sid: str, call: str) -> ResponseReturnValue:
        conference = _conference(exchange, sid)
        return shapes.participant(conference, _participant(conference, call))

    @api.post(f"{path}/<call>.json")
    def update_participant(sid: str, call: str) -> ResponseReturnValue:
        conference = _conference(exchange, sid)
        with exchange.lock:
            participant = _participant(conference, call)
            _change(conference, participant, request.form)
        return shapes.participant(conference, participant)

    @api.delete(f"{path}/<call>.json")
    def kick(sid: str, call: str) -> ResponseReturnValue:
        conference = _conference(exchange, sid)
        conference.leave(_participant(conference, call), kicked=True)
        return "", 204


def _wanted(one: Participant) -> bool:
    has = {"Muted": one.muted, "Hold": one.hold, "Coaching": bool(one.coaching)}
    return all(asked.truth(request.args, name) in (None, value) for name, value in has.items())


def _participant(conference: Conference, call: str) -> Participant:
    participant = conference.find(call)
    if participant is None:
        raise not_found(request.path)
    return participant


def _change(conference: Conference, one: Participant, form: asked.Form) -> None:
    asked.known(form, "Muted", *_HOLDING, "EndConferenceOnExit", *_COACHING, *_ANNOUNCING)
    muted, hold, announcement = asked.truth(form, "Muted"), asked.truth(form, "Hold"), _announcement(form)
    ends, coaching = asked.truth(form, "EndConferenceOnExit"), asked.truth(form, "Coaching")
    coached = _coached(conference, form) if coaching else ""
    if hold is not None:
        _hold(conference, one, hold, form)
    if muted is not None:
        one.muted = muted
        conference.change(one, "participant-mute" if muted else "participant-unmute")
    if ends is not None or coaching is not None:
        one.ends = one.ends if ends is None else ends
        one.coaching = one.coaching if coaching is None else coached
        conference.change(one, "participant-modify")
    if announcement:
        conference.announce(announcement, one)


def _hold(conference: Conference, one: Participant, hold: bool, form: asked.Form) -> None:
    one.hold_url = asked.web_address(form, "HoldUrl") if form.get("HoldUrl") else None
    one.hold_method = asked.method(form, "HoldMethod", default="GET")
    one.hold = hold
    conference.change(one, "participant-hold" if hold else "participant-unhold")


def _coached(conference: Conference, form: asked.Form) -> str:
    coached = asked.needed(form, "CallSidToCoach", 20001)
    # What Twilio says of somebody who is not there is not written.
    if coached not in conference.participants:
        raise RestError(400, 20001, "'CallSidToCoach' is not in this conference")
    return coached


# ---------------------------------------------------------------- calling somebody into a conference


def _mount_calling(api: Blueprint, exchange: Exchange, shapes: Shapes) -> None:
    @api.post("/Conferences/<sid>/Participants.json")
    def call_in(sid: str) -> ResponseReturnValue:
        form = request.form
        found = exchange.conferences.get(sid)
        order, room = _order(exchange, form), found.name if found else sid
        leg = exchange.call_out(replace(order, goto=Goto(twiml=_room(form, room))))
        conference = exchange.conference_named(room)
        return {**shapes.participant(conference, Participant(leg, leg.created_at)), "status": "queued"}, 201


def _order(exchange: Exchange, form: asked.Form) -> Outgoing:
    watching = ("StatusCallback", "StatusCallbackEvent", "StatusCallbackMethod")
    asked.known(form, "To", "From", "Timeout", "EarlyMedia", "CallSidToCoach", *_ROOM, *watching)
    asked.truth(form, "EarlyMedia")  # nobody here hears another's phone ring
    return Outgoing(
        to=asked.address(form, "To", 21201),
        line=asked.line(form, exchange.numbers),
        goto=Goto(),
        timeout_seconds=asked.number(form, "Timeout", 60, 5, 600),
        watch=asked.watch(form, "StatusCallback", asked.CALL_EVENTS),
    )


def _room(form: asked.Form, name: str) -> str:
    given = {attribute: form[parameter] for parameter, attribute in _ROOM.items() if parameter in form}
    if asked.truth(form, "Coaching"):
        given["coach"] = asked.needed(form, "CallSidToCoach", 20001)
    given.pop("coaching", None)
    written = " ".join(f"{attribute}={quoteattr(value)}" for attribute, value in given.items())
    return f"<Response><Dial><Conference {written}>{escape(name)}</Conference></Dial></Response>"
