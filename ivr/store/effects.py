"""What a turn's effects write: those of our own tables at once, the rest as rows for the worker."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import singledispatch
from typing import Any

from sqlalchemy import bindparam, case, delete, insert, update

from ivr.core.call import (
    Call,
    ClearTimer,
    Effect,
    MoveAgent,
    PlaceCall,
    RememberLanguage,
    SetTimer,
    WriteDisposition,
)
from ivr.core.line import PRESENCE
from ivr.store.database import Write
from ivr.store.notation import micros, written
from ivr.store.refusals import Conflict
from ivr.store.seal import Seal
from ivr.store.tables import agents, callers, dispositions, effects, timers, upsert

LANES = {
    "PlaceCall": "place",
    "MoveCaller": "telephony",
    "MoveLeg": "telephony",
    "EndLeg": "telephony",
    "Inquire": "orders",
    "RequestRefill": "orders",
    "CreateTask": "orders",
    "WriteDisposition": "orders",
}
