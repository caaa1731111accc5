import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./fixtures.mjs";

const { resultInWords } = await load("headline");
const SELECTORS = [
  { name: "majority", title: "Majority", needs: "nothing" }, { name: "best", title: "Best", needs: "scores" },
  { name: "weighted", title: "Weighted", needs: "scores" },
];

// A state whose votes are [text, right, count, weight, score] by each selector's order of the answers.
function stateOf(answers, orders, { over = true, ...about } = {}) {
  const keys = new Map(answers.map(([text, right], key) => [key, { text, right }]));
  const row = (key) => [key, answers[key][2], 0.5 * answers[key][2], key, 0.5];
  const votes = Object.fromEntries(SELECTORS.map(({ name }) => [`${name} last`, {
    rows: (orders[name] ?? orders.all).map(row), more: [0, 0], weight: 1 }]));
  const nodes = answers.flatMap(([, , count], answer) => Array.from({ length: count }, () => ({ status: "finished", answer, copies: 1 })));
  return { about: { model: "base-s", answer: null, outside: false, ...about }, answers: keys, nodes, votes, status: { over } };
}
const words = (state, selector = "weighted") => resultInWords(state, { selector, aggregate: "last" }, SELECTORS);

test("found and chosen, and what would have misled", () => {
  const state = stateOf([["4", true, 4], ["5", false, 8], ["6", false, 4]], { all: [0, 1, 2] });
  assert.deepEqual(words(state), {
    name: "chosen", text: "Found and chosen: 4 of 16 are right, 8 agreed on a wrong one; the verifier trusted the right one." });
  assert.match(words(state, "majority").text, /the vote took the right one/);
  assert.equal(words(stateOf([["4", true, 3]], { all: [0] })).text, "Found and chosen: all 3 solutions are right.");
  assert.equal(words(stateOf([["4", true, 1]], { all: [0] })).text, "Found: the one solution is right.");
});

test("found but not chosen names a rule that would have chosen it", () => {
  const answers = [["4", true, 3], ["5", false, 13]];
  const { name, text } = words(stateOf(answers, { all: [1, 0], majority: [1, 0], best: [0, 1] }));
  assert.equal(name, "missed");
  assert.equal(text, "Found but not chosen: 3 of 16 are right, 13 agreed on a wrong one; the verifier trusted a wrong one. Best would have chosen it.");
  assert.match(words(stateOf(answers, { all: [1, 0] })).text, /larger N/);
});

test("never found says what to try", () => {
  assert.equal(words(stateOf([["5", false, 3], ["6", false, 1]], { all: [0, 1] })).text,
    "Never found: none of 4 solutions is right, and 3 agree. Try a larger N, or another strategy.");
  assert.match(words(stateOf([["5", false, 1]], { all: [0] })).text, /^Never found: the one solution is wrong/);
});

test("where nobody knows the answer it is not vouched for", () => {
  assert.equal(words(stateOf([["5", null, 3], ["6", null, 1]], { all: [0, 1] })).text,
    "3 of 4 solutions say 5; 1 other answer. Whether that is right is not known here.");
  const outside = words(stateOf([["2,12", null, 16]], { all: [0] }, { outside: true }));
  assert.equal(outside.name, "outside");
  assert.match(outside.text, /means nothing/);
  assert.doesNotMatch(outside.text, /16|agree/);
  assert.match(words(stateOf([["3", false, 16]], { all: [0] }, { outside: true, answer: "391" })).text, /It is 391\.$/);
});

test("a rule that has nothing to go by says so", () => {
  const state = stateOf([["4", true, 3], ["5", false, 1]], { all: [0, 1], weighted: [] });
  state.votes["weighted last"].lacks = "The selector weighted needs scores.";
  assert.deepEqual(words(state), { name: "empty", text: "The selector weighted needs scores." });
  assert.equal(words(state, "majority").name, "chosen");
});

test("nothing is said too early", () => {
  assert.equal(words(stateOf([["5", false, 3]], { all: [0] }, { over: false })).text, "3 solutions so far; 5 leads.");
  assert.equal(words(stateOf([], { all: [] }, { over: false })).text, "Searching …");
  assert.equal(words(stateOf([], { all: [] })).name, "empty");
});
