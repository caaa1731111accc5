import assert from "node:assert/strict";
import { test } from "node:test";
import { load, runs } from "./fixtures.mjs";

const { createReader, leadingNode, revisionChains, solutionLines, solutionsOf, stateOf, votesBy } = await load("run_state");

const column = (nodes, key) => nodes.map((node) => node[key]);

for (const [name, { stream, lengths, states, votes, solutions }] of Object.entries(runs)) {
  test(`${name}: the state is the tree, at every event`, () => {
    const { read } = createReader();
    for (const [i, length] of lengths.entries()) {
      const { nodes } = read(stream.slice(0, length)), tree = states[i];
      assert.deepEqual(nodes.map(({ parent }) => parent?.id ?? -1), tree.parent);
      for (const key of ["kind", "score", "visits", "value", "copies"]) assert.deepEqual(column(nodes, key), tree[key]);
      assert.deepEqual(column(nodes, "status"), tree.status);
    }
  });

  test(`${name}: a stream read in one piece or in many says the same`, () => {
    const { read } = createReader();
    let state;
    for (const length of lengths) state = read(stream.slice(0, length));
    assert.deepEqual(state, stateOf(stream));
    assert.deepEqual(stateOf(stream), stateOf(stream));
  });

  test(`${name}: votes are those of voting.py, by every selector and aggregate`, () => {
    const state = stateOf(stream);
    for (const [rule, expected] of Object.entries(votes)) {
      const [selector, aggregate] = rule.split(" ");
      const { rows } = votesBy(state, { selector, aggregate });
      assert.deepEqual(rows.map(({ answer, count, weight, leaf, score }) => [answer.text, count, weight, leaf, score]), expected);
    }
  });

  test(`${name}: solutions are the tree's, and the chosen one leads`, () => {
    const state = stateOf(stream);
    assert.deepEqual(Object.fromEntries(solutionsOf(state).map((node) => [node.id, solutionLines(node)])), solutions);
    for (const rule of Object.keys(votes)) {
      const [selector, aggregate] = rule.split(" ");
      if (votes[rule].length) assert.equal(leadingNode(state, { selector, aggregate }).id, votes[rule][0][3]);
    }
  });
}

test("what was written before a probe is told of is the probe", () => {
  const lines = [
    ["run", "r", {}], ["add", 0, -1, "root", "kept", "q", 0, 0, null],
    ["add", 1, 0, "step", "kept", "s", 1, 0, null], ["note", "A probe.", "probe: 1", true],
    ["add", 2, 0, "step", "kept", "t", 1, 0, null], ["note", "Done.", ""],
  ];
  const { nodes } = stateOf(lines.map((line) => JSON.stringify(line) + "\n").join(""));
  assert.deepEqual(column(nodes, "probe"), [false, true, false]);
});

test("another run is read from its start", () => {
  const { read } = createReader();
  read(runs.beam.stream);
  const other = runs.greedy.stream.replace('["run","r"', '["run","other"');
  assert.deepEqual(read(other), stateOf(other));
});

test("chains hold every attempt, and flips are flips", () => {
  const state = stateOf(runs.revise.stream);
  const chains = revisionChains(state);
  const attempts = new Set(chains.flat().map(({ node }) => node.id));
  assert.deepEqual([...attempts].sort((a, b) => a - b), state.nodes.slice(1).map(({ id }) => id));
  for (const chain of chains) {
    assert.equal(chain[0].transition, "first");
    for (const [i, attempt] of chain.entries()) {
      if (!i) continue;
      const before = chain[i - 1];
      assert.equal(attempt.node.parent, before.node);
      if (attempt.right !== null && attempt.right !== before.right) {
        assert.equal(attempt.transition, attempt.right ? "found" : "lost");
      } else assert.equal(attempt.transition, attempt.node.answer === before.node.answer ? "same" : "changed");
    }
  }
});

test("before any solution the best step of the newest round leads", () => {
  const lines = [
    ["run", "r", {}], ["add", 0, -1, "root", "kept", "q", 0, 0, null],
    ...[1, 2, 3].map((id) => ["add", id, 0, "step", "open", "s", 1, 0, null]),
    ["score", 1, 0.2], ["score", 2, 0.9], ["score", 3, 0.4],
    ["add", 4, 2, "rollout", "pruned", "s", 1, 0, null], ["score", 4, 1],
  ];
  const state = stateOf(lines.map((line) => JSON.stringify(line)).join("\n"));
  assert.equal(leadingNode(state, { selector: "weighted", aggregate: "last" }).id, 2);
});
