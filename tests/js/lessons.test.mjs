// Lessons in the browser: conditions, the learner's place, texts, and the facts of a run.
import assert from "node:assert/strict";
import { test } from "node:test";
import { lessonFacts, load, runs } from "./fixtures.mjs";

const { allHold, fillFacts, holds, outcomeText, rightChoice } = await import("../../ttc_explorer/ui/lessons/conditions.js");
const { emptyProgress, isDone, isRunOf, readProgress, stateAt, waitsForGuess, withDone, withNext } =
  await import("../../ttc_explorer/ui/lessons/progress.js");
const { textParts } = await import("../../ttc_explorer/ui/lessons/lesson_text.js");
const { runFacts } = await load("run_facts");
const { stateOf } = await load("run_state");

const FACTS = { over: true, q: "Q", strategy: "beam", n: 16, seed: 0, right: 3, found: true, tokens: 1200 };
const step = (more) => ({ title: "t", text: ["x"], state: {}, happened: [], complete: [], keep: "", predict: null, ...more });
const guess = { question: "?", choices: [{ text: "yes", when: ["found = true"] }, { text: "no", when: [] }] };

test("conditions compare facts with values and with facts that were kept", () => {
  assert.ok(allHold(["right >= 3", "found = true", "strategy = beam", "n != 4", "tokens > one.tokens"], FACTS, { one: { tokens: 80 } }));
  for (const wrong of ["right > 3", "found = false", "strategy = best_of_n", "tokens < one.tokens", "missing = 1", "other.n = 16"]) {
    assert.ok(!holds(wrong, FACTS, { one: { tokens: 80 } }), wrong);
  }
});

test("the right choice is the first that holds, else the one without conditions", () => {
  assert.equal(rightChoice(guess.choices, FACTS), 0);
  assert.equal(rightChoice(guess.choices, { ...FACTS, found: false }), 1);
  assert.equal(outcomeText([{ text: "a", when: ["n = 1"] }, { text: "{right} of {tokens}", when: [] }], FACTS), "3 of 1,200");
  assert.equal(fillFacts("{one.tokens} {nothing}", FACTS, { one: { tokens: 80 } }), "80 –");
});

test("Run waits for a prediction, and the step is done by the run that it asks for", () => {
  const lesson = { steps: [step({ predict: guess, state: { q: "Q", n: 16 }, keep: "one" }), step({ complete: ["n = 64"] })] };
  const asked = emptyProgress(), answered = { ...asked, guessed: { 0: 1 } };
  assert.ok(waitsForGuess(lesson.steps[0], asked) && !isDone(lesson, asked, FACTS));
  assert.ok(!waitsForGuess(lesson.steps[0], answered) && isDone(lesson, answered, FACTS));
  assert.ok(!isDone(lesson, answered, { ...FACTS, n: 4 }));
  assert.ok(!isDone(lesson, answered, { ...FACTS, over: false }));
  const done = withDone(lesson, answered, FACTS);
  assert.deepEqual([done.done, done.kept.one.tokens], [[0], 1200]);
  assert.deepEqual(stateAt(lesson, 1), { q: "Q", n: 16 });
  assert.ok(isRunOf({ q: "Q", n: "16" }, FACTS) && !isRunOf({ q: "another" }, FACTS));
  const cut = { ...FACTS, settings: { step: "line" } };
  assert.ok(isRunOf({ step: "line", chains: 4 }, cut) && !isRunOf({ step: "check" }, cut));  // chains: this strategy has none
  assert.ok(isDone(lesson, { ...done, step: 1 }, { ...FACTS, n: 64 }) && !isDone(lesson, { ...done, step: 1 }, FACTS));
});

test("whoever only presses Next sees everything, and comes to the end", () => {
  const lesson = { steps: [step({ predict: guess }), step({}), step({ complete: ["n = 64"] })] };
  let progress = emptyProgress(), finished = false, presses = 0;
  while (!finished && presses < 20) {
    ({ progress, finished } = withNext(lesson, progress));
    presses += 1;
  }
  assert.deepEqual([presses, progress.shown, progress.done], [5, [0, 2], [1]]);
});

test("what a browser kept is believed as far as it fits", () => {
  const lessons = [{ name: "a", steps: [step({}), step({})] }];
  for (const text of ["", "null", "[]", "{\"lessons\": 3}", "{\"open\": \"b\", \"lessons\": {\"a\": {\"step\": 9, \"done\": [1, 7, \"x\"]}}}"]) {
    const { open, lessons: { a } } = readProgress(text, lessons);
    assert.equal(open, null);
    assert.ok(!a || (a.step === 0 && a.done.every((at) => at < 2)));
  }
  assert.equal(readProgress(JSON.stringify({ open: "a", lessons: { a: { step: 1 } } }), lessons).lessons.a.step, 1);
});

test("texts have marks and terms, and tags stay text", () => {
  assert.deepEqual(textParts("a **b** [[scores|score]] <img>"), [
    { text: "a " }, { tag: "strong", text: "b" }, { text: " " }, { term: "score", text: "scores" }, { text: " <img>" }]);
});

test("every fact that lessons may name is there for every run that has ended", () => {
  const named = lessonFacts;
  for (const { stream } of Object.values(runs)) {
    const state = stateOf(stream);
    if (!state.status.over) continue;
    const facts = runFacts(state, { selector: "majority", aggregate: "last" }, [], state.nodes.length - 1);
    assert.deepEqual(named.filter((name) => facts[name] === undefined), ["page"]);
    assert.equal(facts.right + facts.wrong, facts.solutions);
    assert.equal(typeof facts.settings.rounds, "number");  // which every strategy reads
  }
});
