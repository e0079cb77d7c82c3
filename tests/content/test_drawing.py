"""Every flow as a picture: everything is in it, nothing lies on anything else, and it is the same every time."""

from __future__ import annotations

import re
import shutil
from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from ivr.content import folder
from ivr.content.check import command
from ivr.content.drawing import FOLDER, pictures
from ivr.content.drawing.layout import SPACE, Layout, Line, Size, Spot, lay_out, spread, turning_back
from ivr.content.drawing.words import Words, wrapped
from ivr.content.pharmacy import read_pharmacy, read_script

ROOT = Path(__file__).parents[2]
SHIPPED, _ = folder.texts(ROOT)
FLOWS = {Path(path).stem for path in SHIPPED if re.fullmatch(r"callflows/\w+\.yaml", path)}
SVG = "{http://www.w3.org/2000/svg}"
EVERYTHING = """version: 1
title: Everything <a flow> can do
start: warned
nodes:
  warned: {notice: emergency_notice, languages: all, then: menu}
  menu:
    menu: callback_offer
    help: anything_else
    understand: choose
    silence: menu
    options: {1: {set: {intent: order_status}, then: number}}
  number: {collect: rx_number, prompt: enter_rx_number, as: rx_number, length: 7, then: prove}
  prove: {ask: identity, then: list}
  list: {ask: prescriptions, then: pick}
  pick: {pick: pick_prescription, then: choose, none: run}
  run: {flow: prescription, then: back}
  back: {return: yes}
  choose:
    choose:
      - {when: {refill: eligible, permission: [everything, refills]}, then: refill}
      - {when: {tier: verified}, then: ready}
      - {when: {days_left: at most 2}, then: voicemail}
    otherwise: decide
  refill: {do: request_refill, then: bye}
  ready: {say: order_ready, then: menu, resolution: status_given}
  voicemail: {message: refills}
  decide: {route: person}
  bye: {hang_up: goodbye}
  forgotten: {say: welcome, then: bye}
"""


def drawn(name: str = "everything", text: str = EVERYTHING) -> ElementTree.Element:
    files = {**SHIPPED, f"callflows/{name}.yaml": text}
    _, problems = read_pharmacy(files, [], 2026)
    return ElementTree.fromstring(dict(pictures(read_script(files), problems))[name])


def words(picture: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in picture.iter(f"{SVG}text")]


def test_every_shipped_flow_is_drawn_the_same_every_time() -> None:
    once, again = (dict(pictures(read_script(SHIPPED), [])) for _ in range(2))
    assert once == again
    assert once.keys() == FLOWS


def test_a_picture_tells_what_each_node_is_says_and_leads_to() -> None:
    told = words(drawn())
    assert {"Everything <a flow> can do", "warned", "notice", "in every language of the line"} <= set(told)
    assert {"1", "order status", "silence", "own words", "1 to 5", "none", "otherwise", "tier: verified"} <= set(told)
    assert {"rx_number, 7 long, kept secret", "asks: identity", "runs prescription and comes back"} <= set(told)
    assert {"the routing rules decide, for a person", "takes a message for refills", "request_refill"} <= set(told)
    assert {"only prescription or verified", "✓ status_given", "↰ back to menu", "the flow ends here"} <= set(told)
    assert any(line.startswith("“Your prescription has been ready") for line in told)


def test_what_is_wrong_is_in_red_at_its_node_and_told_below() -> None:
    picture = drawn()
    (note,) = [line for line in words(picture) if "forgotten" in line and line.startswith("line ")]
    (group,) = [
        group for group in picture.iter(f"{SVG}g") if (group.findtext(f"{SVG}title") or "").startswith("forgotten")
    ]
    red = [element for element in group if element.get("stroke") == "#c4161c" or element.get("fill") == "#c4161c"]
    assert note.endswith('no caller ever comes to "forgotten"')
    assert len(red) == 2


def test_many_cases_are_told_in_the_box_and_only_their_letters_on_the_lines() -> None:
    cases = "\n".join(f"      - {{when: {{days_left: {n}}}, then: refill}}" for n in range(5))
    told = words(drawn(text=EVERYTHING.replace("    choose:\n", f"    choose:\n{cases}\n")))
    assert {"a", "h", "a: days_left: 0", "h: days_left: at most 2"} <= set(told)
    assert "days_left: at most 2" not in told


def test_a_flow_that_cannot_be_read_is_not_drawn() -> None:
    files = {**SHIPPED, "callflows/status.yaml": "version: 1\nstart: nowhere\n"}
    assert "status" not in dict(pictures(read_script(files), []))


def test_a_long_text_ends_in_dots() -> None:
    long = EVERYTHING.replace("prompt: enter_rx_number", "prompt: long")
    files = {**SHIPPED, "callflows/everything.yaml": long}
    path = "callflows/prompts/en.yaml"
    files[path] = SHIPPED[path] + f"\n  long: {'very ' * 90}long\n"
    files["callflows/prompts/es.yaml"] += "\n  long: largo\n"
    told = words(ElementTree.fromstring(dict(pictures(read_script(files), []))["everything"]))
    (end,) = [line for line in told if line.startswith("very") and line.endswith("…”")]
    assert end.count("very") > 1


# ---------------------------------------------------------------- where things go

Graph = tuple[dict[str, Size], list[Line]]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Boxes and lines that lead from earlier ones to later ones."""
    sizes = st.builds(Size, st.floats(40, 300), st.floats(20, 160))
    boxes = {f"n{n}": draw(sizes) for n in range(draw(st.integers(1, 9)))}
    pairs = list(combinations(boxes, 2))
    chosen = draw(st.lists(st.sampled_from(pairs), max_size=14)) if pairs else []
    label = st.sampled_from([Size(0, 0), Size(30, 20), Size(140, 40)])
    return boxes, [Line(source, target, draw(label)) for source, target in chosen]


@given(graphs())
def test_nothing_lies_on_anything_else_and_lines_go_round_boxes(graph: Graph) -> None:
    boxes, lines = graph
    layout = lay_out(boxes, lines)
    rooms = [_room(layout.boxes[name], size) for name, size in boxes.items()]
    labels = [_room(spot, line.label) for spot, line in zip(layout.labels, lines, strict=True) if line.label.width]
    assert not [(one, other) for one, other in combinations([*rooms, *labels], 2) if not _apart(one, other)]
    assert all(left >= -0.01 and right <= layout.size.width + 0.01 for left, right, *_ in [*rooms, *labels])
    assert not [(stroke, room) for stroke in _stretches(layout) for room in rooms if not _apart(stroke, room)]


def _room(spot: Spot, size: Size) -> tuple[float, float, float, float]:
    return spot.x - size.width / 2, spot.x + size.width / 2, spot.y, spot.y + size.height


def _apart(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    close = 0.01
    sideways = one[1] <= other[0] + close or other[1] <= one[0] + close
    return sideways or one[3] <= other[2] + close or other[3] <= one[2] + close


def _stretches(layout: Layout) -> list[tuple[float, float, float, float]]:
    """The straight parts of the lines, and the room each bend may take between them."""
    found = []
    for stroke in layout.strokes:
        (x1, y1), (x2, y2), (top, bottom) = stroke.start, stroke.end, stroke.bend
        found += [(x1, x1, y1, top), (min(x1, x2), max(x1, x2), top, bottom), (x2, x2, bottom, y2)]
    return found


@given(st.lists(st.tuples(st.floats(-500, 500), st.floats(1, 9)), min_size=1, max_size=8), st.floats(0, 90))
def test_what_is_spread_keeps_its_order_and_its_distance(wanted: list[tuple[float, float]], gap: float) -> None:
    places = spread(wanted, [gap] * (len(wanted) - 1))
    assert all(right - left >= gap - 0.001 for left, right in pairwise(places))
    if all(right[0] - left[0] >= gap for left, right in pairwise(wanted)):
        assert places == pytest.approx([want for want, _ in wanted])


def test_what_stands_alone_in_a_row_stands_straight_below() -> None:
    size = Size(100, 40)
    layout = lay_out({"a": size, "b": size, "c": size}, [Line("a", "b", Size(0, 0)), Line("b", "c", Size(0, 0))])
    assert len({spot.x for spot in layout.boxes.values()}) == 1


def test_neighbours_keep_their_order_and_their_distance() -> None:
    size = Size(100, 40)
    lines = [Line("a", name, Size(20, 20)) for name in ("b", "c", "d")]
    layout = lay_out(dict.fromkeys("abcd", size), lines)
    b, c, d = (layout.boxes[name].x for name in "bcd")
    assert (c - b, d - c) == pytest.approx((100 + SPACE, 100 + SPACE))
    assert layout.boxes["a"].x == pytest.approx(c)


def test_what_is_too_wide_for_a_screen_goes_into_the_next_row() -> None:
    boxes = {"start": Size(100, 40), **{f"n{n}": Size(400, 40) for n in range(7)}}
    layout = lay_out(boxes, [Line("start", name, Size(20, 20)) for name in boxes if name != "start"])
    assert len({spot.y for name, spot in layout.boxes.items() if name != "start"}) == 3


def test_a_way_back_is_found_from_the_start() -> None:
    ways = {"menu": ["say", "bye"], "say": ["menu"], "bye": [], "lost": ["lost"]}
    assert turning_back("menu", ways) == {("say", "menu"), ("lost", "lost")}


def test_words_break_at_spaces_only() -> None:
    assert wrapped("one two three", Words("one two").width) == ["one two", "three"]
    assert wrapped("incomprehensibilities", 20) == ["incomprehensibilities"]


# ---------------------------------------------------------------- the command


@pytest.fixture
def content(tmp_path: Path) -> Path:
    for name in folder.FOLDERS:
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


def run(*arguments: str, content: Path) -> Result:
    return CliRunner().invoke(command, ["--content", str(content), *arguments])


def test_pictures_go_where_they_are_asked_for(content: Path) -> None:
    elsewhere = content / "for/the/wall"
    drawing = run("--draw", str(elsewhere), content=content)
    assert (drawing.exit_code, drawing.stderr.splitlines()[-1]) == (0, f"{len(FLOWS)} pictures in {elsewhere}/")
    assert {file.stem for file in elsewhere.iterdir()} == FLOWS


def test_or_beside_the_content_and_change_nothing_of_what_is_found(content: Path) -> None:
    (content / "callflows/everything.yaml").write_text(EVERYTHING, encoding="utf-8")
    plain, drawing = run("--format", "json", content=content), run("--format", "json", "--draw", content=content)
    assert (plain.stdout, plain.exit_code) == (drawing.stdout, drawing.exit_code)
    assert plain.exit_code == 1
    assert {file.stem for file in (content / FOLDER).iterdir()} == {*FLOWS, "everything"}


def test_a_place_nothing_can_be_written_to_is_told(content: Path) -> None:
    (content / FOLDER).write_text("in the way")
    result = run("--draw", content=content)
    assert result.exit_code == 2
    assert result.stderr.startswith("ivr check: ")
