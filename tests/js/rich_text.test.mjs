import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./fixtures.mjs";

const { inlineParts, plainText, textBlocks } = await load("rich_text");

const shown = (text) => inlineParts(text).map((part) => (part.tag ? [part.tag, part.text] : part.text));

for (const [text, expected] of [
  ["**Step 1:** add", [["strong", "Step 1:"], " add"]],
  ["so *both sides* and _the rest_", ["so ", ["em", "both sides"], " and ", ["em", "the rest"]]],
  ["call `f(x) * 2` now", ["call ", ["code", "f(x) * 2"], " now"]],
  ["-11*-4=44 and 2*3*4", ["-11*-4=44 and 2*3*4"]],
  ["2**3**4 and a**b", ["2**3**4 and a**b"]],
  ["x_1 + y_2 = z_3", ["x_1 + y_2 = z_3"]],
  ["**open", ["**open"]],
  ["** no ** and ` `", ["** no ** and ", ["code", " "]]],
  ["<b>x</b> [a](javascript:1)", ["<b>x</b> [a](javascript:1)"]],
  ["**So $x^2$**", [["strong", "So $x^2$"]]],
]) {
  test(`${JSON.stringify(text)} in parts`, () => assert.deepEqual(shown(text), expected));
}

for (const [text, expected] of [
  ["one\ntwo\n\nthree", [["p", "one", "two"], ["p", "three"]]],
  ["## Plan\n- take the first\n- **add** it\nDone", [["h4", "Plan"], ["ul", "take the first", "**add** it"], ["p", "Done"]]],
  ["1. First this\n2. then $y$", [["ol", "First this", "then $y$"]]],
  ["- 5 = 3\n* 7", [["p", "- 5 = 3", "* 7"]]],
  ["```python\nx = 1\n\n- y\n```\nend", [["pre", "x = 1", "", "- y"], ["p", "end"]]],
  ["```\nnever closed", [["pre", "never closed"]]],
  ["#5 is no heading", [["p", "#5 is no heading"]]],
  ["", []],
]) {
  test(`${JSON.stringify(text)} in blocks`, () => {
    assert.deepEqual(textBlocks(text).map(({ tag, lines }) => [tag, ...lines]), expected);
  });
}

test("no word of a text is lost, whatever stands in it, and long ones end", () => {
  let seed = 11;
  const next = (below) => (seed = (seed * 48271) % 2147483647) % below;
  const words = (text) => text.match(/[a-z]+/g) ?? [];
  for (let i = 0; i < 600; i++) {
    const text = Array.from({ length: next(40) }, () => "*_`#-1. \nab$\\"[next(13)]).join("");
    const kept = textBlocks(text).flatMap(({ lines }) => lines).join(" ");
    if (!text.includes("```")) assert.equal(words(kept).join(""), words(text).join(""));
    assert.equal(words(inlineParts(text).map((part) => part.text).join("")).join(""), words(text).join(""));
  }
  for (const text of ["*a".repeat(4000), "**".repeat(3000), "`".repeat(4001), "_ab ".repeat(3000), "- a\n".repeat(2000)]) {
    assert.ok(textBlocks(text).length);
    assert.ok(inlineParts(text).length);
  }
});

test("a line without marks", () => {
  assert.equal(plainText("**So** `x^2` is $9$"), "So x² is 9");
});
