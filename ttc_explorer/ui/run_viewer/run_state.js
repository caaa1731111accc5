// A run as the viewer knows it: folds the lines of a stream (stream.py) into a state, and answers questions about it.
// Pure: no page, no clock; the same lines give the same state.

export const STATUS_LABELS = {
  open: "not judged yet", kept: "kept", pruned: "pruned", finished: "finished", rollout: "looked ahead",
  revision: "whole solution", writing: "being written", unfinished: "cut off",
};

// The state before the first line. `nodes` stand in order of creation, each { id, parent (a node, null for the root),
// children, depth, kind, status, text, tokens, logprob, firstWrong (the first step, from 1, after which nothing right is
// possible; 0: none, null: unknown), answer (a key of `answers`; only of a finished solution), cut (it broke off for want of room), score, visits, value,
// copies (how many samples wrote this step) }; `round` is the last that is over, { number, clause };
// a node is `touched` where it was written after somebody had touched the tree, and of the `probe` where the run says so.
// `status.replayed` where somebody looks back (run_recording.js).
// What is being written stands at the end of `nodes`, of kind "partial" and with the status "writing", or "unfinished" where the
// run was stopped; `ended` says of one that it has its end. `writing` is { seconds (the run's clock, null: as of cost), tokens
// (of all of them) }, null where nothing is.
export function emptyState() {
  return {
    writing: null, id: null, about: null, nodes: [], answers: new Map(), notes: [], subtrees: [], round: null,
    votes: {}, voices: {}, cost: null, status: { text: "", stopped: null, over: false, error: null },
  };
}

const isPartial = ({ kind }) => kind === "partial";

function partialNode(id, parent, status) {
  return {
    id, parent, kind: "partial", status, text: "", tokens: 0, logprob: null, firstWrong: null, answer: undefined, children: [],
    depth: parent.depth + 1, touched: false, probe: false, score: null, visits: null, value: null, copies: 1, ended: false,
  };
}

// What was being written is a node by now, or nothing.
function endWriting(state) {
  while (state.nodes.at(-1)?.kind === "partial") state.nodes.pop().parent.children.pop();
  state.writing = null;
}

const LINES = {
  run(state, id, about) { Object.assign(state, { id, about }); },
  write(state, parents, cut) {
    endWriting(state);
    for (const parent of parents) {
      const node = partialNode(state.nodes.length, state.nodes[parent], cut ? "unfinished" : "writing");
      node.parent.children.push(node);
      state.nodes.push(node);
    }
  },
  wrote(state, seconds, rows) {
    const partial = state.nodes.filter(isPartial);
    for (const [place, tokens, ended, text] of rows) {
      Object.assign(partial[place], { tokens, ended, text: partial[place].text + text });
    }
    state.writing = { seconds, tokens: partial.reduce((sum, node) => sum + node.tokens, 0) };
  },
  answer(state, key, text, right) { state.answers.set(key, { text, right }); },
  add(state, id, parentId, kind, status, text, tokens, logprob, firstWrong, answer, cut = false) {
    const parent = state.nodes[parentId] ?? null;
    const node = {
      id, parent, kind, status, text, tokens, logprob, firstWrong, answer, cut, children: [],
      depth: parent ? parent.depth + 1 : 0, touched: id >= (state.about.touched_from ?? Infinity), probe: false, score: null, visits: null, value: null, copies: 1,
    };
    parent?.children.push(node);
    state.nodes[id] = node;
  },
  copy(state, id) { state.nodes[id].copies += 1; },
  score(state, id, score) { state.nodes[id].score = score; },
  mark(state, id, status) { state.nodes[id].status = status; },
  value(state, id, visits, value) { Object.assign(state.nodes[id], { visits, value }); },
  note(state, text, facts, isProbe = false) {  // of a probe: what has been written so far
    state.notes.push({ text, facts });
    if (isProbe) for (const node of state.nodes) node.probe = Boolean(node.parent);
  },
  round(state, number, clause) { Object.assign(state, { round: { number, clause } }); },
  subtrees(state, sizes) { state.subtrees = sizes; },
  snapshot(state, { votes, voices, ...rest }) {
    Object.assign(state.votes, votes);
    Object.assign(state.voices, voices);
    Object.assign(state, rest);
  },
};

// The lines that tell of an event of the tree.
export const EVENTS = new Set(["add", "copy", "score", "mark", "value", "note"]);

// The state after one more line, a JSON array that starts with its kind. A run line starts anew.
export function withLine(state, line) {
  const [kind, ...fields] = JSON.parse(line);
  const next = kind === "run" ? emptyState() : state;
  if (EVENTS.has(kind)) endWriting(next);
  LINES[kind](next, ...fields);
  return next;
}

// The state at the end of a whole stream.
export function stateOf(text) {
  return text.split("\n").filter(Boolean).reduce(withLine, emptyState());
}

// Reads a string that only grows: `read(text)` returns the state after all of it. Another run is read from its start.
export function createReader() {
  let state = emptyState(), firstLine = "", seen = 0;
  return {
    read(text) {
      const first = text.slice(0, text.indexOf("\n") + 1);
      if (first !== firstLine || text.length < seen) [state, firstLine, seen] = [emptyState(), first, 0];
      state = text.slice(seen).split("\n").filter(Boolean).reduce(withLine, state);
      seen = text.length;
      return state;
    },
  };
}

// --- questions ----------------------------------------------------------------------------------------------------------

// What speaks for each answer by a rule { selector, aggregate }, the chosen one first:
// { rows: [{ answer: { text, right }, count, weight, leaf, score }], more: [answers, votes] beyond these, total weight,
//   lacks: why the selector cannot choose }.
export function votesBy(state, { selector, aggregate }) {
  const table = state.votes[`${selector} ${aggregate}`] ?? { rows: [], more: [0, 0], weight: 0, lacks: "" };
  const rows = table.rows.map(([key, count, weight, leaf, score]) => ({
    answer: state.answers.get(key), count, weight, leaf, score,
  }));
  return { rows, more: table.more, weight: table.weight, lacks: table.lacks };
}

// The last steps of all finished solutions.
export function solutionsOf(state) {
  return state.nodes.filter(({ status }) => status === "finished");
}

// How many samples these nodes stand for.
export function sampleCount(nodes) {
  return nodes.reduce((sum, { copies }) => sum + copies, 0);
}

// Nodes from the root's child down to this one; empty for the root.
export function pathOf(node) {
  const path = [];
  for (let at = node; at?.parent; at = at.parent) path.unshift(at);
  return path;
}

// The attempts that led to this one, itself last: revisions, and the solution that they began with, if any.
export function chainOf(node) {
  const attempts = [];
  for (let at = node; at?.parent; at = at.parent) {
    attempts.unshift(at);
    if (at.kind !== "revision") break;
  }
  return attempts;
}

// The lines of the solution that ends in this node; of a revision, of that attempt alone.
export function solutionLines(node) {
  return node.kind === "revision" ? node.text.split("\n") : pathOf(node).flatMap(({ text }) => text.split("\n"));
}

// The node to show while nobody has picked one: the end of the chosen answer's best solution; before there is any, the
// best step of the newest round, or before there is a step, the first that is being written.
export function leadingNode(state, rule) {
  const [first] = votesBy(state, rule).rows;
  if (first) return state.nodes[first.leaf];
  const nodes = state.nodes.filter(({ kind }) => kind !== "rollout" && kind !== "partial");
  if (nodes.length === 1 && state.nodes.length > 1) return state.nodes.find(isPartial) ?? nodes[0];
  const newest = Math.max(...nodes.map(({ depth }) => depth));
  return nodes.filter(({ depth }) => depth === newest)
    .reduce((best, node) => ((node.score ?? 0) > (best.score ?? 0) ? node : best));
}

// The best path by a rule: ids from the root's child to the leaf that it chooses.
export function bestPath(state, rule) {
  const leading = leadingNode(state, rule);
  return isPartial(leading) ? [] : pathOf(leading).map(({ id }) => id);
}

// What a step that was being written has become: the step after the same node that begins with its text, or of a solution that
// was written whole, the step that this text begins with; null if there is none. `parent` is an id.
export function wholeStep(state, { parent, text }) {
  const flat = (words) => words.split(/\s+/).join(" ").trim(), written = flat(text);
  const steps = (state.nodes[parent]?.children ?? []).filter((node) => !isPartial(node) && flat(node.text));
  return steps.find((node) => flat(node.text).startsWith(written)) ?? steps.find((node) => written.startsWith(flat(node.text))) ?? null;
}

// What it has cost by now: what is being written is counted as far as it is, until it stands in the ledger.
export function costSoFar({ cost, writing, status }) {
  if (!cost || !writing || status.over || writing.seconds === null) return cost;
  return { ...cost, seconds: writing.seconds, generated_tokens: cost.generated_tokens + writing.tokens };
}

// Whether the run is nothing but chains of revisions, so that they say more than its tree.
export function isRevisionOnly(state) {
  return state.nodes[1]?.kind === "revision";
}

// The chains of a run of revisions, in the order in which they began, each a list of attempts { node, answer: { text,
// right }, right, transition }: see `attemptsOf`. An attempt that two continue is in both.
export function revisionChains(state) {
  const revisions = state.nodes.filter(({ kind }) => kind === "revision");
  const ends = revisions.filter(({ children }) => !children.some(({ kind }) => kind === "revision"));
  const ids = (nodes) => nodes.map(({ id }) => id);
  return ends.map(chainOf).sort((a, b) => compared(ids(a), ids(b))).map((nodes) => attemptsOf(state, nodes));
}

function compared(a, b) {
  const at = a.findIndex((id, i) => id !== b[i]);
  return at < 0 ? a.length - b.length : a[at] - (b[at] ?? -1);
}

// These attempts, each a revision of the one before. `right` is null where the right answer is not known; an answer that
// cannot be read is wrong wherever right and wrong are known. `transition` says what became of the answer since the
// attempt before: "lost" (right to wrong), "found" (wrong to right), "changed", "same"; "first" where there is none before.
export function attemptsOf(state, nodes) {
  const known = [...state.answers.values()].some(({ right }) => right !== null);
  const attempts = nodes.map((node) => {
    const answer = state.answers.get(node.answer) ?? { text: null, right: null };
    return { node, answer, right: answer.text === null ? (known ? false : null) : answer.right };
  });
  return attempts.map((attempt, i) => ({ ...attempt, transition: transitionOf(attempts[i - 1], attempt) }));
}

function transitionOf(before, after) {
  if (!before) return "first";
  if (before.right && after.right === false) return "lost";
  if (after.right && before.right === false) return "found";
  return before.node.answer === after.node.answer ? "same" : "changed";
}
