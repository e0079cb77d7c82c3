"""The web process behind real HTTP, with staff of every role, on a practice morning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine

import webhooks
from ivr import store
from ivr.core.call import Message
from ivr.core.effects import KeepTranscript
from ivr.phone.server import serving
from ivr.settings import Settings
from ivr.store import Entry
from ivr.store.tables import tables
from ivr.switchboard import Switchboard
from tests.store.calls import MORNING, a_call, a_ticket, begin, let_go_of_the_audit

ROOT = Path(__file__).parents[2]
KEPT = ("tokens", "versions", "publications")
MORE_STAFF = """
  - {id: ida, name: Ida Berg, client: ida.berg, site: central, queues: [refills], pin: "3001"}
  - {id: odd, name: Odd Lie, phone: "+12025550141", site: north, queues: [refills], starts: signed_out}
  - {id: audra, name: Audra, sip: "sip:a@x.example", site: north, queues: [billing], starts: signed_out, role: auditor}
  - {id: adam, name: Adam Roy, sip: "sip:b@x.example", site: north, queues: [billing], starts: signed_out, role: admin}
"""


@dataclass
class Desk:
    """The web process, and how staff speak to it."""

    url: str
    board: Switchboard
    database: str
    http: httpx.Client
    tokens: dict[str, str] = field(default_factory=dict)

    def token(self, agent: str) -> str:
        if agent not in self.tokens:
            entry = Entry("cli", "cli", "token.made", f"agent:{agent}")
            self.tokens[agent] = self.board.record.staff.make_token(agent, entry, self.board.clock.now())
        return self.tokens[agent]

    def asks(self, agent: str | None, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """What an agent is answered; None is somebody without a token."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        if agent is not None:
            told["Authorization"] = f"Bearer {self.token(agent)}"
        return self.http.request(method, f"/api/v1{path}", json=body, headers=told)

    def waits(self, name: str = "1", **parts: Any) -> str:
        """Somebody waits; the ticket's id."""
        facts = parts.pop("facts", {"caller": "patient", "intent": "refill_request", "tier": "number"})
        recordings = parts.pop("recordings", ())
        ticket = a_ticket(f"T-{name}", f"CA-{name}", **parts)
        call = a_call(f"CA-{name}", ticket=ticket, phase="holding", facts=facts, recordings=recordings)
        begin(self.board.record, call)
        return ticket.id

    def left_message(self, transcript: str = "") -> str:
        """Somebody has left a message; the ticket's id."""
        ticket = a_ticket("T-left", "CA-left", kind="voicemail")
        message = Message("RE1", 12, MORNING, transcript="kept" if transcript else "none")
        call = a_call("CA-left", ticket=ticket, phase="promised", outcome="voicemail", message=message)
        does = (KeepTranscript(transcript),) if transcript else ()
        begin(self.board.record, call, does=does)
        return ticket.id

    def presence(self, agent: str) -> tuple[str, str]:
        at = self.board.record.desk.agents()[agent]
        return at.presence, at.reason

    def audit(self) -> list[tuple[str, str, str, str, str, str]]:
        """Every line, the latest first, without tokens."""
        lines = [kept.entry for kept in self.board.record.staff.audit(1000)]
        return [
            (each.by, each.door, each.act, each.subject, each.detail, each.why or each.outcome)
            for each in lines
            if each.act != "token.made"
        ]


@pytest.fixture(scope="session")
def running_desk(tmp_path_factory: pytest.TempPathFactory, valkey_url: str) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    database = f"sqlite:///{folder}/rxline.db"
    store.migrate(database)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RXLINE_CLOCK", "2026-11-24T10:00-05:00")
        patch.setenv("RXLINE_CLOCK_FILE", str(folder / "clock.json"))
        web = webhooks.create_app(
            Settings(
                database_url=database,
                redis_url=valkey_url,
                rxline_content=_content(folder / "content"),
                order_system_url="http://127.0.0.1:9",
                twilio_api_url="http://127.0.0.1:9",
                secret_key="k" * 32,
            )
        )
    with serving(web) as url, httpx.Client(base_url=url, timeout=30) as http:
        yield Desk(url, web.extensions["switchboard"], database, http)
    web.extensions["switchboard"].record.close()


@pytest.fixture
def desk(running_desk: Desk) -> Desk:
    """Nobody in line, everybody where the staff list puts them, and ida's browser not there."""
    _empty(running_desk)
    return running_desk


def _empty(desk: Desk) -> None:
    engine = create_engine(desk.database)
    with engine.begin() as connection:
        let_go_of_the_audit(connection)
        for table in tables.sorted_tables:
            if table.name not in KEPT:
                connection.execute(table.delete())
    engine.dispose()
    desk.board.record.desk.seed_agents(desk.board.pharmacy().staff, desk.board.clock.now())


def _content(folder: Path) -> Path:
    """The shipped content with another site, closed today, and staff of every role."""
    for part in ("routing_rules", "callflows", "config"):
        for file in (ROOT / part).rglob("*.yaml"):
            copy = folder / file.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(file.read_text())
    _add(folder / "config/staff.yaml", MORE_STAFF)
    _add(
        folder / "config/sites.yaml",
        "\n  north: {name: North, timezone: America/New_York,"
        ' staffed_number: "+12025550151", on_call: "+12025550152"}\n',
    )
    hours = folder / "config/hours.yaml"
    week = ", ".join(f'{day}: ["08:00 to 20:00"]' for day in ("mon", "wed", "thu", "fri", "sat", "sun"))
    hours.write_text(hours.read_text().replace("hours:\n", f"hours:\n  north: {{{week}, tue: closed}}\n", 1))
    return folder


def _add(file: Path, more: str) -> None:
    file.write_text(file.read_text() + more)
