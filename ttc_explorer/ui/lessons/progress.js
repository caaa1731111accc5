// Where a learner stands: pure functions from a place in the lessons to another, and what a browser keeps of it.
import { allHold } from "./conditions.js";

// Of one lesson: `step` is open, from 0; `done` steps were done, `guessed` has the choice of each prediction, `shown` are
// steps whose explanation was asked for without a run, `kept` the facts of runs by their names.
export const emptyProgress = () => ({ step: 0, done: [], guessed: {}, shown: [], kept: {} });

// What was stored, as far as it can be believed.
export function readProgress(text, lessons) {
  let stored = {};
  try {
    stored = JSON.parse(text) ?? {};
  } catch {
    return { open: null, lessons: {} };
  }
  const progress = { open: null, lessons: {} };
  for (const { name, steps } of lessons) {
    const { step, done, guessed, shown, kept } = Object(stored.lessons?.[name]);
    const places = (list) => (Array.isArray(list) ? list.filter((at) => Number.isInteger(at) && at >= 0 && at < steps.length) : []);
    progress.lessons[name] = {
      step: Number.isInteger(step) && step >= 0 && step < steps.length ? step : 0, done: places(done), shown: places(shown),
      guessed: { ...Object(guessed) }, kept: { ...Object(kept) },
    };
  }
  if (lessons.some(({ name }) => name === stored.open)) progress.open = stored.open;
  return progress;
}

// What stands on the page at a step: what it sets, and before it the steps that lead there.
export function stateAt(lesson, step) {
  return Object.assign({}, ...lesson.steps.slice(0, step + 1).map(({ state }) => state));
}

// Whether the run that these facts are of is the one that the step asks for: of the same question, strategy, budget and seed,
// and of the same settings as far as its strategy reads them.
export function isRunOf(state, facts) {
  const { q, strategy, n, seed } = facts, run = { q, strategy, n, seed, ...facts.settings };
  const asked = Object.keys(run).filter((key) => state[key] !== undefined);
  return facts.over === true && asked.every((key) => String(run[key]) === String(state[key]));
}

// Whether a step is a matter of a run at all.
export function needsRun(step) {
  return Boolean(step.predict || step.happened.length || step.keep || step.complete.length);
}

// Whether Run waits for a prediction.
export function waitsForGuess(step, progress) {
  return Boolean(step.predict) && progress.guessed[progress.step] === undefined && !progress.shown.includes(progress.step);
}

// Whether the learner did what the step wants, by the facts of the run on screen.
export function isDone(lesson, progress, facts) {
  const step = lesson.steps[progress.step];
  if (!needsRun(step) || waitsForGuess(step, progress)) return false;
  if (step.complete.length) return allHold(step.complete, facts, progress.kept);
  return isRunOf(stateAt(lesson, progress.step), facts);
}

// The step is done: remembered, with the facts that later steps ask for.
export function withDone(lesson, progress, facts) {
  const { step: at } = progress, { keep } = lesson.steps[at];
  const done = progress.done.includes(at) ? progress.done : [...progress.done, at];
  return { ...progress, done, kept: keep ? { ...progress.kept, [keep]: facts } : progress.kept };
}

// One press on Next: { progress, finished }. Whoever did not run first sees what there is to see; a step that only tells is
// done by going on.
export function withNext(lesson, progress) {
  const at = progress.step, step = lesson.steps[at], done = progress.done.includes(at);
  if (needsRun(step) && !done && !progress.shown.includes(at)) {
    return { progress: { ...progress, shown: [...progress.shown, at] }, finished: false };
  }
  const read = needsRun(step) || done ? progress : withDone(lesson, progress, {});
  if (at + 1 === lesson.steps.length) return { progress: read, finished: true };
  return { progress: { ...read, step: at + 1 }, finished: false };
}
