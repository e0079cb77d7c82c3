"""A small FHIR R4 server in memory, as strict as the specification: what does not fit its models is turned away."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

from fhir.resources.R4B import get_fhir_model_class
from werkzeug import Request, Response

Json = dict[str, Any]
JSON = "application/fhir+json"


def valid(resource: Json) -> Json:
    """Return a resource that is one; raises ValueError for what the FHIR models do not take."""
    get_fhir_model_class(resource["resourceType"]).model_validate_json(json.dumps(resource))
    return resource


class FakeServer:
    """Its resources by `Type/id`, and what a test wants of it: `answers` go out in place of the next ones.

    `asked` has every request as (method, path with its query, body); `unserved` names types it does not know.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self.clear()

    def clear(self) -> None:
        self.kept: dict[str, Json] = {}
        self.asked: list[tuple[str, str, str]] = []
        self.answers: list[Callable[[], Response] | None] = []
        self.unserved: set[str] = set()
        self.invalid: list[str] = []
        self.has_versions = True
        self.page = 200
        self.says_only_where = False
        self.metadata: Json = {"resourceType": "CapabilityStatement"}

    def __call__(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        body = request.get_data(as_text=True)
        self.asked.append((request.method, environ["REQUEST_URI"], body))
        planned = self.answers.pop(0) if self.answers else None
        with self._turn:
            return (planned() if planned else self._answer(request, body))(environ, start_response)

    def _answer(self, request: Request, body: str) -> Response:
        kind, _, rest = request.path.strip("/").removeprefix("fhir/").partition("/")
        if request.path == "/_clear":
            self.clear()
            return Response()
        if kind == "metadata":
            return said(200, self.metadata)
        if kind in self.unserved:
            return refused(404, "not-supported")
        if rest == "_search":
            return self._searched(kind, request.form.to_dict(), int(request.args.get("page", 0)))
        if request.method == "GET":
            return (
                said(200, self.kept[f"{kind}/{rest}"]) if f"{kind}/{rest}" in self.kept else refused(404, "not-found")
            )
        return self._written(kind, rest, json.loads(body), request.headers)

    def _searched(self, kind: str, query: Json, page: int) -> Response:
        found = list(self._found(kind, query))
        bundle: Json = {"resourceType": "Bundle", "type": "searchset", "total": len(found)}
        here = found[page * self.page :][: self.page]
        bundle["entry"] = [{"resource": one, "search": {"mode": "match"}} for one in here]
        return said(200, bundle)

    def _found(self, kind: str, query: Json) -> Iterator[Json]:
        for one in self.kept.values():
            if one["resourceType"] == kind and all(_fits(one, *term) for term in query.items() if term[0] != "_count"):
                yield one

    def _written(self, kind: str, id_: str, resource: Json, headers: Any) -> Response:
        try:
            valid(resource)
        except ValueError as fault:
            self.invalid.append(str(fault))
            return refused(422, "structure")
        if not id_:
            return self._created(kind, resource, headers.get("If-None-Exist"))
        kept = self.kept.get(f"{kind}/{id_}")
        if kept and headers.get("If-Match", f'W/"{version(kept)}"') != f'W/"{version(kept)}"':
            return refused(412, "conflict")
        return said(200, self.keep(resource))

    def _created(self, kind: str, resource: Json, unless: str | None) -> Response:
        terms = dict(Request({"QUERY_STRING": unless}).args) if unless else {}
        there = list(self._found(kind, terms)) if unless else []
        if len(there) > 1:
            return refused(412, "multiple-matches")
        made = there[0] if there else self.keep({**resource, "id": f"{kind[:2].lower()}-{len(self.kept) + 1}"})
        if self.says_only_where:
            where = f"http://elsewhere/fhir/{kind}/{made['id']}/_history/1"
            return Response(status=200 if there else 201, headers={"Location": where})
        return said(200 if there else 201, made)

    def keep(self, resource: Json) -> Json:
        """Keep a resource in its next version."""
        name = f"{resource['resourceType']}/{resource['id']}"
        number = int(version(self.kept.get(name, {})) or 0) + 1
        self.kept[name] = {**resource, "meta": {"versionId": str(number)} if self.has_versions else {}}
        return self.kept[name]


def version(resource: Json) -> Any:
    return resource.get("meta", {}).get("versionId")


def said(status: int, resource: Json) -> Response:
    return Response(json.dumps(resource), status, content_type=JSON)


def refused(status: int, code: str) -> Response:
    """An OperationOutcome with one issue, whose words quote what must not be passed on."""
    issue = {"severity": "error", "code": code, "diagnostics": "about +16145550101"}
    return said(status, {"resourceType": "OperationOutcome", "issue": [issue]})


def _fits(resource: Json, name: str, wanted: str) -> bool:
    return any(_is(resource, name, one) for one in wanted.split(","))


def _is(resource: Json, name: str, wanted: str) -> bool:
    system, _, value = wanted.rpartition("|")
    match name:
        case "identifier":
            known = [(one.get("system"), one.get("value")) for one in resource.get("identifier", [])]
            return any(each_value == value and system in ("", each_system) for each_system, each_value in known)
        case "phone":
            return any(one.get("value") == wanted for one in resource.get("telecom", []))
        case "code":
            known = [(one.get("system"), one.get("code")) for one in resource["code"]["coding"]]
            return (system, value) in known
        case "status":
            return bool(resource.get("status") == wanted)
    field = {"patient": ("patient", "for"), "subject": ("subject", "for")}.get(name, (name,))
    return any(resource.get(each, {}).get("reference") == wanted for each in field)
