// One phone in somebody's hand: who it is, what it hears, keys, words, and the buttons that fit what it is doing.

import { button, el, put, write } from "./dom.js";
import * as exchange from "./exchange.js";
import { Keypad } from "./keypad.js";
import { after, caption, IDLE, isLive } from "./leg.js";
import { Transcript } from "./transcript.js";
import { canListen, listen } from "./voice.js";
import { initials } from "./words.js";

export class Handset {
  leg = null;
  state = IDLE;
  place = null;
  #stop = new AbortController();
  #voice;
  #clock;
  #who;
  #heard;

  // `heard(line, handset)` is called with every line; `who` names a number.
  constructor({ label, voice, clock, who, heard, hints }) {
    [this.#voice, this.#clock, this.#who, this.#heard] = [voice, clock, who, heard];
    this.transcript = new Transcript(`What ${label} hears`, who);
    this.keypad = new Keypad((key) => this.press(key), hints);
    this.#build(label);
    this.#draw();
  }

  get isLive() {
    return isLive(this.state);
  }

  // Shows another person, with digits they may want to press at hand: [{label, digits}].
  belongsTo(name, detail, digits = []) {
    write(this.#name, name);
    write(this.#detail, detail);
    write(this.#face, initials(name));
    put(
      this.#shortcuts,
      digits.map((one) => this.#shortcut(one)),
    );
    this.#shortcuts.hidden = !digits.length;
  }

  // Follows a leg of the exchange from its first line.
  attach(leg) {
    this.detach();
    [this.leg, this.state, this.place] = [leg, IDLE, null];
    this.transcript.clear();
    this.keypad.forget();
    this.#voice.putToEar(this);
    exchange.follow(leg, (line) => this.#take(line), this.#stop.signal);
  }

  detach() {
    this.#stop.abort();
    this.#stop = new AbortController();
    this.#voice.hush(this);
    [this.leg, this.state] = [null, IDLE];
    this.#draw();
  }

  async press(keys) {
    if (!this.isLive) return;
    this.#voice.putToEar(this);
    this.#voice.hush(this);
    this.#voice.tone(keys[0]);
    for (const key of keys) this.keypad.pressed(key);
    await this.#try(() => exchange.press(this.leg, keys));
  }

  async say(text) {
    if (!text.trim() || !this.isLive) return;
    this.#voice.hush(this);
    await this.#try(() => exchange.speak(this.leg, text.trim()));
  }

  async hangUp() {
    await this.#try(() => exchange.hangUp(this.leg));
  }

  // Called every second, so that what counts goes on counting.
  tick() {
    const idle = this.state.doing === "idle" ? "" : caption(this.state, this.#clock.now(), this.place, this.#who);
    write(this.#caption, idle);
  }

  // ------------------------------------------------------------ what it hears

  #take(line) {
    this.state = after(this.state, line);
    const entry = this.transcript.add(line);
    if (line.kind === "recording") this.#voice.beep(this);
    if (line.kind === "said") this.#voice.say(this, line, entry);
    if (["keyed", "spoke", "over", "bridged"].includes(line.kind)) this.#voice.hush(this);
    if (["keyed", "silent", "over"].includes(line.kind)) this.keypad.forget();
    this.#voice.play(this, this.state.music);
    this.#draw();
    this.#heard(line, this);
  }

  async #try(request) {
    try {
      await request();
    } catch (failure) {
      this.transcript.element.append(el("p", { class: "note" }, failure.message));
    }
  }

  // ------------------------------------------------------------ how it looks

  #name = el("strong", { class: "name" });
  #detail = el("span", { class: "detail" });
  #face = el("span", { class: "face", "aria-hidden": "true" });
  #caption = el("p", { class: "caption" });
  #shortcuts = el("div", { class: "shortcuts", role: "group", "aria-label": "Digits at hand" });
  #words = el("input", {
    class: "words",
    autocomplete: "off",
    placeholder: "Say something…",
    "aria-label": "What you say",
  });
  #hangUp = button("Hang up", { class: "hang-up", onclick: () => this.hangUp() });
  #footer = el("div", { class: "footer" });

  #build(label) {
    const head = el("header", {}, this.#face, el("div", {}, this.#name, this.#detail), this.#caption);
    const parts = [head, this.transcript.element, this.#composer(), this.#shortcuts, this.keypad.element, this.#footer];
    this.element = el(
      "section",
      { class: "handset", "aria-label": label, tabindex: "-1", onkeydown: (event) => this.#key(event) },
      parts,
    );
    this.element.addEventListener("pointerdown", () => this.#voice.putToEar(this));
  }

  #composer() {
    const send = button("Say", { class: "say", onclick: () => this.#send() });
    const keep = (event) => (event.key === "Enter" ? this.#send() : event.stopPropagation());
    this.#words.addEventListener("keydown", keep);
    this.#composed = el("div", { class: "composer" }, this.#words, canListen ? this.#microphone() : null, send);
    return this.#composed;
  }

  #composed;

  #microphone() {
    const microphone = button("", {
      class: "microphone",
      "aria-label": "Speak with the microphone",
      "aria-pressed": "false",
    });
    const over = () => microphone.setAttribute("aria-pressed", "false");
    microphone.addEventListener("click", () => {
      this.#voice.hush(this);
      microphone.setAttribute("aria-pressed", "true");
      listen(this.state.language ?? "en-US", (text) => this.say(text), over);
    });
    return microphone;
  }

  #send() {
    const text = this.#words.value;
    this.#words.value = "";
    this.say(text);
  }

  #shortcut({ label, digits }) {
    return button(label, { class: "shortcut", title: `Keys in ${digits}`, onclick: () => this.press(digits) });
  }

  #key(event) {
    const typing = event.ctrlKey || event.metaKey || event.altKey;
    if (typing || !this.keypad.has(event.key)) return;
    event.preventDefault();
    this.press(event.key);
  }

  // What stands under the keypad while no call is on.
  rest(...buttons) {
    this.#resting = buttons;
    this.#draw();
  }

  #resting = [];

  #draw() {
    const live = this.isLive;
    this.element.dataset.doing = this.state.doing;
    this.keypad.enable(live);
    this.#words.disabled = !live;
    for (const one of this.#composed.querySelectorAll("button")) one.disabled = !live;
    for (const one of this.#shortcuts.children) one.disabled = !live;
    put(this.#footer, live ? [this.#hangUp] : this.#resting);
    this.tick();
  }
}
