"""Robots with phones: callers who say what they want and leave when they like, and staff who do as people do.

All times are the town's seconds; whoever runs the town makes them as short as its clock is fast.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from random import Random

from bench.rooms import Seat
from bench.town import Owner, Phone

# ---------------------------------------------------------------- callers

ON_HOLD = re.compile("still in line|are in line|number .* in line|person is ready")
IN_DANGER = "8"

Answers = tuple[tuple[str, str], ...]
ENGLISH: Answers = (("For English", "1"),)
# What a caller keys to words, the first that fits; on hold they wait unless something else is said here.
WANTS: dict[str, Answers] = {
    "waits for a person": (("For a person, press 0", "0"),),
    "asks about insurance": (("press 8", "4"), ("For a person, press 0", "0")),
    "asks a pharmacist": (("press 8", "6"), ("press 3", "3"), ("For a person", "0")),
    "takes a callback": (
        ("Press 1 to confirm", "1"), ("have us call you back, press 1", "1"), ("For a person, press 0", "0"),
    ),
    "leaves a message": (("leave a message", "2"), ("For a person, press 0", "0")),
    "is in danger": (("press 8", IN_DANGER),),
    "cries emergency in the middle": (("press 8", "6"), ("press 3", "9"), ("For a person", "0")),
    "has it texted": (
        ("press 8", "3"), ("number of your prescription|prescription number", "7020003"), ("as a text, press 3", "3"),
        ("If that is all, press 1", "1"), ("For a person, press 0", "0"),
    ),
}  # fmt: skip
# Whose number it has to be; everybody else rings from one of their own.
NUMBERS = {"has it texted": "+16145550127"}


class Caller(Owner):
    """Somebody who wants something, has so much patience, and talks so long."""

    def __init__(self, wants: str, random: Random) -> None:
        super().__init__()
        self.wants = wants
        self.random = random
        self.thinks_seconds = random.uniform(0.5, 4.0)
        self.talk_seconds = random.uniform(5.0, 30.0)
        self.pace = 1.0
        self.heard_before = False
        self.wanders = random.randrange(3) if wants == "presses the wrong keys" else 0
        self.picks_up = random.choice(("answers", "answers", "answers", "is busy", "does not hear", "says nothing"))

    async def rung(self, phone: Phone) -> str:
        """Their phone rings: it is our callback."""
        await asyncio.sleep(self.seconds(2.0))
        if self.picks_up == "is busy":
            return "busy"
        if self.picks_up == "does not hear":
            await asyncio.Event().wait()
        return "in-progress"

    async def asked(self, phone: Phone, words: str) -> str | None:
        await asyncio.sleep(self.seconds(self.thinks_seconds))
        if phone.direction != "inbound":
            return None if self.picks_up == "says nothing" else "1"
        if self.wants == "presses the wrong keys" and self.wanders < 8:
            self.wanders += 1
            return self.random.choice("1234567890*#")
        if self.wants == "cries emergency in the middle" and self.heard_before and "press 8" in words:
            return IN_DANGER
        answers = (*ENGLISH, *WANTS.get(self.wants, WANTS["waits for a person"]))
        key = next((key for pattern, key in answers if re.search(pattern, words)), None)
        self.heard_before = self.heard_before or "press 8" in words
        return key

    async def talks(self, phone: Phone, seat: Seat) -> str:
        await seat.company.wait()
        await asyncio.sleep(self.seconds(self.talk_seconds))
        return ""

    async def dictates(self, phone: Phone) -> float:
        return self.random.uniform(4.0, 20.0)

    def seconds(self, seconds: float) -> float:
        return seconds * self.pace


# ---------------------------------------------------------------- staff

HABITS = {
    "accepts": 60,
    "ignores": 6,
    "is busy": 5,
    "declines": 5,
    "says nothing": 5,
    "picks up and vanishes": 4,
    "accepts and vanishes": 5,
    "hangs up in the middle": 5,
    "presses the star": 5,
}
GOOD = {"accepts": 1}


class Staff(Owner):
    """One phone of the staff; what its owner does with a ring is drawn anew each time."""

    def __init__(self, random: Random, habits: Callable[[], dict[str, int]], pace: float) -> None:
        super().__init__()
        self._random = random
        self._habits = habits
        self._pace = pace
        self._does: dict[str, str] = {}  # by leg

    async def rung(self, phone: Phone) -> str:
        habits = self._habits()
        [does] = self._random.choices(list(habits), list(habits.values()))
        self._does[phone.sid] = does
        await self._waits(1.0, 5.0)
        if does == "ignores":
            await asyncio.Event().wait()
        return "busy" if does == "is busy" else "in-progress"

    async def asked(self, phone: Phone, words: str) -> str | None:
        does = self._does[phone.sid]
        await self._waits(0.5, 3.0)
        match does:
            case "says nothing":
                return None
            case "declines":
                return "2"
            case "picks up and vanishes":
                phone.hang_up()
                return None
        if "To take it, press 1" in words:
            if does == "accepts and vanishes":
                asyncio.get_running_loop().call_later(0.4 * self._pace, phone.hang_up)
            return "1"
        return self._random.choice("12345") if does == "presses the star" else "1"

    async def talks(self, phone: Phone, seat: Seat) -> str:
        does = self._does[phone.sid]
        await seat.company.wait()
        if does == "presses the star":
            await self._waits(3.0, 10.0)
            self._does[phone.sid] = "accepts" if self._random.random() < 0.5 else does
            return "*"
        if does == "hangs up in the middle":
            await self._waits(1.0, 20.0)
            return ""
        return await _ever()

    async def _waits(self, low: float, high: float) -> None:
        await asyncio.sleep(self._pace * self._random.uniform(low, high))


async def _ever() -> str:
    await asyncio.Event().wait()
    return ""


class Answering(Owner):
    """The number on call, and the desk's: somebody picks up and takes what comes."""

    def __init__(self, pace: float) -> None:
        super().__init__(thinks_seconds=pace)
        self._pace = pace

    async def rung(self, phone: Phone) -> str:
        await asyncio.sleep(3 * self._pace)
        return "in-progress"

    async def asked(self, phone: Phone, words: str) -> str | None:
        await asyncio.sleep(self._pace)
        return "1"

    async def talks(self, phone: Phone, seat: Seat) -> str:
        return await _ever()


async def loses_patience(phone: Phone, seconds: float) -> None:
    """Hang up after so long, whatever is going on; nobody hangs up on the person they waited for."""
    await asyncio.sleep(seconds)
    if not phone.is_over and not phone.served:
        phone.hang_up()
