// Interaction with the tree: pick a node, walk with the keys, drag, pinch, zoom, and hover.
import { fades } from "./folding.js";
import { clamp } from "./layout.js";

const NEAR = 14;                        // pixels: how near a pointer must come to a node
const AWAY = 8;                         // pixels between a node and its tip

export function connectInteraction(tree) {
  const { surface, tip } = tree;

  // --- picking ----------------------------------------------------------------------------------------------------------

  const isFold = ({ item }) => item?.members.length > 1;

  // A box stands for several solutions: the one on the best path first, then, picked again, the next. A fold opens or closes.
  function press(mark) {
    if (isFold(mark) || mark.group?.answer === null) return tree.toggle(mark.key);
    pickNext(mark);
  }

  function pickNext(mark) {
    const members = tree.membersOf(mark).toSorted((a, b) => tree.best.has(b) - tree.best.has(a));
    tree.pick(members[(members.indexOf(tree.picked) + 1) % members.length]);
  }

  function walkTo(mark) {
    if (isFold(mark)) tree.goTo(mark.key);
    else if (!tree.membersOf(mark).includes(tree.picked)) pickNext(mark);
    else tree.goTo(mark.key);
  }

  function toParent(mark) {
    if (isFold(mark)) return tree.pick(mark.parent.item.members[0]);
    const from = tree.state.nodes[tree.picked];         // of a box, the solution that is picked
    if (from?.parent) tree.pick(from.parent.id);
  }

  function toChild({ item }) {
    if (!item) return;
    const alive = item.children.filter((child) => !fades(child));
    const child = item.children.find(({ key }) => tree.best.has(key)) ?? alive[0] ?? item.children[0];
    const ends = [...item.links.keys()].map((place) => tree.marks.get(tree.answers[place].key));
    const mark = ends.find(({ best }) => best && !child) ?? (child ? tree.marks.get(tree.leadOf(child).key) : ends[0]);
    if (mark) walkTo(mark);
  }

  function toNeighbour(mark, way) {
    const column = [...tree.marks.values()].filter((other) => !other.facts.hidden && other.spot.x === mark.spot.x);
    const next = column.sort((a, b) => a.spot.y - b.spot.y)[column.indexOf(mark) + way];
    if (next) walkTo(next);
  }

  function enter(mark) {
    if (isFold(mark) || mark.group?.answer === null) return tree.toggle(mark.key);
    if (tree.picked === null) tree.pick(tree.membersOf(mark)[0]);
    tree.onOpen();
  }

  // Around what is picked, if it is in view.
  function zoomBy(factor) {
    const mark = tree.marks.get(tree.cursor ?? tree.shownBy?.get(tree.picked)), at = mark && tree.onScreen(mark.at);
    const inView = at && at.x > 0 && at.x < tree.width && at.y > 0 && at.y < tree.height;
    tree.zoom(factor, ...(inView ? [at.x, at.y] : []));
  }

  const zoomIn = () => zoomBy(1.3), zoomOut = () => zoomBy(1 / 1.3), fit = () => tree.fit();
  const keys = {
    "/": () => tree.finder.open(), "+": zoomIn, "=": zoomIn, "-": zoomOut, f: fit, F: fit, Home: () => tree.pick(0), Enter: enter, " ": press,
  };
  const moves = { toParent, toChild, before: (mark) => toNeighbour(mark, -1), after: (mark) => toNeighbour(mark, 1) };
  const arrows = {
    across: { ArrowLeft: "toParent", ArrowRight: "toChild", ArrowUp: "before", ArrowDown: "after" },
    down: { ArrowUp: "toParent", ArrowDown: "toChild", ArrowLeft: "before", ArrowRight: "after" },
  };

  surface.addEventListener("keydown", (event) => {
    const act = keys[event.key] ?? moves[arrows[tree.vertical ? "down" : "across"][event.key]];
    if (!act || !tree.plan || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act(tree.marks.get(tree.cursor ?? tree.shownBy.get(tree.picked ?? 0)) ?? tree.marks.get(tree.shownBy.get(0)));
  });

  // --- pointers: one drags, two pinch -----------------------------------------------------------------------------------

  const pointers = new Map();
  let dragged = false;

  function local({ clientX, clientY }) {
    const { left, top } = surface.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  }

  function markOf({ dataset: { id } }) {
    return tree.marks.get(id) ?? tree.marks.get(Number(id));
  }

  function markAt(event) {
    const hit = event.target.closest?.(".node");
    if (!tree.plan) return null;
    if (hit) return markOf(hit);
    const { x, y } = local(event);
    let nearest = null, least = NEAR;
    for (const mark of tree.marks.values()) {
      const at = tree.onScreen(mark.at), away = Math.hypot(at.x - x, at.y - y);
      if (away < least && !mark.facts.hidden) [nearest, least] = [mark, away];
    }
    return nearest;
  }

  surface.addEventListener("pointerdown", (event) => {
    if (!pointers.size) dragged = false;
    pointers.set(event.pointerId, local(event));
  });
  surface.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return hover(event);
    const now = local(event), dx = now.x - before.x, dy = now.y - before.y;
    if (!dragged && Math.hypot(dx, dy) < 4) return;
    if (!dragged) surface.setPointerCapture(event.pointerId);
    dragged = true;
    pointers.set(event.pointerId, now);
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (!other) return tree.pan(dx, dy);
    const apart = (point) => Math.hypot(point.x - other.x, point.y - other.y);
    tree.zoom(apart(now) / Math.max(1, apart(before)), other.x, other.y, { swift: true });
  });
  for (const end of ["pointerup", "pointercancel", "pointerleave"]) {
    surface.addEventListener(end, (event) => {
      pointers.delete(event.pointerId);
      tip.hidden = true;
    });
  }
  surface.addEventListener("click", (event) => {
    const mark = !dragged && markAt(event);
    if (mark) press(mark);
  });
  surface.addEventListener("wheel", (event) => {    // the page's own, unless the tree has the focus or Ctrl is held
    if (!event.ctrlKey && !event.metaKey && document.activeElement !== surface) return;
    event.preventDefault();
    const { x, y } = local(event);
    tree.zoom(Math.exp(-0.002 * event.deltaY), x, y, { swift: true });
  }, { passive: false });
  tree.find(".zoom").addEventListener("click", ({ target: { dataset } }) => {
    ({ in: zoomIn, out: zoomOut, fit })[dataset.zoom]?.();
  });

  // The tip stands below what it explains, or above it, never on it.
  function hover(event) {
    const mark = event.pointerType === "mouse" ? markAt(event) : null;
    tip.hidden = !mark;
    surface.classList.toggle("over-node", Boolean(mark));
    if (!mark) return;
    tip.querySelector("strong").textContent = mark.facts.words.join(" · ");
    tip.querySelector("span").textContent = tree.tipText(mark);
    const canvas = surface.getBoundingClientRect(), box = mark.g.getBoundingClientRect(), { offsetWidth, offsetHeight } = tip;
    const below = box.bottom - canvas.top + AWAY, above = box.top - canvas.top - AWAY - offsetHeight;
    tip.style.left = `${clamp((box.left + box.right) / 2 - canvas.left - offsetWidth / 2, 6, tree.width - offsetWidth - 6)}px`;
    tip.style.top = `${below + offsetHeight < tree.height || above < 0 ? below : above}px`;
  }
}
