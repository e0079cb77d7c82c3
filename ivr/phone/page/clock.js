// The pharmacy's time: shown, counted on between looks, and set for everybody who practises.

import { button, el, put, write } from "./dom.js";
import * as exchange from "./exchange.js";

const LOOK_EVERY_MS = 5000;
const WALL = { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const SPEEDS = [1, 5, 20, 60];

export class Clock {
  #told = null;
  #toldAt = 0;

  // The practice time in milliseconds, as far as this page knows.
  now() {
    if (!this.#told) return Date.now();
    return Date.parse(this.#told.now) + (performance.now() - this.#toldAt) * this.#told.speed;
  }

  // A moment as the clocks at the pharmacy show it.
  wall(at) {
    return new Intl.DateTimeFormat("en-US", { ...WALL, timeZone: this.#told?.zone }).format(at);
  }

  show(element) {
    element.append(this.#face, this.#state, this.#opener, this.#panel);
    this.#panel.addEventListener("toggle", () => this.#drawPanel());
    this.#look();
    setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  tick() {
    if (!this.#told) return;
    write(this.#face, this.wall(this.now()));
    const speed = this.#told.speed === 1 ? "" : ` · ×${this.#told.speed}`;
    write(this.#state, `${this.#told.closed_because ? `closed: ${this.#told.closed_because}` : "open"}${speed}`);
    this.#state.dataset.open = this.#told.closed_because ? "no" : "yes";
  }

  // ------------------------------------------------------------ setting it

  #face = el("time", { class: "face-of-clock", title: "The pharmacy's own time" });
  #state = el("span", { class: "pill" });
  #opener = button("Set the time", { class: "quiet", popovertarget: "set-time" });
  #panel = el("div", { class: "panel", id: "set-time", popover: "auto" });
  #refusal = el("p", { class: "refusal", role: "alert" });
  #at = el("input", { type: "datetime-local", "aria-label": "The pharmacy's date and time" });

  async #look() {
    try {
      this.#take(await exchange.time());
    } catch {
      // The exchange is away; whoever follows a call says so, and the clock counts on.
    }
  }

  #take(told) {
    [this.#told, this.#toldAt] = [told, performance.now()];
    this.tick();
  }

  #drawPanel() {
    write(this.#refusal, "");
    this.#at.value = this.#wallTime();
    put(this.#panel, this.#told?.settable ? this.#choices() : this.#explanation());
  }

  // As a field for date and time wants it: 2026-11-24T10:00.
  #wallTime() {
    const wall = { timeZone: this.#told?.zone, dateStyle: "short", timeStyle: "short" };
    return new Intl.DateTimeFormat("sv-SE", wall).format(this.now()).replace(" ", "T");
  }

  #choices() {
    const presets = [...this.#told.presets, { name: "The real time, now", at: "now" }];
    const go = el(
      "div",
      { class: "row" },
      this.#at,
      button("Set", { onclick: () => this.#set({ at: this.#at.value }) }),
    );
    const faster = SPEEDS.map((speed) =>
      button(`×${speed}`, { "aria-pressed": String(speed === this.#told.speed), onclick: () => this.#set({ speed }) }),
    );
    return [
      el("h2", {}, "Set the pharmacy’s time"),
      ...presets.map(({ name, at }) => button(name, { class: "preset", onclick: () => this.#set({ at }) })),
      go,
      el(
        "div",
        { class: "row", role: "group", "aria-label": "How fast time runs" },
        el("span", {}, "Time runs"),
        faster,
      ),
      this.#refusal,
    ];
  }

  #explanation() {
    const how = el("code", {}, "RXLINE_CLOCK=2026-11-24T10:00-05:00 make run");
    return el(
      "p",
      {},
      "The line runs on real time, which nobody can set. To practise another hour, start it with ",
      how,
      ".",
    );
  }

  async #set(wanted) {
    try {
      this.#take(await exchange.setTime(wanted));
      this.#panel.hidePopover();
    } catch (failure) {
      write(this.#refusal, failure.message);
    }
  }
}
