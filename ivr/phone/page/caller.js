// The caller's side: pick who calls and which line, dial, and hold the phone; it also rings, when the line calls back.

import { button, el, put, title } from "./dom.js";
import * as exchange from "./exchange.js";
import { Handset } from "./handset.js";
import { callers, picker } from "./people.js";
import { Rings } from "./ringing.js";
import { capital, phoneNumber, plain } from "./words.js";

// What every call flow understands, whatever else it asks.
const HINTS = { "*": "again", 0: "person", "#": "done" };

export class Caller {
  #voice;
  #names;
  #rings;
  #people = [];
  #person = null;

  // `placed(leg)` is called with the id of every call made here.
  constructor({ element, voice, clock, names, heard, placed }) {
    [this.#voice, this.#names, this.placed] = [voice, names, placed];
    this.handset = new Handset({ label: "the caller's phone", voice, clock, who: names.of, heard, hints: HINTS });
    this.handset.element.hidden = true;
    const rings = { nameOf: names.of, isBusy: () => this.handset.isLive, answer: (leg) => this.#answer(leg) };
    this.#rings = new Rings(rings);
    element.append(this.#rings.element, this.#choosing, this.handset.element);
  }

  cast({ people, lines }) {
    this.#people = callers(people);
    this.#person = this.#people[0];
    this.#lines.replaceChildren(...lines.map((line) => el("option", { value: line.number }, lineName(line))));
    this.#dial.disabled = !lines.length;
    put(
      this.#choosing,
      title("Who is calling?"),
      picker(this.#people, (person) => (this.#person = person)),
      this.#dialing(),
    );
  }

  // Points at somebody the list should call as, and on which line, for a first try.
  suggest(fits, line) {
    const person = this.#people.find(fits) ?? this.#people.at(-1);
    this.#showChoices();
    const radio = this.#choosing.querySelector(`input[value="${CSS.escape(person.id)}"]`);
    radio.click();
    radio.closest("label").scrollIntoView({ block: "nearest" });
    const option = [...this.#lines.options].find((one) => one.text.startsWith(capital(line))) ?? this.#lines.options[0];
    if (option) this.#lines.value = option.value;
    this.#dial.focus();
  }

  owns(number) {
    return this.#people.some((person) => person.phone === number);
  }

  ring(legs) {
    this.#rings.show(legs);
  }

  resume(leg) {
    this.#hold(this.#personAt(leg.number), leg.leg);
    this.placed(leg.leg);
  }

  // ------------------------------------------------------------ choosing and dialing

  #choosing = el("div", { class: "choosing" });
  #lines = el("select", { "aria-label": "Which line to dial" });
  #dial = button("Dial", { class: "dial", onclick: () => this.#call() });
  #refusal = el("p", { class: "refusal", role: "alert" });

  #dialing() {
    return el("div", { class: "dialing" }, this.#lines, this.#dial, this.#refusal);
  }

  async #call() {
    this.#refusal.textContent = "";
    try {
      const { leg } = await exchange.dial(this.#person.phone, this.#lines.value, this.#voice.pace);
      this.#hold(this.#person, leg);
      this.placed(leg);
    } catch (failure) {
      this.#showChoices();
      this.#refusal.textContent = failure.message;
    }
  }

  async #answer({ leg, number }) {
    await exchange.answer(leg, this.#voice.pace);
    this.#hold(this.#personAt(number), leg);
  }

  #hold(person, leg) {
    this.#person = person;
    this.handset.belongsTo(person.name, phoneNumber(person.phone), person.digits);
    this.handset.rest(this.#again(), this.#another());
    this.#choosing.hidden = true;
    this.handset.element.hidden = false;
    this.handset.attach(leg);
    this.handset.element.focus();
  }

  #again() {
    return button("Call again", { class: "dial", onclick: () => this.#call() });
  }

  #another() {
    return button("Somebody else", { onclick: () => this.#showChoices() });
  }

  #showChoices() {
    if (this.handset.isLive) return;
    this.handset.detach();
    this.handset.element.hidden = true;
    this.#choosing.hidden = false;
  }

  #personAt(number) {
    const stranger = { id: "", name: this.#names.of(number), phone: number, digits: [] };
    return this.#people.find((person) => person.phone === number) ?? stranger;
  }
}

function lineName(line) {
  return `${capital(plain(line.name))} line · ${phoneNumber(line.number)}`;
}
