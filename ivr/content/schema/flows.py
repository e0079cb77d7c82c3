"""`callflows/*.yaml` and `callflows/prompts/*.yaml` in an editor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ivr.content.flows import DEEDS, ENTRIES, MOST_OPTIONS, QUESTIONS, RESOLUTIONS
from ivr.content.names import Names
from ivr.content.prompts import LONGEST, SYSTEM_PROMPTS
from ivr.content.schema import facts
from ivr.content.schema.shapes import (
    FLAG,
    TEXT,
    Shape,
    Single,
    by_name,
    fields,
    list_of,
    name,
    whole,
    whole_file,
    without,
    word,
    written,
)
from ivr.core.rules import FACTS

BESIDE: Mapping[str, tuple[str, str]] = {
    "say": ("then", "languages resolution"),
    "notice": ("then", "languages resolution"),
    "menu": ("options", "silence languages unless_known then understand help"),
    "collect": ("prompt as then", "length secret help instead"),
    "ask": ("then", ""),
    "pick": ("then none", ""),
    "choose": ("otherwise", ""),
    "flow": ("then", ""),
    "return": ("", ""),
    "route": ("", ""),
    "message": ("", "keep prompt"),
    "transfer": ("", ""),
    "medicine": ("then controlled mistaken", ""),
    "do": ("then", "prompt"),
    "hang_up": ("", "resolution"),
}
"""What each kind of node cannot do without, and what else may stand beside it."""

TOGETHER: Mapping[str, Shape] = {
    "menu": {"dependencies": {"then": ["unless_known"], "unless_known": ["then"]}},
    "message": {"dependencies": {"keep": ["prompt"], "prompt": ["keep"]}},
    "do": {
        "if": {"properties": {"do": {"const": "text"}}},
        "then": {"required": ["prompt"]},
        "else": without("prompt", errorMessage="only `do: text` has words of its own"),
    },
}
"""What of it goes with what."""


_FIELD = written("[a-z0-9_]+", "use small letters, digits and _")


def flow(names: Names) -> Shape:
    """Return the shape of a call flow."""
    return whole_file(
        "A call flow: what a caller hears, and where each answer leads. docs/flows.md explains it.",
        {
            "title": TEXT.alone("What staff and reports call it."),
            "start": TEXT.alone("The node a call comes to first. A line's own flow starts with a `notice`."),
            "nodes": by_name("The nodes, by names of your choice.", _node(names)),
        },
        "version start nodes",
        definitions={"when": facts.when(names.facts)},
    )


def _node(names: Names) -> Shape:
    has = {**_kinds(names), **_beside(names)}
    return fields(
        f"A node. One of {', '.join(BESIDE)} says what it does.",
        has,
        minProperties=1,
        dependencies={kind: _goes_with(kind, has) for kind in BESIDE},
    )


def _goes_with(kind: str, has: Iterable[str]) -> Shape:
    needs, may = (keys.split() for keys in BESIDE[kind])
    return without(*(key for key in has if key not in (kind, *needs, *may)), required=needs, **TOGETHER.get(kind, {}))


def _kinds(names: Names) -> dict[str, Shape]:
    prompt = name("prompt", names.prompts, "callflows/prompts/")
    yes = word(("yes",), "only yes makes sense here")
    return {
        "say": prompt.alone("Says this prompt. A key may cut it short."),
        "notice": prompt.alone("Says this prompt, and nobody can talk over it. Six seconds at most."),
        "menu": prompt.alone("Says this prompt and lets the caller choose by key or by words."),
        "collect": _FIELD.alone("Lets the caller key something in, or say it. This is the value's name in prompts."),
        "ask": word(QUESTIONS).alone(
            "Asks the order system: who is calling, which prescription was keyed in, whether all they told proves who "
            "they are, which prescriptions they have, or which prescriber this is."
        ),
        "pick": prompt.alone("Lets the caller pick one of their prescriptions, each said with this prompt."),
        "choose": list_of("The first case whose facts fit shows the way.", _case()),
        "flow": name("flow", names.flows, "callflows/").alone("Runs this flow and comes back."),
        "return": yes.alone("Goes back to the flow that called this one."),
        "route": word(("yes", "person"), "write yes, or person for callers no machine can help").alone(
            "Lets the routing rules decide; `person` passes over the rules that end with a machine."
        ),
        "message": name("queue", names.queues, "config/queues.yaml").alone("Takes a message for this queue."),
        "medicine": _FIELD.alone("Looks this value, a medicine's name spelt out, up in config/medicines.yaml."),
        "transfer": name("transfer", names.transfers, "config/policies.yaml").alone(
            "Sends the caller to this outside number, from `transfers` in config/policies.yaml."
        ),
        "do": word(DEEDS).alone("Does this for the caller."),
        "hang_up": prompt.alone("Says this prompt and ends the call."),
    }


def _beside(names: Names) -> dict[str, Shape]:
    return {
        "then": TEXT.alone("The node that comes next. In a menu: where `unless_known` leads."),
        "options": _options(names),
        "silence": TEXT.alone("The node silence leads to. Without it the menu asks again."),
        "languages": word(("all",)).alone("Says it in every language of the line, one after the other."),
        "understand": TEXT.alone(
            "Listens to callers' own words. The option that has their intent is taken; this node where none has."
        ),
        "help": name("prompt", names.prompts, "callflows/prompts/").alone(
            "Said instead of the question from the second miss on: reworded, slower, with an example."
        ),
        "instead": {
            "description": "Ways out by a key alone, ended by # or a pause: for callers who do not have it at hand.",
            "type": "object",
            "patternProperties": {"^[1-8]$": TEXT.alone("The node that comes next.")},
            "additionalProperties": False,
        },
        "none": TEXT.alone("The node that comes next when there is nothing to pick from."),
        "unless_known": word(names.facts).alone("A fact. Once it is known the menu is passed over, to `then`."),
        "prompt": name("prompt", names.prompts, "callflows/prompts/").alone(
            "The words that ask for it, that are texted, or that ask for the directions of a prescription."
        ),
        "as": word(ENTRIES).alone("What is keyed in or said. It is checked before the call goes on."),
        "length": whole(1, 32).alone("How many digits it always has. Without it, # or a pause ends it."),
        "secret": FLAG.alone("Keep it out of every log? Yes, unless you say no."),
        "otherwise": TEXT.alone("The node that comes next when no case fits."),
        "keep": _FIELD.list("The items of a prescription, by the names they were collected under."),
        "controlled": TEXT.alone("The node for a medicine that needs an electronic prescription."),
        "mistaken": TEXT.alone("The node for a name that is easily mistaken for another."),
        "resolution": word(RESOLUTIONS).alone("What the machine has achieved once this is said, for the record."),
    }


def _case() -> Shape:
    has = {"when": {"$ref": "#/definitions/when"}, "then": TEXT.alone("The node that comes next when it fits.")}
    return fields("A case.", has, "when then")


def _options(names: Names) -> Shape:
    told = {fact: shape for fact, shape in names.facts.items() if not shape.always_known}
    option = fields(
        "What the key does.",
        {
            "set": facts.call(told, "What this choice tells the routing rules."),
            "then": TEXT.alone("The node that comes next."),
            "hear": _hear(names),
        },
        "then",
    )
    return {
        "description": f"The choices, on keys 1 to 8, {MOST_OPTIONS} at most besides an emergency. 0, 9, * are kept.",
        "type": "object",
        "patternProperties": {"^[1-8]$": option},
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": MOST_OPTIONS + 1,
    }


def _hear(names: Names) -> Shape:
    phrases = TEXT.or_list("Words that mean the same as the key.")
    return by_name("Words that mean the same as the key, by language.", phrases, names.languages)


# ---------------------------------------------------------------- prompts


def prompts(names: Names) -> Shape:
    """Return the shape of one language's prompts."""
    return whole_file(
        "The words callers hear in one language. docs/flows.md lists the values and the ways of speaking them.",
        {
            "locale": written("[a-z]{2,3}(-[A-Za-z0-9]+)*", "write it as en-US", "en-US", "es-US").alone(
                "The language and its country: how days, times and numbers are said."
            ),
            "voice": TEXT.alone("The voice that speaks, as the carrier calls it."),
            "status": _STATUS.alone("Have the words been reviewed? Translations need a qualified human."),
            "reviewed_by": TEXT.alone("Who reviewed them."),
            "prompts": _by_prompt(names),
        },
        "version locale voice prompts",
        definitions={"prompt": _prompt(names)},
    )


_STATUS = word(("reviewed", "draft"))


def _by_prompt(names: Names) -> Shape:
    """Return the prompts: those the line says by itself are offered, and any other may stand beside them."""
    shape = by_name("The prompts, by name.", {"$ref": "#/definitions/prompt"})
    said_by_itself = {prompt: _system_prompt(values) for prompt, values in SYSTEM_PROMPTS.items()}
    return {**shape, "properties": said_by_itself}


def _system_prompt(values: frozenset[str]) -> Shape:
    spoken = f" It may speak of {', '.join(sorted(values))}." if values else ""
    return {"description": f"The line says this by itself.{spoken}", "$ref": "#/definitions/prompt"}


def _prompt(names: Names) -> Shape:
    words = Single(TEXT.types, {**TEXT.limits, "maxLength": LONGEST})
    about = "The words. {{ name }} speaks a value, {{ name | day }} speaks it as a day."
    return words.or_fields(
        "The words, or `text` with who may hear it.",
        {
            "text": words.alone(about),
            "tier": word(FACTS["tier"].values).or_list("Who may hear it. Without it, anybody."),
            "status": _STATUS.alone("Has this one been reviewed? Else as the file says."),
            "reviewed_by": TEXT.alone("Who reviewed it."),
            "without": _stand_in(names).alone("The prompt to say instead when a value is not known."),
            "recording": TEXT.alone("A wav or mp3 in callflows/recordings/<language>/, played instead of the words."),
        },
        "text",
    )


def _stand_in(names: Names) -> Single:
    """Return the name of a prompt of the same file, which may be newer than what is known."""
    return Single(TEXT.types, TEXT.limits, tuple(sorted(names.prompts or ())))
