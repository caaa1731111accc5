import assert from "node:assert/strict";
import { test } from "node:test";
import { load, runs } from "./fixtures.mjs";

const { createRecording } = await load("run_recording");
const { eventsAt, positionOf, roundAfter, roundBefore, secondsPerRound } = await load("replay_pace");
const { stateOf } = await load("run_state");

const column = (nodes, key) => nodes.map((node) => node[key]);

function recorded({ stream }) {
  const recording = createRecording();
  recording.read(stream);
  return recording;
}

// Twenty places of a run, in no order, so that frames are made by going on and by going back.
function places(length, seed) {
  return Array.from({ length: 20 }, () => {
    seed = (seed * 48271) % 2147483647;
    return 1 + seed % length;
  });
}

for (const [name, { stream, lengths, states }] of Object.entries(runs)) {
  test(`${name}: a frame is the tree of the trace at that event`, () => {
    const recording = recorded({ stream });
    assert.equal(recording.length, states.length);
    for (const count of places(states.length, 7 + states.length)) {
      const { nodes, status } = recording.frame(count), tree = states[count - 1];
      assert.deepEqual(nodes.map(({ parent }) => parent?.id ?? -1), tree.parent);
      for (const key of ["kind", "status", "score", "visits", "value", "copies"]) assert.deepEqual(column(nodes, key), tree[key]);
      assert.equal(status.over, false);
    }
  });

  test(`${name}: the last frame has the votes of the whole run, and the first none`, () => {
    const recording = recorded({ stream }), { votes, cost } = stateOf(stream);
    assert.deepEqual(recording.frame(recording.length).votes, votes);
    assert.deepEqual(recording.frame(recording.length).cost, cost);
    assert.deepEqual(recording.frame(1).votes, {});
    assert.equal(recording.frame(1).cost.generated_tokens, 0);
  });

  test(`${name}: a run that came bit by bit has the same rounds and frames`, () => {
    const whole = recorded({ stream }), bits = createRecording();
    for (const length of lengths) bits.read(stream.slice(0, length));
    assert.deepEqual(bits.rounds, whole.rounds);
    assert.equal(whole.rounds.at(-1).end, whole.length);
    for (const count of places(whole.length, 3)) assert.deepEqual(bits.frame(count).nodes.length, whole.frame(count).nodes.length);
  });
}

test("a frame is told by the round of its last event", () => {
  const recording = recorded(runs.beam), [first, second] = recording.rounds;
  assert.match(recording.frame(first.end).status.text, /^Round 1: 8 tries/);
  assert.match(recording.frame(first.end + 1).status.text, /^Round 2: /);
  assert.match(recording.frame(second.end).status.text, /^Round 2: /);
});

test("another run is read from its start", () => {
  const recording = recorded(runs.beam);
  recording.frame(9);
  recording.read(runs.greedy.stream.replace('["run","r"', '["run","other"'));
  assert.equal(recording.length, runs.greedy.states.length);
  assert.equal(recording.frame(2).nodes.length, 2);
});

test("a round grows first and then stands still", () => {
  const rounds = [{ end: 11 }, { end: 12 }, { end: 31 }];
  assert.equal(eventsAt(rounds, 0), 1);
  assert.equal(eventsAt(rounds, 0.9), 11);
  assert.equal(eventsAt(rounds, 1), 11);
  assert.equal(eventsAt(rounds, 3), 31);
  let before = 1;
  for (let position = 0; position <= 3; position += 0.01) {
    const count = eventsAt(rounds, position);
    assert.ok(count >= before);
    before = count;
  }
  for (let count = 1; count <= 31; count += 1) assert.equal(eventsAt(rounds, positionOf(rounds, count) + 1e-9), count);
  assert.equal(eventsAt([], 0), 1);
});

test("long runs are played faster, and one steps from round to round", () => {
  assert.ok(secondsPerRound(4) > secondsPerRound(100));
  assert.ok(secondsPerRound(10_000) > 0.1);
  const rounds = [{ end: 11 }, { end: 12 }, { end: 31 }];
  assert.deepEqual([1, 11, 12, 30, 31].map((count) => roundAfter(rounds, count, 40)), [11, 12, 31, 31, 40]);
  assert.deepEqual([1, 11, 12, 30, 31].map((count) => roundBefore(rounds, count)), [1, 1, 11, 12, 12]);
});
