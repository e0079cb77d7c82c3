"""Reads all files of a pharmacy into one value, or into everything that is wrong with them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial, reduce
from pathlib import PurePosixPath
from typing import TypeVar

from ivr.content import config, opening, policies, recordings, rules, staff
from ivr.content.flow_checks import Content, WrittenCatalogue, check_flows
from ivr.content.flows import FOLDER as FLOWS_FOLDER
from ivr.content.flows import WrittenFlow, read_flow
from ivr.content.medicines import KnownMedicines, read_medicines
from ivr.content.names import Names
from ivr.content.problems import Problem, did_you_mean, in_order
from ivr.content.prompt_checks import check_prompts, tiers
from ivr.content.prompts import FOLDER as PROMPTS_FOLDER
from ivr.content.prompts import Prompts, read_catalogue
from ivr.content.reading import Read, attempt
from ivr.content.speech import FOLDER as SPEECH_FOLDER
from ivr.content.speech import lists_in, read_speech
from ivr.content.written import File, Item, read_yaml
from ivr.core.hours import Hours
from ivr.core.line import Agent, Queue
from ivr.core.pharmacy import Line, Pharmacy, Policies, Site
from ivr.core.rules import FACTS, QUEUE_ROUTES, Fact, RuleSet, Value, as_written, licensed_queues
from ivr.proof import findings as proof
from ivr.proof.disclosure import disclosures
from ivr.proof.graph import FlowFinding
from ivr.proof.patience import Patience
from ivr.speech.phrases import Phrases

T = TypeVar("T")
D = TypeVar("D")

CONFIG = ("lines", "sites", "queues", "hours", "staff", "policies", "facts", "medicines")


def read_pharmacy(
    texts: Mapping[str, str],
    unread: Sequence[Problem],
    year: int | None,
    only: str | None = None,
    *,
    proof_seconds: float | None = None,
) -> tuple[Pharmacy | None, list[Problem]]:
    """Return what the texts say, None when something is wrong, and every problem, sorted by place.

    `only` is a file to look at by itself, below the content folder or a draft of rules anywhere: if it holds rules
    they are read as if a line used it, and only its own problems, and those of the files it extends, are returned.
    With `proof_seconds` what the rules promise is proved too, and their examples are tried; None takes them as they
    are.
    """
    reading = _Reading(texts, unread, year or datetime.now(UTC).year)
    reading.read(only)
    if proof_seconds is not None:
        reading.prove(proof_seconds)
    problems = in_order([*unread, *(p for file in reading.files.values() for p in file.problems)])
    broken = any(problem.severity == "error" for problem in problems)
    if only is not None:
        problems = [problem for problem in problems if problem.file in (only, *reading.parents)]
    return None if broken else reading.pharmacy(), problems


@dataclass(frozen=True, slots=True)
class Routing:
    """What decides where calls go, as far as it can be read; whatever else the content holds may be wrong."""

    version: str
    lines: Mapping[str, Line]
    rules: Mapping[str, RuleSet]  # by file, as lines name it, and drafts by their path
    queues: Mapping[str, Queue]
    staff: Mapping[str, Agent]


def read_routing(
    texts: Mapping[str, str], unread: Sequence[Problem], only: str | None = None
) -> tuple[Routing, list[Problem]]:
    """Return what decides, and every problem that keeps some of the content from being read.

    `only` is one more file to read as if a line used it. Nothing is proved, and no example tried.
    """
    reading = _Reading(texts, unread, datetime.now(UTC).year)
    reading.read(only)
    problems = in_order(p for file in reading.files.values() for p in file.problems)
    return reading.routing(version(texts)), [problem for problem in problems if problem.keeps_from_reading]


def read_script(texts: Mapping[str, str]) -> Content:
    """Return the flows and prompts of some files, and who is led through them, as far as they can be read."""
    reading = _Reading(texts, (), datetime.now(UTC).year)
    reading.read(None)
    return reading.content


def known_names(texts: Mapping[str, str]) -> Names:
    """Return the names the texts define, as far as they can be read, whatever else is wrong with them."""
    return _Reading(texts, (), datetime.now(UTC).year).names()


def own_speech(texts: Mapping[str, str]) -> tuple[Phrases, list[Problem]]:
    """Return what the texts tell the listener, whatever else is wrong with them, and why some of it cannot be read."""
    reading = _Reading({path: text for path, text in texts.items() if path.startswith(SPEECH_FOLDER)}, (), 0)
    return reading.speech(), in_order(problem for file in reading.files.values() for problem in file.problems)


class _Reading:
    """One reading of all files: first the names each defines, then what they say, then how it fits together."""

    def __init__(self, texts: Mapping[str, str], unread: Sequence[Problem], year: int) -> None:
        self.files = {path: File(path, text) for path, text in texts.items()}
        for problem in unread:
            if problem.severity == "error":
                self.files[problem.file] = File(problem.file, "", [problem], readable=False)
        self.parents: set[str] = set()  # what the file looked at by itself extends
        self._year = year
        self._tops: dict[str, Item | None] = {}
        self._lines: dict[str, Line] = {}
        self._staff_lines: dict[str, Line] = {}
        self._sites: dict[str, Site] = {}
        self._queues: dict[str, Queue] = {}
        self._hours: dict[str, Hours] = {}
        self._staff: dict[str, Agent] = {}
        self._policies = Policies()
        self._medicines = KnownMedicines()
        self._rules: dict[str, RuleSet] = {}  # those that lines use
        self._sets: list[RuleSet] = []  # those, and the one looked at by itself
        self._flows: dict[str, WrittenFlow] = {}
        self._catalogues: dict[str, WrittenCatalogue] = {}
        self._names = Names()
        self.content = Content({}, {}, {}, {}, complete=False)
        self._speech = Phrases()

    def read(self, only: str | None) -> None:
        """Read everything, and `only` as if a line used it."""
        self._names = self.names()
        self._read_config()
        self._read_prompts()
        self._speech = self.speech()
        for path in self._under(FLOWS_FOLDER):
            self._read_flow(path)
        self._sets = self._read_rules(only)
        self._check()

    def prove(self, seconds: float) -> None:
        """Find what no call will ever show in time: rules nobody reaches, promises that break, examples that fail.

        And what a caller may come to hear that is not for them.
        """
        if self._names.queues is None or not set(self._names.queues) <= set(self._queues):
            return  # nobody can say what comes of a call, and why not has been reported
        licensed = licensed_queues(self._queues, self._staff.values())
        patience = Patience(seconds)
        for found in disclosures(self.content.script, tiers(self.content), patience):
            if isinstance(found, FlowFinding):
                self.content.report(found)
            else:
                self._found(found)
        for finding in proof.of_all(self._sets, self._queues, licensed, seconds):
            self._found(finding)

    def _found(self, found: proof.Finding) -> None:
        example = self._as_written(found.example)
        self.files[found.file].problems.append(
            Problem(found.file, found.line, found.column, found.severity, found.code, found.message, example)
        )

    def _as_written(self, call: Mapping[str, Value] | None) -> Mapping[str, Value] | None:
        """Return a call as an example in a file gives it: a time as the clock shows it."""
        if call is None:
            return None
        facts = self._names.facts
        times = {name: as_written(facts[name], value) for name, value in call.items() if facts[name].kind == "time"}
        return {**call, **times}

    def names(self) -> Names:
        """Return the names the files define."""
        own_facts: dict[str, Fact] = self._config("facts", policies.read_facts, dict[str, Fact](), needed=False)
        return self._all_names(own_facts)

    def speech(self) -> Phrases:
        """Return what the files tell the listener, as far as they can be read."""
        paths = self._under(SPEECH_FOLDER)
        lists = {name for path in paths for name in lists_in(self._top(path))}
        tops = [top for path in paths if (top := self._top(path))]
        read = partial(read_speech, own_lists=lists)
        return reduce(Phrases.beside, (attempt(read, top, Phrases()) for top in tops), Phrases())

    def routing(self, version: str) -> Routing:
        """Return the rules that can be decided by, and what they need."""
        whole = {rules.name: rules for rules in self._sets if self._queues.keys() >= _queues_of(rules)}
        return Routing(version, self._lines, whole, self._queues, self._staff)

    def pharmacy(self) -> Pharmacy:
        """Return it all as one value; only when nothing was wrong."""
        files = {path: file.text for path, file in self.files.items()}
        first = next(iter(self._lines.values())).languages[0]
        return Pharmacy(
            version(files),
            self._lines,
            self._sites,
            self._queues,
            self._hours,
            self._staff,
            self._policies,
            self._rules,
            {name: written.flow for name, written in self._flows.items()},
            Prompts({code: written.catalogue for code, written in self._catalogues.items()}, first),
            files,
            medicines=self._medicines,
            speech=self._speech,
            staff_lines=self._staff_lines,
        )

    # ------------------------------------------------------------ files

    def _top(self, path: str) -> Item | None:
        if path not in self._tops:
            self._tops[path] = read_yaml(self.files[path]) if path in self.files else None
        return self._tops[path]

    def _under(self, folder: str) -> list[str]:
        """Return the files that stand in a folder itself."""
        return sorted(path for path in self.files if path.rpartition("/")[0] + "/" == folder)

    def _config(self, name: str, read: Read[T], default: D, *, needed: bool = True) -> T | D:
        path = f"config/{name}.yaml"
        if path not in self.files:
            if needed:
                self.files[path] = File(path, "")
                self.files[path].problem("missing", "there is no such file, and the line needs it")
            return default
        top = self._top(path)
        return attempt(read, top, default) if top else default

    # ------------------------------------------------------------ names

    def _all_names(self, own_facts: Mapping[str, Fact]) -> Names:
        queues, people = self._top("config/queues.yaml"), self._top("config/staff.yaml")
        house = self._top("config/policies.yaml")
        sites = config.names_under(self._top("config/sites.yaml"), "sites")
        lines = config.lines_for_callers(self._top("config/lines.yaml"))
        languages = {_stem(path) for path in self._under(PROMPTS_FOLDER)}
        prompts = [config.names_under(self._top(f"{PROMPTS_FOLDER}{code}.yaml"), "prompts") for code in languages]
        return Names(
            facts=_facts(own_facts, line=lines or (), site=sites or (), language=languages),
            queues=config.names_under(queues, "queues"),
            on_call_queues=config.on_call_queues(queues) if queues else None,
            sites=sites,
            flows={_stem(path) for path in self._under(FLOWS_FOLDER)},
            prompts=None if None in prompts else {name for names in prompts for name in names or ()},
            transfers={key.text for key in config.keys_under(house, "transfers")} if house else None,
            skills=staff.skills_in(people) if people else None,
            rule_files={path.removeprefix(rules.FOLDER) for path in self.files if path.startswith(rules.FOLDER)},
            languages=languages,
        )

    # ------------------------------------------------------------ what they say

    def _read_config(self) -> None:
        names = self._names
        self._sites = self._config("sites", config.read_sites, dict[str, Site]())
        every = self._config("lines", partial(config.read_lines, names=names), dict[str, Line]())
        self._lines = {name: line for name, line in every.items() if line.serves == "callers"}
        self._staff_lines = {name: line for name, line in every.items() if line.serves == "staff"}
        self._queues = self._config("queues", partial(config.read_queues, names=names), dict[str, Queue]())
        self._staff = self._config("staff", partial(staff.read_staff, names=names), dict[str, Agent]())
        read_policies = partial(policies.read_policies, languages=names.languages)
        self._policies = self._config("policies", read_policies, self._policies)
        self._medicines = self._config("medicines", read_medicines, self._medicines, needed=False)
        read_hours = partial(opening.read_hours, sites=self._sites, known=names.sites, year=self._year)
        self._hours = self._config("hours", read_hours, dict[str, Hours]())
        for path in self._under("config/"):
            if _stem(path) not in CONFIG:
                hint = did_you_mean(_stem(path), CONFIG)
                self.files[path].problem("remark", f"nothing reads this file{hint}", severity="warning")

    def _read_prompts(self) -> None:
        for path in self._under(PROMPTS_FOLDER):
            top, code = self._top(path), _stem(path)
            known = recordings.of_language(code, {path: file.text for path, file in self.files.items()})
            catalogue = attempt(partial(read_catalogue, code, recordings=known), top, None) if top else None
            if top and catalogue:
                places = {key.text: key for key in config.keys_under(top, "prompts")}
                self._catalogues[code] = WrittenCatalogue(catalogue, top, places)

    def _read_flow(self, path: str) -> None:
        top, name = self._top(path), _stem(path)
        flow = attempt(partial(read_flow, name, names=self._names), top, None) if top else None
        if flow:
            self._flows[name] = flow

    def _read_rules(self, only: str | None) -> list[RuleSet]:
        """Read the rules of each line, and of `only`; return all of them."""
        reader = rules.RulesReader(self.files, self._names)
        used = {rules.FOLDER + line.rules for line in self._lines.values()}
        alone = {only} if only and rules.holds_rules(only) else set()
        sets = {}
        for path in sorted((used | alone) & set(self.files)):
            chain = reader.chain(path)
            if path == only:
                self.parents = {part.file.path for part in chain}
            found = rules.rule_set(chain, self._names) if chain else None
            if found:
                sets[path] = found
        self._rules = {found.name: found for path, found in sets.items() if path in used}
        for path in sorted(set(self.files) - reader.used) if self._lines else ():
            if path.startswith(rules.FOLDER):
                self.files[path].problem("remark", "no line uses this file, so it is not read", severity="warning")
        return list(sets.values())

    # ------------------------------------------------------------ how it fits together

    def _check(self) -> None:
        broken = any(problem.severity == "error" for file in self.files.values() for problem in file.problems)
        staffs = frozenset(language for line in self._staff_lines.values() for language in line.languages)
        self.content = Content(
            self._flows, self._catalogues, self._lines, self._rules, complete=not broken, staff_languages=staffs
        )
        targets = [rule.then for found in self._sets for rule in (*found.rules, found.otherwise)]
        check_flows(self.content)
        check_prompts(self.content, {then.target for then in targets if then.route == "announce"})
        self._check_served()
        if self.content.complete:
            self._check_played()
            house = self._top("config/policies.yaml")
            assert house is not None
            policies.check_callbacks(house, self._policies, [hours.week for hours in self._hours.values()])

    def _check_played(self) -> None:
        """Remark on recordings no prompt names."""
        played = {name for written in self._catalogues.values() for name in written.catalogue.recordings}
        for path in sorted(filter(recordings.is_recording, self.files)):
            if path.removeprefix(recordings.FOLDER) not in played:
                self.files[path].problem("remark", "no prompt plays this", severity="warning")

    def _check_served(self) -> None:
        top = self._top("config/queues.yaml")
        served = {queue for agent in self._staff.values() for queue in agent.queues}
        for key in config.keys_under(top, "queues") if top and self._staff else ():
            if key.text in self._queues and key.text not in served:
                key.problem("unserved", f'no agent in config/staff.yaml serves "{key.text}"')
            elif key.text in self._queues:
                self._check_covered(key, self._queues[key.text])
        people = self._top("config/staff.yaml")
        if people and self._staff_lines:
            staff.check_pins(people, self._staff)

    def _check_covered(self, key: Item, queue: Queue) -> None:
        """Warn of the hours in which a site is open and nobody is in shift who may serve the queue there."""
        able = [agent for agent in self._staff.values() if queue.name in agent.queues]
        able = [agent for agent in able if agent.licensed or not queue.licensed]
        for site, hours in self._hours.items():
            here = [agent for agent in able if agent.site == site]
            gaps = staff.uncovered(hours.week, here) if here else []
            if gaps:
                who = "nobody licensed" if queue.licensed else "nobody"
                told = f'{who} who serves "{key.text}" is in shift at {site}'
                key.problem("uncovered", f"{told} on {', '.join(gaps)}", severity="warning")


def _queues_of(rules: RuleSet) -> set[str]:
    return {rule.then.target for rule in (*rules.rules, rules.otherwise) if rule.then.route in QUEUE_ROUTES}


def _stem(path: str) -> str:
    return PurePosixPath(path).stem


def _facts(own: Mapping[str, Fact], **values: Iterable[str]) -> dict[str, Fact]:
    filled = {name: replace(FACTS[name], values=tuple(sorted(words))) for name, words in values.items()}
    return {**FACTS, **own, **filled}


def version(files: Mapping[str, str]) -> str:
    """Return the hash that names a version: SHA-256 over every path and text, in order."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path}\0{files[path]}\0".encode())
    return digest.hexdigest()
