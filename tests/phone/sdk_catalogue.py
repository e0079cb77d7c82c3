"""The TwiML catalogue as the installed Twilio SDK has it: which elements, where, with which attributes.

`python -m tests.phone.sdk_catalogue` writes it beside the practice phone's lint, after an upgrade of the SDK.
"""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import Any

from twilio.twiml import TwiML, lower_camel, voice_response

import ivr.phone

CATALOGUE = Path(ivr.phone.__file__).with_name("twiml_catalogue.json")
_MADE = re.compile(r"return self\.nest\(\s*(\w+)\(")


def catalogue() -> dict[str, dict[str, Any]]:
    """Return {class: {element, children: {element: class}, attributes: [...]}} for every TwiML class."""
    classes = {name: kind for name, kind in vars(voice_response).items() if _is_twiml(kind)}
    entries = {name: {"element": _element(kind), "children": {}, "attributes": set()} for name, kind in classes.items()}
    for name, kind in classes.items():
        for method in vars(kind).values():
            made = _MADE.search(inspect.getsource(method)) if inspect.isfunction(method) else None
            if made and made[1] in classes:
                child = entries[made[1]]
                entries[name]["children"][child["element"]] = made[1]
                child["attributes"] |= _parameters(method) - _parameters(classes[made[1]].__init__)
    return {name: {**entry, "attributes": sorted(entry["attributes"])} for name, entry in sorted(entries.items())}


def _is_twiml(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, TwiML) and kind is not TwiML


def _element(kind: type[TwiML]) -> str:
    # Text comes first in some constructors (`Say(message)`), and is no attribute.
    text = [p for p in inspect.signature(kind).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    return str(kind(*["" for _ in text]).name)


def _parameters(function: Any) -> set[str]:
    named = inspect.signature(function).parameters.values()
    return {
        lower_camel(TwiML.MAP.get(p.name, p.name))
        for p in named
        if p.name != "self" and p.kind is p.POSITIONAL_OR_KEYWORD
    }


if __name__ == "__main__":
    CATALOGUE.write_text(json.dumps(catalogue(), indent=1, sort_keys=True) + "\n")
