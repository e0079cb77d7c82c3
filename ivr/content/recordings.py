"""Recorded voices: `callflows/recordings/<language>/<file>`, played instead of a prompt's words.

A version of the content keeps a recording's hash in the place of its text, so another sound is another version; the
sound itself stays on disk. Where it is not, or not that one any more, the words are said.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

FOLDER = "callflows/recordings/"
MOST_BYTES = 5_000_000
SUFFIXES = (".wav", ".mp3")

_PATH = re.compile(
    r"callflows/recordings/(?P<language>[A-Za-z0-9_-]+)/(?P<file>[A-Za-z0-9][A-Za-z0-9_.-]*\.(?:wav|mp3))"
)
_KIND = "sha256 "
_LETTERS = 16  # of a hash, in a URL


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording of a version; `digest` is empty when the file cannot be played."""

    language: str
    file: str
    digest: str

    @property
    def name(self) -> str:
        """What it is fetched by: another sound has another name, so whoever has fetched one may keep it."""
        return f"{self.language}/{self.file}?v={self.digest[:_LETTERS]}"


def is_recording(path: str) -> bool:
    """Return whether a path below the content folder is where a recording stands."""
    return _PATH.fullmatch(path) is not None


def of_language(language: str, texts: Mapping[str, str]) -> dict[str, Recording]:
    """Return a language's recordings by file, from the texts of a version."""
    start = f"{FOLDER}{language}/"
    files = {path.removeprefix(start): text for path, text in texts.items() if path.startswith(start)}
    return {file: Recording(language, file, text.removeprefix(_KIND).strip()) for file, text in files.items()}


def noted(data: bytes) -> str:
    """Return what a version keeps of a recording."""
    return f"{_KIND}{hashlib.sha256(data).hexdigest()}\n"


def fault(path: str, data: bytes) -> str | None:
    """Return why a recording cannot be played, or None."""
    if len(data) > MOST_BYTES:
        return f"the recording has {len(data)} bytes; {MOST_BYTES:,} at most are played"
    kind = path.rpartition(".")[2]
    return None if _STARTS[kind](data) else f"this is no {kind}, whatever its name says; save it as wav"


def _starts_as_wav(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:12] == b"WAVE"


def _starts_as_mp3(data: bytes) -> bool:
    # A tag, or the eleven bits a frame starts with and a layer, which AAC has not.
    return data[:3] == b"ID3" or (data[:1] == b"\xff" and len(data) > 1 and data[1] >= 0xE0 and data[1] & 6 != 0)


_STARTS = {"wav": _starts_as_wav, "mp3": _starts_as_mp3}


@dataclass(frozen=True, slots=True)
class OnDisk:
    """What one look at a file finds."""

    text: str
    fault: str | None


def look(file: Path, path: str) -> OnDisk:
    """Return what a version keeps of a file and why it cannot be played; read again only when it has changed."""
    about = file.stat()
    return _look(file, path, about.st_mtime_ns, about.st_size)


@lru_cache(maxsize=1024)
def _look(file: Path, path: str, changed_at: int, size: int) -> OnDisk:
    data = file.read_bytes()
    return OnDisk(noted(data), fault(path, data))


class Shelf:
    """The recordings of a content folder, as they are on disk now."""

    def __init__(self, content: Path) -> None:
        self._content = content

    def has(self, name: str) -> bool:
        """Return whether the very recording of this name can be fetched."""
        place, _, digest = name.partition("?v=")
        language, _, file = place.partition("/")
        return self.find(language, file, digest) is not None

    def find(self, language: str, file: str, digest: str = "") -> Path | None:
        """Return where a recording is, None when there is none, or not the one whose hash begins so."""
        path = f"{FOLDER}{language}/{file}"
        place = self._content / path
        if not (is_recording(path) and place.is_file() and _is_inside(place, self._content / FOLDER)):
            return None
        found = look(place, path)
        return place if not found.fault and found.text.removeprefix(_KIND).startswith(digest) else None


def _is_inside(file: Path, folder: Path) -> bool:
    return file.resolve().is_relative_to(folder.resolve())
