// The parts of a call from inside, each from what the web process tells: {call, ticket, offers, journal, disposition}.

import { el, title, write } from "./dom.js";
import { capital, duration, language, listed, ordinal, plain, within } from "./words.js";

// ---------------------------------------------------------------- the ticket and its promise

export const ticket = {
  card({ ticket: one, offers }, who) {
    if (!one) return null;
    const offered = offers.map((offer) =>
      el("li", {}, `${capital(plain(who(offer.agent)))}: ${OFFERS[offer.state] ?? plain(offer.state)}`),
    );
    const words = `${capital(plain(one.queue))} · ${KINDS[one.kind] ?? plain(one.kind)} · ${plain(one.state)}`;
    return el(
      "section",
      { class: `ticket ${one.emergency ? "emergency" : ""}` },
      title(one.emergency ? "Emergency ticket" : "Ticket"),
      el(
        "div",
        { class: "promise" },
        ring(),
        el("div", {}, el("p", { class: "countdown" }), el("p", { class: "detail" }, words), place(one)),
      ),
      needs(one),
      offered.length ? el("ul", { class: "offers", "aria-label": "Who was offered it" }, offered) : null,
    );
  },

  tick(inside, one, clock) {
    const card = inside.querySelector(".ticket");
    const until = one.answered_at ? Date.parse(one.answered_at) : clock.now();
    const left = (Date.parse(one.promised_at) - until) / 1000;
    write(card.querySelector(".countdown"), countdown(one, left, clock));
    card.dataset.promise = one.emergency && one.answered_at ? "answered" : left < 0 ? "late" : "kept";
    const part = one.answer_within_seconds ? left / one.answer_within_seconds : 0;
    card.querySelector(".left").style.strokeDashoffset = String(100 - 100 * Math.min(1, Math.max(0, part)));
  },
};

const KINDS = { hold: "on the line", callback: "to be called back", voicemail: "left a message" };
const OFFERS = {
  open: "ringing",
  accepted: "took it",
  declined: "declined",
  missed: "did not answer",
  withdrawn: "no longer needed",
  ended: "talked",
};

const LONG_SECONDS = 3600;

function countdown(one, left, clock) {
  if (one.answered_at) return answered(one, left);
  if (one.state === "closed") return "Closed without an answer";
  if (one.emergency) return `A pharmacist, now: ${duration(-left)}`;
  if (left > LONG_SECONDS) return `A person by ${clock.wall(Date.parse(one.promised_at))}`;
  return left < 0 ? `Promise passed ${duration(-left)} ago` : `A person within ${duration(left)}`;
}

function answered(one, left) {
  if (one.emergency) return `Answered after ${duration(-left)}`;
  return left < 0 ? `Answered ${duration(-left)} late` : "Answered in time";
}

function place(one) {
  return one.position ? el("p", { class: "detail" }, `${ordinal(one.position)} of ${one.waiting} in line`) : null;
}

function needs(one) {
  const wanted = [one.licensed ? "a licensed pharmacist" : "", ...one.needs].filter(Boolean);
  return wanted.length ? el("p", { class: "detail" }, `Needs ${listed(wanted)}`) : null;
}

const SVG = "http://www.w3.org/2000/svg";

function ring() {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 36 36");
  svg.setAttribute("class", "ring");
  svg.setAttribute("aria-hidden", "true");
  svg.append(circle("whole"), circle("left"));
  return svg;
}

function circle(name) {
  const one = document.createElementNS(SVG, "circle");
  for (const [key, value] of Object.entries({ class: name, cx: 18, cy: 18, r: 15.5, pathLength: 100 }))
    one.setAttribute(key, value);
  return one;
}

// ---------------------------------------------------------------- why

// What a caller said is evidence, and decides nothing.
const isRule = (reason) => reason.rule !== "what was heard";

export function reasons({ call, journal, ticket: one }) {
  const heard = journal.flatMap((turn) => turn.why).findLast((reason) => !isRule(reason));
  const deciding = journal.filter((turn) => turn.why.some(isRule));
  if (!deciding.length) return undecided(call, heard);
  const why = deciding.at(-1).why.filter(isRule);
  const [taken, passed] = [why.filter((reason) => reason.taken), why.filter((reason) => !reason.taken)];
  const earlier =
    deciding.length > 1
      ? el("p", { class: "detail" }, `Decided ${deciding.length} times as more was known; this is the last.`)
      : null;
  return el(
    "section",
    { class: "why" },
    title("Why"),
    taken.map((reason) => takenCard(reason, call.decision, one)),
    passedOver(passed),
    evidence(heard),
    earlier,
  );
}

function undecided({ place }, heard) {
  const at = place.at(-1);
  const where = at
    ? ["the caller is at ", el("code", {}, `${at.flow}/${at.node}`), " of the call flow."]
    : ["the caller is still in the call flow."];
  return el("section", {}, title("Why"), el("p", { class: "detail" }, "No rule was asked yet: ", where), evidence(heard));
}

function evidence(heard) {
  return heard ? el("p", { class: "detail" }, "What was heard: ", heard.because, " ", source(heard)) : null;
}

function takenCard(reason, decision, one) {
  return el(
    "div",
    { class: "taken" },
    el("p", {}, el("strong", {}, reason.rule === "otherwise" ? "Otherwise" : reason.rule)),
    el("p", { class: "because" }, reason.because),
    decision ? el("p", { class: "leads" }, leadsTo(decision, one)) : null,
    source(reason),
  );
}

const ROUTES = {
  queue: "in line for",
  self_service: "the machine serves:",
  voicemail: "a message for",
  callback: "a callback from",
  transfer: "transferred to",
  announce: "told:",
};

// When the pharmacy is closed, its promise counts from the next opening, which the ticket knows.
function leadsTo(decision, one) {
  const seconds = decision.answer_within_seconds;
  const known = seconds !== null && (decision.route === "queue" || one);
  const opening = seconds && one && startsLater(one) ? " of opening" : "";
  const promise = known ? `, a person ${within(seconds)}${opening}` : "";
  return `→ ${ROUTES[decision.route]} ${plain(decision.target)}${promise}`;
}

const A_WHILE_MS = 600_000;

function startsLater({ arrived_at: arrived, due_from: due }) {
  return Date.parse(due) - Date.parse(arrived) > A_WHILE_MS;
}

function passedOver(passed) {
  if (!passed.length) return null;
  const rows = passed.map((reason) =>
    el("li", {}, el("strong", {}, reason.rule), el("span", {}, reason.because), source(reason)),
  );
  return el(
    "details",
    { class: "passed", open: true },
    el("summary", {}, `Passed over ${passed.length} before it`),
    el("ol", {}, rows),
  );
}

function source({ file, line }) {
  return file ? el("code", { class: "source" }, line ? `${file}:${line}` : file) : null;
}

// ---------------------------------------------------------------- what is known of the caller

const QUIET_FACTS = new Set(["line", "site", "open", "hours", "time", "weekday", "attestation"]);

export function facts({ call }) {
  const known = Object.entries(call.facts).filter(([name, value]) => value !== "unknown" && !QUIET_FACTS.has(name));
  const chips = known.map(([name, value]) =>
    el("li", {}, el("span", {}, plain(name)), ` ${name === "language" ? language(value) : plain(value)}`),
  );
  return el("section", {}, title("What the line knows"), el("ul", { class: "facts" }, chips));
}

// ---------------------------------------------------------------- what came of it

const SHOWN_CODES = ["outcome", "code", "reached", "queue", "waited_seconds", "promise_kept", "rule"];
const ANSWERS = new Map([
  [true, "yes"],
  [false, "no"],
]);

export function disposition({ disposition: one }) {
  if (!one) return null;
  const rows = SHOWN_CODES.filter((name) => one.body[name] !== null && one.body[name] !== undefined);
  const pairs = rows.flatMap((name) => [
    el("dt", {}, plain(name)),
    el("dd", {}, ANSWERS.get(one.body[name]) ?? plain(one.body[name])),
  ]);
  const written = one.in_order_system ? "in the order system" : "on its way to the order system";
  return el(
    "section",
    { class: "disposition" },
    title("What came of it"),
    el("dl", {}, pairs),
    el("p", { class: "detail" }, `${one.final ? "Final" : "Not final yet"} · ${written}`),
  );
}

// ---------------------------------------------------------------- turn by turn

export function turns({ journal }) {
  const rows = journal.map((turn) =>
    el(
      "li",
      {},
      el("span", { class: "event" }, sentence(turn.event)),
      el("span", { class: "detail" }, plain(turn.event.phase)),
    ),
  );
  return el("details", { class: "turns" }, el("summary", {}, `Turn by turn (${journal.length})`), el("ol", {}, rows));
}

function sentence({ event, ...told }) {
  const more = Object.entries(told)
    .filter(([name, value]) => name !== "phase" && value !== null)
    .map(([name, value]) => `${plain(name)} ${value}`);
  return more.length ? `${event} – ${more.join(", ")}` : event;
}
