"""What staff do to a call while two people talk: hold, consult, hand over, join, listen, record."""

from __future__ import annotations

from ivr.core.call import Call
from ivr.core.draft import Draft
from ivr.core.events import Acted
from ivr.core.pharmacy import Pharmacy


def refusal(call: Call, event: Acted, pharmacy: Pharmacy) -> str | None:
    """Why this cannot be done to the call as it stands, in words for whoever asked; None when it can."""
    return f"`{event.act}` means nothing here"


def act(draft: Draft, event: Acted) -> None:
    """Do it, if it means anything still: the call may have moved since they asked."""
    if refusal(draft.call, event, draft.pharmacy) is not None:
        return
