// The list of the runs that this browser keeps: pure functions. What a browser stored may have been written by anybody.
//
// A run is { link (its address: "#…"), name, time (milliseconds), question, facts }; the newest stands first.
export const MAX_RUNS = 50;
export const MAX_NAME = 80;
const MAX_LINK = 8_000;                 // characters: with 50 runs far below what browsers keep of a site
const MAX_QUESTION = 300, MAX_ANSWER = 100;
const FACTS = {
  strategy: "string", n: "number", seed: "number", answer: "string", known: "boolean", chosen_right: "boolean", right: "number",
  solutions: "number", tokens: "number", judged: "number", passes: "number",
};

const isText = (value, most) => typeof value === "string" && value.length <= most;
const isRun = (run) => Boolean(run) && isText(run.link, MAX_LINK) && run.link.startsWith("#") && isText(run.name, MAX_NAME)
  && Number.isFinite(run.time) && isText(run.question, MAX_QUESTION) && typeof run.facts === "object" && run.facts !== null
  && Object.entries(FACTS).every(([name, kind]) => typeof run.facts[name] === kind);

// What was stored, as far as it can be believed.
export function readRuns(text) {
  try {
    const runs = JSON.parse(text);
    return Array.isArray(runs) ? runs.filter(isRun).slice(0, MAX_RUNS) : [];
  } catch {
    return [];
  }
}

// A run that has ended stands first, and once: run again, it keeps its name. `facts` are those of run_facts.js.
export function withRun(runs, link, facts, time) {
  const question = String(facts.q).replace(/\s+/g, " ").slice(0, MAX_QUESTION), before = runs.find((run) => run.link === link);
  const kept = Object.fromEntries(Object.keys(FACTS).map((name) => [name, facts[name]]));
  kept.answer = String(kept.answer).slice(0, MAX_ANSWER);
  const run = { link, name: before?.name ?? question.slice(0, MAX_NAME), time, question, facts: kept };
  return isRun(run) ? [run, ...withoutRun(runs, link)].slice(0, MAX_RUNS) : runs;
}

export function withoutRun(runs, link) {
  return runs.filter((run) => run.link !== link);
}

// An empty name is that of the question.
export function withName(runs, link, name) {
  return runs.map((run) => (run.link === link ? { ...run, name: (name.trim() || run.question).slice(0, MAX_NAME) } : run));
}

const VIEW = new Set(["page", "q", "a", "strategy", "n", "seed", "run"]);

// What two runs have, side by side: [{ label, values: [text, text], differs }]. `texts` has the labels; `titles` those of
// strategies by their names.
export function comparedRuns(runs, texts, titles) {
  const settingsOf = ({ link }) => [...new URLSearchParams(link.slice(1))].filter(([key]) => !VIEW.has(key))
    .map(([key, value]) => `${key} ${value}`).join(", ") || texts.usual;
  const figure = (name) => ({ facts }) => facts[name].toLocaleString("en");
  const rows = {
    question: ({ question }) => question,
    strategy: ({ facts }) => titles[facts.strategy] ?? facts.strategy,
    budget: figure("n"), seed: ({ facts }) => String(facts.seed), settings: settingsOf,
    answer: (run) => answerOf(run), right: ({ facts }) => (facts.known ? `${facts.right} / ${facts.solutions}` : "–"),
    tokens: figure("tokens"), judged: figure("judged"), passes: figure("passes"),
  };
  return Object.entries(rows).map(([name, textOf]) => {
    const values = runs.map(textOf);
    return { label: texts[name], values, differs: values[0] !== values[1] };
  });
}

// The answer with its verdict, where there is one.
export function answerOf({ facts }) {
  return `${facts.answer || "–"}${facts.known ? (facts.chosen_right ? " ✓" : " ✗") : ""}`;
}
