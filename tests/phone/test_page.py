"""The practice phone in a browser: a real Chromium, a real exchange, and real HTTP between them and the line."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from flask import jsonify
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from ivr.clock import Clock, start_anchor
from ivr.core.pharmacy import Pharmacy
from ivr.orders.sandbox.server import create_app as sandbox_app
from ivr.phone import page
from ivr.phone.exchange import Exchange
from ivr.phone.leg import Goto
from ivr.phone.numbers import NumberBook
from ivr.phone.ringing import Outgoing
from ivr.phone.server import create_app, serving
from ivr.settings import Settings
from tests.phone.conftest import ACCOUNT, TOKEN, Product
from tests.published import pharmacy_shipped
from tests.whole_line import ROOT, WholeLine, whole_line

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NOTICE = "In an emergency, hang up and dial 911."
ADA = "+16145550101"
TUESDAY = "2026-11-24T10:00-05:00"
PATIENCE_MS = 30_000  # a browser on a busy machine
expect.set_options(timeout=PATIENCE_MS)


# ---------------------------------------------------------------- a browser, and a line to call


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """What drives the browser."""
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """A Chromium without a window; each page has its own storage."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium here to open the page with; on Debian: apt install chromium")
    browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(FLAGS))
    yield browser
    browser.close()


@dataclass
class Practice:
    """An exchange with its page, the product it calls, and what the pharmacy has published."""

    url: str
    exchange: Exchange
    product: Product
    pharmacy: Pharmacy
    clock: Clock

    @property
    def agent(self) -> str:
        """The number of the first agent."""
        return next(iter(self.pharmacy.staff.values())).address

    @property
    def newest_leg(self) -> str:
        return list(self.exchange.legs)[-1]


@pytest.fixture(scope="module")
def pharmacy() -> Pharmacy:
    """The shipped pharmacy."""
    return pharmacy_shipped()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The sandbox order system, with its cast."""
    with serving(sandbox_app(str(tmp_path_factory.mktemp("sandbox") / "sandbox.db"), Clock().now)) as url:
        yield url


@pytest.fixture
def practice(product: Product, pharmacy: Pharmacy, sandbox: str) -> Iterator[Practice]:
    """A line whose documents the test gives, with the shipped people and staff."""
    clock = Clock(start_anchor(TUESDAY))
    numbers = NumberBook(lambda: {line.name: line.number for line in pharmacy.lines.values()}, product.url)
    exchange = Exchange(ACCOUNT, TOKEN, numbers, clock, pace=0.0, shortest_loop_seconds=0.05)
    settings = Settings(public_url=product.url, order_system_url=sandbox, rxline_content=ROOT)
    with serving(create_app(exchange, [page.blueprint(settings, clock)])) as url:
        yield Practice(url, exchange, product, pharmacy, clock)
        exchange.close()


@contextlib.contextmanager
def opened(browser: Browser, url: str, **how: Any) -> Iterator[Page]:
    """Open the page, and fail if anything in it does."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, **how)
    phone = context.new_page()
    phone.set_default_timeout(PATIENCE_MS)
    failures: list[str] = []
    phone.on("pageerror", lambda error: failures.append(str(error)))
    phone.goto(f"{url}/phone")
    expect(phone.locator(".person").first).to_be_visible()
    yield phone
    context.close()
    assert not failures


@pytest.fixture
def phone(browser: Browser, practice: Practice) -> Iterator[Page]:
    """The page, open and muted, so that sounds take half their time."""
    with opened(browser, practice.url) as phone:
        phone.get_by_role("button", name="Sound on").click()
        yield phone


def menu(practice: Practice) -> None:
    """Have the line say the notice and ask for a key, which it says again."""
    ask = '<Gather numDigits="1" action="/voice/chosen"><Say>For a person, press 0.</Say></Gather>'
    practice.product.answers("/voice/incoming", f"<Say>{NOTICE}</Say>{ask}")
    practice.product.answers(
        "/voice/chosen", lambda form: f"<Say>You pressed {form['Digits']}.</Say><Pause length='9'/>"
    )


def dial(phone: Page, name: str) -> None:
    phone.get_by_text(name, exact=True).click()
    phone.get_by_role("button", name="Dial").click()


def side(phone: Page, which: str) -> Any:
    return phone.locator(f"#{which}")


# ---------------------------------------------------------------- the caller's phone


def test_who_leaves_the_path_away_finds_the_phone_all_the_same(practice: Practice) -> None:
    answer = httpx.get(practice.url, follow_redirects=True)

    assert (answer.url.path, answer.status_code) == ("/phone", 200)


def test_a_newcomer_dials_and_hears_the_notice_then_presses_keys(phone: Page, practice: Practice) -> None:
    menu(practice)

    dial(phone, "Ada Marsh")
    expect(side(phone, "caller").get_by_text(NOTICE)).to_be_visible()
    expect(phone.get_by_text("Your turn: press a key")).to_be_visible()
    phone.keyboard.press("0")

    expect(side(phone, "caller").get_by_text("You pressed 0.")).to_be_visible()
    assert practice.product.requests("/voice/incoming")[0].params["From"] == ADA


def test_what_a_person_knows_by_heart_is_keyed_in_with_one_click(phone: Page, practice: Practice) -> None:
    practice.product.answers("/voice/incoming", '<Gather numDigits="7" action="/voice/number"/>')
    practice.product.answers("/voice/number", "<Pause length='9'/>")

    dial(phone, "Ada Marsh")
    phone.get_by_role("button", name=re.compile("Rx 7001001")).click()

    assert practice.product.wait_for("/voice/number")[0].params["Digits"] == "7001001"


def test_words_are_said_to_the_line_and_a_message_after_the_beep(phone: Page, practice: Practice) -> None:
    ask = '<Gather input="speech" action="/voice/words"><Say>What is it about?</Say></Gather>'
    practice.product.answers("/voice/incoming", ask)
    practice.product.answers("/voice/words", '<Record timeout="9" finishOnKey="#" action="/voice/kept"/>')
    practice.product.answers("/voice/kept", "<Say>Thank you.</Say>")
    words = side(phone, "caller").get_by_label("What you say")

    dial(phone, "Unknown number")
    expect(phone.get_by_text("Your turn: speak")).to_be_visible()
    words.fill("a refill")
    words.press("Enter")
    expect(phone.get_by_text("Recording")).to_be_visible()
    words.fill("please call me")
    words.press("Enter")
    side(phone, "caller").get_by_role("button", name="pound").click()

    expect(side(phone, "caller").get_by_text("please call me")).to_be_visible()
    assert practice.product.wait_for("/voice/words")[0].params["SpeechResult"] == "a refill"


def test_a_call_ends_when_the_caller_hangs_up(phone: Page, practice: Practice) -> None:
    menu(practice)

    dial(phone, "Withheld number")
    side(phone, "caller").get_by_role("button", name="Hang up").click()

    expect(phone.get_by_role("button", name="Call again")).to_be_visible()
    assert practice.product.requests("/voice/incoming")[0].params["From"] == "+266696687"


def test_the_page_opened_again_goes_on_with_the_call(phone: Page, practice: Practice) -> None:
    menu(practice)
    dial(phone, "Ada Marsh")
    expect(phone.get_by_text("Your turn")).to_be_visible()

    phone.reload()

    expect(side(phone, "caller").get_by_text(NOTICE)).to_be_visible()
    expect(phone.get_by_role("button", name="Hang up")).to_be_visible()


def test_the_callers_own_phone_rings_when_the_line_calls_back(phone: Page, practice: Practice) -> None:
    practice.product.answers("/voice/back", "<Say>You asked us to call.</Say><Pause length='9'/>")
    line = next(iter(practice.pharmacy.lines.values())).number

    practice.exchange.call_out(Outgoing(ADA, line, Goto(f"{practice.product.url}/voice/back")))
    side(phone, "caller").get_by_role("button", name="Answer").click()

    expect(side(phone, "caller").get_by_text("You asked us to call.")).to_be_visible()


# ---------------------------------------------------------------- the pharmacy's phones


def test_who_takes_calls_in_a_browser_is_rung_at_that_address(phone: Page, practice: Practice) -> None:
    practice.product.answers("/voice/incoming", "<Dial><Client>ana</Client></Dial>")
    staff = side(phone, "staff")

    dial(phone, "Unknown number")
    expect(staff.get_by_text("rings at client:ana")).to_be_visible()
    staff.get_by_role("button", name="Answer").click()

    expect(staff.get_by_text("Connected with Unknown number")).to_be_visible()


def test_a_ringing_agent_answers_hears_the_whisper_and_talks_with_the_caller(phone: Page, practice: Practice) -> None:
    number = f'<Number url="/voice/whisper">{practice.agent}</Number>'
    practice.product.answers("/voice/incoming", f'<Dial action="/voice/after">{number}</Dial>')
    ask = '<Gather numDigits="1" action="/voice/accepted"><Say>To take it, press 1.</Say></Gather>'
    practice.product.answers("/voice/whisper", f"{ask}<Hangup/>")
    practice.product.answers("/voice/accepted", "")
    practice.product.answers("/voice/after", "<Hangup/>")
    caller, staff = side(phone, "caller"), side(phone, "staff")

    dial(phone, "Unknown number")
    staff.get_by_role("button", name="Answer").click()
    expect(staff.get_by_text("To take it, press 1.")).to_be_visible()
    phone.keyboard.press("1")
    expect(staff.get_by_text("Connected with Unknown number")).to_be_visible()
    staff.get_by_label("What you say").fill("This is the pharmacist.")
    staff.get_by_role("button", name="Say", exact=True).click()
    expect(caller.get_by_text("This is the pharmacist.")).to_be_visible()
    caller.get_by_role("button", name="Hang up").click()
    staff.get_by_role("button", name="Put the phone down").click()

    expect(staff.get_by_role("listitem").first).to_be_visible()


def test_a_declined_call_stops_ringing(phone: Page, practice: Practice) -> None:
    practice.product.answers("/voice/incoming", f'<Dial action="/voice/after">{practice.agent}</Dial>')
    practice.product.answers("/voice/after", "<Say>Nobody is there.</Say>")

    dial(phone, "Unknown number")
    side(phone, "staff").get_by_role("button", name="Decline").click()

    expect(side(phone, "caller").get_by_text("Nobody is there.")).to_be_visible()
    expect(side(phone, "staff").get_by_role("button", name="Decline")).to_have_count(0)


# ---------------------------------------------------------------- aloud

SPEECH = """
window.spoken = [];
speechSynthesis.speak = (words) => window.spoken.push([words.lang, words.text]);
speechSynthesis.cancel = () => window.spoken.push(["hushed", ""]);
"""


def test_words_are_spoken_in_their_language_and_a_key_hushes_them(browser: Browser, practice: Practice) -> None:
    spanish = "<Say language='es-US'>Para español, oprima el dos.</Say>"
    practice.product.answers("/voice/incoming", f'<Gather numDigits="1" timeout="30">{spanish}</Gather>')

    # The page lets nothing be evaluated in it, not even what the test waits for.
    with opened(browser, practice.url, bypass_csp=True) as phone:
        phone.evaluate(SPEECH)
        dial(phone, "Ada Marsh")
        phone.wait_for_function("spoken.at(-1)?.[0] === 'es-US'")
        before = phone.evaluate("spoken.length")
        phone.keyboard.press("2")
        phone.wait_for_function(f"spoken.slice({before}).some(([how]) => how === 'hushed')")  # and then it goes on


def test_a_muted_phone_says_nothing_aloud(phone: Page, practice: Practice) -> None:
    menu(practice)
    phone.evaluate(SPEECH)

    dial(phone, "Ada Marsh")
    expect(side(phone, "caller").get_by_text(NOTICE)).to_be_visible()

    assert ["en-US", NOTICE] not in phone.evaluate("spoken")


# ---------------------------------------------------------------- beside it


def test_reasons_ticket_and_disposition_stand_beside_the_call(phone: Page, practice: Practice) -> None:
    menu(practice)
    dial(phone, "Kaya Winter")
    expect(side(phone, "caller").get_by_text(NOTICE)).to_be_visible()
    told = inside_of(practice)
    practice.product.answers(f"/practice/calls/{practice.newest_leg}", lambda _: jsonify(told))

    beside = side(phone, "beside")
    expect(beside.get_by_text("Late cold-chain parcel")).to_be_visible()
    expect(beside.get_by_text("routing_rules/main.yaml:27")).to_be_visible()
    expect(beside.get_by_text("it needs urgency: emergency, and urgency is unknown")).to_be_visible()
    expect(beside.get_by_text("days_left: at most 2", exact=True)).to_be_visible()
    expect(beside.get_by_text(re.compile(r"A person within 0:[0-4]\d"))).to_be_visible()
    expect(beside.get_by_text("2nd of 3 in line")).to_be_visible()
    expect(beside.get_by_text("in the order system")).to_be_visible()


def inside_of(practice: Practice) -> dict[str, Any]:
    now = practice.clock.now().isoformat()
    passed = {"rule": "Emergency", "file": "routing_rules/safety.yaml", "line": 5, "taken": False}
    taken = {"rule": "Late cold-chain parcel", "file": "routing_rules/main.yaml", "line": 27, "taken": True}
    why = [
        passed | {"because": "it needs urgency: emergency, and urgency is unknown"},
        taken | {"because": "days_left: at most 2"},
    ]
    ticket = {
        "queue": "refills",
        "kind": "hold",
        "state": "waiting",
        "emergency": False,
        "licensed": False,
        "needs": [],
    }
    times = {"arrived_at": now, "due_from": now, "answer_within_seconds": 45, "answered_at": None}
    until = datetime.fromtimestamp(practice.clock.now().timestamp() + 45, UTC).isoformat()
    return {
        "call": {
            "place": [],
            "phase": "holding",
            "facts": {"days_left": 1},
            "decision": {"route": "queue", "target": "refills", "answer_within_seconds": 45},
        },
        "ticket": ticket | times | {"promised_at": until, "position": 2, "waiting": 3},
        "offers": [{"agent": "ruth", "state": "missed"}],
        "journal": [{"seq": 1, "at": now, "event": {"event": "Keyed", "key": "3", "phase": "holding"}, "why": why}],
        "disposition": {"final": False, "in_order_system": True, "body": {"outcome": "abandoned"}},
    }


def test_what_twilio_would_complain_about_is_told_in_red(phone: Page, practice: Practice) -> None:
    practice.product.answers("/voice/incoming", "<Say>Hello.</Say><Sing/>")

    dial(phone, "Ada Marsh")

    expect(side(phone, "beside").get_by_role("alert")).to_contain_text("Sing")


def test_a_line_that_cannot_be_reached_is_told_in_red(phone: Page, practice: Practice) -> None:
    practice.exchange.faults.set({"refuse_connections": 9})

    dial(phone, "Ada Marsh")

    expect(side(phone, "beside").get_by_role("alert")).to_contain_text("11205")


# ---------------------------------------------------------------- the time


def test_the_time_is_set_for_everybody_who_practises(phone: Page, practice: Practice) -> None:
    phone.get_by_role("button", name="Set the time", exact=True).click()
    phone.get_by_role("button", name="Sunday at noon").click()

    expect(phone.get_by_text("closed: Sunday")).to_be_visible()
    assert f"{practice.clock.now():%A}" == "Sunday"


def test_every_preset_is_still_to_come_and_free_entry_is_in_the_pharmacys_own_time(practice: Practice) -> None:
    shown = httpx.get(f"{practice.url}/phone/clock").json()
    entered = httpx.post(f"{practice.url}/phone/clock", json={"at": "2026-12-24T22:00", "speed": 20}).json()

    assert len(shown["presets"]) == 4
    assert all(preset["at"] > shown["now"][:10] for preset in shown["presets"])
    assert entered["now"].startswith("2026-12-25T03:00")
    assert (entered["speed"], entered["closed_because"]) == (20, "after 20:00")


def test_a_time_that_is_none_is_refused(practice: Practice) -> None:
    refused = httpx.post(f"{practice.url}/phone/clock", json={"at": "tea time"})

    assert (refused.status_code, "2026-11-24T22:00" in refused.json()["error"]) == (400, True)


def test_the_real_time_cannot_be_set(product: Product) -> None:
    with bare_page(product, Clock(), ROOT) as url:
        shown = httpx.get(f"{url}/phone/clock").json()
        refused = httpx.post(f"{url}/phone/clock", json={"at": "now"})

    assert shown["settable"] is False
    assert (refused.status_code, "real clock" in refused.json()["error"]) == (409, True)


# ---------------------------------------------------------------- when a part is missing


@contextlib.contextmanager
def bare_page(product: Product, clock: Clock, folder: Path) -> Iterator[str]:
    """Serve the page of an exchange whose order system is away."""
    exchange = Exchange(ACCOUNT, TOKEN, NumberBook(dict, product.url), clock)
    settings = Settings(public_url=product.url, order_system_url="http://127.0.0.1:9", rxline_content=folder)
    with serving(create_app(exchange, [page.blueprint(settings, clock)])) as url:
        yield url
    exchange.close()


def test_a_broken_file_and_an_absent_order_system_are_told_and_strangers_can_still_call(
    browser: Browser, product: Product, tmp_path: Path
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "lines.yaml").write_text("lines: 7\n")

    with bare_page(product, Clock(), tmp_path) as url, opened(browser, url) as phone:
        expect(phone.get_by_role("alert").first).to_contain_text("config/lines.yaml")
        expect(phone.get_by_role("alert").first).to_contain_text("nobody here has a name")
        expect(phone.get_by_text("Unknown number", exact=True)).to_be_visible()


def test_a_content_folder_that_cannot_be_read_is_a_problem_told(product: Product, tmp_path: Path) -> None:
    with bare_page(product, Clock(), tmp_path / "nowhere") as url:
        told = httpx.get(f"{url}/phone/cast").json()
        shown = httpx.get(f"{url}/phone/clock").json()

    assert told["agents"] == []
    assert told["problems"]
    assert (shown["zone"], shown["presets"]) == ("UTC", [])


def test_a_web_process_that_tells_nothing_is_no_failure_of_the_page(product: Product) -> None:
    with bare_page(product, Clock(), ROOT) as url:
        told_nothing = httpx.get(f"{url}/phone/desk")
    with bare_page(Product(url="http://127.0.0.1:9"), Clock(), ROOT) as url:
        away = httpx.get(f"{url}/phone/calls/CA1")

    assert (told_nothing.status_code, away.status_code) == (404, 502)


def test_the_documentation_can_be_read(practice: Practice) -> None:
    contents = httpx.get(f"{practice.url}/phone/docs")

    assert ">Routing rules</a>" in contents.text
    for link in re.findall(r'href="(docs/[^"]+)"', contents.text):
        assert httpx.get(f"{practice.url}/phone/{link}").headers["Content-Type"].startswith("text/plain")


# ---------------------------------------------------------------- everybody can use it, and nothing leaves it


def test_the_page_asks_only_its_own_machine_and_no_url_names_anybody(phone: Page, practice: Practice) -> None:
    asked: list[str] = []
    phone.on("request", lambda request: asked.append(request.url))
    menu(practice)

    phone.reload()
    dial(phone, "Ada Marsh")
    expect(phone.get_by_text("Your turn")).to_be_visible()
    phone.keyboard.press("0")
    expect(phone.get_by_text("You pressed 0.")).to_be_visible()

    assert {url.partition("/phone")[0].partition("/handset")[0] for url in asked} == {practice.url}
    assert not [url for url in asked if "5550101" in url or "patient" in url or "Ada" in url]


def test_everything_that_can_be_pressed_has_a_name(phone: Page, practice: Practice) -> None:
    menu(practice)
    dial(phone, "Ada Marsh")
    expect(phone.get_by_text("Your turn")).to_be_visible()

    nameless = phone.locator("button:visible, input:visible, select:visible").evaluate_all(
        "all => all.filter((one) => !(one.textContent.trim() || one.ariaLabel)).map((one) => one.outerHTML)"
    )

    assert nameless == []


def test_on_a_small_screen_one_side_is_seen_at_a_time(browser: Browser, practice: Practice) -> None:
    with opened(browser, practice.url) as phone:
        phone.set_viewport_size({"width": 390, "height": 844})
        phone.get_by_role("button", name="Staff", exact=True).click()

        expect(side(phone, "staff")).to_be_visible()
        expect(side(phone, "caller")).to_be_hidden()
        assert phone.evaluate("document.documentElement.scrollWidth") == 390


def test_a_long_list_of_people_scrolls_by_itself_and_the_page_stays_where_it_is(phone: Page) -> None:
    phone.set_viewport_size({"width": 390, "height": 600})

    assert phone.evaluate("document.querySelector('.people').scrollHeight") > 600
    assert phone.evaluate("document.documentElement.scrollHeight") == 600


# ---------------------------------------------------------------- the whole line


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeLine]:
    """The whole line, as `make run` starts it."""
    with whole_line(tmp_path_factory.mktemp("line")) as running:
        yield running


def test_an_emergency_on_the_whole_line_reaches_a_pharmacist_and_the_page_says_why(
    browser: Browser, line: WholeLine
) -> None:
    with opened(browser, line.exchange) as phone:
        caller, staff, beside = side(phone, "caller"), side(phone, "staff"), side(phone, "beside")
        phone.get_by_role("button", name="Sound on").click()

        dial(phone, "Unknown number")
        expect(caller.get_by_text("dial 911").first).to_be_visible()
        expect(phone.get_by_text("Your turn")).to_be_visible()
        phone.keyboard.press("1")
        expect(caller.get_by_text("For a person, press 0.")).to_be_visible()
        caller.get_by_label("What you say").fill("overdose")
        caller.get_by_role("button", name="Say", exact=True).click()
        staff.get_by_role("button", name="Answer").first.click()
        expect(staff.get_by_text("press 1")).to_be_visible()
        phone.keyboard.press("1")
        expect(staff.get_by_text("Connected with Unknown number")).to_be_visible()

        expect(beside.get_by_role("heading", name="Emergency ticket")).to_be_visible()
        expect(beside.get_by_text("routing_rules/safety.yaml:")).to_be_visible()
        caller.get_by_role("button", name="Hang up").click()
        expect(beside.get_by_text("in the order system")).to_be_visible()
