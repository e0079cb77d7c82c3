// The practice phone: puts the caller's phone, the pharmacy's phones and the reasons side by side.

import { Beside } from "./beside.js";
import { Caller } from "./caller.js";
import { Clock } from "./clock.js";
import { write } from "./dom.js";
import * as exchange from "./exchange.js";
import { Names } from "./people.js";
import { Staff } from "./staff.js";
import { Voice } from "./voice.js";

const byId = (id) => document.getElementById(id);
const TICK_MS = 500;
const MAIN = "main";

const [voice, clock, names] = [new Voice(), new Clock(), new Names()];

const beside = new Beside({
  element: byId("beside"),
  clock,
  who: names.of,
  placed: (position) => (caller.handset.place = position),
  begin: (starter) => {
    see("caller");
    caller.suggest(starter.fits, starter.line ?? MAIN);
  },
});

const caller = new Caller({ element: byId("caller"), voice, clock, names, heard, placed: (leg) => beside.follow(leg) });
const staff = new Staff({ element: byId("staff"), voice, clock, names, heard });

function heard(line, handset) {
  if (line.kind === "violation" || line.kind === "failure") beside.complain(line);
  if (handset === caller.handset) beside.time(handset.state.milliseconds);
  if (line.kind === "webhook") beside.begin();
}

function ringing(legs) {
  const ofCallers = legs.filter((leg) => caller.owns(leg.number));
  const ofStaff = legs.filter((leg) => !caller.owns(leg.number));
  caller.ring(ofCallers);
  staff.ring(ofStaff);
  mark("caller", ofCallers.length);
  mark("staff", ofStaff.length);
}

function tick() {
  clock.tick();
  beside.tick();
  staff.line.tick();
  for (const handset of [caller.handset, ...staff.handsets]) handset.tick();
}

// ---------------------------------------------------------------- the bar, and narrow screens

function see(side) {
  document.body.dataset.view = side;
  for (const tab of document.querySelectorAll(".views button"))
    tab.setAttribute("aria-pressed", String(tab.dataset.to === side));
}

function mark(side, count) {
  document.querySelector(`.views [data-to="${side}"]`).classList.toggle("rings-now", count > 0);
}

function showSound() {
  write(byId("sound"), voice.on ? "Sound on" : "Muted");
}

function mountBar() {
  for (const tab of document.querySelectorAll(".views button"))
    tab.addEventListener("click", () => see(tab.dataset.to));
  byId("sound").addEventListener("click", () => {
    voice.turn(!voice.on);
    showSound();
  });
  showSound();
  clock.show(byId("clock"));
}

// ---------------------------------------------------------------- the beginning

function tell(problems) {
  byId("notice").hidden = !problems.length;
  write(byId("notice"), problems.join("\n"));
}

function name(told) {
  for (const person of told.people) names.add(person.phone, person.name);
  for (const one of [...told.agents, ...told.others]) names.add(one.number, one.name);
  for (const agent of told.agents) names.add(agent.id, agent.name);
  for (const line of told.lines) names.add(line.number, `the ${line.name} line`);
}

// Calls under way go on when the page is opened again, or was made from a terminal.
async function resume() {
  const calls = (await exchange.callsNow()).filter(
    (one) => one.direction === "inbound" || one.status === "in-progress",
  );
  const ofACaller = calls.find((one) => one.direction === "inbound" || caller.owns(one.number));
  if (ofACaller) caller.resume(ofACaller);
  for (const one of calls) if (one.direction !== "inbound" && !caller.owns(one.number)) staff.resume(one);
}

async function begin() {
  mountBar();
  const told = await exchange.cast();
  name(told);
  tell(told.problems);
  caller.cast(told);
  staff.cast(told);
  setInterval(tick, TICK_MS);
  exchange.watchRinging(ringing);
  await resume();
}

begin().catch((failure) => tell([`The practice exchange does not answer: ${failure.message}`]));
