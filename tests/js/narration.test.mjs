import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { load } from "./fixtures.mjs";

const { sentenceOf } = await load("narration");
const clause = ["{round}: {events}.", {
  round: [["Round {number}", { number: "3" }]],
  events: [["{count} tries", { count: "16" }], ["; ", {}], ["answering {answers}", { answers: [["{answer}", { answer: "{count} $& 1 try" }]] }]],
}];

afterEach(() => delete globalThis.ttcText);

test("without a table a sentence is in English, and an answer stays as it is", () => {
  assert.equal(sentenceOf(clause), "Round 3: 16 tries; answering {count} $& 1 try.");
});

test("phrases are translated, answers are not", () => {
  const table = { "{round}: {events}.": "{round}：{events}。", "Round {number}": "第 {number} 轮", "; ": "；", "{count} tries": "尝试 {count} 次", "answering {answers}": "答案为 {answers}", "1 try": "尝试 1 次" };
  globalThis.ttcText = (text) => table[text] ?? text;
  assert.equal(sentenceOf(clause), "第 3 轮：尝试 16 次；答案为 {count} $& 1 try。");
});
