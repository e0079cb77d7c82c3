"""What editors are told about the pharmacy's files: it is up to date, and it agrees with what `ivr check` takes."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from jsonschema_rs import ValidationErrorKind as Kind

from ivr.content import folder, scalars
from ivr.content.conditions import read_when
from ivr.content.flows import NODE_KINDS
from ivr.content.names import Names
from ivr.content.pharmacy import known_names, read_pharmacy
from ivr.content.schema import FILES, facts, schema_of, shapes
from ivr.content.schema.command import as_text, command
from ivr.content.written import File, Item, Wrong, read_yaml
from ivr.core.rules import FACTS, ROUTES

Shape = dict[str, Any]

ROOT = Path(__file__).parents[2]
SHIPPED, _ = folder.texts(ROOT)
NAMES = known_names(SHIPPED)
GUIDES = [(ROOT / f"docs/{name}.md").read_text(encoding="utf-8") for name in ("flows", "rules")]
FLOWS, RULES = (re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL) for guide in GUIDES)
BAD = sorted((Path(__file__).parent / "bad").glob("*.yaml"))
GOOD = sorted((Path(__file__).parent / "good").glob("*.yaml"))


def written_in(file: Path) -> tuple[str, str]:
    """Return where in the content a file belongs, which its first line says, and its text."""
    text = file.read_text(encoding="utf-8")
    return text.split("\n", 1)[0].removeprefix("# "), text


def kind_of(path: str) -> str:
    """Return the kind of file that stands at a path below the content folder."""
    place, _, name = path.rpartition("/")
    kinds = {
        "routing_rules": "rules",
        "callflows": "flow",
        "callflows/prompts": "prompts",
        "callflows/speech": "speech",
    }
    return kinds.get(place, name.removesuffix(".yaml"))


@cache
def editor(kind: str) -> jsonschema_rs.Draft7Validator:
    return jsonschema_rs.Draft7Validator(schema_of(kind, NAMES))


def read(text: str) -> Item:
    item = read_yaml(File("", text))
    assert item
    return item


def as_an_editor_reads(item: Item) -> Any:
    """Return what YAML 1.2 makes of it: yes, no and 22:00 stay text, and digits are numbers."""
    if item.kind == "mapping":
        return {key.text: as_an_editor_reads(value) for key, value in item.pairs}
    if item.kind == "list":
        return [as_an_editor_reads(member) for member in item.items]
    return item.text if item.quoted else plain(item.text)


def plain(text: str) -> Any:
    if text.lower() in ("", "~", "null", "true", "false"):
        return {"true": True, "false": False}.get(text.lower())
    if re.fullmatch(r"[-+]?[0-9]+", text):
        return int(text)
    return float(text) if re.fullmatch(r"[-+]?[0-9]*\.[0-9]+", text) else text


def underlined(path: str, text: str) -> set[int]:
    """Return the lines on which an editor finds a mistake."""
    item = read(text)
    errors = editor(kind_of(path)).iter_errors(as_an_editor_reads(item))
    return {line for error in errors for line in lines_of(item, error)}


def lines_of(item: Item, error: jsonschema_rs.ValidationError) -> set[int]:
    """Return the lines an editor underlines for an error: of the keys when keys are wrong, else of the value."""
    for step in error.instance_path:
        item = item.items[step] if isinstance(step, int) else item.at(step)
    match error.kind:
        case Kind.AdditionalProperties(keys):
            return {key.line for key, _ in item.pairs if key.text in keys}
        case Kind.PropertyNames(inner):
            return {key.line for key, _ in item.pairs if key.text == inner.instance}
        case _:
            return {item.line}


def resolved(shape: Shape, whole: Shape) -> Shape:
    """Return a shape with what it refers to."""
    name = shape.get("$ref", "").rpartition("/")[2]
    return {**whole["definitions"][name], **shape} if name else shape


def walk(shape: Any, at: str = "") -> Iterator[tuple[str, Shape]]:
    """Yield every shape inside one, with its place."""
    if not isinstance(shape, dict):
        return
    yield at, shape
    for key in ("items", "then", "else", "additionalProperties", "propertyNames"):
        yield from walk(shape.get(key), f"{at}/{key}")
    for key in ("properties", "patternProperties", "definitions"):
        for name, inner in shape.get(key, {}).items():
            yield from walk(inner, f"{at}/{key}/{name}")


# ---------------------------------------------------------------- the schemas themselves


@pytest.mark.parametrize("kind", FILES)
def test_the_committed_schemas_are_up_to_date(kind: str) -> None:
    committed = (ROOT / f"docs/schema/{kind}.json").read_text(encoding="utf-8")
    assert committed == as_text(kind, NAMES), "run `ivr schema` and commit what it writes"


@pytest.mark.parametrize("names", [NAMES, Names(), known_names({})], ids=["shipped", "unknown", "none"])
@pytest.mark.parametrize("kind", FILES)
def test_each_is_draft_07_and_as_plain_as_editors_need_it(kind: str, names: Names) -> None:
    shape = schema_of(kind, names)
    jsonschema_rs.meta.validate(shape)
    for at, inner in walk(shape):
        assert not {"oneOf", "anyOf"} & set(inner), at
        assert inner.get("enum", ["one"]), f"{at}: for an empty enum editors refuse the whole schema"
        assert "properties" not in inner or "additionalProperties" in inner, at


@pytest.mark.parametrize("kind", FILES)
def test_every_field_is_explained(kind: str) -> None:
    shape = schema_of(kind, NAMES)
    for at, inner in walk(shape):
        for name, field in {**inner.get("properties", {}), **inner.get("patternProperties", {})}.items():
            about = resolved(field, shape).get("description", "")
            assert re.fullmatch(r"[A-Za-z0-9`][^\n]+[.?]", about), f"{at}/{name}: {about}"


def test_every_fact_has_a_meaning_and_nothing_else_has() -> None:
    assert list(facts.MEANINGS) == list(FACTS)


def test_facts_of_ones_own_are_offered_too() -> None:
    own = "facts: {plan: {one_of: [gold, silver]}, copay: {number: 0 to 500}}"
    conditions = schema_of("rules", known_names({"config/facts.yaml": own}))["definitions"]["when"]["properties"]
    assert conditions["plan"]["then"]["enum"] == ["gold", "silver", "unknown"]
    assert conditions["copay"]["then"]["maximum"] == 500
    assert conditions["plan"]["description"] == facts.OWN


@pytest.mark.parametrize(
    ("route", "path", "added", "name"),
    [
        ("queue", "config/queues.yaml", "  night_shift: {}\n", "night_shift"),
        ("self_service", "callflows/flu.yaml", "start: nowhere\n", "flu"),
        ("announce", "callflows/prompts/en.yaml", "  bye: Bye.\n", "bye"),
    ],
)
def test_a_name_is_offered_once_it_is_there_whatever_else_is_wrong(
    route: str, path: str, added: str, name: str
) -> None:
    def offered(names: Names) -> set[str]:
        return set(schema_of("rules", names)["definitions"]["then"]["properties"][route]["enum"])

    more = known_names({**SHIPPED, path: SHIPPED.get(path, "") + added})
    assert offered(more) - offered(NAMES) == {name}


# ---------------------------------------------------------------- what is right


@pytest.mark.parametrize("path", sorted(SHIPPED))
def test_every_shipped_file_tells_an_editor_where_to_look(path: str) -> None:
    found = re.match(r"# yaml-language-server: \$schema=(\S+)\n", SHIPPED[path])
    assert found
    assert (ROOT / path).parent.joinpath(found[1]).resolve() == ROOT / f"docs/schema/{kind_of(path)}.json"


@pytest.mark.parametrize("path", sorted(SHIPPED))
def test_nothing_we_ship_is_underlined(path: str) -> None:
    assert not underlined(path, SHIPPED[path])


@pytest.mark.parametrize("file", GOOD, ids=lambda file: file.stem)
def test_nothing_good_is_underlined(file: Path) -> None:
    path, text = written_in(file)
    lab = SHIPPED["config/policies.yaml"].replace("transfers: {}", 'transfers: {lab: {number: "+12025550199"}}')
    others = {"config/policies.yaml": lab, "callflows/recordings/fr/au_revoir.wav": "sha256 0"}
    _, problems = read_pharmacy({**SHIPPED, **others, path: text}, [], 2026, path)
    assert not [str(problem) for problem in problems if problem.file == path and problem.severity == "error"]
    assert not underlined(path, text)


@pytest.mark.parametrize(
    ("path", "example"),
    [
        ("callflows/flu_shots.yaml", FLOWS[0]),
        ("callflows/prompts/es.yaml", FLOWS[5]),
        *(("routing_rules/main.yaml", "version: 1\n" + example.removeprefix("version: 1\n")) for example in RULES),
    ],
)
def test_nothing_in_the_guides_is_underlined(path: str, example: str) -> None:
    assert not underlined(path, example)


@pytest.mark.parametrize("file", GOOD, ids=lambda file: file.stem)
def test_every_field_stands_in_a_good_file(file: Path) -> None:
    path, text = written_in(file)
    used = {key.text for item in items(read(text)) for key, _ in item.pairs}
    known = {name for _, shape in walk(schema_of(kind_of(path), NAMES)) for name in shape.get("properties", {})}
    itself = schema_of("prompts", NAMES)["properties"]["prompts"]["properties"]
    assert known - used - set(itself) - set(FACTS) - set(NAMES.sites or ()) - {"not"} == set()


def items(item: Item) -> Iterator[Item]:
    yield item
    for inner in (*item.items, *(value for _, value in item.pairs)):
        yield from items(inner)


# ---------------------------------------------------------------- what is wrong

# The lines on which an editor sees a mistake while the file is written. The rest of what is wrong in them takes other
# files, the whole graph, or what stands elsewhere in the file.
SEEN: Mapping[str, set[int]] = {
    "calls_that_cannot_be": {9},
    "dictated": {11, 12},
    "durations": {6, 9, 12, 16},
    "facts": {3, 4, 5},
    "flow": {6, 11, 12, 13, 15, 16},
    "flow_deeds": {8, 10, 11, 12, 13, 14, 15},
    "holidays_nobody_knows": {6},
    "hours": {3, 4, 8},
    "lines": {3, 4},
    "medicines": {4, 7, 8, 9},
    "nothing_written": {3, 5, 6, 7, 9, 10, 12},
    "policies": {2, 3, 4, 5, 6},
    "policies_of_keeping": {5, 7, 8, 9},
    "policies_of_callbacks": {3, 4, 5, 6, 7, 8, 9, 10, 11},
    "queues": {3, 4, 5, 7},
    "ranges_of_numbers": {14, 20},
    "routes": {6, 9, 12, 15, 18, 19},
    "sites": {4, 5},
    "six_options": {9},  # a sixth is right where one of them is an emergency
    "speech": {3, 6, 7, 10, 12},
    "staff": {5, 7},
    "transcripts": {2},
    "times_and_days": {8, 11, 14, 20},
    "unknown_queue": {6},
    "unknown_words": {5, 6},
    "voice": {2, 3, 5, 7},
    "yes_and_no": {5, 6},
}
TOLD_LATER = {"hours": {4}}  # a site nobody knows, which `ivr check` tells once the week of the other can be read
# No YAML at all, which every editor says by itself; or it repeats another place, which an editor follows.
NOT_FOR_A_SCHEMA = {"empty", "prompts_in_braces", "tabs", "two_documents", "unclosed", "yaml_tricks"}


@pytest.mark.parametrize(
    "file", [file for file in BAD if file.stem not in NOT_FOR_A_SCHEMA], ids=lambda file: file.stem
)
def test_an_editor_underlines_what_it_can_see_and_nothing_that_is_right(file: Path) -> None:
    path, text = written_in(file)
    wrong = {int(line[3:].partition(":")[0]) for line in text.split("\n") if line.startswith("#! ")}
    found = underlined(path, text)
    assert found <= wrong | TOLD_LATER.get(file.stem, set())
    assert found == SEEN.get(file.stem, set())


# ---------------------------------------------------------------- it agrees with `ivr check`

PLACES: list[tuple[str, str, tuple[str, ...]]] = [
    ("routing_rules/a.yaml", "@", ()),
    ("routing_rules/a.yaml", "rules: [@]", ()),
    ("routing_rules/a.yaml", "rules: [{when: @}]", ()),
    ("routing_rules/a.yaml", "rules: [{then: @}]", ROUTES),
    ("routing_rules/a.yaml", "otherwise: @", ROUTES),
    ("routing_rules/a.yaml", "always: [@]", ()),
    ("routing_rules/a.yaml", "always: [{must: @}]", ()),
    ("routing_rules/a.yaml", "never: [@]", ()),
    ("routing_rules/a.yaml", "never: [{must_not: @}]", ()),
    ("routing_rules/a.yaml", "examples: [@]", ()),
    ("routing_rules/a.yaml", "examples: [{call: @}]", ()),
    ("routing_rules/a.yaml", "examples: [{expect: @}]", ()),
    ("callflows/a.yaml", "@", ()),
    ("callflows/a.yaml", "nodes: {a: @}", tuple(NODE_KINDS)),
    ("callflows/a.yaml", "nodes: {a: {choose: [@]}}", ()),
    ("callflows/a.yaml", "nodes: {a: {choose: [{when: @}]}}", ()),
    ("callflows/a.yaml", "nodes: {a: {menu: a, options: {1: @}}}", ()),
    ("callflows/a.yaml", "nodes: {a: {menu: a, options: {1: {set: @}}}}", ()),
    ("callflows/prompts/en.yaml", "@", ()),
    ("callflows/prompts/en.yaml", "prompts: {a: @}", ()),
    ("callflows/speech/en.yaml", "@", ()),
    ("callflows/speech/en.yaml", "red_flags: @", ()),
    ("callflows/speech/en.yaml", "intents: @", ()),
    ("config/lines.yaml", "@", ()),
    ("config/lines.yaml", "lines: {a: @}", ()),
    ("config/sites.yaml", "@", ()),
    ("config/sites.yaml", "sites: {a: @}", ()),
    ("config/queues.yaml", "@", ()),
    ("config/queues.yaml", "queues: {a: @}", ()),
    ("config/queues.yaml", "queues: {a: {keep_free: @}}", ()),
    ("config/queues.yaml", "queues: {a: {plan: [@]}}", ()),
    ("config/queues.yaml", "queues: {a: {codes: [@]}}", ()),
    ("config/hours.yaml", "@", ()),
    ("config/hours.yaml", "hours: {a: @}", ()),
    ("config/hours.yaml", "holidays: @", ()),
    ("config/hours.yaml", "holidays: {also: [@]}", ()),
    ("config/hours.yaml", "holidays: {closed_days: [@]}", ()),
    ("config/staff.yaml", "@", ()),
    ("config/staff.yaml", "agents: [@]", ()),
    ("config/policies.yaml", "@", ()),
    ("config/policies.yaml", "offers: @", ()),
    ("config/policies.yaml", "callbacks: @", ()),
    ("config/policies.yaml", "recording: @", ()),
    ("config/policies.yaml", "keep: @", ()),
    ("config/policies.yaml", "retention: @", ()),
    ("config/policies.yaml", "transfers: {a: @}", ()),
    ("config/policies.yaml", "identity: @", ()),
    ("config/policies.yaml", "transcripts: @", ()),
    ("config/medicines.yaml", "@", ()),
    ("config/medicines.yaml", "look_alikes: @", ()),
    ("config/medicines.yaml", "controlled: @", ()),
    ("config/facts.yaml", "@", ()),
    ("config/facts.yaml", "facts: {a: @}", ()),
]
"""Every place with fields of its own, marked @, and the keys that say which of its fields go together there."""
CHOSEN = [(path, place, key) for path, place, keys in PLACES for key in keys or ("",)]


def words_of_the_reader() -> list[str]:
    """Return the plain words in the code that reads files; the keys it takes are among them."""
    code = [*(ROOT / "ivr/content").glob("*.py"), *(ROOT / "ivr/core").glob("*.py")]
    nodes = [node for path in code for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    texts = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return sorted({word for text in texts if re.fullmatch("[a-z_ ]+", text) for word in text.split() if word != "_"})


WORDS = words_of_the_reader()


def inside(shape: Shape, step: str | None, whole: Shape) -> Shape:
    """Return what stands at a key, or for None in a list."""
    for part in (shape, shape.get("else", {})):
        if step is None and "items" in part:
            return resolved(part["items"], whole)
        named = [*part.get("patternProperties", {}).values(), part.get("additionalProperties")]
        found = part.get("properties", {}).get(step) or next((each for each in named if each), None)
        if found and step is not None:
            return resolved(found, whole)
    raise KeyError(step)


def shape_at(path: str, place: str) -> Shape:
    """Return the fields an editor knows at the place marked @."""
    whole = schema_of(kind_of(path), known_names({}))
    shape, item = whole, read(place.replace("@", '"@"'))
    while item.text != "@":
        key, item = (None, item.items[0]) if item.kind == "list" else item.pairs[-1]
        shape = inside(shape, key.text if key else None, whole)
    return shape if "properties" in shape else shape["else"]


def told_at(path: str, place: str, fields: str) -> list[tuple[int, str]]:
    """Return the columns and messages of what `ivr check` says of a file with these fields at a place."""
    _, problems = read_pharmacy({path: place.replace("@", fields)}, [], 2026, path)
    return [(problem.column, problem.message) for problem in problems if problem.file == path]


@pytest.mark.parametrize(("path", "place", "chosen"), CHOSEN)
def test_an_editor_knows_the_fields_that_are_read_and_no_others(path: str, place: str, chosen: str) -> None:
    others = next(keys for at, where, keys in PLACES if (at, where) == (path, place))
    tried = [word for word in WORDS if word == chosen or word not in others]
    start, columns = place.index("@") + 2, dict[str, int]()
    for word in tried:
        columns[word] = start + sum(len(before) + 5 for before in columns)
    refused = {column for column, _ in told_at(path, place, "{" + ", ".join(f"{word}: x" for word in tried) + "}")}

    shape = shape_at(path, place)
    beside = shape.get("dependencies", {}).get(chosen, {}).get("properties", {})
    known = {key for key in shape["properties"] if beside.get(key) is not False}
    assert {word for word in tried if columns[word] not in refused} == known


@pytest.mark.parametrize(("path", "place", "chosen"), CHOSEN)
def test_an_editor_asks_for_the_fields_that_are_needed_and_no_others(path: str, place: str, chosen: str) -> None:
    told = told_at(path, place, f"{{{chosen}: x}}" if chosen else "{}")
    here = place.index("@") + 1
    missing = {key for column, message in told if column == here for key in re.findall(r"needs `(\w+)`", message)}

    shape = shape_at(path, place)
    assert missing == {*shape.get("required", ()), *shape.get("dependencies", {}).get(chosen, {}).get("required", ())}


@pytest.mark.parametrize("kind", FILES)
def test_no_fields_are_left_out_of_these_tests(kind: str) -> None:
    tried = {frozenset(shape_at(path, place)["properties"]) for path, place, _ in PLACES if kind_of(path) == kind}
    shapes_of_it = [shape for _, shape in walk(schema_of(kind, known_names({}))) if "properties" in shape]
    fields = {frozenset(shape["properties"]) for shape in shapes_of_it if shape["additionalProperties"] is False}
    assert fields - tried <= {frozenset({"not"}), frozenset()}


FORMS: Mapping[str, tuple[shapes.Single, Callable[[str], object], list[str]]] = {
    "flag": (shapes.FLAG, scalars.flag, ["yes", "no"]),
    "version": (shapes.VERSION, scalars.version, ["1"]),
    "whole": (shapes.whole(1, 32), scalars.whole(1, 32), ["1", "32", "10"]),
    "duration": (shapes.DURATION, scalars.duration, ["30s", "5m", "2h", "1m 30s", "100h 59m"]),
    "promise": (shapes.PROMISE, scalars.promise, ["now", "30s", "1m 30s"]),
    "times": (shapes.TIMES, scalars.time_range, ["08:00 to 20:00", "22:00 to 06:00", "19:59 to 24:00"]),
    "phone": (shapes.PHONE, scalars.phone, ["+12025550101", "+34911234567"]),
    "language": (shapes.LANGUAGE, scalars.language, ["en", "es", "no", "yue"]),
    "day": (shapes.DAY, scalars.day, ["2026-12-24", "2028-02-29"]),
    "day of the year": (shapes.DAY_OF_YEAR, scalars.day_of_year, ["12-24", "02-29"]),
}
NEAR = "0123456789:+- smhontwyeac"


@st.composite
def nearly(draw: st.DrawFn, samples: list[str]) -> str:
    """Return something written nearly, or just, as it should be."""
    text = draw(st.sampled_from(samples))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.text(NEAR, max_size=1)) + text[at + draw(st.integers(0, 1)) :]
    return text.strip()


def taken(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except Wrong:
        return False
    return True


@pytest.mark.parametrize("form", FORMS)
@given(st.data())
def test_an_editor_refuses_no_value_that_is_taken(form: str, data: st.DataObject) -> None:
    single, parse, samples = FORMS[form]
    text = data.draw(nearly(samples))
    shape = jsonschema_rs.Draft7Validator(single.alone("It."))
    if taken(parse, text):
        assert shape.is_valid(text)
        assert shape.is_valid(plain(text))


def condition(fact: str, text: str) -> object:
    return read_when(read(f"{{{fact}: '{text}'}}"), NAMES.facts)


RANGES = {
    "days_left": ["at most 2", "below 3", "-30 to 400", "-7", "0", "unknown"],
    "time": ["22:00 to 06:00", "08:30", "unknown", "00:00 to 24:00"],
    "weekday": ["mon", "fri to mon", "unknown"],
    "open": ["yes", "no", "unknown"],
    "intent": ["refill_request", "unknown"],
}


@pytest.mark.parametrize("fact", RANGES)
@given(st.data())
def test_an_editor_refuses_no_condition_that_is_taken(fact: str, data: st.DataObject) -> None:
    text = data.draw(nearly(RANGES[fact]))
    if taken(lambda told: condition(fact, told), text):
        for written in ({fact: text}, {fact: plain(text)}, {fact: [text]}, {fact: {"not": [plain(text)]}}):
            assert CONDITIONS.is_valid(written)


CONDITIONS = jsonschema_rs.Draft7Validator(facts.when(NAMES.facts))


@pytest.mark.parametrize("fact", sorted(NAMES.facts))
def test_whatever_an_editor_offers_for_a_fact_is_taken(fact: str) -> None:
    offered = [snippet["body"] for snippet in facts.when(NAMES.facts)["properties"][fact]["defaultSnippets"]]
    assert "unknown" in offered
    for words in offered:
        assert condition(fact, words)


# ---------------------------------------------------------------- the command


def run(*arguments: str, content: Path = ROOT) -> Any:
    return CliRunner().invoke(command, [*arguments, "--content", str(content)])


def test_all_are_written_beside_the_content(tmp_path: Path) -> None:
    for path, text in SHIPPED.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    result = run(content=tmp_path)
    assert (result.exit_code, result.stdout) == (0, f"12 files written to {tmp_path}/docs/schema\n")
    written = {file.name: file.read_bytes() for file in (tmp_path / "docs/schema").iterdir()}
    assert written == {file.name: file.read_bytes() for file in (ROOT / "docs/schema").iterdir()}


def test_they_may_be_written_elsewhere(tmp_path: Path) -> None:
    assert run("--out", str(tmp_path / "here")).exit_code == 0
    assert len(list((tmp_path / "here").iterdir())) == len(FILES)


def test_one_may_be_printed() -> None:
    assert run("queues").stdout == as_text("queues", NAMES)


def test_without_content_one_is_printed_with_every_name_left_open(tmp_path: Path) -> None:
    assert run("rules", content=tmp_path / "nowhere").stdout == as_text("rules", Names())


def test_without_content_nothing_is_written(tmp_path: Path) -> None:
    result = run(content=tmp_path)
    assert (result.exit_code, "no rules, flows or configuration" in result.stderr) == (2, True)
    assert not list(tmp_path.iterdir())
