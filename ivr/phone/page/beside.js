// Beside the call: what the line was thinking. Its reasons, its ticket and promise, what came of it, what was wrong.

import { el, put, title, write } from "./dom.js";
import * as exchange from "./exchange.js";
import { disposition, facts, reasons, ticket, turns } from "./inside.js";
import { trouble } from "./transcript.js";
import { starters } from "./starters.js";

// What each part shows, so that one that has not changed stays as it is, opened or closed by the reader.
const PARTS = [
  [ticket.card, (told) => [told.ticket, told.offers]],
  [reasons, (told) => [told.journal.filter((turn) => turn.why.length), told.call.place, told.ticket?.due_from]],
  [facts, (told) => told.call.facts],
  [disposition, (told) => told.disposition],
  [turns, (told) => told.journal],
];

const LOOK_EVERY_MS = 1000;
const GIVE_UP_AFTER = 5;

export class Beside {
  #call = null;
  #told = null;
  #unheard = 0;
  #answered = false;
  #looking = false;
  #clock;
  #who;
  #placed;
  #parts = [];

  // `who` names an agent; `placed(position)` is told the caller's place in line, or null; `begin(starter)` sets up a
  // first try.
  constructor({ element, clock, who, placed, begin }) {
    [this.#clock, this.#who, this.#placed] = [clock, who, placed];
    element.append(this.#wrong, this.#empty, this.#inside, this.#figures);
    put(this.#empty, starters(begin));
    setInterval(() => this.look(), LOOK_EVERY_MS);
  }

  follow(call) {
    [this.#call, this.#told, this.#unheard, this.#answered] = [call, null, 0, false];
    put(this.#wrong);
    this.#parts = PARTS.map(([make, of]) => ({ make, of, slot: el("div", { class: "part" }), shown: "" }));
    put(
      this.#inside,
      this.#parts.map((part) => part.slot),
    );
    write(this.#figures, "");
    this.#empty.hidden = true;
  }

  // The line has answered for the first time, so it knows the call.
  begin() {
    this.#answered = true;
    this.look();
  }

  // Shows what Twilio would complain about, whichever phone heard it.
  complain(line) {
    if (!this.#wrong.childElementCount) this.#wrong.append(title("Something is wrong"));
    this.#wrong.append(trouble(line, line.kind === "failure" ? "Failed" : "Twilio would complain"));
  }

  time(milliseconds) {
    if (!milliseconds.length) return;
    const sorted = [...milliseconds].sort((one, other) => one - other);
    const middle = Math.round(sorted[Math.floor(sorted.length / 2)]);
    const answers = sorted.length === 1 ? "1 answer" : `${sorted.length} answers`;
    write(this.#figures, `${answers} of the line · half within ${middle} ms · slowest ${Math.round(sorted.at(-1))} ms`);
  }

  async look() {
    if (!this.#answered || this.#looking || this.#isUnheard() || this.#isDone()) return;
    this.#looking = true;
    const call = this.#call;
    try {
      const told = await exchange.inside(call);
      if (call === this.#call) this.#take(told);
    } catch {
      this.#unknown();
    } finally {
      this.#looking = false;
    }
  }

  tick() {
    if (this.#told?.ticket) ticket.tick(this.#inside, this.#told.ticket, this.#clock);
  }

  // ------------------------------------------------------------ what is shown

  #wrong = el("div", { class: "wrong", role: "alert" });
  #empty = el("div", { class: "empty" });
  #inside = el("div", { class: "inside" });
  #figures = el("p", { class: "figures" });

  #isUnheard() {
    return this.#unheard > GIVE_UP_AFTER && !this.#told;
  }

  #isDone() {
    return this.#told?.disposition?.final && this.#told.disposition.in_order_system && this.#told.call.phase === "over";
  }

  #take(told) {
    [this.#told, this.#unheard] = [told, 0];
    this.#placed(told.ticket?.position ?? null);
    for (const part of this.#parts) this.#draw(part, told);
    this.tick();
  }

  #draw(part, told) {
    const now = JSON.stringify(part.of(told));
    if (now === part.shown) return;
    const opened = part.slot.querySelector("details")?.open;
    part.shown = now;
    put(part.slot, part.make(told, this.#who));
    const details = part.slot.querySelector("details");
    if (details && opened !== undefined) details.open = opened;
  }

  #unknown() {
    this.#unheard += 1;
    if (this.#isUnheard()) {
      put(
        this.#inside,
        el(
          "p",
          { class: "note" },
          "The line tells nothing about this call: its web process is away, or was never asked.",
        ),
      );
    }
  }
}
