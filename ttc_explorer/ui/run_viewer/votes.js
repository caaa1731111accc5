// The votes: a row an answer, with its head count, its weight and its best solution; leaders are marked.
import { h } from "./dom.js";
import { countNoun } from "./format.js";
import { glossaryTerm } from "./glossary_term.js";
import { mathText } from "./math_text.js";
import { sampleCount, solutionsOf, votesBy } from "./run_state.js";

export function votesTable(state, rule, terms) {
  const { rows, more, weight, lacks } = votesBy(state, rule);
  if (!rows.length) return [h("p", { class: "hint" }, lacks || "Every solution that ends votes for its answer here.")];
  const most = (values) => Math.max(...values);
  const [count, heaviest] = [most(rows.map((row) => row.count)), most(rows.map((row) => row.weight))];
  const highest = most(rows.map((row) => row.score ?? 0));
  const heads = [
    countNoun(rows.length + more[0], "answer"), glossaryTerm(terms, "Votes", "majority"),
    glossaryTerm(terms, heaviest ? `Weight, of ${weight.toFixed(2)}` : "Weight", "weighted"),
    glossaryTerm(terms, "Best", "best"),
  ];
  const body = rows.map((row, place) => h("tr", { class: place ? null : "chosen" },
    h("th", { scope: "row" }, correctnessMark(row.answer), mathText(row.answer.text)),
    barCell(row.count, count, String(row.count)), barCell(row.weight, heaviest, row.weight.toFixed(2)),
    h("td", { class: `peak${row.score !== null && row.score === highest ? " leads" : ""}` },
      row.score === null ? "–" : row.score.toFixed(2))));
  return [
    h("table", { class: "votes" },
      h("thead", null, h("tr", null, heads.map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", null, body)),
    omitted(state, more),
  ];
}

function barCell(part, whole, figure) {
  const bar = h("i", { style: `width:${(whole ? 100 * part / whole : 0).toFixed(1)}%` });
  return h("td", null, h("div", { class: `bar${part === whole && whole > 0 ? " leads" : ""}` }, bar), h("span", null, figure));
}

// ✓ or ✗ where right and wrong are known.
export function correctnessMark({ right }) {
  return right === null ? null : [h("span", { class: right ? "right" : "wrong" }, right ? "✓" : "✗"), " "];
}

// What the table does not show.
function omitted(state, [answers, votes]) {
  const unread = sampleCount(solutionsOf(state).filter(({ answer }) => state.answers.get(answer).text === null));
  const notes = [
    answers && `${countNoun(answers, "more answer")} with ${countNoun(votes, "vote")}.`,
    unread && `${countNoun(unread, "solution")} without a readable answer.`,
  ].filter(Boolean);
  return notes.length ? h("p", { class: "hint" }, notes.join(" ")) : null;
}
