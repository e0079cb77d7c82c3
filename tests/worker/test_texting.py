"""Texts: to the number that rings and nobody else, paced, and never the same one twice."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from ivr.content.prompts import Prompts, read_catalogue
from ivr.content.written import File, read_yaml
from ivr.core.call import Caller
from ivr.core.effects import SendText
from ivr.leases import Leases
from ivr.phone.exchange import Exchange
from ivr.phone.numbers import NumberBook
from ivr.phone.recordings import Text
from ivr.phone.server import create_app, serving
from ivr.store import EffectRow, Unreachable
from ivr.telephony.rest import FoundText, Refused, Telephone, Unknown
from ivr.texting import CODE_TEXT, LATEST, Texting
from tests.worker.conftest import Opened
from tests.worker.shop import LINE_NUMBER, ROSA, Shop
from tests.worker.test_placing import AT_ONCE, minutes_pass

ACCOUNT, TOKEN = "AC" + "1" * 32, "a-practice-token"
HOURS = SendText("hours_text", {"opens": "08:00"})
WORDS = {
    "en": "{hours_text: 'We open at {{ opens }}. {{ pharmacy }}'}",
    "es": "{hours_text: 'Abrimos a las {{ opens }}. {{ pharmacy }}'}",
}
ENGLISH = "We open at 08:00. Example Pharmacy"


def prompts() -> Prompts:
    catalogues = {}
    for code, words in WORDS.items():
        top = read_yaml(File(f"{code}.yaml", f"version: 1\nlocale: {code}-US\nvoice: any\nprompts: {words}\n"))
        assert top is not None
        catalogues[code] = read_catalogue(code, top)
    return Prompts(catalogues, "en")


@dataclass
class Post:
    """A shop whose texts go to a practice exchange over real HTTP."""

    shop: Shop
    exchange: Exchange
    texting: Texting

    @property
    def sent(self) -> list[Text]:
        return list(self.exchange.texts.values())

    @property
    def row(self) -> EffectRow:
        return self.shop.effect("SendText")

    def text(self, *effects: SendText, call_id: str = "CA1", **parts: object) -> None:
        self.shop.in_line(call_id)
        self.shop.change(call_id, does=effects or (HOURS,), **parts)


@pytest.fixture
def post(opened: Opened) -> Iterator[Post]:
    shop = opened("ana", texts_per_second=AT_ONCE)
    shop.publish(prompts=prompts())
    numbers = NumberBook(lambda: {"main": LINE_NUMBER}, "http://127.0.0.1:9")
    exchange = Exchange(ACCOUNT, TOKEN, numbers, shop.clock)
    with serving(create_app(exchange)) as url:
        telephone = Telephone(ACCOUNT, TOKEN, api_url=url)
        yield Post(shop, exchange, Texting(shop.board, telephone, Leases(shop.record.watch, "here")))
        telephone.close()
    exchange.close()


# ---------------------------------------------------------------- a text


def test_a_caller_gets_the_text_on_the_number_that_rings_from_the_one_they_rang(post: Post) -> None:
    post.text()
    post.texting.once()
    [text] = post.sent
    assert (text.to_number, text.from_number, text.body) == (ROSA, LINE_NUMBER, ENGLISH)
    assert post.row.state == "done"


def test_whoever_is_on_call_is_paged_about_an_emergency_nobody_took_though_its_caller_is_gone(post: Post) -> None:
    post.text(SendText("page_text", language="en", to="on_call"), phase="over", ended_at=post.shop.now - 2 * LATEST)
    post.texting.once()
    [text] = post.sent
    assert text.to_number == post.shop.board.pharmacy().sites["central"].on_call
    assert "an emergency call was not answered" in text.body


@pytest.mark.parametrize(
    ("language", "chosen", "begins"), [(None, "es", "Abrimos"), ("en", "es", "We open"), (None, None, "We open")]
)
def test_a_text_is_in_the_language_it_was_meant_in_else_in_the_callers(
    post: Post, language: str | None, chosen: str | None, begins: str
) -> None:
    post.text(SendText("hours_text", {"opens": "08:00"}, language), language=chosen)
    post.texting.once()
    assert [text.body.startswith(begins) for text in post.sent] == [True]


def test_a_text_goes_out_once_however_often_we_look(post: Post) -> None:
    post.text()
    for _ in range(3):
        post.texting.once()
    assert len(post.sent) == 1


def test_texts_go_out_at_the_pharmacys_pace(post: Post) -> None:
    post.shop.publish(policies=post.shop.pharmacy.policies.__class__(texts_per_second=1))
    post.text(HOURS, HOURS)
    assert 0 < post.texting.once() <= 1
    post.texting.once()
    assert len(post.sent) == 1


def test_only_one_worker_sends_texts(post: Post) -> None:
    assert post.shop.record.watch.lease("texting", "elsewhere", 15)
    post.text()
    assert post.texting.once() == 1.0
    assert post.sent == []


def test_a_caller_without_a_number_gets_no_text(post: Post) -> None:
    post.text(caller=Caller())
    post.texting.once()
    assert (post.sent, post.row.state) == ([], "done")


def test_who_hung_up_a_while_ago_is_not_written_to_any_more(post: Post) -> None:
    post.text(ended_at=post.shop.now - timedelta(minutes=9))
    post.texting.once()
    assert len(post.sent) == 1
    post.text(call_id="CA2", ended_at=post.shop.now - timedelta(minutes=11))
    post.texting.once()
    assert len(post.sent) == 1


def test_a_code_is_not_sent_to_who_has_hung_up(post: Post) -> None:
    post.text(SendText(CODE_TEXT, {"code": "604938"}), phase="over", ended_at=post.shop.now)
    post.texting.once()
    assert (post.sent, post.row.state) == ([], "done")


def test_words_nobody_wrote_are_given_up(post: Post) -> None:
    post.text(SendText("no_such_prompt"))
    post.texting.once()
    assert (post.sent, post.row.state) == ([], "dead")


# ---------------------------------------------------------------- refused, or nobody knows


def test_too_many_texts_are_tried_again_soon(post: Post, record_url: str) -> None:
    post.exchange.faults.set({"rest_failures": 1, "rest_status": 429})
    post.text()
    post.texting.once()
    assert (post.sent, post.row.state) == ([], "due")
    minutes_pass(record_url)
    post.texting.once()
    assert len(post.sent) == 1


def test_a_text_that_may_have_gone_out_is_looked_up_and_not_sent_again(post: Post, record_url: str) -> None:
    post.exchange.faults.set({"rest_failures": 1, "rest_status": 503, "rest_when": "after"})
    post.text()
    post.texting.once()
    assert post.row.state == "unknown"
    minutes_pass(record_url)
    post.texting.once()
    assert post.row.state == "done"
    assert len(post.sent) == 1


def test_a_text_that_did_not_go_out_is_sent_again(post: Post, record_url: str) -> None:
    post.exchange.faults.set({"rest_failures": 1, "rest_status": 503})
    post.text()
    post.texting.once()
    assert (post.sent, post.row.state) == ([], "unknown")
    minutes_pass(record_url)
    post.texting.once()
    assert (len(post.sent), post.row.state) == (1, "done")


def test_of_two_texts_of_the_same_words_each_is_found_once(post: Post, record_url: str) -> None:
    post.text(HOURS, HOURS)
    post.texting.once()
    assert len(post.sent) == 2
    post.exchange.faults.set({"rest_failures": 1, "rest_status": 503})
    post.shop.change("CA1", does=(HOURS,))
    post.texting.once()
    minutes_pass(record_url)
    post.texting.once()
    assert [row.state for row in post.shop.effects("SendText")] == ["done"] * 3
    assert len(post.sent) == 3


def test_a_text_of_another_call_is_not_taken_for_one_that_never_went_out(post: Post, record_url: str) -> None:
    post.exchange.faults.set({"rest_failures": 1, "rest_status": 503})
    post.text()
    post.texting.once()
    post.text(call_id="CA2")
    post.texting.once()
    assert len(post.sent) == 1
    minutes_pass(record_url)
    post.texting.once()
    ours = [row.state for call in ("CA1", "CA2") for row in post.shop.effects("SendText", call_id=call)]
    assert ours == ["done", "done"]
    assert len(post.sent) == 2


class Crash(BaseException):
    """What kill -9 looks like from within."""


class Refusing:
    """A Twilio that gives one answer to every text, whether it was sent or not."""

    def __init__(self, trouble: BaseException, *found: FoundText) -> None:
        self.trouble = trouble
        self.found = list(found)
        self.asked = 0
        self.looked = 0

    def send_text(self, **text: str) -> str:
        self.asked += 1
        raise self.trouble

    def find_texts(self, **wanted: object) -> list[FoundText]:
        self.looked += 1
        if isinstance(self.trouble, Crash):
            return self.found
        raise self.trouble


def of(post: Post, twilio: Refusing) -> Texting:
    return Texting(post.shop.board, twilio, Leases(post.shop.record.watch, "here"))  # type: ignore[arg-type]


def test_who_asked_for_no_more_texts_gets_none_and_nobody_tries_again(post: Post, record_url: str) -> None:
    twilio = Refusing(Refused(21610, 400))
    post.text()
    for _ in range(2):
        of(post, twilio).once()
        minutes_pass(record_url)
    assert (twilio.asked, post.row.state) == (1, "dead")


def test_a_worker_that_dies_while_sending_leaves_a_text_that_is_adopted(post: Post, record_url: str) -> None:
    """A trial account puts words of its own before ours."""
    twilio = Refusing(Crash(), FoundText("SM1", f"Sent from a trial account - {ENGLISH}", "sent", None))
    post.text()
    with pytest.raises(Crash):
        of(post, twilio).once()
    assert post.row.state == "sending"
    minutes_pass(record_url)
    of(post, twilio).once()
    assert (twilio.asked, post.row.state) == (1, "done")


def test_while_twilios_list_is_not_to_be_had_nothing_is_guessed(post: Post, record_url: str) -> None:
    twilio = Refusing(Unknown(500))
    post.text()
    for _ in range(2):
        of(post, twilio).once()
        minutes_pass(record_url)
    assert (twilio.asked, twilio.looked, post.row.state) == (1, 1, "unknown")


def test_what_twilio_never_heard_of_is_sent_again_twice_and_then_given_up(post: Post, record_url: str) -> None:
    twilio = Refusing(Crash())
    post.text()
    for _ in range(3):
        with pytest.raises(Crash):
            of(post, twilio).once()
        minutes_pass(record_url)
    of(post, twilio).once()
    assert (twilio.asked, post.row.state) == (3, "dead")


@pytest.mark.parametrize(("found", "state"), [((), "dead"), ((FoundText("SM1", ENGLISH, "sent", None),), "done")])
def test_whether_a_text_went_out_is_known_also_when_its_caller_has_long_gone(
    post: Post, record_url: str, found: tuple[FoundText, ...], state: str
) -> None:
    twilio = Refusing(Crash(), *found)
    post.text()
    with pytest.raises(Crash):
        of(post, twilio).once()
    minutes_pass(record_url)
    post.shop.change("CA1", ended_at=post.shop.now - timedelta(minutes=11))
    of(post, twilio).once()
    assert (twilio.asked, twilio.looked, post.row.state) == (1, 1, state)


def test_a_text_to_a_number_nobody_has_any_more_is_let_go(post: Post, record_url: str) -> None:
    twilio = Refusing(Crash())
    post.text()
    with pytest.raises(Crash):
        of(post, twilio).once()
    minutes_pass(record_url)
    post.shop.change("CA1", caller=Caller())
    of(post, twilio).once()
    assert (twilio.looked, post.row.state) == (0, "dead")


def test_without_the_record_nothing_is_sent(post: Post, record_url: str) -> None:
    post.text()
    post.shop.away(record_url)
    with pytest.raises(Unreachable):
        post.texting.once()
    assert post.sent == []


# ---------------------------------------------------------------- what is kept


def test_what_a_text_says_is_nowhere_in_the_record_nor_in_the_log(
    post: Post, record_url: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    post.exchange.faults.set({"rest_failures": 1, "rest_status": 503})
    post.text(SendText("hours_text", {"opens": "604938"}))
    post.texting.once()
    minutes_pass(record_url)
    post.texting.once()
    with sqlite3.connect(record_url.removeprefix("sqlite:///")) as record:
        rows = record.execute("SELECT * FROM effects WHERE kind = 'SendText'").fetchall()
    record.close()
    assert "604938" in post.sent[0].body
    told = f"{rows}{caplog.text}{capsys.readouterr()}"
    assert "text_perhaps_sent" in told
    assert not any(secret in told for secret in ("604938", ROSA))
