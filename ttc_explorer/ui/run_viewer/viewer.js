// The viewer of a run: reads a stream of lines (stream.py) and draws what it says in the parts that are wanted. A click,
// a key or another voting rule changes the picture here and now; nothing is asked of a server.
import { h } from "./dom.js";
import { glossaryTerm } from "./glossary_term.js";
import { handsAt } from "./hands.js";
import { headline } from "./headline.js";
import { nodeInspector } from "./inspector.js";
import { useKatex } from "./math_text.js";
import { chainsView } from "./revision_chain.js";
import { createReplayBar } from "./replay_bar.js";
import { runFacts } from "./run_facts.js";
import { createRecording } from "./run_recording.js";
import { bestPath, isRevisionOnly, leadingNode, wholeStep } from "./run_state.js";
import { segmentedControl } from "./segmented_control.js";
import { summaryCards } from "./summary_cards.js";
import { createTakeAwayMenu } from "./take_away_menu.js";
import { TreeView } from "./tree.js";
import { votesTable } from "./votes.js";

let mounted = 0;

// Puts a viewer in a place. `options`:
//   parts       which of cards, remarks, tree, replay, votes and inspector to draw
//   terms       glossary: term -> its definition
//   selectors, aggregates    the voting rules, each [{ name, title }]
//   katex       { script, style }: addresses of KaTeX on the page, or null
//   live        whether runs are searched while they are shown
//   onPick      hears that the visitor opened a node
//   onRule      hears of another voting rule { selector, aggregate } that the visitor chose
//   onTake      hears of "trace" or "page", which a server shall give to the visitor; null: there is none
//   onTouch     hears what shall be done to a run that has ended (hands.js); null: nothing can be done
// Returns { show(text), showState(state, rule), question(), facts() }: give it the growing stream, or a state that somebody
// else has read, of which the rule to begin with may be another; ask it what it is about, and for the facts of the run
// (run_facts.js), null for nothing.
// The moment that is shown is the place's `data-at` (how many events, none for the newest); an event `ttc-at` says when it
// changes, and `ttc-show-at` sent to the place shows the moment that is its `detail`. `ttc-open-at` says where the next run is
// to stand, once it is so far; null for its newest moment.
export function mountRunViewer(place, options) {
  const { parts, terms, selectors, aggregates, katex = null, live = false } = options;
  const { onPick = () => {}, onRule = () => {}, onTake = null, onTouch = null } = options;
  if (katex) useKatex(katex);
  const name = `run-viewer-${++mounted}`;
  const has = (part) => parts.includes(part);
  const part = (title, ...content) => h("div", { class: `viewer-${title}` }, content);
  const recording = createRecording(), replay = createReplayBar(recording, live, showMoment);
  const takeAway = createTakeAwayMenu(recording, () => ({ state, rule }), onTake);
  const rule = { selector: selectors[0].name, aggregate: aggregates[0].name };
  let state = null, run = null, picked = null;        // what is drawn; the id under inspection (null: whichever leads)
  let written = null;                   // what was under inspection while it was being written: { parent, text }

  const bySelector = segmentedControl("Answer chosen by", `${name}-selector`, selectors, (selector) => choose({ selector }));
  const byAggregate = segmentedControl("Score of a solution by", `${name}-aggregate`, aggregates,
    (aggregate) => choose({ aggregate }));
  bySelector.element.classList.add("by-selector");
  byAggregate.element.classList.add("by-aggregate");

  const top = part("headline"), cards = part("cards"), remarks = part("remarks"), chains = part("chains");
  const treePlace = part("tree"), table = part("votes");
  const inspector = h("div", { class: "viewer-inspector", tabindex: -1, role: "region", "aria-label": "Inspector" });
  inspector.append(h("p", { class: "hint" }, "Pick a node of the tree to read it here."));
  const heading = (shown, term) => h("div", { class: "heading" }, glossaryTerm(terms, shown, term));
  const count = part("count",
    h("div", { class: "viewer-rules" },
      heading("Answer by", "selector"), bySelector.element, heading("Score by", "aggregate"), byAggregate.element),
    table);
  place.append(
    h("div", { class: "viewer-centre" },
      has("cards") && [top, cards], has("remarks") && remarks, has("tree") && [treePlace, chains], has("replay") && replay.element, has("votes") && count),
    ...(has("inspector") ? [h("div", { class: "viewer-side" }, inspector)] : []));
  const tree = has("tree") ? new TreeView(treePlace, name, { onPick: pick, onOpen: openInspector, whole: place }) : null;

  document.addEventListener("ttc-language", () => { if (recording.latest.id) showMoment(); });
  place.addEventListener("ttc-show-at", ({ detail }) => replay.goTo(detail));
  place.addEventListener("ttc-open-at", ({ detail }) => replay.openAt(detail));
  place.addEventListener("keydown", (event) => {
    if (event.target.closest("input, select, textarea") || !has("replay")) return;
    if (replay.press(event)) event.preventDefault();
  });
  chains.addEventListener("click", (event) => {
    const attempt = event.target.closest?.(".attempt");
    if (!attempt) return;
    for (const other of chains.querySelectorAll(".attempt")) other.setAttribute("aria-pressed", other === attempt);
    pick(Number(attempt.dataset.node));
  });
  if (has("replay")) replay.element.append(takeAway);
  showRule();

  function pick(id) {
    picked = id;
    written = beingWritten(state.nodes[id]);
    inspect();
    onPick();
  }

  // To the inspector by Enter, and back to the tree by Escape.
  function openInspector() {
    if (has("inspector")) inspector.focus();
  }

  inspector.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !tree) return;
    event.stopPropagation();
    event.preventDefault();             // nor does it close a window around
    tree.surface.focus();
  });

  function choose(change) {
    Object.assign(rule, change);
    showRule();
    if (state) draw();
    onRule({ ...rule });
  }

  function showRule() {
    bySelector.show(rule.selector);
    byAggregate.show(rule.aggregate);
  }

  function show(text) {
    if (!text) return;
    recording.read(text);
    replay.update();
    showMoment();
  }

  // The run as it stands, or as it stood where somebody looks back.
  function showMoment() {
    const at = has("replay") ? replay.shown() : null;
    if (place.dataset.at !== (at ?? undefined)?.toString()) {
      if (at === null) delete place.dataset.at;
      else place.dataset.at = at;
      place.dispatchEvent(new CustomEvent("ttc-at", { bubbles: true, detail: at }));
    }
    showState(at === null ? recording.latest : recording.frame(at));
  }

  function showState(shown, first = {}) {
    state = shown;
    if (state.id !== run) {
      [run, picked, written] = [state.id, null, null];
      Object.assign(rule, { selector: state.about.selector, aggregate: state.about.aggregate }, first);
      showRule();
    }
    draw();
  }

  // Whoever looks at a step that is being written goes on to look at it when it is whole.
  function followWritten() {
    const node = state.nodes[picked];
    if (written && node?.kind !== "partial") {
      picked = wholeStep(state, written)?.id ?? null;
      if (tree) tree.picked = picked;
    }
    written = beingWritten(state.nodes[picked]);
  }

  function draw() {
    followWritten();
    if (has("cards")) {
      top.replaceChildren(headline(state, rule, selectors));
      cards.replaceChildren(summaryCards(state, rule, terms));
    }
    if (has("remarks")) remarks.replaceChildren(...remarkOf(state));
    if (has("tree")) {
      const onlyChains = isRevisionOnly(state);
      treePlace.hidden = onlyChains;
      chains.hidden = !onlyChains;
      if (onlyChains) drawChains();
      else chains.replaceChildren();
      tree.update(state, bestPath(state, rule));
    }
    if (has("votes")) table.replaceChildren(...votesTable(state, rule, terms).filter(Boolean));
    inspect();
  }

  function inspect() {
    if (has("inspector")) {
      const node = shownNode(), hands = handsAt(state, node, onTouch);
      inspector.replaceChildren(nodeInspector(state, node, terms), ...(hands ? [hands] : []));
    }
  }

  function shownNode() {
    return state.nodes[picked] ?? leadingNode(state, rule);
  }

  // Drawn anew, the rows stay where they were scrolled to, and the focus where it was.
  function drawChains() {
    const top = chains.querySelector(".rows")?.scrollTop ?? 0, focused = document.activeElement?.dataset.node;
    const inside = chains.contains(document.activeElement);
    chains.replaceChildren(chainsView(state, rule, shownNode().id, terms));
    chains.querySelector(".rows").scrollTop = top;
    if (inside && focused) chains.querySelector(`[data-node="${Number(focused)}"]`)?.focus({ preventScroll: true });
  }

  return {
    show, showState, question: () => state?.about.problem ?? null,
    facts: () => state && runFacts(recording.latest ?? state, rule, selectors, picked),  // of the whole run, whatever moment is shown
  };
}

// What is known of a step that is being written; null of any other.
function beingWritten(node) {
  return node?.kind === "partial" ? { parent: node.parent.id, text: node.text } : null;
}

// What the run says about itself: its latest sentence, with the figures behind it one hover away.
function remarkOf({ notes }) {
  const note = notes.at(-1);
  if (!note) return [];
  const details = [note.text, note.facts].filter(Boolean).join("\n\n");
  return [h("p", { class: "remark" }, h("span", { tabindex: 0, "data-tip": details }, note.text))];
}
