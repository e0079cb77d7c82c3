"""What an editor knows about the pharmacy's files while they are written: JSON Schema, one for each kind of file.

Editors read it through the first line of a file (`# yaml-language-server: $schema=…`) and offer words, explain keys and
underline mistakes. `ivr check` stays the judge: a schema refuses nothing that `ivr check` takes, and cannot see what
two places say together. It is draft-07, the newest that all editors read. Three things are done for their sake:

- No `oneOf` and no `anyOf`: their failures are told as "does not match any", at the wrong place. A field that takes a
  value, a list or `{not: …}` is one shape whose parts bind their own type: `if` it is a single value, `then` the words,
  `else` what stands in the list or the mapping. So a mistyped word is answered with the words there are.
- An `enum` cannot stand beside a list, and `pattern` offers nothing. What can be written is offered by
  `defaultSnippets`, which also writes `yes` without the quotes an editor puts around it when it stands in an `enum`.
  A plain field has a plain `enum`.
- `errorMessage` says in our words what the editor would say in those of JSON. Who does not know these two ignores them.

Flags are the words yes and no: editors read YAML 1.2, where they are no booleans. Numbers may also be text, which is
how ranges are written and how `ivr check` reads everything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ivr.content.names import Names
from ivr.content.schema import config, flows, rules, speech
from ivr.content.schema.shapes import Shape

__all__ = ["FILES", "schema_of"]

FILES: Mapping[str, Callable[[Names], Shape]] = {
    "rules": rules.rules,
    "flow": flows.flow,
    "prompts": flows.prompts,
    "speech": speech.speech,
    "lines": config.lines,
    "sites": config.sites,
    "queues": config.queues,
    "hours": config.hours,
    "staff": config.staff,
    "policies": config.policies,
    "facts": config.facts,
    "medicines": config.medicines,
}
"""Every kind of file an author writes, and who describes it."""


def schema_of(kind: str, names: Names) -> Shape:
    """Return the JSON Schema of a kind of file, a key of FILES; it offers the pharmacy's own names as far as known."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$comment": "Written by `ivr schema` from what `ivr check` reads; changes here are lost.",
        **FILES[kind](names),
    }
