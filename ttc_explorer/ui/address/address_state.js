// The state of the page as its address says it: `#` and a query. The same as address_state.py, by the same keys
// (browser_keys there), and tested against the same cases: tests/ui/address_cases.json.
//
// A state is an object of the keys that are there: texts, numbers, truths, lists of names. In a state the step of a lesson
// is `lesson_step`; an address writes it as `step`, as it writes the setting of that name: the number is the lesson's.
export const MAX_ADDRESS_CHARACTERS = 65_536;
const TOO_LONG = "The address is too long to be read: 65,536 characters are the most.";
const MAX_FAULTS = 3;                   // that a sentence names
const LONE_SURROGATE = /[\ud800-\udfff]/gu;
const CONTROL = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/;
const WHOLE = /^[0-9]{1,16}$/, NUMBER = /^[0-9]{1,9}(\.[0-9]{1,4})?$/;
const TRUTH = new Map([["1", true], ["true", true], ["0", false], ["false", false]]);
const LESSON_STEP = "lesson_step";

const parseValue = (key, text) => {     // undefined if it is none
  if (key.kind === "text") return [...text].length > key.high || CONTROL.test(text) ? undefined : text;
  if (key.kind === "choice") return key.choices.includes(text) ? text : undefined;
  if (key.kind === "names") {
    const names = text.split(",").filter(Boolean);
    return names.every((name) => key.choices.includes(name)) ? names : undefined;
  }
  if (key.kind === "truth") return TRUTH.get(text);
  if (!(key.kind === "whole" ? WHOLE : NUMBER).test(text)) return undefined;
  return Number(text) >= key.low && Number(text) <= key.high ? Number(text) : undefined;
};

const formatValue = (value) => {
  if (Array.isArray(value)) return value.join(",");
  if (typeof value === "boolean") return value ? "1" : "0";
  return typeof value === "number" ? String(Number(value.toFixed(4))) : value.replace(LONE_SURROGATE, "\ufffd");
};
const writtenName = (name) => (name === LESSON_STEP ? "step" : name);
const sameValue = (one, other) => JSON.stringify(one) === JSON.stringify(other);

function faultSentence(faults) {
  if (!faults.length) return "";
  const more = faults.length - MAX_FAULTS;
  const named = [...faults.slice(0, MAX_FAULTS), ...(more > 0 ? [`${more} more are wrong`] : [])];
  const taken = faults.length === 1 ? "it is taken as missing" : "they are taken as missing";
  return `In the address, ${named.join("; ")}: ${taken}.`;
}

/** What an address says: { state, sentence }, the sentence on what could not be read, or empty. */
export function parseAddress(address, keys) {
  if (address.length > MAX_ADDRESS_CHARACTERS) return { state: {}, sentence: TOO_LONG };
  const query = address.includes("#") ? address.slice(address.indexOf("#") + 1) : address;
  const named = new Map();
  // `URLSearchParams` would take a question mark at the beginning away.
  for (const [name, text] of new URLSearchParams(`?${query}`)) {
    if (name === LESSON_STEP) continue;  // only a state calls it so
    const called = name === "step" && WHOLE.test(text) ? LESSON_STEP : name;
    if (!named.has(called)) named.set(called, text);
  }
  const state = {}, faults = [];
  for (const key of keys) {
    if (!named.has(key.name)) continue;
    const value = parseValue(key, named.get(key.name));
    if (value === undefined) faults.push(`${writtenName(key.name)} must be ${key.wanted}`);
    else state[key.name] = value;
  }
  return { state, sentence: faultSentence(faults) };
}

/** The address that says this, without what is the default and what is no key. */
export function formatAddress(state, keys) {
  const written = keys.filter(({ name, always, default: usual }) =>
    (state[name] ?? undefined) !== undefined && (always || !sameValue(state[name], usual)));
  const pairs = written.map(({ name }) =>
    `${writtenName(name)}=${encodeURIComponent(formatValue(state[name])).replaceAll("%2C", ",")}`);
  return `#${pairs.join("&")}`;
}
