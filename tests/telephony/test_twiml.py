"""What we write is TwiML as Twilio's own SDK knows it, and says exactly what it was given."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import quote
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twilio.twiml import voice_response  # type: ignore[import-untyped]

from ivr.core.verbs import Back, Dial, Gather, Hangup, Hold, Leave, Meet, Pause, Play, Record, Say, Verb
from ivr.doors import Doors
from ivr.telephony.twiml import FRAGMENT, NOTHING, Renderer, rescue

PUBLIC_URL = "https://rx.example"
LEG = "7Yc1nVY0b3Q"


@dataclass(frozen=True)
class Spoken:
    text: str
    locale: str = "en-US"
    voice: str = "Polly.Joanna-Neural"


@dataclass
class Prompts:
    """A line that says the prompt's own name, its language and its values."""

    texts: Mapping[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def say(self, language: str, prompt: str, values: Mapping[str, object]) -> Spoken:
        self.asked.append(prompt)
        told = " ".join(map(str, values.values()))
        return Spoken(self.texts.get(prompt, f"{prompt} {told}".strip()), f"{language}-US", f"Polly.{language}")


PROMPTS = Prompts()
RENDERER = Renderer(PUBLIC_URL, lambda recording: f"https://recordings.example/{recording}.wav?a=1&b=2")


def written(
    *says: Verb,
    language: str = "en",
    prompts: Prompts = PROMPTS,
    caller_id: str | None = None,
    slow: bool = False,
    renderer: Renderer = RENDERER,
) -> Element:
    text = renderer.document(
        says, leg=LEG, document=7, language=language, prompts=prompts, caller_id=caller_id, slow=slow
    )
    return checked(text)


def on_hold(*says: Verb) -> Element:
    return checked(RENDERER.wait_document(says, leg=LEG, newest=9, language="en", prompts=PROMPTS))


def only(response: Element) -> Element:
    [element] = response
    return element


# ---------------------------------------------------------------- what Twilio's SDK knows of TwiML

SERIALISING = {"append", "nest", "to_xml", "xml", "add_child"}
VALUES = {
    ("Conference", "beep"): {"true", "false", "onEnter", "onExit"},
    ("Gather", "input"): {"dtmf", "speech", "dtmf speech"},
}


@cache
def children(kind: type) -> dict[str, tuple[frozenset[str], type]]:
    """Every element the SDK can put inside one, with its attributes: asked by making it with all its arguments."""
    found = {}
    for name, make in inspect.getmembers(kind, inspect.isfunction):
        if not name.startswith("_") and name not in SERIALISING:
            child = make(kind(**named(kind.__init__)), **named(make))
            found[child.name] = (frozenset(child.attrs), type(child))
    return found


def named(function: object) -> dict[str, str]:
    parameters = list(inspect.signature(function).parameters.values())[1:]  # type: ignore[arg-type]
    return {one.name: "x" for one in parameters if one.kind is not one.VAR_KEYWORD}


def checked(document: str) -> Element:
    """The document's root, once every element, attribute and nesting in it is one the SDK knows."""
    root = ElementTree.fromstring(document.encode())
    assert root.tag == "Response"
    check_inside(root, voice_response.VoiceResponse)
    for url in urls(root):
        assert url.startswith(f"{PUBLIC_URL}/")
        assert url.endswith(FRAGMENT)
    return root


def check_inside(element: Element, kind: type) -> None:
    for child in element:
        assert child.tag in children(kind), f"<{child.tag}> inside <{element.tag}>"
        attributes, child_kind = children(kind)[child.tag]
        assert set(child.attrib) <= attributes, f"<{child.tag}> has {set(child.attrib) - attributes}"
        for name, value in child.attrib.items():
            assert value in VALUES.get((child.tag, name), {value})
        check_inside(child, child_kind)


def urls(root: Element) -> Iterator[str]:
    for element in root.iter():
        yield from (element.get(name) for name in ("action", "waitUrl") if element.get(name))  # type: ignore[misc]
        if element.tag == "Redirect":
            yield element.text or ""


def test_the_sdk_would_notice_a_mistake() -> None:
    for mistake in ("<Gather><Dial/></Gather>", '<Say bogus="1">x</Say>', "<Enque>x</Enque>"):
        with pytest.raises(AssertionError):
            checked(f"<Response>{mistake}</Response>")


# ---------------------------------------------------------------- verbs


class TestVerbs:
    """Each verb as Twilio takes it."""

    def test_say_has_the_prompts_voice_and_language(self) -> None:
        say = only(written(Say("welcome")))

        assert (say.tag, say.text) == ("Say", "welcome")
        assert say.attrib == {"voice": "Polly.en", "language": "en-US"}

    def test_say_may_name_another_language(self) -> None:
        assert only(written(Say("para_espanol", language="es"))).get("language") == "es-US"

    def test_say_speaks_of_its_values(self) -> None:
        assert only(written(Say("hold_position", {"position": 3}))).text == "hold_position 3"

    def test_what_has_nothing_to_say_is_left_out(self) -> None:
        assert list(written(Say("empty"), prompts=Prompts({"empty": " "}))) == []

    def test_hold_music_is_ours(self) -> None:
        assert [only(written(Play(sound))).text for sound in ("hold", "hold_short")] == [
            "https://rx.example/static/hold.wav",
            "https://rx.example/static/hold_short.wav",
        ]

    def test_a_recording_is_fetched_where_we_are_told(self) -> None:
        assert only(written(Play("RE1"))).text == "https://recordings.example/RE1.wav?a=1&b=2"

    def test_without_being_told_a_recording_cannot_be_played(self) -> None:
        with pytest.raises(LookupError, match="plays no recordings"):
            Renderer(PUBLIC_URL).document((Play("RE1"),), leg=LEG, document=1, language="en", prompts=PROMPTS)

    def test_pause(self) -> None:
        assert only(written(Pause(3))).attrib == {"length": "3"}

    def test_hangup(self) -> None:
        assert only(written(Hangup())).tag == "Hangup"

    def test_leave_ends_the_hold(self) -> None:
        assert only(written(Leave())).tag == "Leave"

    def test_back_asks_for_this_documents_exit(self) -> None:
        assert [back.text for back in written(Back(), Back("wait"))] == [
            f"https://rx.example/voice/{LEG}/7/next{FRAGMENT}",
            f"https://rx.example/voice/{LEG}/7/wait{FRAGMENT}",
        ]

    def test_gather_takes_one_key_unless_told_otherwise(self) -> None:
        gather = only(written(Gather((Say("menu"), Play("hold_short"), Pause(1)))))

        assert gather.attrib == {
            "input": "dtmf",
            "numDigits": "1",
            "timeout": "7",
            "actionOnEmptyResult": "true",
            "action": f"https://rx.example/voice/{LEG}/7/next{FRAGMENT}",
        }
        assert [child.tag for child in gather] == ["Say", "Play", "Pause"]

    def test_gather_without_a_length_ends_at_the_hash_key(self) -> None:
        gather = only(written(Gather((Say("birthday"),), digits=None, seconds=10)))

        assert (gather.get("numDigits"), gather.get("finishOnKey"), gather.get("timeout")) == (None, "#", "10")

    def test_gather_listens_in_the_calls_language(self) -> None:
        asks = Gather((Say("hello", language="en"), Say("menu")), speech=True, hints=("refill", "order, status"))
        gather = only(written(asks, language="es"))

        assert gather.get("input") == "dtmf speech"
        assert gather.get("language") == "es-US"
        assert gather.get("hints") == "refill,order  status"
        assert (gather.get("speechTimeout"), gather.get("speechModel")) == ("auto", None)

    def test_gather_with_nothing_said_in_the_calls_language_leaves_it_to_twilio(self) -> None:
        gather = only(written(Gather((Play("hold_short"),), speech=True)))

        assert gather.get("language") is None
        assert gather.get("hints") is None

    def test_hints_stay_within_twilios_limits(self) -> None:
        gather = only(written(Gather((Say("menu"),), speech=True, hints=("x" * 300,) * 900)))

        hints = (gather.get("hints") or "").split(",")
        assert (len(hints), {len(hint) for hint in hints}) == (500, {100})

    def test_hold_joins_the_sites_one_queue(self) -> None:
        enqueue = only(written(Hold("main")))

        assert enqueue.text == "rxline-main"
        assert enqueue.get("waitUrl") == f"https://rx.example/voice/{LEG}/7/wait{FRAGMENT}"
        assert enqueue.get("action") == f"https://rx.example/voice/{LEG}/7/after{FRAGMENT}"

    def test_two_legs_meet_in_a_room_that_ends_with_the_first_to_go(self) -> None:
        dial = only(written(Meet("room-1")))
        room = only(dial)

        assert dial.attrib == {"action": f"https://rx.example/voice/{LEG}/7/after{FRAGMENT}"}
        assert room.text == "room-1"
        assert room.attrib == {
            "startConferenceOnEnter": "true",
            "endConferenceOnExit": "true",
            "beep": "false",
            "waitUrl": f"https://rx.example/voice/{LEG}/7/wait{FRAGMENT}",
            "participantLabel": LEG,
        }

    def test_an_agent_may_leave_the_room_by_star(self) -> None:
        assert only(written(Meet("room-1", star=True))).get("hangupOnStar") == "true"

    def test_who_listens_is_not_heard_and_leaves_the_others_talking(self) -> None:
        room = only(only(written(Meet("room-1", ends=False, muted=True))))

        assert (room.get("muted"), room.get("endConferenceOnExit")) == ("true", "false")

    def test_dial_rings_a_number(self) -> None:
        dial = only(written(Dial("+12125550100", 20)))

        assert (dial.get("timeout"), dial.get("answerOnBridge"), dial.get("callerId")) == ("20", "true", None)
        assert dial.get("action") == f"https://rx.example/voice/{LEG}/7/after{FRAGMENT}"
        assert (only(dial).tag, only(dial).text) == ("Number", "+12125550100")

    def test_dial_may_show_our_number(self) -> None:
        assert only(written(Dial("+12125550100"), caller_id="+12125550199")).get("callerId") == "+12125550199"

    @pytest.mark.parametrize(
        ("address", "tag", "text"),
        [("sip:ana@rx.example", "Sip", "sip:ana@rx.example"), ("client:ana", "Client", "ana")],
    )
    def test_dial_rings_desk_phones_and_browsers_too(self, address: str, tag: str, text: str) -> None:
        party = only(only(written(Dial(address))))

        assert (party.tag, party.text) == (tag, text)

    def test_a_message_ends_with_any_key(self) -> None:
        record, _ = written(Record(90))

        assert record.attrib == {
            "action": f"https://rx.example/voice/{LEG}/7/next{FRAGMENT}",
            "maxLength": "90",
            "timeout": "5",
            "finishOnKey": "1234567890*#",
            "playBeep": "true",
            "recordingStatusCallback": f"https://rx.example/voice/{LEG}/7/recorded{FRAGMENT}",
        }

    def test_a_message_that_is_to_be_transcribed_is_shorter_than_two_minutes(self) -> None:
        """Twilio: "transcription is limited to recordings with a duration less than two minutes"."""
        record, _ = written(Record(120, transcribe=True))

        assert (record.attrib["transcribe"], record.attrib["maxLength"]) == ("true", "119")
        assert record.attrib["transcribeCallback"] == f"https://rx.example/voice/{LEG}/7/heard{FRAGMENT}"

    def test_who_leaves_an_empty_message_still_comes_back(self) -> None:
        """Twilio: "if Twilio receives an empty recording, it will not make a request to the 'action' URL"."""
        _, back = written(Record(90))

        assert (back.tag, back.text) == ("Redirect", f"https://rx.example/voice/{LEG}/7/next{FRAGMENT}")


# ---------------------------------------------------------------- documents


class TestDocuments:
    """Verbs in order, or the empty reply to a notice."""

    @pytest.mark.parametrize("says", [None, ()])
    def test_a_notice_is_answered_with_nothing(self, says: tuple[Verb, ...] | None) -> None:
        reply = RENDERER.document(says, leg=LEG, document=7, language="en", prompts=PROMPTS)

        assert reply == NOTHING == '<?xml version="1.0" encoding="UTF-8"?><Response/>'

    def test_verbs_keep_their_order(self) -> None:
        response = written(Say("notice", notice=True), Gather((Say("menu"),)), Back())

        assert [verb.tag for verb in response] == ["Say", "Gather", "Redirect"]

    def test_a_url_for_rest_calls_is_like_those_in_documents(self) -> None:
        assert Doors(PUBLIC_URL).moved(LEG, 7) == f"https://rx.example/voice/{LEG}/7/moved{FRAGMENT}"

    def test_a_prompt_without_values_is_rendered_once(self) -> None:
        """Its words are asked for each time, for they may be another version's."""
        first, second = Prompts({"welcome": "Welcome."}), Prompts({"welcome": "Good day."})

        assert only(written(Say("welcome"), prompts=first)).text == "Welcome."
        assert only(written(Say("welcome"), prompts=second)).text == "Good day."

    @pytest.mark.parametrize(
        "says",
        [
            (Say("connecting"), Meet("r", ends=False, star=True, muted=True)),
            (Gather((Say("a"), Play("hold"), Pause(2)), None, True, ("x",)), Hold("main"), Hangup()),
            (Record(60), Dial("+12125550100"), Back("wait"), Play("hold_short")),
        ],
    )
    def test_every_verb_passes_the_sdks_catalogue_in_any_company(self, says: tuple[Verb, ...]) -> None:
        assert len(written(*says)) >= len(says)


class TestOnHold:
    """A wait document is a view: only a key leaves it."""

    WAIT_VERBS = frozenset({"Play", "Say", "Pause", "Hangup", "Redirect", "Leave", "Gather"})

    def test_a_key_answers_the_legs_newest_document(self) -> None:
        gather = on_hold(Gather((Say("hold_still"), Play("hold")), seconds=3))[0]

        assert gather.get("action") == f"https://rx.example/voice/{LEG}/9/held{FRAGMENT}"

    def test_a_question_that_answers_a_key_on_hold_says_that_it_is_on_hold_too(self) -> None:
        text = RENDERER.document(
            (Gather((Say("callback_confirm"),)),), leg=LEG, document=7, language="en", prompts=PROMPTS, on_hold=True
        )
        gather = only(checked(text))

        assert gather.get("action") == f"https://rx.example/voice/{LEG}/7/held{FRAGMENT}"
        assert gather.get("actionOnEmptyResult") == "true"

    def test_silence_is_no_answer_and_asks_the_view_again(self) -> None:
        gather, back = on_hold(Gather((Say("hold_still"), Play("hold")), seconds=3))

        assert gather.get("actionOnEmptyResult") is None
        assert back.text == f"https://rx.example/voice/{LEG}/9/wait{FRAGMENT}"

    @pytest.mark.parametrize("last", [Back("wait"), Leave(), Hangup()])
    def test_nothing_follows_a_document_that_ends_by_itself(self, last: Verb) -> None:
        assert [verb.tag for verb in on_hold(Pause(5), last)] == ["Pause", *(verb.tag for verb in written(last))]

    def test_only_verbs_a_queue_allows_are_in_it(self) -> None:
        response = on_hold(Say("a_person_is_ready"), Pause(5), Gather((Play("hold"),)), Back("wait"))

        assert {verb.tag for verb in response} <= self.WAIT_VERBS

    def test_even_a_view_without_a_word_is_asked_again(self) -> None:
        assert on_hold()[0].tag == "Redirect"


# ---------------------------------------------------------------- text


VOICES = ("Polly.Joanna-Neural", "Google.en-US-Neural2-C", "Polly.Joanna-Generative", "woman")
SAYABLE = st.text(st.characters(codec="utf-8")).map(
    lambda text: re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text)
)


class TestText:
    """Whatever a prompt or a value holds, the document is well formed and says it."""

    @given(SAYABLE)
    def test_what_is_said_is_what_was_given(self, text: str) -> None:
        said = written(Say("x"), prompts=Prompts({"x": text}))

        assert "".join(say.text or "" for say in said) == (text if text.strip() else "")

    @given(st.text(), st.text(), st.text())
    def test_any_text_anywhere_is_well_formed(self, text: str, name: str, hint: str) -> None:
        said = Say("x", {"name": name})

        written(said, Gather((said,), speech=True, hints=(hint,)), prompts=Prompts({"y": text}))
        written(Say("y"), Meet(name), Hold(name), Dial(name), prompts=Prompts({"y": text}), caller_id=text)

    @given(SAYABLE, SAYABLE)
    def test_an_attribute_reads_as_it_was_written(self, voice: str, locale: str) -> None:
        words = [Spoken("x", locale, voice)]

        assert checked(rescue(words))[0].attrib == {"language": locale} | ({"voice": voice} if voice else {})

    @pytest.mark.parametrize("character", ["\x00", "\x0b", "\x1f", "\ud800", "\ufffe", "\uffff"])
    def test_what_xml_cannot_carry_is_dropped(self, character: str) -> None:
        assert only(written(Say("x"), prompts=Prompts({"x": f"Re{character}fill"}))).text == "Refill"

    def test_a_long_text_is_said_in_breaths_that_end_with_a_sentence(self) -> None:
        text = "Your order is on its way. " * 400
        breaths = [say.text or "" for say in written(Say("x"), prompts=Prompts({"x": text}))]

        assert "".join(breaths) == text
        assert len(breaths) > 1
        assert all(breath.endswith("way. ") for breath in breaths)

    def test_without_sentences_a_breath_ends_with_a_word(self) -> None:
        breaths = [say.text or "" for say in written(Say("x"), prompts=Prompts({"x": "word " * 2000}))]

        assert all(breath.endswith("word ") for breath in breaths)

    @settings(deadline=None)
    @given(st.text("ab. é💊\n<", min_size=1, max_size=30), st.integers(1, 300))
    def test_no_breath_is_longer_than_twilio_says_at_once(self, text: str, times: int) -> None:
        breaths = [say.text or "" for say in written(Say("x"), prompts=Prompts({"x": text * times}))]

        assert all(len(quote(breath, safe="")) <= 3000 for breath in breaths)
        assert "".join(breaths).split() == (text * times).split()


# ---------------------------------------------------------------- pace


@dataclass
class Voiced(Prompts):
    """A line that speaks with one voice."""

    voice: str = ""

    def say(self, language: str, prompt: str, values: Mapping[str, object]) -> Spoken:
        return Spoken(super().say(language, prompt, values).text, "en-US", self.voice)


def slowly(text: str, voice: str = "Polly.Joanna-Neural") -> list[Element]:
    return list(written(Say("x"), prompts=Voiced({"x": text}, voice=voice), slow=True))


def marks(say: Element) -> list[str]:
    return [element.tag for element in say.iter()][1:]


class TestPace:
    """Callers who need it hear everything slower, and the same words."""

    def test_a_slow_caller_hears_85_percent_and_half_a_second_between_sentences(self) -> None:
        [say] = slowly("Thank you. One moment, please.")

        assert ElementTree.tostring(only(say), encoding="unicode") == (
            '<prosody rate="85%">Thank you. <break time="500ms" />One moment, please.</prosody>'
        )

    def test_chinese_needs_no_space_between_sentences(self) -> None:
        [say] = slowly("谢谢。请稍等。", "Polly.Zhiyu-Neural")

        assert marks(say) == ["prosody", "break"]

    def test_others_hear_no_markup(self) -> None:
        assert marks(only(written(Say("x"), prompts=Prompts({"x": "Thank you. Goodbye."})))) == []

    @pytest.mark.parametrize(
        ("voice", "understands"),
        [
            ("Polly.Joanna-Neural", ["prosody", "break"]),
            ("Google.en-US-Neural2-C", ["prosody", "break"]),
            ("Polly.Joanna-Generative", ["break"]),
            ("Google.en-US-Chirp3-HD-Aoede", []),
            ("woman", []),
            ("", []),
        ],
    )
    def test_a_voice_gets_only_the_markup_it_understands(self, voice: str, understands: list[str]) -> None:
        [say] = slowly("Thank you. Goodbye.", voice)

        assert marks(say) == understands
        assert "".join(say.itertext()) == "Thank you. Goodbye."

    def test_an_ampersand_ends_no_sentence(self) -> None:
        [say] = slowly("Smith & Sons <b>")

        assert marks(say) == ["prosody"]
        assert "".join(say.itertext()) == "Smith & Sons <b>"

    def test_a_question_is_asked_slowly_and_so_is_the_wait(self) -> None:
        gather = only(written(Gather((Say("menu"),)), slow=True))
        wait = RENDERER.wait_document((Say("x"),), leg=LEG, newest=9, language="en", prompts=PROMPTS, slow=True)

        assert marks(gather[0]) == ["prosody"]
        assert marks(checked(wait)[0]) == ["prosody"]

    def test_the_same_words_are_kept_for_each_pace(self) -> None:
        paces = [written(Say("x"), slow=slow)[0] for slow in (False, True, False)]

        assert [bool(marks(say)) for say in paces] == [False, True, False]

    @settings(deadline=None)
    @given(st.text("ab.! é💊\n<&。", min_size=1, max_size=30), st.integers(1, 300), st.sampled_from(VOICES))
    def test_slowly_is_said_what_was_given_within_twilios_limits(self, text: str, times: int, voice: str) -> None:
        breaths = slowly(text * times, voice)
        spoken = ["".join(say.itertext()) for say in breaths]

        assert "".join(spoken).split() == (text * times).split()
        assert all(len(quote(breath, safe="")) <= 3000 for breath in spoken)
        assert all(len(ElementTree.tostring(say)) <= 5000 for say in breaths if voice.startswith("Google."))


class TestRecordedPrompts:
    """A human voice instead of a synthesized one, where its sound is at hand."""

    RECORDED = Renderer(PUBLIC_URL, recorded=lambda spoken: "en/hello.wav?v=0f&x" if spoken.text == "hello" else None)

    def test_it_is_fetched_from_us_and_its_words_stand_beside_it(self) -> None:
        text = self.RECORDED.document((Say("hello"),), leg=LEG, document=7, language="en", prompts=PROMPTS)

        assert only(checked(text)).text == "https://rx.example/voice/recordings/en/hello.wav?v=0f&x"
        assert "</Play><!-- en-US: hello --></Response>" in text

    def test_whoever_needs_it_slower_hears_the_words(self) -> None:
        assert only(written(Say("hello"), renderer=self.RECORDED, slow=True)).tag == "Say"

    def test_what_is_not_recorded_is_said(self) -> None:
        assert [verb.tag for verb in written(Say("hello"), Say("bye"), renderer=self.RECORDED)] == ["Play", "Say"]

    def test_a_question_listens_in_the_language_of_its_recording(self) -> None:
        gather = only(written(Gather((Say("hello"),), speech=True), renderer=self.RECORDED))

        assert (gather[0].tag, gather.get("language")) == ("Play", "en-US")

    @given(st.text())
    def test_any_words_can_stand_beside_a_recording(self, text: str) -> None:
        recorded = Renderer(PUBLIC_URL, recorded=lambda spoken: "en/x.wav")

        assert only(written(Say("x"), prompts=Prompts({"x": text}), renderer=recorded)).tag == "Play"


# ---------------------------------------------------------------- rescue


class TestRescue:
    """Compiled at start, so it needs nothing else to work."""

    WORDS = (Spoken("We are sorry."), Spoken("Lo sentimos.", "es-US", "Polly.Lupe"))

    def test_while_open_the_staffed_number_rings(self) -> None:
        *said, dial, hangup = checked(rescue(self.WORDS, dial="+12125550100", action=f"{PUBLIC_URL}/voice/rung"))

        assert [say.text for say in said] == ["We are sorry.", "Lo sentimos."]
        assert (only(dial).tag, only(dial).text) == ("Number", "+12125550100")
        assert dial.get("action") == f"https://rx.example/voice/rung{FRAGMENT}"
        assert hangup.tag == "Hangup"

    def test_while_closed_it_takes_a_message(self) -> None:
        *_, record, hangup = checked(rescue(self.WORDS, action=f"{PUBLIC_URL}/voice/rescued"))

        assert record.get("action") == f"https://rx.example/voice/rescued{FRAGMENT}"
        assert hangup.tag == "Hangup"

    def test_a_caller_on_hold_stays_there(self) -> None:
        music = f"{PUBLIC_URL}/static/hold.wav"

        assert [verb.tag for verb in checked(rescue(self.WORDS[:1], play=music))] == ["Say", "Play"]

    def test_with_neither_it_says_goodbye(self) -> None:
        assert [verb.tag for verb in checked(rescue(self.WORDS[:1]))] == ["Say", "Hangup"]
