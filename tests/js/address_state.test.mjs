// The same cases as tests/ui/test_address_state.py has.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { addressKeys } from "./fixtures.mjs";

const { MAX_ADDRESS_CHARACTERS, formatAddress, parseAddress } = await import("../../ttc_explorer/ui/address/address_state.js");
const cases = JSON.parse(readFileSync(new URL("../ui/address_cases.json", import.meta.url), "utf-8"));

for (const { address, state, written, sentence = "" } of cases) {
  test(`${address.slice(0, 60)} is read and written`, () => {
    const parsed = parseAddress(address, addressKeys);
    assert.deepEqual(parsed, { state, sentence });
    assert.equal(formatAddress(parsed.state, addressKeys), written);
    assert.equal(formatAddress(parseAddress(written, addressKeys).state, addressKeys), written);
  });
}

test("ten megabytes are one sentence", () => {
  const { state, sentence } = parseAddress(`#q=${"x".repeat(1e7)}`, addressKeys);
  assert.deepEqual(state, {});
  assert.match(sentence, /too long to be read: 65,536/);
  assert.equal(MAX_ADDRESS_CHARACTERS, 65_536);
});

test("half a character in a field can be written", () => {
  assert.equal(formatAddress({ q: "a\ud800😀" }, addressKeys), "#q=a%EF%BF%BD%F0%9F%98%80");
});
