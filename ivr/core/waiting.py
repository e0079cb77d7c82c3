"""A caller in line: joining, what they hear on hold, keeping their place by callback, being put through, parting."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from ivr.core import arranging, entry, messages, ringing_again, tickets, unattended
from ivr.core.arranging import DIALOGUE_SECONDS, choice_seconds
from ivr.core.call import Call
from ivr.core.draft import Draft
from ivr.core.effects import MoveCaller, SendText, SetTimer
from ivr.core.events import Keyed, Silent, Spoke
from ivr.core.line import Offer, Queue, Ticket, on_call_id
from ivr.core.on_hold import UNANSWERED_AFTER_SECONDS, callback_offered, may_call_back, place_told, planned
from ivr.core.rules import Decision
from ivr.core.verbs import Back, Dial, Gather, Hangup, Hold, Leave, Pause, Play, Say

ON_CALL_AFTER_SECONDS = 40  # an emergency rings the site's on-call number
LOOK_AGAIN_SECONDS = 20
_ON_THE_WAY = "to:"
BREATH_SECONDS = 2  # of silence before the music: longer, and a caller thinks the line is dead


# ---------------------------------------------------------------- joining


def join(draft: Draft) -> None:
    """Put the caller in line by the decision's promise, on hold."""
    decision = draft.call.decision
    assert decision is not None
    draft.put(
        ticket=tickets.new_ticket(draft, "hold", draft.queue(decision.target)),
        phase="holding",
        queued_at=draft.now,
        reached="hold",
    )
    assert draft.call.ticket is not None
    _watch(draft)
    if draft.call.ticket.emergency and unattended.silent_now(draft) and _parties(draft):
        return put_through(draft, _parties(draft))
    draft.say(Say("hold_emergency" if draft.call.ticket.emergency else "hold_welcome"))
    return hold(draft)


def became_emergency(draft: Draft, decision: Decision) -> None:
    """Somebody in line is in danger: the same ticket, for those who are there for emergencies, before all others."""
    assert draft.call.ticket is not None
    tickets.withdraw_offers(draft)
    name = decision.target if decision.route == "queue" else draft.call.ticket.queue
    queue = draft.queue(name)
    draft.put_ticket(
        queue=name,
        needs=decision.needs or queue.needs,
        licensed=queue.licensed,
        also=(),
        answer_within_seconds=0,
        due_from=draft.now,
        not_before=None,
        kind="hold",
        window=None,
    )
    draft.put(phase="holding", dialogue="", outcome=None, resolution=None)
    _watch(draft)
    return _wait(draft)


def hold(draft: Draft) -> None:
    """Into the site's hold queue; our record keeps the order."""
    draft.put(in_queue=True)
    draft.say(Hold(draft.line.site))


def _watch(draft: Draft) -> None:
    """Time runs: for an emergency, and for the wait plan."""
    assert draft.call.ticket is not None
    if draft.call.ticket.emergency:
        _watch_emergency(draft)
    _watch_plan(draft, draft.call.ticket)


def wait_again(draft: Draft, queue: Queue | None = None, why: str = "") -> None:
    """Back in line after a talk, in the old place: their agent was lost, or passed them on to `queue`.

    The clock goes on, and of two promises the smaller holds. `why` is what they are told on their way to the hold.
    """
    ticket = draft.call.ticket
    assert ticket is not None
    if queue is not None:
        within = min(ticket.answer_within_seconds, queue.answer_within_seconds)
        draft.put_ticket(
            queue=queue.name, needs=queue.needs, licensed=queue.licensed, also=(), answer_within_seconds=within
        )
    # Whoever was called back is on the line now, as any other caller.
    draft.put_ticket(state="waiting", kind="hold", not_before=None, on_call=False)
    draft.put(phase="holding", dialogue=why, talk=None, queued_at=draft.now, in_queue=False)
    _watch(draft)


def _watch_plan(draft: Draft, ticket: Ticket) -> None:
    """The steps of the wait plan that widen the choice of agents come by timer; those that are said do not."""
    for number, widens in enumerate(draft.queue(ticket.queue).plan):
        if widens.does in ("relax", "overflow"):
            due_at = draft.now + timedelta(seconds=widens.after_seconds)
            draft.do(SetTimer(f"plan:{ticket.queue}:{number}", due_at))


def plan_step(draft: Draft, step: str) -> None:
    """A waiting ticket may now be served by more agents than before; a licence is never given up."""
    ticket, (queue, _, number) = draft.call.ticket, step.rpartition(":")
    if ticket is None or ticket.state not in ("waiting", "connecting") or queue != ticket.queue:
        return
    widens = draft.queue(queue).plan[int(number)]
    if widens.does == "relax":
        draft.put_ticket(needs=tuple(need for need in ticket.needs if need != widens.value))
    elif widens.value not in draft.pharmacy.queues:
        _ask_site(draft, ticket, widens.value)
    elif widens.value not in ticket.also:
        draft.put_ticket(also=(*ticket.also, widens.value))


def _ask_site(draft: Draft, ticket: Ticket, site: str) -> None:
    """Those who serve the ticket's queues at another site may be rung for it too, in the hours of theirs."""
    if site not in (ticket.site, *ticket.sites):
        draft.put_ticket(sites=(*ticket.sites, site))


def _watch_emergency(draft: Draft) -> None:
    draft.do(
        SetTimer("emergency:on_call", draft.now + timedelta(seconds=ON_CALL_AFTER_SECONDS)),
        SetTimer("emergency:unanswered", draft.now + timedelta(seconds=UNANSWERED_AFTER_SECONDS)),
    )


# ---------------------------------------------------------------- on hold


def key_on_hold(draft: Draft, event: Keyed | Spoke | Silent) -> None:
    """A key on hold: 1 a callback, 2 a message and 3 the staffed number where offered, anything else stays in line."""
    ticket = draft.call.ticket
    assert ticket is not None
    key = event.digits[:1] if isinstance(event, Keyed) else ""
    if key == "2" and (planned(draft.call, draft.world, "offer", "voicemail") or _is_unattended(draft)):
        return _leave_for(draft, "message")
    if key == "3" and _is_unattended(draft) and "staffed" in _parties(draft):
        return _leave_for(draft, "staffed")
    if key == "1" and _may_have_callback(draft, ticket):
        return arranging.offer(draft)
    if key:
        draft.say(Say("in_line"), *_place(draft))
    _wait(draft)
    return None


def _may_have_callback(draft: Draft, ticket: Ticket) -> bool:
    """May a caller on hold ask to be called back? While nobody is brought to them, before its time as well."""
    allowed = may_call_back(draft.call, draft.queue(ticket.queue))
    return allowed and (callback_offered(draft.call, draft.world) or _is_unattended(draft))


def _place(draft: Draft) -> tuple[Say, ...]:
    """Where they stand, for whoever asks: told as it is, also when it has become worse."""
    figures = draft.world.answers.get("place")
    if figures is None:
        draft.asks = (*draft.asks, "place")
    hidden = figures is None or _in_emergency(draft) or unattended.silent(draft.world)
    return () if hidden or figures is None else (place_told(figures),)


def _wait(draft: Draft) -> None:
    """On with the hold they are in; into it for who was to be moved there, and asked first."""
    draft.say(Back("wait")) if draft.call.in_queue else hold(draft)


def _is_unattended(draft: Draft) -> bool:
    """Is this a caller with time, to whom nobody can be brought? In an emergency somebody is rung without asking."""
    return not _in_emergency(draft) and unattended.silent_now(draft)


def _leave_for(draft: Draft, what: str) -> None:
    """Out of the queue, for what cannot be done inside it; meanwhile nobody is sent to them."""
    draft.put(phase="dialogue", dialogue=what)
    draft.put_ticket(not_before=draft.now + timedelta(seconds=DIALOGUE_SECONDS))
    draft.say(Leave())


def fell_out(draft: Draft) -> None:
    """They left the hold: for something they chose, or because the queue was full or broke; then the ticket stays."""
    draft.put(in_queue=False)
    if draft.call.phase == "connecting":  # our own move finds them here
        return draft.say(Say("a_person_is_ready"), Play("hold_short"), Back())
    if draft.call.dialogue == "message":
        return messages.take_message(draft, tickets.usual_queue(draft))
    if draft.call.dialogue == "staffed":
        return put_through(draft, {name: number for name, number in _parties(draft).items() if name == "staffed"})
    if _in_emergency(draft) and unattended.silent_now(draft):
        return put_through(draft, _parties(draft))
    if draft.call.ticket is not None and may_call_back(draft.call, draft.queue(draft.call.ticket.queue)):
        return told_nobody(draft)
    draft.say(Say("hold_emergency" if _in_emergency(draft) else "hold_still"), Pause(BREATH_SECONDS))
    return hold(draft)


# ---------------------------------------------------------------- choosing something else


def in_dialogue(draft: Draft, event: Keyed | Spoke | Silent) -> None:
    """The caller answers a question they were asked instead of the music."""
    key = _key_of(event)
    if draft.call.dialogue == "nobody":
        return _answered_nobody(draft, key)
    found = draft.call.dialogue in ringing_again.DIALOGUES
    match ringing_again.answered(draft, key) if found else arranging.answered(draft, key, event):
        case "waits":
            _back_on_hold(draft)
        case "holds":
            _hold_for_callback(draft)
        case "joins":
            _join_after_all(draft)
    return None


def _answered_nobody(draft: Draft, key: str) -> None:
    if key == "1":
        return arranging.offer(draft)
    return told_nobody(draft) if key == "*" else messages.take_message(draft, tickets.usual_queue(draft))


def _key_of(event: Keyed | Spoke | Silent) -> str:
    """The key they pressed, or the one that means what they said: 1 is yes, 2 is no."""
    if not isinstance(event, Spoke):
        return event.digits if isinstance(event, Keyed) else ""
    said = entry.yes_or_no(event.words)
    if said is not None:
        return "1" if said else "2"
    return entry.universal(event.words) or entry.short_key(event.words)


def _back_on_hold(draft: Draft) -> None:
    if draft.call.ticket is None:  # a rule offered a callback, and they did not want it
        return messages.take_message(draft, tickets.usual_queue(draft))
    draft.put(phase="holding", dialogue="", secret=False)
    draft.put_ticket(not_before=None)
    draft.say(Say("in_line"))
    return _wait(draft)


def _hold_for_callback(draft: Draft) -> None:
    """They wait on the line with the ticket of their callback."""
    assert draft.call.ticket is not None
    draft.put(phase="holding", dialogue="", secret=False)
    _watch_plan(draft, draft.call.ticket)
    draft.say(Say("in_line"))
    hold(draft)


def _join_after_all(draft: Draft) -> None:
    """What they ring for is another matter than the ticket that was found."""
    draft.put(phase="flow", dialogue="")
    if draft.call.decision is not None and draft.call.decision.route == "callback":
        return arranging.offer(draft)
    return join(draft)


# ---------------------------------------------------------------- when nobody can serve them


def nobody_could(draft: Draft) -> None:
    """No signed-in agent could ever serve the ticket: say so, and find another way now."""
    ticket, leg = draft.call.ticket, draft.caller_leg
    if ticket is None or ticket.kind != "hold" or draft.call.phase != "holding" or leg is None:
        return
    if ticket.emergency or _rings_on_call(draft, ticket):
        draft.put_ticket(on_call=True)
        return
    other = draft.queue(ticket.queue).nobody
    if other in draft.pharmacy.sites and other not in (ticket.site, *ticket.sites):
        _ask_site(draft, ticket, other)
        return
    draft.put(dialogue="nobody")
    draft.do(MoveCaller(leg.token, draft.reserve(leg.token)))


def _rings_on_call(draft: Draft, ticket: Ticket) -> bool:
    """May whoever is on call be rung for a ticket nobody could serve? Once; then the caller is told, and chooses."""
    tried = ticket.on_call or any(offer.agent == on_call_id(ticket.site) for offer in draft.call.offers)
    return draft.queue(ticket.queue).nobody == "on_call" and not tried


def on_call_passed(draft: Draft, offer: Offer) -> None:
    """Whoever is on call did not take it. An emergency rings them again; others have nobody, and are told so."""
    ticket = draft.call.ticket
    if ticket is not None and not ticket.emergency and offer.agent == on_call_id(ticket.site):
        draft.put_ticket(on_call=False)


def told_nobody(draft: Draft) -> None:
    """The caller was taken off hold to hear that nobody is here: a callback, or a message where none is offered."""
    ticket = draft.call.ticket
    assert ticket is not None
    queue = draft.queue(ticket.queue)
    if queue.nobody == "voicemail" or not may_call_back(draft.call, queue):
        return messages.take_message(draft, queue.name)
    draft.put(phase="dialogue", dialogue="nobody")
    draft.put_ticket(not_before=draft.now + timedelta(seconds=DIALOGUE_SECONDS))
    draft.say(Gather((Say("all_busy_callback"),), speech=True, seconds=choice_seconds(draft)))
    return None


def emergency_timer(draft: Draft, name: str) -> None:
    """An emergency has waited: ring the on-call number, then make sure a person hears of it."""
    ticket = draft.call.ticket
    if ticket is None or ticket.state not in ("waiting", "connecting"):
        return
    if name == "emergency:on_call":
        draft.put_ticket(on_call=True)
    elif ticket.state == "connecting":  # somebody may be there in a moment: look again
        draft.do(SetTimer(name, draft.now + timedelta(seconds=LOOK_AGAIN_SECONDS)))
    else:
        draft.task("emergency_unanswered", urgent=True)
        draft.do(SendText("page_text", language=draft.line.languages[0], to="on_call"))


# ---------------------------------------------------------------- transfers and parting


def transfer(draft: Draft, name: str) -> None:
    """Ring an outside number of ours from the caller's own leg."""
    if not is_passed_on(draft.call):  # else an agent has passed them on, and it is noted
        draft.passed("to_external", name)
    draft.put(phase="transferring", dialogue=name)
    draft.say(Say("connecting"), Dial(draft.pharmacy.policies.transfers[name]))


def pass_on(draft: Draft, name: str) -> None:
    """Have an outside number rung from the caller's own leg, which is not there yet to be told so."""
    tickets.close_ticket(draft)
    draft.put(phase="transferring", dialogue=f"{_ON_THE_WAY}{name}", talk=None)


def is_passed_on(call: Call) -> str:
    """The outside number a caller is on their way to; empty when they are on their way to none, or there."""
    started = call.phase == "transferring" and call.dialogue.startswith(_ON_THE_WAY)
    return call.dialogue.removeprefix(_ON_THE_WAY) if started else ""


def transfer_ended(draft: Draft, result: str) -> None:
    """They have talked; or nobody answered, and they leave a message or go on waiting."""
    if result == "completed":
        draft.put(outcome="transferred")
        draft.say(Say("thank_you", draft.prompt_values()))
        return part(draft)
    _was_in_vain(draft)
    return (
        messages.take_message(draft, tickets.usual_queue(draft)) if draft.call.ticket is None else _rung_in_vain(draft)
    )


def _was_in_vain(draft: Draft) -> None:
    if draft.call.passed:
        *before, last = draft.call.passed
        draft.put(passed=(*before, replace(last, how="failed")))


# ---------------------------------------------------------------- put through by the turn itself


def _parties(draft: Draft) -> dict[str, str]:
    return unattended.parties(draft.pharmacy, draft.line.site, draft.now)


def put_through(draft: Draft, parties: dict[str, str]) -> None:
    """Ring the first of these from the caller's own leg, without the worker; with nobody to ring, wait on.

    Meanwhile the ticket is closed, for a worker that comes back must not fetch the caller from where they talk.
    """
    if not parties:
        return wait_on(draft)
    name, number = next(iter(parties.items()))
    words = "hold_emergency" if _in_emergency(draft) and draft.call.phase != "transferring" else "connecting"
    tickets.withdraw_offers(draft)
    tickets.close_ticket(draft)
    draft.passed("to_external", name, why="system_down")
    draft.put(phase="transferring", dialogue=name)
    draft.say(Say(words), Dial(number))
    return None


def _rung_in_vain(draft: Draft) -> None:
    """In an emergency the next party is rung, and after the last all of them again; others are told nobody is here."""
    if not _in_emergency(draft):
        _reopen(draft)
        return told_nobody(draft)
    parties, tried = _parties(draft), draft.call.dialogue
    names = list(parties)
    later = names[names.index(tried) + 1 :] if tried in names else []
    if later:
        return put_through(draft, {name: parties[name] for name in later})
    return wait_on(draft, "emergency_rung_in_vain")


def wait_on(draft: Draft, told: str = "") -> None:
    """Back on hold with the ticket they had, in its old place."""
    _reopen(draft)
    draft.put(phase="holding", dialogue="")
    draft.say(Say(told or ("hold_emergency" if _in_emergency(draft) else "hold_still")), Pause(BREATH_SECONDS))
    hold(draft)


def _in_emergency(draft: Draft) -> bool:
    return draft.call.ticket is not None and draft.call.ticket.emergency


def _reopen(draft: Draft) -> None:
    draft.put_ticket(state="waiting", closed_at=None, not_before=None)
    if _in_emergency(draft):  # its timers may have found it closed
        draft.put_ticket(on_call=True)
        draft.do(SetTimer("emergency:unanswered", draft.now + timedelta(seconds=LOOK_AGAIN_SECONDS)))


def part(draft: Draft, resolution: str | None = None) -> None:
    """The last words, and the end."""
    if resolution:
        draft.put(resolution=resolution, outcome="self_served")
    draft.put(phase="leaving")
    draft.say(Hangup())
