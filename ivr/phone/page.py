"""The practice phone in a browser: the page at `/phone`, and what it asks beside the handset API.

    GET  /                       leads to the page
    GET  /phone                  the page; its parts are under /phone/page/
    GET  /phone/cast             {"people": [...], "agents": [...], "lines": [...], "others": [...], "problems": [...]}
    GET  /phone/clock            {"now", "zone", "speed", "settable", "closed_because", "presets": [{"name", "at"}]}
    POST /phone/clock            {"at"?, "speed"?}: `at` is `now` (the real time) or ISO 8601, in the pharmacy's
                                 own time unless it has an offset; answers like GET, or {"error": sentence}
    GET  /phone/calls/{CallSid}  the call from inside, as the web process tells it
    GET  /phone/desk             where every agent is and who is in line, likewise
    GET  /phone/docs             the documentation, as text

People come from the sandbox order system; staff and lines from the pharmacy's own files, read anew each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import escape
from http import HTTPStatus
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from flask import Blueprint, Response, jsonify, redirect, request, send_from_directory
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue

from ivr import content
from ivr.clock import Clock, ClockRefused
from ivr.core.hours import Hours
from ivr.core.line import Agent
from ivr.core.pharmacy import Pharmacy
from ivr.settings import Settings

Json = dict[str, Any]

_ANSWER_SECONDS = 3.0
_PAGE = Path(__file__).with_name("page")
_DOCS = Path(__file__).parents[2] / "docs"
_NIGHT, _MORNING, _MIDDAY = 22, 10, 12


def blueprint(settings: Settings, clock: Clock) -> Blueprint:
    """Return the page, to be served from the exchange's own origin."""
    page = Blueprint("page", __name__, url_prefix="/phone", static_folder=str(_PAGE), static_url_path="/page")
    house = _House(settings)
    _mount_page(page, settings.public_url)
    _mount_cast(page, house)
    _mount_clock(page, house, clock)
    _mount_inside(page, house)
    _mount_docs(page)
    return page


class _House:
    """What the page knows of the pharmacy and the processes beside this one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pharmacy: Pharmacy | None = None
        # A connection kept open would outlive the process at the other end; asking anew costs nothing here.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._http = httpx.Client(timeout=_ANSWER_SECONDS, trust_env=False, limits=limits)

    def read(self) -> tuple[Pharmacy | None, list[str]]:
        """Return the pharmacy as its files say now, else as they said last, and what is wrong with them."""
        try:
            self._pharmacy = content.load(self._settings.rxline_content)
        except content.ContentProblems as refused:
            return self._pharmacy, str(refused).splitlines()
        except OSError as unreadable:
            return self._pharmacy, [f"the pharmacy's files cannot be read: {unreadable.strerror}"]
        return self._pharmacy, []

    @property
    def hours(self) -> Hours | None:
        """The hours of the first line's site; None while the files cannot be read."""
        pharmacy = self._pharmacy or self.read()[0]
        return pharmacy.hours[next(iter(pharmacy.lines.values())).site] if pharmacy else None

    def people(self) -> tuple[list[Json], list[str]]:
        """Return the sandbox's cast as it gives it; nobody, and why, when it does not answer."""
        try:
            answer = self._http.get(f"{self._settings.order_system_url}/_sandbox/people")
            people: list[Json] = answer.raise_for_status().json()["people"]
        except (httpx.HTTPError, ValueError, KeyError):
            return [], ["The order system has no cast to lend, so nobody here has a name. Dial as an unknown number."]
        return people, []

    def from_web(self, path: str) -> ResponseReturnValue:
        """Return what the web process answers, so that the page has one origin."""
        try:
            answer = self._http.get(f"{self._settings.public_url}/practice/{path}")
        except httpx.HTTPError:
            return jsonify(error="the web process does not answer"), HTTPStatus.BAD_GATEWAY
        kind = answer.headers.get("Content-Type", "")
        if not kind.startswith("application/json"):
            return jsonify(error="the web process tells nothing of its calls"), HTTPStatus.NOT_FOUND
        return Response(answer.content, answer.status_code, content_type=kind)


# ---------------------------------------------------------------- the page, and who is in it


def _mount_page(page: Blueprint, public_url: str) -> None:
    @page.get("")
    def phone() -> Response:
        return send_from_directory(_PAGE, "phone.html")

    @page.record_once
    def front_door(state: BlueprintSetupState) -> None:
        state.app.add_url_rule("/", view_func=lambda: redirect("/phone"), endpoint="front_door")

    @page.after_request
    def keep_to_ourselves(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Content-Type-Options"] = "nosniff"
        # Hold music is the product's own file; everything else comes from here.
        policy = f"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
media-src 'self' {public_url}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        response.headers["Content-Security-Policy"] = policy
        return response


def _mount_cast(page: Blueprint, house: _House) -> None:
    @page.get("/cast")
    def cast() -> ResponseReturnValue:
        people, unheard = house.people()
        pharmacy, unread = house.read()
        staff = [_agent(agent) for agent in pharmacy.staff.values()] if pharmacy else []
        every = [*pharmacy.lines.values(), *pharmacy.staff_lines.values()] if pharmacy else []
        lines = [{"name": line.name, "number": line.number} for line in every]
        others = list(_others(pharmacy)) if pharmacy else []
        return jsonify(people=people, agents=staff, lines=lines, others=others, problems=[*unheard, *unread])


def _agent(agent: Agent) -> Json:
    return {
        "id": agent.id,
        "name": agent.name,
        "number": agent.address,
        "queues": sorted(agent.queues),
        "skills": sorted(agent.skills),
        "languages": sorted(agent.languages),
        "licensed": agent.licensed,
    }


def _others(pharmacy: Pharmacy) -> Iterator[Json]:
    """Give the phones that may ring and belong neither to a caller nor to an agent."""
    for site in pharmacy.sites.values():
        yield {"name": "Pharmacist on call", "number": site.on_call}
        yield {"name": site.title, "number": site.staffed_number}
    for name, number in pharmacy.policies.transfers.items():
        yield {"name": name.replace("_", " ").capitalize(), "number": number}


# ---------------------------------------------------------------- the time


def _mount_clock(page: Blueprint, house: _House, clock: Clock) -> None:
    @page.get("/clock")
    def show() -> ResponseReturnValue:
        now, hours = clock.now(), house.hours
        return {
            "now": now.isoformat(),
            "zone": hours.timezone if hours else "UTC",
            "speed": clock.speed,
            "settable": not clock.is_real,
            "closed_because": hours.closed_because(now) if hours else None,
            "presets": list(_presets(hours, now)) if hours else [],
        }

    @page.post("/clock")
    def turn() -> ResponseReturnValue:
        wanted = request.get_json()
        try:
            clock.set(_instant(wanted.get("at"), house.hours, clock), wanted.get("speed"))
        except ClockRefused as refused:
            return jsonify(error=str(refused)), HTTPStatus.CONFLICT
        except (ValueError, TypeError, AttributeError):
            return jsonify(error="write the time as 2026-11-24T22:00, the speed as a number"), HTTPStatus.BAD_REQUEST
        return show()


def _instant(told: str | None, hours: Hours | None, clock: Clock) -> datetime:
    if told is None:
        return clock.now()
    if told == "now":
        return Clock().now()
    at = datetime.fromisoformat(told)
    return at if at.tzinfo else at.replace(tzinfo=ZoneInfo(hours.timezone) if hours else UTC)


def _presets(hours: Hours, now: datetime) -> Iterator[Json]:
    """Give moments worth rehearsing, all of them still to come."""
    today = hours.local(now)
    days = [today.replace(minute=0, second=0, microsecond=0) + timedelta(days=day) for day in range(366)]

    def first(name: str, at_hour: int, when: Any = lambda day: True) -> Iterator[Json]:
        for day in days:
            at = day.replace(hour=at_hour)
            if at > today and when(at):
                yield {"name": name.format(at), "at": at.isoformat()}
                return

    yield from first("{:%A} at 10:00, open", _MORNING, lambda at: hours.closed_because(at.astimezone(UTC)) is None)
    yield from first("Night: {:%A} at 22:00", _NIGHT)
    yield from first("Sunday at noon", _MIDDAY, lambda at: at.weekday() == 6)
    holiday = next((at for at in days if at.date() in hours.closed_days and at.replace(hour=_MIDDAY) > today), None)
    if holiday is not None:
        named = hours.closed_days[holiday.date()]
        yield {"name": f"{named[:1].upper()}{named[1:]} at noon", "at": holiday.replace(hour=_MIDDAY).isoformat()}


# ---------------------------------------------------------------- the call from inside, and the documentation


def _mount_inside(page: Blueprint, house: _House) -> None:
    @page.get("/calls/<call_id>")
    def call(call_id: str) -> ResponseReturnValue:
        return house.from_web(f"calls/{call_id}")

    @page.get("/desk")
    def desk() -> ResponseReturnValue:
        return house.from_web("desk")


def _mount_docs(page: Blueprint) -> None:
    @page.get("/docs")
    def contents() -> Response:
        files = sorted(_DOCS.glob("*.md"))
        links = "".join(f'<li><a href="docs/{file.name}">{_heading(file)}</a></li>' for file in files)
        head = """<meta charset="utf-8"><title>Rxline: the documentation</title>
<link rel="stylesheet" href="/phone/page/phone.css">"""
        body = f'<body class="docs"><h1>The documentation</h1><ul>{links}</ul></body>'
        return Response(f'<!doctype html><html lang="en"><head>{head}</head>{body}</html>')

    @page.get("/docs/<name>")
    def document(name: str) -> Response:
        return send_from_directory(_DOCS, name, mimetype="text/plain")


def _heading(file: Path) -> str:
    return escape(file.read_text("utf-8").partition("\n")[0].removeprefix("# "))
