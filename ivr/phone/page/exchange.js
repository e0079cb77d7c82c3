// Talks to the practice exchange: the handset API, and the page's own doors beside it.

const LONG_POLL_SECONDS = 20;
const AFTER_A_FAILURE_MS = 1500;

export class Refused extends Error {}

async function ask(path, body) {
  const how = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(path, body === undefined ? {} : how);
  const told = await answer.json();
  if (!answer.ok) throw new Refused(told.error ?? `the exchange answered ${answer.status}`);
  return told;
}

export const cast = () => ask("/phone/cast");
export const time = () => ask("/phone/clock");
export const setTime = (wanted) => ask("/phone/clock", wanted);
export const inside = (leg) => ask(`/phone/calls/${leg}`);
export const desk = () => ask("/phone/desk");

export const callsNow = async () => (await ask("/handset/calls")).calls;
export const dial = (from, to, pace) => ask("/handset/calls", { from, to, pace, stir: "A" });
export const press = (leg, digits) => ask(`/handset/calls/${leg}/keys`, { digits });
export const speak = (leg, text) => ask(`/handset/calls/${leg}/speech`, { text });
export const answer = (leg, pace) => ask(`/handset/calls/${leg}/answer`, { pace });
export const decline = (leg) => ask(`/handset/calls/${leg}/decline`, {});
export const hangUp = (leg) => ask(`/handset/calls/${leg}/hangup`, {});

// Gives each new line of a leg to `hear`, in order, until the leg is over or `signal` stops it.
export async function follow(leg, hear, signal) {
  let heard = 0;
  while (!signal.aborted) {
    const told = await patiently(() => ask(`/handset/calls/${leg}?after=${heard}&wait=${LONG_POLL_SECONDS}`));
    if (told === null) return;
    for (const line of told.lines) {
      if (signal.aborted) return;
      heard = line.n;
      hear(line);
      if (line.kind === "over") return;
    }
  }
}

// Tells `show` which phones ring, for ever.
export async function watchRinging(show) {
  let rang = false;
  for (;;) {
    const wait = rang ? 0 : LONG_POLL_SECONDS;
    const told = await patiently(() => ask(`/handset/ringing?wait=${wait}`));
    const ringing = told?.ringing ?? [];
    rang = ringing.length > 0;
    show(ringing);
    if (rang) await pause(400);
  }
}

// A refusal is final (null); an exchange that cannot be reached is asked again, and the page says so.
async function patiently(request) {
  for (;;) {
    try {
      const told = await request();
      document.body.classList.remove("unreachable");
      return told;
    } catch (failure) {
      if (failure instanceof Refused) return null;
      document.body.classList.add("unreachable");
      await pause(AFTER_A_FAILURE_MS);
    }
  }
}

function pause(milliseconds) {
  return new Promise((resume) => setTimeout(resume, milliseconds));
}
