// The marks of the tree: what a step, a fold and an answer look like, and what they are called. Each mark stands for an item of
// folding.js, or for an answer of the last column; nothing here knows where it stands.
import { drawn, write } from "./dom.js";
import { fades } from "./folding.js";
import { grouped } from "./format.js";
import { RADIUS } from "./layout.js";
import { answerBox, foldBox } from "./node.js";
import { STATUS_LABELS } from "./run_state.js";
import { inkOn, LOW, scoreColour } from "./score_colours.js";

const HALO = 3;                         // what the ring of a chosen node stands out
const STATUS_WORDS = { ...STATUS_LABELS, finished: "end of a solution" };

// A new mark: its group `g`, and `edge`, the line to its parent, if it has one.
export function createMark(key, kind, { marks, edges }, id, hasEdge) {
  const g = drawn("g", "node", marks);
  g.id = id;
  g.dataset.id = key;
  g.setAttribute("role", "treeitem");
  return { key, kind, g, edge: hasEdge ? drawn("path", "edge", edges) : null, looks: null, line: null };
}

// Everything about a step but its place. `facts`: { score, answer: { text, right }, count (of samples), box (whether it is drawn with its
// answer), best, picked, match, hidden, revised, probe, touched, status, root, visits, vertical, labelRoom }.
export function paintStep(mark, facts, measure) {
  const { score, count, box, visits, root, vertical } = facts, verdict = verdictOf(facts.answer);
  const looks = JSON.stringify(facts);
  if (looks === mark.looks) return;
  mark.looks = looks;
  const { g } = mark, low = score !== null && score < LOW;
  const names = {
    [facts.status]: true, root, leaf: box, [verdict]: verdict, best: facts.best, picked: facts.picked, match: facts.match,
    hidden: facts.hidden, blank: score === null, low, revised: facts.revised, ended: facts.ended,
  };
  g.setAttribute("class", ["node", ...Object.keys(names).filter((name) => names[name])].join(" "));
  mark.edge?.setAttribute("class", ["edge", facts.status, facts.twin && "hidden", facts.match && "match"].filter(Boolean).join(" "));
  g.replaceChildren();
  const shape = box && answerBox(facts.answer, count, vertical, facts.labelRoom, measure);
  if (shape) frame(g, shape, vertical ? 11 : 14);
  const radius = box ? 11 : RADIUS;
  if (facts.probe && !box) circle(g, "probe", radius + 2 * HALO);
  if (facts.touched && !box) square(g, "hand", radius + 2 * HALO);
  if (!box && !(root && !facts.picked) && (facts.best || facts.picked)) circle(g, "halo", radius + HALO / 2);
  const dot = circle(g, "dot", low ? 0.86 * radius : radius);
  if (score !== null) dot.style.setProperty("--score", fades(facts) ? `color-mix(in srgb, ${scoreColour(score)} 50%, var(--tt-canvas))` : scoreColour(score));
  if (low) dot.style.strokeWidth = `${0.28 * radius}px`;
  const figure = write(g, "figure", root ? "Q" : score === null ? "" : Math.round(100 * score), 0, 0);
  if (score !== null && !low && !fades(facts)) figure.style.fill = inkOn(score);
  for (const { name, text, x, y } of shape?.parts ?? []) write(g, `label ${name}`, text, x, y);
  if (visits > 1 && !root && !box) write(g, "visits", visits, 12, -17);
  if (count > 1 && !root && !box) write(g, "copies", `×${grouped(count)}`, 12, visits > 1 ? 19 : -17);
}

// A fold: a pill with the number of what is behind it.
export function paintFold(mark, { count, unfolded, pruned, score, match, at }, measure) {
  const looks = JSON.stringify([count, unfolded, pruned, score, match, at]);
  if (looks === mark.looks) return;
  mark.looks = looks;
  const { g } = mark, text = unfolded ? "–" : `+${grouped(count)}`, box = foldBox(text, measure);
  const kind = `${pruned ? "pruned" : "solutions"}${unfolded ? " unfolded" : ""}${match ? " match" : ""}`;
  g.setAttribute("class", `node fold ${kind}`);
  mark.edge.setAttribute("class", `edge ${kind}`);
  g.replaceChildren();
  frame(g, box, box.height / 2).style.setProperty("--score", score === null ? "transparent" : scoreColour(score));
  write(g, "figure", text, 0, 0);
  g.setAttribute("aria-expanded", unfolded);
}

// A line from a step, or a fold, to the answer of `count` solutions.
export function paintLink(path, { right }, count, { best, match }) {
  path.setAttribute("class", ["link", verdictOf({ right }), best && "best", match && "match"].filter(Boolean).join(" "));
  path.style.strokeWidth = Math.min(9, 1.1 * Math.sqrt(count)).toFixed(1);
}

// The size of an answer's box at zoom 1, as the layout wants it.
export function labelSize(answer, count, vertical, room, measure) {
  const { x, y, width, height } = answerBox(answer, count, vertical, room, measure);
  return vertical ? { along: height + y, across: width } : { along: width + x, across: height };
}

// What it is, in a few words each: for the tip's first line and for screen readers.
export function describeStep({ root, depth, afterRevision, answer, count, box, score, visits, value, status, best, probe, touched, cut }) {
  if (root) return ["The problem"];
  const { text, right } = answer, many = count > 1 && box;
  return [
    afterRevision ? "Revision" : `Step ${depth}`,
    text !== undefined && answerWords(answer),
    count > 1 && (box ? `${count} solutions` : `written ${count} times`), !isPartial(status) && scoreWords(score, many), visits && `${visits} visits, value ${Math.round(100 * value)}`,
    typeof right === "boolean" ? verdictOf(answer) : STATUS_WORDS[status], cut && "broke off: no room for more",
    best && "on the best path", probe && "part of the probe", touched && "by hand",
  ].filter(Boolean);
}

export function describeAnswer(answer, count, score, best) {
  return [
    answerWords(answer, "Answer"), `${grouped(count)} solution${count > 1 ? "s" : ""}`, scoreWords(score, count > 1),
    verdictOf(answer), best && "on the best path",
  ].filter(Boolean);
}

export function describeFold(count, pruned, unfolded, answer, score) {
  const what = pruned ? `${grouped(count)} pruned steps` : `${grouped(count)} more solutions with ${answerWords(answer)}`;
  return [what, scoreWords(score, true), unfolded ? "open" : "folded"];
}

function answerWords({ text }, word = "answer") {
  return text === null ? "no answer can be read" : `${word} ${text}`;
}

const isPartial = (status) => status === "writing" || status === "unfinished";

function scoreWords(score, many) {
  return score === null ? "not scored" : `${many ? "mean score" : "score"} ${Math.round(100 * score)}`;
}

function verdictOf({ right }) {
  return right === true ? "right" : right === false ? "wrong" : "";
}

function square(parent, name, reach) {
  const rect = drawn("rect", name, parent);
  for (const [side, value] of Object.entries({ x: -reach, y: -reach, width: 2 * reach, height: 2 * reach, rx: 6 })) rect.setAttribute(side, value);
}

function circle(parent, name, radius) {
  const element = drawn("circle", name, parent);
  element.setAttribute("r", radius);
  return element;
}

function frame(parent, box, corner) {
  const rect = drawn("rect", "box", parent);
  for (const side of ["x", "y", "width", "height"]) rect.setAttribute(side, box[side]);
  rect.setAttribute("rx", corner);
  return rect;
}
