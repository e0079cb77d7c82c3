"""The product's own web process with a bare view beside its doors, for `bench.turn`."""

from __future__ import annotations

from flask import Flask, Response

import webhooks
from ivr.settings import Settings
from ivr.store import migrate


def create_app() -> Flask:
    settings = Settings.from_environment()
    migrate(settings.database_url, settings.secret_key, settings.record_key, settings.audit_key)
    app = webhooks.create_app(settings)

    @app.get("/bare")
    def bare() -> Response:
        return Response("<Response/>", mimetype="text/xml")

    return app
