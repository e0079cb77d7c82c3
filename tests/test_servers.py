"""The real servers the other tests stand on."""

from __future__ import annotations

import signal

import psycopg
import pytest

from tests import servers


def _set_and_get(port: int) -> bytes:
    servers.valkey_says(port, b"SET place second")
    return servers.valkey_says(port, b"GET place")


def test_valkey_keeps_its_data_when_killed() -> None:
    with servers.valkey() as valkey:
        port = int(valkey.url.rpartition(":")[2].partition("/")[0])
        before = _set_and_get(port)
        valkey.kill()
        away = servers.valkey_says(port, b"GET place")
        valkey.start()
        after = servers.valkey_says(port, b"GET place")

    assert (before, away, after) == (b"$6\r\nsecond\r\n", b"", b"$6\r\nsecond\r\n")


def test_each_test_gets_an_empty_postgres_database(postgres_server: servers.Server) -> None:
    for _ in range(2):
        with (
            servers.new_database(postgres_server.url) as url,
            psycopg.connect(url.replace("+psycopg", "")) as connection,
        ):
            connection.execute("CREATE TABLE tickets (id int)")


def test_a_server_that_does_not_come_up_says_why() -> None:
    broken = servers.Server("", ["sh", "-c", "echo no room left; exit 3"], lambda: False, signal.SIGTERM, None)

    with pytest.raises(RuntimeError, match="no room left"):
        broken.start()
