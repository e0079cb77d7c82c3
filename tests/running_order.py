"""Which tests run in one process, because they share a server, and in which order: what takes longest begins first."""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadScopeScheduling

# A file runs in one process; the rest of a folder named here does so together, for it is tried on one running line.
# What is not named follows, as it is found: a new file that takes more than ten seconds belongs in here.
LONGEST_FIRST = (
    "tests/failures/",
    "tests/days/test_days.py",
    "tests/chaos/test_chaos.py",
    "tests/phone/test_page.py",
    "tests/walks/test_followed.py",
    "tests/test_calls.py",
    "tests/complaints/test_on_the_line.py",
    "tests/line/",
    "tests/test_talks.py",
    "tests/failures/test_postgres.py",
    "tests/worker/test_worker.py",
    "tests/line/test_hostile.py",
    "tests/content/test_loading.py",
    "tests/test_desk_commands.py",
    "tests/walks/test_walks.py",
    "tests/office/test_publishing.py",
    "tests/office/test_versions.py",
    "tests/failures/test_new_versions.py",
    "tests/console/",
    "tests/office/test_comparing.py",
    "tests/failures/test_fast_clock.py",
    "tests/content/test_beautiful_mistakes.py",
    "tests/test_match.py",
    "tests/proof/test_disclosure.py",
    "tests/office/test_explain.py",
    "tests/content/test_check_command.py",
    "tests/test_enquiries.py",
    "tests/speech/test_model.py",
    "tests/content/test_drawing.py",
    "tests/content/test_recordings.py",
    "tests/content/test_schema.py",
    "tests/test_day.py",
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
