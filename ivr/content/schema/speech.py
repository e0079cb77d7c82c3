"""`callflows/speech/*.yaml` in an editor."""

from __future__ import annotations

from ivr.content.names import Names
from ivr.content.schema.shapes import TEXT, Shape, Single, by_name, fields, whole_file
from ivr.content.speech import LEVELS, LONGEST
from ivr.core.rules import FACTS

_ABOUT = {
    "emergency": "Somebody may be in danger now.",
    "urgent": "It cannot wait, and nobody is in danger this minute.",
    "ask": "It may be nothing: the caller is asked whether somebody is in danger.",
}


def speech(names: Names) -> Shape:
    """Return the shape of one language's file of speech."""
    phrase = Single(TEXT.types, {**TEXT.limits, "maxLength": LONGEST})
    intents = {intent: phrase.list("Phrases of this intent.") for intent in FACTS["intent"].values}
    return whole_file(
        "What this pharmacy's callers say, on top of what is built in; docs/speech.md says how a phrase is written.",
        {
            "red_flags": fields(
                "Phrases that decide how pressing a call is.",
                {level: phrase.list(_ABOUT[level]) for level in LEVELS},
            ),
            "intents": fields("Phrases that decide what a call is about.", intents),
            "not": phrase.list("What sounds dangerous and is not."),
            "medicines": _medicines(phrase),
            "lists": by_name("Words that phrases may name as <list>, by name of the list.", phrase.list("The words.")),
        },
        "version",
    )


def _medicines(phrase: Single) -> Shape:
    heard = {**phrase.list("How it gets misheard."), "minItems": 0}
    return {"description": "Medicines by name.", "type": "object", "additionalProperties": heard}
