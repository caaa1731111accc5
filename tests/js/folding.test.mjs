import assert from "node:assert/strict";
import { test } from "node:test";
import { load, runs } from "./fixtures.mjs";

const { drawnTree } = await load("folding");
const { layout } = await load("layout");
const { bestPath, solutionsOf, stateOf } = await load("run_state");

const RULE = { selector: "weighted", aggregate: "last" };

function folded(state, { best = bestPath(state, RULE), opened = [], slots = 3, settled = true } = {}) {
  return drawnTree(state.nodes, {
    fold: true, best: new Set([0, ...best]), opened: new Set(opened), slots, settled, subtrees: state.subtrees,
  });
}

const endsOf = (state) => solutionsOf(state).filter(({ children }) => !children.length);
const sum = (numbers) => [...numbers].reduce((total, number) => total + number, 0);

for (const [name, { stream, lengths }] of Object.entries(runs)) {
  const state = stateOf(stream);

  test(`${name}: folds and answers stand for every node once`, () => {
    const { items, answers } = folded(state);
    const below = (id) => [id, ...state.nodes[id].children.flatMap((child) => below(child.id))];
    const ends = new Set(answers.flatMap(({ members }) => members));
    const steps = items.flatMap(({ members, status }) => (status === "folded" ? members.flatMap(below) : members));
    const all = [...steps.filter((id) => !ends.has(id)), ...ends].sort((a, b) => a - b);
    assert.deepEqual(all, state.nodes.map(({ id }) => id));
    assert.equal(ends.size, endsOf(state).length);
    const copiesOf = (ids) => sum([...ids].map((id) => state.nodes[id].copies));
    assert.equal(sum(items.flatMap(({ links }) => [...links.values()])), copiesOf(ends));
    for (const [place, { members, copies }] of answers.entries()) {
      assert.equal(copies, copiesOf(members));
      assert.equal(sum(items.map(({ links }) => links.get(place) ?? 0)), copies);
    }
  });

  test(`${name}: parents come first, no more answers than there are places, and what stands apart stays apart`, () => {
    const { items, answers, subtrees } = folded(state);
    for (const [i, { id, parent, children }] of items.entries()) {
      assert.equal(id, i);
      assert.ok(!parent || (parent.id < id && parent.children.includes(items[id])));
      assert.ok(children.every((child) => child.parent === items[id]));
    }
    assert.ok(answers.length <= 3);
    assert.equal(subtrees.length, state.subtrees.length);
    if (subtrees.length) assert.equal(sum(subtrees), items[0].children.length);
  });

  test(`${name}: the best path is drawn step by step, and nothing of it is folded`, () => {
    const { items, answers } = folded(state), shown = new Set(items.filter(({ members }) => members.length === 1).map(({ key }) => key));
    const path = bestPath(state, RULE), leaf = state.nodes[path.at(-1)];
    for (const id of path) assert.ok(shown.has(id) || answers.some(({ members }) => members.includes(id)));
    if (leaf.answer !== undefined && !leaf.children.length) assert.ok(answers.some(({ answer }) => answer === leaf.answer));
  });

  test(`${name}: with every fold opened each step is drawn, and each answer has a place`, () => {
    const opened = new Set(["=others"]);
    for (;;) {
      const { items, answers } = folded(state, { opened });
      const closed = items.filter(({ status }) => status === "folded");
      for (const { key } of closed) opened.add(key);
      if (closed.length) continue;
      const ends = answers.flatMap(({ members }) => members), steps = items.filter(({ status }) => status !== "unfolded");
      assert.equal(steps.length + ends.length, state.nodes.length);
      assert.equal(answers.length, new Set(endsOf(state).map(({ answer }) => answer)).size);
      return;
    }
  });

  test(`${name}: while it grows, a column whose nodes stay as they are stays where it is`, () => {
    let before = null;
    for (const length of lengths) {
      const now = stateOf(stream.slice(0, length));
      const { items, answers, subtrees } = folded(now, { best: [], settled: false });
      const size = { along: 80, across: 28 };
      const { spots, scale } = layout(items, new Set(), {
        along: 800, across: 400, vertical: false, settled: false, subtrees, frozen: null, labelSize: () => size, answers: answers.map(() => size),
      });
      const columns = [];
      for (const { id, key, depth, status, members } of items) {
        columns[depth] = [...(columns[depth] ?? []), { key, status, count: members.length, y: spots[id].y, size: spots[id].size }];
      }
      for (let depth = 1; before && depth < Math.min(before.length, columns.length); depth++) {
        const same = columns.slice(0, depth + 1).every((column, d) => column.every(({ key, status, count }, i) => {
          const old = before[d][i];
          return old && old.key === key && old.status === status && old.count === count && column.length === before[d].length;
        }));
        if (same) assert.deepEqual(columns[depth], before[depth]);
      }
      assert.ok(scale.column > 0);
      before = columns;
    }
  });
}

test("pruned siblings are one count, and press opens them", () => {
  const add = (id, parent, status) => ["add", id, parent, "step", status, "s", 1, 0, null];
  const state = stateOf([
    ["run", "r", {}], ["add", 0, -1, "root", "kept", "q", 0, 0, null],
    add(1, 0, "kept"), add(2, 0, "pruned"), add(3, 0, "pruned"), add(4, 0, "pruned"), add(5, 1, "pruned"),
  ].map((line) => JSON.stringify(line)).join("\n"));
  const shown = (opened) => folded(state, { best: [], opened }).items.map(({ key, status, members }) => [key, status, members.length]);
  assert.deepEqual(shown([]), [[0, "kept", 1], [1, "kept", 1], [5, "pruned", 1], ["0-", "folded", 3]]);
  assert.deepEqual(shown(["0-"]).map(([key]) => key), [0, 1, 5, "0-", 2, 3, 4]);
  assert.deepEqual(shown(["0-"])[3], ["0-", "unfolded", 3]);
});

test("solutions that end alike are one line with their number, the most frequent answer first", () => {
  const lines = [["run", "r", {}], ["add", 0, -1, "root", "kept", "q", 0, 0, null]];
  const answers = ["7", "8", "8", "9", "8", "7", "1", "2"], keys = new Map();
  for (const [i, answer] of answers.entries()) {
    if (!keys.has(answer)) lines.push(["answer", keys.set(answer, keys.size).get(answer), answer, null]);
    lines.push(["add", 2 * i + 1, 0, "step", "kept", "s", 1, 0, null]);
    lines.push(["add", 2 * i + 2, 2 * i + 1, "step", "finished", "a", 1, 0, null, keys.get(answer)]);
  }
  const state = stateOf(lines.map((line) => JSON.stringify(line)).join("\n"));
  const { items, answers: groups } = folded(state, { best: [1, 2] });
  const texts = groups.map(({ answer, members }) => [answer === null ? null : state.answers.get(answer).text, members.length]);
  assert.deepEqual(texts, [["8", 3], ["7", 2], [null, 3]]);
  const first = items[0].children.map(({ key, members }) => [key, members.length]);
  // 3 is the first "8", "0==1" the two others; 1 and 11 are the two "7": one more is no fold
  assert.deepEqual(first, [[3, 1], ["0==1", 2], [1, 1], [11, 1], [7, 1], ["0==others", 2]]);
});
