"""Danger first: whatever is said at any question, harm is taken care of before anything else."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from ivr.core import asking, callbacks, entry, facts, flows, meeting, rooms, waiting, walk
from ivr.core.call import Answer, Doubt
from ivr.core.draft import Draft
from ivr.core.events import Keyed, Silent, Spoke
from ivr.core.heard import Heard
from ivr.core.rules import Reason
from ivr.core.verbs import Say

MOST_SILENCES = 2  # at the safety question, and somebody may be hurt
MOST_CLEARED = 8
VAGUE = ("other", "speak_to_person")  # intents that say less than that somebody is harmed
HOLD_KEYS = ("0", "1", "2", "3", "9")  # mean something else to callers on hold
ASKED_IN = ("flow", "holding", "dialogue")

Answered = Keyed | Spoke | Silent


def first(draft: Draft, event: Answered) -> Answered | None:
    """The caller's answer, once no danger is in it; None when danger has taken the turn."""
    if isinstance(event, Spoke) and (entry.is_plain(event.words) or _is_what_was_asked(draft, event)):
        event = replace(event, heard=None)  # the number on a label is no danger, however it sounds to a listener
    if isinstance(event, Spoke) and event.heard is not None:
        draft.why.append(_evidence(event.heard))
    if _is_put_on_hold(draft) and _calls_for_help_on_hold(draft, event):
        rooms.brought_back(draft)
        return event
    if isinstance(event, Keyed) and _presses_for_help(draft, event):
        emergency(draft, Heard("adverse_reaction", "emergency", False, 1.0))
        return None
    if draft.call.phase not in ASKED_IN:
        draft.put(doubt=None)
        return event
    if isinstance(event, Spoke) and event.heard is not None and event.heard.urgency == "emergency":
        emergency(draft, event.heard, event.words)
        return None
    if draft.call.doubt is not None:
        return _answered(draft, draft.call.doubt, event)
    if isinstance(event, Spoke) and event.heard is not None and _is_doubtful(draft, event, event.heard):
        draft.put(doubt=Doubt(event.words, event.heard), silences=0)
        _speak_as_they_do(draft, event.words)
        draft.why.append(_told("harm could not be ruled out, and the caller is asked"))
        asking.safety(draft)
        return None
    return event


def emergency_key(draft: Draft, key: str) -> flows.Option | None:
    """What this key means in the menu of the line that teaches callers where to press in danger."""
    nodes = draft.pharmacy.flows[draft.line.flow].nodes.values()
    options = (node.options[key] for node in nodes if isinstance(node, flows.Menu) and key in node.options)
    return next((option for option in options if option.facts.get("urgency") == "emergency"), None)


def _presses_for_help(draft: Draft, event: Keyed) -> bool:
    """On hold and while a callback is agreed on, the emergency key still works, unless it has another meaning there."""
    ticket, key = draft.call.ticket, event.digits.rstrip("#")
    waits = draft.call.phase in ("holding", "dialogue") and ticket is not None and not ticket.emergency
    return waits and key not in HOLD_KEYS and emergency_key(draft, key) is not None


def _is_put_on_hold(draft: Draft) -> bool:
    """By somebody they talk with, where keys and words mean nothing else: and nobody is nearer than that somebody."""
    talk = draft.call.talk
    return talk is not None and draft.call.phase == "talking" and talk.caller == "hold" and talk.agent != "unsure"


def _calls_for_help_on_hold(draft: Draft, event: Answered) -> bool:
    """By the emergency key or in words; where harm cannot be ruled out, it is their agent who asks."""
    if isinstance(event, Keyed) and emergency_key(draft, event.digits.rstrip("#")) is not None:
        facts.learn_for_good(draft, {"urgency": "emergency"})
        draft.why.append(_told("they pressed the emergency key while their agent had them on hold"))
        return True
    heard = event.heard if isinstance(event, Spoke) else None
    if heard is not None and heard.urgency == "emergency":
        facts.learn_for_good(draft, {"urgency": "emergency"})
        draft.why.append(_told("they spoke of danger while their agent had them on hold"))
    return heard is not None and (heard.urgency == "emergency" or heard.ask_safety)


def _is_what_was_asked(draft: Draft, event: Spoke) -> bool:
    """`Thank you, goodbye` where the menu has it: a listener for quiet farewells would call a pharmacist.

    Nor is there any danger in letters and strengths where an office dictates them.
    """
    node = walk.here(draft) if draft.call.phase == "flow" and draft.call.doubt is None else None
    if isinstance(node, flows.Collect) and node.as_ in entry.DICTATED:
        return entry.DICTATED[node.as_](event.words) is not None
    return isinstance(node, flows.Menu) and entry.is_nothing_else(event.words, node)


def emergency(draft: Draft, heard: Heard, words: str = "") -> None:
    """To a pharmacist, by the rules and at once: nobody proves who they are, and nothing else is asked."""
    is_exact = heard.is_understood and heard.intent not in VAGUE
    intent = str(heard.intent) if is_exact else "adverse_reaction"
    facts.learn_for_good(draft, {"intent": intent, "urgency": "emergency"})
    draft.put(doubt=None, asking=None, asking_since=None, secret=False)
    _speak_as_they_do(draft, words)
    draft.say(Say("emergency_heard"))
    on_hold = draft.call.ticket is not None and draft.call.phase in ("holding", "dialogue")
    decision = walk.decide(draft, _figures(draft))
    if on_hold:
        return waiting.became_emergency(draft, decision)
    draft.put(phase="flow", dialogue="")
    if not walk.carry_out(draft, decision):
        walk.walk(draft)
    return None


# ---------------------------------------------------------------- said to a callback, before the key


def called_back(draft: Draft, event: Answered) -> bool:
    """Whoever picks up a callback and speaks of danger is helped without a key; True when that has taken the turn."""
    is_told = isinstance(event, Spoke) and not entry.is_plain(event.words)
    heard, doubt = event.heard if isinstance(event, Spoke) and is_told else None, draft.call.doubt
    if isinstance(event, Spoke) and heard is not None:
        draft.why.append(_evidence(heard))
        if heard.urgency == "emergency":
            _help_called_back(draft, heard, event.words)
            return True
    if doubt is not None:
        return _answered_called_back(draft, doubt, event)
    if isinstance(event, Spoke) and heard is not None and heard.ask_safety:
        draft.put(doubt=Doubt(event.words, heard))
        draft.why.append(_told("harm could not be ruled out, and they are asked"))
        return asking.safety(draft)
    return False


def _answered_called_back(draft: Draft, doubt: Doubt, event: Answered) -> bool:
    """Machines speak of emergencies too, and then are silent; in case it was no machine, somebody finds out."""
    draft.put(doubt=None)
    if isinstance(event, Silent):
        draft.task("possible_emergency", urgent=True)
        return False
    if _is_no(event, entry.yes_or_no(event.words) if isinstance(event, Spoke) else None):
        draft.why.append(_told("nobody is in danger, they say"))
        draft.say(callbacks.hello(draft))
        return True
    _help_called_back(draft, doubt.heard, doubt.words)
    return True


def _help_called_back(draft: Draft, heard: Heard, words: str) -> None:
    """To the agent who stands by for them; where nobody does, in line before all others."""
    offer, ticket = meeting.offer_to(draft.call, draft.leg), draft.call.ticket
    draft.put(doubt=None)
    if offer is not None and offer.state == "accepted":
        facts.learn_for_good(draft, {"urgency": "emergency"})
        return meeting.meet(draft, offer)
    if ticket is not None and ticket.live:
        draft.put(phase="holding", queued_at=draft.now, reached="offer", in_queue=False)
    return emergency(draft, heard, words)


# ---------------------------------------------------------------- what is known of it


def _speak_as_they_do(draft: Draft, words: str) -> None:
    """Whoever cries for help in another language of the line is answered in it."""
    spoken = entry.language_of(words)
    if spoken:
        facts.learn_language(draft, spoken)


def _figures(draft: Draft) -> Answer:
    """How the line stands, as far as it is known: an emergency waits for nothing."""
    if "line" not in draft.world.answers:
        draft.asks = (*draft.asks, "line")
    return draft.world.answers.get("line", Answer(False))


def _is_doubtful(draft: Draft, event: Spoke, heard: Heard) -> bool:
    """Nothing is asked of whoever says the very words a menu knows: they mean its option."""
    if not heard.ask_safety or _fingerprint(event.words) in draft.call.cleared:
        return False
    node = walk.here(draft) if draft.call.phase == "flow" else None
    return not isinstance(node, flows.Menu) or not entry.is_phrase_of(event.words, node)


def _answered(draft: Draft, doubt: Doubt, event: Answered) -> Answered | None:
    """Only a clear no is a no: then what they said is taken as it was meant, and not asked about again."""
    said = entry.yes_or_no(event.words) if isinstance(event, Spoke) else None
    if _is_no(event, said):
        draft.why.append(_told("nobody is in danger, the caller says"))
        draft.put(doubt=None, silences=0, cleared=(*draft.call.cleared, _fingerprint(doubt.words))[-MOST_CLEARED:])
        return Spoke(event.leg, doubt.words, heard=replace(doubt.heard, ask_safety=False))
    if _is_silence(event) and draft.call.silences + 1 < MOST_SILENCES:
        draft.put(silences=draft.call.silences + 1)
        asking.safety(draft)
        return None
    draft.why.append(_told("the answer was no clear no"))
    emergency(draft, doubt.heard, doubt.words)
    return None


def _is_no(event: Answered, said: bool | None) -> bool:
    if isinstance(event, Keyed):
        return event.digits.rstrip("#") == "2"
    if not isinstance(event, Spoke):
        return False
    if entry.is_nothing_but_no(event.words) or entry.short_key(event.words) == "2":
        return True
    return said is False and event.heard is not None and not event.heard.ask_safety


def _is_silence(event: Answered) -> bool:
    """Nothing said, or a wish to hear the question again."""
    if isinstance(event, Keyed):
        return event.digits == "*"
    return isinstance(event, Silent) or entry.universal(event.words) == "*"


def _fingerprint(words: str) -> str:
    return sha256(" ".join(words.casefold().split()).encode()).hexdigest()[:16]


def _told(because: str) -> Reason:
    return Reason("safety question", "ivr/speech", 0, True, because)


def _evidence(heard: Heard) -> Reason:
    told = "; ".join(heard.because) or "nothing in it told what they want"
    return Reason("what was heard", "ivr/speech", 0, True, told)
