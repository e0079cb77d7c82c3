"""`routing_rules/*.yaml` in an editor."""

from __future__ import annotations

from collections.abc import Mapping

from ivr.content.names import Names
from ivr.content.schema import facts
from ivr.content.schema.shapes import (
    DURATION,
    FLAG,
    PROMISE,
    TEXT,
    WITHIN,
    Shape,
    Single,
    fields,
    list_of,
    name,
    whole_file,
    without,
    word,
    written,
)
from ivr.core.rules import QUEUE_ROUTES, ROUTES

_WHEN = {"$ref": "#/definitions/when"}
_MEANINGS = {
    "queue": "The caller waits in this queue for a person.",
    "self_service": "A machine serves the caller by this call flow.",
    "voicemail": "The caller leaves a message for this queue.",
    "callback": "The caller is called back by this queue.",
    "transfer": "The caller goes to this outside number, from `transfers` in config/policies.yaml.",
    "announce": "The caller hears this prompt, and that is all.",
}
_OF_QUEUES = ("answer_within", "needs", "offer_callback", "record")
_TESTED = {
    "offer_callback": "Is the caller offered to be called back?",
    "record": "Is the call recorded?",
    "licensed": "Is everybody who may ever be offered the call licensed?",
    "on_call": "Is the number on call rung when nobody else takes it?",
}


def rules(names: Names) -> Shape:
    """Return the shape of a file of rules."""
    return whole_file(
        "Where calls go. The first rule that fits is taken, from top to bottom.",
        {
            "extends": _extends(names).alone("A file whose rules come before these; they cannot be dropped here."),
            "rules": list_of("Tried from top to bottom; the first that fits is taken.", _rule()),
            "otherwise": _then(names, DURATION, "Where a call goes that no rule fits."),
            "always": list_of("What has to come of every call that fits, whatever the rules say.", _guarantee("must")),
            "never": list_of("What may never come of a call that fits.", _guarantee("must_not")),
            "examples": list_of(
                "Calls, and what is expected of them. They are tried whenever files are read.", _example()
            ),
        },
        "version",
        definitions={
            "when": facts.when(names.facts),
            "then": _then(
                names,
                PROMISE,
                "Where the call goes: one of queue, self_service, voicemail, callback, transfer, announce.",
            ),
            "call": facts.call(names.facts, "What is known of the call. What is left out is unknown."),
            "must": _tests(names, "What has to come of it. All of these have to be true."),
            "must_not": _tests(names, "What may not come of it. It is broken when all of these are true."),
            "expect": _tests(
                names, "What has to come of it.", rule=TEXT.or_list("The rule that is taken, by its name.")
            ),
        },
    )


def _extends(names: Names) -> Single:
    known = sorted(names.rule_files or ())
    return written(r".+\.yaml", "write the path of a file of rules, as in safety.yaml", *known)


def _rule() -> Shape:
    return fields(
        "One rule.",
        {
            "name": TEXT.alone("What you call it. Reasons and reports name it, so no two are alike."),
            "why": TEXT.alone("Why it is there, for whoever reads it next year."),
            "when": _WHEN,
            "then": {"$ref": "#/definitions/then"},
        },
        "name then",
    )


def _then(names: Names, promise: Single, about: str) -> Shape:
    routes = {route: target.alone(_MEANINGS[route]) for route, target in _targets(names).items()}
    return fields(
        about,
        {
            **routes,
            "answer_within": promise.alone("The promise: a person within this time. Else the queue's own."),
            "needs": _skill(names).or_list("What whoever takes it has to be able to do, beside what the queue asks."),
            "offer_callback": FLAG.alone("Offer to call back? Else as the queue says."),
            "record": FLAG.alone("Record the call? Else as the queue says."),
        },
        minProperties=1,
        dependencies={route: _beside(route) for route in ROUTES},
    )


def _beside(route: str) -> Shape:
    """Return what does not go together with a route: every other, and a promise where no person comes."""
    others = [other for other in ROUTES if other != route]
    if route in QUEUE_ROUTES:
        return without(*others, errorMessage="a call goes to one place; keep one of them")
    return without(*others, *_OF_QUEUES, errorMessage=f"beside {route} stands nothing else")


def _targets(names: Names) -> Mapping[str, Single]:
    queue = name("queue", names.queues, "config/queues.yaml")
    targets = {
        "self_service": name("flow", names.flows, "callflows/"),
        "transfer": name("transfer", names.transfers, "config/policies.yaml"),
        "announce": name("prompt", names.prompts, "callflows/prompts/"),
    }
    return {route: targets.get(route, queue) for route in ROUTES}


def _skill(names: Names) -> Single:
    return name("skill", names.skills, "an agent in config/staff.yaml")


def _guarantee(key: str) -> Shape:
    return fields(
        "A guarantee.",
        {
            "name": TEXT.alone("What is guaranteed, in a sentence."),
            "when": _WHEN,
            key: {"$ref": f"#/definitions/{key}"},
        },
        f"name {key}",
    )


def _example() -> Shape:
    return fields(
        "An example.",
        {
            "name": TEXT.alone("Who calls, and why."),
            "call": {"$ref": "#/definitions/call"},
            "expect": {"$ref": "#/definitions/expect"},
        },
        "name call expect",
    )


def _tests(names: Names, about: str, **more: Shape) -> Shape:
    return fields(
        about,
        {
            "route": word(ROUTES).or_list("The way the call goes."),
            **{route: target.or_list(_MEANINGS[route]) for route, target in _targets(names).items()},
            "answer_within": WITHIN.or_list("The promise, as it is or at most so long."),
            "needs": _skill(names).or_list("All of these are asked of whoever takes it."),
            **{key: FLAG.or_list(about) for key, about in _TESTED.items()},
            **more,
        },
        minProperties=1,
    )
