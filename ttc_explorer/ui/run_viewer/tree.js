// Draws the search tree of a state, and keeps drawing it while it grows. Texts are untrusted: only ever written as text.
import { drawn, h, write } from "./dom.js";
import { drawnTree, FOLD_FROM } from "./folding.js";
import { FindBar } from "./find_bar.js";
import { oneLine } from "./format.js";
import { iconButton } from "./icon_button.js";
import { connectInteraction } from "./interaction.js";
import { clamp, layout, NARROW, RADIUS } from "./layout.js";
import { Minimap } from "./minimap.js";
import { CAPTION_FONT, createTextMeasure, wrappedLines } from "./node.js";
import { plainText } from "./rich_text.js";
import { pathOf, sampleCount } from "./run_state.js";
import {
  createMark, describeAnswer, describeFold, describeStep, labelSize, paintFold, paintLink, paintStep,
} from "./tree_marks.js";

const MARGIN = 16;                      // pixels around the tree
const GLIDE = 260;                      // milliseconds
const STILL_FROM = 900;                 // so many marks do not glide
const LONG = 0.2;                       // however thin a row, its nodes are at least this size along it
const LEGIBLE = { score: 0.6, fold: 0.52 };     // the smallest size on screen at which a number is written
const PROMINENT = 0.75;                 // the smallest on screen of the best path, of answers and of what is picked
const LARGEST = 1.4;                    // the largest on screen: who zooms in further is shown more, not larger
const PRESENTED = 1.7;                  // how much larger all is on a full screen, or presented: to be read from the back row
const ALONG = 0.5;                      // how zooming parts the columns: the power of how it parts the rows
const REST = 200;                       // milliseconds after which a wheel rests
const ZOOM = { least: 0.05, most: 40 };
const LONGEST_TIP = 200;                // characters of a step in its tip; the inspector has the whole text
const TAIL = 90;                        // characters: of what is being written, the caption shows the end
const CAPTION = { line: 15, gap: 4, lines: 4, least: 84, cut: 150, beyond: 0.3 };  // pixels on screen; what is cut needs more
const SLOT = { along: 40, down: 84, least: 3, most: 14 };       // pixels an answer takes across, and how many have their own

const LEGEND = {                        // what is explained only where it occurs
  scored: ({ score }) => score !== null, unscored: ({ score, kind }) => score === null && kind !== "partial",
  writing: ({ status }) => status === "writing", unfinished: ({ status }) => status === "unfinished",
  cut: ({ status }) => status === "pruned", rollout: ({ kind }) => kind === "rollout",
  probe: ({ probe }) => probe, touched: ({ touched }) => touched, copies: ({ copies }) => copies > 1, visits: ({ visits }) => visits !== null,
};
const HELP = "Search tree. Arrow keys walk from step to step, Enter opens the inspector or a fold, Home leads to the problem, "
  + "slash finds, plus and minus zoom, F fits, P plays, comma and period go from event to event, brackets from round to round.";

function naturalSize() {
  const { classList } = document.documentElement;
  return document.fullscreenElement || (classList.contains("presenting") && innerWidth >= 1000) ? PRESENTED : 1;
}

function skeleton() {
  const svg = drawn("svg", "", document.createDocumentFragment());
  svg.setAttribute("role", "none");
  const view = drawn("g", "view", svg);
  view.setAttribute("role", "none");
  for (const [tag, name] of [["g", "links"], ["g", "edges"], ["path", "best-path"], ["path", "picked-path"], ["g", "captions"], ["g", "nodes"]]) {
    const part = drawn(tag, name, view);
    if (name === "nodes") part.setAttribute("role", "none");
    else part.setAttribute("aria-hidden", true);
  }
  const button = (zoom, label, sign) => h("button", { type: "button", "data-zoom": zoom, "aria-label": label }, sign);
  const key = (name, ...content) => h("span", { class: `key ${name}`.trim(), hidden: name === "folds" || name in LEGEND }, content);
  return h("section", { class: "tree-view" },
    h("header", null,
      h("p", { class: "standing" }),
      h("div", { class: "tools" }),
      h("div", { class: "zoom", role: "group", "aria-label": "Zoom" },
        button("in", "Zoom in", "+"), button("out", "Zoom out", "−"), button("fit", "Fit the tree", "Fit"))),
    h("div", { class: "canvas" },
      h("div", { class: "surface", role: "tree", tabindex: 0, "aria-label": HELP }, svg),
      h("p", { class: "empty" }, "The search tree grows here."),
      h("div", { class: "tip", "aria-hidden": "true", hidden: true }, h("strong"), h("span", { dir: "auto" }))),
    h("footer", { "aria-hidden": "true" },
      key("scored", "Score ", h("b", null, "0"), h("i", { class: "scale" }), h("b", null, "100")),
      key("unscored", h("i", { class: "blank" }), "not scored"),
      key("writing", h("i", { class: "writing" }), "being written"),
      key("unfinished", h("i", { class: "writing" }), "cut off"),
      key("cut", h("i", { class: "cut" }), "pruned"),
      key("folds", h("i", { class: "pill" }, "+9"), "folded"),
      key("rollout", h("i", { class: "ghost" }), "looked ahead"),
      key("probe", h("i", { class: "probe" }), "probe"),
      key("touched", h("i", { class: "hand" }), "by hand"),
      key("copies", h("b", null, "×4"), "equal steps"),
      key("visits", h("b", null, "12"), "visits"),
      key("", h("i", { class: "best" }), "best path"),
      key("", h("i", { class: "verdict right" }, "✓"), "right"),
      key("", h("i", { class: "verdict wrong" }, "✗"), "wrong")),
    h("p", { class: "announce", role: "status", "aria-live": "polite" }));
}

// The drawn tree. `update(state, best)` draws a state with its best path (ids). `onPick(id)` hears of a node that was
// clicked, or reached by keyboard; `onOpen()` of Enter on one. `whole` is what a full screen shows.
export class TreeView {
  constructor(place, name, { onPick, onOpen, whole }) {
    this.element = skeleton();
    place.append(this.element);
    this.name = name;                   // unique on the page: ids of marks start with it
    [this.onPick, this.onOpen] = [onPick, onOpen];
    this.find = (selector) => this.element.querySelector(selector);
    [this.canvas, this.surface, this.svg] = [".canvas", ".surface", ".surface svg"].map(this.find);
    [this.tip, this.view, this.captions] = [".tip", ".view", ".captions"].map(this.find);
    this.layers = { marks: this.find(".nodes"), edges: this.find(".edges") };
    this.stillness = matchMedia("(prefers-reduced-motion: reduce)");
    this.measure = createTextMeasure(this.element);
    this.minimap = new Minimap(this.canvas, (x, y) => this.centre(x, y));
    this.finder = new FindBar(this);
    this.find(".tools").append(iconButton("find", "Find in the tree", () => this.finder.open()));
    if (document.fullscreenEnabled) this.offerFullScreen(whole);
    [this.width, this.height, this.vertical, this.frame, this.captionFrame] = [0, 0, false, 0, 0];
    this.unit = naturalSize();          // the zoom at which everything has its natural size
    [this.announcement, this.announceTimer] = ["", 0];
    [this.drawnScales, this.resting] = [{ kx: 1, ky: 1 }, 0];
    this.camera = this.captionsAt = { k: 1, x: 0, y: 0 };
    this.forget(null);
    new ResizeObserver(() => this.resize()).observe(this.canvas);
    document.fonts.addEventListener("loadingdone", () => {      // until then texts were measured in other letters
      this.measure.forget();
      this.draw({ at: 1 });
    });
    document.addEventListener("ttc-presentation", () => this.present());
    connectInteraction(this);
  }

  forget(run) {
    [this.run, this.state, this.best, this.picked, this.cursor] = [run, null, new Set(), null, null];
    [this.items, this.answers, this.marks, this.links] = [[], [], new Map(), new Map()];
    [this.opened, this.matches] = [new Set(), new Set()];
    [this.plan, this.glide, this.fitting, this.labelRoom] = [null, null, true, 0];
    for (const layer of [".edges", ".links", ".nodes", ".captions"]) this.find(layer).replaceChildren();
    for (const name of ["best", "picked"]) this.find(`.${name}-path`).setAttribute("d", "");
    this.surface.removeAttribute("aria-activedescendant");
    this.find(".empty").hidden = false;
    this.tip.hidden = true;
    this.minimap.hide();
  }

  offerFullScreen(whole) {
    const button = iconButton("whole", "Full screen", () => {
      if (document.fullscreenElement) document.exitFullscreen();
      else whole.requestFullscreen();
    });
    this.find(".tools").append(button);
    whole.addEventListener("fullscreenchange", () => {
      this.present();
    });
  }

  // In the size that suits the screen, as the tree now fills it.
  present() {
    this.unit = naturalSize();
    this.fitting = true;
    this.draw({ at: 1 });
  }

  get over() { return this.state.status.over; }

  update(state, best) {
    if (state.id !== this.run) this.forget(state.id);
    this.state = state;
    this.best = new Set(best.length ? [0, ...best] : []);
    for (const [name, occurs] of Object.entries(LEGEND)) this.find(`.key.${name}`).hidden = !state.nodes.slice(1).some(occurs);
    if (this.find(".standing").textContent !== state.status.text) {
      this.find(".standing").textContent = state.status.text;
      this.announce(state.status.text);
    }
    if (!this.finder.element.hidden) this.finder.refresh();
    this.draw();
  }

  announce(text) {                      // to screen readers, but not ten times a second
    this.announcement = text;
    this.announceTimer ||= setTimeout(() => {
      this.announceTimer = 0;
      this.find(".announce").textContent = this.announcement;
    }, this.over ? 200 : 3000);
  }

  // --- drawing ------------------------------------------------------------------------------------------------------------

  resize() {
    if (!this.canvas.clientWidth) return;       // on a page that is not in view
    const turned = this.vertical !== this.canvas.clientWidth < NARROW;
    [this.width, this.height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    if (turned) [this.vertical, this.fitting] = [!this.vertical, true];
    this.draw({ at: 1 });
  }

  // Lay out anew, repaint what changed, and glide there.
  draw({ at = 0 } = {}) {
    const { state, vertical, unit } = this, width = this.width / unit, height = this.height / unit;
    if (!width || !state?.nodes.length) return;
    this.find(".empty").hidden = true;
    const depth = this.depth = state.nodes.reduce((most, node) => Math.max(most, node.depth), 1);
    this.labelRoom = vertical ? 56 : Math.round(clamp(width / (depth + 1) - 60, 72, 110));
    const { items, answers, subtrees } = drawnTree(state.nodes, {
      fold: state.about.budget >= FOLD_FROM[vertical ? "down" : "along"], best: new Set([...this.best, ...this.pathTo(this.picked)]), opened: this.opened,
      slots: clamp(Math.floor(vertical ? width / SLOT.down : height / SLOT.along), SLOT.least, SLOT.most),
      settled: this.over, subtrees: state.subtrees,
    });
    [this.items, this.answers] = [items, answers];
    this.find(".key.folds").hidden = !items.some(({ status }) => status === "folded");
    const bestItems = new Set(items.filter(({ key }) => this.best.has(key)).map(({ id }) => id));
    this.plan = layout(items, bestItems, {
      along: (vertical ? height : width) - 2 * MARGIN, across: (vertical ? width : height) - 2 * MARGIN,
      vertical, settled: this.over, subtrees, frozen: this.fitting ? null : this.plan?.scale,
      labelSize: (key, count) => this.labelSize(state.answers.get(key), count),
      answers: answers.map((group) => this.labelSize(this.answerOf(group), group.copies)),
    });
    this.arrangeMarks();
    this.captions.replaceChildren();
    this.glide = { since: null, from: this.camera, to: this.fitting ? this.fitted() : this.camera };
    const still = this.marks.size > STILL_FROM || this.stillness.matches || document.hidden;
    if (at === 1 || still || this.atRest()) this.move(1);
    else this.frame ||= requestAnimationFrame((now) => this.step(now));
  }

  // Whether everything is where it is to be: only texts have changed.
  atRest() {
    const { from, to } = this.glide;
    return from.k === to.k && from.x === to.x && from.y === to.y
      && [...this.marks.values()].every(({ from: a, to: b }) => a.x === b.x && a.y === b.y && a.size === b.size);
  }

  // A mark for every item and every answer, and a line for every link; those of what is no longer drawn go.
  arrangeMarks() {
    const { items, answers, plan } = this, kept = new Set(), keptLinks = new Set();
    this.shownBy = new Map();           // node -> the mark that stands for it
    for (const item of items) {
      const mark = this.markFor(item.key, item.answer === undefined && item.members.length === 1 ? "step" : "fold", item.parent);
      mark.item = item;
      [mark.spot, mark.parent] = [plan.spots[item.id], item.parent && this.marks.get(item.parent.key)];
      kept.add(item.key);
    }
    for (const item of items) {
      const lead = this.leadOf(item);
      for (const id of item.members) if (item.status !== "unfolded") this.shownBy.set(id, lead.key);
    }
    for (const [place, group] of answers.entries()) {
      const mark = this.markFor(group.key, "answer", null);
      Object.assign(mark, { group, item: null, parent: null, spot: { ...plan.answers[place], size: 1, line: 0, room: 0 } });
      for (const id of group.members) this.shownBy.set(id, group.key);
      kept.add(group.key);
    }
    for (const item of items) for (const [place, count] of item.links) keptLinks.add(this.linkFor(item, answers[place], count).name);
    for (const [key, mark] of this.marks) if (!kept.has(key)) this.removeMark(key, mark);
    for (const [name, { path }] of this.links) {
      if (keptLinks.has(name)) continue;
      path.remove();
      this.links.delete(name);
    }
    for (const mark of this.marks.values()) {
      const { x, y, size } = mark.spot;
      mark.at ??= mark.parent ? { ...mark.parent.at } : this.vertical ? { x: y, y: x, size } : { x, y, size };
      mark.from = mark.at;
      mark.to = this.vertical ? { x: y, y: x, size } : { x, y, size };
    }
    this.paint();
  }

  markFor(key, kind, parent) {
    let mark = this.marks.get(key);
    if (mark) return mark;
    mark = createMark(key, kind, this.layers, `${this.name}-${key}`, parent !== null);
    this.marks.set(key, mark);
    return mark;
  }

  removeMark(key, mark) {
    mark.g.remove();
    mark.edge?.remove();
    this.marks.delete(key);
    if (this.cursor === key) this.cursor = null;
  }

  linkFor(item, group, count) {
    const name = `${item.key}>${group.key}`, link = this.links.get(name) ?? { name, path: drawn("path", "link", this.find(".links")) };
    Object.assign(link, { from: this.marks.get(item.key), to: this.marks.get(group.key), count, group });
    this.links.set(name, link);
    return link;
  }

  // Solutions that are drawn as one box in their place are drawn as the lead of their group.
  leadOf(item) { return this.items[this.plan.spots[item.id].group?.lead ?? item.id]; }
  membersOf(mark) {
    if (mark.group) return mark.group.members;
    const group = this.plan.spots[mark.item.id].group;
    return group ? group.members.flatMap((id) => this.items[id].members) : mark.item.members;
  }

  // The answer of a group: the text and whether it is right, of several together their number.
  answerOf({ answer, kinds }) {
    return answer === null ? { text: `${kinds} more`, right: null } : this.state.answers.get(answer);
  }

  scoreOf(ids) {                        // of several: the mean
    const scores = ids.map((id) => this.state.nodes[id].score).filter((score) => score !== null);
    return scores.length ? scores.reduce((sum, score) => sum + score, 0) / scores.length : null;
  }

  samplesOf(ids) { return sampleCount(ids.map((id) => this.state.nodes[id])); }

  // Everything about the marks but their places; touches the page only where something changed.
  paint() {
    for (const mark of this.marks.values()) this.paintMark(mark);
    for (const { path, group, count, from, to } of this.links.values()) {
      paintLink(path, this.answerOf(group), count, { best: from.best && to.best, match: to.match && from.match });
    }
    this.surface.classList.toggle("searching", this.matches.size > 0);
  }

  paintMark(mark) {
    const { item, group } = mark, members = this.membersOf(mark);
    mark.best = members.some((id) => this.best.has(id));
    mark.picked = item?.members.length > 1 ? this.cursor === mark.key : members.includes(this.picked);
    mark.match = members.some((id) => this.matches.has(id));
    const facts = mark.facts = group ? this.answerFacts(mark, members) : item.members.length > 1 ? this.foldFacts(mark) : this.stepFacts(mark, members);
    if (mark.line !== mark.spot.line && mark.edge) mark.edge.style.strokeWidth = mark.line = mark.spot.line.toFixed(1);
    if (facts.unfolded !== undefined) paintFold(mark, facts, this.measure);
    else paintStep(mark, facts, this.measure);
    this.tell(mark, facts.words.join(", "));
    const { g } = mark;
    if ((mark.best || mark.picked) && g.nextSibling && !mark.raised) this.layers.marks.append(g);       // above whatever is near
    mark.raised = mark.best || mark.picked;
  }

  // What a screen reader is told of a mark: its place among its siblings, and its words.
  tell(mark, words) {
    const { item, group, g } = mark, siblings = item ? item.parent?.children ?? [item] : this.answers;
    const level = item ? item.depth + 1 : this.depth + 2;
    const told = [level, siblings.indexOf(item ?? group) + 1, siblings.length, mark.picked, words];
    if (told.join() === mark.told) return;
    mark.told = told.join();
    for (const [i, name] of ["aria-level", "aria-posinset", "aria-setsize", "aria-selected", "aria-label"].entries()) g.setAttribute(name, told[i]);
  }

  stepFacts(mark, members) {
    const { item, best, picked, match, spot } = mark, node = this.state.nodes[item.key], { vertical } = this;
    const lead = this.leadOf(item), hidden = lead !== item, box = item.answer !== undefined;
    const facts = {
      status: item.status, root: !item.parent, depth: item.depth, score: this.scoreOf(members), count: this.samplesOf(members), box,
      answer: this.state.answers.get(node.answer) ?? {}, revised: node.answer !== undefined && !box, visits: node.visits, value: node.value, ended: node.ended, cut: node.cut, probe: node.probe, touched: members.some((id) => this.state.nodes[id].touched),
      best, picked, match, hidden, vertical, labelRoom: this.labelRoom,
      twin: hidden && lead.parent === item.parent,      // its line would cover the lead's
      afterRevision: node.kind === "revision",
    };
    return { ...facts, words: describeStep(facts) };
  }

  answerFacts({ group, best, picked, match }, members) {
    const answer = this.answerOf(group), count = group.copies, score = this.scoreOf(members);
    return {
      status: "finished", root: false, score, count, box: true, answer, revised: false, visits: null, best, picked, match, hidden: false,
      vertical: this.vertical, labelRoom: this.labelRoom, words: describeAnswer(answer, count, score, best),
    };
  }

  foldFacts({ item, match }) {
    const count = item.members.length, unfolded = item.status === "unfolded", score = this.scoreOf(item.members);
    const [place] = item.links.keys(), answer = item.pruned ? null : this.answerOf(this.answers[place] ?? this.foldAnswer(item));
    return {
      count, unfolded, pruned: item.pruned, score, match, at: this.cursor === item.key,
      words: describeFold(count, item.pruned, unfolded, answer, score),
    };
  }

  // The answer that an opened fold of solutions led to.
  foldAnswer({ key }) {
    return this.answers.find((group) => key.endsWith(group.key)) ?? this.answers.at(-1);
  }

  // What a step says; nothing where several are meant.
  tipText({ item, group, key }) {
    if (group || item.members.length > 1) return "";
    return oneLine(this.state.nodes[key].text, LONGEST_TIP);
  }

  labelSize(answer, count) {
    return labelSize(answer, count, this.vertical, this.labelRoom, this.measure);
  }

  // --- moving -------------------------------------------------------------------------------------------------------------

  step(now) {
    this.frame = 0;
    if (!this.glide) return;
    this.glide.since ??= now;
    const t = Math.min(1, (now - this.glide.since) / GLIDE);
    this.move(1 - (1 - t) ** 3);
    if (t < 1) this.frame = requestAnimationFrame((later) => this.step(later));
  }

  move(t) {                             // to where everything is at a share t of the way
    const between = (from, to) => from + (to - from) * t;
    const { from: a, to: b } = this.glide;
    if (this.fitting) this.camera = { k: between(a.k, b.k), x: between(a.x, b.x), y: between(a.y, b.y) };
    for (const mark of this.marks.values()) {
      const { from, to } = mark;
      mark.moves = t === 1 || from.x !== to.x || from.y !== to.y || from.size !== to.size;
      if (mark.moves) mark.at = { x: between(from.x, to.x), y: between(from.y, to.y), size: between(from.size, to.size) };
    }
    for (const mark of this.marks.values()) {
      if (mark.edge && (mark.moves || mark.parent.moves)) mark.edge.setAttribute("d", this.curve(mark));
    }
    for (const { path, from, to } of this.links.values()) path.setAttribute("d", this.flow(from, to));
    this.trace();
    if (t === 1) this.glide = null;
    this.look(this.camera, { zoomed: true });
  }

  // From the parent straight on to the column before, then in a curve to the node.
  curve({ parent: { at: a }, at: b }) {
    const reach = this.plan.scale.column;
    if (this.vertical) {
      const y = Math.max(a.y, b.y - reach), half = f((y + b.y) / 2);
      return `M${f(a.x)} ${f(a.y)}V${f(y)}C${f(a.x)} ${half} ${f(b.x)} ${half} ${f(b.x)} ${f(b.y)}`;
    }
    const x = Math.max(a.x, b.x - reach), half = f((x + b.x) / 2);
    return `M${f(a.x)} ${f(a.y)}H${f(x)}C${half} ${f(a.y)} ${half} ${f(b.y)} ${f(b.x)} ${f(b.y)}`;
  }

  // To an answer of the last column, in one curve behind everything.
  flow({ at: a }, { at: b }) {
    if (this.vertical) {
      const half = f((a.y + b.y) / 2);
      return `M${f(a.x)} ${f(a.y)}C${f(a.x)} ${half} ${f(b.x)} ${half} ${f(b.x)} ${f(b.y)}`;
    }
    const half = f((a.x + b.x) / 2);
    return `M${f(a.x)} ${f(a.y)}C${half} ${f(a.y)} ${half} ${f(b.y)} ${f(b.x)} ${f(b.y)}`;
  }

  // The best path and the one to the picked node.
  trace() {
    this.find(".best-path").setAttribute("d", this.way(this.best));
    this.find(".picked-path").setAttribute("d", this.way(this.pathTo(this.picked)));
  }

  way(ids) {
    let before = null, path = "";
    for (const id of ids) {
      const mark = this.marks.get(this.shownBy?.get(id));
      if (!mark || mark === before) continue;
      if (mark.group) path += before ? this.flow(before, mark) : "";
      else if (mark.edge) path += this.curve(mark);
      before = mark;
    }
    return path;
  }

  pathTo(id) {
    return id === null || !this.state ? [] : [0, ...pathOf(this.state.nodes[id]).map((node) => node.id)];
  }

  // --- looking --------------------------------------------------------------------------------------------------------

  // Pixels a length of the tree takes on screen. Who zooms in wants room between the rows: columns part more slowly.
  scales(k = this.camera.k) {
    const along = this.unit * Math.min(1, k / this.unit) * Math.max(1, k / this.unit) ** ALONG;
    return this.vertical ? { kx: k, ky: along } : { kx: along, ky: k };
  }

  // Panning only moves a layer that is painted already; zooming sizes the marks anew. A wheel turns faster than 2,000 marks are
  // painted: the layer is stretched (`swift`), and painted once the wheel rests.
  look(to, { zoomed = to.k !== this.camera.k, swift = false } = {}) {
    this.camera = to;
    this.tip.hidden = true;
    const scales = this.scales();
    if (swift) {
      clearTimeout(this.resting);
      this.resting = setTimeout(() => this.look(this.camera, { zoomed: true }), REST);
    } else if (zoomed) {
      clearTimeout(this.resting);
      this.drawnScales = scales;
      this.view.setAttribute("transform", `scale(${f(scales.kx, 4)} ${f(scales.ky, 4)})`);
      for (const mark of this.marks.values()) this.place(mark);
    }
    const stretch = [scales.kx / this.drawnScales.kx, scales.ky / this.drawnScales.ky];
    this.svg.style.transform = `translate(${f(to.x)}px, ${f(to.y)}px) scale(${stretch.map((by) => f(by, 4)).join()})`;
    this.showMinimap();
    if (!swift && !this.glide) this.renewCaptions(zoomed);
  }

  // The captions reach beyond the canvas: they are written anew before who pans comes to their end.
  renewCaptions(zoomed) {
    const { x, y } = this.camera, moved = Math.hypot(x - this.captionsAt.x, y - this.captionsAt.y);
    if (zoomed || moved > 0.6 * CAPTION.beyond * this.width) this.captionFrame ||= requestAnimationFrame(() => this.writeCaptions());
  }

  place(mark) {
    const { x, y, size } = mark.at, { kx, ky } = this.scales(), k = this.camera.k / this.unit;
    const prominent = mark.best || mark.picked || mark.group, least = !prominent ? 0 : (mark.facts.box && mark.item ? LEGIBLE.score : PROMINENT) / k;
    const shown = clamp(size, least, Math.max(least, LARGEST / Math.max(1, k))), long = Math.max(shown, LONG);
    const isFold = mark.item?.members.length > 1;
    const [wide, tall] = isFold ? [shown, shown] : this.vertical ? [shown, long] : [long, shown];
    mark.shown = shown * k;             // on screen, against its natural size
    const byX = this.camera.k / kx, byY = this.camera.k / ky;
    mark.g.setAttribute("transform", `translate(${f(x)} ${f(y)}) scale(${f(wide * byX, 4)} ${f(tall * byY, 4)})`);
    mark.g.classList.toggle("plain", mark.shown < (isFold ? LEGIBLE.fold : LEGIBLE.score));
  }

  // Whoever is near enough reads the steps: each in as many lines as there is room for.
  writeCaptions() {
    this.captionFrame = 0;
    if (this.glide || !this.plan) return;
    this.captionsAt = this.camera;
    const { vertical, width, height, unit } = this, { kx, ky } = this.scales(), margin = CAPTION.beyond * width;
    this.captions.replaceChildren();
    const [alongScale, acrossScale] = vertical ? [ky / unit, kx / unit] : [kx / unit, ky / unit];
    const along = this.plan.scale.column * alongScale - 16;
    for (const mark of this.marks.values()) {
      if (!mark.item?.parent || mark.item.members.length > 1 || mark.item.answer !== undefined || mark.facts.hidden) continue;
      const { x: left, y: top } = this.onScreen(mark.at), half = RADIUS * mark.shown;
      if (left < -margin || left > width + margin || top < -margin || top > height + margin) continue;
      const across = mark.spot.room * acrossScale, room = vertical ? across - 2 * half - 12 : along;
      const deep = vertical ? along - 8 : across / 2 - half - CAPTION.gap + (across - 2 * half) / 2;
      const lines = Math.min(CAPTION.lines, Math.floor(deep / CAPTION.line));
      if (room < CAPTION.least || lines < 1) continue;
      const node = this.state.nodes[mark.key], isTail = node.kind === "partial";
      const written = captionText(node).split("\n").map((line) => oneLine(plainText(line), LONGEST_TIP));
      const text = wrappedLines(written, room, isTail ? TAIL : lines, CAPTION_FONT, this.measure).slice(isTail ? -lines : 0);
      if (!isTail && room < CAPTION.cut && text.at(-1).endsWith("…")) continue;
      const block = drawn("g", `caption${mark.match ? " match" : ""}`, this.captions);
      block.setAttribute("transform", `translate(${f(mark.at.x)} ${f(mark.at.y)}) scale(${f(unit / kx, 4)} ${f(unit / ky, 4)})`);
      for (const [i, line] of text.entries()) {
        const dx = vertical ? half + 7 : -this.measure.width(line, CAPTION_FONT) / 2;
        const dy = vertical ? (i - (text.length - 1) / 2) * CAPTION.line : half + CAPTION.gap + CAPTION.line * (i + 0.5);
        write(block, "", line, f(dx), f(dy));
      }
    }
  }

  showMinimap() {
    const { x, y } = this.camera, { kx, ky } = this.scales(), { width, height } = this;
    const { x0, x1, y0, y1 } = this.plan.bounds, [left, right, top, bottom] = this.vertical ? [y0, y1, x0, x1] : [x0, x1, y0, y1];
    const seen = { left: -x / kx, top: -y / ky, right: (width - x) / kx, bottom: (height - y) / ky };
    const whole = seen.left <= left + 4 && seen.right >= right - 4 && seen.top <= top + 4 && seen.bottom >= bottom - 4;
    if (whole) return this.minimap.hide();
    this.minimap.show({ left, right, top, bottom }, seen, this.plan, (pen) => {
      for (const mark of this.marks.values()) if (!mark.facts.hidden) pen(mark.to, mark.facts, mark.best);
    });
  }

  // The camera that shows the whole tree: the problem at the edge while it grows, the tree in the middle in the end.
  fitted() {
    const { x0, x1, y0, y1 } = this.plan.bounds;
    const [along, across] = this.vertical ? [this.height, this.width] : [this.width, this.height];
    const k = Math.min(this.unit, (along - 2 * MARGIN) / (x1 - x0), (across - 2 * MARGIN) / (y1 - y0));
    const start = this.over ? (along - k * (x0 + x1)) / 2 : MARGIN - k * x0, middle = (across - k * (y0 + y1)) / 2;
    return this.vertical ? { k, x: middle, y: start } : { k, x: start, y: middle };
  }

  fit() {
    this.fitting = true;
    this.draw();
  }

  zoom(factor, x = this.width / 2, y = this.height / 2, { swift = false } = {}) {
    this.fitting = false;
    const { camera } = this, k = clamp(camera.k * factor, ZOOM.least, ZOOM.most), before = this.scales(), after = this.scales(k);
    this.look({ k, x: x - (x - camera.x) * after.kx / before.kx, y: y - (y - camera.y) * after.ky / before.ky }, { swift });
  }

  pan(dx, dy) {
    this.fitting = false;
    this.look({ ...this.camera, x: this.camera.x + dx, y: this.camera.y + dy });
  }

  // Look at a place of the tree, at the same zoom.
  centre(x, y) {
    this.fitting = false;
    const { kx, ky } = this.scales();
    this.look({ k: this.camera.k, x: this.width / 2 - kx * x, y: this.height / 2 - ky * y });
  }

  onScreen({ x, y }) {
    const { kx, ky } = this.scales();
    return { x: this.camera.x + kx * x, y: this.camera.y + ky * y };
  }

  // --- picking --------------------------------------------------------------------------------------------------------

  // The node that is inspected. One that is folded away is brought out, alone.
  pick(id) {
    const shown = this.marks.get(this.shownBy.get(id));
    this.picked = id;
    if (!shown || shown.item?.members.length > 1) this.draw({ at: 1 });
    this.goTo(this.shownBy.get(id));
    this.onPick(id);
  }

  // The mark that the keys stand at.
  goTo(key) {
    this.cursor = key;
    this.paint();
    this.trace();
    const mark = this.marks.get(key);
    for (const each of this.marks.values()) this.place(each);
    this.surface.setAttribute("aria-activedescendant", mark.g.id);
    const { x, y } = this.onScreen(mark.to);
    if (!this.fitting) this.pan(clamp(x, 40, this.width - 40) - x, clamp(y, 40, this.height - 40) - y);
  }

  // Opens a fold, or closes it.
  toggle(key) {
    if (!this.opened.delete(key)) this.opened.add(key);
    this.draw();
    this.goTo(key);
  }

  // Lights the nodes that were found.
  light(ids) {
    this.matches = new Set(ids);
    this.paint();
    if (!this.glide) for (const mark of this.marks.values()) this.place(mark);
  }
}

// What a caption has of a node's text: of one that is being written, the end.
function captionText({ kind, text }) {
  if (kind !== "partial" || text.length <= TAIL) return text;
  const end = text.slice(-TAIL);
  return `…${end.slice(end.search(/\s/))}`;
}

function f(number, digits = 1) {
  return number.toFixed(digits);
}
