"""Where everybody in a talk belongs: in a room used once, on hold, or before the agent's menu.

Whoever's turn it is hears where they belong now, and whoever belongs elsewhere than before is moved there. So it does
not matter in which order, how often, or whether at all we are told that a room has ended.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from ivr.core import agent_menu, recording
from ivr.core.call import Call, Leg, Talk
from ivr.core.draft import Draft
from ivr.core.effects import ClearTimer, LookAfter, MoveLeg, SetParticipant, SetTimer
from ivr.core.events import Keyed, Silent, Spoke
from ivr.core.line import OUTSIDE, Offer
from ivr.core.tickets import accepted_offer, move_agent, put_offer, withdraw
from ivr.core.verbs import Back, Gather, Meet, Pause, Play, Say, Verb

Place = str | int | datetime | tuple[str, ...] | None  # a field of `Talk`

APART_SECONDS = 10  # two who lost each other, and nobody said why, are brought together again

# ---------------------------------------------------------------- who is there


def others(call: Call) -> tuple[Offer, ...]:
    """Those who were asked to join the two: rung, or in it."""
    return tuple(offer for offer in call.offers if offer.purpose != "answer" and offer.state in ("open", "accepted"))


def consultation(call: Call) -> Offer | None:
    """The colleague, or outside number, whom the agent consults: rung, or on the line."""
    return next((offer for offer in others(call) if offer.purpose == "consult"), None)


def colleague(call: Call) -> Offer | None:
    """The one consulted, once they are on the line."""
    asked = consultation(call)
    return asked if asked and asked.state == "accepted" else None


def of_agent(draft: Draft) -> bool:
    """Is this the turn of the agent who talks with the caller?"""
    offer = accepted_offer(draft.call)
    return offer is not None and offer.leg == draft.leg_token


def _talk(draft: Draft) -> Talk:
    assert draft.call.talk is not None
    return draft.call.talk


def _live(draft: Draft, token: str) -> bool:
    return draft.call.legs[token].state != "over"


# ---------------------------------------------------------------- where they belong


def begin(draft: Draft, offer: Offer) -> None:
    """The caller has come to meet the agent, who waits in the room."""
    if offer.agent not in draft.call.agents:
        draft.put(agents=(*draft.call.agents, offer.agent))
    draft.put(talk=Talk(draft.now, offer.conference))
    draft.say(Say("connecting"))
    put(draft, caller="room")
    hear(draft)


def put(draft: Draft, **changes: Place) -> None:
    """Change where the caller and the agent belong, and move those who are elsewhere and not asking just now."""
    before = _places(draft)
    if changes.get("caller") == "room" and recording.is_to_be_told(draft):
        changes["caller"] = "notice"
    draft.put(talk=replace(_talk(draft), **changes))  # type: ignore[arg-type]
    for token, place in _places(draft).items():
        if before.get(token) != place and token != draft.leg_token:
            draft.do(MoveLeg(token, draft.reserve(token)))


def _places(draft: Draft) -> dict[str, tuple[object, ...]]:
    talk, agent, caller = _talk(draft), accepted_offer(draft.call), draft.caller_leg
    room = ("room", talk.room)
    places: dict[str, tuple[object, ...]] = {other.leg: room for other in others(draft.call) if _is_in(draft, other)}
    if agent and _live(draft, agent.leg):
        asked = ("menu", talk.menu, talk.told, talk.reminders)
        places[agent.leg] = asked if talk.agent == "menu" else room if talk.agent == "room" else (talk.agent,)
    if caller:
        places[caller.token] = room if talk.caller == "room" else (talk.caller,)
    return places


def _is_in(draft: Draft, offer: Offer) -> bool:
    return offer.state == "accepted" and _live(draft, offer.leg)


def hear(draft: Draft) -> None:
    """The party whose turn it is hears where they belong."""
    if draft.leg.kind != "agent":
        draft.say(*_caller_hears(draft))
    elif of_agent(draft):
        draft.say(*_agent_hears(draft))
    else:
        _other_hears(draft)


def _caller_hears(draft: Draft) -> tuple[Verb, ...]:
    match _talk(draft).caller:
        case "room":
            recording.begin(draft)
            back = (Say("talk_back"),) if _talk(draft).rooms > 1 else ()
            return (*back, Meet(_talk(draft).room))
        case "notice":
            return recording.told(draft)
        case "unsure":
            return (Pause(1), Back())
    return (Gather((Say("talk_on_hold"), Play("hold")), speech=True, seconds=1),)


def _agent_hears(draft: Draft) -> tuple[Verb, ...]:
    match _talk(draft).agent:
        case "room":
            return (Meet(_talk(draft).room, ends=colleague(draft.call) is None, star=True),)
        case "unsure":
            return (Pause(1), Back())
    return agent_menu.asked(draft, consultation(draft.call))


def _other_hears(draft: Draft) -> None:
    """Whoever listens comes in unheard; who helps the agent, or joins in, is heard once the carrier has let them."""
    offer = _offer_of(draft)
    consulted = offer.purpose == "consult"
    draft.say(Meet(_talk(draft).room, ends=False, star=consulted and not offer.outside, muted=not consulted))
    if offer.purpose in ("coach", "barge"):
        draft.do(SetParticipant(offer.leg))


def _offer_of(draft: Draft) -> Offer:
    return next(offer for offer in draft.call.offers if offer.id == draft.leg.offer)


# ---------------------------------------------------------------- apart, and together again


def together(draft: Draft) -> None:
    """The caller and the agent meet in a fresh room; who is with them comes along."""
    put(draft, caller="room", agent="room", **_fresh(draft), **_SETTLED)
    _stop_waiting(draft)


_SETTLED: dict[str, Place] = {"hold_since": None, "reminders": 0, "menu": "menu", "choices": (), "told": ""}


def _fresh(draft: Draft) -> dict[str, Place]:
    offer, number = accepted_offer(draft.call), _talk(draft).rooms + 1
    assert offer is not None
    return {"room": f"{offer.conference}-{number}", "rooms": number}


def on_hold(draft: Draft, **changes: Place) -> None:
    """The caller hears music, and the agent is before their menu, unless it is said where else."""
    talk = _talk(draft)
    where: dict[str, Place] = {"agent": "menu", "menu": "menu", "told": "", **changes}
    if talk.hold_since is None:
        put(draft, caller="hold", hold_since=draft.now, **where)
        _remind(draft)
    else:
        put(draft, caller="hold", **where)


def _remind(draft: Draft) -> None:
    offer = accepted_offer(draft.call)
    assert offer is not None
    draft.do(SetTimer(f"held:{offer.id}", draft.now + timedelta(seconds=draft.pharmacy.policies.held_seconds)))


def _stop_waiting(draft: Draft) -> None:
    offer = accepted_offer(draft.call)
    assert offer is not None
    draft.do(ClearTimer(f"held:{offer.id}"), ClearTimer(f"apart:{offer.id}"))


def held_long(draft: Draft) -> None:
    """The caller has been on hold for long: the agent is told, and the next time the two are together again."""
    talk, seconds = draft.call.talk, draft.pharmacy.policies.held_seconds
    if talk is None or talk.hold_since is None:
        return
    if draft.now < talk.hold_since + timedelta(seconds=seconds * (talk.reminders + 1)):  # of an earlier hold
        return
    if talk.reminders:
        return brought_back(draft)
    ringing = talk.menu == "ringing" and talk.agent == "menu"
    where: dict[str, Place] = {} if ringing else {"agent": "menu", "menu": "menu"}
    put(draft, reminders=1, told="agent_reminder", **where)
    _remind(draft)


def brought_back(draft: Draft) -> None:
    """Nobody is forgotten on hold: whoever is asked for advice meanwhile hears the caller too."""
    if colleague(draft.call) is None:
        drop(draft)
        together(draft)
    else:
        join(draft)


def ask_caller(draft: Draft) -> None:
    """The agent hung up as the caller came: a room that ended for the caller had the two of them in it.

    Whoever is fetched from elsewhere has met nobody.
    """
    offer = accepted_offer(draft.call)
    assert offer is not None
    put(draft, caller="asked")
    draft.do(SetTimer(f"apart:{offer.id}", draft.now + timedelta(seconds=APART_SECONDS)))


def apart_long(draft: Draft) -> None:
    """The caller waits for an agent of whom we have heard nothing: who is there still meets again."""
    talk = draft.call.talk
    if talk is not None and talk.caller == "hold" and talk.agent != "menu" and colleague(draft.call) is None:
        together(draft)


def left_alone(draft: Draft, room: str) -> None:
    """Somebody is alone where two should talk: both are fetched to a fresh room, and who is gone is found out."""
    talk = draft.call.talk
    if talk is not None and (talk.room, talk.caller, talk.agent) == (room, "room", "room"):
        together(draft)


# ---------------------------------------------------------------- a room ended for somebody


def left(draft: Draft) -> None:
    """It ended for somebody of ours: the agent pressed `*`, the caller has gone, or the two are elsewhere by now."""
    talk = _talk(draft)
    if not of_agent(draft):  # the caller's going, if it was that, is told in a moment
        return draft.say(Pause(1), Back())
    if talk.agent == "room" and (talk.caller in ("room", "notice")):
        put(draft, agent="unsure")
    elif talk.agent == "room":
        to_menu(draft)
    return hear(draft)


def to_menu(draft: Draft) -> None:
    """They pressed `*`, as far as anybody can tell; three who talk are two then, and one is on hold."""
    if colleague(draft.call) and _talk(draft).caller == "room":
        return put(draft, agent="menu", menu="menu", told="")
    if _talk(draft).caller == "room" and (caller := draft.caller_leg):
        draft.do(LookAfter(caller.token))
    return on_hold(draft)


def came(draft: Draft, document: int) -> None:
    """Somebody fetched a document of theirs; an old one, from where they talk already, and their room has ended.

    Whoever was in it with them may have told so before.
    """
    talk, elsewhere = _talk(draft), document < draft.leg.documents
    they_talk = {talk.caller, talk.agent} <= {"room", "unsure"}
    if elsewhere and they_talk and (draft.leg.kind != "agent" or of_agent(draft)):
        together(draft)
    hear(draft)


def left_by_caller(draft: Draft) -> None:
    """It ended for the caller, who is on the phone: the agent pressed `*`, or has hung up, or is gone."""
    if _talk(draft).caller == "room":
        if _talk(draft).agent == "room":
            put(draft, caller="unsure")
        else:
            on_hold(draft)
    hear(draft)


def caller_answered(draft: Draft, event: Keyed | Spoke | Silent) -> None:
    """What the caller keys, or that they have heard a document to its end."""
    talk, agent = _talk(draft), accepted_offer(draft.call)
    if talk.caller == "notice":
        recording.answered(draft, event)
        put(draft, caller="room")
    elif talk.caller == "unsure" and agent is not None:
        put(draft, caller="hold")
        apart = SetTimer(f"apart:{agent.id}", draft.now + timedelta(seconds=APART_SECONDS))
        draft.do(LookAfter(agent.leg), apart)
    hear(draft)


# ---------------------------------------------------------------- a third party


def whisper(draft: Draft, offer: Offer) -> Say | None:
    """What somebody hears who is asked to join a talk; None for who is asked to answer the caller."""
    ticket, facts, agent = draft.call.ticket, draft.call.facts, accepted_offer(draft.call)
    if offer.purpose == "answer" or ticket is None or agent is None:
        return None
    if offer.outside:
        return Say("agent_consult_outside", {"pharmacy": draft.site.title})
    about = {"who": name_of(draft, agent), "queue": draft.queue(ticket.queue).title}
    if offer.purpose != "consult":
        return Say("agent_supervise", about)
    kind, why = facts.get("caller", "unknown"), facts.get("intent", "other")
    return Say("agent_consult", {**about, "kind": str(kind), "why": str(why)})


def name_of(draft: Draft, offer: Offer) -> str:
    """What staff call whoever holds this offer."""
    agent = draft.pharmacy.staff.get(offer.agent)
    return agent.name if agent else offer.agent.rpartition(":")[2]


def enter(draft: Draft, offer: Offer) -> None:
    """Who was asked to join the talk has pressed 1; the agent meets who was consulted in a fresh room, alone."""
    put_offer(draft, replace(offer, state="accepted"))
    move_agent(draft, offer, "accepted")
    draft.do(ClearTimer(f"offer:{offer.id}"))
    if offer.purpose == "consult":
        put(draft, agent="room", menu="menu", told="", **_fresh(draft))
    hear(draft)


def nobody_came(draft: Draft, told: str) -> None:
    """Who was consulted cannot be had: the agent hears so, and chooses again."""
    if draft.call.talk is not None and draft.call.talk.menu == "ringing":
        put(draft, menu="menu", told=told)


def join(draft: Draft) -> None:
    """Caller, agent and colleague are together, where the colleague is."""
    put(draft, caller="room", agent="room", **_SETTLED)
    _stop_waiting(draft)


def drop(draft: Draft) -> None:
    """The consultation is over, or comes to nothing."""
    asked = consultation(draft.call)
    if asked is not None:
        send_off(draft, asked, "agent_consult_over")


def send_off(draft: Draft, offer: Offer, words: str) -> None:
    """Somebody who was asked to join need not, or not any longer."""
    if offer.state == "open":
        return withdraw(draft, replace(offer, words=words))
    put_offer(draft, replace(offer, state="ended", words=words, ended_at=draft.now))
    move_agent(draft, offer, "released")
    _move(draft, offer.leg)
    if offer.purpose == "consult" and (agent := accepted_offer(draft.call)):
        draft.do(SetParticipant(agent.leg))  # whose leaving ends the room again
    return None


def third_gone(draft: Draft, offer: Offer) -> None:
    """Somebody who had joined has hung up: of who was consulted the agent hears so, the caller still on hold."""
    send_off(draft, offer, "")
    talk = draft.call.talk
    if offer.purpose == "consult" and talk is not None and talk.caller == "hold":
        put(draft, agent="menu", menu="menu", told="agent_colleague_left")


def hand_over(draft: Draft) -> None:
    """The colleague goes on with the caller, and the agent is done."""
    agent, other = accepted_offer(draft.call), colleague(draft.call)
    assert agent is not None
    assert other is not None
    put_offer(draft, replace(agent, state="passed_on", words="agent_passed_on", ended_at=draft.now))
    put_offer(draft, replace(other, purpose="answer"))
    move_agent(draft, agent, "talk_ended", draft.call.id)
    _move(draft, agent.leg)
    draft.do(ClearTimer(f"held:{agent.id}"), ClearTimer(f"apart:{agent.id}"), SetParticipant(other.leg))
    draft.do(*(SetParticipant(each.leg) for each in others(draft.call) if each.purpose == "coach"))
    how = "to_external" if other.outside else "warm"
    draft.put(transfers=draft.call.transfers + 1)
    draft.passed(how, other.agent.removeprefix(OUTSIDE), by=agent.agent)
    if other.outside:
        draft.put(outcome="transferred")
    elif other.agent not in draft.call.agents:
        draft.put(agents=(*draft.call.agents, other.agent))
    draft.put(talk=replace(_talk(draft), began_at=draft.now, agent="room"))
    put(draft, caller="room", **_SETTLED)


# ---------------------------------------------------------------- the end


def clear(draft: Draft, offer: Offer, state: str = "ended", words: str = "agent_caller_left") -> None:
    """The talk is over: whoever has not found out by themselves is moved to hear it."""
    for other in others(draft.call):
        send_off(draft, other, words)
    put_offer(draft, replace(offer, state=state, words=words, ended_at=draft.now))
    move_agent(draft, offer, "talk_ended", draft.call.id)
    _stop_timers(draft, offer)
    # Their room ends as well, mostly, and then they have heard it before they could be moved. One who was just on
    # the way there is alone in it.
    _move(draft, offer.leg)
    _fetch(draft)
    draft.put(talk=None)


def _stop_timers(draft: Draft, offer: Offer) -> None:
    if _talk(draft).hold_since is not None or _talk(draft).caller in ("hold", "asked"):
        draft.do(ClearTimer(f"held:{offer.id}"), ClearTimer(f"apart:{offer.id}"))


def _fetch(draft: Draft) -> None:
    """Take the caller to what they are to hear next, unless they are just asking for it."""
    if caller := draft.caller_leg:
        _move(draft, caller.token)


def _move(draft: Draft, token: str) -> None:
    leg: Leg = draft.call.legs[token]
    if leg.state == "live" and token != draft.leg_token:
        draft.do(MoveLeg(token, draft.reserve(token)))


# ---------------------------------------------------------------- what the carrier is told


def participant(call: Call, token: str) -> tuple[str, bool, bool, str | None] | None:
    """What a leg may do in which room: (room, muted, leaving ends it, the leg that alone hears it).

    None for who belongs in no room now.
    """
    offer = next((each for each in call.offers if each.leg == token and each.state == "accepted"), None)
    agent = accepted_offer(call)
    if offer is None or agent is None or call.talk is None:
        return None
    if offer.purpose == "answer":
        return (call.talk.room, False, colleague(call) is None, None) if call.talk.agent == "room" else None
    coached = agent.leg if offer.purpose == "coach" else None
    return call.talk.room, offer.purpose == "listen", False, coached
