import assert from "node:assert/strict";
import { test } from "node:test";
import { load, runs } from "./fixtures.mjs";

const { drawnTree } = await load("folding");
const { layout, RADIUS } = await load("layout");
const { smallLayout, smallTreePaths, WIDTH, HEIGHT } = await load("small_tree");
const { LOW } = await load("score_colours");
const { bestPath, stateOf } = await load("run_state");

const RULE = { selector: "weighted", aggregate: "last" };
const ROOMS = [[1000, 500], [700, 300], [460, 340]];    // with less room than that, columns are at their least width and touch

function itemsOf(state, best, fold, settled, slots = 8) {
  return drawnTree(state.nodes, { fold, best, opened: new Set(), slots, settled, subtrees: state.subtrees });
}

function laidOut(stream, [along, across], { settled, fold = false }) {
  const state = stateOf(stream), best = new Set([0, ...bestPath(state, RULE)]);
  const lay = () => {
    const { items, answers, subtrees } = itemsOf(state, best, fold, settled);
    const bestItems = new Set(items.filter(({ key }) => best.has(key)).map(({ id }) => id));
    const room = {
      along, across, vertical: false, settled, subtrees, frozen: null,
      labelSize: (key, count) => ({ along: 60 + 8 * String(count).length, across: 28 }),
      answers: answers.map(() => ({ along: 90, across: 28 })),
    };
    return { nodes: items, answers, plan: layout(items, bestItems, room) };
  };
  return { ...lay(), again: lay().plan };
}

for (const [name, { stream }] of Object.entries(runs)) {
  for (const [room, fold] of [...ROOMS.map((each) => [each, false]), [ROOMS[0], true], [ROOMS[1], true]]) {
    test(`${name} in ${room}${fold ? ", folded" : ""}: nothing covers anything, all is inside, and the same again`, () => {
      const { nodes, plan, again } = laidOut(stream, room, { settled: true, fold });
      assert.deepEqual(plan, again);
      const { spots, bounds } = plan;
      const leads = nodes.filter(({ id }) => !spots[id].group || spots[id].group.lead === id);
      const box = ({ id }) => {
        const { x, y, size, group } = spots[id];
        const half = group ? group.label.across * size / 2 : RADIUS * size;
        return { left: x - RADIUS * size, right: x + (group ? group.label.along * size : RADIUS * size), top: y - half, bottom: y + half };
      };
      const boxes = leads.map(box);
      for (const [i, a] of boxes.entries()) {
        assert.ok(a.top >= bounds.y0 - 1 && a.bottom <= bounds.y1 + 1, `node ${leads[i].id} is outside`);
        for (const b of boxes.slice(0, i)) {
          const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
          const tall = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
          assert.ok(wide <= 1 || tall <= 1, `nodes cover each other by ${wide} by ${tall}`);
        }
      }
    });
  }

  test(`${name}: a column a round, and children in the order of their parents`, () => {
    const { nodes, plan: { spots, scale } } = laidOut(stream, ROOMS[0], { settled: false });
    for (const node of nodes) {
      if (!spots[node.id].group) assert.ok(Math.abs(spots[node.id].x - node.depth * scale.column) < 1e-9);
    }
    const columns = Map.groupBy(nodes.filter(({ id, parent }) => parent && !spots[id].group), ({ depth }) => depth);
    for (const column of columns.values()) {
      const sorted = column.toSorted((a, b) => spots[a.id].y - spots[b.id].y);
      const parents = sorted.map(({ parent }) => spots[parent.id].y);
      for (const [i, y] of parents.entries()) assert.ok(!i || y >= parents[i - 1] - 1e-6, "lines cross");
    }
  });

  for (const down of [false, true]) {
    test(`${name}${down ? ", downwards" : ""}: the small tree has every node inside, parents amid their children`, () => {
      const state = stateOf(stream), [along, across] = down ? ["y", "x"] : ["x", "y"];
      const { spots, radius } = smallLayout(state.nodes, down);
      assert.deepEqual({ spots, radius }, smallLayout(state.nodes, down));
      for (const { id, children } of state.nodes) {
        const { x, y } = spots[id];
        assert.ok(x >= 0 && x <= WIDTH && y >= 0 && y <= HEIGHT);
        if (!children.length) continue;
        const ends = [children[0], children.at(-1)].map((child) => spots[child.id][across]);
        assert.ok(Math.abs(spots[id][across] - (ends[0] + ends[1]) / 2) < 1e-9);
        for (const child of children) assert.ok(spots[child.id][along] > spots[id][along]);
      }
      const best = bestPath(state, RULE), { edges, discs, holes } = smallTreePaths(state, best, down);
      const count = (paths, sign) => Object.values(paths).join("").split(sign).length - 1;
      assert.equal(count(edges, "C"), state.nodes.length - 1);
      assert.equal(count(discs, "h0"), state.nodes.length - 1);
      assert.equal(count(holes, "h0"), state.nodes.filter(({ score }) => score !== null && score < LOW).length);
      assert.equal(count({ best: edges.best ?? "" }, "C"), best.length);
    });
  }
}

test("a single column of children stands around its parent", () => {
  const stream = [
    ["run", "r", {}], ["add", 0, -1, "root", "kept", "q", 0, 0, null],
    ...[1, 2, 3, 4].map((id) => ["add", id, 0, "step", "open", "s", 1, 0, null]),
  ].map((line) => JSON.stringify(line)).join("\n");
  const { plan: { spots } } = laidOut(stream, ROOMS[0], { settled: false });
  const ys = [1, 2, 3, 4].map((id) => spots[id].y);
  assert.ok(Math.abs(ys.reduce((sum, y) => sum + y) / 4 - spots[0].y) < 1e-6);
  assert.deepEqual(ys, ys.toSorted((a, b) => a - b));
});
