// Hands in the tree: what the reader can have done to a run that has ended, at the node under inspection.
import { h } from "./dom.js";

export const TRIES = 8;                 // of one touch
const LONGEST_STEP = 500;               // characters of a step of one's own

// What can be done at a node: { expand, judge }. Nothing follows an end, and only steps of the search are judged.
export function touchesAt(state, { kind, status, parent }) {
  const over = state.status.over && !state.status.replayed;
  return {
    expand: over && status !== "finished" && ["root", "step"].includes(kind),
    judge: over && parent !== null && ["step", "answer"].includes(kind) && state.about.verifier !== null,
  };
}

// The controls; null where nothing can be done, or nobody hears of it. `onTouch({ kind, node, samples, text })` hears what
// shall be done.
export function handsAt(state, node, onTouch) {
  const { expand, judge } = touchesAt(state, node);
  if (!onTouch || !(expand || judge)) return null;
  const text = h("input", { type: "text", maxlength: LONGEST_STEP, placeholder: "A step of your own", "aria-label": "A step of your own" });
  const touch = (kind, samples, said = "") => onTouch({ kind, node: node.id, samples, text: said });
  const button = (title, act) => {
    const made = h("button", { type: "button" }, title);
    made.addEventListener("click", act);
    return made;
  };
  const force = h("form", null, text, h("button", { type: "submit" }, "Go on from it"));
  force.addEventListener("submit", (event) => {
    event.preventDefault();
    if (text.value.trim()) touch("force", TRIES, text.value);
  });
  return h("section", { class: "hands", "aria-label": "By hand" },
    h("h3", null, "By hand"),
    h("div", null,
      expand && button(`Try ${TRIES} more from here`, () => touch("expand", TRIES)),
      judge && button("Judge it again", () => touch("judge", 0))),
    expand && force);
}
