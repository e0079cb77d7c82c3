// The phones that ring on one side of the page, each with its two answers.

import { button, el } from "./dom.js";
import * as exchange from "./exchange.js";
import { initials } from "./words.js";

export class Rings {
  element = el("div", { class: "rings", "aria-live": "assertive" });
  #cards = new Map();
  #nameOf;
  #isBusy;
  #answer;

  // `isBusy(number)` says whether that phone is in use, `answer(leg)` picks it up.
  constructor({ nameOf, isBusy, answer }) {
    [this.#nameOf, this.#isBusy, this.#answer] = [nameOf, isBusy, answer];
  }

  // A card stays the same element as long as its phone rings, so that a click on it is never lost.
  show(legs) {
    const ringing = new Set(legs.map(({ leg }) => leg));
    for (const [leg, card] of this.#cards) if (!ringing.has(leg)) this.#remove(leg, card);
    for (const leg of legs) this.#put(leg);
  }

  #put(leg) {
    const card = this.#cards.get(leg.leg) ?? this.#add(leg);
    card.querySelector(".answer").disabled = this.#isBusy(leg.number);
  }

  #add(leg) {
    const name = this.#nameOf(leg.number);
    const answer = button("Answer", { class: "answer", onclick: () => this.#answer(leg).catch(stoppedRinging) });
    const decline = button("Decline", {
      class: "decline",
      onclick: () => exchange.decline(leg.leg).catch(stoppedRinging),
    });
    const face = el("span", { class: "face", "aria-hidden": "true" }, initials(name));
    const words = el("p", {}, el("strong", {}, name), ringsAt(leg.number));
    const card = el(
      "div",
      { class: "ringing", role: "group", "aria-label": `${name}: the phone rings` },
      face,
      words,
      answer,
      decline,
    );
    this.#cards.set(leg.leg, card);
    this.element.append(card);
    return card;
  }

  #remove(leg, card) {
    card.remove();
    this.#cards.delete(leg);
  }
}

// Somebody may take calls in a browser or at a SIP phone, and then it is that which rings.
function ringsAt(address) {
  return /^(sip|client):/.test(address) ? `rings at ${address}` : "rings";
}

// The other side may give up in the very moment somebody answers; the card goes with the next look.
function stoppedRinging() {}
