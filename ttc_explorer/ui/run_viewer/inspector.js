// Everything about one node: its text, its figures, and the way to it.
import { h } from "./dom.js";
import { formatNumber } from "./format.js";
import { glossaryTerm } from "./glossary_term.js";
import { mathText } from "./math_text.js";
import { transitionSign } from "./revision_chain.js";
import { inlineText, richText } from "./rich_text.js";
import { attemptsOf, chainOf, pathOf, sampleCount, solutionLines, STATUS_LABELS } from "./run_state.js";
import { scoreColour } from "./score_colours.js";
import { correctness, factList } from "./summary_cards.js";
import { diffLines } from "./text_diff.js";

export function nodeInspector(state, node, terms) {
  if (!node.parent) return problemArticle(state);
  if (node.kind === "revision") return attemptArticle(state, node, terms);
  const title = node.status === "finished" ? "Last step" : `Step ${node.depth}`, partial = node.kind === "partial";
  const path = pathOf(node);
  const items = path.map((step, i) => wayItem(i + 1, inlineText(step.text), step.score, {
    now: step === node, "first-wrong": node.firstWrong === i + 1,
  }));
  return article(state, node, terms, {
    title, rank: glossaryTerm(terms, "rank"), siblings: node.parent.children, text: stepText(node.text),
    rest: [
      partial && h("p", { class: "hint" }, partialHint(node)),
      h("h3", null, "The way here, with the score of each step"), h("ol", { class: "way" }, items),
      exactCheck(node.firstWrong, node.status === "finished", terms), differentSteps(node, "next"),
    ],
  });
}

// Why a step has no end yet, or never will.
function partialHint({ status, ended }) {
  if (status === "unfinished") return "The run was stopped before this step had its end.";
  return ended ? "Written to its end: it waits for the other rows." : "It is being written just now.";
}

// How many different steps the samples have written that go on from a node, where some are equal.
function differentSteps({ children }, which) {
  const steps = children.filter(({ kind }) => kind === "step" || kind === "answer"), samples = sampleCount(steps);
  if (samples === steps.length) return null;
  return h("p", { class: "hint" }, steps.length === 1 ? `All ${samples} ${which} steps are the same.`
    : `${steps.length} different ${which} steps of ${samples}.`);
}

// What all nodes but the problem have in common; `rank` is the place by score among `siblings`.
function article(state, node, terms, { title, rank, siblings, text, rest }) {
  const status = STATUS_LABELS[node.kind] ? node.kind : node.status;
  const term = (shown, name) => glossaryTerm(terms, shown, name);
  const facts = [
    [formatNumber(node.score), term("score")], [placeOf(node, siblings), rank],
    [formatNumber(node.logprob), term("log-prob.", "log-probability")], [String(node.tokens), term("tokens")],
  ];
  if (node.copies > 1) facts.push([`×${node.copies}`, term("copies")]);
  if (node.visits !== null) facts.push([String(node.visits), term("visits")], [formatNumber(node.value), term("value")]);
  return h("article", { class: "inspector", "data-node": node.id },
    h("header", null,
      h("h2", null, title), h("span", { class: `pill ${status}` }, term(STATUS_LABELS[status], status)),
      h("span", { class: "id" }, `node ${node.id}`)),
    text, ending(state, node), factList(facts), rest);
}

function problemArticle(state) {
  const { problem, answer, strategy, budget, seed, model, verifier } = state.about;
  return h("article", { class: "inspector", "data-node": 0 },
    h("header", null, h("h2", null, "The problem")),
    h("p", { class: "formula" }, mathText(problem)),
    answer && h("p", { class: "ending" }, "Right answer ", h("b", null, mathText(answer))),
    h("p", { class: "hint" }, `${strategy} with a budget of ${budget}, seed ${seed}, written by ${model}${
      verifier ? `, judged by ${verifier}` : ""}.`),
    differentSteps(state.nodes[0], "first"));
}

// The step itself, a line a line; an answer line is shown by its answer alone.
function stepText(step) {
  const lines = step.split("\n"), text = lines.filter((line) => !line.startsWith("Answer:")).join("\n");
  if (!text && step) return null;
  return text.trim() ? richText(text, "formula") : h("p", { class: "formula" }, "(an empty line)");
}

function ending(state, node) {
  if (node.status !== "finished") return null;
  const answer = state.answers.get(node.answer);
  const cut = node.cut ? "It broke off: there was no room for more. " : "";
  if (answer.text === null) return h("p", { class: "ending" }, cut, cut ? "No answer is read from it." : "No answer can be read.");
  return h("p", { class: "ending" }, cut, "Answer ", h("b", null, mathText(answer.text)), " ", correctness(state, answer));
}

// Place among the siblings by score; equals share the better place.
function placeOf(node, siblings) {
  if (node.score === null) return "–";
  return `${1 + siblings.filter((other) => (other.score ?? 0) > node.score).length} of ${siblings.length}`;
}

function wayItem(place, text, score, marks) {
  const bar = score === null ? null : h("i", { style: `width:${(100 * score).toFixed(1)}%;background:${scoreColour(score)}` });
  const names = Object.keys(marks).filter((name) => marks[name]).join(" ");
  return h("li", { class: names || null },
    h("span", { class: "place" }, String(place)), h("p", null, text), h("div", { class: "bar" }, bar),
    h("b", null, formatNumber(score)));
}

// A whole attempt: what changed in it since the one before, and the chain that led here.
function attemptArticle(state, node, terms) {
  const chain = chainOf(node), lines = solutionLines(node), many = chain.length > 1;
  const changes = many
    ? diffLines(solutionLines(chain.at(-2)), lines).map((line) => h("p", null, line.flatMap(diffPart)))
    : [richText(lines.join("\n"), "attempt-text")];
  const items = attemptsOf(state, chain).map(({ node: attempt, answer, transition }, i) => wayItem(i + 1, [
    answer.text === null ? "no answer" : mathText(answer.text),
    ["lost", "found"].includes(transition) ? [" ", transitionSign(transition)] : null,
  ], attempt.score, {}));
  return article(state, node, terms, {
    title: `Attempt ${chain.length}`, rank: glossaryTerm(terms, "in chain", "place in chain"), siblings: chain, text: null,
    rest: [
      h("h3", null, many ? `What changed since attempt ${chain.length - 1}` : "Its lines"),
      h("div", { class: "changes" }, changes), exactCheck(node.firstWrong, true, terms),
      many && [
        h("h3", null, glossaryTerm(terms, "The chain", "chain"), " so far"), h("ol", { class: "way links" }, items),
      ],
    ],
  });
}

const DIFF_TAGS = { same: "span", new: "ins", gone: "del" };

function diffPart({ kind, text }, place) {
  return [place ? " " : null, h(DIFF_TAGS[kind], null, mathText(text))];
}

// What exact arithmetic says of the steps, where we can solve the problem exactly.
function exactCheck(firstWrong, finished, terms) {
  if (firstWrong === null) return null;
  const right = finished ? "every step is right" : "it can still end right";
  const outcome = firstWrong ? `it goes wrong at step ${firstWrong}` : right;
  return h("p", { class: "hint" }, glossaryTerm(terms, "Exact check", "exact check"), `: ${outcome}.`);
}
