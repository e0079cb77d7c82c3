"""Keys pressed from habit: where a question is passed over, what would have answered it answers the next one."""

from __future__ import annotations

from collections.abc import Iterator

from ivr.core import flows
from ivr.proof.graph import ASKING, FlowFinding, Script, unasked_ways

At = tuple[tuple[str, str], ...]  # flow and node; before it those to come back to


def habits(script: Script) -> Iterator[FlowFinding]:
    """Yield menus that are not asked of everybody, and whose keys mean something else at the question after them."""
    for flow in script.flows.values():
        for name, node in flow.nodes.items():
            if isinstance(node, flows.Menu) and node.unless_known and node.then:
                for at in _next_questions(script, ((flow.name, node.then),)):
                    yield from _confused(script, flow.name, name, node, at[-1])


def _confused(script: Script, flow: str, name: str, menu: flows.Menu, place: tuple[str, str]) -> Iterator[FlowFinding]:
    after = script.flows[place[0]].nodes[place[1]]
    keys = [key for key, option in menu.options.items() if _means_else(option, key, after, alike=flow == place[0])]
    if keys and place != (flow, name):
        where = place[1] if flow == place[0] else ".".join(place)
        message = (
            f'whoever is not asked "{name}" again comes to "{where}" at once, and pressing {" or ".join(keys)}'
            " from habit chooses something else there; use other keys"
        )
        yield FlowFinding("remark", message, flow, name, "warning")


def _means_else(option: flows.Option, key: str, after: flows.Node, *, alike: bool) -> bool:
    """Return whether a key of one menu means something else at another question; `alike`: they are of one flow."""
    if not isinstance(after, flows.Menu) or key not in after.options:
        return False
    other = after.options[key]
    return not alike or (other.then, dict(other.facts)) != (option.then, dict(option.facts))


def _next_questions(script: Script, start: At) -> Iterator[At]:
    """Yield the questions that may be asked next. A key pressed while a notice is said goes nowhere."""
    ahead, seen = [start], {start}
    while ahead:
        at = ahead.pop(0)
        node = script.flows[at[-1][0]].nodes[at[-1][1]]
        if isinstance(node, ASKING):
            yield at
        for there in _unasked(script, at, node):
            if there not in seen:
                seen.add(there)
                ahead.append(there)


def _unasked(script: Script, at: At, node: flows.Node) -> Iterator[At]:
    flow = at[-1][0]
    match node:
        case flows.SayNode() if node.notice:
            return
        case flows.SubFlow():
            if node.flow in script.flows and node.flow not in (name for name, _ in at):
                yield (*at[:-1], (flow, node.then), (node.flow, script.flows[node.flow].start))
        case flows.Return() if len(at) > 1:
            yield at[:-1]
        case flows.Return():
            yield from ((place,) for place in _after(script, flow))
        case _:
            yield from ((*at[:-1], (flow, name)) for name in unasked_ways(node))


def _after(script: Script, flow: str) -> Iterator[tuple[str, str]]:
    """Yield where calls go on that come back from a flow."""
    for caller in script.flows.values():
        for node in caller.nodes.values():
            if isinstance(node, flows.SubFlow) and node.flow == flow:
                yield caller.name, node.then
