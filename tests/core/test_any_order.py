"""Whatever happens in whatever order, twice or late, a call holds together."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.core import entry
from ivr.core.call import Answer, Call
from ivr.core.effects import MoveCaller, MoveLeg
from ivr.core.events import (
    VANISHED,
    Acted,
    CallerGone,
    Came,
    DialEnded,
    Event,
    HungUp,
    Keyed,
    LeftAlone,
    NobodyCould,
    Placed,
    PlaceFailed,
    QueueLeft,
    Recalled,
    Recorded,
    Silent,
    Spoke,
    Stumbled,
    Taped,
    TimerDue,
    Worked,
)
from ivr.core.flows import AskNode, Collect, Menu, Pick
from ivr.core.flows import Do as DoNode
from ivr.core.heard import Heard
from ivr.core.line import Agent
from ivr.core.pharmacy import Pharmacy
from ivr.core.presence import PRESENCE
from ivr.core.recording import AGREED
from ivr.core.talking import ACTS, WATCHING
from ivr.core.tickets import accepted_offer
from ivr.core.verbs import Back, Dial, Gather, Hangup, Hold, Leave, Meet, Pause, Record
from tests.core.rehearsal import FLOW, LINE, NIGHT, OPEN, PHARMACY, QUEUES, SILENT, Rehearsal, pharmacy_with

AGENTS = ("ana", "ben", "cas", "dee", "eve", "fay", "gil", "hal")
THIRD = ("consulted", "supervisor")  # whoever joins a talk, by what they are there
LEGS = st.sampled_from(["c", *(f"leg-{agent}" for agent in AGENTS), *THIRD, "callback", "nobody"])
HEARD = st.one_of(
    st.none(),
    st.builds(
        Heard,
        st.sampled_from([None, "refill_request", "medication_question", "speak_to_person", "billing"]),
        st.sampled_from(["routine", "routine", "urgent", "emergency"]),
        st.booleans(),
        st.sampled_from([0.2, 0.9]),
    ),
)
WORDS = ["refill", "a person please", "uno", "…", "no", "yes", "again", "slower", "January fifth 1950", "go back"]
TIMERS = ("offer", "join", "held", "held", "apart")
KEYS = st.sampled_from(["0", "1", "1", "1", "2", "5", "9", "*", "7001234", "5555550177"])
EVENTS = st.one_of(
    st.builds(Keyed, LEGS, KEYS),
    st.builds(Keyed, st.just("c"), KEYS),
    st.builds(Silent, LEGS),
    st.builds(Spoke, LEGS, st.sampled_from(WORDS), heard=HEARD),
    st.builds(Spoke, st.just("c"), st.sampled_from(WORDS), heard=HEARD),
    st.builds(Came, LEGS, st.just(1)),
    st.builds(Recalled, st.sampled_from(AGENTS), st.just("sue")),
    st.builds(Recorded, LEGS, st.just("RE1"), st.integers(0, 5)),
    st.builds(QueueLeft, LEGS, st.sampled_from(["leave", "redirected", "hangup", "error"])),
    st.builds(DialEnded, LEGS, st.sampled_from(["completed", "busy", "answered"])),
    st.builds(HungUp, LEGS, st.sampled_from(["completed", "no-answer", VANISHED])),
    st.builds(
        Acted,
        st.sampled_from(["ana", "ben", "sue"]),
        st.sampled_from(ACTS),
        st.sampled_from(["", "hal", "queue:refills", "courier"]),
    ),
    st.builds(Acted, st.just("sue"), st.sampled_from(ACTS), st.sampled_from(["gil", "queue:front_desk", "courier"])),
    st.builds(LeftAlone, st.sampled_from(["rx-offer-ana", "rx-offer-ana-2"])),
    st.builds(Taped, LEGS, st.just("RE2")),
    st.builds(Stumbled, LEGS),
    st.builds(Placed, LEGS),
    st.builds(PlaceFailed, LEGS, st.just("21211")),
    st.builds(CallerGone, LEGS),
    st.builds(NobodyCould),
    st.builds(Worked, st.sampled_from(AGENTS), st.just("resolved_agent")),
    st.builds(TimerDue, st.sampled_from([f"{kind}:offer-{agent}" for kind in TIMERS for agent in AGENTS])),
    st.builds(TimerDue, st.sampled_from(["emergency:on_call", "emergency:unanswered", "join:unknown"])),
)
STAFF = {
    name: Agent(name, name.title(), "central", "+15555550110", queues=frozenset(QUEUES), licensed=True)
    for name in (*AGENTS, "sue")
}
STAFFED = replace(
    PHARMACY,
    staff={**STAFF, "sue": replace(STAFF["sue"], role="supervisor")},
    queues={name: replace(queue, record=name == "front_desk") for name, queue in QUEUES.items()},
)
LISTENS = pharmacy_with(
    menu=replace(FLOW.nodes["menu"], understand="story", help="main_menu_help"),
    story=Collect("story", "tell_us", "speech", "born"),
    born=Collect("date_of_birth", "enter_birth_date", "date_of_birth", "prove", help="birth_date_help"),
    prove=AskNode("identity", "list"),
    list=AskNode("prescriptions", "which"),
    which=Pick("this_one", "decide", "code"),
    code=DoNode("send_code", "decide"),
)
GOES_ON = (Gather, Hold, Meet, Dial, Record, Back, Leave, Hangup)
LONGEST_SILENCE_SECONDS = 3
OFFERED = ("offer", "pick up", "accept")
CALLED_BACK = ("hold key 1", "hold key 1", "hang up", *OFFERED)
MET = (*OFFERED, "moved", "hears the notice")
STARRED = (*MET, "star", "star is told")
CONSULTS = (*MET, "consult", "consulted accepts")
BEGINNINGS = st.sampled_from(
    [(), OFFERED[:2], OFFERED, MET, STARRED, CONSULTS, CALLED_BACK, (*CALLED_BACK, "answers the callback")]
)
WHO = st.sampled_from([
    Answer(True, {"tier": "anonymous"}),
    Answer(True, {"tier": "number", "caller": "prescriber"}),
    Answer(True, {"tier": "number", "caller": "patient", "language": "es"}),
])  # fmt: skip


# What usually comes next, so that calls get far before something odd happens to them.
USUAL = st.sampled_from(
    [
        *("offer", "pick up", "accept", "moved", "answers the callback", "hold key 1", "hang up", "agent hangs up"),
        *("the worker falls silent", "the worker is back", "leaves the queue", "hold key 3", "nobody answers"),
        *("hears the notice", "star", "star is told", "consult", "consulted accepts", "supervisor accepts"),
        *("moved at last", "hold", "join", "hand over", "consulted hangs up", "back", "pass on", "resume"),
    ]
)


def _lead(call: Rehearsal, happening: Event | str) -> None:
    if isinstance(happening, str):
        return _usual(call.later(3), happening)
    leg = getattr(happening, "leg", "")
    if leg in ("callback", *THIRD):
        happening = type(happening)(_third(call, leg), *_rest(happening))
    if isinstance(happening, Acted) and happening.act in WATCHING and call.presence["sue"] != "available":
        return None  # the record refuses it: they are busy
    before = call.call
    call.later(3).happens(happening)
    if isinstance(happening, Spoke) and happening.heard and happening.heard.urgency == "emergency":
        # A number is only a number, and the very words of a menu are its option.
        if entry.is_plain(happening.words) or _is_in_the_menu(before, happening.words, call.pharmacy):
            return None
        _is_helped(call, before, happening.leg)
    return None


def _is_in_the_menu(call: Call, words: str, pharmacy: Pharmacy) -> bool:
    node = pharmacy.flows[call.place[-1].flow].nodes[call.place[-1].node] if call.phase == "flow" else None
    return isinstance(node, Menu) and call.doubt is None and entry.is_nothing_else(words, node)


def _is_helped(call: Rehearsal, before: Call, leg: str) -> None:
    """Nothing delays an emergency: with the words it is in a pharmacist's line, or on the phone with somebody."""
    if leg == "c" and before.legs["c"].state == "live" and before.phase in ("flow", "holding", "dialogue"):
        ticket = call.call.ticket
        assert ticket
        assert (ticket.queue, ticket.emergency, ticket.licensed) == ("pharmacist", True, True)
        assert call.call.phase in ("holding", "transferring")


def _third(call: Rehearsal, who: str) -> str:
    if who == "callback":
        return _callback_leg(call)
    purposes = ("consult",) if who == "consulted" else WATCHING
    return next((offer.leg for offer in reversed(call.call.offers) if offer.purpose in purposes), "nobody")


def _agent(call: Rehearsal) -> str:
    offer = accepted_offer(call.call)
    return offer.agent if offer else "nobody"


def _agent_leg(call: Rehearsal) -> str:
    offer = accepted_offer(call.call)
    return offer.leg if offer else "nobody"


def _come(call: Rehearsal) -> None:
    """Everybody who is still to be moved is there at last."""
    for token, leg in list(call.call.legs.items()):
        wanted = [move for move in call.did(MoveLeg) if (move.leg, move.document) == (token, leg.documents)]
        if wanted and leg.state == "live":
            call.happens(Came(token, leg.documents))


def _usual(call: Rehearsal, happening: str) -> None:
    newest = call.call.offers[-1] if call.call.offers else None
    match happening:
        case "offer":  # dispatch asks only agents who are free
            fresh = next((agent for agent in AGENTS[:-1] if agent not in {o.agent for o in call.call.offers}), None)
            if fresh:
                call.presence.setdefault(fresh, "available")
                call.offered_to(fresh)
        case "pick up" if newest:
            call.happens(Came(newest.leg, 1))
        case "accept" if newest:
            call.keys("1", leg=newest.leg)
        case "moved" if call.did(MoveCaller):
            call.moved()
        case "answers the callback":
            call.happens(Came(_callback_leg(call), 1)).keys("1", leg=_callback_leg(call))
        case "hold key 1":
            call.keys("1")
        case "hold key 3":
            call.keys("3")
        case "the worker falls silent":
            call.answers["line"] = SILENT
        case "the worker is back":
            call.answers["line"] = LINE
        case "leaves the queue":
            call.happens(QueueLeft("c", "leave"))
        case "nobody answers":
            call.happens(DialEnded("c", "no-answer"))
        case "hang up":
            call.hangs_up()
        case "agent hangs up" if newest:
            call.hangs_up(newest.leg)
        case "hears the notice":
            call.says_nothing()
        case "star":
            call.happens(DialEnded(_agent_leg(call), "completed"))
        case "star is told":
            call.happens(DialEnded("c", "completed")).says_nothing(_agent_leg(call))
        case "consult" | "hold" | "join" | "resume":
            call.happens(Acted(_agent(call), happening, "hal"))
        case "hand over":
            call.happens(Acted(_agent(call), "hand_over"))
        case "pass on":
            call.happens(Acted(_agent(call), "transfer", "queue:refills"))
        case "back":
            call.keys("1", leg=_agent_leg(call))
        case "consulted accepts" | "supervisor accepts":
            leg = _third(call, happening.partition(" ")[0])
            call.happens(Came(leg, 1)).keys("1", leg=leg)
        case "consulted hangs up":
            call.hangs_up(_third(call, "consulted"))
        case "moved at last":
            _come(call)


def _callback_leg(call: Rehearsal) -> str:
    return next((token for token, leg in reversed(call.call.legs.items()) if leg.kind == "callback"), "nobody")


def _rest(happening: Event) -> list[object]:
    return [getattr(happening, name) for name in happening.__dataclass_fields__ if name != "leg"]


@settings(max_examples=400, deadline=None)
@given(
    st.booleans(),
    WHO,
    st.sampled_from([STAFFED, STAFFED, LISTENS]),
    st.sampled_from([(), ("1",), ("1", "0"), ("1", "1"), ("1", "2", "7001234")]),
    BEGINNINGS,
    st.lists(st.one_of(USUAL, USUAL, USUAL, EVENTS), max_size=30),
)
def test_a_call_holds_together(
    by_day: bool,
    who: Answer,
    pharmacy: Pharmacy,
    keys: tuple[str, ...],
    beginning: tuple[str, ...],
    happenings: list[Event | str],
) -> None:
    eligible = Answer(True, {"refill": "eligible", "tier": "prescription"}, "p1", "rx1")
    answers = {"prescription:0": eligible, "prescription:1": eligible, "identity:1": Answer(True)}
    call = Played(OPEN if by_day else NIGHT, pharmacy=pharmacy, who=who, **answers)
    call.presence = {"sue": "available", "hal": "available"}
    call.rings().keys(*keys)
    for happening in (*beginning, *happenings):
        _lead(call, happening)
        _holds_together(call)
    call.hangs_up()
    for token, leg in list(call.call.legs.items()):
        if leg.kind != "caller":
            call.hangs_up(token)
    _holds_together(call)
    _everybody_is_free(call)
    told = call.disposition
    assert told["outcome"] in (
        "answered", "self_served", "abandoned", "short_abandon", "voicemail", "callback", "transferred", "failed"
    )  # fmt: skip
    ticket = call.call.ticket
    assert told["final"] == (ticket is None or not ticket.live)


class Played(Rehearsal):
    """A rehearsal in which the record knows who is free: `hal` and whoever was dropped, to be consulted."""

    def happens(self, event: Event) -> Rehearsal:
        free = [name for name, presence in self.presence.items() if presence == "available" and name != "sue"]
        self.answers["free"] = Answer(True, values={"agents": " ".join(free)})
        return super().happens(event)


def _holds_together(call: Rehearsal) -> None:
    now = call.call
    accepted = [offer for offer in now.offers if offer.state == "accepted"]
    joined = [offer for offer in accepted if offer.purpose != "answer"]
    accepted = [offer for offer in accepted if offer.purpose == "answer"]
    assert len(accepted) <= 1, "two agents hold one ticket"
    assert (now.talk is not None) == (now.phase == "talking"), "a talk has a room, and nothing else has"
    assert now.talk or not joined, "somebody listens to nobody"
    assert len([offer for offer in joined if offer.purpose == "consult"]) <= 1, "two are consulted"
    assert now.tape != "on" or now.recorded in AGREED, "nobody was told that this is recorded"
    if now.ticket and now.ticket.state in ("connecting", "talking"):
        assert accepted, "a ticket nobody holds is not waiting"
    if accepted:
        assert now.phase in ("connecting", "talking"), "an agent waits in a room nobody comes to"
    if now.phase == "transferring":
        assert not now.ticket or not now.ticket.live, "somebody may be sent to a caller who talks elsewhere"
    if now.phase == "talking":
        assert now.ticket
        assert now.ticket.state == "talking"
    _hears_something(call)
    revisions = [effect.revision for effect in call.does if type(effect).__name__ == "WriteDisposition"]
    assert revisions == sorted(set(revisions)), "a revision is written once"


def _hears_something(call: Rehearsal) -> None:
    """Whoever is on the phone is asked, put somewhere or said goodbye to, and is never left in silence."""
    if call.last.says is not None:
        assert isinstance(call.last.says[-1], GOES_ON), call.last.says
        assert all(verb.seconds <= LONGEST_SILENCE_SECONDS for verb in call.last.says if isinstance(verb, Pause))


def _everybody_is_free(call: Rehearsal) -> None:
    for agent, presence in call.presence.items():
        assert presence in ("available", "on_break", "wrap_up"), f"{agent} is stranded as {presence}"
        assert (presence, "signed_out") in PRESENCE
