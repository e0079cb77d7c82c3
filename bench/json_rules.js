// json-rules-engine for bench/engines.py: rules and calls on the first line, then one line for each stretch of time.
const { Engine } = require("json-rules-engine");
const lines = require("readline").createInterface({ input: process.stdin });

let engine, calls, last;

function load({ rules, calls: told }) {
  engine = new Engine();
  calls = told;
  last = rules.length;
  rules.forEach((when, place) =>
    engine.addRule({ conditions: { all: when }, event: { type: "taken", params: { place } }, priority: last - place,
      onSuccess: () => engine.stop() }));
  return {};
}

async function stretch({ first, seconds }) {
  const times = [], answers = [], until = performance.now() + 1000 * seconds;
  for (let n = first; n < first + calls.length; n++) {
    const at = n % calls.length, begun = performance.now();
    const { events } = await engine.run(calls[at]);
    const ended = performance.now();
    times.push(1000 * (ended - begun));
    answers.push([at, events.length ? Math.min(...events.map((event) => event.params.place)) : last]);
    if (ended > until) break;
  }
  return { times, answers };
}

(async () => {
  for await (const line of lines) {
    const told = JSON.parse(line);
    console.log(JSON.stringify(told.rules ? load(told) : await stretch(told)));
  }
})();
