"""A question only the order system can answer: asked, waited for, and learnt from."""

from __future__ import annotations

from datetime import datetime

from ivr.core import facts, flows
from ivr.core.call import OWN_ASKS, Answer
from ivr.core.draft import Draft
from ivr.core.effects import Inquire
from ivr.core.rules import Reason
from ivr.core.verbs import Back, Pause, Say

PATIENCE_SECONDS = 15  # how long a caller waits for the order system before we go on without it …
WHO_PATIENCE_SECONDS = 4  # … and only so long before the menu, where who they are is a help and no more
MOMENT_SECONDS = 2  # of silence after `one moment`: longer, and a caller thinks the line is dead
AS_OF = "as_of"  # the value that says of an answer when it was so: an earlier one, while the order system is away
PROOFS = ("date_of_birth", "zip", "code")  # what tells who somebody is; a number that rings and a label do not


def ask(draft: Draft, node: flows.AskNode) -> bool:
    """Put a node's question; True while the answer is waited for."""
    if node.question == "who" and not draft.call.caller.number:
        return False
    asked = node.question if node.question == "who" else f"{node.question}:{draft.call.tries}"
    since = draft.call.asking_since if draft.call.asking == asked else None
    told = answer(draft, asked)
    if told is None:
        return True
    if told.known:
        draft.put(known_at=true_since(told, since or draft.now))
    if node.question != "who":  # the next number they key is another question
        draft.put(tries=draft.call.tries + 1)
    else:
        draft.put(on_file=draft.call.on_file or told.facts.get("tier") == "number")
    _count_wrong_proofs(draft, node, told)
    facts.told_elsewhere(draft, told)
    _say_when(draft, told)
    if node.question == "prescriptions":
        draft.put(found=told.found)
    return False


def true_since(told: Answer, asked_at: datetime) -> datetime:
    """From when an answer is: what happens after that may not be in it."""
    return datetime.fromisoformat(told.values[AS_OF]) if AS_OF in told.values else asked_at


def _say_when(draft: Draft, told: Answer) -> None:
    """Of what was known earlier, the journal says when; so do we, where it is about a prescription."""
    if AS_OF not in told.values:
        return
    at = draft.pharmacy.hours[draft.line.site].local(datetime.fromisoformat(told.values[AS_OF]))
    flow = f"callflows/{draft.call.place[-1].flow}.yaml"
    draft.why.append(Reason("what was known", flow, 0, True, f"the order system is away; it said so at {at:%H:%M}"))
    if told.prescription or told.found:
        draft.say(Say("known_as_of", {AS_OF: f"{at:%H:%M}"}))


def answer(draft: Draft, asked: str) -> Answer | None:
    """What we were told, or None while we wait; past the caller's patience nobody knows, and the call goes on."""
    told = draft.world.answers.get(asked)
    since = draft.call.asking_since if draft.call.asking == asked else None
    patience = WHO_PATIENCE_SECONDS if asked == "who" else PATIENCE_SECONDS
    if told is None:
        draft.asks = (*draft.asks, asked)  # the shell may know by now, and steps again with what it knows
        if since and _seconds(since, draft.now) >= patience:
            told = Answer(False)
    if told is not None:
        draft.put(asking=None, asking_since=None)
        return told
    draft.put(asking=asked, asking_since=since or draft.now)
    if asked not in draft.call.asked and asked not in OWN_ASKS:
        draft.do(Inquire(asked))
        draft.put(asked=(*draft.call.asked, asked))
    if draft.leg.documents:  # the first document has the notice to hear meanwhile
        draft.say(Say("one_moment"), Pause(MOMENT_SECONDS))
    draft.say(Back())
    return None


def proved_too_often(draft: Draft) -> bool:
    """Has this caller offered what fits nobody, or is not enough, so often that a person should go on?"""
    return draft.call.wrong_proofs >= draft.pharmacy.policies.wrong_per_call


def _count_wrong_proofs(draft: Draft, node: flows.AskNode, told: Answer) -> None:
    offered = any(draft.call.fields.get(proof) for proof in PROOFS)
    fits = told.person is not None or not told.facts.keys().isdisjoint(("tier", "permission"))
    if node.question in ("prescription", "identity") and told.known and offered and not fits:
        draft.put(wrong_proofs=draft.call.wrong_proofs + 1)


def _seconds(since: datetime, now: datetime) -> float:
    return (now - since).total_seconds()
