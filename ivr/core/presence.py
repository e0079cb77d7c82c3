"""Presence: where an agent is, what they are doing next, and what moves them. One table of transitions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

PRESENCES = ("signed_out", "available", "offered", "on_call", "wrap_up", "on_break")

OWN = ("signed_in", "returned", "took_break", "signed_out")
"""Moves people make themselves, or a supervisor for them; `signed_in` always means: available, as soon as can be."""

BY_ROTA = ("shift_began", "shift_ended")
BY_LINE = (
    "offered",
    "accepted",
    "missed",
    "unreached",  # their phone could not be reached, as while it registers anew
    "declined",
    "withdrawn",
    "released",  # the caller had gone before they met
    "talk_ended",
    "wrapped_up",  # the code was given, or the time for it is over
    "due_back",  # long enough after a missed offer
)
EVENTS = (*OWN, "sent_out", *BY_ROTA, *BY_LINE)  # `sent_out`: a supervisor signs them out whatever the record believes

# What ends by itself or is told late: where it means nothing, it changes nothing, and no person's move is undone by it.
_LATE = ("missed", "unreached", "declined", "withdrawn", "released", "talk_ended", "wrapped_up", "due_back", *BY_ROTA)

# (where the agent is, what happened) -> where the agent is then. A missing pair is a refusal.
PRESENCE: Mapping[tuple[str, str], str] = {
    **{(presence, late): presence for presence in PRESENCES for late in _LATE},
    **dict.fromkeys(((presence, "sent_out") for presence in PRESENCES), "signed_out"),
    # What people want themselves happens at once, or is queued while a caller has them.
    **dict.fromkeys(((free, "signed_in") for free in ("signed_out", "available", "on_break", "wrap_up")), "available"),
    **dict.fromkeys(
        ((free, "signed_out") for free in ("signed_out", "available", "on_break", "wrap_up")), "signed_out"
    ),
    **dict.fromkeys(((free, "took_break") for free in ("available", "on_break", "wrap_up")), "on_break"),
    **{(busy, own): busy for busy in ("offered", "on_call") for own in ("signed_in", "signed_out", "took_break")},
    ("on_break", "returned"): "available",
    ("signed_out", "shift_began"): "available",
    ("available", "shift_ended"): "signed_out",
    ("on_break", "shift_ended"): "signed_out",
    ("available", "offered"): "offered",
    ("offered", "accepted"): "on_call",
    ("offered", "missed"): "on_break",
    ("offered", "unreached"): "available",
    ("offered", "declined"): "available",
    ("offered", "withdrawn"): "available",
    # An emergency may ring those in wrap-up and on break: unless they take it, they stay where they are. Their wrap-up
    # or break may end, and they may sign out, while such a phone still rings: it is theirs to take.
    ("wrap_up", "offered"): "wrap_up",
    ("on_break", "offered"): "on_break",
    ("wrap_up", "accepted"): "on_call",
    ("on_break", "accepted"): "on_call",
    ("available", "accepted"): "on_call",
    ("signed_out", "accepted"): "on_call",
    ("available", "missed"): "on_break",
    ("on_call", "released"): "available",
    ("on_call", "talk_ended"): "wrap_up",
    ("wrap_up", "wrapped_up"): "available",
    ("on_break", "due_back"): "available",
}

# (where the agent is, what happened) -> what they do next, once no caller has them; "" takes it back. Where nothing is
# written here, what was queued stays.
NEXT: Mapping[tuple[str, str], str] = {
    **dict.fromkeys(((busy, "signed_in") for busy in ("offered", "on_call")), ""),
    **dict.fromkeys(((busy, "took_break") for busy in ("offered", "on_call")), "on_break"),
    **dict.fromkeys(((busy, "signed_out") for busy in ("offered", "on_call")), "signed_out"),
    **dict.fromkeys(((busy, "shift_ended") for busy in ("offered", "on_call", "wrap_up")), "signed_out"),
    # Whoever takes an emergency from a break, or on their way out, goes back to it.
    ("on_break", "accepted"): "on_break",
    ("signed_out", "accepted"): "signed_out",
}
QUEUES = ("", "on_break", "signed_out")
_FREE = ("signed_out", "available", "on_break")  # nothing is queued for who is free to do it


def moved(presence: str, queued: str, event: str) -> tuple[str, str] | None:
    """Return where an agent is after an event, and what they do next; None when the event means nothing there."""
    after = PRESENCE.get((presence, event))
    if after is None:
        return None
    queued = NEXT.get((presence, event), queued)
    if after not in _FREE:
        return after, queued
    return (queued, "") if queued and event in BY_LINE else (after, "")


def moves(event: str) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    """Yield every (presence, queued) an event means something in, with what it becomes."""
    for presence in PRESENCES:
        for queued in QUEUES:
            after = moved(presence, queued, event)
            if after is not None:
                yield (presence, queued), after


def counts_as_missed(presence: str, event: str) -> bool:
    """Did an offer ring in vain at the desk of somebody who was there for it? Emergencies on a break do not count."""
    return event in ("missed", "unreached") and presence in ("offered", "available")


def shows_life(event: str) -> bool:
    """Does this prove that the agent is there, so that what they missed is forgiven?"""
    return event in ("accepted", "sent_out", *OWN)
