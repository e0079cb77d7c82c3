"""The words callers hear: `callflows/prompts/<language>.yaml`, read once and spoken by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from babel import Locale, UnknownLocaleError
from jinja2 import StrictUndefined, Template, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ivr.content import scalars
from ivr.content.problems import did_you_mean
from ivr.content.reading import Fields, keyed, name_of, one_of, one_or_more, reference, scalar
from ivr.content.spoken import filters
from ivr.content.written import Item, Wrong, text
from ivr.core.rules import FACTS

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
        "callback_promised": "",
        "callback_hello": "",
        "goodbye_minimal": "",
        "all_busy_callback": "",
        "agent_whisper": "kind why language tier queue callback emergency minutes",
        "agent_accepted": "",
        "agent_too_late": "",
        "agent_taken": "",
        "agent_declined": "",
        "agent_caller_left": "",
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
        "sorry_once_more": "",
        "message_offer": "",
    }.items()
}
ALWAYS = frozenset({"pharmacy"})  # values every prompt has
ALWAYS_GIVEN = {"rescue_closed": frozenset({"opens_day", "opens_at"})}  # said only while closed
SOMETIMES = frozenset({"opens_day", "opens_at", "closed_because", "earliest_refill_on", "expected_on", "last4"})


@dataclass(frozen=True, slots=True)
class Spoken:
    """Words ready to be said, with the voice that says them."""

    text: str
    locale: str  # es-US
    voice: str


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


class Unspeakable(LookupError):
    """A prompt nobody wrote, or one that speaks of a value nobody gave."""


class Prompts:
    """Every language's prompts; safe to use from several threads.

    Text is plain: whoever turns it into markup escapes it.
    """

    def __init__(self, catalogues: Mapping[str, Catalogue], first: str) -> None:
        self.catalogues = catalogues
        self.first = first  # the language for callers who chose none
        self._ready = {
            (code, name): prompt.words
            for code, catalogue in catalogues.items()
            for name, prompt in catalogue.prompts.items()
            if isinstance(prompt.words, Spoken)
        }

    def say(self, language: str | None, prompt: str, values: Mapping[str, Any], first: str | None = None) -> Spoken:
        """Return a prompt's words in a language, or in the line's `first` language when it is not written in it.

        A prompt whose values are not all known gives way to the one it names in `without`. Raises Unspeakable.
        """
        ready = self._ready.get((language or first or self.first, prompt))
        return ready or self._say((language, first, self.first), prompt, values)

    def _say(self, languages: tuple[str | None, ...], name: str, values: Mapping[str, Any]) -> Spoken:
        catalogues = [self.catalogues[code] for code in languages if code and code in self.catalogues]
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
        return self._say((catalogue.language,), prompt.without, values)


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


def read_catalogue(language: str, top: Item) -> Catalogue:
    """Return one language's prompts; raises Wrong after reporting every fault."""
    fields = Fields(top, "a file of prompts")
    fields.need("version", scalar(scalars.version))
    locale = fields.need("locale", _locale)
    voice = fields.need("voice", text)
    status = fields.take("status", one_of("a status", ("reviewed", "draft")), "draft")
    reviewer = fields.take("reviewed_by", text, "")
    reader = _PromptReader(locale or "en-US", voice or "", status)  # stand-ins: `done` refuses the file anyway
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


class _PromptReader:
    def __init__(self, locale: str, voice: str, status: str) -> None:
        self._locale, self._voice, self._status = locale, voice, status
        # Callers hear the text itself: it is no markup, and escaping is the renderer's.
        self._environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
        self._environment.filters = dict(filters(Locale.parse(locale, sep="-")))
        self._names: set[str] = set()

    def all(self, item: Item) -> dict[str, Prompt]:
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
        fields.done()
        return self._made(name, words, item.at("text"), frozenset(tiers), status, without)

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
            tree = self._environment.parse(words)
        except TemplateSyntaxError as error:
            raise Wrong("syntax", f"this prompt cannot be read: {error.message}", place) from None
        for node in tree.find_all(nodes.Node):
            if isinstance(node, nodes.Filter) and node.name not in self._environment.filters:
                hint = did_you_mean(node.name, self._environment.filters)
                raise Wrong("reference", f'there is no way of speaking called "{node.name}"{hint}', place)
            if not isinstance(node, _PLAIN):
                raise Wrong("syntax", "a prompt is words and {{ values }}; choices belong in the flow", place)
        code = self._environment.compile(tree)
        template = Template.from_code(self._environment, code, self._environment.make_globals(None))
        return template, frozenset(node.name for node in tree.find_all(nodes.Name))


_PLAIN = (nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Filter, nodes.Const)
