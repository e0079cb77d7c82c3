"""`ivr explain`: where a call goes and why, and for every rule it did not take, why not.

A call is told as facts, fetched from the record by its id, or comes in a stream of JSON lines.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ivr.content import Problem, Routing, folder, load_routing, read_routing
from ivr.content.conditions import call_facts, call_in
from ivr.content.problems import did_you_mean
from ivr.content.rules import FOLDER
from ivr.content.scalars import duration_text
from ivr.content.written import Wrong
from ivr.core.meaning import grounds_told
from ivr.core.router import Router
from ivr.core.rules import Decision, Fact, Grounds, Reason, Rule, Value, as_written, passed_over
from ivr.office import wording
from ivr.settings import Settings
from ivr.store import JournalLine, Record

NARROWEST = 110  # a narrow terminal may break lines, but no reason into a column of single words


class Nobody(click.ClickException):
    """A fact, a rule or a call is one nobody knows."""

    exit_code = 1


class CannotExplain(click.ClickException):
    """There are no rules to explain by."""

    exit_code = 2


@click.command("explain")
@click.argument("call", nargs=-1, metavar="[CALL_ID | FACT=VALUE ...]")
@click.option("--line", metavar="NAME", help="By the rules of this line; else of the call's own, else of the first.")
@click.option("--rules", "file", metavar="FILE", help="By this file, read as if a line used it; it may lie anywhere.")
@click.option("--why-not", metavar="RULE", help="Only why this rule was not taken.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.option("--jsonl", "stream", is_flag=True, help="One call a line on standard input, as JSON; one answer a line.")
@click.option("--content", type=click.Path(path_type=Path), help="The content folder; else RXLINE_CONTENT.")
@click.pass_context
def command(
    context: click.Context,
    call: tuple[str, ...],
    line: str | None,
    file: str | None,
    why_not: str | None,
    as_json: bool,
    stream: bool,
    content: Path | None,
) -> None:
    """Say where a call goes and why, and for each rule it passed over the first thing that did not fit.

    A call is told as facts (intent=refill_request open=yes; what is left out is unknown), or by the id of a call that
    was: each of its decisions is then explained by the rules of that day, whatever has become of them since.
    Exits with 0; with 1 when a fact, a rule or a call is one nobody knows; with 2 when the rules cannot be read.
    """
    asked = Asked(content or Path(os.environ.get("RXLINE_CONTENT") or "."), line, file)
    if stream:
        context.exit(_answer_stream(asked.rules()))
    explained = _explained(call, asked)
    if why_not is not None:
        told: Any = [_why_not(one, why_not) for one in explained]
        _show_json(told, call) if as_json else _show_why_not(told)
    elif as_json:
        _show_json([_whole(one) for one in explained], call)
    else:
        _show(explained)


# ---------------------------------------------------------------- the rules that are asked


class Rulebook:
    """One version of the rules, and which file of it decides a call."""

    def __init__(self, routing: Routing, file: str | None = None) -> None:
        self.version = routing.version
        self._routing, self._file = routing, file
        self._routers: dict[str, Router] = {}

    def router(self, line: Value | None = None) -> Router:
        """Return what decides the calls of a line, None for the first; raises LookupError when it cannot be read."""
        lines = self._routing.lines
        if self._file is not None or not lines:
            return self.by_file(self._file or "")
        return self.by_file((lines.get(str(line)) or next(iter(lines.values()))).rules)

    def by_file(self, name: str) -> Router:
        """Return what decides by a file of rules; raises LookupError when it cannot be read."""
        if name not in self._routers:
            self._routers[name] = Router(self._routing.rules[name], self._routing.queues)
        return self._routers[name]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which rules were asked for, by the content folder and the options."""

    content: Path
    line: str | None
    file: str | None

    @property
    def chosen(self) -> bool:
        """Whether rules were asked for by name, rather than those a call came under."""
        return self.line is not None or self.file is not None

    def rules(self) -> Rulebook:
        """Read them as they are on disk now; raises CannotExplain."""
        try:
            only = folder.named(self.content, self.file) if self.file else None
            routing, problems = load_routing(self.content, only)
        except OSError as error:
            raise CannotExplain(str(error)) from None
        return self._usable(routing, problems, only)

    def _usable(self, routing: Routing, problems: Iterable[Problem], only: str | None) -> Rulebook:
        if self.line is not None and routing.lines and self.line not in routing.lines:
            raise CannotExplain(f'no line is called "{self.line}"{did_you_mean(self.line, routing.lines)}')
        line = routing.lines.get(self.line or "")
        rules = Rulebook(routing, only.removeprefix(FOLDER) if only else line.rules if line else None)
        try:
            rules.router()
        except LookupError:
            for problem in problems:
                click.echo(f"{problem}", err=True)
            raise CannotExplain("these rules cannot be read, so nobody can say where a call goes") from None
        return rules


# ---------------------------------------------------------------- one call


@dataclass(frozen=True, slots=True)
class Explained:
    """One decision and everything that is said about it."""

    grounds: Grounds
    router: Router
    version: str
    at: datetime | None = None  # of a call that was

    @property
    def decision(self) -> Decision:
        return self.router.decide(self.grounds.facts, person_only=self.grounds.person_only)

    @property
    def reasons(self) -> tuple[Reason, ...]:
        return self.router.why(self.grounds.facts, person_only=self.grounds.person_only)

    @property
    def facts(self) -> dict[str, Value]:
        """The facts as the format writes them."""
        known = self.router.rules.facts
        return {name: _as_told(known[name], value) for name, value in self.grounds.facts.items() if name in known}


def _as_told(fact: Fact, value: Value) -> Value:
    return as_written(fact, value) if fact.kind == "time" else value


def _explained(call: Sequence[str], asked: Asked) -> list[Explained]:
    if len(call) == 1 and "=" not in call[0]:
        return _past(call[0], asked)
    if not call:
        raise click.UsageError("say what is known of the call, as in intent=refill_request open=yes, or give its id")
    rules = asked.rules()
    told = _pairs(call)
    router = rules.router(told.get("line"))
    try:
        facts = call_facts(told, router.rules.facts)
    except Wrong as wrong:
        raise Nobody(wrong.message) from None
    return [Explained(Grounds(router.rules.name, facts), router, rules.version)]


def _pairs(call: Sequence[str]) -> dict[str, str]:
    told: dict[str, str] = {}
    for word in call:
        name, equals, value = word.partition("=")
        if not equals:
            raise Nobody(f'"{word}" is no fact; write it as fact=value, as in open=yes')
        if name in told:
            raise Nobody(f"{name} is told twice; a call has one of each")
        told[name] = value
    return told


def _past(call_id: str, asked: Asked) -> list[Explained]:
    """Explain each decision of a call by the rules it was taken by, or by those asked for instead."""
    settings = Settings.from_environment()
    with contextlib.closing(Record.from_settings(settings)) as record:
        journal = record.journal(call_id)
        if not journal:
            raise Nobody(f"no call is called `{call_id}`; `ivr dispositions` lists the last ones")
        rules = asked.rules() if asked.chosen else None
        versions = {line.version: rules or _kept(record, line.version) for line in journal}
    decided = [(line, grounds) for line in journal for grounds in grounds_told(json.loads(line.event))]
    return [_again(line, grounds, versions[line.version], other=rules is not None) for line, grounds in decided]


def _kept(record: Record, version: str) -> Rulebook:
    files = record.published.load_version(version)
    if files is None:
        raise CannotExplain(f"the rules of that day (version {version[:12]}) are not kept; choose others with --rules")
    return Rulebook(read_routing(files, [])[0])


def _again(line: JournalLine, grounds: Grounds, rules: Rulebook, *, other: bool) -> Explained:
    try:
        router = rules.router() if other else rules.by_file(grounds.rules)
    except LookupError:
        raise CannotExplain(f"{grounds.rules} of version {line.version[:12]} cannot be read by this release") from None
    return Explained(grounds, router, rules.version, line.at)


# ---------------------------------------------------------------- why not


def _why_not(one: Explained, name: str) -> dict[str, Any]:
    """Return what is said of one rule; raises Nobody when no rule has that name."""
    rules = one.router.rules
    rule = next((rule for rule in (*rules.rules, rules.otherwise) if rule.name == name), None)
    if rule is None:
        raise Nobody(f'no rule is called "{name}"{did_you_mean(name, [rule.name for rule in rules.rules])}')
    failed = passed_over(rule, one.grounds.facts, person_only=one.grounds.person_only and rule is not rules.otherwise)
    taken = one.reasons[-1]
    return {
        **_place(rule),
        "fits": failed is None,
        "taken": (taken.file, taken.line) == (rule.file, rule.line),
        "because": failed or _although_it_fits(rule, taken),
    }


def _although_it_fits(rule: Rule, taken: Reason) -> str:
    if (taken.file, taken.line) == (rule.file, rule.line):
        return f"it was taken: {taken.because}"
    return f'it fits, but "{taken.rule}" ({taken.file}:{taken.line}) above it was taken first'


def _place(of: Rule | Reason) -> dict[str, Any]:
    return {"rule": of.rule if isinstance(of, Reason) else of.name, "file": of.file, "line": of.line}


# ---------------------------------------------------------------- for machines


def answer(decision: Decision) -> dict[str, Any]:
    """Return a decision as JSON has it: parts that have no value are left out, and `rule` is null for otherwise."""
    told = wording.for_machines(decision)
    return {"rule": decision.rule, "file": decision.file, "line": decision.line, "decision": told}


def _whole(one: Explained) -> dict[str, Any]:
    *passed, taken = one.reasons
    return {
        **({"at": one.at.isoformat()} if one.at else {}),
        **answer(one.decision),
        "version": one.version,
        "facts": one.facts,
        "because": taken.because,
        "passed_over": [{**_place(reason), "because": reason.because} for reason in passed],
    }


def _show_json(told: Sequence[Mapping[str, Any]], call: Sequence[str]) -> None:
    past = len(call) == 1 and "=" not in call[0]
    click.echo(json.dumps({"call": call[0], "decisions": told} if past else told[0], indent=1, ensure_ascii=False))


def _answer_stream(rules: Rulebook) -> int:
    """Answer each line of standard input, and return whether one of them could be no call."""
    failed = False
    for line in sys.stdin.buffer:
        try:
            told = _answer_to(rules, line)
        except Wrong as wrong:
            told, failed = json.dumps({"error": wrong.message}, ensure_ascii=False), True
        sys.stdout.buffer.write(f"{told}\n".encode())
        sys.stdout.buffer.flush()  # whoever writes one call may wait for its answer before the next
    return int(failed)


def _answer_to(rules: Rulebook, line: bytes) -> str:
    call = call_in(line)
    router = rules.router(call.get("line"))
    return _answer_text(router.decide(call_facts(call, router.rules.facts)))


@cache
def _answer_text(decision: Decision) -> str:
    return json.dumps(answer(decision), ensure_ascii=False)


# ---------------------------------------------------------------- for people


def _show(explained: Sequence[Explained]) -> None:
    if not explained:
        click.echo("the call ended before the rules were asked where it goes")
    console = Console(width=max(Console().width, NARROWEST), highlight=False)
    for one in explained:
        *passed, taken = one.reasons
        when = f"{one.at:%Y-%m-%d %H:%M:%S} UTC, " if one.at else ""
        console.print(Text(taken.rule, "bold"), Text(f"  {taken.file}:{taken.line}", "dim"))
        console.print(Text(f"→ {_spoken(one.decision)}", "green"))
        console.print(Text(f"because {taken.because}"))
        console.print(Text(f"{when}version {one.version[:12]}, facts: {_listed(one)}", "dim"))
        if passed:
            console.print(_passed_over(passed))
        console.print()


def _listed(one: Explained) -> str:
    told = [f"{name} {value}" for name, value in one.facts.items()]
    return ", ".join([*told, *(["the caller asked for a person"] if one.grounds.person_only else [])]) or "none"


def _passed_over(reasons: Iterable[Reason]) -> Table:
    table = Table(title="passed over", title_justify="left", box=None, show_header=False)
    for reason in reasons:
        table.add_row(Text(reason.rule), Text(f"{reason.file}:{reason.line}", "dim"), Text(reason.because))
    return table


def _spoken(decision: Decision) -> str:
    parts = [f"{decision.route}: {decision.target}"]
    if decision.answer_within_seconds is not None:
        parts.append(f"answer_within: {duration_text(decision.answer_within_seconds)}")
    if decision.needs:
        parts.append(f"needs: [{', '.join(decision.needs)}]")
    for name, flag in (("offer_callback", decision.offer_callback), ("record", decision.record)):
        if flag is not None:
            parts.append(f"{name}: {'yes' if flag else 'no'}")
    return ", ".join(parts)


def _show_why_not(told: Iterable[Mapping[str, Any]]) -> None:
    for one in told:
        click.echo(f"{one['rule']} ({one['file']}:{one['line']}): {one['because']}")
