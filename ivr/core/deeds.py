"""What a flow does for the caller: each thing once, however often the caller comes by."""

from __future__ import annotations

from ivr.core import facts, flows
from ivr.core.draft import Draft, where_found
from ivr.core.effects import Effect, RequestRefill, RequestRenewal, SendText
from ivr.core.enquiring import PROOFS
from ivr.core.identity import code_sent, may_send_code, new_code


def do(draft: Draft, node: flows.Do) -> None:
    """Do what a node says, as far as the call has what it takes; the rest is put before the staff."""
    match node.what:
        case "request_refill" if draft.call.prescription:
            _once(draft, "refill", RequestRefill(draft.call.prescription, where_found(draft.call)))
        case "request_renewal" if draft.call.prescription:
            _once(draft, "renewal", RequestRenewal(draft.call.prescription, where_found(draft.call)))
        case "send_code":
            _send_code(draft)
        case "text":
            _text(draft, node.prompt or "")
        case "forget_prescription":
            _forget_prescription(draft)
        case what:
            draft.task(what)


def _forget_prescription(draft: Draft) -> None:
    """The next may be somebody else's of the same household, whose number is proof enough without a birth date.

    Nor is what did not fit offered again; what did, from a number nobody filed, is needed for the next one too.
    """
    facts.forget_prescription(draft)
    draft.put(trail=())  # the menus behind them were about the one that is forgotten
    is_proved = draft.call.facts.get("tier") in ("prescription", "verified")
    forgotten = ("rx_number",) if is_proved and not draft.call.on_file else ("rx_number", *PROOFS)
    draft.put(fields={name: value for name, value in draft.call.fields.items() if name not in forgotten})


def _once(draft: Draft, what: str, effect: Effect) -> None:
    """The same for the same prescription is asked for once in a call; for another one it is another order."""
    asked = f"{what}:{draft.call.prescription}"
    draft.put(trail=())  # there is no way back to before it was asked for
    if asked not in draft.call.requested:
        draft.put(requested=(*draft.call.requested, asked))
        draft.do(effect)


def _text(draft: Draft, prompt: str) -> None:
    """Words to read, to the number that rings, unless whoever has it wants none; nothing keyed in is ever in them."""
    if draft.call.caller.number and draft.call.facts.get("texts") != "no":
        values = {name: str(value) for name, value in draft.told_values().items()}
        _once(draft, f"text {prompt}", SendText(prompt, values, facts.language(draft)))


def _send_code(draft: Draft) -> None:
    """A code to the number that rings, if somebody is filed under it; the caller hears the same words either way."""
    if draft.call.on_file and draft.call.caller.attestation != "failed" and may_send_code(draft.call):
        code = new_code(draft.world.fresh[1])
        draft.call = code_sent(draft.call, code, draft.now)
        draft.do(SendText("code_text", {"code": code}, facts.language(draft)))
