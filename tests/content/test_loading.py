"""Reading the files of a pharmacy: what is read, what is refused, and what comes back later."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ivr.content import ContentProblems, Problem, find_problems, folder, load, load_files
from ivr.content.pharmacy import read_pharmacy
from ivr.content.problems import did_you_mean

ROOT = Path(__file__).parents[2]
SHIPPED, _ = folder.texts(ROOT)
KNOWN = frozenset(map(str, read_pharmacy(SHIPPED, [], 2026)[1]))


def write(files: Mapping[str, str | bytes], to: Path) -> Path:
    for path, text in files.items():
        file = to / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return to


def problems_with(**changes: str) -> list[str]:
    """What is wrong with the changes, apart from what is remarked on without them."""
    return [
        told for problem in read_pharmacy({**SHIPPED, **changes}, [], 2026)[1] if (told := str(problem)) not in KNOWN
    ]


def test_a_stored_version_comes_back_without_the_disk() -> None:
    published = load(ROOT)
    again = load_files(published.files)
    assert again.version == published.version
    assert again.rules == published.rules
    assert again.flows == published.flows
    assert again.files == published.files


def test_every_change_of_a_file_is_another_version() -> None:
    changed = {**SHIPPED, "config/lines.yaml": SHIPPED["config/lines.yaml"] + "\n"}
    assert load_files(changed).version != load_files(SHIPPED).version


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(tmp_path: Path) -> None:
    windows = {path: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode() for path, text in SHIPPED.items()}
    assert load(write(windows, tmp_path)).version == load(ROOT).version


def test_utf_16_is_refused_with_what_to_do(tmp_path: Path) -> None:
    write({**SHIPPED, "config/lines.yaml": SHIPPED["config/lines.yaml"].encode("utf-16")}, tmp_path)
    assert "config/lines.yaml:1:1: this is not UTF-8; save as UTF-8" in map(str, find_problems(tmp_path))


def test_a_file_of_more_than_a_megabyte_is_refused(tmp_path: Path) -> None:
    write({**SHIPPED, "config/lines.yaml": SHIPPED["config/lines.yaml"] + "#" * 1_000_000}, tmp_path)
    told = [problem.message for problem in find_problems(tmp_path) if problem.file == "config/lines.yaml"]
    assert told == [f"the file has {(tmp_path / 'config/lines.yaml').stat().st_size} bytes; 1,000,000 at most are read"]


@pytest.mark.parametrize("name", ["routing_rules/main.yaml", "routing_rules/safety.yaml", "callflows/status.yaml"])
@pytest.mark.parametrize("data", ["version: 1".encode("utf-16"), b"#" * 5_000_000, bytes(range(256)), b"\xe9"])
def test_a_file_without_text_is_one_problem_and_not_one_for_each_who_names_it(
    tmp_path: Path, name: str, data: bytes
) -> None:
    write({**SHIPPED, name: data}, tmp_path)
    errors = [problem for problem in find_problems(tmp_path) if problem.severity == "error"]
    assert [(error.file, error.line, error.column, error.code) for error in errors] == [(name, 1, 1, "syntax")]


@pytest.mark.parametrize("text", ["lines: \x07", "lines: \ud800".encode("utf-8", "surrogatepass"), b"lines: \x00"])
def test_what_is_no_text_is_refused(tmp_path: Path, text: str | bytes) -> None:
    write({**SHIPPED, "config/lines.yaml": text}, tmp_path)
    assert [problem.code for problem in find_problems(tmp_path) if problem.file == "config/lines.yaml"] == ["syntax"]


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85"])
def test_an_invisible_line_break_is_told_where_it_stands(separator: str) -> None:
    text = SHIPPED["config/sites.yaml"].replace("Central Pharmacy", f"Central{separator}Pharmacy")
    assert problems_with(**{"config/sites.yaml": text})[0] == (
        "config/sites.yaml:4:18: an invisible line break stands here; delete it and press enter"
    )


def test_columns_count_characters() -> None:
    rules = "version: 1\nrules:\n  - {name: ¡Señor 📞!, then: {queue: refils}}\notherwise: {queue: refills}\n"
    (told,) = problems_with(**{"routing_rules/main.yaml": rules})
    assert told.startswith("routing_rules/main.yaml:3:37: no queue")


def test_a_link_out_of_the_rules_is_refused(tmp_path: Path) -> None:
    write(SHIPPED, tmp_path)
    (tmp_path / "routing_rules/elsewhere.yaml").symlink_to(ROOT / "config/lines.yaml")
    assert "routing_rules/elsewhere.yaml:1:1: the link leads out of routing_rules/" in map(str, find_problems(tmp_path))


def test_a_folder_that_is_not_there_is_no_content(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nowhere")


def test_files_that_are_missing_are_told_by_name(tmp_path: Path) -> None:
    missing = {problem.file for problem in find_problems(tmp_path) if problem.code == "missing"}
    assert missing == {f"config/{name}.yaml" for name in ("lines", "sites", "queues", "hours", "staff", "policies")}


def test_own_facts_may_be_left_out() -> None:
    files = {path: text for path, text in SHIPPED.items() if path != "config/facts.yaml"}
    plain = {path: re.sub(r"medication_class: (\[[^]]*]|\w+)", "caller: patient", text) for path, text in files.items()}
    assert load_files(plain).version
    with pytest.raises(ContentProblems, match='medication_class is never "cold_chain"; it has no values but unknown'):
        load_files(files)


def test_a_file_nobody_reads_gets_a_remark(tmp_path: Path) -> None:
    extra = {"config/queue.yaml": "queues: {}\n", "config/staff.yml": "", "routing_rules/old.yaml": "rules: oops\n"}
    found = find_problems(write({**SHIPPED, **extra}, tmp_path))
    assert [told for problem in found if problem.code == "remark" and (told := str(problem)) not in KNOWN] == [
        'config/queue.yaml:1:1: nothing reads this file; did you mean "queues"?',
        "config/staff.yml:1:1: this is not read; end its name with .yaml",
        "routing_rules/old.yaml:1:1: no line uses this file, so it is not read",
    ]
    assert load(tmp_path).version


def test_a_file_by_itself_is_read_as_if_a_line_used_it(tmp_path: Path) -> None:
    old = "version: 1\nextends: safety.yaml\nrules:\n  - name: A\n    then: {queue: refils}\n"
    write({**SHIPPED, "routing_rules/old.yaml": old}, tmp_path)
    assert [str(problem) for problem in find_problems(tmp_path, "routing_rules/old.yaml")] == [
        "routing_rules/old.yaml:1:1: where does a call go that no rule fits? add `otherwise`",
        'routing_rules/old.yaml:5:19: no queue is called "refils"; did you mean "refills"?',
    ]


def test_the_files_it_extends_are_looked_at_too(tmp_path: Path) -> None:
    safety = SHIPPED["routing_rules/safety.yaml"].replace("queue: pharmacist", "queue: farmacist", 1)
    write({**SHIPPED, "routing_rules/safety.yaml": safety}, tmp_path)
    told = [str(problem) for problem in find_problems(tmp_path, "routing_rules/main.yaml")]
    assert told == ['routing_rules/safety.yaml:9:19: no queue is called "farmacist"; did you mean "pharmacist"?']


def test_parents_rules_come_first_and_the_nearest_otherwise_stands() -> None:
    rules = load(ROOT).rules["prescribers.yaml"]
    assert [rule.name for rule in rules.rules] == ["Emergency", "Possible emergency", "Closed", "Clinical question"]
    assert rules.otherwise.then.target == "verification"
    assert rules.rules[0].file == "routing_rules/safety.yaml"


def test_names_are_unique_over_the_files_a_line_uses() -> None:
    text = SHIPPED["routing_rules/prescribers.yaml"].replace("name: Closed", "name: Emergency")
    (told,) = problems_with(**{"routing_rules/prescribers.yaml": text})
    assert told.startswith("routing_rules/prescribers.yaml:7:11: ")
    assert told.endswith('a rule on line 6 of routing_rules/safety.yaml is called "Emergency" already')


def test_a_circle_of_files_is_told_once() -> None:
    text = SHIPPED["routing_rules/safety.yaml"].replace("version: 1", "version: 1\nextends: main.yaml")
    assert problems_with(**{"routing_rules/safety.yaml": text}) == [
        "routing_rules/safety.yaml:4:10: routing_rules/main.yaml extends this file in turn; one of them has to stop"
    ]


def test_no_cannot_be_a_promise_but_is_a_flag() -> None:
    rules = load(ROOT).rules["main.yaml"].rules
    assert next(rule for rule in rules if rule.name == "Late cold-chain parcel").then.offer_callback is False


def test_all_problems_are_told_at_once_in_order() -> None:
    changes = {
        "config/queues.yaml": SHIPPED["config/queues.yaml"].replace("nobody: on_call", "nobody: on_kall"),
        "routing_rules/main.yaml": SHIPPED["routing_rules/main.yaml"].replace("queue: billing", "queue: biling"),
        "callflows/main.yaml": SHIPPED["callflows/main.yaml"].replace("then: menu", "then: men"),
    }
    files = [problem.partition(":")[0] for problem in problems_with(**changes)]
    assert set(files) == set(changes)
    assert files == sorted(files)


def test_a_refusal_reads_like_its_problems() -> None:
    with pytest.raises(ContentProblems) as refused:
        load_files({**SHIPPED, "config/lines.yaml": "lines: {}"})
    assert str(refused.value) == "config/lines.yaml:1:1: a pharmacy needs a line to be called on"
    assert isinstance(refused.value.problems[0], Problem)


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("refils", ["refills", "billing"], '; did you mean "refills"?'),
        ("Refill-Request", ["refill_request"], '; did you mean "refill_request"?'),
        ("xyz", ["refills"], ""),
        ("anything", [], ""),
    ],
)
def test_near_words_are_suggested(word: str, known: list[str], hint: str) -> None:
    assert did_you_mean(word, known) == hint


def test_a_thousand_rules_are_read_in_good_time() -> None:
    rules = "".join(
        f"  - name: Rule {n}\n    when: {{intent: refill_request, days_left: {n % 400}, repeat_calls: {n % 50}}}\n"
        f"    then: {{queue: refills, answer_within: {n + 1}s}}\n"
        for n in range(1_000)
    )
    text = f"version: 1\nextends: safety.yaml\nrules:\n{rules}otherwise: {{queue: front_desk}}\n"
    started = time.process_time()  # of its own, however busy the machine is
    assert len(load_files({**SHIPPED, "routing_rules/main.yaml": text}).rules["main.yaml"].rules) == 1_002
    assert time.process_time() - started < 5


# ---------------------------------------------------------------- laws

LINES = [(path, number) for path, text in SHIPPED.items() for number in range(text.count("\n"))]
SPOILED = ["", "- x", "  : :", "\tx: 1", "{", "key: &a [1, {b: 2}]", "nobody: ~", "when: {not: {not: x}}", "'", "📞: 1"]


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(LINES), st.sampled_from(SPOILED))
def test_whatever_happens_to_a_line_there_are_problems_and_never_a_crash(line: tuple[str, int], spoiled: str) -> None:
    path, number = line
    lines = SHIPPED[path].split("\n")
    lines[number] = spoiled
    pharmacy, problems = read_pharmacy({**SHIPPED, path: "\n".join(lines)}, [], 2026)
    assert (pharmacy is None) == any(problem.severity == "error" for problem in problems)
    for problem in problems:
        text = SHIPPED[problem.file].split("\n") if problem.file != path else lines
        assert 1 <= problem.line <= len(text) + 1
        assert problem.column >= 1


BITS = ["\t", " ", ":", ": ", "#", " #", "-", "- ", "{", "}", "[", "]", "'", '"', "&a", "*a", "!!int", "<<", "|", ">"]
BITS += [
    "~",
    "null",
    "0",
    "no",
    "---\n",
    "...\n",
    "%YAML 1.1\n",
    "\ufeff",
    "\u2028",
    "\x00",
    "\x1b",
    "é",
    "📞",
    "9" * 30,
]


@st.composite
def damaged(draw: st.DrawFn, text: str) -> str:
    """A file after somebody's cat walked over it: lines doubled, dropped and swapped, letters lost and put in."""
    for _ in range(draw(st.integers(1, 4))):
        lines = text.split("\n")
        one, other = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
        column = draw(st.integers(0, len(lines[one])))
        match draw(st.sampled_from(["double", "drop", "swap", "lose", "put in", "indent"])):
            case "double":
                lines.insert(one, lines[other])
            case "drop":
                del lines[one]
            case "swap":
                lines[one], lines[other] = lines[other], lines[one]
            case "lose":
                lines[one] = lines[one][:column] + lines[one][column + draw(st.integers(1, 5)) :]
            case "put in":
                bit = draw(st.sampled_from(BITS) | st.characters())
                lines[one] = lines[one][:column] + bit + lines[one][column:]
            case _:
                lines[one] = " " * draw(st.integers(1, 3)) + lines[one]
        text = "\n".join(lines) or "\n"
    return text


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.reuse, Phase.generate))
@given(path=st.sampled_from(sorted(SHIPPED)), proof_seconds=st.sampled_from([None, None, 5.0]), data=st.data())
def test_a_damaged_file_is_read_or_refused_with_its_places(
    path: str, proof_seconds: float | None, data: st.DataObject
) -> None:
    text = data.draw(damaged(SHIPPED[path]))
    read = folder.as_text(text.encode("utf-8", "surrogatepass"))
    if read is None:
        return
    pharmacy, problems = read_pharmacy({**SHIPPED, path: read}, [], 2026, proof_seconds=proof_seconds)
    assert (pharmacy is None) == any(problem.severity == "error" for problem in problems)
    for problem in problems:
        lines = (read if problem.file == path else SHIPPED[problem.file]).split("\n")
        assert problem.message.strip()
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(sorted(SHIPPED)), st.text(max_size=60))
def test_any_text_at_all_is_read_or_refused(path: str, text: str) -> None:
    pharmacy, problems = read_pharmacy({**SHIPPED, path: text}, [], 2026)
    assert (pharmacy is None) == any(problem.severity == "error" for problem in problems)
