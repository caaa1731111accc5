// The runs that a browser keeps: bounded, believed only as far as they are runs, and compared.
import assert from "node:assert/strict";
import { test } from "node:test";
import { load, runs as stored } from "./fixtures.mjs";

const { MAX_NAME, MAX_RUNS, answerOf, comparedRuns, readRuns, withName, withRun, withoutRun } =
  await import("../../ttc_explorer/ui/run_history/kept_runs.js");
const { runFacts } = await load("run_facts");
const { stateOf } = await load("run_state");

const FACTS = {
  q: "Solve\n 3x+5=20.", strategy: "beam", n: 16, seed: 0, answer: "5", known: true, chosen_right: true, right: 12, solutions: 16,
  tokens: 1200, judged: 900, passes: 14, over: true, whole: true,
};
const one = withRun([], "#page=explore&n=16&run=1", FACTS, 1);

test("a run stands first and once, and keeps its name when it is run again", () => {
  const [run] = one;
  assert.equal(run.name, "Solve 3x+5=20.");
  assert.deepEqual(Object.keys(run.facts).filter((name) => ["q", "over", "whole"].includes(name)), []);
  const named = withName(withRun(one, "#n=4&run=1", { ...FACTS, n: 4 }, 2), run.link, "  mine  ");
  const again = withRun(named, run.link, { ...FACTS, tokens: 7 }, 3);
  assert.deepEqual(again.map(({ link, name, time }) => [link, name, time]), [[run.link, "mine", 3], ["#n=4&run=1", "Solve 3x+5=20.", 2]]);
  assert.equal(again[0].facts.tokens, 7);
  assert.equal(withName(again, run.link, " ")[0].name, "Solve 3x+5=20.");
  assert.deepEqual(withoutRun(again, run.link).map(({ link }) => link), ["#n=4&run=1"]);
});

test("there are never more than so many, nor longer ones", () => {
  let many = [];
  for (let i = 0; i < MAX_RUNS + 5; i++) many = withRun(many, `#seed=${i}&run=1`, { ...FACTS, q: "x".repeat(9000), answer: "9".repeat(9000) }, i);
  assert.equal(many.length, MAX_RUNS);
  assert.equal(many[0].link, `#seed=${MAX_RUNS + 4}&run=1`);
  assert.ok(JSON.stringify(many).length < 50_000);
  assert.equal(withRun(many, `#q=${"x".repeat(9000)}`, FACTS, 1), many);
  assert.equal(withName(many, many[0].link, "y".repeat(500))[0].name.length, MAX_NAME);
});

test("of what was stored only runs are believed", () => {
  assert.deepEqual(readRuns(JSON.stringify(one)), one);
  for (const text of ["", "{}", "[", "null", "[null,1,{}]"]) assert.deepEqual(readRuns(text), []);
  for (const bad of [{ link: "javascript:alert(1)" }, { name: 5 }, { time: "x" }, { facts: null }, { facts: { ...one[0].facts, tokens: "<b>" } }]) {
    assert.deepEqual(readRuns(JSON.stringify([{ ...one[0], ...bad }, one[0]])), one);
  }
});

test("two are compared row by row", () => {
  const [other] = withRun([], "#q=1&n=4&temperature=0.5&run=1", { ...FACTS, n: 4, known: false, answer: "" }, 2);
  const texts = new Proxy({}, { get: (_, name) => name });
  const rows = new Map(comparedRuns([one[0], other], texts, { beam: "Beam search" }).map((row) => [row.label, row]));
  assert.deepEqual(rows.get("strategy").values, ["Beam search", "Beam search"]);
  assert.equal(rows.get("strategy").differs, false);
  assert.deepEqual(rows.get("settings").values, ["usual", "temperature 0.5"]);
  assert.deepEqual(rows.get("right").values, ["12 / 16", "–"]);
  assert.deepEqual([one[0], other].map(answerOf), ["5 ✓", "–"]);
  assert.equal(answerOf({ facts: { ...FACTS, chosen_right: false } }), "5 ✗");
});

test("every run that has ended can be kept", () => {
  for (const { stream } of Object.values(stored)) {
    const state = stateOf(stream), facts = runFacts(state, { selector: "majority", aggregate: "last" }, []);
    if (state.status.over) assert.equal(withRun([], "#run=1", facts, 1).length, 1);
  }
});
