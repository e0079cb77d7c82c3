"""The note `make run` keeps in var/ of the line it runs, so that commands in another terminal act on that line.

The note is locked while its line runs. The lock goes when its holder dies, however it dies, so a note left
behind misleads nobody.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

NOTE = Path("var/practice.json")


class AlreadyRunning(Exception):
    """Another line runs in this folder."""


@contextlib.contextmanager
def noted(names: Mapping[str, str], note: Path = NOTE) -> Iterator[None]:
    """Note the environment's names of our line for as long as the block lasts; raises AlreadyRunning."""
    note.parent.mkdir(parents=True, exist_ok=True)
    with note.open("a+") as noted:
        if not _lock(noted.fileno()):
            raise AlreadyRunning("another `make run` runs in this folder; stop it first")
        # A practice line may use somebody's real database, with its password.
        os.fchmod(noted.fileno(), 0o600)
        noted.truncate(0)
        json.dump(dict(names), noted)
        noted.flush()
        yield


def join_running(env: Mapping[str, str], note: Path = NOTE) -> dict[str, str]:
    """Return the names to add to `env` so that a command acts on the line that runs in this folder.

    Empty when none runs here, and when `env` names another line.
    """
    with contextlib.suppress(FileNotFoundError), note.open("r+") as noted:
        if _lock(noted.fileno()):
            return {}
        theirs: dict[str, str] = json.load(noted)
        if all(env.get(name, value) == value for name, value in theirs.items()):
            return theirs
    return {}


def _lock(file_number: int) -> bool:
    try:
        fcntl.flock(file_number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
