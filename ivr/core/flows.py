"""A call flow as a graph of nodes: what a caller hears, and where each answer leads."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from ivr.core.rules import Condition, Value


@dataclass(frozen=True, slots=True)
class SayNode:
    """`say:` words that a key may cut short; `notice:` words nobody can talk over."""

    prompt: str
    then: str
    notice: bool = False
    every_language: bool = False
    resolution: str | None = None  # what the machine has achieved once this is said


@dataclass(frozen=True, slots=True)
class Option:
    """One way out of a menu: by key, or by words."""

    then: str
    facts: Mapping[str, Value] = field(default_factory=dict)
    hear: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # language -> phrases


@dataclass(frozen=True, slots=True)
class Menu:
    """`menu:` up to five options on keys 1 to 8."""

    prompt: str
    options: Mapping[str, Option]
    silence: str | None = None  # where silence leads; None asks again
    every_language: bool = False
    unless_known: str | None = None  # a fact: once it is known the menu is passed over …
    then: str | None = None  # … to here
    understand: str | None = None  # callers may say it in their own words; where the call goes if no option fits them
    help: str | None = None  # said instead of the prompt from the second miss on


@dataclass(frozen=True, slots=True)
class Collect:
    """`collect:` something the caller keys in or says."""

    field: str
    prompt: str
    as_: str  # rx_number · date_of_birth · npi · phone · digits · zip · code · letters · strength · unit · speech
    then: str
    length: int | None = None  # fixed length, or None: ended by # or a pause
    secret: bool = True
    help: str | None = None  # said instead of the prompt from the second miss on
    instead: Mapping[str, str] = dataclasses.field(default_factory=dict)  # a key and # -> node


@dataclass(frozen=True, slots=True)
class AskNode:
    """`ask:` a question only the order system can answer.

    `who` is calling · which `prescription` is meant · does all they told prove their `identity` · which
    `prescriptions` they have · which `prescriber` this is.
    """

    question: str
    then: str


@dataclass(frozen=True, slots=True)
class Pick:
    """`pick:` one of the prescriptions that were found, each said with this prompt, on keys from 1."""

    prompt: str
    then: str
    none: str  # where the call goes when there is nothing to pick from


@dataclass(frozen=True, slots=True)
class Case:
    when: tuple[Condition, ...]
    then: str


@dataclass(frozen=True, slots=True)
class Choose:
    """`choose:` the first case whose facts fit."""

    cases: tuple[Case, ...]
    otherwise: str


@dataclass(frozen=True, slots=True)
class SubFlow:
    """`flow:` run another flow and come back."""

    flow: str
    then: str


@dataclass(frozen=True, slots=True)
class Return:
    """`return: yes` back to the flow that called this one."""


@dataclass(frozen=True, slots=True)
class Route:
    """`route: yes` let the routing rules decide; `route: person` the same for a caller whom no machine can help."""

    person: bool = False


@dataclass(frozen=True, slots=True)
class TakeMessage:
    """`message:` voicemail for a queue; with `keep` the directions of a prescription, whose items those are."""

    queue: str
    keep: tuple[str, ...] = ()  # names of what was collected
    prompt: str | None = None  # said instead of the usual greeting


@dataclass(frozen=True, slots=True)
class TransferTo:
    """`transfer:` an entry of `transfers:` in `config/policies.yaml`."""

    name: str


@dataclass(frozen=True, slots=True)
class CheckMedicine:
    """`medicine:` what `config/medicines.yaml` knows of a name that was collected."""

    field: str
    then: str
    controlled: str  # where the call goes when it needs an electronic prescription
    mistaken: str  # where it goes when the name is easily mistaken for another


@dataclass(frozen=True, slots=True)
class Do:
    """`do:` something that is done for the caller.

    `request_refill` · `request_renewal` · `send_code` (to prove who they are) · `text` (the prompt, to the number that
    rings) · `forget_prescription` (so that another can be asked for).
    """

    what: str
    then: str
    prompt: str | None = None


@dataclass(frozen=True, slots=True)
class HangUpNode:
    """`hang_up:` a last prompt and the end; `resolution:` says what the machine achieved."""

    prompt: str | None = None
    resolution: str | None = None


Node = (
    SayNode
    | Menu
    | Collect
    | AskNode
    | Pick
    | Choose
    | SubFlow
    | Return
    | Route
    | TakeMessage
    | TransferTo
    | CheckMedicine
    | Do
    | HangUpNode
)


@dataclass(frozen=True, slots=True)
class Flow:
    """One file of `callflows/`."""

    name: str
    start: str
    nodes: Mapping[str, Node]
    title: str = ""
