"""The written contract of the staff API and the doors there are: the same, and what is made up from it does no harm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import schemathesis
import yaml
from flask import Flask
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ivr.console import api
from tests.console.conftest import ROOT, Desk

CONTRACT: Mapping[str, Any] = yaml.safe_load((ROOT / "docs/line-api.yaml").read_text())
CHECKS = (
    not_a_server_error,
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)


def test_every_door_is_in_the_contract_with_its_roles_and_no_other(running_desk: Desk) -> None:
    app = Flask("map")
    nothing = api.Doors(lambda *_: None, lambda _: None, lambda _: None)
    app.register_blueprint(api.blueprint(running_desk.board, nothing))
    doors = {
        (method.lower(), rule.rule.removeprefix("/api/v1").replace("<", "{").replace(">", "}")): set(
            app.view_functions[rule.endpoint].roles  # type: ignore[attr-defined]
        )
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in (rule.methods or set()) - {"HEAD"}
    }
    written = {
        (method, path): set(operation["x-roles"])
        for path, operations in CONTRACT["paths"].items()
        for method, operation in operations.items()
        if method != "parameters"
    }
    assert doors == written


# Of doors that differ by a word only, one is tried.
ALIKE = [act.name for act in api.ACTS if act.name not in ("hold", "consult", "finish")]
contract = schemathesis.openapi.from_dict(dict(CONTRACT)).exclude(
    operation_id=[*ALIKE, "cancel", "confirm", "call_back", "openapi"]
)


@pytest.fixture
def called_up(desk: Desk) -> Desk:
    desk.waits("waits")
    desk.left_message("words of a stranger")
    return desk


@contract.parametrize()
@settings(
    max_examples=6,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_whatever_is_sent_is_answered_as_the_contract_says(case: schemathesis.Case, called_up: Desk) -> None:
    # Half of what is made up should find somebody.
    for name, known in (("agent_id", "ida"), ("ticket_id", "T-left"), ("call_id", "CA-left")):
        if name in case.path_parameters and len(case.path_parameters[name]) % 2:
            case.path_parameters[name] = known
    agent = "ida" if "{agent_id}" in case.path else "adam"
    case.headers["Authorization"] = f"Bearer {called_up.token(agent)}"
    case.call_and_validate(base_url=f"{called_up.url}/api/v1", checks=CHECKS)
