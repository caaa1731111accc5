// A comparison as the viewer knows it: several runs side by side, and the figures of each. Pure.
import { createRecording } from "./run_recording.js";
import { sampleCount, solutionsOf, votesBy } from "./run_state.js";

// The state after a whole stream (comparison_stream.py): { about: { id, entries, tokens (the limit, null in a comparison
// by samples), selector }, lanes: by entry { state, trying, run (as run_state.js has it; null: nothing fits the budget),
// recording (of the run) } }.
export function comparisonOf(text) {
  return createComparisonReader().read(text);
}

// Reads a string that only grows; another comparison is read from its start. `changed` are the lanes that the latest
// reading has news of.
export function createComparisonReader() {
  let about = null, lanes = [], firstLine = "", seen = 0, place = 0;
  const LINES = {
    comparison(facts) { [about, lanes] = [facts, facts.entries.map(() => null)]; },
    lane(at, standing) {
      place = at;
      lanes[at] = { run: null, recording: createRecording(), told: "", ...lanes[at], ...standing };
      if (standing.state === "none") lanes[at].run = null;
    },
  };
  // Another run of the lane begins its recording anew.
  function hear(lane, kind, line) {
    lane.told = `${kind === "run" ? "" : lane.told}${line}\n`;
  }
  return {
    read(text) {
      const first = text.slice(0, text.indexOf("\n") + 1);
      if (first !== firstLine || text.length < seen) [firstLine, seen] = [first, 0];
      const changed = new Set();
      for (const line of text.slice(seen).split("\n").filter(Boolean)) {
        const [kind, ...fields] = JSON.parse(line);
        if (LINES[kind]) LINES[kind](...fields);
        else hear(lanes[place], kind, line);
        if (kind !== "comparison") changed.add(place);
      }
      for (const lane of [...changed].map((at) => lanes[at])) {
        if (!lane.told) continue;
        lane.recording.read(lane.told);
        lane.run = lane.state === "none" ? null : lane.recording.latest;
      }
      seen = text.length;
      return { about, lanes, changed };
    },
  };
}

export const rowHeads = [
  "strategy", "setting", "samples", "answer", "right", "solutions", "tokens", "generated_tokens", "prompt_tokens",
  "verifier_tokens", "flops", "sequential_depth", "seconds", "ended", "seed",
];

// A lane's result in figures, its answer chosen by a selector; null where nothing is known.
export function comparisonRow({ title, detail }, lane, selector) {
  const row = { ...Object.fromEntries(rowHeads.map((head) => [head, null])), strategy: title, setting: detail };
  const run = lane?.run;
  if (!run) return row;
  const { about, cost, status } = run, [vote] = votesBy(run, { selector, aggregate: about.aggregate }).rows;
  return {
    ...row, samples: about.budget, answer: vote?.answer.text ?? null, right: vote?.answer.right ?? null,
    solutions: sampleCount(solutionsOf(run)), tokens: cost.generated_tokens + cost.prefill_tokens + cost.verifier_tokens,
    generated_tokens: cost.generated_tokens, prompt_tokens: cost.prefill_tokens, verifier_tokens: cost.verifier_tokens,
    flops: cost.flops, sequential_depth: cost.sequential_depth, seconds: cost.seconds, ended: status.stopped,
    seed: about.seed,
  };
}
