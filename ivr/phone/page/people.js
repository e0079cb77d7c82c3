// Who can call: the cast of the sandbox by name, what is interesting about each, and the digits they know by heart.

import { el } from "./dom.js";
import { capital, initials, language, listed, phoneNumber, prescriptionState } from "./words.js";

// +266696687 spells ANONYMOUS: what a carrier sends for a caller who withholds their number.
const STRANGERS = [
  {
    id: "unknown",
    name: "Unknown number",
    phone: "+16145550199",
    about: "Nobody the pharmacy knows",
    kind: "stranger",
  },
  {
    id: "withheld",
    name: "Withheld number",
    phone: "+266696687",
    about: "The carrier tells no number",
    kind: "stranger",
  },
];

// The names of numbers, for every phone of the practice.
export class Names {
  #names = new Map(STRANGERS.map((one) => [one.phone, one.name]));

  add(number, name) {
    if (!this.#names.has(number)) this.#names.set(number, name);
  }

  of = (number) => this.#names.get(number) ?? phoneNumber(number);
}

export function callers(people) {
  const byId = new Map(people.map((person) => [person.id, person]));
  const known = people.map((person) => ({ ...person, about: about(person, byId), digits: digits(person, byId) }));
  return [...known, ...STRANGERS.map((one) => ({ ...one, prescriptions: [], digits: [] }))];
}

function about(person, byId) {
  const acts = named(person.acts_for, byId);
  const speaks = person.language && person.language !== "en" ? `speaks ${language(person.language)}` : "";
  const parts = [KINDS[person.kind], acts && `cares for ${acts}`, speaks, states(person)];
  return capital(parts.filter(Boolean).join(" · ")) || "Nothing on file";
}

const KINDS = { prescriber: "prescriber’s office", pharmacy: "another pharmacy" };

function named(ids, byId) {
  return listed((ids ?? []).map((id) => byId.get(id)?.name).filter(Boolean));
}

function states(person) {
  return [...new Set(person.prescriptions.map((one) => prescriptionState(one.state)))].join(" · ");
}

function digits(person, byId) {
  const patients = [person, ...(person.acts_for ?? []).map((id) => byId.get(id)).filter(Boolean)];
  const npi = person.npi ? [{ label: `NPI ${person.npi}`, digits: person.npi }] : [];
  return [...npi, ...patients.flatMap((patient) => theirs(patient, patient !== person))];
}

function theirs(patient, another) {
  const whose = another ? `${patient.name.split(" ")[0]}: ` : "";
  const filed = patient.prescriptions.map((one) => ({
    label: `${whose}Rx ${one.number} · ${prescriptionState(one.state)}`,
    digits: one.number,
  }));
  return patient.date_of_birth ? [...filed, birthday(patient, whose)] : filed;
}

function birthday(patient, whose) {
  const [year, month, day] = patient.date_of_birth.split("-");
  return { label: `${whose}born ${month}/${day}/${year}`, digits: `${month}${day}${year}` };
}

// A list to pick one caller from; `picked` is called with the caller.
export function picker(people, picked) {
  const choices = people.map((person, index) => choice(person, index === 0, picked));
  return el("fieldset", { class: "people" }, el("legend", { class: "unseen" }, "Who calls"), choices);
}

function choice(person, first, picked) {
  const radio = el("input", {
    type: "radio",
    name: "caller",
    value: person.id,
    checked: first,
    onchange: () => picked(person),
  });
  const words = el("span", { class: "person-words" }, el("strong", {}, person.name), el("span", {}, person.about));
  return el(
    "label",
    { class: `person ${person.kind}` },
    radio,
    el("span", { class: "face", "aria-hidden": "true" }, initials(person.name)),
    words,
  );
}
