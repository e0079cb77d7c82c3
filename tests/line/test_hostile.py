"""What nobody should send: forged, garbled and malicious requests. Nothing gets in, nothing is read aloud, nothing breaks.

Whoever can sign is Twilio; what Twilio carries was keyed, said and put into headers by anybody at all.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

import pytest

from tests.line.carrier import ACCOUNT, FORM, INSIDE, ON_HOLD, Carrier, Phone, Reply, send, signature
from tests.line.conftest import MAIN, NEW_SECRET, OLD_SECRET, Day, line_of
from tests.servers import free_port
from tests.whole_line import WholeLine

Pairs = list[tuple[bytes, bytes]]
SETTINGS = "X-Twilio-Webhooks-Signature-Settings"
SHOUTED = ("Quillfeather", "<script>", "quillfeather@example.org", "6145550177", "7012001")  # never to be seen again


@pytest.fixture(scope="module")
def line(carrier: Carrier, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeLine]:
    """A line of its own: what is left of these calls would ring the phones of other tests."""
    before = carrier.line, carrier.now
    with line_of(carrier, tmp_path_factory.mktemp("hostile")) as running:
        yield running
    carrier.line, carrier.now = before


@pytest.fixture(scope="module")
def days(line: WholeLine, carrier: Carrier) -> Iterator[Day]:
    ...
