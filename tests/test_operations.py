"""What operators ask of a web machine: `/readyz`, `/metrics`, and the alert rules that are to go with it."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from ivr.app import create_app
from ivr.core.effects import WriteDisposition
from ivr.core.line import on_call_id
from ivr.core.presence import PRESENCES
from ivr.dispatch import roster
from ivr.switchboard import Switchboard
from tests.published import record_of_what_is_shipped
from tests.shipped import alone
from tests.store.calls import a_call, a_ticket, begin
from worker import CHILDREN

DOCS = Path(__file__).parents[1] / "docs"
RULES: list[dict[str, Any]] = yaml.safe_load((DOCS / "alerts.yaml").read_text())["groups"][0]["rules"]
NAMED = re.compile(r"(rxline_\w+)(?:\{([^}]*)\})?")
KEPT = re.compile(r"by \(([^)]*)\) \((rxline_\w+)")
AT = datetime.fromisoformat("2026-11-24T10:00-05:00")
TOLD = WriteDisposition(1, {"final": False, "outcome": "abandoned"})
MATCHER = re.compile(r'(\w+)(?:=~|!=|!~|=)"([^"]*)"')


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """A web machine at ten, with an emergency and a refill in line since then, and nothing else that can be reached."""
    file = tmp_path_factory.mktemp("operations") / "rxline.db"
    file.write_bytes(record_of_what_is_shipped())
    with alone(f"sqlite:///{file}", "2026-11-24T10:01-05:00") as settings:
        app = create_app(settings)
        board: Switchboard = app.extensions["switchboard"]
        emergency = a_ticket("T2", "CA2", queue="pharmacist", answer_within_seconds=0, arrived_at=AT, due_from=AT)
        begin(board.record, a_call("CA1", ticket=a_ticket(arrived_at=AT, due_from=AT)), does=(TOLD,))
        begin(board.record, a_call("CA2", ticket=emergency))
        board.record.watch.beat("dispatch")
        yield app.test_client()
        board.record.close()


def told(web: FlaskClient) -> dict[str, list[dict[str, str]]]:
    """Each figure of /metrics, with the labels it comes with."""
    families = text_string_to_metric_families(web.get("/metrics").get_data(as_text=True))
    return {
        family.name: [{**sample.labels, "": f"{sample.value:g}"} for sample in family.samples] for family in families
    }


def test_a_proxy_sends_callers_here_whatever_else_is_down(web: FlaskClient) -> None:
    whole, part = web.get("/readyz"), web.get("/readyz/web")
    assert (whole.status_code, part.status_code) == (503, 200)
    assert whole.get_json()["order_system"].startswith("unreachable")
    assert part.get_json() == {"web": "ok"}


def test_what_prometheus_is_told(web: FlaskClient) -> None:
    figures = told(web)
    assert {figure["part"] for figure in figures["rxline_part_ready"] if figure[""] == "1"} == {
        *("web", "database", "content", "worker")
    }
    assert figures["rxline_effects_pending"] == [{"lane": "orders", "": "1"}]
    assert figures["rxline_emergencies_waiting"][0] == {"site": "central", "": "1"}
    late = {figure["queue"]: float(figure[""]) for figure in figures["rxline_tickets_late_seconds"]}
    assert 0 <= late["refills"] < late["pharmacist"]
    assert {figure["child"] for figure in figures["rxline_worker_silent_seconds"]} == {"dispatch"}


def test_an_on_call_number_is_no_agent_who_is_available(web: FlaskClient) -> None:
    """It always is there: counted, nobody would ever hear that no one of the staff has signed in."""
    board: Switchboard = web.application.extensions["switchboard"]
    staff = board.pharmacy().staff
    board.record.desk.seed_agents(roster(board.pharmacy()), AT)
    assert on_call_id("central") in board.record.desk.agents()
    assert sum(int(figure[""]) for figure in told(web)["rxline_agents"]) == len(staff)


def test_in_the_middle_of_an_upgrade_it_is_told_that_the_record_is_of_another_version(web: FlaskClient) -> None:
    with contextlib.closing(sqlite3.connect(os.environ["DATABASE_URL"].removeprefix("sqlite:///"))) as record, record:
        [(ours,)] = record.execute("SELECT version_num FROM alembic_version").fetchall()
        record.execute("UPDATE alembic_version SET version_num = '9999'")
        record.commit()
        figures, said = told(web), web.get("/readyz").get_json()["database"]
        record.execute("UPDATE alembic_version SET version_num = ?", (ours,))
    assert said == f"of schema 9999, and this version has {ours}"
    assert {"part": "database", "": "0"} in figures["rxline_part_ready"]
    assert figures["rxline_tickets_waiting"] == []


LEAVES = """
import signal, sys
from ivr import draining
draining.put_before(lambda *_: sys.exit(7), 600)
print("serves", flush=True)
while True:
    signal.pause()
    print("leaves" if draining.is_leaving() else "serves", flush=True)
"""


def test_who_is_asked_to_stop_serves_on_and_asked_again_stops_at_once() -> None:
    with subprocess.Popen([sys.executable, "-c", LEAVES], cwd=DOCS.parent, stdout=subprocess.PIPE, text=True) as web:
        assert web.stdout is not None
        assert web.stdout.readline() == "serves\n"
        web.terminate()
        assert web.stdout.readline() == "leaves\n"
        web.terminate()
        assert web.wait(20) == 7


# ---------------------------------------------------------------- docs/alerts.yaml


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_it_means_for_a_caller_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule.keys() == {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"[1-9]\d*[smh]", rule["for"])
    assert rule["labels"].keys() == {"severity"}
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"].keys() == {"summary", "caller", "do"}
    assert all(str(words).endswith((".", ")")) for name, words in rule["annotations"].items() if name != "summary")
    assert rule["expr"].count("(") == rule["expr"].count(")")
    assert f"`{rule['alert']}`" in (DOCS / "operations.md").read_text()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_figures_there_are_by_labels_they_have(web: FlaskClient, rule: dict[str, Any]) -> None:
    figures = told(web)
    asked = NAMED.findall(rule["expr"])
    assert asked or "up{" in rule["expr"]
    for name, matchers in asked:
        labels = {label for label, _ in MATCHER.findall(matchers)}
        kept = {label for by, whose in KEPT.findall(rule["expr"]) if whose == name for label in by.split(", ")}
        assert labels | kept <= figures[name][0].keys() - {""}, name
    spoken = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    assert spoken <= {label for by, _ in KEPT.findall(rule["expr"]) for label in by.split(", ")}


def test_an_alert_names_parts_children_and_presences_there_are(web: FlaskClient) -> None:
    known = {
        "part": {figure["part"] for figure in told(web)["rxline_part_ready"]},
        "child": set(CHILDREN),
        "presence": set(PRESENCES),
        "lane": {"place", "text", "telephony", "orders"},
        "job": {"rxline"},
    }
    for rule in RULES:
        for label, values in MATCHER.findall(rule["expr"]):
            assert set(values.split("|")) <= known[label], rule["alert"]


def test_each_alert_has_a_name_of_its_own() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
