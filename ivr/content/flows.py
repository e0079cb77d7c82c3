"""Reads `callflows/*.yaml`: one flow a file, a graph of named nodes. `docs/flows.md` is the author's guide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ivr.content import scalars
from ivr.content.conditions import fact_at, read_value, read_when
from ivr.content.names import Names
from ivr.content.problems import did_you_mean
from ivr.content.reading import Fields, keyed, listed, named, one_of, one_or_more, reference, scalar
from ivr.content.written import Item, Wrong, text
from ivr.core import flows
from ivr.core.rules import UNKNOWN, Value

FOLDER = "callflows/"
MOST_OPTIONS = 5
ENTRIES = (
    *("rx_number", "date_of_birth", "npi", "phone", "zip", "code", "digits", "letters", "strength", "unit"),
    "speech",
)
QUESTIONS = ("who", "prescription", "identity", "prescriptions", "prescriber")
DEEDS = ("request_refill", "request_renewal", "send_code", "text", "forget_prescription")
RESOLUTIONS = (
    *("resolved_ivr", "refill_ordered", "refill_scheduled", "renewal_requested", "status_given", "info_given"),
    *("message_taken", "verified_prescriber", "callback_promised", "unresolved", "wrong_number", "no_consent"),
    "duplicate_contact",
)


@dataclass(frozen=True, slots=True)
class WrittenFlow:
    """A flow and where its nodes stand, so that checks of the whole graph can point."""

    flow: flows.Flow
    top: Item
    places: Mapping[str, Item]


def read_flow(name: str, top: Item, names: Names) -> WrittenFlow:
    """Return one file's flow; raises Wrong after reporting every fault."""
    fields = Fields(top, "a call flow")
    fields.need("version", scalar(scalars.version))
    title = fields.take("title", text, "")
    written = top.at("nodes").pairs if top.at("nodes") is not top else ()
    known = {key.text for key, _ in written}
    start = fields.need("start", reference("node of this flow", known))
    reader = _Nodes(names, known)
    nodes = fields.need("nodes", named(reader.read, "a node"))
    fields.done()
    if len(nodes) < len(known):
        raise Wrong
    return WrittenFlow(flows.Flow(name, start, nodes, title), top, {key.text: key for key, _ in written})


class _Nodes:
    """Reads nodes: exactly one key of NODE_KINDS says what kind a node is."""

    def __init__(self, names: Names, nodes: set[str]) -> None:
        self._names = names
        self._to = reference("node of this flow", nodes)
        self._prompt = reference("prompt", names.prompts)

    def read(self, name: str, item: Item) -> flows.Node:
        fields = Fields(item, "a node")
        kinds = [kind for kind in NODE_KINDS if kind in fields]
        if not kinds:
            hints = (did_you_mean(key.text, NODE_KINDS) for key, _ in item.pairs)
            hint = next((hint for hint in hints if hint), f"; it does one of {', '.join(NODE_KINDS)}")
            raise Wrong("missing", f'what does "{name}" do{hint}', item)
        if len(kinds) > 1:
            raise Wrong("duplicate", f'"{name}" does one thing; keep one of {" and ".join(kinds)}', item)
        node = NODE_KINDS[kinds[0]](self, fields)
        fields.done()
        return node

    def say(self, fields: Fields) -> flows.Node:
        notice = "notice" in fields
        return flows.SayNode(
            fields.need("notice" if notice else "say", self._prompt),
            fields.need("then", self._to),
            notice=notice,
            every_language=fields.take("languages", _all, False),
            resolution=fields.take("resolution", _resolution, None),
        )

    def menu(self, fields: Fields) -> flows.Node:
        menu = flows.Menu(
            fields.need("menu", self._prompt),
            fields.need("options", self._options) or {},
            fields.take("silence", self._to, None),
            fields.take("languages", _all, False),
            fields.take("unless_known", one_of("a fact", self._names.facts), None),
            fields.take("then", self._to, None),
            fields.take("understand", self._to, None),
            fields.take("help", self._prompt, None),
        )
        if menu.unless_known and menu.then is None:
            fields.fault(Wrong("missing", "where does the call go when the fact is known? add `then`"), fields.item)
        if menu.then and menu.unless_known is None:
            fields.fault(Wrong("missing", "each option says `then`; a menu's own is for `unless_known`"), fields.item)
        return menu

    def _options(self, item: Item) -> dict[str, flows.Option]:
        options = keyed(self._option, "a menu's options")(item)
        if not options:
            raise Wrong("type", "a menu needs an option", item)
        # Danger is no choice among others: it stands first, and nobody has to weigh it against the rest.
        choices = sum(option.facts.get("urgency") != "emergency" for option in options.values())
        if choices > MOST_OPTIONS:
            raise Wrong("range", f"{choices} options are more than a caller can keep in mind; five at most", item)
        return options

    def _option(self, key: Item, item: Item) -> flows.Option:
        if key.text not in tuple("12345678"):
            raise Wrong("range", f'"{key.text}" is no key for an option; 1 to 8 are, and 0, 9 and * are kept', key)
        fields = Fields(item, "an option")
        option = flows.Option(
            fields.need("then", self._to),
            fields.take("set", self._facts, {}),
            fields.take("hear", self._phrases, {}),
        )
        fields.done()
        return option

    def _facts(self, item: Item) -> dict[str, Value]:
        def read(key: Item, value: Item) -> Value:
            fact = fact_at(key, self._names.facts)
            if fact.always_known:
                raise Wrong("range", f"{key.text} is told by the call itself; a menu cannot set it", key)
            return read_value(fact)(value)

        return keyed(read, "a set of facts")(item)

    def _phrases(self, item: Item) -> dict[str, tuple[str, ...]]:
        def read(key: Item, value: Item) -> tuple[str, ...]:
            reference("file of prompts", self._names.languages)(key)
            return one_or_more(text)(value)

        return keyed(read, "phrases by language")(item)

    def collect(self, fields: Fields) -> flows.Node:
        return flows.Collect(
            fields.need("collect", scalar(_field)),
            fields.need("prompt", self._prompt),
            fields.need("as", one_of("something a caller can key in or say", ENTRIES)),
            fields.need("then", self._to),
            fields.take("length", scalar(scalars.whole(1, 32)), None),
            fields.take("secret", scalar(scalars.flag), True),
            fields.take("help", self._prompt, None),
            fields.take("instead", keyed(self._way_out, "ways out by key"), {}),
        )

    def _way_out(self, key: Item, item: Item) -> str:
        if key.text not in tuple("12345678"):
            raise Wrong("range", f'"{key.text}" is no key for a way out; 1 to 8 are, and 0, 9 and * are kept', key)
        return self._to(item)

    def ask(self, fields: Fields) -> flows.Node:
        question = fields.need("ask", one_of("a question we can ask", QUESTIONS))
        return flows.AskNode(question, fields.need("then", self._to))

    def pick(self, fields: Fields) -> flows.Node:
        return flows.Pick(
            fields.need("pick", self._prompt), fields.need("then", self._to), fields.need("none", self._to)
        )

    def choose(self, fields: Fields) -> flows.Node:
        return flows.Choose(fields.need("choose", listed(self._case)) or (), fields.need("otherwise", self._to))

    def _case(self, item: Item) -> flows.Case:
        fields = Fields(item, "a case")
        case = flows.Case(
            fields.need("when", lambda value: read_when(value, self._names.facts)),
            fields.need("then", self._to),
        )
        fields.done()
        if not case.when:
            raise Wrong("unreachable", "this case takes every call; write it as `otherwise`", item)
        return case

    def sub_flow(self, fields: Fields) -> flows.Node:
        return flows.SubFlow(fields.need("flow", reference("flow", self._names.flows)), fields.need("then", self._to))

    def return_(self, fields: Fields) -> flows.Node:
        fields.need("return", _yes)
        return flows.Return()

    def route(self, fields: Fields) -> flows.Node:
        return flows.Route(fields.need("route", _yes_or_person) == "person")

    def message(self, fields: Fields) -> flows.Node:
        has_items = "keep" in fields
        if not has_items and "prompt" in fields:
            fields.refuse("prompt", "only a message with `keep` has words of its own")
        return flows.TakeMessage(
            fields.need("message", reference("queue", self._names.queues)),
            fields.take("keep", listed(scalar(_field)), ()),
            fields.need("prompt", self._prompt) if has_items else None,
        )

    def medicine(self, fields: Fields) -> flows.Node:
        return flows.CheckMedicine(
            fields.need("medicine", scalar(_field)),
            fields.need("then", self._to),
            fields.need("controlled", self._to),
            fields.need("mistaken", self._to),
        )

    def transfer(self, fields: Fields) -> flows.Node:
        return flows.TransferTo(fields.need("transfer", reference("transfer", self._names.transfers)))

    def do(self, fields: Fields) -> flows.Node:
        what = fields.need("do", one_of("something we can do", DEEDS))
        if what in DEEDS and what != "text" and "prompt" in fields:
            fields.refuse("prompt", "only `do: text` has words of its own")
        prompt = fields.need("prompt", self._prompt) if what == "text" else fields.take("prompt", self._prompt, None)
        return flows.Do(what, fields.need("then", self._to), prompt)

    def hang_up(self, fields: Fields) -> flows.Node:
        return flows.HangUpNode(fields.need("hang_up", self._prompt), fields.take("resolution", _resolution, None))


NODE_KINDS: Mapping[str, Callable[[_Nodes, Fields], flows.Node]] = {
    "say": _Nodes.say,
    "notice": _Nodes.say,
    "menu": _Nodes.menu,
    "collect": _Nodes.collect,
    "ask": _Nodes.ask,
    "pick": _Nodes.pick,
    "choose": _Nodes.choose,
    "flow": _Nodes.sub_flow,
    "return": _Nodes.return_,
    "route": _Nodes.route,
    "message": _Nodes.message,
    "transfer": _Nodes.transfer,
    "medicine": _Nodes.medicine,
    "do": _Nodes.do,
    "hang_up": _Nodes.hang_up,
}

_resolution = one_of("a resolution", RESOLUTIONS)


def _yes(item: Item) -> bool:
    if not scalars.flag(text(item)):
        raise Wrong("unknown-value", "only yes makes sense here; or leave the node out", item)
    return True


def _yes_or_person(item: Item) -> str:
    return one_of("a way to route", ("yes", "person"))(item)


def _all(item: Item) -> bool:
    return bool(one_of("a choice of languages", ("all",))(item))


def _field(told: str) -> str:
    if not told.isascii() or not told.replace("_", "").isalnum() or told != told.lower() or told == UNKNOWN:
        raise Wrong("type", f'"{told}" cannot name what is keyed in; use small letters, digits and _')
    return told
