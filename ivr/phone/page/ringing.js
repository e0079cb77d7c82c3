// A phone that rings, with its two answers.

import { button, el } from "./dom.js";
import * as exchange from "./exchange.js";

export function ringingCard(leg, name, busy, answer) {
  const text = el("p", {}, el("strong", {}, name), busy ? " rings; hang up first to answer" : " rings");
  const take = button("Answer", { class: "answer", disabled: busy, onclick: () => answer().catch(stoppedRinging) });
  const refuse = button("Decline", { class: "decline", onclick: () => exchange.decline(leg.leg).catch(stoppedRinging) });
  return el("div", { class: "ringing", role: "group", "aria-label": `${name}: the phone rings` }, text, take, refuse);
}

// The other side may give up in the very moment somebody answers; the card goes with the next look.
function stoppedRinging() {}
