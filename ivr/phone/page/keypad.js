// Twelve keys and a small display of what was pressed since the last question.

import { button, el, write } from "./dom.js";

const KEYS = [
  ["1", ""],
  ["2", "ABC"],
  ["3", "DEF"],
  ["4", "GHI"],
  ["5", "JKL"],
  ["6", "MNO"],
  ["7", "PQRS"],
  ["8", "TUV"],
  ["9", "WXYZ"],
  ["*", ""],
  ["0", "+"],
  ["#", ""],
];
const PRESSED_MS = 160;

export class Keypad {
  #buttons = new Map();
  #display = el("output", { class: "display", "aria-label": "Keys pressed" });

  // `hints` says what a key does, in place of its letters.
  constructor(press, hints = {}) {
    for (const [key, letters] of KEYS) this.#buttons.set(key, keyButton(key, hints[key] ?? letters, press));
    const pad = el("div", { class: "keys-grid" }, [...this.#buttons.values()]);
    this.element = el("div", { class: "keypad", role: "group", "aria-label": "Keypad" }, this.#display, pad);
  }

  has(key) {
    return this.#buttons.has(key);
  }

  pressed(key) {
    write(this.#display, this.#display.textContent + key);
    const shown = this.#buttons.get(key);
    shown.classList.add("down");
    setTimeout(() => shown.classList.remove("down"), PRESSED_MS);
  }

  forget() {
    write(this.#display, "");
  }

  enable(on) {
    for (const key of this.#buttons.values()) key.disabled = !on;
  }
}

function keyButton(key, letters, press) {
  return button(key, {
    class: "key",
    "aria-label": NAMES[key] ?? key,
    onclick: () => press(key),
    "data-letters": letters,
  });
}

const NAMES = { "*": "star", "#": "pound" };
