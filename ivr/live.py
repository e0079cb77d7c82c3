"""What is true only now, in Redis or Valkey: doorbells, and who asks too often.

Losing all of it costs a second, never a caller.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

TIMEOUT_SECONDS = 0.3
LONGEST_WAIT_SECONDS = 1.0  # a Valkey that hangs is noticed so late: a socket has one timeout
_REST_SECONDS = 1.0  # after a failure nobody asks again so soon: a turn must not pay for a host that is away
_KEPT_SECONDS = 10  # a ring nobody hears


def connection(url: str, timeout_seconds: float = TIMEOUT_SECONDS) -> Redis:
    """Return a client that answers or fails at once: without this redis-py tries ten times, for 4 s."""
    return Redis.from_url(
        url,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


class Live:
    """The doorbells of one process. Safe to use from several threads; nothing here ever raises."""

    def __init__(self, redis_url: str) -> None:
        self._bell = connection(redis_url)
        self._ear = connection(redis_url, LONGEST_WAIT_SECONDS + TIMEOUT_SECONDS)
        self._away_until = 0.0

    def ring(self, *names: str) -> None:
        """Wake whoever waits for these doorbells (`dispatch`, `relay`); rings nobody has heard yet are one ring."""
        if time.monotonic() < self._away_until:
            return
        with suppress(RedisError), self._noticing(), self._bell.pipeline(transaction=False) as trip:
            for name in names:
                trip.lpush(_key(name), 1)
                trip.ltrim(_key(name), 0, 0)
                trip.expire(_key(name), _KEPT_SECONDS)
            trip.execute()

    def wait(self, name: str, seconds: float) -> bool:
        """Return True once the doorbell rings, False after so many seconds (1 at most) or as many asleep."""
        until = time.monotonic() + min(seconds, LONGEST_WAIT_SECONDS)
        try:
            with self._noticing():
                # Zero would mean for ever.
                return self._ear.blpop([_key(name)], timeout=max(0.01, min(seconds, LONGEST_WAIT_SECONDS))) is not None
        except RedisError:
            time.sleep(max(0.0, until - time.monotonic()))
            return False

    def allow(self, name: str, most: int, seconds: int) -> bool:
        """Count one more of this name; False once there are too many in these seconds. True while Redis is away."""
        key = f"rxline:rate:{name}:{int(time.time()) // seconds}"
        if time.monotonic() < self._away_until:
            return True
        try:
            with self._noticing(), self._bell.pipeline(transaction=False) as trip:
                trip.incr(key)
                trip.expire(key, seconds)
                count, _ = trip.execute()
        except RedisError:
            return True
        return int(count) <= most

    def ready(self) -> bool:
        """Return whether Redis answers."""
        try:
            return bool(self._bell.ping())
        except RedisError:
            return False

    def close(self) -> None:
        """Let the connections go."""
        self._bell.close()
        self._ear.close()

    @contextmanager
    def _noticing(self) -> Iterator[None]:
        try:
            yield
        except RedisError:
            self._away_until = time.monotonic() + _REST_SECONDS
            raise


def _key(name: str) -> str:
    return f"rxline:bell:{name}"
