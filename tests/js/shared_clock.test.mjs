import assert from "node:assert/strict";
import { test } from "node:test";
import { load, runs } from "./fixtures.mjs";

const { createRecording } = await load("run_recording");
const { eventsAtTime, longestTime, roundTimes } = await load("shared_clock");

function recorded(stream) {
  const recording = createRecording();
  recording.read(stream);
  return recording;
}

for (const [name, { stream }] of Object.entries(runs)) {
  test(`${name}: a run is at its end by the clock when it has spent what it cost`, () => {
    const recording = recorded(stream), times = roundTimes(recording, "tokens"), { cost } = recording.latest;
    const whole = cost.generated_tokens + cost.prefill_tokens + cost.verifier_tokens;
    assert.equal(times.length, recording.rounds.length);
    assert.equal(times.at(-1).value, whole);
    assert.equal(eventsAtTime(times, whole), null);
    assert.equal(eventsAtTime(times, -1), whole ? 1 : null);
    let before = 0;
    for (const { value, end } of times) {
      assert.ok(value >= before);
      before = value;
      if (value < whole) assert.ok(eventsAtTime(times, value) >= end);
    }
  });
}

test("the longest sets the clock, and a run whose costs nobody recorded has none", () => {
  const [short, long] = [runs.greedy, runs.beam].map(({ stream }) => recorded(stream));
  assert.equal(longestTime([short, long], "tokens"), roundTimes(long, "tokens").at(-1).value);
  const unknown = recorded(runs.beam.stream.replaceAll(/"cost":\{[^}]*\}/g, '"cost":null'));
  assert.deepEqual(roundTimes(unknown, "tokens"), []);
  assert.equal(eventsAtTime([], 5), null);
  assert.equal(longestTime([unknown], "seconds"), 0);
});
