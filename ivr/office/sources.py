"""Where a version of the content may be: on disk, in a folder or a file of rules, published, or in git."""

from __future__ import annotations

import re
import subprocess
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from ivr.content import ContentProblems, Problem, Routing, folder, read_routing
from ivr.content.flows import FOLDER as FLOWS
from ivr.content.folder import is_draft
from ivr.content.rules import FOLDER as RULES

_PUBLICATION = re.compile("[0-9]+|[0-9a-fA-F]{4,64}")  # a number, or how a hash begins
_TITLE = 50
_A_FILE = ("100644", "100755")  # what git calls one; of a link it keeps only where it leads


class NotFound(LookupError):
    """Nothing that could be meant is there; the text says what was looked for."""


@dataclass(frozen=True, slots=True)
class Source:
    """The files of one version, as they were found."""

    name: str  # for people
    files: Mapping[str, str]
    unread: tuple[Problem, ...] = ()
    only: str | None = None  # the file of rules that was meant, as `folder.named` has it, if one was

    def read(self) -> Routing:
        """Return what decides where calls go, proved or not; raises ContentProblems when some of that cannot be read.

        Flows and prompts may be faulty: where an old version sent a call can be asked though nobody could walk it now.
        """
        routing, problems = read_routing(self.files, self.unread, self.only)
        if errors := [problem for problem in problems if not problem.file.startswith(FLOWS)]:
            raise ContentProblems(errors)
        return routing

    def of_one_file(self, path: str) -> Source:
        """Return the same version with one file of rules meant; raises NotFound."""
        if path not in self.files:
            raise NotFound(f"{self.name} has no rules {path}, so there is nothing to compare; name a file for both")
        return replace(self, only=path)


def find(word: str, content: Path) -> Source:
    """Return the version a word means, the first there is of: a path, a publication, a revision in git.

    `.` is the content folder as it is on disk. `published:7` and `git:main` mean only that. A publication is named by
    its number or the first letters of its hash; a revision may name a file: `HEAD~1:routing_rules/main.yaml`. Raises
    NotFound, and OSError when something that is there cannot be read.
    """
    kind, colon, rest = word.partition(":")
    if colon and kind in _KINDS:
        return _only(kind, rest, content)
    missed = []
    for look in (_on_disk, *_KINDS.values()):
        try:
            return look(word, content)
        except NotFound as reason:
            missed.append(str(reason))
    raise NotFound(f"nothing is called `{word}`: {'; '.join(missed)}")


def _only(kind: str, word: str, content: Path) -> Source:
    try:
        return _KINDS[kind](word, content)
    except NotFound as reason:
        raise NotFound(f"nothing is called `{kind}:{word}`: {reason}") from None


def _shortened(title: str) -> str:
    return textwrap.shorten(title, _TITLE, placeholder=" …")


# ---------------------------------------------------------------- on disk


def _on_disk(word: str, content: Path) -> Source:
    path = Path(word)
    if word == ".":
        return _folder(content, "the files on disk")
    if (path / RULES).is_dir():
        return _folder(path, word)
    for file in (path, content / path):
        if file.is_file():
            return _file(file, content)
    raise NotFound("there is no such file, and no such folder with routing_rules/ in it")


def _folder(path: Path, name: str) -> Source:
    files, unread = folder.texts(path)
    return Source(name, files, tuple(unread))


def _file(file: Path, content: Path) -> Source:
    """Return a file of rules among the content it stands in; one that stands in none is a draft of ours."""
    whole = file.resolve()
    home = next((up.parent for up in whole.parents if up.name == RULES.strip("/")), None)
    if home is not None and (home / "config").is_dir():
        return replace(_folder(home, str(file)), only=whole.relative_to(home).as_posix())
    path = folder.named(content, str(file))
    if not is_draft(path):
        raise NotFound(f"{file} is no file of rules; compare whole versions, and changed files are told")
    files, unread = folder.texts(content, path)
    return Source(str(file), files, tuple(unread), path)


# ---------------------------------------------------------------- published


def _published(word: str, content: Path) -> Source:
    if not _PUBLICATION.fullmatch(word):
        raise NotFound("it is no number of a publication, nor how its hash begins")
    # The record brings SQLAlchemy, which costs more than all the rest, and only publications need it.
    from ivr import versions
    from ivr.settings import Settings, SettingsRefused
    from ivr.store import Record, Unreachable

    try:
        settings = Settings.from_environment()
        with closing(Record.from_settings(settings)) as record:
            found = versions.find(record.published, word)
            files = record.published.load_version(found.version) or {}
    except LookupError as reason:
        raise NotFound(str(reason)) from None
    except (Unreachable, SettingsRefused):
        raise NotFound("the record of what was published cannot be read") from None
    return Source(f"number {found.seq} ({_shortened(f'{versions.short(found.version)} {found.message}')})", files)


# ---------------------------------------------------------------- in git


def _in_git(word: str, content: Path) -> Source:
    revision, colon, path = word.partition(":")
    commit = _git(content, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").decode().strip()
    title = _git(content, "log", "-1", "--format=%h %s", commit, "--").decode().strip()
    files: dict[str, str] = {}
    unread: list[Problem] = []
    for name, data in _blobs(content, commit):
        text = None if data is None else folder.kept(name, data)
        if text is None:
            unread.append(Problem(name, 1, 1, "error", "syntax", "git has a link, a huge file or no UTF-8 here"))
        else:
            files[name] = text
    if not files:
        raise NotFound(f"{revision} is a revision in git that has no content")
    found = Source(f"{word} ({_shortened(title)})", files, tuple(unread))
    return found.of_one_file(_below(path, files)) if colon else found


def _below(path: str, files: Mapping[str, str]) -> str:
    """Return a path as the content folder has it: git names files from the top of its tree."""
    return next((name for name in files if f"/{path}".endswith(f"/{name}") or name == RULES + path), path)


def _blobs(content: Path, commit: str) -> Iterator[tuple[str, bytes | None]]:
    """Yield path and bytes of every content file of a commit; None where it is not a file."""
    told = _git(content, "ls-tree", "-r", "-z", commit, "--", *folder.FOLDERS).decode()
    listed = [line.partition("\t") for line in told.split("\0") if folder.is_kept(line.partition("\t")[2])]
    kinds = [(name, *about.split(" ")) for about, _, name in listed]
    wanted = [blob for _, mode, _, blob in kinds if mode in _A_FILE]
    bodies = _bodies(_git(content, "cat-file", "--batch", said="\n".join([*wanted, ""])))
    for name, mode, _, _ in kinds:
        yield name, next(bodies) if mode in _A_FILE else None


def _bodies(told: bytes) -> Iterator[bytes]:
    """Yield each body of what `git cat-file --batch` says: a line that ends with its size, the body, a line end."""
    place = 0
    while place < len(told):
        start = told.index(b"\n", place) + 1
        size = int(told[place : start - 1].rpartition(b" ")[2])
        yield told[start : start + size]
        place = start + size + 1


def _git(content: Path, *words: str, said: str = "") -> bytes:
    whole = ["git", "-C", str(content), *words]
    try:
        done = subprocess.run(whole, input=said.encode(), capture_output=True, check=False)
    except FileNotFoundError:
        raise NotFound("git is not installed, so no revision was looked for") from None
    if done.returncode:
        why = done.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise NotFound(f"git knows no such revision{f' ({why})' if why else ''}")
    return done.stdout


_KINDS: dict[str, Callable[[str, Path], Source]] = {"published": _published, "git": _in_git}
