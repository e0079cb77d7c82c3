"""HTTP clients as the practice phone needs them: many, short-lived, and none of them through a proxy."""

from __future__ import annotations

import ssl
from functools import cache
from typing import Any

import httpx


def http_client(**options: Any) -> httpx.Client:
    """Return an httpx client with these options; close it."""
    return httpx.Client(trust_env=False, verify=_trusted(), **options)


@cache
def _trusted() -> ssl.SSLContext:
    # Reading every root certificate takes 30 ms, and each written call uses three clients.
    return ssl.create_default_context()
