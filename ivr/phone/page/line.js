// Who is in line, in the order they are served: the earliest promise first, whatever the queue.

import { el, put, title, write } from "./dom.js";
import { capital, duration, plain } from "./words.js";

const KINDS = { hold: "on the line", callback: "to be called back", voicemail: "left a message" };
const LONG_SECONDS = 3600;

export class WaitingLine {
  element = el("section", { class: "line", "aria-label": "In line", hidden: true });
  #clock;
  #rows = [];
  #shown = "";

  constructor(clock) {
    this.#clock = clock;
  }

  show(tickets) {
    if (JSON.stringify(tickets) === this.#shown) return;
    this.#shown = JSON.stringify(tickets);
    this.#rows = tickets.map((ticket) => ({ ticket, due: el("span", { class: "due" }) }));
    put(this.element, title("In line, earliest promise first"), el("ol", {}, this.#rows.map(row)));
    this.element.hidden = !tickets.length;
    this.tick();
  }

  tick() {
    for (const { ticket, due } of this.#rows) write(due, this.#due(ticket));
  }

  #due({ emergency, promised_at: promised }) {
    const left = (Date.parse(promised) - this.#clock.now()) / 1000;
    if (emergency) return "now";
    if (left > LONG_SECONDS) return `by ${this.#clock.wall(Date.parse(promised))}`;
    return left < 0 ? `passed ${duration(-left)} ago` : `within ${duration(left)}`;
  }
}

function row({ ticket, due }) {
  const words = el(
    "span",
    {},
    el("strong", {}, capital(plain(ticket.queue))),
    ` ${KINDS[ticket.kind] ?? plain(ticket.kind)}`,
  );
  return el("li", { class: ticket.emergency ? "emergency" : "" }, words, due);
}
