"""One function, one formula, one docstring for each figure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from statistics import mean
from typing import Any

USUAL_TALK_SECONDS = 210  # of one call, until enough of them are known here …
USUAL_WEIGHT = 5  # … for which this many talks as long as usual stand


def handle_seconds(talks: int, talk_seconds: float, wrap_up_seconds: float) -> float:
    """AHT: seconds an agent is busy with one call, from how many talks were measured, their mean and the wrap-up.

    The mean talk, drawn towards the usual one as long as few were measured, and the whole wrap-up after it.
    """
    talk = (talks * talk_seconds + USUAL_WEIGHT * USUAL_TALK_SECONDS) / (talks + USUAL_WEIGHT)
    return talk + wrap_up_seconds


def expected_wait_minutes(position: int, agents: int, handled_seconds: float) -> tuple[int, int]:
    """EWT: the range of minutes, rounded up, in which a caller at this position may expect to be answered.

    `agents` who are working may serve them, and each is free again every AHT: position times AHT, shared by the agents
    (at least one). The upper end is half as long again, and at least a minute more.
    """
    low = max(1, ceil(position * handled_seconds / max(1, agents) / 60))
    return low, max(low + 1, ceil(low * 1.5))


def forecast_kept(forecasts: Iterable[tuple[int, float]]) -> float | None:
    """Share of forecasts that held: of (upper end in minutes, seconds then waited), those not waited past the end.

    None without any. Who hung up, or still waits, is not among them: nobody knows how long they would have waited.
    """
    held = [waited <= 60 * high for high, waited in forecasts]
    return sum(held) / len(held) if held else None


# ---------------------------------------------------------------- of dispositions, as the order system has them

Body = Mapping[str, Any]
REACHED_A_PERSON = ("answered", "callback")


def service_level(bodies: Sequence[Body], within_seconds: float) -> float | None:
    """SL: answered within so many seconds, of all answered and all who hung up only after that time.

    answered ≤ T / (answered + abandoned after T). Callbacks count from arrival, like everybody. None of nobody.
    """
    answered = [waited for body in bodies if (waited := _answered_seconds(body)) is not None]
    left = [body for body in bodies if body["outcome"] == "abandoned" and _after(body, within_seconds)]
    judged = len(answered) + len(left)
    return sum(waited <= within_seconds for waited in answered) / judged if judged else None


def average_speed_of_answer(bodies: Sequence[Body]) -> float | None:
    """ASA: mean seconds from arrival to a person, callbacks included, of those answered. None of nobody."""
    waits = [waited for body in bodies if (waited := _answered_seconds(body)) is not None]
    return mean(waits) if waits else None


def abandonment(bodies: Sequence[Body]) -> float | None:
    """Share of those in line who hung up before anybody came, short abandons (5 s) left out of both. None of nobody."""
    lined_up = [body for body in bodies if body["reached"] != "menu" and body["outcome"] != "short_abandon"]
    left = sum(body["outcome"] == "abandoned" for body in lined_up)
    return left / len(lined_up) if lined_up else None


def callback_completion(bodies: Sequence[Body]) -> float | None:
    """Share of the callbacks promised and over in which a person was spoken with. None of none."""
    over = [body for body in bodies if body["outcome"] == "callback" and body["final"]]
    return sum(body["reached"] == "talk" for body in over) / len(over) if over else None


def promises_kept(bodies: Sequence[Body]) -> float | None:
    """Share of tickets answered by the time they were promised, of those answered or over. None of none."""
    kept = [body["promise_kept"] for body in bodies if body["promise_kept"] is not None]
    return sum(kept) / len(kept) if kept else None


def _answered_seconds(body: Body) -> float | None:
    return body["waited_seconds"] if body["reached"] == "talk" and body["outcome"] in REACHED_A_PERSON else None


def _after(body: Body, seconds: float) -> bool:
    return body["reached"] != "menu" and (body["waited_seconds"] or 0) > seconds
