"""Every version of the content this process has met: the current one, and those that calls under way keep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock

import structlog

from ivr.content import ContentProblems, load_files
from ivr.core.pharmacy import Pharmacy

log = structlog.get_logger(__name__)

MOST_KEPT = 32
"""A call lasts minutes, and nobody publishes this often meanwhile; a version forgotten too early is brought again."""


class Library:
    """Versions by hash. `fetch` brings the files of a version this process has not met, or None.

    `behind` says why callers do not get the newest version; "" when they do.
    """

    def __init__(self, current: Pharmacy, fetch: Callable[[str], Mapping[str, str] | None]) -> None:
        self.behind = ""
        self._current = current
        self._fetch = fetch
        self._versions = {current.version: current}
        self._listeners: list[Callable[[Pharmacy], None]] = []
        self._lock = Lock()

    def current(self) -> Pharmacy:
        return self._current

    def version(self, version: str) -> Pharmacy:
        """The version a call keeps; one that cannot be had any more is replaced by the current one."""
        known = self._versions.get(version)
        return known if known is not None else self._bring(version)

    def put(self, pharmacy: Pharmacy) -> None:
        """Make this the current version, once everybody who listens is ready for it; what they raise comes through."""
        with self._lock:
            for listener in self._listeners:
                listener(pharmacy)
            self._keep(pharmacy.version, pharmacy)
            self._current = pharmacy

    def listen(self, listener: Callable[[Pharmacy], None]) -> None:
        """Tell `listener` the current version now, and each later one before any caller gets it."""
        with self._lock:
            listener(self._current)
            self._listeners.append(listener)

    def _bring(self, version: str) -> Pharmacy:
        with self._lock:
            if version not in self._versions:
                files = self._fetch(version)
                self._keep(version, _readable(version, files) or self._current)
            return self._versions[version]

    def _keep(self, version: str, pharmacy: Pharmacy) -> None:
        self._versions.pop(version, None)
        self._versions[version] = pharmacy
        if len(self._versions) > MOST_KEPT:
            del self._versions[next(iter(self._versions))]


def _readable(version: str, files: Mapping[str, str] | None) -> Pharmacy | None:
    try:
        return load_files(files) if files else None
    except ContentProblems as refused:  # published by a newer Rxline
        log.error("version_not_readable", version=version, count=len(refused.problems))
        return None
