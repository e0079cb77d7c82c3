"""Serves an exchange over HTTP: Twilio's REST API to the product, handsets to people."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from flask import Blueprint, Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from ivr.phone import handset, rest
from ivr.phone.exchange import Exchange

HOST = "127.0.0.1"
_POLL_SECONDS = 0.02


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: paths of the handset API carry no secret, but a line for each poll helps nobody."""


def create_app(exchange: Exchange, pages: Sequence[Blueprint] = ()) -> Flask:
    """Return the app that serves an exchange, with further `pages` beside its own doors."""
    app = Flask(__name__)
    rest.mount(app, exchange)
    handset.mount(app, exchange)
    for page in pages:
        app.register_blueprint(page)
    return app


def bind(app: Flask, port: int) -> BaseWSGIServer:
    """Return a server for an app on this machine only; port 0 takes a free one. Raises OSError when taken."""
    return make_server(HOST, port, app, threaded=True, request_handler=_Quiet)


@contextmanager
def serving(app: Flask, port: int = 0) -> Iterator[str]:
    """Serve an app from a thread meanwhile, and give its URL."""
    server = bind(app, port)
    thread = threading.Thread(target=server.serve_forever, args=(_POLL_SECONDS,), daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
