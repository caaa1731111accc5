// Conditions of a lesson, `right >= 1`, and texts with facts in them, `{right} of {solutions}`. Pure.

const CONDITION = /^([\w.]+) (=|!=|<=|>=|<|>) (.+)$/;
const TESTS = {
  "=": (a, b) => a === b, "!=": (a, b) => a !== b, "<": (a, b) => a < b, "<=": (a, b) => a <= b, ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};
const FIGURE = /\{\{([^{}]*)\}\}/g;
const WORDS = { true: true, false: false };

// The value of a name: a fact of this run, or `one.right`, of one that was kept as `one`.
export function factOf(name, facts, kept) {
  const [whose, fact] = name.includes(".") ? name.split(".") : ["", name];
  return whose ? kept[whose]?.[fact] : facts[fact];
}

// Whether a condition holds; not where a fact of it is missing.
export function holds(condition, facts, kept = {}) {
  const [, name, test, text] = CONDITION.exec(condition) ?? [];
  const value = factOf(name ?? "", facts, kept);
  if (value === undefined) return false;
  const other = factOf(text, facts, kept);
  if (other !== undefined) return TESTS[test](value, other);
  if (typeof value === "number") return TESTS[test](value, Number(text));
  return TESTS[test](value, WORDS[text] ?? text);
}

export function allHold(conditions, facts, kept = {}) {
  return conditions.every((condition) => holds(condition, facts, kept));
}

// The number of the choice that is right by the run: the first whose conditions hold, else the one without any.
export function rightChoice(choices, facts, kept = {}) {
  const found = choices.findIndex(({ when }) => when.length && allHold(when, facts, kept));
  return found >= 0 ? found : choices.findIndex(({ when }) => !when.length);
}

// What is said of a run: the text of the first outcome whose conditions hold, with its facts; empty where none does.
export function outcomeText(outcomes, facts, kept = {}) {
  const outcome = outcomes.find(({ when }) => allHold(when, facts, kept));
  return outcome ? fillFacts(outcome.text, facts, kept) : "";
}

export function fillFacts(text, facts, kept = {}) {
  return text.replace(/\{([\w.]+)\}/g, (_, name) => shown(factOf(name, facts, kept)));
}

// The text with its figures, by what stands between double braces; null where the tables lack one.
export function fillFigures(text, figures) {
  const names = [...text.matchAll(FIGURE)].map(([, name]) => name);
  if (names.some((name) => typeof figures[name] !== "string")) return null;
  return text.replace(FIGURE, (_, name) => figures[name]);
}

function shown(value) {
  if (value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  return Number.isInteger(value) ? String(value).replace(/\B(?=(\d{3})+$)/g, ",") : value.toFixed(2);
}
