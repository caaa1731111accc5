// What a lesson may ask of the run on screen (ui/lessons/lesson_format.py lists the facts), and what a browser keeps of it
// (ui/run_history/kept_runs.js): plain values, by name. Pure.
import { isRevisionOnly, revisionChains, sampleCount, solutionsOf, votesBy } from "./run_state.js";

const WHOLE = ["done", "budget"];       // how a run ends that ended by itself

// Of a state, under a rule { selector, aggregate }; `selectors` are the rules [{ name }], `picked` the id of the node that
// the visitor opened, or null.
export function runFacts(state, rule, selectors, picked = null) {
  const { problem, strategy, budget, seed, values } = state.about;
  const asked = { id: state.id, over: state.status.over, q: problem, strategy, n: budget, seed, settings: values, selector: rule.selector };
  if (!state.status.over) return asked;
  const finished = solutionsOf(state), total = sampleCount(finished);
  const isRight = (node) => state.answers.get(node.answer)?.right === true;
  const right = finished.filter(isRight), wrong = finished.filter((node) => !isRight(node));
  const { rows } = votesBy(state, rule), [vote] = rows;
  const rightBy = (selector) => votesBy(state, { ...rule, selector }).rows[0]?.answer.right === true;
  const highest = (nodes) => Math.max(0, ...nodes.map(({ score }) => score ?? 0));
  const steps = state.nodes.filter(({ parent, kind }) => parent && kind !== "rollout" && kind !== "partial");
  const first = steps.filter(({ depth }) => depth === 1);
  const attempts = isRevisionOnly(state) ? revisionChains(state).flat() : [];
  const changed = (transition) => attempts.filter((attempt) => attempt.transition === transition).length;
  const node = picked === null ? null : state.nodes[picked];
  return {
    ...asked,
    whole: WHOLE.includes(state.status.stopped), known: rows.some(({ answer }) => answer.right !== null),
    solutions: total, answers: rows.length,
    right: sampleCount(right), wrong: sampleCount(wrong), found: right.length > 0,
    chosen_right: vote?.answer.right === true, answer: vote?.answer.text ?? "",
    agreement: vote ? Math.round(100 * vote.count / total) : 0, score: vote?.score ?? 0,
    majority_right: rightBy("majority"), weighted_right: rightBy("weighted"), best_right: rightBy("best"),
    best_score: highest(finished), wrong_score: highest(wrong),
    tokens: state.cost?.generated_tokens ?? 0, judged: state.cost?.verifier_tokens ?? 0,
    passes: (state.cost?.generator_depth ?? 0) + (state.cost?.verifier_depth ?? 0),
    steps: sampleCount(steps), pruned: sampleCount(steps.filter(({ status }) => status === "pruned")),
    first_steps: first.length, first_copies: Math.max(0, ...first.map(({ copies }) => copies)),
    first_kept: first.filter(({ children }) => children.length).length,
    repaired: changed("found"), spoiled: changed("lost"),
    picked: Boolean(node?.parent), picked_score: node?.score ?? 0, picked_wrong: Boolean(node?.firstWrong),
  };
}
