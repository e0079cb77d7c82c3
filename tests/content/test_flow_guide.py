"""`docs/flows.md` is what authors read: its examples work, and it leaves nothing out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel import Locale

from ivr.content import folder, load_files
from ivr.content.flows import DEEDS, ENTRIES, NODE_KINDS, QUESTIONS
from ivr.content.prompts import ALWAYS, SOMETIMES
from ivr.content.spoken import filters
from ivr.core.flows import Choose, Collect, Menu, Pick
from ivr.proof.graph import ways_on

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/flows.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
SHIPPED, _ = folder.texts(ROOT)

WAYS_ON = "  {name}: {{hang_up: goodbye}}\n"


@pytest.mark.parametrize(
    "word",
    sorted({*NODE_KINDS, *ENTRIES, *QUESTIONS, *DEEDS, *ALWAYS, *SOMETIMES, *filters(Locale.parse("en_US"))}),
)
def test_the_guide_names_everything_there_is(word: str) -> None:
    assert re.search(rf"`{word}[`(]|`[a-z_]+: {word}`|{word}:", GUIDE)


def test_the_first_example_is_a_flow_that_can_be_published() -> None:
    assert "short" in load_files({**SHIPPED, "callflows/short.yaml": EXAMPLES[0]}).flows


@pytest.mark.parametrize(("example", "kind"), [(1, Menu), (2, Collect), (3, Pick), (4, Choose)])
def test_each_fragment_is_a_node(example: int, kind: type) -> None:
    fragment = EXAMPLES[example]
    name = fragment.strip().partition(":")[0]
    leads_to = {"who", "look_up", "back", "decide", "birth_date"} - {name}
    nodes = fragment + "".join(WAYS_ON.format(name=other) for other in sorted(leads_to) if f": {other}" in fragment)
    text = f"version: 1\nstart: {name}\nnodes:\n{nodes}"
    node = load_files({**SHIPPED, "callflows/fragment.yaml": text}).flows["fragment"].nodes[name]
    assert isinstance(node, kind)
    assert ways_on(node)
