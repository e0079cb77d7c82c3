// Shows what one phone hears and does as a conversation: the other side left, whoever holds the phone right.

import { el } from "./dom.js";
import { language, listed } from "./words.js";

const NEAR_THE_END_PIXELS = 60;

export class Transcript {
  #who;
  #last = null;

  // `who` names a number.
  constructor(label, who) {
    this.#who = who;
    this.element = el("div", { class: "transcript", role: "log", "aria-label": label, tabindex: "0" });
  }

  clear() {
    this.element.replaceChildren();
    this.#last = null;
  }

  // Returns the element of a line, or null for one that is not shown.
  add(line) {
    const make = this.#isIdle(line) ? null : SHOWN[line.kind];
    const entry = make ? make(line, this.#who) : null;
    if (entry) this.#append(entry);
    if (entry) this.#last = line;
    return entry;
  }

  // On hold the same music plays again and again, and nobody expects an answer.
  #isIdle(line) {
    return this.#last?.kind === "played" && ["played", "silent"].includes(line.kind);
  }

  #append(entry) {
    const { scrollHeight, scrollTop, clientHeight } = this.element;
    const atTheEnd = scrollHeight - scrollTop - clientHeight < NEAR_THE_END_PIXELS;
    this.element.append(entry);
    if (atTheEnd) this.element.scrollTop = this.element.scrollHeight;
  }
}

const SHOWN = {
  said: (line) => theirs(line.text, foreign(line.language)),
  heard: (line, who) => theirs(line.text, who(line.by)),
  keyed: (line) =>
    el(
      "p",
      { class: "mine keys" },
      hidden("pressed "),
      [...line.digits].map((key) => el("kbd", {}, key)),
    ),
  spoke: (line) => el("p", { class: "mine" }, line.text),
  recorded: (line) =>
    line.text ? el("p", { class: "mine" }, tag("message left"), line.text) : note("Nothing was recorded"),
  silent: () => note("Silence"),
  ignored: (line) =>
    note(line.what === "keys" ? `Nobody listened for the key ${line.value}` : `Nobody listened for “${line.value}”`),
  played: (line) => (line.what.startsWith("keys") ? null : el("p", { class: "music" }, bars(), "Music")),
  recording: () => note("Beep: the line records now"),
  queued: () => note("On hold, in line for a person"),
  "queue full": () => note("The line is full"),
  dialing: (line, who) => note(`Ringing ${listed(line.numbers.map(who))}`),
  bridged: (line, who) => note(`Connected with ${listed(line.others.map(who))}`, "good"),
  alone: () => note("Waiting for the other to come"),
  hold: () => note("Put on hold"),
  unhold: () => note("Back from hold"),
  mute: () => note("Muted"),
  unmute: () => note("Heard again"),
  greeting: () => note("A machine picked up"),
  beep: () => note("Its beep: it records now"),
  "announcement failed": () => note("An announcement could not be had"),
  "falling back": () => note("The line failed here; its fallback answers"),
  failure: (line) => trouble(line, "Failed"),
  violation: (line) => trouble(line, "Twilio would complain"),
  over: (line) => note(line.by === "the caller" ? "Hung up" : `The call was ended by ${line.by}`),
};

function theirs(text, from) {
  return el("p", { class: "theirs" }, from ? tag(from) : null, text);
}

function foreign(code) {
  return code && !code.startsWith("en") ? language(code) : "";
}

function tag(text) {
  return el("span", { class: "tag" }, text);
}

function hidden(text) {
  return el("span", { class: "unseen" }, text);
}

function note(text, more = "") {
  return el("p", { class: `note ${more}` }, text);
}

function bars() {
  return el("span", { class: "bars", "aria-hidden": "true" }, el("i"), el("i"), el("i"));
}

export function trouble(line, what) {
  const code = line.code ? ` ${line.code}` : "";
  const twiml = line.twiml ? el("details", {}, el("summary", {}, "The document"), el("pre", {}, line.twiml)) : null;
  return el(
    "div",
    { class: "trouble" },
    el("strong", {}, `${what}${code}`),
    el("p", {}, line.text),
    el("code", {}, line.path),
    twiml,
  );
}
