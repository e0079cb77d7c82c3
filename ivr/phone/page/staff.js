// The pharmacy's side: everybody who takes calls, whose phone rings, and the phones they hold.

import { button, el, put, title, write } from "./dom.js";
import * as exchange from "./exchange.js";
import { Handset } from "./handset.js";
import { WaitingLine } from "./line.js";
import { Rings } from "./ringing.js";
import { initials, language, listed, plain } from "./words.js";

const LOOK_EVERY_MS = 2000;

export class Staff {
  #with;
  #rings;
  #agents = [];
  #phones = new Map(); // number -> Handset
  #rows = new Map(); // number -> row

  constructor({ element, ...others }) {
    this.#with = others;
    this.element = element;
    this.#rings = new Rings({
      nameOf: others.names.of,
      isBusy: (number) => this.#phones.get(number)?.isLive ?? false,
      answer: (leg) => this.#answer(leg),
    });
    this.line = new WaitingLine(others.clock);
    element.append(title("The pharmacy’s phones"), this.#rings.element, this.#list, this.line.element, this.#held);
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
    this.#rings.show(legs);
    for (const [number, row] of this.#rows)
      row.classList.toggle(
        "rings-now",
        legs.some((leg) => leg.number === number),
      );
  }

  resume(leg) {
    this.#hold(leg.number, leg.leg);
  }

  // ------------------------------------------------------------ who is there

  #list = el("ul", { class: "agents", "aria-label": "Who takes calls" });
  #held = el("div", { class: "held" });

  #row(agent) {
    const licence = agent.licensed ? el("span", { class: "licensed", title: "A licensed pharmacist" }, "Rx") : null;
    const words = el(
      "span",
      { class: "person-words" },
      el("strong", {}, agent.name, licence),
      el("span", {}, serves(agent)),
    );
    const face = el("span", { class: "face", "aria-hidden": "true" }, initials(agent.name));
    const open = button("", {
      class: "agent",
      disabled: true,
      title: `${agent.name}: ${serves(agent)}`,
      onclick: () => this.#show(agent.number),
    });
    open.append(face, words, el("span", { class: "presence" }));
    return el("li", {}, open);
  }

  async #look() {
    try {
      const { agents, line } = await exchange.desk();
      for (const agent of agents) this.#mark(agent);
      this.line.show(line);
    } catch {
      for (const row of this.#rows.values()) delete row.dataset.presence; // where they are is not known now
    }
  }

  #mark({ id, presence, reason }) {
    const row = this.#rows.get(this.#agents.find((agent) => agent.id === id)?.number);
    if (!row) return;
    row.dataset.presence = presence;
    write(row.querySelector(".presence"), reason ? `${plain(presence)}: ${plain(reason)}` : plain(presence));
    row.title =
      reason === "missed"
        ? `Did not answer a call. Back by itself in a while, or at once with: ivr agents ${id} available`
        : "";
  }

  // ------------------------------------------------------------ the phones they hold

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
    this.#enable(number, true);
    this.#held.append(phone.element);
    return phone;
  }

  #enable(number, on) {
    const row = this.#rows.get(number);
    if (row) row.firstElementChild.disabled = !on;
  }

  #show(number) {
    if (!this.#phones.has(number)) return;
    for (const [one, phone] of this.#phones) phone.element.hidden = one !== number;
    for (const [one, row] of this.#rows) row.classList.toggle("shown", one === number);
    this.element.classList.add("engaged");
  }

  #putDown(number) {
    this.#phones.get(number).element.remove();
    this.#phones.delete(number);
    this.#enable(number, false);
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
