"""A pharmacy with many on its staff, and days a little quicker than ours, as the days need it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.whole_line import ROOT

FIRST_NUMBER = 12025550200
SUPERVISOR = "a00"
# Each has a share of what the shipped staff has between them.
KINDS = (
    {"queues": "[pharmacist, verification]", "licensed": "yes"},
    {"queues": "[pharmacist, verification, refills]", "licensed": "yes"},
    {"queues": "[pharmacist, front_desk, refills]", "skills": "[spanish]", "licensed": "yes"},
    {"queues": "[front_desk, refills, insurance]", "skills": "[spanish]"},
    {"queues": "[refills, front_desk]"},
    {"queues": "[insurance, billing, front_desk]"},
)
QUICK = {
    "per_second: 1": "per_second: 5",  # of the real clock, which runs slower than the day's
    "missed_return: 2m": "missed_return: 30s",
    "wrap_up: 30s": "wrap_up: 10s",
    "attempts: 3": "attempts: 2",
    "spacing: 5m": "spacing: 20s",
}


def content(folder: Path, staff: int, quick: Mapping[str, str] = QUICK) -> Path:
    """Make a folder of the shipped content with so many on its staff."""
    for part in ("routing_rules", "callflows", "config"):
        shutil.copytree(ROOT / part, folder / part)
    (folder / "config" / "staff.yaml").write_text("agents:\n" + "".join(_agent(n) for n in range(staff)))
    policies = folder / "config" / "policies.yaml"
    text = policies.read_text()
    for slow, soon in quick.items():
        assert slow in text, slow
        text = text.replace(slow, soon)
    policies.write_text(text)
    return folder


def _agent(n: int) -> str:
    kind = KINDS[n % len(KINDS)]
    facts = {
        "id": f"a{n:02}",
        "name": f"Agent {n:02}",
        "phone": f'"+{FIRST_NUMBER + n}"',
        "site": "central",
        "languages": "[es, en]" if "skills" in kind else "[en]",
        "pin": f'"{4071 + 137 * n}"',
        "starts": "available",
        **kind,
    }
    if facts["id"] == SUPERVISOR:
        facts["role"] = "supervisor"
    return "".join(f"  {'-' if name == 'id' else ' '} {name}: {value}\n" for name, value in facts.items())
