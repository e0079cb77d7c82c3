"""`ivr dial` in a terminal and in a pipe, and the exchange as a process of its own."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.typing import ResponseReturnValue
from twilio.rest import Client

from ivr.phone import files
from ivr.phone.__main__ import CannotStart, Lines, refuse_real_line
from ivr.phone.client import ExchangeAway, Phone, Phones, Refused
from ivr.phone.dial import dial
from ivr.phone.server import serving
from ivr.settings import PRACTICE_ACCOUNT_SID
from tests.phone.conftest import ANA, LINE, PATIENT, Product

MENU = '<Gather action="/voice/next" numDigits="1" input="dtmf speech"><Say>Press 1</Say></Gather>'


@pytest.fixture
def content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A content folder with a line and a colleague, which the environment names."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "lines.yaml").write_text(f'lines: {{main: {{number: "{LINE}"}}}}')
    (tmp_path / "config" / "staff.yaml").write_text(f'agents: [{{id: ana, name: Ana, phone: "{ANA}"}}]')
    monkeypatch.setenv("RXLINE_CONTENT", str(tmp_path))
    return tmp_path


@pytest.fixture
def cast(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An order system that knows Maria."""
    app = Flask("orders")

    @app.get("/_sandbox/people")
    def people() -> ResponseReturnValue:
        return {"people": [{"id": "maria", "phone": PATIENT}]}

    with serving(app) as url:
        monkeypatch.setenv("ORDER_SYSTEM_URL", url)
        yield


@pytest.fixture(autouse=True)
def menu(product: Product, content: Path) -> None:
    """A product with one menu."""
    product.answers("/voice/incoming", MENU)
    product.answers("/voice/next", lambda form: f"<Say>You said {form.get('Digits') or form['SpeechResult']}</Say>")


@dataclass(frozen=True)
class Said:
    """How a command ended, and everything it wrote."""

    exit_code: int
    output: str


@dataclass(frozen=True)
class Terminal:
    """Runs `ivr dial` with real standard input: a pipe, or a terminal."""

    exchange_url: str
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str, lines: str = "", exchange_url: str = "") -> Said:
        """Run it with these lines piped in."""
        reads, writes = os.pipe()
        with os.fdopen(writes, "w") as pipe:
            pipe.write(lines)
        return self.run(reads, *arguments, exchange_url=exchange_url)

    def run(self, stdin: int, *arguments: str, exchange_url: str = "") -> Said:
        """Run it with an open file as its standard input."""
        url = ["--exchange", exchange_url or self.exchange_url]
        with os.fdopen(stdin) as file, self.monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", file)
            with pytest.raises(SystemExit) as left:
                dial.main([*url, *arguments], prog_name="ivr dial")
        written = self.capsys.readouterr()
        return Said(int(left.value.code or 0), written.out + written.err)


@pytest.fixture
def typing(exchange_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """A terminal at the exchange."""
    return Terminal(exchange_url, monkeypatch, capsys)


def test_a_call_in_a_pipe_shows_what_is_heard(typing: Terminal, product: Product) -> None:
    result = typing("main", lines="1\n")

    assert result.exit_code == 0
    assert "“Press 1”" in result.output
    assert "“You said 1”" in result.output
    assert "over: completed, ended by the line" in result.output
    assert product.requests("/voice/incoming")[0].params["From"] == "+12025550199"


def test_words_are_spoken_and_messages_left(typing: Terminal, product: Product) -> None:
    product.answers("/voice/next", "<Record finishOnKey='#' action='/voice/done'/>")
    product.answers("/voice/done", "<Say>Thanks</Say>")

    result = typing(lines="say: refill please\nmessage: call me\n#\n")

    assert "says “refill please”" in result.output
    assert "message recorded" in result.output
    assert "“Thanks”" in result.output


def test_waiting_hanging_up_and_not_being_understood(typing: Terminal) -> None:
    result = typing(lines="wat\nanswer\nhang up\n")
    waited = typing(lines="wait\n")

    assert "say: words" in result.output
    assert "it does not ring" in result.output
    assert "ended by the caller" in result.output
    assert "says and presses nothing" in waited.output


def test_a_pipe_that_ends_hangs_up_when_nothing_more_happens(typing: Terminal, product: Product) -> None:
    product.answers("/voice/incoming", '<Enqueue waitUrl="">main</Enqueue>')

    result = typing()

    assert "is in line (main)" in result.output
    assert "ended by the caller" in result.output


@pytest.mark.usefixtures("cast")
def test_a_person_of_the_order_system_calls_from_their_own_number(typing: Terminal, product: Product) -> None:
    assert typing(LINE, "--as", "maria", lines="hang up\n").exit_code == 0

    assert product.requests("/voice/incoming")[0].params["From"] == PATIENT
    unknown = typing("--as", "mario")
    assert (unknown.exit_code, unknown.output.strip()) == (2, 'nobody is called `mario`; did you mean "maria"?')


def test_a_colleague_at_a_terminal_answers_when_it_rings(typing: Terminal, twilio: Client, phones: Phones) -> None:
    ours, theirs = pty.openpty()

    def hands() -> None:
        os.write(ours, b"too early\n")
        time.sleep(0.1)
        twilio.calls.create(to=ANA, from_=LINE, twiml="<Response><Say>A patient</Say><Gather/></Response>")
        phones.ringing(ANA, wait_seconds=5)
        os.write(ours, b"answer\n")
        phone = Phone(phones, phones.get("/calls", number=ANA)["calls"][0]["leg"])
        phone.wait_for(lambda lines: any(line["kind"] == "gathering" for line in lines), 5)
        os.write(ours, b"\x04")

    person = threading.Thread(target=hands)
    person.start()
    said = typing.run(theirs, "--staff", "ana")
    person.join()
    os.close(ours)

    assert f"waiting for {ANA} to ring" in said.output
    assert "“A patient”" in said.output
    assert "ended by the caller" in said.output
    assert "too early" not in said.output


def test_a_colleague_in_a_pipe_answers_and_presses(typing: Terminal, product: Product, twilio: Client) -> None:
    product.answers("/voice/agent", MENU)
    twilio.calls.create(to=ANA, from_=LINE, url=f"{product.url}/voice/agent")

    said = typing("--staff", ANA, lines="answer\n1\n")

    assert "“You said 1”" in said.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["mian"], 'no line is called `mian`; did you mean "main"?; there are: main (+15550100000)'),
        (["main", "other"], "one call goes to one line"),
        (["--staff", "anna"], 'no staff has the id `anna`; did you mean "ana"?'),
        (["--script"], "--script needs the files to run"),
        (["--script", "none.yaml"], "none.yaml: No such file"),
    ],
)
def test_what_cannot_be_dialed_is_told(typing: Terminal, arguments: list[str], sentence: str) -> None:
    result = typing(*arguments)

    assert result.exit_code == 2
    assert sentence in result.output


def test_without_an_exchange_nothing_rings(typing: Terminal) -> None:
    result = typing(exchange_url="http://127.0.0.1:9")

    assert (result.exit_code, "no practice exchange answers" in result.output) == (2, True)


def test_a_real_line_is_not_practised_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", "AC" + "2" * 32)
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "x")
    monkeypatch.setenv("PUBLIC_URL", "https://line.example.test")
    monkeypatch.setenv("SECRET_KEY", "k" * 32)

    result = CliRunner().invoke(dial, [])

    assert (result.exit_code, "real Twilio credentials" in result.output) == (2, True)


@pytest.mark.usefixtures("cast")
def test_written_calls_pass_or_fail_with_their_transcript(typing: Terminal, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    calls.mkdir()
    (calls / "good.yaml").write_text("name: Good\nas: maria\nsteps: [{hear: press 1}, {key: 1}, {hear: You said 1}]")
    (calls / "bad.yaml").write_text("name: Bad\nas: maria\nsteps:\n  - key: 1\n  - expect: {ended: no}\n  - hear: x\n")

    both = typing("--script", str(calls))
    good = typing("--script", str(calls / "good.yaml"))

    assert (both.exit_code, good.exit_code) == (1, 0)
    assert "✓ Good" in both.output
    assert "✗ Bad" in both.output
    assert "caller: “Press 1”" in both.output
    assert "1 of 2 calls went as written" in both.output
    assert f"{calls / 'bad.yaml'}:" in both.output


# ---------------------------------------------------------------- the process


def free_port() -> int:
    """Return a port nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_exchange_runs_as_a_process_and_stops_when_asked(product: Product, content: Path) -> None:
    port = free_port()
    env = {**os.environ, "TWILIO_API_URL": f"http://127.0.0.1:{port}", "PUBLIC_URL": product.url}
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "ivr.phone", "--pace", "0"], env=env, stderr=subprocess.PIPE
    )
    with process, Phones(env["TWILIO_API_URL"]) as phones, ending(process):
        _wait_until_up(phones)
        phone = phones.call("main", PATIENT)
        assert phone.wait_for(lambda lines: any(line["kind"] == "said" for line in lines), 5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""


@contextlib.contextmanager
def ending(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End it in any case: whoever leaves it running waits for it for ever."""
    try:
        yield
    finally:
        process.kill()


def _wait_until_up(phones: Phones) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            phones.lines()
            return
        except ExchangeAway:
            time.sleep(0.05)


def test_the_process_says_why_it_does_not_start(tmp_path: Path) -> None:
    env = {**os.environ, "RXLINE_CONTENT": str(tmp_path / "none")}
    nothing = subprocess.run([sys.executable, "-m", "ivr.phone"], env=env, capture_output=True, text=True, check=False)

    assert nothing.returncode == 2
    assert nothing.stderr.startswith("the practice exchange did not start: ")
    assert "lines.yaml: No such file" in nothing.stderr


def test_a_real_line_has_no_practice_exchange() -> None:
    with pytest.raises(CannotStart, match="unset the TWILIO_ names"):
        refuse_real_line({"TWILIO_ACCOUNT_SID": "AC" + "2" * 32})
    with pytest.raises(CannotStart, match="not on this machine"):
        refuse_real_line({"TWILIO_API_URL": "https://api.twilio.com"})
    refuse_real_line({"TWILIO_ACCOUNT_SID": PRACTICE_ACCOUNT_SID})
    refuse_real_line({"TWILIO_ACCOUNT_SID": "AC" + "2" * 32, "TWILIO_API_URL": "http://127.0.0.1:8200"})


def test_lines_half_edited_stay_as_they_were(content: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines(content)

    (content / "config" / "lines.yaml").write_text("lines: {main: {number")

    assert lines() == {"main": LINE}
    assert "is not closed" in capsys.readouterr().err


def test_a_content_folder_without_what_is_looked_for_is_told(tmp_path: Path) -> None:
    (tmp_path / "config" / "lines.yaml").write_bytes(b"\xff\xfe")
    (tmp_path / "config" / "staff.yaml").write_text("people: []")

    with pytest.raises(files.Unreadable, match="not text"):
        files.lines(tmp_path)
    assert files.staff(tmp_path) == {}


# ---------------------------------------------------------------- the handset API refuses in sentences


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("/calls", {"from": PATIENT}, "to is missing"),
        ("/calls", {"from": PATIENT, "to": "main", "colour": "red"}, "nothing is called `colour` here"),
        ("/calls", {"from": 5, "to": "main"}, "from: needs a str"),
        ("/calls/CA1/keys", {"digits": "1x"}, "a phone has the keys 0-9"),
        ("/calls/CA1/keys", {"digits": "1"}, "there is no such call"),
        ("/calls/CA1/answer", {}, "there is no such call"),
        ("/phones", {"number": ANA, "does": "sleep"}, "does: one of ring, answer"),
    ],
)
def test_what_a_handset_cannot_do_is_told(phones: Phones, path: str, body: dict[str, object], sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        phones.post(path, **body)


def test_a_call_that_is_over_takes_no_more_keys(phones: Phones, product: Product) -> None:
    product.answers("/voice/incoming", "<Hangup/>")
    phone = phones.call("main", PATIENT)
    phone.wait_for(lambda lines: any(line["kind"] == "over" for line in lines), 5)

    with pytest.raises(Refused, match="the call is over: completed"):
        phone.press("1")
    assert phones.get("/calls")["calls"] == []
    assert [leg["leg"] for leg in phones.get("/calls", all=1, number=PATIENT)["calls"]] == [phone.leg]
    with pytest.raises(Refused, match="after: needs a number"):
        phones.get(f"/calls/{phone.leg}", after="x")


def test_forms_and_other_bodies_are_refused(phones: Phones) -> None:
    with pytest.raises(Refused, match="send a JSON object"):
        phones._ask("POST", "/calls", data={"from": PATIENT, "to": "main"})
    with pytest.raises(Refused, match="is that a practice exchange"):
        phones.get("/nothing")
