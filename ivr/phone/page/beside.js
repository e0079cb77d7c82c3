// Beside the call: what the line was thinking. Its reasons, its ticket and promise, what came of it, what was wrong.

import { el, put, title, write } from "./dom.js";
import * as exchange from "./exchange.js";
import { disposition, facts, reasons, ticket, turns } from "./inside.js";
import { trouble } from "./transcript.js";
import { starters } from "./starters.js";

const LOOK_EVERY_MS = 1000;
const GIVE_UP_AFTER = 5;

export class Beside {
  #call = null;
  #told = null;
  #unheard = 0;
  #answered = false;
  #looking = false;
  #clock;
  #voiceOfPlace;

  // `placed(position)` is told the caller's place in line, or null; `begin(starter)` sets up a first try.
  constructor({ element, clock, placed, begin }) {
    [this.#clock, this.#voiceOfPlace] = [clock, placed];
    element.append(this.#wrong, this.#empty, this.#inside, this.#figures);
    put(this.#empty, starters(begin));
    setInterval(() => this.look(), LOOK_EVERY_MS);
  }

  follow(call) {
    [this.#call, this.#told, this.#unheard, this.#answered] = [call, null, 0, false];
    put(this.#wrong);
    put(this.#inside);
    write(this.#figures, "");
    this.#empty.hidden = true;
  }

  // The line has answered for the first time, so it knows the call.
  begin() {
    this.#answered = true;
    this.look();
  }

  // Counts and shows what Twilio would complain about, whichever phone heard it.
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
    if (!this.#answered || this.#looking || this.#unheard > GIVE_UP_AFTER || this.#isDone()) return;
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
    if (this.#told?.ticket) ticket.tick(this.#inside, this.#told.ticket, this.#clock.now());
  }

  // ------------------------------------------------------------ what is shown

  #wrong = el("div", { class: "wrong", role: "alert" });
  #empty = el("div", { class: "empty" });
  #inside = el("div", { class: "inside" });
  #figures = el("p", { class: "figures" });

  #isDone() {
    return this.#told?.disposition?.final && this.#told.disposition.in_order_system && this.#told.call.phase === "over";
  }

  #take(told) {
    const changed = JSON.stringify(told) !== JSON.stringify(this.#told);
    [this.#told, this.#unheard] = [told, 0];
    this.#voiceOfPlace(told.ticket?.position ?? null);
    if (!changed) return;
    put(this.#inside, ticket.card(told), reasons(told), facts(told), disposition(told), turns(told));
    this.tick();
  }

  #unknown() {
    this.#unheard += 1;
    if (this.#unheard > GIVE_UP_AFTER && !this.#told) {
      put(this.#inside, el("p", { class: "note" }, "The line tells nothing about this call: its web process is away, or was never asked."));
    }
  }
}
