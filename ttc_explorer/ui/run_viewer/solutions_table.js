// The solutions of a run as a sheet, a row a solution. Pure.
import { pathOf, solutionLines, solutionsOf, votesBy } from "./run_state.js";

export const SOLUTION_HEADS = ["solution", "answer", "right", "chosen", "copies", "score", "tokens", "logprob", "steps", "touched", "text"];

// A row for every finished solution, in the order of their ends. `copies`: how many samples wrote it; `score` is that of its
// last step, tokens and log-probability are of all its steps.
export function solutionRows(state, rule) {
  const [vote] = votesBy(state, rule).rows;
  return solutionsOf(state).map((node) => {
    const answer = state.answers.get(node.answer), lines = solutionLines(node), path = node.kind === "revision" ? [node] : pathOf(node);
    const sum = (key) => path.reduce((total, step) => total + step[key], 0);
    return {
      solution: node.id, answer: answer.text, right: answer.right, chosen: vote ? vote.answer === answer : null, copies: node.copies,
      score: node.score, tokens: sum("tokens"), logprob: sum("logprob"), steps: node.kind === "revision" ? lines.length : path.length, touched: path.some((step) => step.touched), text: lines.join("\n"),
    };
  });
}
