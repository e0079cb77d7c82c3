"""Reads all files of a pharmacy into one value, or into everything that is wrong with them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TypeVar

from ivr.content import config, rules
from ivr.content.flow_checks import Content, WrittenCatalogue, check_flows, check_prompts
from ivr.content.flows import WrittenFlow, read_flow
from ivr.content.names import Names
from ivr.content.problems import Problem, in_order
from ivr.content.prompts import FOLDER as PROMPTS_FOLDER
from ivr.content.prompts import Prompts, read_catalogue
from ivr.content.reading import File, Item, attempt, read_yaml
from ivr.core.hours import Hours
from ivr.core.line import Agent, Queue
from ivr.core.pharmacy import Line, Pharmacy, Policies, Site
from ivr.core.rules import FACTS, Fact, RuleSet, decide, licensed_queues

T = TypeVar("T")


def read_pharmacy(
    texts: Mapping[str, str], unread: list[Problem], year: int | None, only: str | None = None
) -> tuple[Pharmacy | None, list[Problem]]:
    """Return what the texts say, None when something is wrong, and every problem, sorted by place."""
    reading = _Reading(texts, {problem.file for problem in unread}, year or datetime.now(UTC).year)
    reading.read(only)
    problems = in_order([*unread, *(p for file in reading.files.values() for p in file.problems)])
    if any(problem.severity == "error" for problem in problems):
        return None, problems
    return reading.pharmacy(), problems


class _Reading:
    """One reading of all files: first the names each defines, then what they say, then how it fits together."""

    def __init__(self, texts: Mapping[str, str], unread: set[str], year: int) -> None:
        self.files = {path: File(path, text) for path, text in texts.items()}
        self._unread, self._year = unread, year
        self._tops: dict[str, Item | None] = {}
        self.lines: dict[str, Line] = {}
        self.sites: dict[str, Site] = {}
        self.queues: dict[str, Queue] = {}
        self.hours: dict[str, Hours] = {}
        self.staff: dict[str, Agent] = {}
        self.policies = Policies()
        self.rules: dict[str, RuleSet] = {}
        self.flows: dict[str, WrittenFlow] = {}
        self.catalogues: dict[str, WrittenCatalogue] = {}
        self.names = Names()

    def read(self, only: str | None) -> None:
        """Read everything; `only` is a file of rules to read as if a line used it."""
        own_facts = self._config("facts", config.read_facts, {}, needed=False)
        self.names = self._all_names(own_facts)
        self._read_config()
        self._read_prompts()
        for path in self._under("callflows/", depth=1):
            self._read_flow(path)
        self._read_rules(only)
        content = Content(self.flows, self.catalogues, self.lines, self.rules)
        announced = {r.then.target for s in self.rules.values() for r in s.rules if r.then.route == "announce"}
        check_flows(content)
        check_prompts(content, announced)
        self._check_served()
        for found in self.rules.values():
            self._run_examples(found)

    def pharmacy(self) -> Pharmacy:
        """Return it all as one value."""
        files = {path: file.text for path, file in self.files.items()}
        first = next(iter(self.lines.values())).languages[0]
        return Pharmacy(
            version(files),
            self.lines,
            self.sites,
            self.queues,
            self.hours,
            self.staff,
            self.policies,
            self.rules,
            {name: written.flow for name, written in self.flows.items()},
            Prompts({name: written.catalogue for name, written in self.catalogues.items()}, first),
            files,
        )

    # ------------------------------------------------------------ files

    def _top(self, path: str) -> Item | None:
        if path not in self._tops:
            self._tops[path] = read_yaml(self.files[path]) if path in self.files else None
        return self._tops[path]

    def _under(self, folder: str, depth: int) -> list[str]:
        parts = len(PurePosixPath(folder).parts) + depth
        return sorted(p for p in self.files if p.startswith(folder) and len(PurePosixPath(p).parts) == parts)

    def _config(self, name: str, read: Callable[[Item], T], default: T, *, needed: bool = True) -> T:
        path = f"config/{name}.yaml"
        if path not in self.files:
            if needed and path not in self._unread:
                self.files[path] = File(path, "")
                self.files[path].problem("missing", "there is no such file, and the line needs it")
            return default
        top = self._top(path)
        return attempt(read, top, default) if top else default

    # ------------------------------------------------------------ names

    def _all_names(self, own_facts: Mapping[str, Fact]) -> Names:
        queues = self._top("config/queues.yaml")
        policies, staff = self._top("config/policies.yaml"), self._top("config/staff.yaml")
        sites = config.names_under(self._top("config/sites.yaml"), "sites")
        lines = config.names_under(self._top("config/lines.yaml"), "lines")
        languages = {PurePosixPath(path).stem for path in self._under(PROMPTS_FOLDER, depth=1)}
        prompts = [config.names_under(self._top(f"{PROMPTS_FOLDER}{code}.yaml"), "prompts") for code in languages]
        return Names(
            facts=_facts(own_facts, line=lines or (), site=sites or (), language=languages),
            queues=config.names_under(queues, "queues"),
            on_call_queues=config.on_call_queues(queues) if queues else None,
            sites=sites,
            flows={PurePosixPath(path).stem for path in self._under("callflows/", depth=1)},
            prompts=None if None in prompts else {name for names in prompts for name in names or ()},
            transfers=(config.names_under(policies, "transfers") or set()) if policies else None,
            skills=config.skills_in(staff) if staff else None,
            rule_files={path.removeprefix(rules.FOLDER) for path in self.files if path.startswith(rules.FOLDER)},
            languages=languages,
        )

    # ------------------------------------------------------------ what they say

    def _read_config(self) -> None:
        names = self.names
        self.sites = self._config("sites", config.read_sites, {})
        self.lines = self._config("lines", lambda item: config.read_lines(item, names), {})
        self.queues = self._config("queues", lambda item: config.read_queues(item, names), {})
        self.staff = self._config("staff", lambda item: config.read_staff(item, names), {})
        self.policies = self._config("policies", config.read_policies, self.policies)
        self.hours = self._config(
            "hours", lambda item: config.read_hours(item, self.sites, names.sites, self._year), {}
        )

    def _read_prompts(self) -> None:
        for path in self._under(PROMPTS_FOLDER, depth=1):
            top, code = self._top(path), PurePosixPath(path).stem
            catalogue = attempt(lambda item, code=code: read_catalogue(code, item), top, None) if top else None
            if top and catalogue:
                places = next(value for key, value in top.pairs if key.text == "prompts")
                by_name = {key.text: key for key, _ in places.pairs}
                self.catalogues[code] = WrittenCatalogue(catalogue, top, by_name)

    def _read_flow(self, path: str) -> None:
        top, name = self._top(path), PurePosixPath(path).stem
        flow = attempt(lambda item: read_flow(name, item, self.names), top, None) if top else None
        if flow:
            self.flows[name] = flow

    def _read_rules(self, only: str | None) -> None:
        reader = rules.RulesReader(self.files, self.names)
        used = {rules.FOLDER + line.rules for line in self.lines.values()}
        wanted = used | ({only} if only and only.startswith(rules.FOLDER) else set())
        for path in sorted(wanted & set(self.files)):
            chain = reader.chain(path)
            found = rules.rule_set(chain, self.names) if chain else None
            if found and path in used:
                self.rules[found.name] = found
        for path in sorted(set(self.files) - reader.used):
            if path.startswith(rules.FOLDER) and self.lines:
                self.files[path].problem("remark", "no line uses this file, so it is not read", severity="warning")

    # ------------------------------------------------------------ how it fits together

    def _check_served(self) -> None:
        top = self._top("config/queues.yaml")
        served = {queue for agent in self.staff.values() for queue in agent.queues}
        if top is None or not self.staff:
            return
        for key in config.keys_under(top, "queues"):
            if key.text in self.queues and key.text not in served:
                key.problem("unserved", f'no agent in config/staff.yaml serves "{key.text}"')

    def _run_examples(self, found: RuleSet) -> None:
        if not set(self.names.queues or ()) <= set(self.queues):
            return  # a queue could not be read, so nobody can say what comes of a call
        licensed = licensed_queues(self.queues, self.staff.values())
        for example in found.examples:
            decision, _ = decide(found, example.call, self.queues)
            wrong = [demand for demand in example.expect if not demand.met_by(decision, self.queues, licensed)]
            if wrong:
                by = f'"{decision.rule}"' if decision.rule else "otherwise"
                message = f'"{example.name}" expects {wrong[0].text}; {by} gives {decision.route}: {decision.target}'
                self.files[example.file].problem("example", message, example.line, example.column)


def _facts(own: Mapping[str, Fact], **values: Iterable[str]) -> dict[str, Fact]:
    filled = {name: replace(FACTS[name], values=tuple(sorted(words))) for name, words in values.items()}
    return {**FACTS, **own, **filled}


def version(files: Mapping[str, str]) -> str:
    """Return the hash that names a version: SHA-256 over every path and text, in order."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path}\0{files[path]}\0".encode())
    return digest.hexdigest()
