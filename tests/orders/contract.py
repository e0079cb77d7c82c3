"""The contract as a server: what a client asks is held against it, and it answers whatever a test says it may."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import jsonschema_rs
import schemathesis
import yaml
from hypothesis.strategies import SearchStrategy
from schemathesis import GenerationMode
from werkzeug.serving import make_server

ROOT = Path(__file__).parents[2]
CONTRACT: Mapping[str, Any] = yaml.load((ROOT / "docs/order-system.yaml").read_text(), yaml.CSafeLoader)
COMPONENTS: Mapping[str, Any] = CONTRACT["components"]
Json = dict[str, Any]


def resolved(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a `$ref` stands for."""
    found: Any = node
    while "$ref" in found:
        _, _, kind, name = found["$ref"].split("/")
        found = COMPONENTS[kind][name]
    return found  # type: ignore[no-any-return]


def operations() -> dict[tuple[str, str], Mapping[str, Any]]:
    """Every operation by method and path, with the parameters of its path among its own."""
    return {
        (method.upper(), path): {**operation, "parameters": _parameters(item, operation)}
        for path, item in CONTRACT["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }


def _parameters(item: Mapping[str, Any], operation: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [resolved(each) for each in (*item.get("parameters", ()), *operation.get("parameters", ()))]


OPERATIONS = operations()


def valid(schema: Mapping[str, Any]) -> jsonschema_rs.Draft202012Validator:
    """Something to hold a value against a schema of the contract with."""
    return jsonschema_rs.Draft202012Validator({**schema, "components": dict(COMPONENTS)}, validate_formats=True)


def answer_schema(operation_id: str) -> Mapping[str, Any]:
    """The shape of the first good answer of an operation."""
    operation = next(each for each in OPERATIONS.values() if each["operationId"] == operation_id)
    good = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
    schema: Mapping[str, Any] = resolved(good)["content"]["application/json"]["schema"]
    return schema


def legal_answers(operation_id: str) -> SearchStrategy[Any]:
    """Whatever the contract lets an operation answer."""
    content = {"application/json": {"schema": answer_schema(operation_id)}}
    taking = {"requestBody": {"required": True, "content": content}, "responses": {"200": {"description": "ok"}}}
    made = {"openapi": "3.1.0", "info": {"title": "answers", "version": "1"}, "paths": {"/answer": {"post": taking}}}
    schema = schemathesis.openapi.from_dict({**made, "components": dict(COMPONENTS)})
    return schema["/answer"]["POST"].as_strategy(generation_mode=GenerationMode.POSITIVE).map(lambda case: case.body)


class Contract:
    """An order system that knows nothing but the contract; `broken` says what a client did against it."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[str] = []
        self.broken: list[str] = []
        self.status, self.answer = 200, b"{}"

    def answers(self, body: object, status: int = 200) -> None:
        """Answer this from now on."""
        self.status, self.answer = status, json.dumps(body).encode()

    def __call__(self, environ: Json, start_response: Any) -> Iterable[bytes]:
        raw = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        path, _, query = environ["REQUEST_URI"].partition("?")
        self._hold(environ, environ["REQUEST_METHOD"], path, query, raw)
        kind = "application/json" if self.status < 400 else "application/problem+json"
        start_response(f"{self.status} X", [("Content-Type", kind)])
        return [self.answer]

    def _hold(self, environ: Json, method: str, path: str, query: str, raw: bytes) -> None:
        found = next(
            ((op, ids) for (verb, form), op in OPERATIONS.items() if verb == method and (ids := _fits(form, path))),
            None,
        )
        if found is None:
            self.broken.append(f"{method} {path}: there is no such operation")
            return
        operation, ids = found
        self.asked.append(operation["operationId"])
        given = {"path": ids, "query": dict(parse_qsl(query, keep_blank_values=True)), "header": _headers(environ)}
        self.broken += [f"{method} {path}: {what}" for what in _against(operation, given, raw)]


def _fits(form: str, path: str) -> dict[str, str] | None:
    shape = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(form))
    found = re.fullmatch(shape, path)
    return None if found is None else {"": "", **{name: unquote(value) for name, value in found.groupdict().items()}}


def _headers(environ: Json) -> dict[str, str]:
    return {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}


def _against(operation: Mapping[str, Any], given: Mapping[str, dict[str, str]], raw: bytes) -> Iterator[str]:
    """What of a request is not as its operation says."""
    if not given["header"].get("authorization", "").startswith("Bearer ") and operation.get("security") != []:
        yield "no token"
    for each in operation["parameters"]:
        name = each["name"].lower() if each["in"] == "header" else each["name"]
        value = given[each["in"]].get(name)
        if value is None and each.get("required"):
            yield f"lacks {name}"
        elif value is not None and not valid(each["schema"]).is_valid(_typed(each["schema"], value)):
            yield f"{name} is not valid"
    yield from (
        f"{name} is unknown" for name in given["query"].keys() - {each["name"] for each in operation["parameters"]}
    )
    yield from _against_body(operation, given["header"], raw)


def _typed(schema: Mapping[str, Any], value: str) -> object:
    return int(value) if schema.get("type") == "integer" else value


def _against_body(operation: Mapping[str, Any], headers: Mapping[str, str], raw: bytes) -> Iterator[str]:
    wanted = operation.get("requestBody")
    if wanted is None:
        if raw:
            yield "a body nobody asked for"
        return
    yield from (
        str(each.message)
        for each in valid(wanted["content"]["application/json"]["schema"]).iter_errors(json.loads(raw))
    )


@contextmanager
def served() -> Iterator[Contract]:
    """The contract behind real HTTP."""
    contract = Contract()
    server = make_server("127.0.0.1", 0, contract, threaded=True)
    contract.url = f"http://127.0.0.1:{server.server_port}"
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    yield contract
    server.shutdown()
    serving.join()
    server.server_close()
