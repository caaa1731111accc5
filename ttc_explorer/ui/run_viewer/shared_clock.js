// Several recordings on one clock, which counts the tokens or the seconds that each had spent. Pure.
export const CLOCKS = { tokens: "tokens processed", seconds: "seconds" };

const spent = {
  tokens: ({ generated_tokens, prefill_tokens, verifier_tokens }) => generated_tokens + prefill_tokens + verifier_tokens,
  seconds: ({ seconds }) => seconds,
};

// When each round of a recording was over: [{ value (by the clock), end (how many events there were) }]. Nothing where its
// costs on the way were not recorded.
export function roundTimes({ rounds }, clock) {
  let cost = null;
  const times = rounds.map(({ end, changes }) => {
    cost = changes.cost === undefined ? cost : changes.cost;
    return cost && { value: spent[clock](cost), end };
  });
  return times.every(Boolean) ? times : [];
}

// How many events of a recording there were at a time of the clock: those of the rounds that were over by then; null at its
// end, or where nobody knows.
export function eventsAtTime(times, value) {
  if (!times.length || value >= times.at(-1).value) return null;
  return times.findLast((round) => round.value <= value)?.end ?? 1;
}

// The time at which the last of them was over; 0 where nothing is known.
export function longestTime(recordings, clock) {
  return Math.max(0, ...recordings.map((recording) => roundTimes(recording, clock).at(-1)?.value ?? 0));
}
