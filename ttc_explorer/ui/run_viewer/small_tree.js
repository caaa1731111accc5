// A run's tree as a small still picture, light enough for six that grow side by side. It leads the same way as the large one:
// from the question at the left, one column a round; downwards on a narrow screen. Edges of a kind, and dots of a colour, are
// one path. No text of the tree is in it.
import { drawn } from "./dom.js";
import { clamp } from "./layout.js";
import { LOW, scoreColour } from "./score_colours.js";

export const WIDTH = 320, HEIGHT = 120; // of the picture, in its own units; it is scaled to its place
const MARGIN = 9;                       // the air around the tree
const LEAST_ROUNDS = 5;                 // a tree with fewer does not fill the picture: growing, it is not redrawn each round
const RADIUS = { most: 4.5, least: 0.8 };
const PRUNED = 0.5;                     // the room of a pruned node, against 1
const SCORE_STEPS = 20;                 // scores are drawn in steps of 1 / SCORE_STEPS

// Where each node stands: { spots: by id { x, y }, radius of a dot }. Leaves share the length across, pruned ones at half, in
// the order of a walk that takes children by age; a parent stands in the middle of its children. `down`: from top to bottom.
export function smallLayout(nodes, down = false) {
  const [long, broad] = down ? [HEIGHT, WIDTH] : [WIDTH, HEIGHT];
  const leaves = [], stack = [nodes[0]];
  while (stack.length) {
    const node = stack.pop();
    stack.push(...node.children.toReversed());
    if (!node.children.length) leaves.push(node);
  }
  const share = ({ status }) => (status === "pruned" ? PRUNED : 1);
  const unit = (broad - 2 * MARGIN) / leaves.reduce((sum, leaf) => sum + share(leaf), 0);
  const rounds = nodes.reduce((most, { depth }) => Math.max(most, depth), LEAST_ROUNDS);
  const across = [];
  let place = MARGIN;
  for (const leaf of leaves) {
    across[leaf.id] = place + unit * share(leaf) / 2;
    place += unit * share(leaf);
  }
  for (const { id, children } of nodes.toReversed()) {         // children stand after their parent
    if (children.length) across[id] = (across[children[0].id] + across[children.at(-1).id]) / 2;
  }
  const along = (depth) => MARGIN + depth * (long - 2 * MARGIN) / rounds;
  return {
    spots: nodes.map(({ id, depth }) => (down ? { x: across[id], y: along(depth) } : { x: along(depth), y: across[id] })),
    radius: clamp(Math.min(0.42 * unit, 0.3 * long / rounds), RADIUS.least, RADIUS.most),
  };
}

// The paths of the picture: { edges: kind -> path, rings: around the ends of solutions, by what they turned out, discs:
// by colour ("blank" without a score), holes: in the dots of low scores }. `best` is the path to the answer (ids), drawn
// strongest.
export function smallTreePaths(state, best, down = false) {
  const { spots, radius } = smallLayout(state.nodes, down);
  const marked = new Set(best), edges = {}, rings = {}, discs = {}, holes = {};
  const add = (paths, kind, path) => { paths[kind] = (paths[kind] ?? "") + path; };
  const at = ({ id }) => `${spots[id].x.toFixed(1)} ${spots[id].y.toFixed(1)}`;
  for (const node of state.nodes.slice(1)) {
    const faded = node.kind === "rollout" || node.kind === "partial" ? "ghost" : node.status === "pruned" ? "pruned" : "kept";
    add(edges, marked.has(node.id) ? "best" : faded, curve(spots[node.parent.id], spots[node.id], down));
    if (node.status === "finished") {
      const { right } = state.answers.get(node.answer);
      add(rings, right === null ? "end" : right ? "right" : "wrong", `M${at(node)}h0`);
    }
    const colour = node.score === null ? "blank" : scoreColour(Math.round(node.score * SCORE_STEPS) / SCORE_STEPS);
    add(discs, colour, `M${at(node)}h0`);
    if (node.score !== null && node.score < LOW) add(holes, "low", `M${at(node)}h0`);
  }
  return { edges, rings, discs, holes, root: spots[0], radius };
}

function curve(a, b, down) {
  const half = (down ? a.y + b.y : a.x + b.x) / 2, numbers = down ? [a.x, half, b.x, half, b.x, b.y] : [half, a.y, half, b.y, b.x, b.y];
  return `M${a.x.toFixed(1)} ${a.y.toFixed(1)}C${numbers.map((number) => number.toFixed(1)).join(" ")}`;
}

export function smallTree(state, best, down) {
  const { edges, rings, discs, holes, root, radius } = smallTreePaths(state, best, down);
  const svg = drawn("svg", "small-tree", document.createDocumentFragment());
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", state.status.text);
  const path = (name, d, diameter) => {
    const element = drawn("path", name, svg);
    element.setAttribute("d", d);
    if (diameter) element.setAttribute("stroke-width", diameter.toFixed(1));
    return element;
  };
  for (const kind of ["ghost", "pruned", "kept", "best"]) if (edges[kind]) path(kind, edges[kind]);
  // round dots in one path: lines of no length with round ends
  for (const kind of ["end", "wrong", "right"]) if (rings[kind]) path(`dots ${kind}`, rings[kind], 3 * radius);
  for (const [colour, d] of Object.entries(discs)) {
    if (colour === "blank") path("dots blank", d, 2 * radius);
    else path("dots", d, 2 * radius).setAttribute("stroke", colour);
  }
  if (holes.low) path("dots holes", holes.low, radius);
  const dot = drawn("circle", "root", svg);
  for (const [name, value] of Object.entries({ cx: root.x, cy: root.y, r: Math.max(2.5, radius) })) {
    dot.setAttribute(name, value.toFixed(1));
  }
  return svg;
}
