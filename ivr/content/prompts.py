"""The words callers hear: `callflows/prompts/<language>.yaml`, read once and spoken by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import structlog
from babel import Locale, UnknownLocaleError
from jinja2 import StrictUndefined, Template, TemplateSyntaxError, nodes, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ivr.content import scalars
from ivr.content.problems import did_you_mean
from ivr.content.reading import Fields, keyed, name_of, one_of, one_or_more, reference, scalar
from ivr.content.recordings import Recording
from ivr.content.spare_words import SPARE
from ivr.content.spoken import filters
from ivr.content.written import File, Item, Wrong, text
from ivr.core.rules import FACTS

log = structlog.get_logger(__name__)

FOLDER = "callflows/prompts/"
LONGEST = 3_000  # characters; a carrier says at most 4,096 at once, markup included

# Said by the line itself, whatever the flows are, with the values each is given.
SYSTEM_PROMPTS: Mapping[str, frozenset[str]] = {
    name: frozenset(values.split())
    for name, values in {
        "one_moment": "",
        "not_an_option": "",
        "did_not_hear": "",
        "person_coming": "",
        "hold_welcome": "",
        "hold_position": "position minutes_low minutes_high",
        "hold_still": "",
        "hold_unattended": "",
        "staffed_offer": "",
        "hold_emergency": "",
        "emergency_unanswered": "",
        "emergency_rung_in_vain": "",
        "in_line": "",
        "a_person_is_ready": "",
        "moved_back_in_line": "",
        "callback_offer": "",
        "callback_confirm": "",
        "callback_number": "",
        "callback_number_confirm": "callback_number",
        "callback_number_unclear": "",
        "callback_number_premium": "",
        "callback_number_abroad": "",
        "callback_number_emergency": "",
        "callback_number_ours": "",
        "callback_when_open": "opens_day opens_at",
        "callback_promised": "",
        "callback_from": "on_day from_time",
        "callback_at": "on_day from_time until",
        "callback_in_turn": "",
        "callback_window": "key on_day from_time until",
        "callback_found": "",
        "callback_place": "position",
        "callback_on_another_phone": "position",
        "callback_wait_here": "",
        "callback_choices": "",
        "callback_stands": "",
        "callback_cancelled": "",
        "callback_under_way": "",
        "callback_place_moved": "",
        "callback_hello": "",
        "callback_hello_nameless": "",
        "callback_joining": "",
        "callback_message": "number",
        "callback_message_nameless": "number",
        "goodbye_minimal": "",
        "agent_not_reached": "",
        "all_busy_callback": "",
        "agent_whisper": "kind why language tier queue callback emergency minutes",
        "agent_accepted": "",
        "agent_too_late": "",
        "agent_taken": "",
        "agent_declined": "",
        "agent_caller_left": "",
        "agent_menu": "",
        "agent_menu_colleague": "",
        "agent_choice": "who key",
        "agent_ringing": "",
        "agent_nobody_free": "",
        "agent_not_taken": "",
        "agent_colleague_left": "",
        "agent_consult": "who queue kind why",
        "agent_consult_outside": "",
        "agent_consult_over": "",
        "agent_supervise": "who queue",
        "agent_left": "",
        "agent_passed_on": "",
        "agent_reminder": "minutes",
        "agent_not_recorded": "",
        "agent_recording_on": "",
        "agent_recording_paused": "",
        "agent_cannot": "",
        "talk_back": "",
        "talk_on_hold": "",
        "talk_passed_on": "",
        "recording_ask": "",
        "agent_code_ask": "",
        "agent_code": "title key",
        "agent_code_thanks": "",
        "agent_code_later": "",
        "connecting": "",
        "call_taken": "",
        "voicemail_greeting": "opens_day opens_at closed_because",
        "voicemail_thanks": "",
        "voicemail_too_short": "",
        "recording_notice": "",
        "thank_you": "",
        "goodbye": "",
        "rescue_open": "",
        "rescue_unanswered": "",
        "rescue_closed": "opens_day opens_at",
        "away_emergency": "",
        "away_hours": "week",
        "away_holidays": "",
        "away_ringing": "",
        "away_on_call": "",
        "away_nobody": "",
        "away_staff": "",
        "known_as_of": "as_of",
        "sorry_once_more": "",
        "message_offer": "",
        "not_understood": "",
        "safety_question": "",
        "emergency_heard": "",
        "slower_now": "",
        "code_text": "code",
        "page_text": "",
        "page_message_text": "",
        "person_knows_more": "",
    }.items()
}
# What staff hear on a staff line, in the languages of those lines.
STAFF_LINE_PROMPTS: Mapping[str, frozenset[str]] = {
    name: frozenset(values.split())
    for name, values in {
        "agent_line_hello": "",
        "agent_line_extension": "",
        "agent_line_pin": "",
        "agent_line_wrong_pin": "",
        "agent_line_locked": "",
        "agent_line_now": "presence",
        "agent_line_then": "next",
        "agent_line_menu": "",
        "agent_line_break": "",
        "agent_line_sign_in_first": "",
        "agent_line_waiting": "kind why language tier queue emergency minutes",
        "agent_line_nobody": "",
        "agent_line_taken": "",
        "agent_line_last": "queue",
        "agent_line_no_code": "",
        "agent_line_code_kept": "",
        "agent_line_no_message": "",
        "agent_line_message": "kind why language tier queue emergency minutes prescription",
        "agent_line_message_keys": "",
        "agent_line_flag": "flag",
        "agent_line_heard_keys": "closes calls_back confirms",
        "agent_line_rx_npi": "npi",
        "agent_line_rx_office_number": "office_number",
        "agent_line_rx_last_name": "last_name",
        "agent_line_rx_first_name": "first_name",
        "agent_line_rx_date_of_birth": "date_of_birth",
        "agent_line_rx_drug": "drug",
        "agent_line_rx_mistaken_for": "mistaken_for",
        "agent_line_rx_amounts": "strength unit quantity",
        "agent_line_bye": "",
    }.items()
}
_LAST_RESORT = "*"  # no language: our own words, in English, by the carrier's own voice
NEUTRAL = "person_knows_more"  # said in the place of what the caller may not hear
ALWAYS = frozenset({"pharmacy"})  # values every prompt has
_PLACE = re.compile(r"{{\s*(\w+)\s*}}")  # where a value is spoken as it is
_OPENING = frozenset({"opens_day", "opens_at"})
ALWAYS_GIVEN = {"rescue_closed": _OPENING, "callback_when_open": _OPENING}  # said only while closed
SOMETIMES = frozenset(
    {
        *("opens_day", "opens_at", "closed_because", "hours_today", "address"),
        *("earliest_refill_on", "expected_on", "last4", "since", "answer_by", "approved_until", "balance"),
    }
)
_SAID_AS = {  # read out as they come, these would be ciphers
    **dict.fromkeys(
        ("opens_day", "on_day", "earliest_refill_on", "expected_on", "since", "answer_by", "approved_until"), "day"
    ),
    **dict.fromkeys(("opens_at", "from_time", "until", "as_of"), "clock_time"),
    **{"hours_today": "hours", "week": "week", "balance": "money"},
}


@dataclass(frozen=True, slots=True)
class Spoken:
    """Words ready to be said, with the voice that says them, and the recording that may be played instead."""

    text: str
    locale: str  # es-US
    voice: str
    recording: str | None = None  # as `recordings.Recording.name` has it


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt in one language."""

    name: str
    words: Spoken | Template  # ready to be said, unless it speaks of values
    values: frozenset[str]  # what it speaks of
    tiers: frozenset[str]  # who may hear it; empty means anybody
    status: str  # reviewed · draft
    without: str | None  # what to say instead when a value is not known
    source: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One language's prompts."""

    language: str
    locale: str
    voice: str
    prompts: Mapping[str, Prompt]

    @property
    def recordings(self) -> list[str]:
        """The recordings its prompts play, as `en/welcome.wav`."""
        words = [prompt.words for prompt in self.prompts.values() if isinstance(prompt.words, Spoken)]
        return [spoken.recording.partition("?")[0] for spoken in words if spoken.recording]


class Unspeakable(LookupError):
    """A prompt nobody wrote, or one that speaks of a value nobody gave."""


class Prompts:
    """Every language's prompts; safe to use from several threads.

    Text is plain: whoever turns it into markup escapes it. What names tiers is said to nobody else, whatever the flows
    do: a neutral prompt takes its place. Tiers named in one language hold in all.
    """

    def __init__(self, catalogues: Mapping[str, Catalogue], first: str) -> None:
        self.catalogues = catalogues
        self.first = first  # the language for callers who chose none
        self._whole = {code: _with_spare_words(catalogue) for code, catalogue in catalogues.items()}
        self._whole[_LAST_RESORT] = _with_spare_words(Catalogue("en", "en-US", "", {}))
        self._tiers = _tiers(catalogues.values())
        self._ready = {
            (code, name): prompt.words
            for code, catalogue in self._whole.items()
            for name, prompt in catalogue.prompts.items()
            if isinstance(prompt.words, Spoken) and name not in self._tiers
        }

    def say(
        self,
        language: str | None,
        prompt: str,
        values: Mapping[str, Any],
        first: str | None = None,
        tier: str | None = None,
    ) -> Spoken:
        """Return a prompt's words in a language, or in the line's `first` language when it is not written in it.

        A prompt whose values are not all known gives way to the one it names in `without`, and one that is not for
        the caller's `tier` (None: nobody knows who it is) to a neutral one, with an alarm. Raises Unspeakable.
        """
        ready = self._ready.get((language or first or self.first, prompt))
        return ready or self._say((language, first, self.first, _LAST_RESORT), prompt, values, tier)

    def text(self, language: str | None, prompt: str, values: Mapping[str, Any], tier: str | None) -> str:
        """Return a prompt's words to be read, as `say` has them to be heard; raises Unspeakable."""
        return self.say(language, prompt, values, tier=tier).text

    def as_written(self, language: str | None, prompt: str, known: Mapping[str, str]) -> str:
        """Return a prompt as written with what is `known`, the rest left open; its name where nobody wrote it."""
        for code in (language, self.first, _LAST_RESORT):
            catalogue = self._whole.get(code or "")
            if catalogue is not None and prompt in catalogue.prompts:
                return _PLACE.sub(lambda place: known.get(place[1], place[0]), catalogue.prompts[prompt].source)
        return prompt

    def heard_by(self, tier: str | None) -> Audience:
        """Return the prompts as a caller of this tier hears them."""
        return Audience(self, tier)

    def _say(self, languages: tuple[str | None, ...], name: str, values: Mapping[str, Any], tier: str | None) -> Spoken:
        if name in self._tiers and tier not in self._tiers[name]:
            log.error("disclosure_prevented", prompt=name, tier=tier)
            return self._say(languages, NEUTRAL, values, tier)
        catalogues = [self._whole[code] for code in languages if code and code in self._whole]
        catalogue = next((catalogue for catalogue in catalogues if name in catalogue.prompts), None)
        if catalogue is None:
            raise Unspeakable(f"no prompt is called {name}")
        prompt = catalogue.prompts[name]
        if isinstance(prompt.words, Spoken):
            return prompt.words
        text = _filled(prompt.words, prompt.values, values)
        if text is not None:
            return Spoken(text, catalogue.locale, catalogue.voice)
        if prompt.without is None:
            raise Unspeakable(f"{name} speaks of {', '.join(sorted(prompt.values))}, and not all of it can be said")
        return self._say((catalogue.language, *languages), prompt.without, values, tier)


@dataclass(frozen=True, slots=True)
class Audience:
    """The prompts for one caller, who is of a tier."""

    prompts: Prompts
    tier: str | None

    def say(self, language: str | None, prompt: str, values: Mapping[str, Any]) -> Spoken:
        """Return what `Prompts.say` does for this caller."""
        return self.prompts.say(language, prompt, values, tier=self.tier)


def _tiers(catalogues: Iterable[Catalogue]) -> dict[str, frozenset[str]]:
    """Return who may hear each prompt that is not for everybody: only those whom every language that says so allows."""
    tiers: dict[str, frozenset[str]] = {}
    for catalogue in catalogues:
        for name, prompt in catalogue.prompts.items():
            if prompt.tiers and name != NEUTRAL:
                tiers[name] = tiers.get(name, prompt.tiers) & prompt.tiers
    return tiers


def _with_spare_words(catalogue: Catalogue) -> Catalogue:
    """Return a language's prompts, those of our own among them where the pharmacy has none."""
    reader = PromptReader(catalogue.language, catalogue.locale, catalogue.voice)
    missing = SPARE.get(catalogue.language, {}).items()
    spare = {name: reader.spare(name, words) for name, words in missing if name not in catalogue.prompts}
    return replace(catalogue, prompts={**catalogue.prompts, **spare})


def _filled(template: Template, names: Iterable[str], values: Mapping[str, Any]) -> str | None:
    """Return the words, or None when a value is missing or makes no sense where it stands."""
    if any(values.get(name) in (None, "") for name in names):
        return None
    try:
        return _tidy(template.render(values))
    except (ValueError, TypeError):  # an order system may call anything a date
        return None


def _tidy(text: str) -> str:
    return " ".join(text.split())


# ---------------------------------------------------------------- reading


def read_catalogue(language: str, top: Item, recordings: Mapping[str, Recording] | None = None) -> Catalogue:
    """Return one language's prompts; raises Wrong after reporting every fault.

    `recordings` are those there are in this language, by the name of their file; None: none.
    """
    fields = Fields(top, "a file of prompts")
    fields.need("version", scalar(scalars.version))
    locale = fields.need("locale", _locale)
    voice = fields.need("voice", text)
    status = fields.take("status", one_of("a status", ("reviewed", "draft")), "draft")
    reviewer = fields.take("reviewed_by", text, "")
    # Stand-ins where something is missing: `done` refuses the file anyway.
    reader = PromptReader(language, locale or "en-US", voice or "", status, recordings or {})
    prompts = fields.need("prompts", reader.all)
    fields.done()
    if status == "reviewed" and not reviewer and language != "en":
        raise Wrong("missing", "who reviewed this translation? add `reviewed_by`, or call it a draft", top)
    return Catalogue(language, locale, voice, prompts)


def _locale(item: Item) -> str:
    try:
        Locale.parse(text(item), sep="-")
    except (ValueError, UnknownLocaleError):
        raise Wrong("unknown-value", f'"{item.text}" is not a locale; write it as en-US', item) from None
    return item.text


class PromptReader:
    """Reads the prompts of one language."""

    def __init__(
        self,
        language: str,
        locale: str,
        voice: str,
        status: str = "draft",
        recordings: Mapping[str, Recording] | None = None,
    ) -> None:
        self._language, self._locale, self._voice, self._status = language, locale, voice, status
        self._recordings = recordings or {}
        self._names: set[str] = set()

    def spare(self, name: str, words: str) -> Prompt:
        """Return a prompt of our own, which stands in no file."""
        return self._made(name, words, Item(File("", words), 1, 1, "text", words))

    def all(self, item: Item) -> dict[str, Prompt]:
        """Return the prompts by name; raises Wrong after reporting every fault."""
        self._names = {key.text for key, _ in item.pairs}
        return keyed(self._prompt, "prompts by name")(item)

    def _prompt(self, key: Item, item: Item) -> Prompt:
        name = name_of(key, "a prompt")
        if item.kind != "mapping":
            return self._made(name, text(item), item)
        fields = Fields(item, "a prompt")
        words = fields.need("text", text)
        tiers = fields.take("tier", one_or_more(one_of("a tier", FACTS["tier"].values)), ())
        status = fields.take("status", one_of("a status", ("reviewed", "draft")), self._status)
        fields.take("reviewed_by", text, "")
        without = fields.take("without", reference("prompt", self._names), None)
        recording = fields.take("recording", self._recording, None)
        fields.done()
        prompt = self._made(name, words, item.at("text"), frozenset(tiers), status, without)
        return self._recorded(prompt, recording, item.at("recording")) if recording else prompt

    def _recording(self, item: Item) -> Recording:
        file = text(item)
        if file not in self._recordings:
            hint = did_you_mean(file, self._recordings)
            folder = f"callflows/recordings/{self._language}/"
            raise Wrong("reference", f'there is no wav or mp3 called "{file}" in {folder}{hint}', item)
        return self._recordings[file]

    def _recorded(self, prompt: Prompt, recording: Recording, place: Item) -> Prompt:
        if not isinstance(prompt.words, Spoken):
            raise Wrong("recording", f"these words speak of {min(prompt.values)}, which no recording can", place)
        return replace(prompt, words=replace(prompt.words, recording=recording.name))

    def _made(
        self,
        name: str,
        words: str,
        place: Item,
        tiers: frozenset[str] = frozenset(),
        status: str | None = None,
        without: str | None = None,
    ) -> Prompt:
        if len(words) > LONGEST:
            raise Wrong("range", f"this prompt has {len(words)} characters; at most {LONGEST} fit", place)
        ready: Spoken | Template = Spoken(_tidy(words), self._locale, self._voice)
        values: frozenset[str] = frozenset()
        if "{" in words:
            template, values = self._template(words, place)
            ready = template if values else Spoken(_tidy(template.render()), self._locale, self._voice)
        return Prompt(name, ready, values, tiers, status or self._status, without, words)

    def _template(self, words: str, place: Item) -> tuple[Template, frozenset[str]]:
        try:
            return _template(self._locale, words)
        except Wrong as wrong:
            raise Wrong(wrong.code, wrong.message, place) from None


# Most words of a version stand in the one before as well, and to compile them is most of what reading a version takes.
@lru_cache(maxsize=2_000)
def _template(locale: str, words: str) -> tuple[Template, frozenset[str]]:
    """Return words with values in them as a template, and the names of the values; raises Wrong without a place."""
    environment = _environment(locale)
    try:
        tree = environment.parse(words)
    except TemplateSyntaxError as error:
        raise Wrong("syntax", f"this prompt cannot be read: {error.message}") from None
    for node in tree.find_all(nodes.Node):
        if isinstance(node, nodes.Filter) and node.name not in environment.filters:
            hint = did_you_mean(node.name, environment.filters)
            raise Wrong("reference", f'there is no way of speaking called "{node.name}"{hint}')
        if isinstance(node, nodes.Output):
            _refuse_ciphers(node)
        if not isinstance(node, _PLAIN):
            raise Wrong("syntax", "a prompt is words and {{ values }}; choices belong in the flow")
    template = Template.from_code(environment, environment.compile(tree), environment.make_globals(None))
    return template, frozenset(node.name for node in tree.find_all(nodes.Name))


@lru_cache(maxsize=50)
def _environment(locale: str) -> ImmutableSandboxedEnvironment:
    # Callers hear the text itself: it is no markup, and escaping is the renderer's.
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    environment.filters = _with_today(filters(Locale.parse(locale, sep="-")))
    return environment


def _with_today(ways: Mapping[str, Callable[..., str]]) -> dict[str, Callable[..., str]]:
    """Return the ways of speaking as templates use them: a day is told with its year in any year but this."""

    @pass_context
    def day(context: Context, value: object) -> str:
        return ways["day"](value, context.get("today"))

    return {**ways, "day": day}


def _refuse_ciphers(output: nodes.Output) -> None:
    """Refuse values that are put down as they come, and would be heard as 2026-05-06."""
    for node in output.nodes:
        if isinstance(node, nodes.Name) and node.name in _SAID_AS:
            way = _SAID_AS[node.name]
            raise Wrong("syntax", f"nobody can listen to that; write {{{{ {node.name} | {way} }}}}")


_PLAIN = (nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Filter, nodes.Const)
