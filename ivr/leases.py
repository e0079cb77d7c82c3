"""Whose turn it is: leases of the record, held by processes that say where they run and when they began.

A lease outlives its holder by some seconds, for nobody can tell from afar a process that is dead from one that is
slow. On the same machine one can: a lease whose holder is proved dead there is taken over at once.
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from pathlib import Path

import structlog

from ivr.store import Lease, Watch

log = structlog.get_logger(__name__)

LEASE_SECONDS, RENEW_SECONDS = 15.0, 5.0
_STATE, _BEGAN = 0, 19  # fields of /proc/<pid>/stat, from behind the name


class Leases:
    """The leases of one process, which the record knows as `holder`."""

    def __init__(self, watch: Watch, holder: str) -> None:
        self._watch = watch
        self._holder = holder
        self._renew_at: dict[str, float] = {}
        self._fences: dict[str, int] = {}

    def held(self, name: str) -> bool:
        """Take or keep a lease; False while another process has it."""
        now = time.monotonic()
        if now < self._renew_at.get(name, 0.0):
            return True
        fence = self._take(name)
        if fence is None:
            self._renew_at.pop(name, None)
            return False
        if name not in self._renew_at:
            log.debug("lease_taken", lease=name, fence=fence)
        self._renew_at[name], self._fences[name] = now + RENEW_SECONDS, fence
        return True

    def lease(self, name: str) -> Lease:
        """Return a lease that was held a moment ago: a turn committed under it is refused once it is another's."""
        return Lease(name, self._fences[name])

    def release(self) -> None:
        """Give them back, so that another worker need not wait for them to run out."""
        for name in self._renew_at:
            self._watch.release(name, self._holder)
        self._renew_at.clear()

    def _take(self, name: str) -> int | None:
        fence = self._watch.lease(name, self._holder, LEASE_SECONDS)
        if fence is not None:
            return fence
        holder = self._watch.holder(name)
        if holder is None or not proved_dead(holder):
            return None
        log.info("lease_of_the_dead", lease=name)
        self._watch.release(name, holder)
        return self._watch.lease(name, self._holder, LEASE_SECONDS)


def this_process() -> str:
    """Return a name no other process has: this machine since it was started, the process id, and when it began.

    Where the system does not say, the parent's: it keeps one child of a name at a time, and the next goes on.
    """
    with suppress(OSError):
        return f"{_here()} {os.getpid()} {_began(os.getpid())}"
    return f"{socket.gethostname()}:{os.getppid()}"


def proved_dead(holder: str) -> bool:
    """Has the process of this name died? False of one elsewhere, of which nothing can be proved."""
    with suppress(OSError):
        here, _, who = holder.partition(f"{_here()} ")
        pid, _, began = who.partition(" ")
        return not here and _began(pid) != began
    return False


def _here() -> str:
    """Where a process id means what it means to us: a container of the same host has numbers of its own."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{socket.gethostname()} {boot} {os.readlink('/proc/self/ns/pid')} {os.getuid()}"


def _began(pid: int | str) -> str:
    """When a process began, in the kernel's own count; "" for one that is gone, or dead and not yet buried."""
    with suppress(FileNotFoundError, ProcessLookupError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if fields[_STATE] in "ZX" else fields[_BEGAN]
    return ""
