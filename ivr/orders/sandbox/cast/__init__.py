"""The cast: invented people with invented prescriptions, at least one in every state a caller can ask about.

Names, numbers and prescriptions belong to nobody; the phones are from the range kept for fiction, 555-01XX.
Dates are days from today, in UTC, so a state stays true whatever day it is.
"""

from __future__ import annotations

from ivr.orders.sandbox.cast.others import OTHERS
from ivr.orders.sandbox.cast.patients import PATIENTS

PEOPLE = PATIENTS + OTHERS
