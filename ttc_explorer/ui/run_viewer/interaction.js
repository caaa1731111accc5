// Interaction with the tree: pick a node, walk with the keys, drag, pinch, zoom, and hover.

// --- picking ----------------------------------------------------------------------------------------------------

let firing = 0;
function pick(id) {
  const before = nodes[picked];
  picked = id;
  const shown = leadOf(nodes[id]);
  if (before) paint(leadOf(before));
  paint(shown);
  trace("picked", pathTo(nodes[id]));
  svg.setAttribute("aria-activedescendant", shown.mark.id);
  const { x, y } = onScreen(shown.to);
  if (!fitting) pan(clamp(x, 40, width - 40) - x, clamp(y, 40, height - 40) - y);
  const run = JSON.parse(runLine)[1];
  clearTimeout(firing);                 // of many quick ones only the last is worth an answer
  firing = setTimeout(() => trigger("pick", { run, id }), 70);
}

// A group stands for several solutions: the one on the best path first, then, picked again, the next.
function pickShown(node) {
  const members = membersOf(node).toSorted((a, b) => best.has(b) - best.has(a));
  pick(members[(members.indexOf(picked) + 1) % members.length]);
}

function toParent(node) {
  const from = nodes[picked] ?? node;   // of a group, the member that is picked
  if (from.parent) pick(from.parent.id);
}

function toChild({ children }) {
  const alive = children.filter(({ status }) => status !== "pruned" && status !== "rollout");
  const child = children.find(({ id }) => best.has(id)) ?? alive[0] ?? children[0];
  if (child) pickShown(leadOf(child));
}

function toNeighbour(node, way) {
  const column = nodes.filter((other) => leadOf(other) === other && other.spot.x === node.spot.x);
  const next = column.sort((a, b) => a.spot.y - b.spot.y)[column.indexOf(node) + way];
  if (next) pickShown(next);
}

const KEYS = {
  "+": () => zoom(1.3), "=": () => zoom(1.3), "-": () => zoom(1 / 1.3), f: fit, F: fit,
  Home: () => pick(0), Enter: pickShown, " ": pickShown,
};
const moves = { toParent, toChild, before: (node) => toNeighbour(node, -1), after: (node) => toNeighbour(node, 1) };
const ARROWS = {
  across: { ArrowLeft: "toParent", ArrowRight: "toChild", ArrowUp: "before", ArrowDown: "after" },
  down: { ArrowUp: "toParent", ArrowDown: "toChild", ArrowLeft: "before", ArrowRight: "after" },
};

svg.addEventListener("keydown", (event) => {
  const act = KEYS[event.key] ?? moves[ARROWS[vertical ? "down" : "across"][event.key]];
  if (!act || !plan || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  act(leadOf(nodes[picked] ?? nodes[0]));
});

// --- pointers: one drags, two pinch -----------------------------------------------------------------------------

const pointers = new Map();
let dragged = false;

function local({ clientX, clientY }) {
  const { left, top } = svg.getBoundingClientRect();
  return { x: clientX - left, y: clientY - top };
}

function nodeAt(event) {
  const hit = event.target.closest?.(".node");
  if (hit || !plan) return hit && nodes[hit.dataset.id];
  const { x, y } = local(event);
  let nearest = null, least = NEAR;
  for (const node of nodes) {
    const at = onScreen(node.at), away = Math.hypot(at.x - x, at.y - y);
    if (away < least && leadOf(node) === node) [nearest, least] = [node, away];
  }
  return nearest;
}

svg.addEventListener("pointerdown", (event) => {
  if (!pointers.size) dragged = false;
  pointers.set(event.pointerId, local(event));
});
svg.addEventListener("pointermove", (event) => {
  const before = pointers.get(event.pointerId);
  if (!before) return hover(event);
  const now = local(event), dx = now.x - before.x, dy = now.y - before.y;
  if (!dragged && Math.hypot(dx, dy) < 4) return;
  if (!dragged) svg.setPointerCapture(event.pointerId);
  dragged = true;
  pointers.set(event.pointerId, now);
  const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
  if (!other) return pan(dx, dy);
  const apart = (point) => Math.hypot(point.x - other.x, point.y - other.y);
  zoom(apart(now) / Math.max(1, apart(before)), other.x, other.y);
});
for (const end of ["pointerup", "pointercancel", "pointerleave"]) {
  svg.addEventListener(end, (event) => {
    pointers.delete(event.pointerId);
    tip.hidden = true;
  });
}
svg.addEventListener("click", (event) => {
  const node = !dragged && nodeAt(event);
  if (node) pickShown(node);
});
svg.addEventListener("wheel", (event) => {     // the page's own, unless the tree has the focus or Ctrl is held
  if (!event.ctrlKey && !event.metaKey && document.activeElement !== svg) return;
  event.preventDefault();
  const { x, y } = local(event);
  zoom(Math.exp(-0.002 * event.deltaY), x, y);
}, { passive: false });
find(".zoom").addEventListener("click", ({ target: { dataset } }) => {
  ({ in: () => zoom(1.3), out: () => zoom(1 / 1.3), fit })[dataset.zoom]?.();
});

function hover(event) {
  const node = event.pointerType === "mouse" ? nodeAt(event) : null;
  tip.hidden = !node;
  svg.classList.toggle("over-node", Boolean(node));
  if (!node) return;
  tip.querySelector("strong").textContent = described(node).join(" · ");
  tip.querySelector("span").textContent = node.text;
  const { x, y } = onScreen(node.at), { offsetWidth, offsetHeight } = tip;
  tip.style.left = `${clamp(x - offsetWidth / 2, 6, width - offsetWidth - 6)}px`;
  tip.style.top = `${y + 24 + offsetHeight < height ? y + 24 : y - 24 - offsetHeight}px`;
}
