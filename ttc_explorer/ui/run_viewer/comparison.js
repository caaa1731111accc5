// Runs side by side: a lane each with its small tree and its answer, and a table of their figures. Pressed, a tree opens large,
// with all that Explore shows of a run.
import { createClockBar } from "./clock_bar.js";
import { comparisonRow, createComparisonReader, rowHeads } from "./comparison_state.js";
import { delimited } from "./delimited_text.js";
import { drawn, h } from "./dom.js";
import { countNoun, formatAmount, grouped } from "./format.js";
import { glossaryTerm } from "./glossary_term.js";
import { headlineOf, outsideSentence } from "./headline.js";
import { iconButton } from "./icon_button.js";
import { NARROW } from "./layout.js";
import { mathText, useKatex } from "./math_text.js";
import { bestPath, sampleCount, solutionsOf, votesBy } from "./run_state.js";
import { saveText } from "./save_file.js";
import { segmentedControl } from "./segmented_control.js";
import { smallTree } from "./small_tree.js";
import { mountRunViewer } from "./viewer.js";
import { correctnessMark } from "./votes.js";

const NOTHING_FITS = "Even one sample costs more than this budget.";
const STOP_LABELS = { budget: "most steps", cancelled: "stopped", deadline: "time was up" };
const LARGE_PARTS = ["cards", "remarks", "tree", "votes", "inspector"];
const COLUMNS = [                       // title, its term in the glossary
  ["Strategy", null], ["N", "budget"], ["Answer", "answer"], ["Solutions", "solutions"], ["Tokens", "tokens processed"],
  ["written", "tokens written"], ["judged", "tokens judged"], ["FLOP", "FLOP"], ["Passes", "passes"],
  ["Time", "time together"],
];

let mounted = 0;

// Puts a comparison in a place. `options`: `parts`, of lanes and table; `terms`, `selectors` and `aggregates` as in viewer.js;
// `onRule` hears of another selector. Returns { show(text) }, to be given the growing stream (comparison_stream.py).
export function mountComparison(place, { parts, terms, selectors, aggregates, katex = null, onRule = () => {} }) {
  if (katex) useKatex(katex);
  const { read } = createComparisonReader();
  let shown = null, selector = selectors[0].name, articles = [], opened = 0;     // opened: the lane that is, or was last, large
  const grid = h("div", { class: "lanes" });
  const bySelector = segmentedControl("Answer chosen by", `comparison-${++mounted}`, selectors, (name) => {
    selector = name;
    bySelector.show(name);
    if (shown) draw(shown.lanes.keys());
    onRule({ selector });
  });
  bySelector.element.classList.add("by-selector");
  const button = (name, text, act) => {
    const made = h("button", { type: "button", class: name, disabled: true }, text);
    made.addEventListener("click", () => act(made));
    return made;
  };
  const sheet = (separator) => delimited(rowHeads, rows(), separator);
  const copy = button("copy-table", "Copy table", (made) => copyText(sheet("\t"), made));
  const save = button("save-csv", "CSV", () => saveText(sheet(","), "ttc-compare.csv", "text/csv"));
  const table = h("div", { class: "comparison-table" });
  const large = largeView({ terms, selectors, aggregates });
  large.dialog.addEventListener("close", () => articles[opened]?.querySelector(".picture").focus());
  const top = h("div", { class: "viewer-headline" });
  const clock = createClockBar(`comparison-${mounted}`, () => shown.lanes.filter((lane) => lane?.run).map(({ recording }) => recording),
    () => draw(shown.lanes.keys()));
  place.append(top, grid, clock.element, large.dialog);
  const figures = h("div", { class: "comparison-figures", hidden: true },
    h("div", { class: "viewer-rules" },
      h("div", { class: "heading" }, glossaryTerm(terms, "Answer by", "selector")), bySelector.element, copy, save),
    table);
  if (parts.includes("table")) place.append(figures);
  bySelector.show(selector);

  const rows = () => shown.about.entries.map((entry, i) => comparisonRow(entry, shown.lanes[i], selector));

  function show(text) {
    if (!text) return;
    const fresh = shown?.about.id;
    shown = read(text);
    if (shown.about.id !== fresh) {
      selector = shown.about.selector;
      bySelector.show(selector);
      articles = shown.about.entries.map(() => h("article"));
      grid.dataset.count = articles.length;
      grid.replaceChildren(...articles);
      draw(articles.keys());
    } else {
      draw(shown.changed);
    }
  }

  function draw(places) {
    for (const i of places) {
      const lane = laneArticle(shown.about.entries[i], laneAtTime(shown.lanes[i]), selector, terms, () => open(i));
      const focused = articles[i].contains(document.activeElement);
      articles[i].replaceWith(lane);
      articles[i] = lane;
      if (focused) lane.querySelector(".picture").focus();
      if (large.dialog.open && i === opened) large.show(shown.about.entries[i], shown.lanes[i].run, selector);
    }
    top.replaceChildren(...comparisonHeadline(shown, selector));
    const runs = shown.lanes.filter((lane) => lane?.run);
    clock.update(runs.length > 1 && runs.every(({ state }) => state !== "running"));
    if (!parts.includes("table")) return;
    const started = shown.lanes.some(Boolean);
    figures.hidden = !started;
    if (started) table.replaceChildren(figuresTable(shown.about, rows(), terms));
    const settled = started && shown.lanes.every((lane) => lane && lane.state !== "running");
    copy.disabled = save.disabled = !settled;
  }

  // A lane as it stood at the time that the clock shows.
  function laneAtTime(lane) {
    const events = lane?.run ? clock.shown(lane.recording) : null;
    return events === null ? lane : { ...lane, state: "replayed", run: lane.recording.frame(events) };
  }

  function open(i) {
    opened = i;
    large.dialog.showModal();
    large.show(shown.about.entries[i], shown.lanes[i].run, selector);
  }

  return { show, question: () => asked(shown)?.problem ?? null };
}

// What the first of the runs was asked, and of whom; undefined before there is one.
function asked(shown) {
  return shown?.lanes.find((lane) => lane?.run?.about)?.run.about;
}

// The question, who answers it, and how many strategies came out right.
function comparisonHeadline({ lanes, about: { entries } }, selector) {
  const about = asked({ lanes });
  if (!about) return [];
  const rightOf = (lane) => lane?.run?.about && votesBy(lane.run, { selector, aggregate: lane.run.about.aggregate }).rows[0]?.answer.right;
  const verdicts = lanes.map(rightOf), right = verdicts.filter((verdict) => verdict === true).length;
  const over = lanes.every((lane) => lane && lane.state !== "running");
  const words = about.outside ? outsideSentence(about)
    : !over ? "Running side by side …"
      : verdicts.some((verdict) => verdict === true || verdict === false)
        ? `${right} of ${countNoun(entries.length, "strategy", "strategies")} chose the right answer to this one question.`
        : "Whether any of these is right is not known here.";
  return [headlineOf(about, `seed ${about.seed}`, about.outside ? "outside" : over ? "compared" : "running", words)];
}

// A window over the page that shows one run as Explore does: { dialog, show(entry, run, selector) }.
function largeView(options) {
  const title = h("h2", null), viewer = h("div", { class: "run-viewer" });
  const dialog = h("dialog", { class: "large-run" },
    h("header", null, title, iconButton("close", "Close", () => dialog.close())), viewer);
  let view = null;                      // made when it is first wanted
  return {
    dialog,
    show(entry, run, selector) {
      view ??= mountRunViewer(viewer, { ...options, parts: LARGE_PARTS });
      title.textContent = entry.name;
      dialog.setAttribute("aria-label", entry.name);
      view.showState(run, { selector });
    },
  };
}

// A stroke in a strategy's colour and dash.
export function swatch({ light, dark, dash }) {
  const svg = drawn("svg", "swatch", document.createDocumentFragment());
  svg.setAttribute("viewBox", "0 0 26 10");
  svg.setAttribute("aria-hidden", true);
  svg.setAttribute("style", `--light:${light};--dark:${dark}`);
  const path = drawn("path", "", svg);
  path.setAttribute("d", "M1 5h24");
  path.setAttribute("stroke-dasharray", dash.split(" ").filter(Boolean).map((length) => 2.5 * length).join(" "));
  return svg;
}

// `onOpen` hears that its tree shall be seen large.
function laneArticle(entry, lane, selector, terms, onOpen) {
  const run = lane?.run;
  const about = (text) => h("p", { class: "about" }, text);
  const rule = run && { selector, aggregate: run.about.aggregate };
  const [vote] = run ? votesBy(run, rule).rows : [];
  const picture = !run ? about(lane ? NOTHING_FITS : entry.sentence)
    : lane.state === "running" && run.nodes.length < 2 ? about(run.status.text)     // its place in line, perhaps
      : smallTree(run, vote ? bestPath(run, rule) : [], innerWidth < NARROW);
  return h("article", { class: "lane", "data-state": lane?.state ?? "ready", "aria-label": entry.name },
    h("header", null,
      swatch(entry), h("h2", null, `${entry.title} `, h("span", null, entry.detail)),
      h("span", { class: "samples" }, run && `${lane.trying ? "trying " : ""}N = ${run.about.budget}`)),
    run ? openingPicture(picture, entry, onOpen) : h("div", { class: "picture" }, picture),
    h("footer", null, run && laneFoot(lane, vote, selector, terms)));
}

function openingPicture(picture, entry, onOpen) {
  const button = h("button", { type: "button", class: "picture", "aria-label": `${entry.name}: open the tree large`, title: "Open large" }, picture);
  button.addEventListener("click", onOpen);
  return button;
}

function laneFoot({ run, state }, vote, selector, terms) {
  const solutions = countNoun(sampleCount(solutionsOf(run)), "solution");
  const standing = !vote ? solutions
    : selector === "best" && vote.score !== null ? `score ${vote.score.toFixed(2)}` : `${vote.count} of ${solutions}`;
  return [
    h("p", { class: "answer" }, vote ? [mathText(vote.answer.text), " ", correctnessMark(vote.answer)] : "–"),
    h("p", { class: "note" }, standing, ending(run, state)),
  ];
}

// What is unusual about its end; what the run, or its error, says about it is one hover away.
function ending({ status, notes }, state) {
  const explained = (shown, text, kind) => h("span", { class: `term ${kind}`.trim(), tabindex: 0, "data-tip": text }, shown);
  if (status.error) return [" · ", explained("failed", status.error, "wrong")];
  const label = state === "running" ? undefined : STOP_LABELS[status.stopped];
  const note = notes.at(-1);
  return [label && ` · ${label}`, note && [label ? " " : " · ", explained("why", note.text, "")]];
}

function figuresTable({ entries, tokens: limit }, rows, terms) {
  const most = limit ?? Math.max(0, ...rows.map(({ tokens }) => tokens ?? 0));
  const heads = COLUMNS.map(([title, term]) => h("th", { scope: "col" }, term ? glossaryTerm(terms, title, term) : title));
  const body = rows.map((row, i) => h("tr", null,
    h("th", { scope: "row" }, swatch(entries[i]), `${row.strategy} `, h("span", null, row.setting)),
    valueCells(row, most)));
  return h("table", { class: "figures" }, h("thead", null, h("tr", null, heads)), h("tbody", null, body));
}

function valueCells(row, most) {
  if (row.samples === null) return h("td", { colspan: COLUMNS.length - 1, class: "none" }, NOTHING_FITS);
  const share = most ? Math.min(100, 100 * row.tokens / most) : 0;
  const answer = row.answer === null ? "–" : [mathText(row.answer), " ", correctnessMark(row)];
  const bar = h("span", { class: "bar" }, h("i", { style: `width:${share.toFixed(1)}%` }));
  const cells = [
    String(row.samples), h("span", { class: "answer" }, answer), String(row.solutions), [bar, grouped(row.tokens)],
    grouped(row.generated_tokens), grouped(row.verifier_tokens), formatAmount(row.flops),
    formatAmount(row.sequential_depth), `${row.seconds.toFixed(1)} s`,
  ];
  return cells.map((cell) => h("td", null, cell));
}

// --- taking the table away ----------------------------------------------------------------------------------------------

function copyText(text, button) {
  const copied = () => {
    const before = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = before; }, 1500);
  };
  if (navigator.clipboard) return void navigator.clipboard.writeText(text).then(copied);
  const area = h("textarea", null, text);               // a page without https
  document.body.append(area);
  area.select();
  if (document.execCommand("copy")) copied();
  area.remove();
}
