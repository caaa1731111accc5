// The window of the runs that this browser keeps. A run is kept when it has ended by itself and is the one that the address of
// Explore says, so that its link brings it back.
import { MAX_NAME, answerOf, comparedRuns, readRuns, withName, withRun, withoutRun } from "./kept_runs.js";
import { grouped } from "../run_viewer/format.js";
import { h } from "../run_viewer/dom.js";

const STORE = "ttc-runs", PAGE = "explore";

// Mounts the window in a place. `texts` are those on screen, `titles` the strategies' by their names, `opener` selects the
// buttons that open it.
export function mountRunList(place, { texts, titles, opener }) {
  let runs = readRuns(stored()), seen = null, ticked = [];
  const list = h("ul"), table = h("div", { class: "run-table" });
  const close = button(texts.close, () => panel.hidePopover());
  const panel = h("div", { id: "runs", popover: "auto", role: "dialog", "aria-label": texts.title },
    h("header", null, h("h2", null, texts.title), close), h("p", { class: "hint" }, texts.about), table, list);
  place.append(panel);

  function button(text, press, attributes = {}) {
    const element = h("button", { type: "button", ...attributes }, text);
    element.addEventListener("click", press);
    return element;
  }

  function keep(next) {
    runs = next;
    try {
      localStorage.setItem(STORE, JSON.stringify(runs));
    } catch { /* a browser that keeps nothing has the list as long as the page is open */ }
    draw();
  }

  function remove({ link }) {
    const place = runs.findIndex((run) => run.link === link);
    ticked = ticked.filter((each) => each !== link);
    keep(withoutRun(runs, link));
    (list.children[Math.min(place, runs.length - 1)]?.querySelector("button") ?? close).focus();
  }

  function tick(link, on) {
    ticked = on ? [...ticked, link] : ticked.filter((each) => each !== link);
    for (const box of list.querySelectorAll("[type=checkbox]")) box.disabled = ticked.length >= 2 && !box.checked;
    drawTable();
  }

  function item(run) {
    const { link, name, time, facts } = run;
    const field = h("input", { value: name, maxlength: MAX_NAME, "aria-label": texts.name, autocomplete: "off" });
    field.addEventListener("change", () => keep(withName(runs, link, field.value)));
    const box = h("input", { type: "checkbox", checked: ticked.includes(link), disabled: ticked.length >= 2 && !ticked.includes(link) });
    box.addEventListener("change", () => tick(link, box.checked));
    const when = new Date(time).toLocaleString(document.documentElement.lang || "en", { dateStyle: "short", timeStyle: "short" });
    return h("li", null, field,
      h("p", null, h("b", { class: facts.known ? (facts.chosen_right ? "right" : "wrong") : null }, answerOf(run)),
        ` · ${titles[facts.strategy] ?? facts.strategy}, N = ${facts.n} · seed ${facts.seed} · ${grouped(facts.tokens)} tokens · ${when}`),
      h("div", null, h("label", null, box, texts.compare),
        button(texts.open, () => {
          panel.hidePopover();
          location.hash = link;
        }, { "aria-label": `${texts.open}: ${name}` }),
        button(texts.remove, () => remove(run), { "aria-label": `${texts.remove}: ${name}` })));
  }

  function drawTable() {
    const two = ticked.map((link) => runs.find((run) => run.link === link)).filter(Boolean);
    table.replaceChildren(...(two.length < 2 ? [] : [h("table", null,
      h("thead", null, h("tr", null, h("td"), two.map(({ name }) => h("th", { scope: "col" }, name)))),
      h("tbody", null, comparedRuns(two, texts, titles).map(({ label, values, differs }) =>
        h("tr", { class: differs ? "differs" : null }, h("th", { scope: "row" }, label), values.map((value) => h("td", null, value))))))]));
  }

  function draw() {
    list.replaceChildren(...runs.map(item));
    if (!runs.length) list.append(h("li", { class: "none" }, texts.none));
    drawTable();
    for (const each of document.querySelectorAll(opener)) each.dataset.count = runs.length || "";
  }

  document.addEventListener("ttc-run", ({ detail: facts }) => {
    if (!facts.over || facts.id === seen) return;
    seen = facts.id;
    const link = window.ttcAddress?.linkOfRun(PAGE);
    if (facts.whole && link) keep(withRun(runs, link, facts, Date.now()));
  });
  document.addEventListener("click", ({ target }) => { if (target.closest?.(opener)) panel.togglePopover(); });
  window.addEventListener("storage", ({ key }) => {
    if (key !== STORE) return;
    runs = readRuns(stored());
    draw();
  });
  draw();
}

function stored() {
  try {
    return localStorage.getItem(STORE) ?? "";
  } catch {
    return "";
  }
}
