"""The order system the settings choose: the one place that knows which kinds there are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from ivr.orders.fhir.client import FhirOrderSystem
from ivr.orders.port import OrderSystem
from ivr.orders.rest import RestOrderSystem
from ivr.settings import Settings


def order_system(settings: Settings, now: Callable[[], datetime]) -> OrderSystem:
    """Return a client of ORDER_SYSTEM_KIND; `now` tells the time where the pharmacy is."""
    if settings.order_system_kind == "fhir":
        return FhirOrderSystem(settings.order_system_url, settings.order_system_token, now)
    return RestOrderSystem(settings.order_system_url, settings.order_system_token)
