// Where everything goes: a pure function from what is drawn of a tree (folding.js) to places on the canvas.
//
// "Along" leads from the problem to the answers, one column a round (to the right; downwards on a narrow screen);
// "across" is the other way. Lengths are CSS pixels at zoom 1. All is as large as fits: a node takes its share of a
// ROW times the column's `size`, which is the largest at which the column is no longer than the canvas.

import { fades } from "./folding.js";
import { sampleCount } from "./run_state.js";

export const NARROW = 560;          // pixels: on what is narrower, trees lead from top to bottom
export const RADIUS = 15;                  // of a node
export const ROW = 38;                     // across, for a node and the air around it
const GAP = 5;                      // between answers
const PRUNED = 0.45;                // a pruned node's share of a full one
const GHOST = 0.3;                  // that of a step that was only looked ahead
const APART = 0.6;                  // air between two subtrees, in rows
const FOLD = 0.55;                  // that of siblings that are folded to a count
const FOLD_ROOM = { along: 20, down: 36 };      // that its mark takes across at size 1, with the air around it
const MANY = 8;                     // a fold of so many stays readable
const LEAST = {
  step: 0.09, pruned: 0.06, fold: 0.04, manyFolded: 0.42, row: 0.035, answer: 0.05, group: 0.55, bestStep: 0.7, bestAnswer: 0.75,
};
const SIZE = { least: 0.001, along: 2.4, down: 4.2 };    // the most is what a step's text needs
const COLUMN = { least: 26, most: 132, settled: 210 };
const STAYS = 1000;                 // the weight of a node that already has its place, against 1

// nodes: parents first, each { id (its place), parent, children, depth, status, members, copies, answer }; an answer (a
// number, the earlier met the smaller) marks the end of a solution that is drawn where it ends. best: Set of ids. room: { along, across,
// vertical, settled, subtrees: how many children of the problem make each of those that stand apart,
// labelSize(answer, count) -> { along, across } at full size, answers: such a size for each answer of the last
// column, frozen: an earlier `scale`, or null }.
// Returns { spots: by id { x, y, size, line (width), group, room (to itself, across) }, answers: { x, y } of each,
// bounds: { x0, x1, y0, y1 } with y across, scale }.
export function layout(nodes, best, room) {
  const { order, groups, groupOf } = arrange(nodes, room.settled, room.subtrees);
  const apart = gaps(nodes, room.subtrees);
  for (const group of groups) {
    group.label = room.labelSize(nodes[group.lead].answer, sampleCount(group.members.map((id) => nodes[id])));
    group.best = group.members.some((id) => best.has(id));
  }
  const depth = Math.max(1, ...nodes.map((node) => node.depth)), last = depth + Math.sign(room.answers.length);
  const tail = Math.max(
    RADIUS, ...room.answers.map(({ along }) => along), ...groups.map((group) => (group.level === depth ? group.label.along : 0)),
  );
  const roomy = clamp((room.along - RADIUS - tail) / last, COLUMN.least, room.settled ? COLUMN.settled : COLUMN.most);

  const way = room.vertical ? "down" : "along";
  const take = (id, size) => taken(nodes[id], groupOf.get(id), best, size, roomy, depth, FOLD_ROOM[way]);
  const plan = packed(order, take, apart, room.across, SIZE[way], room.frozen?.sizes ?? []);
  const column = room.frozen?.column ?? roomy * Math.max(1, plan.breadth / room.across);

  const breadth = Math.max(room.across, plan.breadth), across = placed(plan, order, apart, breadth);
  const spots = nodes.map(({ id, depth: level }) => {
    const { drawn, half } = plan.takes[id];
    const line = clamp(1.8 * Math.sqrt(2 * half / ROW), 0.3, 1.7);
    return { x: level * column, y: across[id], size: drawn, line, group: null, room: 2 * half };
  });
  for (const group of groups) {
    const middle = group.members.reduce((sum, id) => sum + spots[id].y, 0) / group.members.length;
    for (const id of group.members) Object.assign(spots[id], { x: group.level * column, y: middle, group });
  }
  const slot = Math.min(breadth / room.answers.length, 1.5 * Math.max(...room.answers.map((size) => size.across)));
  // while the tree grows they wait where it will end
  const end = Math.max(last * column, room.settled || !room.answers.length ? 0 : room.along - RADIUS - tail);
  const answers = room.answers.map((_, place) => ({ x: end, y: slot * (place - (room.answers.length - 1) / 2) }));
  const edges = plan.takes.flatMap(({ half }, id) => [across[id] - half, across[id] + half]);
  for (const { y } of answers) edges.push(y - slot / 2, y + slot / 2);
  return {
    spots, answers,
    bounds: { x0: -RADIUS, x1: end + tail, y0: Math.min(...edges), y1: Math.max(...edges) },
    scale: { sizes: plan.sizes, column },
  };
}

// The order of every node's children, and which solutions are drawn as one. Pruned children stand outside, half
// on either side; solutions stand together by answer, in the order in which answers were met, and when all is
// settled the most frequent first. Neighbours that lead to the same answer without branching are a group: its
// `members` (their last steps), a `lead` among them that is drawn for all, the `level` it stands at, `rows` where
// members have steps of their own, and `rowOf`, for each node of these chains the member that it leads to.
function arrange(nodes, settled, subtrees) {
  const count = new Map();
  const ending = [];                // the answer that an unbranched chain from here leads to
  for (const { id, answer, children, copies } of nodes.toReversed()) {
    ending[id] = answer ?? (children.length === 1 ? ending[children[0].id] : undefined);
    if (answer !== undefined) count.set(answer, (count.get(answer) ?? 0) + copies);
  }
  const rank = (node) => (settled ? -count.get(ending[node.id]) : 0);
  const byAnswer = (a, b) => rank(a) - rank(b) || ending[a.id] - ending[b.id] || a.id - b.id;

  const groups = [], groupOf = new Map();
  const order = nodes.map((node) => {
    if (node.parent && ending[node.id] !== undefined) return node.children;      // inside a chain
    return node.parent ? sorted(node.children) : bySubtree(node.children, subtrees).flatMap(sorted);
  });
  return { order, groups, groupOf };

  function sorted(children) {
    const alive = children.filter((child) => !fades(child));
    const pruned = children.filter(fades);
    const solved = alive.filter((child) => ending[child.id] !== undefined).sort(byAnswer);
    const open = alive.filter((child) => ending[child.id] === undefined);
    for (const [i, child] of solved.entries()) {
      if (!i || ending[child.id] !== ending[solved[i - 1].id]) {
        groups.push({ members: [], lead: Infinity, level: 0, rows: false, rowOf: new Map() });
      }
      join(groups.at(-1), child, groupOf);
    }
    const half = pruned.length >> 1;
    return [...pruned.slice(0, half), ...solved, ...open, ...pruned.slice(half)];
  }
}

// The children of the problem, subtree by subtree.
function bySubtree(children, sizes) {
  if (!sizes.length) return [children];
  let end = 0;
  return sizes.map((size) => children.slice(end, end += size));
}

// The air between two neighbours of a column, in rows: none within a subtree.
function gaps(nodes, sizes) {
  const subtree = [];
  for (const [i, children] of bySubtree(nodes[0].children, sizes).entries()) {
    for (const { id } of children) subtree[id] = i;
  }
  for (const { id, parent } of nodes) subtree[id] ??= subtree[parent?.id];
  return (a, b) => (subtree[a] === subtree[b] ? 0 : APART);
}

function join(group, top, groupOf) {
  const chain = [top];
  while (chain.at(-1).children.length) chain.push(chain.at(-1).children[0]);
  const end = chain.at(-1);
  for (const { id } of chain) {
    groupOf.set(id, group);
    group.rowOf.set(id, end.id);
  }
  group.members.push(end.id);
  group.lead = Math.min(group.lead, end.id);
  group.level = Math.max(group.level, end.depth);
  group.rows ||= end !== top;
}

// What a node takes where a plain one takes `size` rows: how large it is `drawn`, the room to either side across
// (`half`), and through how many `columns` that room reaches. The best path and answers stay readable the longest.
function taken(node, group, best, size, column, depth, foldRoom) {
  const snug = (rows) => Math.min(1, rows * (1.2 - 0.2 * Math.min(1, rows)));     // the smaller, the less air between
  const emphasis = Math.max(size, LEAST.bestStep);
  if (!group) {
    if (node.status === "folded" || node.status === "unfolded") {
      const rows = Math.max(FOLD * size, node.members.length < MANY ? LEAST.fold : LEAST.manyFolded);
      return { drawn: Math.min(1, ROW * rows / foldRoom), half: ROW * rows / 2, columns: 1 };
    }
    const rows = best.has(node.id) ? emphasis
      : fades(node) ? Math.max((node.status === "pruned" ? PRUNED : GHOST) * size, LEAST.pruned)
      : Math.max(size, LEAST.step);
    return { drawn: snug(rows), half: ROW * rows / 2, columns: 1 };
  }
  const many = group.members.length > 1;
  const untilNext = clamp((column - RADIUS) / group.label.along, 0.25, 1);
  const most = group.level === depth ? 1 : untilNext;
  const least = group.best ? clamp(most, LEAST.group, LEAST.bestAnswer)
    : Math.min(many ? LEAST.group : LEAST.answer, most);
  const label = clamp((many ? 1.3 : 1) * size ** 0.4, least, Math.max(least, most));
  const share = (group.label.across + GAP) * label * Math.max(1, size) / group.members.length;
  const row = ROW * (best.has(group.rowOf.get(node.id)) ? emphasis : Math.max(size, LEAST.row));
  const half = (group.rows ? Math.max(share, row) : share) / 2;
  if (node.answer === undefined) return { drawn: snug(2 * half / ROW), half, columns: 1 };
  const reach = Math.ceil((group.label.along * label + RADIUS) / column - 0.01);
  return { drawn: label, half, columns: group.level - node.depth + reach };
}

// The ids of each column from one side to the other, in the order of their parents, so that no lines cross; the
// column's size (as given, else the largest that fits the room) and what each node takes. A node that reaches
// through several columns stands in each of them.
function packed(order, take, apart, room, most, sizes) {
  const plan = { columns: [], sizes: [], takes: [], breadth: 0 };
  const left = [], alone = [];          // columns still to reach through; whether it is an only child
  for (const children of order) for (const { id } of children) alone[id] = children.length === 1;
  let column = [0];
  while (column.length) {
    const air = column.slice(1).reduce((sum, id, i) => sum + apart(column[i], id), 0);
    const length = (size) => column.reduce(
      (sum, id) => sum + 2 * (plan.takes[id] ?? take(id, size)).half, ROW * Math.min(1, size) * air,
    );
    // where no step branches the rows go on as they are, straight
    const goesOn = column.every((id) => left[id] > 0 || alone[id]);
    const size = sizes[plan.columns.length] ?? largest(length, room, goesOn ? plan.sizes.at(-1) ?? most : most);
    plan.breadth = Math.max(plan.breadth, length(size));
    for (const id of column) {
      plan.takes[id] ??= take(id, size);
      left[id] ??= plan.takes[id].columns;
    }
    plan.columns.push(column);
    plan.sizes.push(size);
    column = column.flatMap((id) => (--left[id] > 0 ? [id] : order[id].map((child) => child.id)));
  }
  return plan;
}

// The largest size at which the length fits the room, by bisection; the smallest one if none does.
function largest(length, room, most) {
  if (length(most) <= room) return most;
  let fits = SIZE.least, over = most;
  for (let turn = 0; turn < 9; turn++) {
    const middle = Math.sqrt(fits * over);
    if (length(middle) > room) over = middle; else fits = middle;
  }
  return fits;
}

// Places across, by id. Column by column, children gather around their parent as closely as their neighbours allow:
// least squares under the order (isotonic regression, pooling neighbours that collide), kept within the room.
function placed({ columns, takes, sizes }, order, apart, room) {
  const across = [0], wish = [];
  for (const [c, column] of columns.entries()) {
    for (const id of columns[c - 1] ?? []) {
      let edge = across[id] - order[id].reduce((sum, child) => sum + takes[child.id].half, 0);
      for (const child of order[id]) {
        wish[child.id] = edge + takes[child.id].half;
        edge += 2 * takes[child.id].half;
      }
    }
    const offset = [];              // from the first of the column, when all stand shoulder to shoulder
    const pools = [];
    for (const [i, id] of column.entries()) {
      const before = column[i - 1], air = i && ROW * Math.min(1, sizes[c]) * apart(before, id);
      offset[i] = i && offset[i - 1] + takes[before].half + air + takes[id].half;
      const weight = across[id] === undefined ? 1 : STAYS;
      let pool = { sum: ((across[id] ?? wish[id]) - offset[i]) * weight, weight, count: 1 };
      while (pools.length && pools.at(-1).sum / pools.at(-1).weight > pool.sum / pool.weight) {
        const { sum, weight: more, count } = pools.pop();
        pool = { sum: pool.sum + sum, weight: pool.weight + more, count: pool.count + count };
      }
      pools.push(pool);
    }
    const first = takes[column[0]].half - room / 2;
    const last = Math.max(first, room / 2 - takes[column.at(-1)].half - offset.at(-1));
    let i = 0;
    for (const { sum, weight, count } of pools) {
      for (const end = i + count; i < end; i++) across[column[i]] ??= clamp(sum / weight, first, last) + offset[i];
    }
  }
  return across;
}

export function clamp(value, least, most) {
  return Math.max(least, Math.min(most, value));
}
