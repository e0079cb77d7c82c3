"""Every version of the content this process has met: the current one, and those that calls under way keep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock

from ivr.content import load_files
from ivr.core.pharmacy import Pharmacy


class Library:
    """Versions by hash. `fetch` brings the files of a version this process has not met, or None."""

    def __init__(self, current: Pharmacy, fetch: Callable[[str], Mapping[str, str] | None]) -> None:
        self._current = current
        self._fetch = fetch
        self._versions = {current.version: current}
        self._lock = Lock()

    def current(self) -> Pharmacy:
        return self._current

    def version(self, version: str) -> Pharmacy:
        """The version a call keeps; one that cannot be had any more is replaced by the current one."""
        known = self._versions.get(version)
        return known if known is not None else self._bring(version)

    def _bring(self, version: str) -> Pharmacy:
        with self._lock:
            if version not in self._versions:
                files = self._fetch(version)
                self._versions[version] = load_files(files) if files else self._current
            return self._versions[version]
