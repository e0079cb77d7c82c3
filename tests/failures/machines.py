"""A second machine of the same line, and a proxy before both: one request of a call goes here, and the next there."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import threading
import urllib.parse
from collections import defaultdict
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from ivr.processes import ending_with_us, free_port
from tests.failures.rehearsed import Rehearsed, eventually

LOOKS_SECONDS = 0.2
ANSWER_SECONDS = 15.0  # as long as Twilio itself has
_PASSED_ON = ("Content-Type", "X-Twilio-Signature")


class Sent(NamedTuple):
    call: str
    machine: str


class Proxy(ThreadingHTTPServer):
    """Keeps the path as it came, alternates within each call, and leaves out who is not there or says that it leaves.

    What a web machine does not answer goes to the next, and is noted in `refused`.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self._looks = True
        self._looking = threading.Lock()
        self.sent: list[Sent] = []
        self.refused: list[str] = []
        self._machines: dict[str, int] = {}
        self._up: set[str] = set()
        self._turns: defaultdict[str, int] = defaultdict(int)
        self._one_at_a_time = threading.Lock()
        self._closed = threading.Event()

    def stands_before(self, machine: str, port: int | None) -> None:
        """Send callers to the web machine at this port, or with None no more."""
        self._machines.pop(machine, None)
        self._up.discard(machine)
        if port is not None:
            self._machines[machine] = port
            eventually(lambda: self.sends_to(machine), f"the proxy sends callers to {machine}", 60)

    def sends_to(self, machine: str) -> bool:
        return machine in self._up

    def sends_to_all(self) -> bool:
        return self._up == self._machines.keys()

    def sent_to(self, machine: str) -> int:
        """How many requests went to a machine first."""
        return [sent.machine for sent in list(self.sent)].count(machine)

    def machines_of(self, call: str) -> str:
        """Where the requests of a call went, one letter each."""
        return "".join(sent.machine for sent in list(self.sent) if sent.call == call)

    def pass_on(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str, bytes]:
        """Get an answer from one machine or the other."""
        call = dict(urllib.parse.parse_qsl(body.decode())).get("CallSid", "")
        for machine in self._next(call):
            try:
                status, kind, answer = _ask(self._machines[machine], method, path, body, headers)
            except (OSError, http.client.HTTPException, KeyError) as away:
                self.refused.append(f"{machine} {path} {type(away).__name__}")
                continue
            if status >= 500:
                self.refused.append(f"{machine} {path} {status}")
            return status, kind, answer
        return 502, "text/plain", b"nobody there"

    def _next(self, call: str) -> list[str]:
        with self._one_at_a_time:
            up = sorted(self._up)
            self._turns[call] += 1
            first = self._turns[call] % max(1, len(up))
            self.sent += [Sent(call, machine) for machine in up[first : first + 1]]
            return up[first:] + up[:first]

    def looks_no_more(self) -> None:
        """Go by what was seen last: a proxy looks now and then, and not in every moment."""
        with self._looking:
            self._looks = False

    def looks_again(self) -> None:
        self._looks = True

    def keeps_looking(self) -> None:
        """Ask each machine five times a second whether callers may be sent there."""
        while not self._closed.wait(LOOKS_SECONDS):
            with self._looking:
                for machine, port in list(self._machines.items()) if self._looks else ():
                    (self._up.add if _may_be_sent(port) else self._up.discard)(machine)

    def close(self) -> None:
        self._closed.set()
        self.shutdown()
        self.server_close()


class _Passing(BaseHTTPRequestHandler):
    server: Proxy

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name: self.headers[name] for name in _PASSED_ON if name in self.headers}
        status, kind, answer = self.server.pass_on(self.command, self.path, body, headers)
        with contextlib.suppress(OSError):  # whoever asked may have gone
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    do_GET = do_POST

    def log_message(self, *_: object) -> None:
        """Say nothing: the tests print what they need."""


def _ask(port: int, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str, bytes]:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)) as web:
        web.request(method, path, body or None, headers)
        answer = web.getresponse()
        return answer.status, answer.headers.get("Content-Type", ""), answer.read()


def says_of_itself(port: int, path: str = "/readyz/web") -> int:
    """What a web machine answers to whoever asks how it is; 0 when it does not."""
    try:
        return _ask(port, "GET", path, b"", {})[0]
    except (OSError, http.client.HTTPException):
        return 0


def _may_be_sent(port: int) -> bool:
    return says_of_itself(port) == 200


@contextlib.contextmanager
def proxy() -> Iterator[Proxy]:
    """A proxy with nobody behind it yet."""
    standing = Proxy()
    for work in (standing.serve_forever, standing.keeps_looking):
        threading.Thread(target=work, daemon=True).start()
    yield standing
    standing.close()


class Machine:
    """Another machine that serves the same line: a web, and a worker that stands by."""

    def __init__(self, rehearsed: Rehearsed) -> None:
        self.web_port = free_port()
        self._folder = rehearsed.line.folder
        self._env = {**os.environ, **rehearsed.line.env, **rehearsed.settings}
        self._web, self._worker = self._starts_web(), self._starts("worker.py")

    def _starts_web(self) -> subprocess.Popen[bytes]:
        return self._starts("-m", "gunicorn", "--bind", f"127.0.0.1:{self.web_port}")

    def _starts(self, *what: str) -> subprocess.Popen[bytes]:
        command = ending_with_us([sys.executable, *what])
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                command, cwd=self._folder, env=self._env, stdout=log, stderr=log, start_new_session=True
            )

    def web_is_asked_to_stop(self) -> None:
        self._web.send_signal(signal.SIGTERM)

    def web_has_stopped(self) -> bool:
        return self._web.poll() is not None

    def web_starts_again(self) -> None:
        assert self._web.wait(0) == 0
        self._web = self._starts_web()

    def kills_web(self) -> None:
        """Every process of this web dies at once."""
        os.killpg(self._web.pid, signal.SIGKILL)
        self._web.wait()

    def has(self, pid: int) -> bool:
        """Is this a process of this machine's worker?"""
        return os.getpgid(pid) == self._worker.pid

    def close(self) -> None:
        for process in (self._web, self._worker):
            process.terminate()
        for process in (self._web, self._worker):
            process.wait(20)


def whoever_offers(rehearsed: Rehearsed) -> int:
    """The process that offers the calls of the site to its staff."""
    holder = rehearsed.record.watch.holder("dispatch:central")
    assert holder is not None
    return int(holder.split()[-2])
