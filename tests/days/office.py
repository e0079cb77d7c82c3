"""The office's own door on a day: the staff's API, at which a supervisor says who sits down, takes a break and goes."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator

import httpx

from tests.days.line import SUPERVISOR
from tests.whole_line import WholeLine

REFUSED = 409  # nobody goes there from where they are, or somebody moved them meanwhile
AGAIN_SECONDS, TRIES = 0.5, 60  # of the real clock: the web dies on such days, and comes back


class Office:
    """Presences as a supervisor's page moves them."""

    def __init__(self, api: httpx.AsyncClient) -> None:
        self._api = api

    async def moves(self, agent: str, presence: str) -> None:
        """Ask until it has been heard; who is refused goes on as they were."""
        for _ in range(TRIES):
            with contextlib.suppress(httpx.TransportError):
                answer = await self._api.put(f"/agents/{agent}/presence", json={"presence": presence})
                if not answer.is_server_error:
                    assert answer.is_success or answer.status_code == REFUSED, answer.text
                    return
            await asyncio.sleep(AGAIN_SECONDS)
        raise AssertionError(f"nobody was there to hear where {agent} is")


@contextlib.asynccontextmanager
async def office_of(line: WholeLine) -> AsyncIterator[Office]:
    """Open the door with a token as `ivr agents token` makes them."""
    token = await asyncio.to_thread(_token, line)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=f"{line.web}/api/v1", headers=headers, trust_env=False, timeout=10) as api:
        yield Office(api)


def _token(line: WholeLine) -> str:
    command = [sys.executable, "-m", "ivr.cli", "agents", "token", SUPERVISOR]
    return subprocess.run(
        command, cwd=line.folder, env=line.env, capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()
