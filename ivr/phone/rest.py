"""Twilio's REST API, as the SDK calls it: calls, texts and our numbers.

Queues and conferences are in `rest_line`, recordings in `rest_recordings`. Any Basic credentials are taken, but some
must be there.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from flask import Blueprint, Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue

from ivr.phone import rest_asked as asked
from ivr.phone.exchange import Exchange
from ivr.phone.leg import LIVE, Leg
from ivr.phone.recordings import Text
from ivr.phone.rest_line import mount_line
from ivr.phone.rest_recordings import mount_recordings
from ivr.phone.rest_shapes import API_VERSION, RestError, Shapes, in_time, not_found, page
from ivr.phone.ringing import Outgoing

_NUMBER_SETTINGS = {
    "FriendlyName": "name",
    "VoiceUrl": "voice_url",
    "VoiceMethod": "voice_method",
    "VoiceFallbackUrl": "fallback_url",
    "VoiceFallbackMethod": "fallback_method",
    "StatusCallback": "status_callback",
    "StatusCallbackMethod": "status_method",
}
_LONGEST_TEXT = 1_600


def mount(app: Flask, exchange: Exchange) -> None:
    """Add the REST API to an app."""
    api = Blueprint("rest", __name__, url_prefix=f"/{API_VERSION}/Accounts/<account>")
    shapes = Shapes(exchange)
    _guard(api, exchange)
    _mount_calls(api, exchange, shapes)
    _mount_texts(api, exchange, shapes)
    mount_recordings(api, exchange, shapes)
    _mount_numbers(api, exchange, shapes)
    mount_line(api, exchange, shapes)
    app.register_blueprint(api)


def _guard(api: Blueprint, exchange: Exchange) -> None:
    @api.url_value_preprocessor
    def own_account(_: str | None, values: dict[str, str] | None) -> None:
        if (values or {}).pop("account") != exchange.account_sid:
            raise not_found(request.path)
        # "For HIPAA-compliant workflows we require customers to enforce HTTP authentication" of recordings too.
        if request.authorization is None:
            raise RestError(401, 20003, "Authenticate")

    @api.before_request
    def fail_before() -> None:
        time.sleep(exchange.faults.now.rest_seconds)
        if exchange.faults.takes_rest("before"):
            raise _rehearsed(exchange.faults.now.rest_status)

    @api.after_request
    def fail_after(response: Response) -> Response:
        if response.status_code < 400 and exchange.faults.takes_rest("after"):
            return _refused(_rehearsed(exchange.faults.now.rest_status))
        return response

    api.register_error_handler(RestError, _refused)


def _rehearsed(status: int) -> RestError:
    return RestError(status, 20429 if status == 429 else 20500, "a failure, as rehearsed")


def _refused(error: RestError) -> Response:
    response = jsonify(error.as_json())
    response.status_code = error.status
    return response


# ---------------------------------------------------------------- calls


def _mount_calls(api: Blueprint, exchange: Exchange, shapes: Shapes) -> None:
    @api.post("/Calls.json")
    def create_call() -> ResponseReturnValue:
        leg = exchange.call_out(_outgoing(exchange, request.form))
        return shapes.call(leg), 201

    @api.get("/Calls.json")
    def list_calls() -> ResponseReturnValue:
        query = request.args
        times = [f"{name}{sign}" for name in ("StartTime", "EndTime") for sign in ("", "<", ">")]
        asked.known(query, "To", "From", "Status", "ParentCallSid", *times, listing=True)
        with exchange.lock:
            legs = [leg for leg in reversed(exchange.legs.values()) if _matches(leg, query)]
        return page("calls", legs, shapes.call, request.path, query)

    @api.get("/Calls/<sid>.json")
    def fetch_call(sid: str) -> ResponseReturnValue:
        return shapes.call(_found(exchange, sid))

    @api.post("/Calls/<sid>.json")
    def update_call(sid: str) -> ResponseReturnValue:
        leg = _found(exchange, sid)
        _update(leg, request.form)
        return shapes.call(leg)


def _outgoing(exchange: Exchange, form: asked.Form) -> Outgoing:
    watching = ("StatusCallback", "StatusCallbackEvent", "StatusCallbackMethod")
    playing = ("Url", "Method", "Twiml", "FallbackUrl", "FallbackMethod")
    asked.known(form, "To", "From", "Timeout", *playing, *watching, *asked.DETECTING)
    return Outgoing(
        to=asked.address(form, "To", 21201),
        line=asked.line(form, exchange.numbers),
        goto=asked.document(form),
        timeout_seconds=asked.number(form, "Timeout", 60, 1, 600),
        fallback=asked.fallback(form),
        watch=asked.watch(form, "StatusCallback", asked.CALL_EVENTS),
        detection=asked.detection(form),
    )


def _matches(leg: Leg, query: Mapping[str, str]) -> bool:
    wanted = {
        "To": leg.to_number,
        "From": leg.from_number,
        "Status": leg.status,
        "ParentCallSid": leg.parent,
    }
    if any(query.get(name) not in (None, value) for name, value in wanted.items()):
        return False
    if not in_time(query, "StartTime", leg.created_at):
        return False
    ends = [name for name in query if name.startswith("EndTime")]
    return not ends or (leg.ended_at is not None and in_time(query, "EndTime", leg.ended_at))


def _found(exchange: Exchange, sid: str) -> Leg:
    leg = exchange.legs.get(sid)
    if leg is None:
        raise not_found(request.path)
    return leg


def _update(leg: Leg, form: asked.Form) -> None:
    asked.known(form, "Status", "Url", "Method", "Twiml", "FallbackUrl", "FallbackMethod")
    status = form.get("Status")
    if not leg.is_live:
        raise RestError(400, 21220, "Call is not in-progress. Cannot redirect.")
    if status is not None:
        _end(leg, status)
        return
    goto, fallback = asked.document(form), asked.fallback(form)
    if leg.status != "in-progress":
        raise RestError(400, 21220, "Call is not in-progress. Cannot redirect.")
    if fallback is not None:
        leg.fallback_url, leg.fallback_method = fallback.url, fallback.method
    leg.move(goto)


def _end(leg: Leg, status: str) -> None:
    if status not in ("canceled", "completed"):
        raise RestError(400, 21218, "'Status' is neither canceled nor completed")
    # "`canceled`: queued/ringing only; `completed`": a call in progress cannot be cancelled.
    if status == "canceled" and leg.status not in LIVE - {"in-progress"}:
        raise RestError(400, 21220, "Call is in progress. Cannot cancel.")
    leg.hang_up("the product")


# ---------------------------------------------------------------- texts


def _mount_texts(api: Blueprint, exchange: Exchange, shapes: Shapes) -> None:
    @api.post("/Messages.json")
    def create_text() -> ResponseReturnValue:
        form = request.form
        asked.known(form, "To", "From", "MessagingServiceSid", "Body", "StatusCallback")
        text = _text(exchange, form)
        exchange.texts[text.sid] = text
        if form.get("StatusCallback"):
            _report_text(exchange, text, asked.web_address(form, "StatusCallback"))
        shape = shapes.text(text)
        text.status = "delivered"
        return shape, 201

    @api.get("/Messages.json")
    def list_texts() -> ResponseReturnValue:
        query = request.args
        asked.known(query, "To", "From", "DateSent", "DateSent<", "DateSent>", listing=True)
        texts = [text for text in reversed(exchange.texts.values()) if _sent(text, query)]
        return page("messages", texts, shapes.text, request.path, query)

    @api.get("/Messages/<sid>.json")
    def fetch_text(sid: str) -> ResponseReturnValue:
        if sid not in exchange.texts:
            raise not_found(request.path)
        return shapes.text(exchange.texts[sid])


def _text(exchange: Exchange, form: asked.Form) -> Text:
    to, body = asked.address(form, "To", 21604), asked.needed(form, "Body", 21602)
    if len(body) > _LONGEST_TEXT:
        raise RestError(400, 21617, f"the text is over {_LONGEST_TEXT} characters")
    sender = form.get("From") or form.get("MessagingServiceSid") or ""
    if not sender:
        raise RestError(400, 21603, "no 'From' was given")
    if form.get("From") and exchange.numbers.find(sender) is None:
        raise RestError(400, 21606, "'From' is not a number of this account")
    return Text(exchange.new_sid("SM"), sender, to, body, exchange.clock.now())


def _report_text(exchange: Exchange, text: Text, url: str) -> None:
    for status in ("sent", "delivered"):
        params = {
            "AccountSid": exchange.account_sid,
            "MessageSid": text.sid,
            "MessageStatus": status,
            "From": text.from_number,
            "To": text.to_number,
        }
        exchange.courier.post_status(text.sid, url, "POST", params)


def _sent(text: Text, query: Mapping[str, str]) -> bool:
    wanted = {"To": text.to_number, "From": text.from_number}
    named = all(query.get(name) in (None, value) for name, value in wanted.items())
    return named and in_time(query, "DateSent", text.at)


# ---------------------------------------------------------------- our numbers


def _mount_numbers(api: Blueprint, exchange: Exchange, shapes: Shapes) -> None:
    @api.get("/IncomingPhoneNumbers.json")
    def list_numbers() -> ResponseReturnValue:
        query = request.args
        asked.known(query, "PhoneNumber", "FriendlyName", listing=True)
        found = [
            number
            for number in exchange.numbers.all()
            if query.get("PhoneNumber") in (None, number.number) and query.get("FriendlyName") in (None, number.name)
        ]
        return page("incoming_phone_numbers", found, shapes.number, request.path, query)

    @api.get("/IncomingPhoneNumbers/<sid>.json")
    @api.post("/IncomingPhoneNumbers/<sid>.json")
    def number(sid: str) -> ResponseReturnValue:
        changed = exchange.numbers.update(sid, _settings(request.form))
        if changed is None:
            raise not_found(request.path)
        return shapes.number(changed)


def _settings(form: asked.Form) -> dict[str, str]:
    asked.known(form, *_NUMBER_SETTINGS)
    for name, value in form.items():
        if name.endswith("Method"):
            asked.method(form, name)
        elif value and name != "FriendlyName":
            asked.web_address(form, name)
    return {_NUMBER_SETTINGS[name]: value for name, value in form.items()}
