"""What becomes of a message: its transcript is looked through for danger, somebody hears it, works it, calls back.

Its flags say why a person should look: `emergency` `doubt` `urgent` (what its words may mean), `strange_language`,
`not_transcribed` `transcript_failed` `transcript_late` `not_scanned` (nobody can say what it means), `look_alike`
`no_directions` (of a prescription). None of them ever makes a promise later, and no words make it safe.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from ivr.core import authority, callbacks, entry, facts, messages, tickets, walk, wrap_up
from ivr.core.call import Answer, Call, Message
from ivr.core.draft import Draft, where_found
from ivr.core.effects import ClearTimer, CreateTask, DeleteRecording, KeepTranscript, SendText, SetTimer, Transcribe
from ivr.core.events import CalledBack, Confirmed, Played, Recorded, Transcribed, Worked
from ivr.core.heard import Heard
from ivr.core.line import Agent, could_serve
from ivr.core.pharmacy import Pharmacy
from ivr.core.rules import Reason

UNHEARD_SECONDS = 120  # an urgent message nobody has listened to by then becomes a page
HIGHER_ROLES = ("supervisor", "admin")

Work = Played | Worked | CalledBack | Confirmed


# ---------------------------------------------------------------- what it says


def transcribed(draft: Draft, event: Transcribed) -> None:
    """A transcript came, in time or late: kept sealed, and looked through for danger. Told twice it changes nothing."""
    _found_by_its_transcript(draft, event)
    message = draft.call.message
    if message is None or message.recording != event.recording or message.transcript == "kept":
        return
    if not event.words.strip():
        return _without(draft, "failed", "transcript_failed")
    draft.do(KeepTranscript(event.words), ClearTimer("message:transcript"))
    _put(draft, transcript="kept", flags=_doubts_gone(message))
    return _look_through(draft, event)


def _found_by_its_transcript(draft: Draft, event: Transcribed) -> None:
    """What is transcribed was recorded: a message whose own news is late, or lost, is there all the same."""
    is_asked = draft.leg.state == "over" or draft.call.phase == "message"
    if is_asked and messages.expects_message(draft.call):
        messages.message_left(draft, Recorded(event.leg, event.recording, messages.SHORTEST_MESSAGE_SECONDS))
        draft.says.clear()  # nobody hears this; whoever is on the line hears their thanks with their next turn


def _look_through(draft: Draft, event: Transcribed) -> None:
    heard = event.heard
    if heard is None:
        return _flag(draft, "not_scanned")
    if entry.is_strange(event.words):
        _flag(draft, "strange_language")
    draft.why.append(Reason("what was heard", "ivr/speech", 0, True, "; ".join(heard.because) or "nothing of ours"))
    if heard.urgency == "emergency" or heard.ask_safety:
        return _in_danger(draft, heard)
    if heard.urgency == "urgent":
        _flag(draft, "urgent")
        facts.learn_urgency(draft, "urgent")
    return None


def _in_danger(draft: Draft, heard: Heard) -> None:
    """Somebody may be in danger, and nobody can ask: the same ticket, for licensed staff, before all others."""
    sure = heard.urgency == "emergency"
    _flag(draft, "emergency" if sure else "doubt")
    facts.learn_urgency(draft, "emergency")
    if _is_dealt_with(draft.call):
        return
    figures = _figures(draft)
    _raise(draft, figures)
    draft.task("emergency_message" if sure else "possible_emergency", urgent=True)
    if not _somebody_licensed(draft, figures):
        _page(draft)
    draft.do(SetTimer("message:unheard", draft.now + timedelta(seconds=UNHEARD_SECONDS)))


def _is_dealt_with(call: Call) -> bool:
    """Has a person heard all of it and closed it, or is one talking with them?"""
    message, ticket = call.message, call.ticket
    heard_and_closed = message is not None and message.closed_at is not None and bool(message.played_by)
    return heard_and_closed or ticket is None or ticket.state in ("connecting", "talking")


def _raise(draft: Draft, figures: Answer) -> None:
    decision = walk.decide(draft, figures)
    assert draft.call.ticket is not None
    queue = draft.queue(decision.target if decision.route == "queue" else draft.call.ticket.queue)
    draft.put_ticket(
        queue=queue.name,
        needs=decision.needs or queue.needs,
        licensed=True,
        also=(),
        answer_within_seconds=0,
        due_from=draft.now,
        not_before=None,
    )


def _figures(draft: Draft) -> Answer:
    if "line" not in draft.world.answers:
        draft.asks = (*draft.asks, "line")
    return draft.world.answers.get("line", Answer(False))


def _somebody_licensed(draft: Draft, figures: Answer) -> bool:
    is_open = draft.pharmacy.hours[draft.line.site].closed_because(draft.now) is None
    return is_open and int(figures.facts.get("licensed_free", 0)) > 0


def _page(draft: Draft) -> None:
    draft.do(SendText("page_message_text", language=draft.line.languages[0], to="on_call"))


# ---------------------------------------------------------------- time passes


def timer(draft: Draft, name: str) -> None:
    """A transcript should have come, or somebody should have listened."""
    message = draft.call.message
    if message is None:
        return
    if name == "message:transcript" and message.transcript == "awaited":
        _without(draft, "late", "transcript_late")
        draft.do(Transcribe(message.recording))
    elif name == "message:unheard" and not message.played_by and message.closed_at is None:
        _page(draft)


def kept_long_enough(draft: Draft) -> None:
    """Only what was worked is ever deleted."""
    message = draft.call.message
    if message is None or not message.worked or message.deleted_at is not None:
        return
    if message.recording:
        draft.do(DeleteRecording(message.recording))
    _put(draft, deleted_at=draft.now)


def settle(draft: Draft) -> None:
    """A message whose caller was called back is worked when they have talked; in vain, and it is in line again."""
    message, ticket = draft.call.message, draft.call.ticket
    if message is None or ticket is None or ticket.live or not message.called_back_by or message.closed_at:
        return
    if draft.call.resolution == "callback_expired" and not message.played_by:
        draft.put_ticket(kind="voicemail", state="waiting", closed_at=None, not_before=None)
        draft.put(phase="promised", outcome="voicemail", resolution="message_taken")
        return _put(draft, called_back_by=None)
    return _put(
        draft, closed_by=message.called_back_by, closed_at=ticket.closed_at or draft.now, code=draft.call.resolution
    )


# ---------------------------------------------------------------- worked by people


def refusal(call: Call, event: Work, pharmacy: Pharmacy) -> str | None:
    """Why this person may not do this to the message, in words for them; None when they may.

    `pharmacy` is the one of today: who works now may not have been there when the message was left.
    """
    if call.message is None or call.ticket is None or call.phase == "message":
        return "no message was left in this call"
    agent = pharmacy.staff.get(event.agent)
    if agent is None or agent.site != call.site:
        return f"nobody on the staff of `{call.site}` is called `{event.agent}`"
    if isinstance(event, Played):
        serves = could_serve(agent, call.ticket) or agent.role != "agent"
        return None if serves else f"`{agent.id}` does not serve messages like this one"
    if (why_not := authority.not_to_change(agent)) is not None:
        return why_not
    if agent.role not in HIGHER_ROLES and not could_serve(agent, call.ticket):
        return f"`{agent.id}` does not serve messages like this one"
    return _refused(call.message, event, agent) or _stands_against(call, event) or _no_code(call, event, pharmacy)


def _no_code(call: Call, event: Work, pharmacy: Pharmacy) -> str | None:
    if not isinstance(event, Worked):
        return None
    return wrap_up.not_a_code(wrap_up.queue_of(call, pharmacy), event.code)


def _refused(message: Message, event: Work, agent: Agent) -> str | None:
    if message.kind == "prescription" and not agent.licensed:
        return "a prescription is for licensed staff"
    if isinstance(event, Worked) and event.unheard and agent.role not in HIGHER_ROLES:
        return "only a supervisor may close a message nobody has heard"
    return None


def _stands_against(call: Call, event: Work) -> str | None:
    """What of the call itself stands against it, whoever asks."""
    message = call.message
    assert message is not None
    if isinstance(event, Confirmed):
        return _not_to_confirm(message, event)
    if message.closed_at is not None:
        return f"`{message.closed_by}` has closed this message"
    if isinstance(event, Worked):
        is_heard = message.played_by or not message.recording or event.unheard
        return None if is_heard else "nobody has heard this message; play it first, or let a supervisor say why not"
    return _no_callback(call, message) if isinstance(event, CalledBack) else None


def _not_to_confirm(message: Message, event: Confirmed) -> str | None:
    if message.kind != "prescription":
        return "only a prescription is confirmed by a second person"
    if message.closed_at is None:
        return "nobody has worked this prescription yet"
    if message.confirmed_at is not None:
        return f"`{message.confirmed_by}` has confirmed this prescription"
    return "the second person has to be another one" if event.agent == message.closed_by else None


def _no_callback(call: Call, message: Message) -> str | None:
    if message.kind == "prescription":
        return "a prescription is worked and confirmed; for a question ring the office yourself"
    if message.called_back_by is not None:
        return "they are being called back"
    return None if callbacks.callback_number(call) else "nobody knows the number they rang from"


def is_left(call: Call) -> bool:
    """Is there a message in this call to be worked, or somebody to be called back for one?"""
    return call.message is not None and call.ticket is not None and call.ticket.state == "waiting"


def played(draft: Draft, event: Played) -> None:
    """Who listened is kept, each once; when, the journal says for every time."""
    message = draft.call.message
    if message is not None and event.agent not in message.played_by:
        _put(draft, played_by=(*message.played_by, event.agent), played_at=message.played_at or draft.now)


def worked(draft: Draft, event: Worked) -> None:
    """Closed with a code: a message is done with, and a prescription waits for the second person."""
    if _stands_against(draft.call, event) is not None:
        return
    _put(draft, closed_by=event.agent, closed_at=draft.now, code=event.code, unheard=event.unheard)
    _attended(draft, event.agent)
    assert draft.call.message is not None
    if draft.call.message.worked:
        _close(draft)


def confirmed(draft: Draft, event: Confirmed) -> None:
    """Only now the order system hears that a prescription was taken down; as work for a pharmacist, not as an order."""
    message = draft.call.message
    if message is None or _stands_against(draft.call, event) is not None:
        return
    _put(draft, confirmed_by=event.agent, confirmed_at=draft.now)
    _attended(draft, event.agent)
    _close(draft)
    about = {**where_found(draft.call), "worked_by": message.closed_by, "confirmed_by": event.agent}
    draft.do(CreateTask("prescription_confirmed", False, about))


def called_back(draft: Draft, event: CalledBack) -> None:
    """The same ticket goes on as a callback: it keeps its arrival and its promise."""
    if not is_left(draft.call) or _stands_against(draft.call, event) is not None:
        return
    _put(draft, called_back_by=event.agent)
    draft.put_ticket(kind="callback", not_before=None)
    draft.put(outcome="callback", resolution="callback_promised")
    expires = timedelta(seconds=draft.pharmacy.policies.callback_expires_seconds)
    draft.do(SetTimer("callback:expires", draft.now + expires))


def _attended(draft: Draft, agent: str) -> None:
    """The first human, by whom the wait is counted."""
    assert draft.call.ticket is not None
    if agent not in draft.call.agents:
        draft.put(agents=(*draft.call.agents, agent))
    draft.put_ticket(answered_at=draft.call.ticket.answered_at or draft.now)


def _close(draft: Draft) -> None:
    assert draft.call.message is not None
    tickets.withdraw_offers(draft)
    tickets.close_ticket(draft)
    draft.put(phase="over", resolution=draft.call.message.code)


# ---------------------------------------------------------------- flags


def _put(draft: Draft, **changes: object) -> None:
    assert draft.call.message is not None
    draft.put(message=replace(draft.call.message, **changes))  # type: ignore[arg-type]


def _flag(draft: Draft, flag: str) -> None:
    assert draft.call.message is not None
    if flag not in draft.call.message.flags:
        _put(draft, flags=(*draft.call.message.flags, flag))


def _without(draft: Draft, transcript: str, flag: str) -> None:
    _put(draft, transcript=transcript)
    _flag(draft, flag)


def _doubts_gone(message: Message) -> tuple[str, ...]:
    """The flags without those of a transcript that has come after all."""
    return tuple(flag for flag in message.flags if flag not in ("transcript_late", "transcript_failed"))
