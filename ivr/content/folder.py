"""The content folder on disk: which files there are, and their texts as the format wants them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ivr.content import recordings
from ivr.content.problems import Problem

FOLDERS = ("routing_rules", "callflows", "config")
SUFFIXES = (".yaml", ".yml")
MOST_BYTES = 1_000_000


def is_draft(path: str) -> bool:
    """Return whether a path names a draft outside the content folder; it extends what it would inside."""
    return path.startswith("/")


def texts(content: Path, only: str | None = None) -> tuple[dict[str, str], list[Problem]]:
    """Return every content file's text by its path below the folder, and a problem for each that has none.

    The text of a recording is its hash. `only`, as `named` gives it, is one more file when it is a draft. Raises
    OSError when the folder is not there.
    """
    draft = only if only and is_draft(only) else None
    if not content.is_dir():
        raise FileNotFoundError(f"{content} is not a folder")
    found: dict[str, str] = {}
    problems: list[Problem] = []
    for path, file in [*_files(content), *([(draft, Path(draft))] if draft else [])]:
        if file.suffix == ".yml" and path != draft:
            problems.append(Problem(path, 1, 1, "warning", "remark", "this is not read; end its name with .yaml"))
            continue
        fault = _too_big(file) or (None if path == draft else _outside(file, content / path.partition("/")[0]))
        text = None if fault else as_text(file.read_bytes())
        if text is None:
            fault = fault or "this is not UTF-8; save as UTF-8"
            problems.append(Problem(path, 1, 1, "error", "syntax", fault))
        else:
            found[path] = text
    for path, file in _sounds(content):
        _look(path, file, content, found, problems)
    return found, problems


def _look(path: str, file: Path, content: Path, found: dict[str, str], problems: list[Problem]) -> None:
    """Note a recording, or why it is none."""
    if not recordings.is_recording(path):
        hint = f"this is not played; it goes in {recordings.FOLDER}<language>/, named with plain letters"
        problems.append(Problem(path, 1, 1, "warning", "remark", hint))
        return
    fault = _outside(file, content / recordings.FOLDER)
    seen = None if fault else recordings.look(file, path)
    if fault := fault or (seen.fault if seen else None):
        problems.append(Problem(path, 1, 1, "error", "recording", fault))
    elif seen:
        found[path] = seen.text


def named(content: Path, file: str) -> str:
    """Return a file, named from here, from the content folder or from its rules, as problems and rules name it.

    That is its path below the content folder, or, for a draft that lies elsewhere, its whole path. Raises
    FileNotFoundError.
    """
    here, *inside = (place.resolve() for place in (Path(file), content / file, content / FOLDERS[0] / file))
    for place in (here, inside[0]):
        if place.is_file() and _is_read(place, content):
            return place.relative_to(content.resolve()).as_posix()
    found = next((place for place in (here, *inside) if place.is_file()), None)
    if found is None:
        raise FileNotFoundError(f"there is no file {file}")
    return (found.relative_to(content.resolve()) if _is_read(found, content) else found).as_posix()


def _is_read(file: Path, content: Path) -> bool:
    inside = any(file.is_relative_to(content.resolve() / name) for name in FOLDERS)
    return inside and file.suffix in SUFFIXES


def is_kept(path: str) -> bool:
    """Return whether a version keeps the file at a path below the content folder."""
    return path.endswith(".yaml") or recordings.is_recording(path)


def kept(path: str, data: bytes) -> str | None:
    """Return what a version keeps of a file, or None when it cannot be read or played."""
    if recordings.is_recording(path):
        return None if recordings.fault(path, data) else recordings.noted(data)
    return None if len(data) > MOST_BYTES else as_text(data)


def as_text(data: bytes) -> str | None:
    """Return bytes as text with plain line ends and no byte order mark, or None when they are not UTF-8."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text.replace("\r\n", "\n").replace("\r", "\n")


def _files(content: Path) -> Iterator[tuple[str, Path]]:
    for name in FOLDERS:
        for file in sorted((content / name).rglob("*")):
            if file.suffix in SUFFIXES and file.is_file():
                yield file.relative_to(content).as_posix(), file


def _sounds(content: Path) -> Iterator[tuple[str, Path]]:
    for file in sorted((content / recordings.FOLDER).rglob("*")):
        if file.suffix in recordings.SUFFIXES and file.is_file():
            yield file.relative_to(content).as_posix(), file


def _too_big(file: Path) -> str | None:
    size = file.stat().st_size
    return f"the file has {size} bytes; 1,000,000 at most are read" if size > MOST_BYTES else None


def _outside(file: Path, folder: Path) -> str | None:
    inside = file.resolve().is_relative_to(folder.resolve())
    return None if inside else f"the link leads out of {folder.name}/"
