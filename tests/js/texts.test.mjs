import assert from "node:assert/strict";
import { test } from "node:test";
import { load, maths } from "./fixtures.mjs";

const { latexParts, mathPieces, plainMath } = await load("math_text");
const { countNewWords, diffLines } = await load("text_diff");
const { countNoun, formatAmount, formatNumber, grouped, oneLine } = await load("format");
const { sharingSentence } = await load("summary_cards");
const { wrappedLines } = await load("node");
const { inkOn, SCORE_COLOURS, scoreColour, shade } = await load("score_colours");

// The pieces as the Python of other pages writes them.
const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;", $: "&#36;", "{": "&#123;", "}": "&#125;", "`": "&#96;", "\\": "&#92;" };
const html = (pieces) => pieces.map((piece) => {
  if (typeof piece === "string") return piece.replace(/[&<>"'${}`\\]/g, (sign) => ESCAPES[sign]);
  return `<${piece.tag}${piece.name ? ` class="${piece.name}"` : ""}>${html(piece.pieces)}</${piece.tag}>`;
}).join("");

test("what sharing saved is said where something was shared", () => {
  const cost = { generated_tokens: 900, prefill_tokens: 20, verifier_tokens: 940 };
  assert.equal(sharingSentence(cost), "", "a server, or a trace from before");
  const shared = { ...cost, generator_tokens_computed: 100, verifier_tokens_computed: 60 };
  assert.equal(sharingSentence(shared), "Computed 160 of 1,860 tokens, the rest shared.");
  assert.equal(sharingSentence({ ...cost, generator_tokens_computed: 920, verifier_tokens_computed: 940 }), "");
  const forTheScreen = { ...shared, verifier_tokens: 0, display_verifier_tokens: 940 };
  assert.equal(sharingSentence(forTheScreen), sharingSentence(shared));
});

for (const [text, expected] of maths) {
  test(`${JSON.stringify(text)} is set as on the other pages`, () => assert.equal(html(mathPieces(text)), expected));
}

// Texts of a few signs, always the same ones.
function* texts(signs, count) {
  let seed = 7;
  const next = (below) => (seed = (seed * 48271) % 2147483647) % below;
  for (let i = 0; i < count; i++) yield Array.from({ length: next(14) }, () => signs[next(signs.length)]).join("");
}
const plain = (pieces) => pieces.map((piece) => (typeof piece === "string" ? piece : plain(piece.pieces))).join("");
const bare = (text) => text.replace(/\s/g, "");

test("nothing that was written is lost", () => {
  for (const text of texts("abcxyz019+=*/ ", 500)) assert.equal(bare(plain(mathPieces(text))).replaceAll("×", "*"), bare(text));
});

test("a line of plain text is written as mathematics are", () => {
  assert.equal(plainMath("x^2-3*x=10"), "x²\u00a0−\u00a03\u00a0×\u00a0x =\u00a010");
  assert.equal(plainMath("2^{10} y^z"), "2¹⁰\u2003y^z");
});

test("long and nested texts end", () => {
  for (const text of ["^".repeat(5000), "((((".repeat(500), "^(".repeat(900), "a".repeat(100_000), "1 ".repeat(999)]) {
    assert.ok(mathPieces(text).length);
    assert.ok(latexParts(text).length);
  }
});

test("LaTeX is told from prices and plain text", () => {
  const parts = (text) => latexParts(text).map(({ text: plainText, latex }) => plainText ?? { latex });
  assert.deepEqual(parts(String.raw`So $\frac{1}{2}$ and \boxed{x^2}.`), ["So ", { latex: "\\frac{1}{2}" }, " and ", { latex: "\\boxed{x^2}" }, "."]);
  assert.deepEqual(parts(String.raw`\(a\) \[b\] $$c$$`), [{ latex: "a" }, " ", { latex: "b" }, " ", { latex: "c" }]);
  assert.deepEqual(parts("It costs $5 and $7."), ["It costs $5 and $7."]);
  assert.deepEqual(parts("$ 5 $"), ["$ 5 $"]);
  assert.deepEqual(parts(String.raw`\frac{1}{2`), [{ latex: "\\frac{1}" }, "{2"]);
  for (const text of texts("\\$(){}[]ax1 \n", 400)) {
    assert.equal(latexParts(text).map((part) => part.text ?? part.source).join(""), text);
  }
});

const words = (lines) => lines.flatMap((line) => line.split(/\s+/).filter(Boolean));
const wordsOf = (lines, ...kinds) => words(lines.flat().filter(({ kind }) => kinds.includes(kind)).map(({ text }) => text));

test("both attempts can be read off their difference", () => {
  const all = [...texts("ab1=+<> \n", 400)].map((text) => text.split("\n"));
  for (const [i, after] of all.entries()) {
    const before = all[(7 * i + 1) % all.length], lines = diffLines(before, after);
    assert.deepEqual(wordsOf(lines, "same", "new"), words(after));
    assert.deepEqual(wordsOf(lines, "same", "gone"), words(before));
    assert.deepEqual(wordsOf(diffLines(after, after), "new", "gone"), []);
  }
});

test("only the words that differ are marked", () => {
  const lines = diffLines(["4x = 73 - 5", "x = 16", "Answer: 16"], ["4x = 73 - 5", "x = 17", "Answer: 17"]);
  assert.equal(lines.length, 3);
  assert.deepEqual(wordsOf(lines, "new"), ["17", "17"]);
  assert.deepEqual(wordsOf(lines, "gone"), ["16", "16"]);
  assert.equal(countNewWords("4x = 68\nx = 16", "4x = 68\nx = 17"), 1);
  assert.deepEqual(diffLines(["a", "b"], ["b", "c d"]).map((line) => line[0].kind), ["gone", "same", "new"]);
});

test("attempts too long to compare are shown one after the other", () => {
  assert.deepEqual(diffLines(["x ".repeat(4000)], ["y"]).flat().map(({ kind }) => kind), ["gone", "new"]);
});

test("figures are written as people read them", () => {
  assert.deepEqual([812, 5201, 23_345, 1_890_000, 6.4e11].map(formatAmount), ["812", "5,201", "23.3k", "1.9M", "640G"]);
  assert.deepEqual([null, -0.001, -1.5, 0.256].map(formatNumber), ["–", "0.00", "−1.50", "0.26"]);
  assert.deepEqual([countNoun(1, "vote"), countNoun(1200, "vote"), grouped(1234567)], ["1 vote", "1,200 votes", "1,234,567"]);
  assert.deepEqual([oneLine("a\n b ", 9), oneLine("0123456789", 5)], ["a b", "0123…"]);
});

test("colours of scores meet at the stops", () => {
  for (const [i, colour] of SCORE_COLOURS.entries()) assert.deepEqual(shade(i / 4), colour);
  assert.equal(scoreColour(0.125), "rgb(210, 104, 25)");
  assert.deepEqual([0, 0.25, 0.5, 0.75, 1].map(inkOn), ["#fff", "#000", "#000", "#000", "#fff"]);
});

test("the lines of a step stay lines where there is room, and what is left out is marked", () => {
  const measure = { width: (text) => text.length };
  assert.deepEqual(wrappedLines(["try 9", "9×2 = 18"], 20, 3, "", measure), ["try 9", "9×2 = 18"]);
  assert.deepEqual(wrappedLines(["one two three"], 8, 2, "", measure), ["one two", "three"]);
  assert.deepEqual(wrappedLines(["a", "b", "c"], 8, 2, "", measure), ["a", "b …"]);
});
