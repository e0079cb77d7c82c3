"""The house rules, each with its reason. They read the code and run none of it."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path

import pytest

from ivr.cli import COMMANDS

ROOT = Path(__file__).parent.parent
LONGEST_FUNCTION = 60

HOUSE = ("ivr.clock", "ivr.logs", "ivr.processes", "ivr.running", "ivr.settings")
PARTS = ("ivr.content", "ivr.live", "ivr.orders", "ivr.proof", "ivr.speech", "ivr.store", "ivr.telephony")
INSIDE = (
    *("ivr.core", *HOUSE, *PARTS, "ivr.deeds", "ivr.enquiries", "ivr.presence", "ivr.staff_desk"),
    *("ivr.tidings", "ivr.switchboard", "ivr.console", "ivr.context"),
)

# Who may import what of ours, from the inside outwards. What is not named here is a door, or what a door does:
# the web app, the worker's processes, the commands. These may import INSIDE and each other.
ARROWS: dict[str, tuple[str, ...]] = {
    "ivr.core": (),
    **dict.fromkeys(HOUSE, HOUSE),
    **dict.fromkeys(PARTS, ("ivr.core", *HOUSE)),
    "ivr.content": ("ivr.core", "ivr.proof", "ivr.speech", *HOUSE),
    "ivr.enquiries": ("ivr.core", "ivr.clock", "ivr.orders", "ivr.store", "ivr.telephony"),
    "ivr.context": ("ivr.core", "ivr.clock", "ivr.orders", "ivr.store"),
    "ivr.presence": ("ivr.core", "ivr.clock", "ivr.live", "ivr.store"),
    "ivr.deeds": ("ivr.core", "ivr.clock", "ivr.presence", "ivr.store"),
    "ivr.staff_desk": ("ivr.core", "ivr.clock", "ivr.deeds", "ivr.presence", "ivr.store"),
    "ivr.tidings": ("ivr.core", "ivr.store"),
    "ivr.switchboard": (
        *("ivr.core", *HOUSE, *PARTS),
        *("ivr.deeds", "ivr.enquiries", "ivr.presence", "ivr.staff_desk", "ivr.tidings"),
    ),
    "ivr.console": ("ivr.core", *HOUSE, "ivr.context", "ivr.presence", "ivr.store", "ivr.switchboard"),
    # What plays the outside world knows us only through HTTP.
    "ivr.orders.sandbox": HOUSE,
    "ivr.phone": ("ivr.content", "ivr.core", *HOUSE),
}

COMMAND_MODULES = tuple(target.partition(":")[0] for target, _ in COMMANDS.values())
HOMES: dict[str, tuple[str, ...]] = {
    "alembic": ("ivr.store",),
    "click": (*COMMAND_MODULES, "ivr.phone.dial"),
    "cryptography": ("ivr.store",),
    "flask": ("ivr.app", "ivr.console", "ivr.news_door", "ivr.orders.sandbox", "ivr.phone", "webhooks"),
    "gunicorn": ("ivr.orders.sandbox", "ivr.phone"),
    "honcho": ("ivr.processes",),
    "httpx": ("ivr.orders", "ivr.phone"),
    "jinja2": ("ivr.content",),
    "numpy": ("ivr.speech", "ivr.office.training"),
    "psycopg": ("ivr.store",),
    "pysat": ("ivr.proof",),
    "rapidfuzz": ("ivr.content", "ivr.speech"),
    "redis": ("ivr.live", "ivr.jobs", "ivr.relay", "worker"),
    "requests": ("ivr.telephony",),
    "rich": (*COMMAND_MODULES, "ivr.phone.dial"),
    "rq": ("ivr.live", "ivr.jobs", "ivr.relay", "worker"),
    "scipy": ("ivr.office.training",),
    "sklearn": ("ivr.office.training",),
    "sqlalchemy": ("ivr.store",),
    "twilio": ("ivr.telephony",),
    "yaml": ("ivr.content", "ivr.phone"),
}

VAGUE_NAMES = {"base", "common", "helpers", "manager", "misc", "models", "service", "services", "util", "utils"}


@dataclass(frozen=True, slots=True)
class Module:
    """A module of the product: its dotted name, where it is, and its tree."""

    name: str
    path: Path
    tree: ast.Module

    def is_in(self, *places: str) -> bool:
        return any(f"{self.name}.".startswith(f"{place}.") for place in places)

    def at(self, node: ast.stmt | ast.expr | ast.excepthandler) -> str:
        return f"{self.path.relative_to(ROOT)}:{node.lineno}"


@cache
def modules() -> tuple[Module, ...]:
    paths = [*(ROOT / "ivr").rglob("*.py"), ROOT / "webhooks.py", ROOT / "worker.py"]
    return tuple(_module(path) for path in sorted(paths) if path.exists())


def _module(path: Path) -> Module:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    return Module(name, path, ast.parse(path.read_text(), str(path)))


def _imports(module: Module) -> Iterator[tuple[ast.stmt, str]]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module.at(node)}: write the whole name; a relative import hides who needs whom"
            yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)


def _is_in(name: str, places: tuple[str, ...]) -> bool:
    return any(f"{name}.".startswith(f"{place}.") for place in places)


def _own_place(module: Module) -> str | None:
    """Return the longest place in ARROWS the module lies in; None for a door."""
    return max((place for place in ARROWS if module.is_in(place)), key=len, default=None)


def _none(broken: list[str], reason: str) -> None:
    assert not broken, f"{reason}\n  " + "\n  ".join(broken)


def test_arrows_point_inwards() -> None:
    broken = []
    for module in modules():
        place = _own_place(module)
        allowed = INSIDE if place is None else (*ARROWS[place], place)
        broken += [
            f"{module.at(node)} imports {name}"
            for node, name in _imports(module)
            if name.startswith("ivr.") and not _is_in(name, ("ivr.__version__", *allowed))
            if not (place is None and _is_outermost(name))
        ]

    _none(broken, "doors → switchboard → parts → core: what decides must not depend on what happens around it")


def _is_outermost(name: str) -> bool:
    return not _is_in(name, tuple(ARROWS))


def test_the_core_imports_nothing_but_the_standard_library_and_itself() -> None:
    broken = [
        f"{module.at(node)} imports {name}"
        for module in modules()
        if module.is_in("ivr.core")
        for node, name in _imports(module)
        if name.partition(".")[0] not in sys.stdlib_module_names and not _is_in(name, ("ivr.core",))
    ]

    _none(broken, "the core decides by itself, so that practice, replay and proof run the very same code")


def test_the_core_reads_no_clock_and_does_no_input_or_output() -> None:
    impure = ("logging", "os", "pathlib", "random", "secrets", "socket", "subprocess", "threading", "time")
    broken = [
        f"{module.at(node)} imports {name}"
        for module in modules()
        if module.is_in("ivr.core")
        for node, name in _imports(module)
        if _is_in(name, impure)
    ]
    broken += [
        f"{module.at(node)} calls {ast.unparse(node.func)}"
        for module in modules()
        if module.is_in("ivr.core")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        if re.fullmatch(r"(datetime\.)?(datetime\.(now|utcnow)|date\.today)|open|input|print", ast.unparse(node.func))
    ]

    _none(broken, "the same call, event and world must always give the same step, today and in next year's replay")


def test_every_outside_library_has_one_home() -> None:
    broken = [
        f"{module.at(node)} imports {name}; its home is {', '.join(sorted(set(HOMES[library])))}"
        for module in modules()
        for node, name in _imports(module)
        if (library := name.partition(".")[0]) in HOMES and not module.is_in(*HOMES[library])
    ]

    _none(broken, "a library with one home can be replaced, and its traps are known in one place")


def test_names_say_the_domain() -> None:
    broken = [str(module.path.relative_to(ROOT)) for module in modules() if VAGUE_NAMES & set(module.name.split("."))]

    _none(broken, "a module named for no idea collects whatever has no home; name it for what it knows")


def test_nothing_fails_in_silence() -> None:
    broken = []
    for module in modules():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ExceptHandler):
                if node.type is None:
                    broken.append(f"{module.at(node)} catches everything, even Ctrl-C")
                if all(isinstance(line, ast.Pass) for line in node.body):
                    broken.append(f"{module.at(node)} forgets what it caught")

    _none(broken, "a failure nobody hears of is a caller who hears silence; contextlib.suppress names the expected")


def test_functions_are_short() -> None:
    sizes = [
        (_lines(node), f"{module.at(node)} {node.name}")
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    longest = sorted(sizes, reverse=True)[:5]

    _none(
        [f"{where}: {lines} lines" for lines, where in longest if lines > LONGEST_FUNCTION],
        f"a function is read in one look; the longest may have {LONGEST_FUNCTION} lines",
    )


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[0].end_lineno if ast.get_docstring(node) else node.lineno
    assert node.end_lineno is not None
    assert first is not None
    return node.end_lineno - first


@cache
def published_files() -> tuple[Path, ...]:
    """What git has or would take."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("this is no git checkout, so nothing tells published files from others")
    return tuple(path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file())


def _published_lines() -> Iterator[tuple[str, str]]:
    for path in published_files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue  # a sound or a picture
        for number, line in enumerate(text.splitlines(), 1):
            yield f"{path.relative_to(ROOT)}:{number}", line


def _of_this_machine() -> set[str]:
    """Paths and hosts that mean something here and nowhere else, asked of the machine rather than written down."""
    pip = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False)
    told = pip.stdout + " ".join(value for name, value in os.environ.items() if "INDEX" in name or "REGISTRY" in name)
    hosts = set(re.findall(r"://(?:[^/@\s]*@)?([\w.-]+\.[\w.-]+)", told)) - {"pypi.org"}
    shared = {Path("/"), Path("/tmp"), Path("/srv"), Path("/opt"), Path.home()}
    return hosts | {f"{path}/" for path in (ROOT, ROOT.parent) if path not in shared}


def test_nothing_published_names_the_machine_it_was_made_on() -> None:
    private = _of_this_machine()
    broken = [
        where
        for where, line in _published_lines()
        if any(word in line for word in private) or re.search(r"(?<![\w.])/(home|Users|root)/\w", line)
    ]

    _none(broken, "a path or a host of one machine works on no other, and tells strangers about it")


def test_every_requirement_is_pinned_and_names_no_place() -> None:
    lines = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if not line.startswith("#")]
    broken = [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[\w.]+", line)]

    _none(broken, "every machine must get the same versions, from wherever it gets its packages")


def test_everything_declared_is_in_the_lock() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]
    names = [re.split(r"[\[>]", requirement)[0] for requirement in declared]
    locked = (ROOT / "requirements.lock").read_text().lower().replace("_", "-")
    broken = [name for name in names if f"\n{name.lower()}==" not in locked]

    _none(broken, "what is declared and not locked comes in whatever version is newest that day; run `make lock`")
