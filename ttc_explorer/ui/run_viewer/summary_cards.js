// The cards above the tree: answer, agreement, score and cost.
import { h } from "./dom.js";
import { countNoun, formatAmount } from "./format.js";
import { glossaryTerm } from "./glossary_term.js";
import { mathText } from "./math_text.js";
import { costSoFar, sampleCount, solutionsOf, votesBy } from "./run_state.js";

const LONGEST_LINE = 16;                // characters of an answer; more are set in two lines

export function summaryCards(state, rule, terms) {
  const [vote] = votesBy(state, rule).rows, finished = sampleCount(solutionsOf(state));
  const term = (shown, name) => glossaryTerm(terms, shown, name);
  if (state.about.outside) return outsideCards(state, vote, finished, term);
  return h("div", { class: "cards" },
    answerCard(state, vote, finished, term),
    vote ? card(term("Agreement", "agreement"), `${Math.round(100 * vote.count / finished)}%`, `${vote.count} of ${finished}`)
      : card(term("Agreement", "agreement"), "–", ""),
    vote && vote.score !== null
      ? card(term("Score", "score"), vote.score.toFixed(2), [term("weight"), ` ${vote.weight.toFixed(2)}`])
      : card(term("Score", "score"), "–", ""),
    costCard(costSoFar(state), term));
}

// Of a question of a kind that the model does not know: agreement and score would vouch for what means nothing.
function outsideCards(state, vote, finished, term) {
  const none = (shown, name) => card(term(shown, name), "–", "no meaning here");
  return h("div", { class: "cards outside" },
    answerCard(state, vote, finished, term), none("Agreement", "agreement"), none("Score", "score"),
    costCard(costSoFar(state), term));
}

function card(title, figure, note, kind = "", figureAttributes = { class: "figure" }) {
  return h("section", { class: `card ${kind}`.trim() },
    h("h3", null, title), h("p", figureAttributes, figure), h("p", { class: "note" }, note));
}

function answerCard(state, vote, finished, term) {
  const title = term("Answer", "answer");
  const { outside } = state.about, kind = outside ? "answer" : "answer hero";
  if (!vote) return card(title, "–", finished ? "none can be read" : "none yet", kind);
  const { text } = vote.answer;
  const unknown = outside ? "not a kind it knows" : state.status.over ? "right answer not known" : "leads so far";
  const width = text.length + text.split(",").length - 1;       // a space follows each comma
  const figure = { class: width <= LONGEST_LINE ? "figure" : "figure long", style: `--characters:${width}`, title: text };
  return card(title, mathText(text), correctness(state, vote.answer) ?? unknown, kind, figure);
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

// What it saved to compute what samples have in common only once; empty where nothing was shared or a server did the work.
export function sharingSentence(cost) {
  const computed = (cost.generator_tokens_computed ?? 0) + (cost.verifier_tokens_computed ?? 0);
  const counted = cost.generated_tokens + cost.prefill_tokens + cost.verifier_tokens + (cost.display_verifier_tokens ?? 0);
  if (!computed || computed >= counted) return "";
  return `Computed ${formatAmount(computed)} of ${formatAmount(counted)} tokens, the rest shared.`;
}

// What the run cost, generator and verifier apart.
function costCard(cost, term) {
  if (!cost) return card(term("Cost", "cost"), "–", "This file tells only what the whole run cost.", "cost");
  const head = (content) => h("th", { scope: "col" }, content);
  const row = (name, ...cells) => h("tr", null, h("th", { scope: "row" }, term(name, name.toLowerCase())), cells);
  const figures = (...numbers) => numbers.map((number) => h("td", null, formatAmount(number)));
  // Where no rule of the run needs scores, those on screen cost nothing.
  const uncounted = `The verifier read ${countNoun(cost.display_verifier_tokens, "token")} to colour the picture. Nothing else `
    + "needed them.";
  const verifier = cost.display_verifier_tokens
    ? h("td", { colspan: 3, class: "uncounted" },
      h("span", { tabindex: 0, "data-tip": uncounted }, "drawn for the picture only, not counted"))
    : figures(cost.verifier_tokens, cost.verifier_depth, cost.verifier_flops);
  const sharing = sharingSentence(cost);
  return h("section", { class: "card cost" }, h("table", null,
    h("thead", null, h("tr", null,
      h("th", null, h("h3", null, term("Cost", "cost")), " ", h("span", { class: "seconds" }, term(`${cost.seconds.toFixed(1)} s`, "time"))),
      head(term("tokens", "tokens by model")), head(term("passes")), head(term("FLOP")))),
    h("tbody", null,
      row("Generator", figures(cost.generated_tokens, cost.generator_depth, cost.generator_flops)),
      row("Verifier", verifier))),
    sharing ? h("p", { class: "note sharing" }, sharing) : null);
}
