// The pharmacy's side: everybody who takes calls, whose phone rings, and the phones they hold.

import { button, el, put, title } from "./dom.js";
import * as exchange from "./exchange.js";
import { Handset } from "./handset.js";
import { ringingCard } from "./ringing.js";
import { initials, language, listed, plain } from "./words.js";

const LOOK_EVERY_MS = 2000;

export class Staff {
  #with;
  #agents = [];
  #phones = new Map(); // number -> Handset
  #rows = new Map(); // number -> row
  #shown = null;

  constructor({ element, ...others }) {
    this.#with = others;
    this.element = element;
    element.append(title("The pharmacy’s phones"), this.#rings, this.#list, this.#held);
  }

  cast({ agents }) {
    this.#agents = agents;
    this.#rows = new Map(agents.map((agent) => [agent.number, this.#row(agent)]));
    put(this.#list, [...this.#rows.values()]);
    this.#look();
    setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  get handsets() {
    return [...this.#phones.values()];
  }

  ring(legs) {
    const held = (number) => this.#phones.get(number)?.isLive ?? false;
    put(this.#rings, legs.map((leg) => ringingCard(leg, this.#name(leg), held(leg.number), () => this.#answer(leg))));
    for (const [number, row] of this.#rows) row.classList.toggle("rings-now", legs.some((leg) => leg.number === number));
  }

  resume(leg) {
    this.#hold(leg.number, leg.leg);
  }

  // ------------------------------------------------------------ who is there

  #rings = el("div", { class: "rings", "aria-live": "assertive" });
  #list = el("ul", { class: "agents", "aria-label": "Who takes calls" });
  #held = el("div", { class: "held" });

  #row(agent) {
    const licence = agent.licensed ? el("span", { class: "licensed", title: "A licensed pharmacist" }, "Rx") : null;
    const words = el("span", { class: "person-words" }, el("strong", {}, agent.name, licence), el("span", {}, serves(agent)));
    const face = el("span", { class: "face", "aria-hidden": "true" }, initials(agent.name));
    const open = button("", { class: "agent", title: `${agent.name}: ${serves(agent)}`, onclick: () => this.#show(agent.number) });
    open.append(face, words, el("span", { class: "presence" }));
    return el("li", {}, open);
  }

  async #look() {
    try {
      for (const at of (await exchange.desk()).agents) this.#mark(at);
    } catch {
      for (const row of this.#rows.values()) delete row.dataset.presence; // where they are is not known now
    }
  }

  #mark({ id, presence, reason }) {
    const row = this.#rows.get(this.#agents.find((agent) => agent.id === id)?.number);
    if (!row) return;
    row.dataset.presence = presence;
    row.querySelector(".presence").textContent = reason ? `${plain(presence)}: ${plain(reason)}` : plain(presence);
  }

  // ------------------------------------------------------------ the phones they hold

  #name(leg) {
    return this.#with.names.of(leg.number);
  }

  async #answer(leg) {
    await exchange.answer(leg.leg, this.#with.voice.pace);
    this.#hold(leg.number, leg.leg);
  }

  #hold(number, leg) {
    const phone = this.#phones.get(number) ?? this.#phone(number);
    phone.attach(leg);
    this.#show(number);
    phone.element.focus();
  }

  #phone(number) {
    const { voice, clock, names, heard } = this.#with;
    const phone = new Handset({ label: `${names.of(number)}’s phone`, voice, clock, who: names.of, heard });
    const agent = this.#agents.find((one) => one.number === number);
    phone.belongsTo(names.of(number), agent ? serves(agent) : "");
    phone.rest(button("Put the phone down", { onclick: () => this.#putDown(number) }));
    this.#phones.set(number, phone);
    this.#held.append(phone.element);
    return phone;
  }

  #show(number) {
    if (!this.#phones.has(number)) return;
    this.#shown = number;
    for (const [one, phone] of this.#phones) phone.element.hidden = one !== number;
    for (const [one, row] of this.#rows) row.classList.toggle("shown", one === number);
    this.element.classList.add("engaged");
  }

  #putDown(number) {
    this.#phones.get(number).element.remove();
    this.#phones.delete(number);
    this.#rows.get(number)?.classList.remove("shown");
    const [other] = this.#phones.keys();
    if (other) this.#show(other);
    else this.element.classList.remove("engaged");
  }
}

function serves(agent) {
  const speaks = agent.languages.filter((code) => code !== "en").map(language);
  return [listed(agent.queues.map(plain)), ...speaks].join(" · ");
}
