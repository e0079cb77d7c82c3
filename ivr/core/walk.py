"""The caller walks through a flow: from node to node until somebody has to answer."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from ivr.core import entry, flows, messages, waiting
from ivr.core.call import OWN_ASKS, Answer, Crumb, Place
from ivr.core.draft import Draft, where_found
from ivr.core.effects import Inquire, RememberLanguage, RequestRefill, RequestRenewal, SendText
from ivr.core.events import Arrived, Keyed, Silent, Spoke
from ivr.core.rules import Grounds, known
from ivr.core.verbs import Back, Gather, Pause, Say

STRIKES = 3  # misses at one question, then a person
MISSES = 5  # misses in one call, then a person
PATIENCE_SECONDS = 15  # how long a caller waits for the order system before we go on without it …
WHO_PATIENCE_SECONDS = 4  # … and only so long before the menu, where who they are is a help and no more
MOST_NODES = 64  # a flow that walks further without asking anybody anything is going in circles


def begin(draft: Draft, event: Arrived) -> None:
    """The first document: it waits for nobody, and the caller is looked up meanwhile."""
    draft.put(place=(Place(draft.line.flow, draft.pharmacy.flows[draft.line.flow].start),))
    if event.caller.number:
        draft.do(Inquire("who"))
        draft.put(asked=("who",))
    remembered = draft.world.answers.get("language")
    if remembered and "language" in remembered.facts:
        _learn_language(draft, str(remembered.facts["language"]))
    walk(draft)


def answer(draft: Draft, event: Keyed | Spoke | Silent) -> None:
    """The caller answered the question they were asked, or did not."""
    node = _node(draft)
    if isinstance(node, flows.Menu):
        _choose_option(draft, node, event)
    elif isinstance(node, flows.Collect):
        _collected(draft, node, event)
    else:  # they were waiting for an answer from elsewhere
        walk(draft)


def walk(draft: Draft) -> None:
    """Follow the nodes until one asks the caller, waits for an answer, or hands the call on."""
    for _ in range(MOST_NODES):
        if _visit(draft, _node(draft)):
            return
    hand_over(draft)


def hand_over(draft: Draft) -> None:
    """Give the caller a person, keeping what was collected."""
    draft.put(wants_person=True, strikes=0)
    if "intent" not in draft.call.facts:
        _learn(draft, {"intent": "speak_to_person"})
    route(draft)


def route(draft: Draft) -> bool:
    """Let the routing rules decide and carry the decision out; False when the flow goes on."""
    figures = _answer(draft, "line")
    if figures is None:
        return True
    router = draft.pharmacy.routers[draft.line.rules]
    facts, person_only = facts_now(draft, figures), draft.call.wants_person
    decision = router.decide(facts, person_only=person_only)
    draft.why.extend(router.why(facts, person_only=person_only))
    draft.grounds.append(Grounds(router.rules.name, known(facts, router.rules.facts), person_only))
    draft.put(decision=decision)
    match decision.route:
        case "self_service":
            draft.put(place=(*draft.call.place, Place(decision.target, draft.pharmacy.flows[decision.target].start)))
            return False
        case "announce":
            draft.say(Say(decision.target))
            waiting.part(draft, resolution="info_given")
        case "transfer":
            waiting.transfer(draft, decision.target)
        case "voicemail":
            messages.take_message(draft, decision.target)
        case "callback":
            waiting.offer_callback(draft)
        case _:
            waiting.join(draft)
    return True


def facts_now(draft: Draft, figures: Answer) -> dict[str, str | int]:
    """Every fact the rules may ask for, as it stands at this moment."""
    hours = draft.pharmacy.hours[draft.line.site]
    state = hours.state(draft.now)
    language = draft.call.language or draft.call.facts.get("language")
    return {
        **figures.facts,
        "attestation": draft.call.caller.attestation,
        "tier": "anonymous",
        **draft.call.facts,
        **({"language": language} if language else {}),
        "line": draft.line.name,
        "site": draft.line.site,
        "hours": state,
        "open": "yes" if state == "business" else "no",
        "time": hours.minute_of_day(draft.now),
        "weekday": hours.weekday(draft.now),
    }


# ---------------------------------------------------------------- visiting a node


def _visit(draft: Draft, node: flows.Node) -> bool:
    """Do what the node says; True when the document is complete."""
    match node:
        case flows.SayNode():
            _say(draft, node)
            return _go(draft, node.then)
        case flows.Menu():
            if node.unless_known and _knows(draft, node.unless_known):
                return _go(draft, node.then or node.silence or "")
            return _ask_menu(draft, node)
        case flows.Collect():
            return _ask_digits(draft, node)
        case flows.AskNode():
            return _ask_elsewhere(draft, node)
        case flows.Pick():
            return _go(draft, _pick(draft, node))
        case flows.Choose():
            case = next((case for case in node.cases if _fits(draft, case)), None)
            return _go(draft, case.then if case else node.otherwise)
        case flows.SubFlow():
            _go(draft, node.then)
            draft.put(place=(*draft.call.place, Place(node.flow, draft.pharmacy.flows[node.flow].start)))
            return False
        case flows.Return():
            return _return(draft)
        case flows.Route():
            return route(draft)
        case flows.TakeMessage():
            messages.take_message(draft, node.queue)
        case flows.TransferTo():
            waiting.transfer(draft, node.name)
        case flows.Do():
            _do(draft, node)
            return _go(draft, node.then)
        case flows.HangUpNode():
            if node.prompt:
                draft.say(Say(node.prompt, draft.prompt_values()))
            waiting.part(draft, resolution=node.resolution)
        case _:
            assert_never(node)
    return True


def _node(draft: Draft) -> flows.Node:
    here = draft.call.place[-1]
    return draft.pharmacy.flows[here.flow].nodes[here.node]


def _go(draft: Draft, node: str) -> bool:
    """On to another node of the same flow."""
    here = draft.call.place[-1]
    draft.put(place=(*draft.call.place[:-1], Place(here.flow, node)), strikes=0)
    return False


def _return(draft: Draft) -> bool:
    """Back to the flow that called this one; from a flow nobody called, to a person."""
    if len(draft.call.place) > 1:
        draft.put(place=draft.call.place[:-1])
        return False
    hand_over(draft)
    return True


def _say(draft: Draft, node: flows.SayNode) -> None:
    if node.resolution:  # this is what they rang for: whoever hangs up now has been served
        draft.put(resolution=node.resolution, outcome="self_served")
    languages = draft.line.languages if node.every_language else (None,)
    draft.say(*(Say(node.prompt, draft.prompt_values(), language, node.notice) for language in languages))


def _knows(draft: Draft, fact: str) -> bool:
    return bool(draft.call.language) if fact == "language" else fact in draft.call.facts


def _fits(draft: Draft, case: flows.Case) -> bool:
    facts = facts_now(draft, Answer(True))
    return all(condition.holds(facts) for condition in case.when)


def _pick(draft: Draft, node: flows.Pick) -> str:
    if not draft.call.found:
        return node.none
    one = draft.call.found[0]
    _learn(draft, dict(one.facts))
    draft.put(prescription=one.prescription, values={**draft.call.values, **one.values})
    return node.then


def _do(draft: Draft, node: flows.Do) -> None:
    match node.what:
        case "request_refill" if draft.call.prescription:
            draft.do(RequestRefill(draft.call.prescription, where_found(draft.call)))
        case "request_renewal" if draft.call.prescription:
            draft.do(RequestRenewal(draft.call.prescription, where_found(draft.call)))
        case "text" if draft.call.caller.number and node.prompt:
            draft.do(SendText(node.prompt, {**draft.call.values}, draft.call.language))
        case "send_code":
            pass
        case "forget_prescription":
            draft.put(prescription=None)
        case what:
            draft.task(what)


# ---------------------------------------------------------------- asking the caller


def _gather(
    draft: Draft,
    says: tuple[Say, ...],
    *,
    digits: int | None,
    speech: bool = False,
    hints: tuple[str, ...] = (),
    seconds: int = 7,
) -> bool:
    """One question. What went before it can be talked over, except notices."""
    notices = [verb for verb in draft.says if isinstance(verb, Say) and verb.notice]
    loose = tuple(verb for verb in draft.says if isinstance(verb, Say) and not verb.notice)
    draft.says = [*notices, Gather((*loose, *says), digits, speech, hints, seconds)]
    return True


def _ask_menu(draft: Draft, node: flows.Menu) -> bool:
    values = draft.prompt_values()
    languages = draft.line.languages if node.every_language else (None,)
    says = tuple(Say(node.prompt, values, language) for language in languages)
    phrases = [phrase for option in node.options.values() for phrase in option.hear.get(_language(draft), ())]
    return _gather(draft, says, digits=1, speech=bool(phrases), hints=tuple(phrases))


def _ask_digits(draft: Draft, node: flows.Collect) -> bool:
    return _gather(draft, (Say(node.prompt, draft.prompt_values()),), digits=node.length)


def _language(draft: Draft) -> str:
    return draft.call.language or draft.line.languages[0]


# ---------------------------------------------------------------- the caller's answers


def _choose_option(draft: Draft, node: flows.Menu, event: Keyed | Spoke | Silent) -> None:
    if isinstance(event, Silent):
        if node.silence:
            _go(draft, node.silence)
            return walk(draft)
        return _missed(draft, "did_not_hear")
    key = event.digits[:1] if isinstance(event, Keyed) else entry.key_for(event.words, node)
    if _universal(draft, key):
        return None
    option = node.options.get(key)
    if option is None:
        return _missed(draft, "not_an_option")
    draft.put(trail=(*draft.call.trail[-5:], Crumb(draft.call.place, draft.call.facts)))
    _learn(draft, dict(option.facts))
    if "language" in option.facts and draft.call.caller.number:
        draft.do(RememberLanguage(str(option.facts["language"])))
    _go(draft, option.then)
    return walk(draft)


def _collected(draft: Draft, node: flows.Collect, event: Keyed | Spoke | Silent) -> None:
    if isinstance(event, Silent):
        return _missed(draft, "did_not_hear")
    digits = event.digits if isinstance(event, Keyed) else entry.spoken_digits(event.words)
    if _universal(draft, "*" if "*" in digits else digits):
        return None
    value = entry.read(node.as_, digits.rstrip("#"), draft.now.date())
    if value is None:
        return _missed(draft, "not_an_option")
    draft.put(fields={**draft.call.fields, node.field: value})
    _go(draft, node.then)
    return walk(draft)


def _universal(draft: Draft, key: str) -> bool:
    """What every question understands: `0` a person, `*` again, `9` back."""
    if key == "0":
        draft.say(Say("person_coming"))
        hand_over(draft)
    elif key == "*":
        walk(draft)
    elif key == "9" and draft.call.trail:
        crumb = draft.call.trail[-1]
        draft.put(place=crumb.place, facts=crumb.facts, trail=draft.call.trail[:-1], strikes=0)
        walk(draft)
    else:
        return False
    return True


def _missed(draft: Draft, prompt: str) -> None:
    """Three strikes at a question, or five misses in a call, and a person takes over."""
    draft.put(strikes=draft.call.strikes + 1, misses=draft.call.misses + 1)
    if draft.call.strikes >= STRIKES or draft.call.misses >= MISSES:
        draft.say(Say("person_coming"))
        return hand_over(draft)
    strikes = draft.call.strikes
    draft.say(Say(prompt))
    walk(draft)
    draft.put(strikes=strikes)
    return None


# ---------------------------------------------------------------- asking elsewhere


def _ask_elsewhere(draft: Draft, node: flows.AskNode) -> bool:
    if node.question == "who" and not draft.call.caller.number:
        return _go(draft, node.then)
    told = _answer(draft, node.question if node.question == "who" else f"{node.question}:{draft.call.tries}")
    if told is None:
        return True
    if node.question != "who":  # the next number they key is another question
        draft.put(tries=draft.call.tries + 1)
    _told(draft, told)
    return _go(draft, node.then)


def _answer(draft: Draft, ask: str) -> Answer | None:
    """What we were told, or None while we wait; past the caller's patience nobody knows, and the call goes on."""
    told = draft.world.answers.get(ask)
    since = draft.call.asking_since if draft.call.asking == ask else None
    patience = WHO_PATIENCE_SECONDS if ask == "who" else PATIENCE_SECONDS
    if told is None:
        draft.asks = (*draft.asks, ask)  # the shell may know by now, and steps again with what it knows
        if since and _seconds(since, draft.now) >= patience:
            told = Answer(False)
    if told is not None:
        draft.put(asking=None, asking_since=None)
        return told
    draft.put(asking=ask, asking_since=since or draft.now)
    if ask not in draft.call.asked and ask not in OWN_ASKS:
        draft.do(Inquire(ask))
        draft.put(asked=(*draft.call.asked, ask))
    if draft.leg.documents:  # the first document has the notice to hear meanwhile
        draft.say(Say("one_moment"), Pause(2))
    draft.say(Back())
    return None


def _told(draft: Draft, told: Answer) -> None:
    language = told.facts.get("language")
    facts = {fact: value for fact, value in told.facts.items() if fact != "language"}
    _learn(draft, facts)
    if language and not draft.call.language:
        _learn_language(draft, str(language))
    draft.put(
        person=told.person or draft.call.person,
        prescription=told.prescription or draft.call.prescription,
        values={**draft.call.values, **told.values},
        found=told.found or draft.call.found,
    )


def _learn(draft: Draft, facts: dict[str, str | int]) -> None:
    language = facts.pop("language", None)
    draft.put(facts={**draft.call.facts, **facts})
    if language:
        _learn_language(draft, str(language))


def _learn_language(draft: Draft, language: str) -> None:
    if language in draft.line.languages:
        draft.put(language=language)


def _seconds(since: datetime, now: datetime) -> float:
    return (now - since).total_seconds()
