import assert from "node:assert/strict";
import { test } from "node:test";
import { load, runs } from "./fixtures.mjs";

const { comparisonOf, comparisonRow, createComparisonReader, rowHeads } = await load("comparison_state");
const { delimited } = await load("delimited_text");
const { stateOf } = await load("run_state");

const entry = (title) => ({ title, detail: "M = 4", name: title });
const line = (...fields) => `${JSON.stringify(fields)}\n`;
const opening = line("comparison", { id: "c", entries: [entry("Beam"), entry("Greedy")], tokens: null, selector: "weighted" });

test("each lane is its run, however the lines are mixed", () => {
  const [beam, greedy] = [runs.beam.stream, runs.greedy.stream], half = runs.beam.lengths[20];
  const { read } = createComparisonReader();
  let text = opening + line("lane", 0, { state: "running", trying: false }) + beam.slice(0, half);
  assert.deepEqual([...read(text).changed], [0]);
  text += line("lane", 1, { state: "done", trying: false }) + greedy;
  assert.deepEqual([...read(text).changed], [1]);
  text += line("lane", 0, { state: "done", trying: false }) + beam.slice(half);
  const { lanes } = read(text);
  assert.deepEqual(lanes.map(({ run }) => run), [stateOf(beam), stateOf(greedy)]);
  assert.deepEqual(comparisonOf(text).lanes.map(({ run }) => run), lanes.map(({ run }) => run));
  assert.equal(lanes[0].recording.length, runs.beam.states.length);
});

test("another trial takes a lane's place, and nothing is left where nothing fits", () => {
  const first = line("lane", 0, { state: "running", trying: true }) + runs.beam.stream;
  const second = line("lane", 0, { state: "running", trying: true }) + runs.greedy.stream;
  assert.deepEqual(comparisonOf(opening + first + second).lanes[0].run, stateOf(runs.greedy.stream));
  const none = comparisonOf(opening + first + line("lane", 0, { state: "none", trying: false }));
  const row = comparisonRow(entry("Beam"), none.lanes[0], "weighted");
  assert.deepEqual([none.lanes[0].run, row.strategy, row.samples], [null, "Beam", null]);
});

test("a row says what the run says", () => {
  const run = stateOf(runs.beam.stream), row = comparisonRow(entry("Beam"), { run }, "majority");
  assert.equal(row.answer, runs.beam.votes["majority last"][0][0]);
  assert.equal(row.solutions, Object.keys(runs.beam.solutions).length);
  assert.equal(row.tokens, run.cost.generated_tokens + run.cost.prefill_tokens + run.cost.verifier_tokens);
  assert.deepEqual([row.samples, row.setting, row.ended], [8, "M = 4", run.status.stopped]);
  assert.deepEqual(Object.keys(row).sort(), rowHeads.toSorted());
});

test("a sheet can be read back and holds no formulas", () => {
  const empty = comparisonRow(entry("Best-of-N"), null, "best");
  const answers = ["=1+1", "-3", '"x", y', "@here", "-A1", "12/7", null];
  const rows = answers.map((answer) => ({ ...empty, answer, right: true, seconds: 1.25, flops: 3e10 }));
  for (const separator of ["\t", ","]) {
    const [heads, ...lines] = delimited(rowHeads, rows, separator).split("\n").slice(0, -1);
    assert.deepEqual(heads.split(separator), rowHeads);
    assert.equal(lines.length, rows.length);
    const cells = lines.map((text) => parsed(text, separator));
    for (const line of cells) assert.equal(line.length, rowHeads.length);
    const at = (head) => cells.map((line) => line[rowHeads.indexOf(head)]);
    assert.deepEqual(at("answer"), ["'=1+1", "-3", '"x", y', "'@here", "'-A1", "12/7", ""]);
    assert.deepEqual([at("flops")[0], at("seconds")[0], at("right")[0]], ["30000000000", "1.25", "yes"]);
  }
});

// A line of a sheet as a spreadsheet reads it.
function parsed(text, separator) {
  const cells = [];
  for (let at = 0; at <= text.length; at++) {
    let cell = "";
    if (text[at] === '"') {
      for (at++; text[at] !== '"' || text[at + 1] === '"'; at++) cell += text[at] === '"' ? text[at++] : text[at];
      at++;
    } else for (; at < text.length && text[at] !== separator; at++) cell += text[at];
    cells.push(cell);
  }
  return cells;
}
