"""The caller's answer to a question: an option, a value, a wish that means the same everywhere, or a miss."""

from __future__ import annotations

from ivr.core import asking, entry, facts, flows, safety, walk
from ivr.core.call import Crumb
from ivr.core.draft import Draft
from ivr.core.events import Keyed, Silent, Spoke
from ivr.core.heard import Heard
from ivr.core.identity import code_fits, code_used
from ivr.core.rules import Reason
from ivr.core.verbs import Say

STRIKES = 3  # misses at one question, then a person
MISSES = 5  # misses in one call, then a person
SLOWER_AFTER = 2  # times `*` in a row
MOST_REPEATS = 3  # times `*` in a row; more, and repeating does not help
MOST_CRUMBS = 6


def answer(draft: Draft, event: safety.Answered) -> None:
    """The caller answered the question they were asked, or did not."""
    node = walk.here(draft)
    if not isinstance(node, flows.Menu | flows.Collect | flows.Pick):  # they were waiting for an answer from elsewhere
        return walk.walk(draft)
    if isinstance(event, Silent):
        return _silence(draft, node)
    if isinstance(event, Spoke) and _other_language(draft, node, event.words):
        return None
    match node:
        case flows.Menu():
            return _menu(draft, node, event)
        case flows.Collect():
            return _collect(draft, node, event)
        case flows.Pick():
            return _pick(draft, node, event)


def _other_language(draft: Draft, node: flows.Node, words: str) -> bool:
    """Whoever names a language of the line, anywhere but where it is asked for, is spoken to in it from now on."""
    named = entry.language_named(words)
    is_asked_for = isinstance(node, flows.Menu) and entry.phrase_for(words, node)[0]
    if named is None or is_asked_for or named not in draft.line.languages:
        return False
    facts.chosen(draft, {"language": named})
    walk.walk(draft)
    return True


# ---------------------------------------------------------------- menus


def _menu(draft: Draft, node: flows.Menu, event: Keyed | Spoke) -> None:
    key = event.digits[:1] if isinstance(event, Keyed) else _key_in(draft, node, event)
    if key in node.options:
        return _take(draft, node.options[key])
    if universal(draft, key):
        return None
    if isinstance(event, Keyed):
        return None if in_danger(draft, key) else missed(draft, "not_an_option")
    if node.understand and event.heard and event.heard.is_understood:
        return _understood(draft, node, event.heard)
    return missed(draft, "not_understood")


def _key_in(draft: Draft, node: flows.Menu, event: Spoke) -> str:
    """The key an answer in words means; nothing where it has to be understood first.

    A short answer is the phrase it holds; a whole sentence that was understood means what was understood.
    """
    understood = node.understand and event.heard and event.heard.is_understood
    key, phrase = entry.phrase_for(event.words, node)
    if key and (not understood or entry.is_phrase_of(event.words, node)):
        flow = draft.call.place[-1].flow
        draft.why.append(
            Reason("what was heard", f"callflows/{flow}.yaml", 0, True, f'"{phrase}" means key {key} here')
        )
        return key
    if understood:
        return entry.universal(event.words) or entry.short_key(event.words)
    return entry.key_for(event.words, node)


def _take(draft: Draft, option: flows.Option) -> None:
    _leave_crumb(draft)
    facts.chosen(draft, option.facts)
    _on(draft, option.then)


def _understood(draft: Draft, node: flows.Menu, heard: Heard) -> None:
    """What they want in their own words: the option for it, and where there is none the node that sorts it out."""
    if heard.intent == "speak_to_person":
        universal(draft, "0")
        return
    _leave_crumb(draft)
    option = next((one for one in node.options.values() if one.facts.get("intent") == heard.intent), None)
    told = {fact: value for fact, value in option.facts.items() if fact != "urgency"} if option else {}
    facts.chosen(draft, {**told, "intent": str(heard.intent)})
    facts.learn_urgency(draft, _urgency(heard, option))
    _on(draft, option.then if option else str(node.understand))


def _urgency(heard: Heard, option: flows.Option | None) -> str:
    """As it was heard: an emergency would not have come here. What the key calls one is urgent at the least."""
    is_grave = option is not None and option.facts.get("urgency") in ("urgent", "emergency")
    return "urgent" if is_grave else heard.urgency


def _leave_crumb(draft: Draft) -> None:
    crumb = Crumb(draft.call.place, draft.call.facts)
    draft.put(trail=(*draft.call.trail, crumb)[-MOST_CRUMBS:])


def _on(draft: Draft, node: str) -> None:
    walk.go(draft, node)
    walk.walk(draft)


# ---------------------------------------------------------------- values and prescriptions


def _collect(draft: Draft, node: flows.Collect, event: Keyed | Spoke) -> None:
    if isinstance(event, Keyed):
        digits = event.digits.rstrip("#")
        key = "*" if "*" in digits else digits
        value = None if node.as_ == "speech" else entry.read(node.as_, digits, draft.now.date(), node.length)
    else:
        key = _wish(node, event)
        language, today = facts.language(draft), draft.now.date()
        value = entry.said(node.as_, event.words, language, today, node.length)
    if universal(draft, key):
        return None
    if key in node.instead:
        return _on(draft, node.instead[key])
    if value is None and isinstance(event, Keyed) and in_danger(draft, key):
        return None
    if value is None:
        return missed(draft, "not_an_option" if isinstance(event, Keyed) else "not_understood")
    draft.put(fields={**draft.call.fields, node.field: value})
    if node.as_ == "code" and code_fits(draft.call, value, draft.now):
        draft.call = code_used(draft.call)
    if node.as_ == "speech" and isinstance(event, Spoke) and event.heard:
        _learn_from(draft, event.heard)
    return _on(draft, node.then)


def _wish(node: flows.Collect, event: Spoke) -> str:
    """The key that means what they say instead of an answer."""
    if node.as_ == "speech":
        wants_person = event.heard and event.heard.is_understood and event.heard.intent == "speak_to_person"
        return "0" if wants_person else entry.universal(event.words)
    return entry.universal(event.words) or ("0" if entry.PERSON_WORDS.search(event.words.casefold()) else "")


def _learn_from(draft: Draft, heard: Heard) -> None:
    if heard.is_understood:
        facts.learn(draft, {"intent": str(heard.intent)})
        facts.learn_urgency(draft, heard.urgency)


def _pick(draft: Draft, node: flows.Pick, event: Keyed | Spoke) -> None:
    there = asking.to_pick_from(draft)
    if isinstance(event, Keyed):
        key = event.digits[:1]
    else:
        last4 = {one.values.get("last4", ""): key for key, one in there.items()}
        said = entry.first_that_fits(last4.get(digits) for digits in entry.readings(event.words))
        key = said or entry.universal(event.words) or entry.nth(event.words)
    if key in there:
        _leave_crumb(draft)
        facts.take_prescription(draft, there[key])
        return _on(draft, node.then)
    if universal(draft, key) or (isinstance(event, Keyed) and in_danger(draft, key)):
        return None
    return missed(draft, "not_an_option" if isinstance(event, Keyed) else "not_understood")


# ---------------------------------------------------------------- what every question understands


def universal(draft: Draft, key: str) -> bool:
    """`0` a person, `*` again, `9` back, and in words `slower`; False for any other key."""
    match key:
        case "0":
            draft.say(Say("person_coming"))
            walk.hand_over(draft)
        case "*":
            _again(draft)
        case "9" if draft.call.trail:
            crumb = draft.call.trail[-1]
            draft.put(facts=crumb.facts, trail=draft.call.trail[:-1])
            walk.at(draft, crumb.place)
            walk.walk(draft)
        case entry.SLOWER:
            _slower(draft)
        case _:
            return False
    return True


def in_danger(draft: Draft, key: str) -> bool:
    """The emergency key, once the line's menu has taught it, means the same wherever it means nothing else."""
    option = safety.emergency_key(draft, key)
    if option is None:
        return False
    facts.learn_for_good(draft, option.facts)
    walk.route(draft)
    return True


def _again(draft: Draft) -> None:
    """The question once more; whoever asks for that twice is spoken to more slowly from now on."""
    draft.put(repeats=draft.call.repeats + 1)
    if draft.call.repeats > MOST_REPEATS:
        return missed(draft, "not_an_option")
    if draft.call.repeats >= SLOWER_AFTER and not facts.is_patient(draft):
        return _slower(draft)
    return walk.walk(draft)


def _slower(draft: Draft) -> None:
    if not facts.is_patient(draft):  # those who ring through a relay stay that
        facts.learn_for_good(draft, {"access": "slow"})
        facts.remember(draft, {"access": "slow"})
    draft.say(Say("slower_now"))
    walk.walk(draft)


# ---------------------------------------------------------------- misses


def _silence(draft: Draft, node: flows.Menu | flows.Collect | flows.Pick) -> None:
    if isinstance(node, flows.Menu) and node.silence:
        return _on(draft, node.silence)
    draft.put(silences=draft.call.silences + 1)
    is_relayed = draft.call.facts.get("access") == "relay"  # somebody is still typing
    return missed(draft, "did_not_hear", counts=not is_relayed or draft.call.silences % 2 == 0)


def missed(draft: Draft, prompt: str, *, counts: bool = True) -> None:
    """Three strikes at a question, or five misses in a call, and a person takes over, with all that was collected."""
    if counts:
        draft.put(strikes=draft.call.strikes + 1, misses=draft.call.misses + 1)
    if draft.call.strikes >= STRIKES or draft.call.misses >= MISSES:
        draft.say(Say("person_coming"))
        return walk.hand_over(draft)
    draft.put(repeats=0)
    draft.say(Say(prompt))
    return walk.walk(draft)
