// The lesson beside the page: its texts and questions, what the run did, and the way on. It sets the page's own controls by
// its address (`window.ttcAddress`), and holds Run until a prediction is made.
import { fillFacts, fillFigures, outcomeText, rightChoice } from "./conditions.js";
import { textNodes } from "./lesson_text.js";
import {
  emptyProgress, isDone, isRunOf, needsRun, readProgress, stateAt, waitsForGuess, withDone, withNext,
} from "./progress.js";
import { h } from "../run_viewer/dom.js";

const STORE = "ttc-lessons";
const OPEN_TAB = "#pages [role=tab][aria-selected=true]", TAB_ID = /-page-button$/;
const say = (text) => window.ttcText?.(text) ?? text;
const OVER_THE_PAGE = matchMedia("(max-width: 999px)"); // there the panel lies over what a step points at
const RUN = "#run", QUESTION = "#problem textarea", STARTERS = `${RUN}, .first-step`;

// Mounts the panel. `lessons` are as lesson_format.py has them, each with its `name`; `strategies` gives names by titles,
// `places` selectors by names, `terms` the glossary; `askFigures` asks for what the tables say, which comes by `setFigures`.
export function mountLessons(place, { lessons, strategies, places, terms, askFigures }) {
  const address = window.ttcAddress;
  const byName = new Map(lessons.map((lesson) => [lesson.name, lesson]));
  let progress = readProgress(stored(), lessons), figures = null, facts = { over: false }, folded = false, isSetting = null, finished = false;

  const panel = h("aside", {
    id: "lesson", role: "region", "aria-label": "Lesson", "aria-keyshortcuts": "Alt+L", tabindex: -1, hidden: true,
  });
  place.append(panel);

  const lesson = () => byName.get(progress.open) ?? null;
  const here = () => progress.lessons[progress.open] ?? emptyProgress();
  const step = () => lesson().steps[here().step];

  function keep(next) {
    if (progress.open) progress.lessons[progress.open] = next;
    try {
      localStorage.setItem(STORE, JSON.stringify(progress));
    } catch {
      // A browser that keeps nothing: the place lasts as long as the page.
    }
  }

  // --- moving ---------------------------------------------------------------------------------------------------------

  function open(name, at = null, setUp = true) {
    progress.open = name;
    const before = progress.lessons[name] ?? emptyProgress();
    const last = byName.get(name).steps.length - 1;
    keep({ ...before, step: Math.min(at ?? before.step, last) });
    if (figures === null) askFigures();
    folded = finished = false;
    if (setUp) setControls();
    hear(facts);
    draw(true);
    if (isSetting) isSetting.finally(() => bringIntoView(0));
    else bringIntoView(0);
  }

  function goTo(at) {
    open(progress.open, at);
  }

  function leave() {
    progress.open = null;
    keep(null);
    address?.updateState({ lesson: undefined, lesson_step: undefined });
    draw();
    document.querySelector(RUN)?.focus({ preventScroll: true });
  }

  // What the step wants on the page; its controls are the learner's from then on.
  function setControls() {
    const place = { lesson: progress.open, lesson_step: here().step + 1 };
    const state = stateAt(lesson(), here().step);
    if (!address || !Object.keys(state).length) return address?.updateState(place);
    const setting = address.applyState({ ...state, ...place });
    isSetting = setting;
    setting.finally(() => {
      if (isSetting === setting) isSetting = null;
      holdRun();
    });
  }

  function next() {
    const { progress: moved, finished: atEnd } = withNext(lesson(), here());
    const same = moved.step === here().step;
    keep(moved);
    finished = atEnd;
    if (finished) return draw(true);
    if (same) return draw();
    goTo(moved.step);
  }

  // --- what the page tells ----------------------------------------------------------------------------------------------

  function hear(told) {
    const strategy = strategies[told.strategy] ?? told.strategy;
    facts = { ...told, strategy, page: document.querySelector(OPEN_TAB)?.id.replace(TAB_ID, "") ?? "" };
    if (!lesson()) return;
    const before = here().done.includes(here().step), done = isDone(lesson(), here(), facts);
    if (done) keep(withDone(lesson(), here(), facts));
    draw();
    if (done && !before) bringIntoView(-1);
  }

  // Run waits for the controls to stand and for the prediction: pressed by mouse or key, by Enter in the question, or by one of the first steps.
  function waits() {
    return Boolean(lesson()) && (isSetting !== null || waitsForGuess(step(), here()));
  }

  function holdRun() {
    const run = document.querySelector(RUN);
    if (!run) return;
    if (waits()) run.setAttribute("aria-disabled", "true");
    else run.removeAttribute("aria-disabled");
    document.documentElement.toggleAttribute("data-lesson-waits", waits());
  }

  function stopRun(event) {
    if (!waits()) return;
    const starts = event.type === "click" ? event.target.closest?.(STARTERS)
      : event.key === "Enter" && !event.shiftKey && event.target.closest?.(QUESTION);
    if (!starts) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    folded = false;
    draw();
    panel.querySelector(".guess button")?.focus();
  }
  addEventListener("click", stopRun, true);
  addEventListener("keydown", stopRun, true);

  // --- drawing ----------------------------------------------------------------------------------------------------------

  function draw(fromTop = false) {
    holdRun();
    panel.hidden = !lesson();
    showMarks();
    document.dispatchEvent(new CustomEvent("ttc-lessons", { detail: progress }));
    if (!lesson()) return panel.replaceChildren();
    const focus = panel.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const scrolled = panel.querySelector(".lesson-body")?.scrollTop ?? 0;
    panel.classList.toggle("folded", folded);
    panel.replaceChildren(head(), h("div", { class: "lesson-body", tabindex: -1 }, finished ? ending() : body()), foot());
    panel.querySelector(".lesson-body").scrollTop = fromTop ? 0 : scrolled;
    const back = focus && (panel.querySelector(`[data-key="${CSS.escape(focus)}"]`) ?? panel.querySelector("[data-key=next]"));
    if (back) back.focus({ preventScroll: true });
    else if (fromTop) panel.querySelector(".lesson-body").focus({ preventScroll: true });
  }

  function showMarks() {
    for (const each of document.querySelectorAll(".lesson-mark")) each.classList.remove("lesson-mark");
    if (!lesson() || folded) return;
    for (const name of step().highlight) document.querySelector(places[name])?.classList.add("lesson-mark");
  }

  // A step begins at the first of the places that it points at, and ends at the last, where its run is seen.
  function bringIntoView(which) {
    if (!OVER_THE_PAGE.matches) return;
    const shown = [...document.querySelectorAll(".lesson-mark")].filter((mark) => mark.checkVisibility());
    shown.at(which)?.scrollIntoView({ block: "start" });
  }

  const button = (key, text, press, attributes = {}) => {
    const element = h("button", { type: "button", "data-key": key, ...attributes }, text);
    element.addEventListener("click", press);
    return element;
  };

  function head() {
    const { steps, title } = lesson(), { step: at, done } = here();
    const dots = steps.map((each, i) => button(`dot-${i}`, "", () => goTo(i), {
      class: done.includes(i) ? "done" : null, "aria-current": i === at ? "step" : null,
      "aria-label": `${i + 1}: ${say(each.title)}${done.includes(i) ? " ✓" : ""}`, title: say(each.title),
    }));
    return h("header", null,
      h("p", null, h("b", null, say(title)), h("span", null, `${at + 1} / ${steps.length}`)),
      h("div", { class: "lesson-tools" },
        button("fold", folded ? "Open" : "Fold", () => { folded = !folded; draw(); }, { "aria-expanded": String(!folded) }),
        button("leave", "Leave", leave)),
      h("nav", { "aria-label": "Steps of the lesson" }, dots));
  }

  function body() {
    const parts = [h("h3", null, say(step().title)), ...step().text.map((text) => h("p", null, textNodes(say(text), terms)))];
    const { step: at, guessed, shown, done, kept } = here();
    const guessing = waitsForGuess(step(), here());
    const ran = !guessing && facts.over && isRunOf(stateAt(lesson(), at), facts), over = done.includes(at);
    if (step().predict) parts.push(prediction(guessed[at], ran || over));
    if (needsRun(step()) && !guessing && !over && !shown.includes(at)) parts.push(task(ran));
    const outcomes = step().happened.map(({ when, text }) => ({ when, text: say(text) }));
    const said = ran ? outcomeText(outcomes, facts, kept) : "";
    if (said) parts.push(box("This run", said));
    if (step().tables && (over || ran || shown.includes(at) || !needsRun(step()))) {
      const tables = figures ? fillFigures(say(step().tables), figures) : say("Reading the tables …");
      parts.push(box("Over many questions", tables ?? say("The tables that are here do not hold this."), "tables"));
    }
    return [...parts, h("p", { class: "lesson-live", role: "status" }, over ? "✓ Done" : "")];
  }

  function prediction(guess, ran) {
    const { question, choices } = step().predict, known = ran && facts.over;
    const right = known ? rightChoice(choices, facts, here().kept) : null;
    const options = choices.map(({ text }, i) => button(`guess-${i}`, say(text), () => {
      keep({ ...here(), guessed: { ...here().guessed, [here().step]: i } });
      hear(facts);
    }, {
      "aria-pressed": String(i === guess), disabled: guess !== undefined,
      class: known && i === right ? "right" : known && i === guess ? "wrong" : null,
    }));
    const verdict = !known || guess === undefined ? ""
      : guess === right ? "As you said." : "Not as you said: that is what a prediction is for.";
    return h("fieldset", { class: "guess" }, h("legend", null, say(question)), options, verdict && h("p", { class: "verdict-line" }, say(verdict)));
  }

  function task(ran) {
    const isReading = step().complete.length > 0 && step().complete.every((each) => each.startsWith("page "));
    if (ran || isReading) return h("p", { class: "lesson-task" }, say("Now do what the text asks."));
    const other = facts.over === true && facts.q !== undefined;
    return h("p", { class: "lesson-task" },
      button("run", "Run", async () => {
        await isSetting;
        document.querySelector(RUN)?.click();
      }, { class: "lesson-run" }), " ",
      other ? button("again", "Set it up again", setControls, { class: "lesson-again" }) : null);
  }

  function box(title, text, kind = "") {
    return h("div", { class: `lesson-box ${kind}`.trim() }, h("h4", null, title), h("p", null, textNodes(text, terms)));
  }

  function ending() {
    const { done } = here(), { steps } = lesson();
    const following = lessons[lessons.indexOf(lesson()) + 1];
    return [
      h("h3", null, done.length === steps.length ? say("Lesson done") : say("That was the lesson")),
      h("p", null, fillFacts(say("You did {done} of {steps} steps yourself."), { done: done.length, steps: steps.length })),
      done.length < steps.length ? h("p", null, "The others stay open: their dots above are empty.") : null,
      following ? h("p", null, button("following", `${say("Next:")} ${say(following.title)}`, () => open(following.name, 0), { class: "lesson-run" })) : null,
    ];
  }

  function foot() {
    const { step: at, done } = here(), last = at + 1 === lesson().steps.length;
    return h("footer", null,
      button("back", "Back", () => goTo(finished ? at : at - 1), { disabled: at === 0 && !finished }),
      finished ? button("next", "Close", leave, { class: "primary" })
        : button("next", last ? "Finish" : "Next", next, { class: done.includes(at) || !needsRun(step()) ? "primary" : null }));
  }

  // From anywhere on the page to the lesson, which stands at its end for the Tab key.
  addEventListener("keydown", (event) => {
    if (!lesson() || !event.altKey || event.code !== "KeyL") return;
    event.preventDefault();
    folded = false;
    draw();
    panel.focus({ preventScroll: true });
  });

  // A link that comes before the page can be set is heard of again, by `onState`.
  function openLink(linked) {
    try {
      open(linked.lesson, (linked.lesson_step || 1) - 1, linked.q === undefined);
    } catch {
      progress.open = null;
      draw();
    }
  }

  // --- beginning ----------------------------------------------------------------------------------------------------------

  document.addEventListener("ttc-run", (event) => hear(event.detail));
  document.addEventListener("click", (event) => {
    const pressed = event.target.closest?.("[data-lesson]");
    if (pressed && byName.has(pressed.dataset.lesson)) open(pressed.dataset.lesson, pressed.dataset.step ? Number(pressed.dataset.step) : null);
  });
  new MutationObserver(() => hear(facts))
    .observe(document.querySelector("#pages"), { attributes: true, subtree: true, attributeFilter: ["aria-selected"] });
  address?.onState((state) => {
    if (!byName.has(state.lesson) || (state.lesson === progress.open && (state.lesson_step ?? 1) === here().step + 1)) return;
    open(state.lesson, (state.lesson_step || 1) - 1, state.q === undefined);
  });
  const linked = address?.readState() ?? {};
  if (byName.has(linked.lesson)) openLink(linked);
  else if (progress.open) open(progress.open, null, false);
  else draw();
  document.dispatchEvent(new Event("ttc-ask-facts"));
  document.addEventListener("ttc-language", () => draw());

  return {
    setFigures(text) {
      if (!text) return;
      figures = JSON.parse(text);
      draw();
    },
  };
}

function stored() {
  try {
    return localStorage.getItem(STORE) ?? "";
  } catch {
    return "";
  }
}
