// First calls worth making, for somebody who opens the page and wonders what to do.

import { el, title } from "./dom.js";

const has = (state) => (person) => person.prescriptions.some((one) => one.state === state);

const STARTERS = [
  {
    name: "A refill nobody waits for",
    text: "Ask for a refill and key in the number from the label.",
    fits: has("eligible"),
  },
  {
    name: "An emergency",
    text: "Say “overdose” at the menu, then answer at a pharmacist’s phone.",
    fits: (person) => person.id === "unknown",
  },
  {
    name: "A prescriber’s office",
    text: "After the language, straight to verification: no menu.",
    fits: (person) => person.kind === "prescriber",
  },
  { name: "A late insulin parcel", text: "Ask about the order: the promise gets short.", fits: has("delayed") },
  {
    name: "In Spanish",
    text: "Press 2, ask for a person: somebody who speaks Spanish is rung.",
    fits: (person) => person.language === "es",
  },
  {
    name: "At night",
    text: "Set the time to 22:00 above, and call as anybody.",
    fits: (person) => person.id === "withheld",
  },
];

export function starters(begin) {
  const cards = STARTERS.map((one) => {
    const words = [el("strong", {}, one.name), el("span", {}, one.text)];
    return el("li", {}, el("button", { type: "button", class: "starter", onclick: () => begin(one) }, words));
  });
  return [
    title("Beside the call"),
    el(
      "p",
      {},
      "Dial, and this side shows what the line is thinking: which rule took the call, which it passed over and why, what it promised, and what came of it.",
    ),
    el("h3", {}, "Try one"),
    el("ul", { class: "starters" }, cards),
  ];
}
