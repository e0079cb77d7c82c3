// What a phone is doing, worked out from what it has heard so far: one line in, the next state out.

import { duration, listed, ordinal } from "./words.js";

export const IDLE = Object.freeze({
  doing: "idle",
  others: [],
  asked: null,
  heldAt: null,
  music: false,
  milliseconds: [],
});

const CHANGES = {
  calling: () => ({ doing: "calling" }),
  ringing: () => ({ doing: "ringing" }),
  answered: (state, line) => ({ doing: "listening", answeredAt: line.at }),
  webhook: (state, line) => ({ milliseconds: [...state.milliseconds, line.ms] }),
  said: (state, line) => ({ language: line.language, music: false }),
  played: (state, line) => ({ music: /^https?:/.test(line.what) ? line.what : state.music }),
  music: () => ({ music: true }),
  quiet: () => ({ music: false }),
  gathering: (state, line) => ({ asked: line }),
  keyed: () => ({ asked: null, music: false }),
  spoke: (state) => (state.others.length ? {} : { asked: null }),
  silent: () => ({ asked: null }),
  recording: (state, line) => ({ doing: "recording", finishOn: line.finish_on }),
  recorded: () => ({ doing: "listening" }),
  queued: (state, line) => ({ doing: "holding", heldAt: line.at }),
  "left queue": () => RELEASED,
  moved: () => RELEASED,
  dialing: (state, line) => ({ ...RELEASED, doing: "dialing", others: line.numbers }),
  joined: () => ({ ...RELEASED, doing: "alone" }),
  bridged: (state, line) => ({ ...RELEASED, doing: "talking", others: line.others, metAt: state.metAt ?? line.at }),
  alone: () => ({ doing: "alone", others: [], music: false }),
  left: () => ({ doing: "listening", others: [], metAt: null }),
  hold: () => ({ doing: "held" }),
  unhold: () => ({ doing: "talking" }),
  over: (state, line) => ({ ...RELEASED, doing: "over", ending: line }),
};

const RELEASED = Object.freeze({ doing: "listening", asked: null, heldAt: null, music: false });

export function after(state, line) {
  const change = CHANGES[line.kind];
  return change ? { ...state, ...change(state, line) } : state;
}

export const isLive = (state) => state.doing !== "idle" && state.doing !== "over";
export const isRinging = (state) => state.doing === "ringing";

// `now` is the practice time in milliseconds, `place` the caller's place in line, `who` names a number.
export function caption(state, now, place, who) {
  const say = CAPTIONS[state.doing];
  const question = state.asked && !["talking", "holding"].includes(state.doing) ? turn(state.asked) : "";
  return question || (say ? say(state, now, place, who) : "");
}

const CAPTIONS = {
  calling: () => "Calling…",
  ringing: () => "Ringing",
  listening: () => "The line is speaking",
  recording: (state) => (state.finishOn ? `Recording · ${finish(state.finishOn)} ends it` : "Recording"),
  dialing: (state, now, place, who) => `Ringing ${listed(state.others.map(who))}…`,
  holding: (state, now, place) => {
    const held = `On hold for ${since(state.heldAt, now)}`;
    return place ? `${held} · ${ordinal(place)} in line` : held;
  },
  held: () => "Put on hold",
  alone: () => "Waiting for the other to come",
  talking: (state, now, place, who) => `With ${listed(state.others.map(who))} · ${since(state.metAt, now)}`,
  over: (state) => ending(state.ending),
};

function finish(keys) {
  return keys.length === 1 ? keys : "any key";
}

function turn(asked) {
  const many =
    asked.num_digits === 1
      ? "a key"
      : asked.num_digits
        ? `${asked.num_digits} digits`
        : `digits, then ${asked.finish_on}`;
  const press = asked.digits ? `press ${many}` : "";
  return `Your turn: ${[press, asked.speech ? "speak" : ""].filter(Boolean).join(" or ")}`;
}

const ENDINGS = {
  busy: "Declined",
  "no-answer": "Nobody answered",
  canceled: "Stopped ringing",
  failed: "Could not be reached",
};

function ending(over) {
  const by = over.by === "the caller" ? "hung up" : `ended by ${over.by}`;
  return ENDINGS[over.status] ?? `Call over · ${by} after ${duration(over.seconds)}`;
}

function since(at, now) {
  return duration((now - Date.parse(at)) / 1000);
}
