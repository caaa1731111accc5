// The cards above the tree: answer, agreement, score and cost.
import { h } from "./dom.js";
import { countNoun, formatAmount } from "./format.js";
import { glossaryTerm } from "./glossary_term.js";
import { mathText } from "./math_text.js";
import { solutionsOf, votesBy } from "./run_state.js";

export function summaryCards(state, rule, terms) {
  const [vote] = votesBy(state, rule).rows, finished = solutionsOf(state).length;
  const term = (shown, name) => glossaryTerm(terms, shown, name);
  return h("div", { class: "cards" },
    answerCard(state, vote, finished, term),
    vote ? card(term("Agreement", "agreement"), `${Math.round(100 * vote.count / finished)}%`, `${vote.count} of ${finished}`)
      : card(term("Agreement", "agreement"), "–", ""),
    vote && vote.score !== null
      ? card(term("Score", "score"), vote.score.toFixed(2), [term("weight"), ` ${vote.weight.toFixed(2)}`])
      : card(term("Score", "score"), "–", ""),
    costCard(state.cost, term));
}

function card(title, figure, note, kind = "", size = "") {
  return h("section", { class: `card ${kind}`.trim() },
    h("h3", null, title), h("p", { class: `figure ${size}`.trim() }, figure), h("p", { class: "note" }, note));
}

function answerCard(state, vote, finished, term) {
  const title = term("Answer", "answer");
  if (!vote) return card(title, "–", finished ? "none can be read" : "none yet", "hero");
  const { text } = vote.answer;
  const unknown = state.status.over ? "right answer not known" : "leads so far";
  const width = text.length + text.split(",").length - 1;       // a space follows each comma
  const size = width <= 8 ? "" : width <= 16 ? "long" : "longer";
  return card(title, mathText(text), correctness(state, vote.answer) ?? unknown, "hero", size);
}

// Whether an answer is right, as far as anybody knows; null where nobody does.
export function correctness(state, { right }) {
  if (right === null) return null;
  if (right) return h("span", { class: "right" }, "✓ right");
  const known = state.about.answer;
  return h("span", { class: "wrong" }, "✗ ", known ? ["it is ", mathText(known)] : "wrong");
}

// Figures with their names, as a list.
export function factList(pairs) {
  return h("dl", { class: "facts" }, pairs.map(([figure, name]) => h("div", null, h("dt", null, name), h("dd", null, figure))));
}

// What the run cost, the generator's part and the verifier's kept apart.
function costCard(cost, term) {
  const { display_verifier_tokens: uncounted } = cost;
  return h("section", { class: "card cost" },
    h("div", null,
      h("h3", null, term("Cost", "cost")),
      h("p", { class: "figure" }, formatAmount(cost.generated_tokens)),
      h("p", { class: "note" }, term("tokens", "tokens written"))),
    factList([
      [uncounted ? onScreenOnly(uncounted) : formatAmount(cost.verifier_tokens), term("judged", "tokens judged")],
      [byModel(cost.generator_depth, cost.verifier_depth), term("passes")],
      [byModel(cost.generator_flops, cost.verifier_flops), term("FLOP")],
      [`${cost.seconds.toFixed(1)} s`, term("time")],
    ]));
}

// Generator + verifier; the generator's alone where no verifier worked.
function byModel(generator, verifier) {
  const [first, second] = [generator, verifier].map(formatAmount);
  const parts = verifier ? `${first} + ${second}` : first;
  const explained = `Generator ${first}, verifier ${second}, together ${formatAmount(generator + verifier)}.`;
  return h("span", { class: "by-model", tabindex: 0, "data-tip": explained }, parts);
}

// Scores that no rule of the run needs cost nothing: they are drawn for the picture.
function onScreenOnly(tokens) {
  const explained = `Nothing here needs the verifier. It read ${countNoun(tokens, "token")} to colour the picture: drawn for `
    + "the picture only, not counted.";
  return h("span", { class: "by-model", tabindex: 0, "data-tip": explained }, "0", h("small", null, " picture only"));
}
