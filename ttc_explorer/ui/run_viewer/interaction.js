// Interaction with the tree: pick a node, walk with the keys, drag, pinch, zoom, and hover.
import { clamp, fades } from "./layout.js";

const NEAR = 14;                        // pixels: how near a pointer must come to a node

export function connectInteraction(tree) {
  const { svg, tip } = tree;

  // --- picking ----------------------------------------------------------------------------------------------------------

  // A group stands for several solutions: the one on the best path first, then, picked again, the next.
  function pickShown(node) {
    const members = tree.membersOf(node).toSorted((a, b) => tree.best.has(b) - tree.best.has(a));
    tree.pick(members[(members.indexOf(tree.picked) + 1) % members.length]);
  }

  function toParent(node) {
    const from = tree.nodes[tree.picked] ?? node;       // of a group, the member that is picked
    if (from.parent) tree.pick(from.parent.id);
  }

  function toChild({ children }) {
    const alive = children.filter((child) => !fades(child));
    const child = children.find(({ id }) => tree.best.has(id)) ?? alive[0] ?? children[0];
    if (child) pickShown(tree.leadOf(child));
  }

  function toNeighbour(node, way) {
    const column = tree.nodes.filter((other) => tree.leadOf(other) === other && other.spot.x === node.spot.x);
    const next = column.sort((a, b) => a.spot.y - b.spot.y)[column.indexOf(node) + way];
    if (next) pickShown(next);
  }

  const zoomIn = () => tree.zoom(1.3), zoomOut = () => tree.zoom(1 / 1.3), fit = () => tree.fit();
  const keys = {
    "+": zoomIn, "=": zoomIn, "-": zoomOut, f: fit, F: fit,
    Home: () => tree.pick(0), Enter: pickShown, " ": pickShown,
  };
  const moves = { toParent, toChild, before: (node) => toNeighbour(node, -1), after: (node) => toNeighbour(node, 1) };
  const arrows = {
    across: { ArrowLeft: "toParent", ArrowRight: "toChild", ArrowUp: "before", ArrowDown: "after" },
    down: { ArrowUp: "toParent", ArrowDown: "toChild", ArrowLeft: "before", ArrowRight: "after" },
  };

  svg.addEventListener("keydown", (event) => {
    const act = keys[event.key] ?? moves[arrows[tree.vertical ? "down" : "across"][event.key]];
    if (!act || !tree.plan || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act(tree.leadOf(tree.nodes[tree.picked] ?? tree.nodes[0]));
  });

  // --- pointers: one drags, two pinch -----------------------------------------------------------------------------------

  const pointers = new Map();
  let dragged = false;

  function local({ clientX, clientY }) {
    const { left, top } = svg.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  }

  function nodeAt(event) {
    const hit = event.target.closest?.(".node");
    if (hit || !tree.plan) return hit && tree.nodes[hit.dataset.id];
    const { x, y } = local(event);
    let nearest = null, least = NEAR;
    for (const node of tree.nodes) {
      const at = tree.onScreen(node.at), away = Math.hypot(at.x - x, at.y - y);
      if (away < least && tree.leadOf(node) === node) [nearest, least] = [node, away];
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
    if (!other) return tree.pan(dx, dy);
    const apart = (point) => Math.hypot(point.x - other.x, point.y - other.y);
    tree.zoom(apart(now) / Math.max(1, apart(before)), other.x, other.y);
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
  svg.addEventListener("wheel", (event) => {    // the page's own, unless the tree has the focus or Ctrl is held
    if (!event.ctrlKey && !event.metaKey && document.activeElement !== svg) return;
    event.preventDefault();
    const { x, y } = local(event);
    tree.zoom(Math.exp(-0.002 * event.deltaY), x, y);
  }, { passive: false });
  tree.find(".zoom").addEventListener("click", ({ target: { dataset } }) => {
    ({ in: zoomIn, out: zoomOut, fit })[dataset.zoom]?.();
  });

  function hover(event) {
    const node = event.pointerType === "mouse" ? nodeAt(event) : null;
    tip.hidden = !node;
    svg.classList.toggle("over-node", Boolean(node));
    if (!node) return;
    tip.querySelector("strong").textContent = tree.describe(node).join(" · ");
    tip.querySelector("span").textContent = node.text;
    const { x, y } = tree.onScreen(node.at), { offsetWidth, offsetHeight } = tip;
    tip.style.left = `${clamp(x - offsetWidth / 2, 6, tree.width - offsetWidth - 6)}px`;
    tip.style.top = `${y + 24 + offsetHeight < tree.height ? y + 24 : y - 24 - offsetHeight}px`;
  }
}
