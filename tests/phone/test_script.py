"""Written calls: what a pharmacist writes, how it runs, and what it says when something does not come true."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from flask import Flask, request
from flask.typing import ResponseReturnValue
from twilio.rest import Client

from ivr.phone.client import ExchangeAway, Phones
from ivr.phone.expectations import differences
from ivr.phone.files import Unreadable
from ivr.phone.script import ScriptResult, run
from ivr.phone.script_format import read_script
from ivr.phone.server import serving
from tests.phone.conftest import ANA, LINE, PATIENT, Product

STAFF = f"""
agents:
  - {{id: ana, name: Ana, phone: "{ANA}"}}
  - {{id: kim, name: Kim, client: kim}}
  - {{id: lee, name: Lee, sip: "sip:lee@example.test"}}
"""


@dataclass
class Orders:
    """An order system with one patient and what the test writes."""

    url: str = ""
    dispositions: list[dict[str, object]] = field(default_factory=list)
    tasks: dict[str, object] | list[object] = field(default_factory=dict)


@pytest.fixture
def orders() -> Iterator[Orders]:
    """A small order system over real HTTP."""
    orders, app = Orders(), Flask("orders")

    @app.get("/_sandbox/people")
    def people() -> ResponseReturnValue:
        return {"people": [{"id": "maria", "phone": PATIENT}]}

    @app.get("/v1/dispositions")
    def dispositions() -> ResponseReturnValue:
        if request.headers.get("Authorization") != "Bearer sandbox":
            return {"error": "who are you"}, 401
        return {"items": [{"call_id": request.args["call_id"], **one} for one in orders.dispositions]}

    @app.get("/v1/tasks")
    def tasks() -> ResponseReturnValue:
        return orders.tasks, 200  # type: ignore[return-value]

    @app.get("/v1/broken")
    def broken() -> ResponseReturnValue:
        return "no JSON"

    with serving(app) as url:
        orders.url = url
        yield orders


@dataclass(frozen=True)
class Desk:
    """Where scripts are written and run."""

    folder: Path
    exchange_url: str
    orders_url: str

    def write(self, steps: str, head: str = "as: maria\n") -> Path:
        path = self.folder / "call.yaml"
        lines = "".join(f"  - {step.strip()}\n" for step in steps.strip().splitlines())
        path.write_text(f"name: A call\n{head}steps:\n{lines}")
        return path

    def run(self, steps: str, head: str = "as: maria\n") -> ScriptResult:
        return run(
            self.write(steps, head),
            self.exchange_url,
            order_system_url=self.orders_url,
            content=self.folder,
            hear_seconds=0.7,
            ring_seconds=0.3,
            expect_seconds=0.3,
        )


@pytest.fixture
def desk(tmp_path: Path, exchange_url: str, orders: Orders) -> Desk:
    """A folder with staff and a running line."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "staff.yaml").write_text(STAFF)
    return Desk(tmp_path, exchange_url, orders.url)


@pytest.fixture(autouse=True)
def menu(product: Product) -> None:
    """A product with one menu."""
    gather = '<Gather action="/voice/next" numDigits="1" input="dtmf speech" actionOnEmptyResult="true">'
    product.answers("/voice/incoming", f"{gather}<Say>Thank you for calling Central Pharmacy.</Say></Gather>")
    product.answers("/voice/next", lambda form: f"<Say>Digits {form.get('Digits')} {form.get('SpeechResult')}</Say>")


def texts(result: ScriptResult) -> list[str]:
    """Return the findings' sentences."""
    return [finding.text for finding in result.findings]


# ---------------------------------------------------------------- calls that go well


def test_a_call_by_keys_passes(desk: Desk, product: Product) -> None:
    result = desk.run(
        """
        hear: thank you for   CALLING
        hear: /central (pharmacy|clinic)/
        key: 2
        hear: Digits 2
        expect: {ended: yes}
        """
    )

    assert (result.passed, texts(result)) == (True, [])
    assert product.requests("/voice/incoming")[0].params["From"] == PATIENT
    assert [told.text for told in result.transcript if "Central" in told.text] == [
        "“Thank you for calling Central Pharmacy.”"
    ]
    assert result.call_sid.startswith("CA")


def test_a_call_by_voice_and_one_by_silence_pass(desk: Desk) -> None:
    assert desk.run("say: refill please\nhear: refill please").passed
    assert desk.run("silence\nhear: Digits").passed


def test_staff_answer_hear_press_and_talk(desk: Desk, product: Product) -> None:
    screen = '<Gather action="/voice/ok" numDigits="1"><Say>A patient. Press 1</Say></Gather>'
    product.answers("/voice/incoming", f'<Dial><Number url="/voice/screen">{ANA}</Number></Dial><Say>Goodbye</Say>')
    product.answers("/voice/screen", screen)
    product.answers("/voice/ok", "")

    result = desk.run(
        """
        staff ana: answers
        staff ana: {hears: a patient}
        staff ana: {key: 1}
        talks
        staff ana: talks
        staff ana: {says: "Hello, this is Ana"}
        hear: this is Ana
        say: Hello Ana
        staff ana: {hears: hello ana}
        staff ana: hangs up
        hear: Goodbye
        """
    )

    assert texts(result) == []


def test_a_message_is_left_after_the_beep(desk: Desk, product: Product, phones: Phones) -> None:
    product.answers("/voice/incoming", '<Record action="/voice/next" finishOnKey="#"/>')

    result = desk.run('leave message: Please call me\nkey: "#"\nhear: Digits #')

    assert texts(result) == []
    assert phones.get("/recordings")["recordings"][0]["text"] == "Please call me"


def test_a_callback_rings_a_patient_who_may_decline_and_then_answer(
    desk: Desk, product: Product, twilio: Client
) -> None:
    def call_back(_: object) -> str:
        twilio.calls.create(to=PATIENT, from_=LINE, twiml="<Response><Say>Calling you back</Say></Response>")
        return "<Say>We will call you</Say>"

    product.answers("/voice/incoming", call_back)

    declined = desk.run("hear: we will call you\nphone maria: declines")
    answered = desk.run(f"phone {PATIENT}: answers\nphone {PATIENT}: {{hears: calling you back}}")

    assert texts(declined) + texts(answered) == []


def test_a_text_reaches_the_patients_phone(desk: Desk, product: Product, twilio: Client) -> None:
    twilio.messages.create(to=PATIENT, from_=LINE, body="Your order is ready")

    assert desk.run("phone maria: {gets text: is ready}").passed
    assert texts(desk.run("phone maria: {gets text: is late}")) == [
        "phone maria: got no text with `is late`; got: ['Your order is ready']"
    ]


def test_a_disposition_and_a_task_are_awaited_in_the_order_system(desk: Desk, orders: Orders) -> None:
    orders.dispositions = [{"outcome": "self_served", "final": True, "waited_seconds": 12}]
    orders.tasks = {"items": [{"kind": "callback", "for": {"tier": "verified"}, "tags": ["a", "b"]}]}

    result = desk.run(
        """
        expect: {disposition: {outcome: self_served, final: yes, waited_seconds: 12}}
        expect: {order_system: {/v1/tasks: {kind: callback, for: {tier: verified}, tags: [b]}}}
        """
    )

    assert texts(result) == []


def test_what_goes_wrong_on_purpose_ends_with_the_script(desk: Desk, phones: Phones) -> None:
    result = desk.run("faults: {twice: yes, delay_seconds: 0.01, lose_replies: 0}\nhear: thank you")

    assert result.passed
    assert phones.get("/faults")["twice"] is False


def test_a_rehearsal_of_failures_says_that_they_may_happen(desk: Desk, product: Product) -> None:
    product.answers("/voice/incoming", ("broken", 500))
    product.answers("/voice/fallback", "<Say>Once more</Say>")

    forgiven = desk.run("hear: once more", head="as: maria\nmay fail: yes\n")
    noticed = desk.run("hear: once more")

    assert forgiven.passed
    assert texts(noticed) == ["caller: FAILED: status 500 /voice/incoming"]


# ---------------------------------------------------------------- calls that do not


def test_words_never_said_fail_the_step_that_waits_for_them(desk: Desk) -> None:
    result = desk.run("hear: thank you\nkey: 2\nhear: your balance")

    assert [(finding.line, finding.text) for finding in result.findings] == [
        (6, "caller: did not hear `your balance` (the call is over); heard: Digits 2 None")
    ]


def test_what_was_said_before_a_step_does_not_count_after_it(desk: Desk) -> None:
    result = desk.run("hear: thank you\nkey: 2\nhear: thank you")

    assert not result.passed


def test_a_word_nobody_should_hear_fails_the_call(desk: Desk) -> None:
    result = desk.run("hear: thank you", head="from: anonymous\nnever hear: [pharmacy]\n")

    assert texts(result) == ["caller: heard `pharmacy`, which nobody should hear"]


def test_twiml_twilio_would_complain_about_fails_the_call(desk: Desk, product: Product) -> None:
    product.answers("/voice/incoming", '<Say voyce="man">Hello</Say>')

    result = desk.run("hear: hello")

    assert texts(result) == ["caller: WRONG: <Say> has no attribute `voyce` /voice/incoming"]


def test_a_phone_that_does_not_ring_fails_the_step(desk: Desk) -> None:
    assert texts(desk.run("staff ana: answers")) == ["staff ana: the phone did not ring within 0.3 s"]
    assert texts(desk.run("staff ana: {says: hello}")) == ["staff ana has not answered a call"]
    assert texts(desk.run("talks")) == ["caller: talks with nobody"]


def test_a_colleague_may_be_reached_at_a_softphone(desk: Desk, product: Product) -> None:
    product.answers("/voice/incoming", "<Dial><Client>kim</Client></Dial><Dial><Sip>sip:lee@example.test</Sip></Dial>")

    result = desk.run("staff kim: answers\ntalks\nstaff kim: hangs up\nstaff lee: answers\nstaff lee: talks")

    assert texts(result) == []


def test_a_busy_colleague_does_not_ring_and_is_free_afterwards(desk: Desk, product: Product, phones: Phones) -> None:
    product.answers("/voice/incoming", f"<Pause/><Dial>{ANA}</Dial><Say>Busy</Say>")

    result = desk.run("staff ana: {is: busy}\nhear: busy")

    assert texts(result) == []
    assert phones.get("/phones")["phones"][ANA]["does"] == "ring"


ROOM = '<Dial hangupOnStar="true" action="/voice/after"><Conference waitUrl="">room</Conference></Dial>'


def test_an_agent_holds_and_leaves_and_the_caller_hears_neither(desk: Desk, product: Product, twilio: Client) -> None:
    def ring_ana(_: object) -> str:
        twilio.calls.create(to=ANA, from_=LINE, url=f"{product.url}/voice/agent")
        return ROOM

    def hold(form: Mapping[str, str]) -> str:
        room = twilio.conferences.list(friendly_name="room")[0]
        caller = next(one for one in room.participants.list() if one.call_sid != form["CallSid"])
        room.participants(caller.call_sid).update(hold=True, hold_url=f"{product.url}/voice/music")
        return "<Say>What now?</Say><Gather/>"

    product.answers("/voice/incoming", ring_ana)
    product.answers("/voice/agent", ROOM)
    product.answers("/voice/after", hold)
    product.answers("/voice/music", "<Say>One moment</Say><Pause/>")

    result = desk.run(
        """
        staff ana: answers
        talks
        staff ana: {says: "Let me ask"}
        hear: let me ask
        staff ana: {key: "*"}
        staff ana: {hears: what now}
        held
        hear: one moment
        not hear: what now
        staff ana: {does not hear: one moment}
        """
    )

    assert texts(result) == []


def test_what_was_heard_and_who_is_not_held_is_told(desk: Desk) -> None:
    assert texts(desk.run("hear: thank you\nnot hear: central")) == [
        "caller: heard `central`; heard: Thank you for calling Central Pharmacy."
    ]
    assert texts(desk.run("held")) == ["caller: is not on hold"]


def test_a_message_is_left_on_a_patients_machine(desk: Desk, product: Product, twilio: Client) -> None:
    def call_back(_: object) -> str:
        more = {"machine_detection": "DetectMessageEnd"}
        twilio.calls.create(to=PATIENT, from_=LINE, twiml="<Response><Say>Please call us</Say></Response>", **more)
        return "<Say>We will call you</Say>"

    product.answers("/voice/next", call_back)

    result = desk.run(
        """
        phone maria: {is: {does: machine, greeting: "Hi, this is Maria", greeting_seconds: 4}}
        key: 1
        phone maria: {gets message: please call us}
        """
    )

    assert texts(result) == []
    assert texts(desk.run("phone maria: {gets message: your pills}")) == [
        "phone maria: got no message with `your pills`; got: ['Please call us']"
    ]


def test_a_browser_rings_by_its_address(desk: Desk, product: Product) -> None:
    product.answers("/voice/incoming", "<Dial><Client>kim</Client></Dial>")

    assert texts(desk.run("phone client:kim: answers\ntalks\nstaff kim: hangs up")) == [
        "staff kim has not answered a call"
    ]


def test_a_call_that_should_have_ended_or_not_is_told(desk: Desk) -> None:
    assert texts(desk.run("expect: {ended: yes}")) == ["the call has not ended"]
    assert texts(desk.run("hang up\nwait: 0.2\nexpect: {ended: no}")) == ["the call has ended"]
    assert texts(desk.run("hear: thank you\nexpect: {ended: no}")) == []


def test_a_disposition_that_differs_is_told_field_by_field(desk: Desk, orders: Orders) -> None:
    assert texts(desk.run("expect: {disposition: {outcome: answered}}")) == ["disposition: there is none"]

    orders.dispositions = [{"outcome": "abandoned", "final": False, "queue": None}]

    assert texts(desk.run("expect: {disposition: {outcome: answered, final: yes, queue: refills}}")) == [
        "disposition: outcome is `abandoned`, not `answered`; final is `no`, not `yes`; queue is `none`, not `refills`"
    ]


def test_an_order_system_that_shows_something_else_is_told(desk: Desk, orders: Orders) -> None:
    orders.tasks = ["a", "b"]

    assert texts(desk.run("expect: {order_system: {/v1/tasks: [c]}}")) == ["/v1/tasks: lacks c"]
    assert texts(desk.run("expect: {order_system: {/v1/broken: {a: b}}}")) == ["/v1/broken: there is none"]
    assert differences({"a": "b"}, "text") == "`text` has no fields"
    assert differences({"nmae": "b"}, {"id": 1, "name": "b"}) == (
        'there is no `nmae`; did you mean "name"?; there are: id, name'
    )


def test_what_is_heard_on_hold_again_and_again_is_told_once(desk: Desk, product: Product) -> None:
    product.answers("/voice/incoming", '<Enqueue waitUrl="/voice/wait">main</Enqueue>')
    product.answers("/voice/wait", "<Say>Please hold</Say><Play>http://example.test/a.wav</Play>")

    result = desk.run("wait: 0.5\nhang up")

    told = [line.text for line in result.transcript]
    assert told[3:5] == ["“Please hold”", "♪ http://example.test/a.wav"]
    assert told[5].startswith("… the same again, ")
    assert len(told) <= 9


# ---------------------------------------------------------------- scripts that cannot run


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("from: x\nsteps: [sillence]", '2:9: `sillence` is no step; did you mean "silence"?; there are: silence'),
        ("from: x\nsteps: [hear]", "2:9: `hear:` needs to say what"),
        ("from: x\nsteps:\n  - hang up: now", "3:5: `hang up` stands alone, without a colon"),
        ("from: x\nsteps:\n  - key: 1a", "3:10: a phone has the keys 0-9, * and #"),
        ("from: x\nsteps:\n  - hear: /(/", "3:11: not a regular expression"),
        ("from: x\nsteps:\n  - {hear: a, key: 1}", "3:15: one step does one thing"),
        ("from: x\nsteps:\n  - staff ana: {hears: a, key: 1}", "3:27: one step does one thing"),
        ("from: x\nsteps:\n  - staff: answers", "3:5: say whose phone: `staff ruth`"),
        ("from: x\nsteps:\n  - staff ana: replies", "3:16: `replies` is no step"),
        ("from: x\nsteps:\n  - staff ana: {is: sleepy}", "3:21: a phone is one of: ring, answer"),
        ("from: x\nsteps:\n  - staff ana: {is: {mood: bad}}", "3:22: a phone has no `mood`"),
        ("from: x\nsteps:\n  - staff ana: {is: {keys: 1}}", "3:21: say what the phone `does`"),
        ("from: x\nsteps:\n  - staff ana: {is: {does: answer, keys: x}}", "3:42: a phone has the keys"),
        ("from: x\nsteps:\n  - staff ana: {is: {does: answer, after_seconds: x}}", "3:51: seconds are"),
        ("from: x\nsteps:\n  - held: yes", "3:5: `held` stands alone"),
        ("from: x\nsteps:\n  - faults: {thrice: yes}", "3:13: no fault is called `thrice`"),
        ("from: x\nsteps:\n  - faults: {drop_callbacks_share: 2}", "3:13: drop_callbacks_share: a share is"),
        ("from: x\nsteps:\n  - wait: soon", "3:11: seconds are expected here"),
        ("from: x\nsteps:\n  - faults: many", "3:13: faults are expected here"),
        ("from: x\nsteps:\n  - expect: {mood: good}", "3:13: nothing is expected of `mood`"),
        ("from: x\nsteps:\n  - expect: {disposition: good}", "3:27: fields and their values"),
        ("from: x\nsteps:\n  - say: [a]", "3:10: words are expected here"),
        ("from: x\nsteps: hear", "2:8: a list is expected here"),
        ("from: x\nas: y\nsteps: [silence]", "1:1: say who calls"),
        ("from: x", "1:1: a script needs `steps:`"),
        ("- a", "1:1: a name, a colon and a value"),
        ("from: x\nstep: [silence]\nsteps: [silence]", '2:1: a script has no `step`; did you mean "steps"?'),
        ("from: {x", "1:9: a { is not closed"),
        ("", "1:1: the file is empty"),
    ],
)
def test_a_script_written_wrongly_names_the_place_and_what_to_do(tmp_path: Path, script: str, problem: str) -> None:
    path = tmp_path / "call.yaml"
    path.write_text(script)

    with pytest.raises(Unreadable) as refused:
        read_script(path)

    assert f"{path}:{problem}" in str(refused.value)


def test_every_mistake_in_a_script_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "call.yaml"
    path.write_text("from: x\nsteps:\n  - key: a\n  - sillence\n")

    with pytest.raises(Unreadable) as refused:
        read_script(path)

    assert len(str(refused.value).splitlines()) == 2


def test_a_script_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="No such file"):
        read_script(tmp_path / "none.yaml")


def test_people_nobody_knows_stop_a_script_before_it_calls(desk: Desk, phones: Phones) -> None:
    with pytest.raises(Unreadable, match='no staff has the id `anna`; did you mean "ana"'):
        desk.run("staff anna: answers")
    with pytest.raises(Unreadable, match='nobody is called `mario`; did you mean "maria"'):
        desk.run("silence", head="as: mario\n")

    assert phones.get("/calls", all=1)["calls"] == []


def test_without_an_exchange_or_an_order_system_nothing_runs(desk: Desk) -> None:
    path = desk.write("silence")

    with pytest.raises(ExchangeAway, match="no practice exchange answers"):
        run(path, "http://127.0.0.1:9", order_system_url=desk.orders_url, content=desk.folder)
    with pytest.raises(ExchangeAway, match="no order system answers"):
        run(path, desk.exchange_url, order_system_url="http://127.0.0.1:9", content=desk.folder)
