import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./fixtures.mjs";

const { findNodes } = await load("tree_search");
const { stateOf } = await load("run_state");

const state = stateOf([
  ["run", "r", {}], ["add", 0, -1, "root", "kept", "Solve 3x = 12.", 0, 0, null],
  ["add", 1, 0, "step", "kept", "x = 12 / 3", 1, 0, null], ["add", 2, 0, "step", "pruned", "Take 3*x", 1, 0, null],
  ["answer", 0, "-4", false], ["add", 3, 1, "step", "finished", "Answer: -4", 1, 0, null, 0],
  ["answer", 1, null, null], ["add", 4, 2, "step", "finished", "?", 1, 0, null, 1],
].map((line) => JSON.stringify(line)).join("\n"));

for (const [words, expected] of [
  ["x=12/3", [1]], ["X = 12", [0, 1]], ["3 × x", [2]], ["−4", [3]], ["answer -4", [3]], ["4", [3]], ["take", [2]],
  ["", []], ["  ", []], ["no such step", []], ["[", []],
]) {
  test(`${JSON.stringify(words)} is found`, () => assert.deepEqual(findNodes(state, words), expected));
}
