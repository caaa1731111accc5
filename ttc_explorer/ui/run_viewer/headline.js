// What the picture is of: the question as headline, who answered it and how, and the result in words.
import { h } from "./dom.js";
import { countNoun, oneLine } from "./format.js";
import { costSoFar, sampleCount, solutionsOf, votesBy } from "./run_state.js";

export function headline(state, rule, selectors) {
  const { strategy, budget, seed, touched } = state.about;
  const { name, text } = resultInWords(state, rule, selectors);
  return headlineOf(state.about, `${strategy}, N = ${budget} · seed ${seed}${touched ? ` · ${touched}` : ""}`, name, text);
}

// The question, who answered it and `how`, and a sentence on the outcome.
export function headlineOf({ problem, model, verifier }, how, outcome, sentence) {
  const answered = `${verifier ? `${model}, judged by ${verifier}` : model} · ${how}`;
  return h("header", { class: "headline" },
    h("div", { class: "asked" },
      h("h2", { title: problem }, oneLine(problem, 400)), h("p", { title: answered }, answered)),
    h("p", { class: "in-words", "data-outcome": outcome }, sentence));
}

// Why nothing that the model says of such a question counts.
export function outsideSentence({ model, answer }) {
  const known = answer ? ` It is ${answer}.` : "";
  return `${model} does not know this kind of question: its answer means nothing, however sure it looks.${known}`;
}

// What speaks for a choice, by what its rule reads.
const CHOOSERS = { scores: "the verifier trusted", logprobs: "the model’s own confidence favoured", nothing: "the vote took" };

// The result in a sentence, and what to try next: { name, text }. `name` is running, empty, outside (not a kind that the
// model knows), unknown (no reference answer), chosen (found and chosen), missed (found but not chosen) or never found.
export function resultInWords(state, rule, selectors) {
  const { rows, lacks } = votesBy(state, rule), [vote] = rows, total = sampleCount(solutionsOf(state));
  const solutions = countNoun(total, "solution");
  if (state.about.outside) return { name: "outside", text: outsideSentence(state.about) };
  if (!state.status.over) {
    const { replayed } = state.status, before = replayed ? "No solution yet." : "Searching …";
    const standing = vote ? `${solutions} so far; ${vote.answer.text} leads.` : before;
    return { name: "running", text: replayed ? `Replay: ${standing}` : `${standing}${timeLeft(state)}` };
  }
  if (lacks) return { name: "empty", text: lacks };
  if (!vote) return { name: "empty", text: total ? "No answer can be read from what was written." : "Stopped before a solution was finished." };
  const known = rows.some(({ answer }) => answer.right !== null);
  if (!known) {
    const agreed = rows.length > 1 ? `${vote.count} of ${solutions} say ${vote.answer.text}; ${countNoun(rows.length - 1, "other answer")}.`
      : total > 1 ? `All ${solutions} say ${vote.answer.text}.` : `The one solution says ${vote.answer.text}.`;
    return { name: "unknown", text: `${agreed} Whether that is right is not known here.` };
  }
  const count = (kept) => rows.filter(kept).reduce((sum, row) => sum + row.count, 0);
  const right = count(({ answer }) => answer.right), [wrong] = rows.filter(({ answer }) => !answer.right).map((row) => row.count).sort((a, b) => b - a);
  const chooser = CHOOSERS[selectors.find(({ name }) => name === rule.selector)?.needs] ?? "the rule took";
  const misled = wrong > 1 ? `, ${wrong} agreed on a wrong one` : "";
  if (vote.answer.right) {
    if (!wrong) return { name: "chosen", text: total > 1 ? `Found and chosen: all ${solutions} are right.` : "Found: the one solution is right." };
    return { name: "chosen", text: `Found and chosen: ${right} of ${total} are right${misled}; ${chooser} the right one.` };
  }
  if (right) {
    const other = selectors.find(({ name }) => votesBy(state, { ...rule, selector: name }).rows[0]?.answer.right);
    const next = other ? `${other.title} would have chosen it.` : "A larger N may let it stand out.";
    return { name: "missed", text: `Found but not chosen: ${right} of ${total} are right${misled}; ${chooser} a wrong one. ${next}` };
  }
  const none = total > 1 ? `none of ${solutions} is right${wrong > 1 ? `, and ${wrong} agree` : ""}` : "the one solution is wrong";
  return { name: "never", text: `Never found: ${none}. Try a larger N, or another strategy.` };
}

// How far a long run is, by what such runs write on average ({ tokens } of `about.expected`) and what this one took so far.
function timeLeft(state) {
  const { expected } = state.about, cost = costSoFar(state);
  if (!expected || !cost?.generated_tokens || cost.seconds < 2) return "";
  const share = cost.generated_tokens / expected.tokens;
  if (share >= 0.95) return " Nearly done.";
  return ` About ${Math.max(1, Math.round(cost.seconds * (1 / share - 1)))} s left.`;
}
