"""Which tests run in one process, because they share a server, and in which order: what takes longest begins first."""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadScopeScheduling

# A file runs in one process; the rest of a folder named here does so together, for it is tried on one running line.
# What is not named follows, as it is found: a new file that takes more than ten seconds belongs in here.
LONGEST_FIRST = (
    "tests/days/test_days.py",
    "tests/failures/",
    "tests/walks/test_followed.py",
    "tests/phone/test_page.py",
    "tests/test_calls.py",
    "tests/test_talks.py",
    "tests/failures/test_bad_day.py",
    "tests/complaints/test_on_the_line.py",
    "tests/line/",
    "tests/line/test_hostile.py",
    "tests/walks/test_walks.py",
    "tests/worker/test_worker.py",
    "tests/failures/test_new_versions.py",
    "tests/failures/test_postgres.py",
    "tests/office/test_versions.py",
    "tests/office/test_publishing.py",
    "tests/content/test_loading.py",
    "tests/failures/test_fast_clock.py",
    "tests/console/",
    "tests/content/test_beautiful_mistakes.py",
    "tests/office/test_comparing.py",
    "tests/test_desk_commands.py",
    "tests/content/test_recordings.py",
    "tests/content/test_schema.py",
    "tests/speech/test_model.py",
    "tests/test_match.py",
    "tests/test_cli.py",
)


def unit_of(test: str) -> str:
    """The unit a test runs in."""
    file = test.partition("::")[0]
    return max((unit for unit in LONGEST_FIRST if file.startswith(unit)), key=len, default=file)


def place_of(item: pytest.Item) -> int:
    """How early a test runs."""
    unit = unit_of(item.nodeid)
    return LONGEST_FIRST.index(unit) if unit in LONGEST_FIRST else len(LONGEST_FIRST)


class ByUnit(LoadScopeScheduling):
    """Gives whoever has nothing left to do the next unit."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)
