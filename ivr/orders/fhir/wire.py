"""A FHIR R4 server over HTTP: searches, conditional creates, updates of a version; what is private is in bodies."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from typing import Any

import httpx

from ivr.orders.fhir.words import Json, own_reference
from ivr.orders.port import Refused, Unavailable
from ivr.orders.wires import client, whole

_LARGEST_ANSWER_BYTES = 8_000_000
_MOST_PAGES = 10
_PAGE = "200"
# Too slow, too many, and who we are: none says anything about the request, which is sent again when that is mended.
_NOTHING_WAS_SAID = {401, 403, 408, 425, 429}
_PASSES = {"transient", "lock-error", "no-store", "exception", "timeout", "incomplete", "throttled", "expired", "login"}
_NOT_BUILT = 501
_FHIR = "application/fhir+json"
_MADE_AT = re.compile(r"([A-Z][A-Za-z]{1,63})/([A-Za-z0-9.-]{1,64})(/_history/[^/]*)?/?$")
_CODE = re.compile(r"[a-z][a-z-]{1,63}")


class Wire:
    """A server whose base is `url`, to which `token` is a bearer; one pooled client for all threads.

    `by` is the monotonic second at which a whole question must be answered, None: each request has the usual time.
    Everything raises Unavailable or Refused.
    """

    def __init__(self, url: str, token: str, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._base = url.rstrip("/") + "/"
        self._client = client(self._base, token, {"Accept": _FHIR, "Prefer": "handling=strict"})

    def close(self) -> None:
        """Let the pooled connections go."""
        self._client.close()

    def by(self, timeout_seconds: float | None) -> float:
        """Return the instant a question put now must be answered at, however many requests it takes."""
        return time.monotonic() + (self._timeout_seconds if timeout_seconds is None else timeout_seconds)

    def search(self, kind: str, by: float | None = None, /, **query: str) -> list[Json]:
        """Return all resources of a kind that fit; ask for nothing but opaque ids.

        A further page is fetched where the server says, in a URL of its own making which may have in it what was
        searched for. Too many pages are Unavailable, as half an answer is none.
        """
        page = self._page(kind, query, by)
        found = _resources(page, kind)
        for _ in range(_MOST_PAGES):
            following = _following(page)
            if following is None:
                return found
            page = self._json("GET", self._ours(following), by)
            found += _resources(page, kind)
        raise Unavailable("the answer does not end")

    def look_up(self, kind: str, by: float | None = None, /, **query: str) -> list[Json]:
        """Return all resources of a kind that fit, where what is asked for may be private.

        More than a page of them is Unavailable: the next may be had by a URL only.
        """
        page = self._page(kind, query, by)
        if _following(page) is not None:
            raise Unavailable("the answer goes on in a URL")
        return _resources(page, kind)

    def _page(self, kind: str, query: Mapping[str, str], by: float | None) -> Json:
        return self._json("POST", f"{kind}/_search", by, data={**query, "_count": _PAGE})

    def read(self, reference: str, by: float | None = None) -> Json:
        """Return one resource by `Type/id`."""
        found = _resource(self._json("GET", reference, by), reference.partition("/")[0])
        if own_reference(found) != reference:
            raise Unavailable("the answer is another resource")
        return found

    def metadata(self, by: float | None = None) -> Json:
        """Return what the server says of itself, in whatever shape."""
        return self._json("GET", "metadata", by)

    def create(self, resource: Json, unless: Mapping[str, str] | None = None, by: float | None = None) -> Json:
        """Write a resource unless one fits these search words, and return it, or the one there was."""
        kind = resource["resourceType"]
        headers = {"Prefer": "return=representation, handling=strict"}
        if unless is not None:
            headers["If-None-Exist"] = str(httpx.QueryParams(unless))
        answer, raw = self._write("POST", kind, by, resource, headers)
        if _is_json(raw) and (made := _parsed(raw)).get("resourceType") == kind:
            return _resource(made, kind)
        return self.read(_made_at(answer, kind), by)  # some servers say only where

    def update(self, resource: Json) -> bool:
        """Write a resource in place of the version it was read as; False where it is another one by now."""
        version = (resource.get("meta") or {}).get("versionId")
        headers = {"If-Match": f'W/"{version}"'} if version else {}
        try:
            self._write("PUT", own_reference(resource), None, resource, headers)
        except _Changed:
            return False
        return True

    def _ours(self, url: str) -> str:
        # The token is for this server alone, wherever it points to.
        try:
            whole = str(httpx.URL(self._base).join(url))
        except httpx.InvalidURL:
            raise Unavailable("the answer goes on nowhere") from None
        if whole.startswith(self._base) or whole.startswith(self._base.rstrip("/") + "?"):
            return whole
        raise Unavailable("the answer goes on elsewhere")

    def _json(self, method: str, path: str, by: float | None, **how: Any) -> Json:
        return _parsed(self._send(method, path, by, **how)[1])

    def _write(
        self, method: str, path: str, by: float | None, resource: Json, headers: Mapping[str, str]
    ) -> tuple[httpx.Response, bytes]:
        raw = json.dumps(resource).encode()  # in ASCII: what others wrote may be no text at all
        return self._send(method, path, by, content=raw, headers={**headers, "Content-Type": _FHIR})

    def _send(self, method: str, path: str, by: float | None, **how: Any) -> tuple[httpx.Response, bytes]:
        deadline = self.by(None) if by is None else by
        seconds = deadline - time.monotonic()
        if seconds <= 0:
            raise Unavailable("no time is left")
        try:
            with self._client.stream(method, path, timeout=seconds, **how) as response:
                return response, _accepted(
                    method, response.status_code, whole(response, deadline, _LARGEST_ANSWER_BYTES)
                )
        except httpx.RequestError as failure:
            raise Unavailable(type(failure).__name__) from None


class _Changed(Unavailable):
    """Somebody else has written it since it was read."""


def _accepted(method: str, status: int, answer: bytes) -> bytes:
    if 200 <= status < 300:
        return answer
    if status in (409, 412) and method == "PUT":
        raise _Changed(f"http_{status}")
    issue = _issue(answer)
    if status == _NOT_BUILT or (400 <= status < 500 and status not in _NOTHING_WAS_SAID and issue not in _PASSES):
        raise Refused(issue.replace("-", "_") if issue else f"http_{status}")
    raise Unavailable(f"http_{status}")


def _issue(answer: bytes) -> str | None:
    """Return the code of an OperationOutcome's first issue; its words may quote what was sent."""
    try:
        code = json.loads(answer)["issue"][0]["code"]
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        return None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else None


def _is_json(raw: bytes) -> bool:
    return raw.lstrip().startswith(b"{")


def _parsed(raw: bytes) -> Json:
    try:
        answer = json.loads(raw)
    except (ValueError, RecursionError):
        raise Unavailable("the answer is not JSON") from None
    if not isinstance(answer, dict):
        raise Unavailable("the answer has another shape")
    return answer


def _resource(answer: object, kind: str) -> Json:
    if isinstance(answer, dict) and answer.get("resourceType") == kind and _is_id(answer.get("id")):
        if not (_has_version(answer) and all(_is_list(answer.get(name, [])) for name in _LISTS)):
            raise Unavailable("the answer has another shape")
        return answer
    raise Unavailable(f"the answer is no {kind}")


_LISTS = ("extension", "identifier")  # what every resource may have, and what we write into and look for


def _has_version(resource: Json) -> bool:
    """Whether its version, if it has any, can be told back to the server."""
    meta = resource.get("meta", {})
    return isinstance(meta, dict) and (meta.get("versionId") is None or _is_id(meta["versionId"]))


def _is_list(found: object) -> bool:
    return isinstance(found, list) and all(isinstance(one, dict) for one in found)


def _is_id(given: object) -> bool:
    return isinstance(given, str) and re.fullmatch(r"[A-Za-z0-9.-]{1,64}", given) is not None


def _resources(page: Json, kind: str) -> list[Json]:
    entries = page.get("entry", [])
    if page.get("resourceType") != "Bundle" or not isinstance(entries, list):
        raise Unavailable("the answer is no Bundle")
    return [_resource(_inside(entry), kind) for entry in entries if not _is_remark(entry)]


def _inside(entry: object) -> object:
    return entry.get("resource") if isinstance(entry, dict) else None


def _is_remark(entry: object) -> bool:
    """Servers put what they think of a search among what they found."""
    inside = _inside(entry)
    return isinstance(inside, dict) and inside.get("resourceType") == "OperationOutcome"


def _following(page: Json) -> str | None:
    links = page.get("link", [])
    if not isinstance(links, list):
        raise Unavailable("the answer has another shape")
    urls = (link.get("url") for link in links if isinstance(link, dict) and link.get("relation") == "next")
    return next((url for url in urls if isinstance(url, str)), None)


def _made_at(answer: httpx.Response, kind: str) -> str:
    found = _MADE_AT.search(answer.headers.get("Location", ""))
    if found is None or found[1] != kind:
        raise Unavailable("the answer does not say what was made")
    return f"{found[1]}/{found[2]}"
