"""The caller walks through a flow: from node to node until somebody has to answer."""

from __future__ import annotations

from typing import assert_never

from ivr.core import arranging, asking, deeds, enquiring, facts, flows, messages, ringing_again, waiting
from ivr.core.call import Answer, Place
from ivr.core.draft import Draft
from ivr.core.effects import Inquire
from ivr.core.events import Arrived
from ivr.core.rules import Decision, Grounds, known
from ivr.core.verbs import Say

MOST_NODES = 64  # a flow that walks further without asking anybody anything is going in circles


def begin(draft: Draft, event: Arrived) -> None:
    """The first document: it waits for nobody, and the caller is looked up meanwhile."""
    draft.put(place=(Place(draft.line.flow, draft.pharmacy.flows[draft.line.flow].start),))
    if event.caller.number:
        draft.do(Inquire("who"))
        draft.put(asked=("who",))
    remembered = draft.world.answers.get("language")
    if remembered and event.caller.attestation != "failed":
        facts.told_elsewhere(draft, remembered)
    walk(draft)


def walk(draft: Draft) -> None:
    """Follow the nodes until one asks the caller, waits for an answer, or hands the call on."""
    for _ in range(MOST_NODES):
        if _visit(draft, here(draft)):
            return
    hand_over(draft)


def hand_over(draft: Draft) -> None:
    """Give the caller a person, keeping what was collected."""
    draft.put(wants_person=True)
    at(draft, draft.call.place)
    if "intent" not in draft.call.facts:
        facts.learn(draft, {"intent": "speak_to_person"})
    route(draft)


# ---------------------------------------------------------------- where the caller is


def here(draft: Draft) -> flows.Node:
    """The node the caller has come to."""
    place = draft.call.place[-1]
    return draft.pharmacy.flows[place.flow].nodes[place.node]


def at(draft: Draft, place: tuple[Place, ...]) -> None:
    """At another place, where nobody has missed anything yet."""
    draft.put(place=place, strikes=0, silences=0, repeats=0, secret=False)


def go(draft: Draft, node: str) -> bool:
    """On to another node of the same flow; False, for it has not been visited yet."""
    at(draft, (*draft.call.place[:-1], Place(draft.call.place[-1].flow, node)))
    return False


def _into(draft: Draft, flow: str) -> bool:
    """Into another flow, which may come back here."""
    draft.put(place=(*draft.call.place, Place(flow, draft.pharmacy.flows[flow].start)))
    return False


def _return(draft: Draft) -> bool:
    """Back to the flow that called this one; from a flow nobody called, to a person."""
    if len(draft.call.place) > 1:
        draft.put(place=draft.call.place[:-1])
        return False
    hand_over(draft)
    return True


# ---------------------------------------------------------------- visiting a node


def _visit(draft: Draft, node: flows.Node) -> bool:
    """Do what the node says; True when the document is complete."""
    match node:
        case flows.SayNode():
            _say(draft, node)
            return go(draft, node.then)
        case flows.Menu():
            if node.unless_known and facts.is_known(draft, node.unless_known):
                return go(draft, node.then or node.silence or "")
            return asking.menu(draft, node)
        case flows.Collect():
            return asking.collect(draft, node)
        case flows.AskNode():
            return _ask(draft, node)
        case flows.Pick():
            return _pick(draft, node)
        case flows.Choose():
            case = next((case for case in node.cases if _fits(draft, case)), None)
            return go(draft, case.then if case else node.otherwise)
        case flows.SubFlow():
            go(draft, node.then)
            return _into(draft, node.flow)
        case flows.Return():
            return _return(draft)
        case flows.Route():
            if node.person:
                draft.put(wants_person=True)
            return route(draft)
        case flows.TakeMessage() if node.keep:
            messages.take_prescription(draft, node)
        case flows.TakeMessage():
            messages.take_message(draft, node.queue)
        case flows.CheckMedicine():
            return go(draft, _known_of(draft, node))
        case flows.TransferTo():
            waiting.transfer(draft, node.name)
        case flows.Do():
            deeds.do(draft, node)
            return go(draft, node.then)
        case flows.HangUpNode():
            if node.prompt:
                draft.say(Say(node.prompt, draft.prompt_values()))
            waiting.part(draft, resolution=node.resolution)
        case _:
            assert_never(node)
    return True


def _say(draft: Draft, node: flows.SayNode) -> None:
    if node.resolution:  # this is what they rang for: whoever hangs up now has been served
        draft.put(resolution=node.resolution, outcome="self_served")
    languages = draft.line.languages if node.every_language else (None,)
    draft.say(*(Say(node.prompt, draft.prompt_values(), language, node.notice) for language in languages))


def _fits(draft: Draft, case: flows.Case) -> bool:
    stands = facts.as_they_stand(draft, Answer(True))
    return all(condition.holds(stands) for condition in case.when)


def _ask(draft: Draft, node: flows.AskNode) -> bool:
    """Ask elsewhere; whoever has offered too much that fits nobody goes on with a person, who asks in other ways."""
    if enquiring.ask(draft, node):
        return True
    go(draft, node.then)
    if not enquiring.proved_too_often(draft):
        return False
    draft.say(Say("not_matched"))
    hand_over(draft)
    return True


def _known_of(draft: Draft, node: flows.CheckMedicine) -> str:
    """Where what is known of a medicine's name leads; which names it is mistaken for is kept for the pharmacist."""
    name, known = draft.call.fields.get(node.field, ""), draft.pharmacy.medicines
    others = known.mistaken_for(name) if known else ()
    fields = {field: value for field, value in draft.call.fields.items() if field != messages.MISTAKEN}
    draft.put(fields={**fields, messages.MISTAKEN: ", ".join(others)} if others else fields)
    if known and known.is_controlled(name):
        return node.controlled
    return node.mistaken if others else node.then


def _pick(draft: Draft, node: flows.Pick) -> bool:
    """Nothing to ask where there is one prescription, or none."""
    there = list(asking.to_pick_from(draft).values())
    if len(there) > 1:
        return asking.pick(draft, node)
    if there:
        facts.take_prescription(draft, there[0])
    return go(draft, node.then if there else node.none)


# ---------------------------------------------------------------- where the call goes


def route(draft: Draft) -> bool:
    """Let the routing rules decide and carry the decision out; False when the flow goes on."""
    figures = enquiring.answer(draft, "line")
    return True if figures is None else carry_out(draft, decide(draft, figures))


def decide(draft: Draft, figures: Answer) -> Decision:
    """What the rules say of the call as it stands, and why."""
    router = draft.pharmacy.routers[draft.line.rules]
    stands, person_only = facts.as_they_stand(draft, figures), draft.call.wants_person
    decision = router.decide(stands, person_only=person_only)
    draft.why.extend(router.why(stands, person_only=person_only))
    draft.grounds.append(Grounds(router.rules.name, known(stands, router.rules.facts), person_only))
    draft.put(decision=decision)
    return decision


def carry_out(draft: Draft, decision: Decision) -> bool:
    """Do what was decided; False when the flow goes on."""
    if decision.route in ("queue", "callback") and decision.answer_within_seconds != 0 and ringing_again.found(draft):
        return True
    match decision.route:
        case "self_service":  # nothing comes back from here, so the way back is forgotten
            at(draft, (Place(decision.target, draft.pharmacy.flows[decision.target].start),))
            return False
        case "announce":
            draft.say(Say(decision.target))
            waiting.part(draft, resolution="info_given")
        case "transfer":
            waiting.transfer(draft, decision.target)
        case "voicemail":
            messages.take_message(draft, decision.target)
        case "callback":
            arranging.offer(draft)
        case _:
            waiting.join(draft)
    return True
