// The revision chains: attempts in order, what became of the answer from one to the next, and which is chosen. They stand
// in the tree's place when a run writes nothing but revisions.
import { h } from "./dom.js";
import { countNoun } from "./format.js";
import { glossaryTerm } from "./glossary_term.js";
import { mathText } from "./math_text.js";
import { revisionChains, solutionLines, votesBy } from "./run_state.js";
import { inkOn, scoreColour } from "./score_colours.js";
import { countNewWords } from "./text_diff.js";

const TRANSITIONS = {
  lost: ["✓→✗", "right before, now wrong"], found: ["✗→✓", "wrong before, now right"],
  changed: ["→", "another answer than before"], same: ["=", "the same answer as before"],
};

// The sign of what became of the answer; none for the first attempt.
export function transitionSign(transition) {
  const [sign, words] = TRANSITIONS[transition] ?? [];
  return sign ? h("i", { class: `turn ${transition}`, title: words }, sign) : null;
}

const newWords = new WeakMap();         // attempt -> how many of its words are new, which takes long to count

// All chains, a row each; `picked` is the id of the attempt under inspection. A click on an attempt is for the viewer.
export function chainsView(state, rule, picked, terms) {
  const chains = revisionChains(state);
  const longest = Math.max(...chains.map((chain) => chain.length));
  const [vote] = votesBy(state, rule).rows;
  const voices = new Set(longest > 1 ? state.voices[`${rule.selector} ${rule.aggregate}`] : []);
  const marksOf = ({ id }) => (vote?.leaf === id ? "chosen" : voices.has(id) ? "voice" : "");
  const known = [...state.answers.values()].some(({ right }) => right !== null);
  const rows = chains.map((chain, row) => h("li", null, h("ol", { class: "attempts" }, chain.map((attempt, place) =>
    h("li", { "data-chain": row + 1 }, transitionSign(attempt.transition),
      attemptButton(attempt, row + 1, place + 1, marksOf(attempt.node), picked))))));
  return h("section", { class: `chains${longest === 1 ? " single" : ""}` },
    h("header", null, summary(chains, longest), h("p", { class: "note" }, glossaryTerm(terms, "How a chain works", "chain"))),
    h("ol", { class: "rows", tabindex: 0, "aria-label": "Chains of attempts" }, rows),
    legend(known, voices.size > 0, terms));
}

function summary(chains, longest) {
  const flips = ["lost", "found"].flatMap((transition) => {
    const number = chains.flat().filter((attempt) => attempt.transition === transition).length;
    return number ? [" · ", transitionSign(transition), ` ${number}`] : [];
  });
  return h("p", { class: "standing" }, `${countNoun(chains.length, "chain")} × ${countNoun(longest, "attempt")}`, flips);
}

function attemptButton({ node, answer, right, transition }, row, place, mark, picked) {
  const verdict = right === null ? "" : right ? "right" : "wrong";
  const label = [
    `Chain ${row}, attempt ${place}: ${answer.text === null ? "no answer can be read" : `answer ${answer.text}`}`,
    node.score === null ? "not scored" : `score ${Math.round(100 * node.score)}`,
    verdict, ["lost", "found"].includes(transition) && TRANSITIONS[transition][1],
    mark === "chosen" && "selected", mark === "voice" && "speaks for its chain",
  ].filter(Boolean).join(", ");
  return h("button", {
    type: "button", class: ["attempt", verdict, mark].filter(Boolean).join(" "), "data-node": node.id,
    "aria-pressed": String(node.id === picked), "aria-label": label,
  },
    node.score === null ? h("i", { class: "dot blank" })
      : h("i", { class: "dot", style: `background:${scoreColour(node.score)};color:${inkOn(node.score)}` },
        String(Math.round(100 * node.score))),
    h("span", { class: "said" }, answer.text === null ? "no answer" : mathText(answer.text)),
    verdict && h("b", { class: verdict }, right ? "✓" : "✗"),
    difference(node));
}

// How much an attempt differs from the one before, in two words; nothing for the first.
function difference(node) {
  if (!node.parent.parent) return null;
  if (!newWords.has(node)) newWords.set(node, countNewWords(solutionLines(node.parent).join("\n"), node.text));
  const words = newWords.get(node);
  return h("small", null, words ? countNoun(words, "new word") : "same words");
}

function legend(known, voiced, terms) {
  const key = (...content) => h("span", { class: "key" }, content);
  return h("footer", null,
    key("Verifier score ", h("b", null, "0"), h("i", { class: "scale" }), h("b", null, "100")),
    key(h("i", { class: "chosen" }), "selected"),
    voiced && key(h("i", { class: "voice" }), glossaryTerm(terms, "speaks for its chain", "voice")),
    known && key(transitionSign("lost"), transitionSign("found"), "a right answer lost, found"));
}
