"""What the practice phone finds wrong with a document that Twilio would complain about or silently ignore."""

from __future__ import annotations

import json

import pytest
from twilio.twiml.voice_response import Dial, Gather, VoiceResponse

from ivr.phone.lint import CATALOGUE, Setting, Unparseable, Violation, check, check_reply, parse
from tests.phone.sdk_catalogue import catalogue


def found(inside: str, setting: Setting = Setting.CALL, inline: bool = False) -> list[str]:
    """Return the sentences about a document with this inside its <Response>."""
    return [violation.text for violation in check(parse(_document(inside)), setting, inline)]


def _document(inside: str) -> bytes:
    return f"<Response>{inside}</Response>".encode()


def test_the_catalogue_is_the_installed_sdks() -> None:
    assert json.loads(json.dumps(catalogue())) == CATALOGUE, "run `python -m tests.phone.sdk_catalogue`"


def test_what_the_sdk_builds_is_right() -> None:
    response = VoiceResponse()
    gather = Gather(input="dtmf speech", num_digits=1, action="/voice/next", action_on_empty_result=True, hints="a,b")
    say = gather.say(voice="Polly.Joanna", language="en-US")
    say.say_as("123", interpret_as="digits")
    say.break_(time="200ms")
    say.lang("hola", xml_lang="es-US")
    response.append(gather)
    dial = Dial(action="/voice/after", hangup_on_star=True)
    dial.conference("room", end_conference_on_exit=True, status_callback="/c", status_callback_event="join leave")
    response.append(dial)
    response.enqueue("main", wait_url="/voice/wait#rc=3&rp=ct,rt,5xx")
    response.redirect("/voice/next")

    assert check(parse(str(response).encode())) == []


@pytest.mark.parametrize(
    ("inside", "sentence"),
    [
        ("<Speak>Hi</Speak>", "<Speak> is not allowed inside <Response>"),
        ('<Say voise="man">Hi</Say>', "<Say> has no attribute `voise`"),
        ("<say>Hi</say>", "<say> is not allowed inside <Response>"),
        ("<Gather><Redirect>/x</Redirect></Gather>", "<Redirect> is not allowed inside <Gather>"),
        ("<Say><bold>Hi</bold></Say>", "<bold> is not allowed inside <Say>"),
        ("<Say> </Say>", "<Say> says nothing"),
        (f"<Say>{'a' * 4097}</Say>", "<Say> is 4097 characters; this voice says at most 4096"),
        (f"<Say voice='Polly.Joanna'>{'a' * 3001}</Say>", "<Say> is 3001 characters; this voice says at most 3000"),
        (f"<Say voice='Google.en-US-1'>{'a' * 4990}<s>b</s></Say>", "<Say> is over 4,500 characters once URL-encoded"),
        (f"<Say voice='Google.en-US-1'>{'a' * 4995}<s>b</s></Say>", "<Say> is 5003 characters"),
        (f"<Say>{'ñ' * 1000}</Say>", "<Say> is over 4,500 characters once URL-encoded"),
        ('<Gather numDigits="0"/>', '<Gather numDigits="0"> is not a value Twilio knows'),
        ('<Gather input="keys"/>', '<Gather input="keys"> is not a value Twilio knows'),
        ('<Gather method="PUT"/>', '<Gather method="PUT"> is not a value Twilio knows'),
        ('<Gather speechModel="phone_call" speechTimeout="auto"/>', "needs a speechTimeout in whole seconds"),
        (f'<Gather hints="{"a," * 501}"/>', "<Gather hints>: at most 500"),
        ('<Gather><Play digits="1"/></Gather>', "<Play digits> is not allowed inside <Gather>"),
        ('<Gather action="/x#rc=7"/>', "<Gather>: rc=7 is not a number from 0 to 5"),
        ("<Redirect>/x#rp=maybe</Redirect>", "<Redirect>: rp=maybe is no retry policy"),
        ("<Redirect>/x</Redirect><Say>Hi</Say>", "<Say> after <Redirect> is never reached"),
        ("<Dial/>", "<Dial> calls nobody"),
        ("<Dial><Number>1</Number><Conference>r</Conference></Dial>", "cannot mix <Conference>"),
        (f"<Dial>{'<Number>1</Number>' * 11}</Dial>", "<Dial> calls at most 10 at once"),
        ("<Enqueue></Enqueue>", "<Enqueue> needs a queue's name"),
        (f"<Enqueue>{'q' * 65}</Enqueue>", "<Enqueue> needs a queue's name"),
        ('<Dial><Conference statusCallbackEvent="joined">r</Conference></Dial>', "is not a value Twilio knows"),
    ],
)
def test_a_mistake_is_named(inside: str, sentence: str) -> None:
    assert any(sentence in text for text in found(inside)), found(inside)


@pytest.mark.parametrize(
    ("inside", "setting", "code"),
    [
        ("<Record/>", Setting.QUEUE_WAIT, 12200),
        ("<Enqueue>a</Enqueue>", Setting.QUEUE_WAIT, 12200),
        ("<Gather/>", Setting.CONFERENCE_WAIT, 13238),
        ("<Dial>1</Dial>", Setting.WHISPER, 13201),
        ("<Redirect>/x</Redirect>", Setting.WHISPER, 12200),
    ],
)
def test_each_setting_allows_only_its_own_verbs(inside: str, setting: Setting, code: int) -> None:
    assert [violation.code for violation in check(parse(_document(inside)), setting)] == [code]
    assert found(inside) == []


def test_inline_documents_need_absolute_actions() -> None:
    assert found('<Gather action="/x"/>', inline=True) == ["<Gather> in inline TwiML needs an absolute action"]
    assert found('<Gather action="https://host.test/x"/>', inline=True) == []


@pytest.mark.parametrize(
    ("body", "code"), [(b"", 11770), (b"  ", 11770), (b"<Response>", 12100), (b"hello", 12100), (b"<Html/>", 12102)]
)
def test_what_cannot_run_at_all_is_refused(body: bytes, code: int) -> None:
    with pytest.raises(Unparseable) as refused:
        parse(body)

    assert refused.value.code == code


def test_how_a_document_is_sent_matters_too() -> None:
    assert check_reply(b"<Response/>", "text/xml; charset=utf-8") == []
    assert [one.code for one in check_reply(b"<Response/>", "text/plain")] == [12300]
    assert check_reply(b" " * 65_537, "text/xml") == [Violation(11750, "the document is over 64 kB")]


@pytest.mark.parametrize(
    ("inside", "wrong"),
    [
        ('<prosody rate="85%">Hello. <break time="500ms"/>Bye.</prosody>', False),
        ('<prosody rate="slow">Hello.</prosody>', False),
        ('<prosody rate="quick">Hello.</prosody>', True),
        ('Hello. <break time="soon"/>Bye.', True),
    ],
)
def test_markup_in_what_is_said_has_values_the_voices_know(inside: str, wrong: bool) -> None:
    assert bool(found(f"<Say voice='Polly.Joanna-Neural'>{inside}</Say>")) == wrong
