import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./fixtures.mjs";

const { bestPath, costSoFar, leadingNode, stateOf, wholeStep, withLine } = await load("run_state");
const { createRecording } = await load("run_recording");
const { smallTreePaths } = await load("small_tree");
const { runFacts } = await load("run_facts");
const { layout } = await load("layout");
const { drawnTree } = await load("folding");

const RULE = { selector: "majority", aggregate: "last" };
const OPENING = [
  ["run", "r", { touched_from: null, budget: 4 }], ["add", 0, -1, "root", "open", "1 + 1?", 0, 0, null],
  ["snapshot", { cost: { seconds: 0, generated_tokens: 10 }, status: { text: "", stopped: null, over: false, error: null } }],
];
const WRITING = [["write", [0, 0], false], ["wrote", 1.5, [[0, 2, false, "1 +"], [1, 1, true, "2"]]], ["wrote", 2, [[0, 3, false, " 1"]]]];
const NODES = [["add", 1, 0, "step", "open", "1 + 1 = 2", 5, -1, null], ["add", 2, 0, "step", "open", "2", 1, -1, null]];
const text = (...lines) => lines.map((line) => `${JSON.stringify(line)}\n`).join("");
const plain = ({ id, parent, text: said, tokens, status, ended }) => [id, parent?.id, said, tokens, status, ended];

test("rows that are being written stand after the nodes, and grow", () => {
  const state = stateOf(text(...OPENING, ...WRITING));
  assert.deepEqual(state.nodes.slice(1).map(plain), [[1, 0, "1 + 1", 3, "writing", false], [2, 0, "2", 1, "writing", true]]);
  assert.deepEqual(state.nodes[0].children, state.nodes.slice(1));
  assert.deepEqual(state.writing, { seconds: 2, tokens: 4 });
});

test("an event ends them: the nodes are as if they had never been there", () => {
  const { writing, ...rest } = stateOf(text(...OPENING, ...WRITING, ...NODES));
  assert.equal(writing, null);
  assert.deepEqual({ writing, ...rest }, stateOf(text(...OPENING, ...NODES)));
});

test("other rows take their place, after other nodes", () => {
  const state = stateOf(text(...OPENING, ...NODES, ["write", [1], false], ["write", [2, 1], false], ["wrote", 3, [[1, 1, false, "So"]]]));
  assert.deepEqual(state.nodes.slice(3).map(plain), [[3, 2, "", 0, "writing", false], [4, 1, "So", 1, "writing", false]]);
  assert.deepEqual(state.nodes.map(({ children }) => children.length), [2, 1, 1, 0, 0]);
});

test("what is being written counts as far as it is, until it stands in the ledger", () => {
  const live = stateOf(text(...OPENING, ...WRITING)), over = stateOf(text(...OPENING, ...WRITING, stopped()));
  assert.deepEqual(costSoFar(live), { seconds: 2, generated_tokens: 14 });
  assert.equal(costSoFar(over), over.cost);
  const between = stateOf(text(...OPENING, ...WRITING, ...NODES));
  assert.equal(costSoFar(between), between.cost);
});

test("they lead only where there is nothing else, and are on no best path", () => {
  const first = stateOf(text(...OPENING, ...WRITING));
  assert.equal(leadingNode(first, RULE).id, 1);
  assert.deepEqual(bestPath(first, RULE), []);
  const later = stateOf(text(...OPENING, ...NODES, ["write", [1, 2], false], ["wrote", 3, []]));
  assert.equal(leadingNode(later, RULE).id, 1);
  assert.deepEqual(bestPath(later, RULE), [1]);
});

test("a stopped run shows them cut off, and counts none of them as a step", () => {
  const state = stateOf(text(...OPENING, ...NODES, ["write", [1], true], ["wrote", null, [[0, 1, false, "So"]]], stopped()));
  assert.equal(state.nodes[3].status, "unfinished");
  const facts = runFacts(state, RULE, [{ name: "majority" }]);
  assert.equal(facts.steps, 2);
});

test("a replay knows nothing of them", () => {
  const recording = createRecording();
  recording.read(text(...OPENING, ...WRITING, ...NODES));
  assert.equal(recording.length, 3);
  assert.deepEqual(recording.frame(3).nodes.map(({ id, kind }) => [id, kind]), [[0, "root"], [1, "step"], [2, "step"]]);
  recording.read(text(...OPENING, ...WRITING, ...NODES, ["write", [1], false]));
  assert.deepEqual(recording.latest.nodes.map(({ kind }) => kind), ["root", "step", "step", "partial"]);
  assert.equal(recording.frame(3).nodes.length, 3);
});

test("they are drawn, in the large tree and in the small", () => {
  const state = stateOf(text(...OPENING, ...WRITING));
  const { items } = drawnTree(state.nodes, { fold: true, best: new Set(), opened: new Set(), slots: 4, settled: false, subtrees: [] });
  assert.deepEqual(items.map(({ status }) => status), ["open", "writing", "writing"]);
  const room = { along: 600, across: 300, vertical: false, settled: false, subtrees: [], labelSize: () => ({ along: 40, across: 28 }), answers: [], frozen: null };
  assert.equal(layout(items, new Set(), room).spots.length, 3);
  assert.equal(smallTreePaths(state, []).edges.ghost.split("M").length - 1, 2);
});

test("lines that come one by one say the same", () => {
  const lines = [...OPENING, ...WRITING, ...NODES].map((line) => JSON.stringify(line));
  assert.deepEqual(lines.reduce(withLine, null), stateOf(lines.join("\n")));
});

test("a step that was being written is found again when it is whole, wherever it stands", () => {
  const state = stateOf(text(...OPENING, ...NODES, ["add", 3, 0, "step", "open", "First we add.", 5, -1, null], ["write", [0], false]));
  assert.equal(wholeStep(state, { parent: 0, text: "First\n\nwe" }).id, 3);
  assert.equal(wholeStep(state, { parent: 0, text: "First we add.\n\nThen we are done." }).id, 3);
  assert.equal(wholeStep(state, { parent: 0, text: "Second" }), null);
  assert.equal(wholeStep(state, { parent: 2, text: "First" }), null);
});

function stopped() {
  return ["snapshot", { status: { text: "", stopped: "cancelled", over: true, error: null } }];
}
