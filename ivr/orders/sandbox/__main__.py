"""`python -m ivr.orders.sandbox`: the sandbox as a process of its own, on the loopback only."""

from __future__ import annotations

import argparse
import os
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]

from ivr.clock import Clock
from ivr.orders.sandbox.server import Deliveries, create_app
from ivr.settings import SANDBOX_URL

DATABASE_PATH = "var/sandbox.db"


class SandboxProcess(BaseApplication):  # type: ignore[misc]
    """Gunicorn with one process, because a played failure is that process's own memory."""

    def load_config(self) -> None:
        for name, value in _how_to_serve().items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return create_app(DATABASE_PATH, Clock.from_environment().now, _deliveries())


def _deliveries() -> Deliveries | None:
    """Return where events go and what signs them; both have to be set."""
    url = os.environ.get("ORDER_SYSTEM_EVENTS_URL", "")
    listed = os.environ.get("ORDER_SYSTEM_EVENT_SECRET", "").split(",")
    secrets = tuple(each.strip() for each in listed if each.strip())
    return Deliveries(url, secrets) if url and secrets else None


def _how_to_serve() -> dict[str, Any]:
    port = urlsplit(os.environ.get("ORDER_SYSTEM_URL") or SANDBOX_URL).port or urlsplit(SANDBOX_URL).port
    return {
        "bind": f"127.0.0.1:{port}",
        "worker_class": "gthread",
        "threads": 64,  # slow answers keep theirs; /_sandbox must find one free
        "keepalive": 75,  # longer than clients keep a connection, so none is closed under a request
        "graceful_timeout": 1,
        "loglevel": "warning",
        "control_socket_disable": True,
    }


def _read_arguments() -> None:
    told = "The sandbox order system, on the loopback, at the port of ORDER_SYSTEM_URL; it keeps what it is told in"
    events = "With ORDER_SYSTEM_EVENTS_URL and ORDER_SYSTEM_EVENT_SECRET it tells that URL what happens."
    parser = argparse.ArgumentParser("python -m ivr.orders.sandbox", description=f"{told} {DATABASE_PATH}. {events}")
    parser.parse_args()


if __name__ == "__main__":
    _read_arguments()
    SandboxProcess().run()
