"""A number is connected and its fallback published, and a caller who rings while the web process is dead hears it."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from werkzeug.serving import make_server

import webhooks
from ivr import away
from ivr.clock import Clock
from ivr.content import load
from ivr.core.hours import Hours
from ivr.core.pharmacy import Pharmacy
from ivr.office.connecting import connect, fallback
from ivr.phone import files
from ivr.phone.client import Phones
from ivr.phone.exchange import Exchange
from ivr.phone.lint import check, parse
from ivr.phone.numbers import NumberBook, OwnNumber
from ivr.phone.server import create_app, serving
from ivr.phone.twiml import CANNED_ERROR
from ivr.processes import free_port
from ivr.settings import PRACTICE_ACCOUNT_SID, PRACTICE_AUTH_TOKEN, Settings
from ivr.switchboard import Switchboard
from ivr.telephony import round_trip
from tests.phone.conftest import kinds, noted, said
from tests.published import record_of_what_is_shipped
from tests.shipped import says

ROOT = Path(__file__).parents[2]
SECRET_KEY = "a key for tests of thirty-two letters"
MAIN, STAFFED, ON_CALL = "+12125550110", "+12025550120", "+12025550121"
SECONDS = 10.0
Answer = Callable[[dict[str, Any], Any], Iterable[bytes]]


@dataclass
class Between:
    """What stands between Twilio and the web process; it hands everything on, until a test has it do otherwise."""

    web: Answer | None = None
    does: Callable[[dict[str, Any]], str | None] = lambda environ: None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        status = self.does(environ)
        if status:
            start_response(status, [("Location", "https://elsewhere.example/"), ("Content-Length", "0")])
            return [b""]
        assert self.web is not None
        return self.web(environ, start_response)


@dataclass
class Practice:
    """A practice exchange that knows our numbers, a static host, and the settings of who types."""

    exchange: Exchange
    numbers: NumberBook
    static: Path
    env: dict[str, str] = field(default_factory=dict)

    def types(self, command: Any, *arguments: str, **env: str) -> Result:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {**self.env, **env}.items():
                patch.setenv(name, value)
            return says(command, *arguments)

    @property
    def main(self) -> OwnNumber:
        number = self.numbers.find(MAIN)
        assert number is not None
        return number


@pytest.fixture(scope="module")
def between() -> Between:
    return Between()


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory, between: Between) -> Iterator[str]:
    """A web process behind `between`, where a number that is connected leads."""
    file = tmp_path_factory.mktemp("web") / "rxline.db"
    file.write_bytes(record_of_what_is_shipped())
    url = f"http://127.0.0.1:{free_port()}"
    settings = Settings(
        database_url=f"sqlite:///{file}",
        redis_url="redis://127.0.0.1:1/0",
        order_system_url="http://127.0.0.1:1",
        public_url=url,
        rxline_content=ROOT,
        secret_key=SECRET_KEY,
    )
    app = webhooks.create_app(settings)
    between.web = app
    board: Switchboard = app.extensions["switchboard"]
    server = make_server("127.0.0.1", int(url.rpartition(":")[2]), between, threaded=True)
    with contextlib.closing(board.record), contextlib.closing(board.live), _running(server):
        yield url


@contextlib.contextmanager
def _running(server: Any) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield
    server.shutdown()
    thread.join()
    server.server_close()


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def practice(tmp_path: Path, published_url: str) -> Iterator[Practice]:
    static = tmp_path / "static"
    static.mkdir()
    host = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Silent, directory=str(static)))
    nowhere = f"http://127.0.0.1:{free_port()}"
    numbers = NumberBook(lambda: files.lines(ROOT), nowhere)
    exchange = Exchange(PRACTICE_ACCOUNT_SID, PRACTICE_AUTH_TOKEN, numbers, Clock(), pace=0.0)
    with _running(host), serving(create_app(exchange)) as url:
        env = {"DATABASE_URL": published_url, "TWILIO_API_URL": url, "SECRET_KEY": SECRET_KEY, "PUBLIC_URL": nowhere}
        env |= {"FALLBACK_URL": f"http://127.0.0.1:{host.server_port}", "RXLINE_CONTENT": str(ROOT)}
        yield Practice(exchange, numbers, static, env | {"RXLINE_CLOCK": "2026-11-24T10:00-05:00"})
    exchange.close()


@pytest.fixture(scope="module")
def shipped() -> Pharmacy:
    return load(ROOT)


# ---------------------------------------------------------------- the document


def test_every_line_has_a_document_that_twilio_can_play(shipped: Pharmacy) -> None:
    documents = away.documents(shipped)

    assert documents.keys() == shipped.lines.keys() | shipped.staff_lines.keys()
    assert {line: check(parse(document.encode())) for line, document in documents.items()} == {
        line: [] for line in documents
    }


def test_what_to_do_in_an_emergency_comes_first_in_every_language(shipped: Pharmacy) -> None:
    first, second, *_ = away.documents(shipped)["main"].split("<Say")[1:]

    assert 'language="en-US">In an emergency, hang up and dial 911' in first
    assert 'language="es-US">En una emergencia, cuelgue y marque el 911' in second


def test_each_number_is_rung_once_it_was_said_that_it_may_not_answer(shipped: Pharmacy) -> None:
    document = away.documents(shipped)["main"]
    words, staffed, then, on_call = (
        document.index(part) for part in ("when we are closed", STAFFED, "it can wait", ON_CALL)
    )

    assert words < staffed < then < on_call


def test_nobody_is_promised_a_pharmacist_on_call_where_there_is_no_other_number(shipped: Pharmacy) -> None:
    site = replace(shipped.sites["central"], on_call=STAFFED)
    document = away.documents(replace(shipped, sites={"central": site}))["main"]

    assert document.count("<Dial") == 1
    assert "on call" not in document


def test_a_pharmacy_that_is_always_open_says_so_and_of_no_holiday(shipped: Pharmacy) -> None:
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    hours = Hours("America/New_York", dict.fromkeys(days, ((0, 1440),)))
    document = away.documents(replace(shipped, hours={"central": hours}))["main"]

    assert "We are open every day all day." in document
    assert "Abrimos todos los días todo el día." in document
    assert "holiday" not in document


# ---------------------------------------------------------------- fallback


def test_a_caller_who_rings_while_the_web_process_is_dead_is_put_through(practice: Practice) -> None:
    done = practice.types(fallback, "--out", str(practice.static), "--publish")
    assert done.exit_code == 0, done.output
    assert practice.main.fallback_url.partition("#")[0] == f"{practice.env['FALLBACK_URL']}/main.xml"

    with Phones(practice.env["TWILIO_API_URL"]) as phones:
        phones.post("/phones", number=STAFFED, does="busy")
        caller = phones.call("main", "+13035550199")
        ringing = phones.ringing(ON_CALL, wait_seconds=SECONDS)
        assert ringing
        ringing[-1].answer(pace=0.0)
        assert caller.wait_for(noted("bridged"), SECONDS)
        ringing[-1].hang_up()
        assert caller.wait_for(noted("over"), SECONDS)

    heard = " ".join(said(caller.lines))
    assert heard.startswith("In an emergency, hang up and dial 911.")
    assert "We are open Monday to Friday 8 A M to 8 P M, Saturday 9 A M to 5 P M." in heard
    assert "de lunes a viernes de las 8 de la mañana" in heard
    assert "please call again when we are open" in heard
    assert CANNED_ERROR not in heard
    assert "violation" not in kinds(caller.lines)


def test_what_is_not_served_yet_is_not_published(practice: Practice) -> None:
    before = practice.main
    written = practice.types(fallback, "--out", str(practice.static / "elsewhere"), "--publish")
    (practice.static / "main.xml").write_text("<Response/>")
    (practice.static / "prescribers.xml").mkdir()
    old = practice.types(fallback, "--out", str(practice.static / "elsewhere"), "--publish")
    dead = practice.types(
        fallback, "--out", str(practice.static / "elsewhere"), "--publish", FALLBACK_URL=practice.env["PUBLIC_URL"]
    )

    assert (written.exit_code, old.exit_code) == (1, 1)
    assert "/main.xml cannot be reached" in dead.output
    assert "/prescribers.xml is served as `text/html`" in old.output
    assert "/main.xml is not there" in written.output
    assert "/main.xml is an old one" in old.output
    assert practice.main == before


def test_without_a_static_host_the_files_are_written_all_the_same(practice: Practice) -> None:
    done = practice.types(fallback, "--out", str(practice.static), "--publish", FALLBACK_URL="")

    assert done.exit_code == 1
    assert "FALLBACK_URL is not set" in done.output
    assert (practice.static / "main.xml").exists()


def test_a_number_that_asks_nobody_yet_is_connected_first(practice: Practice) -> None:
    practice.numbers.update(practice.main.sid, {"voice_url": ""})

    done = practice.types(fallback, "--out", str(practice.static), "--publish")

    assert done.exit_code == 1
    assert f"`ivr connect {MAIN}` first" in done.output


# ---------------------------------------------------------------- connect


def test_a_number_is_connected_once_it_is_sure_that_signatures_hold(practice: Practice, web: str) -> None:
    env = {"PUBLIC_URL": web, "FALLBACK_URL": ""}
    tried = practice.types(connect, "main", "--dry-run", **env)
    untouched = practice.main
    done = practice.types(connect, MAIN, **env)
    again = practice.types(connect, MAIN, **env)

    assert (tried.exit_code, done.exit_code, again.exit_code) == (0, 0, 0), done.output
    assert "voice_url would be" in tried.output
    assert not untouched.voice_url.startswith(web)
    after = practice.main
    assert [url.partition("#") for url in (after.voice_url, after.fallback_url, after.status_callback)] == [
        (f"{web}/voice/{door}", "#", "rc=3&rp=ct,rt,5xx&ct=2000&rt=5000&tt=14000")
        for door in ("incoming", "fallback", "status")
    ]
    assert "as it should be" in again.output
    assert "is now" not in again.output


def test_a_number_is_connected_with_its_static_document(practice: Practice, web: str) -> None:
    missing = practice.types(connect, MAIN, PUBLIC_URL=web)
    practice.types(fallback, "--out", str(practice.static))
    done = practice.types(connect, MAIN, PUBLIC_URL=web)

    assert "/main.xml is not there" in missing.output
    assert done.exit_code == 0
    assert practice.main.fallback_url.startswith(f"{practice.env['FALLBACK_URL']}/main.xml#")
    assert practice.main.fallback_method == "GET"


def _rewrites(environ: dict[str, Any]) -> None:
    environ["RAW_URI"] = environ["REQUEST_URI"] = environ["RAW_URI"].replace("%20", " ")


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (_rewrites, "something between rewrites the URL"),
        (lambda environ: environ.pop("HTTP_X_TWILIO_SIGNATURE") and None, "another TWILIO_AUTH_TOKEN"),
        (lambda environ: "301 Moved", "is sent on (301)"),
        (lambda environ: "403 Forbidden", "another SECRET_KEY than this command, or a firewall"),
        (lambda environ: "418 Teapot", "somebody else answers at PUBLIC_URL, with 418"),
        (lambda environ: "200 OK", "somebody else answers at PUBLIC_URL, with 200"),
        (lambda environ: "502 Bad Gateway", "cannot reach the web process (502)"),
    ],
)
def test_what_stands_between_is_said_in_words_and_nothing_changes(
    practice: Practice, web: str, between: Between, what: Any, words: str
) -> None:
    before = practice.main
    between.does = what
    done = practice.types(connect, MAIN, PUBLIC_URL=web, FALLBACK_URL="")
    between.does = lambda environ: None

    assert done.exit_code == 1
    assert words in done.output
    assert practice.main == before


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"TWILIO_AUTH_TOKEN": "an old token"}, "another TWILIO_AUTH_TOKEN than this command"),
        ({"SECRET_KEY": "another key for tests of thirty letters"}, "another SECRET_KEY than this command"),
    ],
)
def test_a_command_with_other_secrets_than_the_web_process_is_told_so(
    practice: Practice, web: str, env: dict[str, str], words: str
) -> None:
    done = practice.types(connect, MAIN, PUBLIC_URL=web, FALLBACK_URL="", **env)

    assert done.exit_code == 1
    assert words in done.output


def test_a_web_process_that_goes_by_another_name_is_found_out(practice: Practice, web: str) -> None:
    done = practice.types(connect, MAIN, PUBLIC_URL=web.replace("127.0.0.1", "localhost"), FALLBACK_URL="")

    assert f"the web process goes by PUBLIC_URL {web}" in done.output


def test_nobody_there_and_no_certificate_are_told_apart(practice: Practice, web: str) -> None:
    away_ = practice.types(connect, MAIN, FALLBACK_URL="")
    no_tls = practice.types(connect, MAIN, PUBLIC_URL=web.replace("http:", "https:"), FALLBACK_URL="")

    assert "cannot be reached from here" in away_.output
    assert "the certificate of" in no_tls.output


def test_a_number_nobody_has_is_refused_by_name(practice: Practice) -> None:
    done = practice.types(connect, "+12125550999")

    assert done.exit_code == 1
    assert f"no line has +12125550999; there are {MAIN} (main)" in done.output


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"accepted": true, "public_url": "\\u001b[2J", "path": ""}'])
def test_what_somebody_else_answers_is_not_printed(body: bytes) -> None:
    assert round_trip._read(body) is None


def test_the_door_tells_strangers_nothing(web: str, between: Between) -> None:
    assert between.web is not None
    answer = between.web.test_client().post("/voice/round-trip/x", data={"Pass": "no pass"})  # type: ignore[attr-defined]

    assert (answer.status_code, answer.data) == (403, b"")
