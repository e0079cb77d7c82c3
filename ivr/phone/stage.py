"""Where one document plays: on which leg, in what setting, and how it gets the next one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urldefrag, urljoin, urlsplit
from xml.etree.ElementTree import Element

from ivr.phone import lint
from ivr.phone.leg import Event, Goto, Leg, Watch
from ivr.phone.lint import Setting, Violation
from ivr.phone.webhook import Reply, WebhookFailed

if TYPE_CHECKING:
    from ivr.phone.exchange import Exchange

LETTERS_PER_SECOND = 15.0
LONGEST_SOUND_SECONDS = 10.0
"""Nobody rehearses to listen to ten minutes of music; a longer sound is cut."""
SHORTEST_PAUSE_SECONDS = 0.2
"""However fast the pace: a document that pauses and asks again must not spin."""


def number(verb: Element, attribute: str, default: float) -> float:
    """Return a number an attribute gives, or the default where Twilio would not understand it either."""
    try:
        return float(verb.get(attribute, default))
    except ValueError:
        return default


def watch_of(stage: Stage, element: Element, default: str, callback: str = "statusCallback") -> Watch | None:
    """Return where an element wants its events reported, and which (`default`, if it does not say), or None."""
    url = element.get(callback)
    if not url:
        return None
    goto = stage.follow(url, element.get(f"{callback}Method"))
    return Watch(goto.url, goto.method, frozenset(element.get(f"{callback}Event", default).split()))


Verb = Callable[["Stage", Element], "Goto | None"]


def _no_params() -> Mapping[str, str]:
    return {}


class DocumentFailed(Exception):
    """A document could not be had or read. `goto` is what was wanted; `code` and `url` are what Twilio tells of it."""

    def __init__(self, goto: Goto, code: int, url: str) -> None:
        super().__init__(f"{code} {url}")
        self.goto = goto
        self.code = code
        self.url = url


@dataclass(frozen=True)
class Stage:
    """A document under way; `extra` are the parameters its requests carry beside the standard ones."""

    exchange: Exchange
    leg: Leg
    verbs: Mapping[str, Verb]
    setting: Setting = Setting.CALL
    url: str = ""
    extra: Callable[[], Mapping[str, str]] = field(default=_no_params)

    def inside(self, setting: Setting, extra: Callable[[], Mapping[str, str]] = _no_params) -> Stage:
        """Return the stage for a document that runs inside this one's verb, such as a wait document."""
        return replace(self, setting=setting, extra=extra)

    def perform(self, goto: Goto | None) -> None:
        """Play a document and all it leads to, until one runs out; raises what ends or moves the leg."""
        while goto is not None:
            root = self._document(goto)
            goto = replace(self, url=urldefrag(goto.url).url or self.url)._play(root)

    def follow(self, url: str, method: str | None = None, params: Mapping[str, str] | None = None) -> Goto:
        """Return the way to a URL a verb names, which may be relative to this document's."""
        return Goto(urljoin(self.url, url.strip()), method or "POST", params or {})

    def notify(self, url: str | None, method: str | None, params: Mapping[str, str]) -> None:
        """Tell the product, without playing what it answers; nothing without a URL."""
        if url:
            goto = self.follow(url, method)
            told = {**self.exchange.parameters(self.leg), **params}
            self.exchange.courier.post(self.leg, goto.url, goto.method, told)

    def sound(self, seconds: float, at_least: float = 0.0) -> Event | None:
        """Let a sound of so many seconds be heard at the leg's pace; returns what the person did meanwhile."""
        heard = min(seconds, LONGEST_SOUND_SECONDS) * self.leg.pace
        event = self.leg.listen(max(heard, at_least))
        self.leg.passes(seconds)
        return event

    def begin(self) -> None:
        """Answer the call, if nothing has yet: most verbs do."""
        if self.leg.answered_at is None:
            self.exchange.answered(self.leg)

    def note(self, kind: str, **facts: object) -> None:
        """Write a line into the leg's transcript."""
        self.leg.transcript.note(kind, **facts)

    def _document(self, goto: Goto) -> Element:
        self.exchange.guard_against_spinning(self.leg)
        body = self._asked(goto) if goto.twiml is None else goto.twiml.encode()
        self.leg.look()
        try:
            root = lint.parse(body)
        except lint.Unparseable as broken:
            self._failed(broken.code, goto.url, str(broken), body)
            raise DocumentFailed(goto, broken.code, goto.url) from None
        self._complain(lint.check(root, self.setting, inline=goto.twiml is not None), goto.url, body)
        return root

    def _asked(self, goto: Goto) -> bytes:
        params = {**self.exchange.parameters(self.leg), **self.extra(), **goto.params}
        try:
            reply = self.exchange.webhooks.ask(goto.url, goto.method, params)
        except WebhookFailed as failure:
            self._failed(failure.code, failure.url, str(failure))
            raise DocumentFailed(goto, failure.code, failure.url) from None
        self._delivered(goto, reply)
        return reply.body

    def _delivered(self, goto: Goto, reply: Reply) -> None:
        path = urlsplit(goto.url).path
        self.note("webhook", path=path, ms=reply.milliseconds, attempts=reply.attempts)
        self._complain(lint.check_reply(reply.body, reply.content_type), goto.url, reply.body)
        # A wait document is computed anew each time, so only turns must answer a second delivery alike.
        if self.setting is Setting.CALL and reply.again is not None and reply.again.body != reply.body:
            unlike = Violation(0, "a second delivery of the same request got another answer")
            self._complain([unlike], goto.url, reply.again.body)

    def _complain(self, violations: list[Violation], url: str, body: bytes) -> None:
        for violation in violations:
            path = urlsplit(url).path
            self.note(
                "violation",
                code=violation.code,
                text=violation.text,
                path=path,
                twiml=body.decode(errors="replace"),
            )

    def _failed(self, code: int, url: str, text: str, body: bytes = b"") -> None:
        self.note("failure", code=code, text=text, path=urlsplit(url).path, twiml=body.decode(errors="replace"))

    def _play(self, root: Element) -> Goto | None:
        for verb in root:
            self.leg.look()
            goto = self._verb(verb)
            if goto is not None:
                return goto
        return None

    def _verb(self, verb: Element) -> Goto | None:
        allowed = self.setting.value is None or verb.tag in self.setting.value
        player = self.verbs.get(verb.tag)
        if allowed and player is not None:
            return player(self, verb)
        if allowed and verb.tag in lint.CATALOGUE["VoiceResponse"]["children"]:
            self.cannot_play(verb)
        return None

    def cannot_play(self, element: Element) -> None:
        """Say that an element is right, but not rehearsed here."""
        self._complain([Violation(0, f"the practice phone does not play <{element.tag}>")], self.url, b"")
