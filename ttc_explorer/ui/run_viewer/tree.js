// Draws the search tree of a state, and keeps drawing it while it grows. Texts are untrusted: only ever written as text.
import { drawn, h, write } from "./dom.js";
import { oneLine } from "./format.js";
import { connectInteraction } from "./interaction.js";
import { clamp, fades, layout, RADIUS, ROW } from "./layout.js";
import { answerBox, CAPTION_FONT, createTextMeasure, shortened } from "./node.js";
import { STATUS_LABELS } from "./run_state.js";
import { inkOn, scoreColour } from "./score_colours.js";

const NARROW = 560;                     // a canvas below this width has its tree from top to bottom
const MARGIN = 16;                      // pixels around the tree
const GLIDE = 260;                      // milliseconds
const LONG = 0.2;                       // however thin a row, its nodes are at least this size along it
const LEGIBLE = 0.6;                    // the smallest size at which a score is written
const LONGEST_TIP = 200;                // characters of a step in its tip; the inspector has the whole text
const STATUS_WORDS = { ...STATUS_LABELS, finished: "end of a solution" };

const HELP = "Search tree. Arrow keys walk from step to step, Home leads to the problem, plus and minus zoom, F fits.";

function skeleton() {
  const svg = drawn("svg", "", document.createDocumentFragment());
  svg.setAttribute("role", "tree");
  svg.setAttribute("tabindex", 0);
  svg.setAttribute("aria-label", HELP);
  const view = drawn("g", "view", svg);
  view.setAttribute("role", "none");
  for (const [tag, name] of [["g", "edges"], ["path", "best-path"], ["path", "picked-path"], ["g", "nodes"]]) {
    const part = drawn(tag, name, view);
    if (name === "nodes") part.setAttribute("role", "none");
    else part.setAttribute("aria-hidden", true);
  }
  const button = (zoom, label, sign) => h("button", { type: "button", "data-zoom": zoom, "aria-label": label }, sign);
  const key = (name, ...content) => h("span", { class: `key ${name}`.trim(), hidden: ["rollout", "visits"].includes(name) }, content);
  return h("section", { class: "tree-view" },
    h("header", null,
      h("p", { class: "standing" }),
      h("div", { class: "zoom", role: "group", "aria-label": "Zoom" },
        button("in", "Zoom in", "+"), button("out", "Zoom out", "−"), button("fit", "Fit the tree", "Fit"))),
    h("div", { class: "canvas" }, svg,
      h("p", { class: "empty" }, "The search tree grows here."),
      h("div", { class: "tip", "aria-hidden": "true", hidden: true }, h("strong"), h("span", { dir: "auto" }))),
    h("footer", { "aria-hidden": "true" },
      key("", "Verifier score ", h("b", null, "0"), h("i", { class: "scale" }), h("b", null, "100")),
      key("", h("i", { class: "blank" }), "not scored"),
      key("", h("i", { class: "cut" }), "pruned"),
      key("rollout", h("i", { class: "ghost" }), "looked ahead"),
      key("visits", h("b", null, "12"), "visits"),
      key("", h("i", { class: "best" }), "best path"),
      key("", h("i", { class: "verdict right" }, "✓"), "right"),
      key("", h("i", { class: "verdict wrong" }, "✗"), "wrong")),
    h("p", { class: "announce", role: "status", "aria-live": "polite" }));
}

// The drawn tree. `update(state, best)` draws a state with its best path (ids); `onPick(id)` hears of a node that was
// clicked, or reached by keyboard.
export class TreeView {
  constructor(place, name, onPick) {
    this.element = skeleton();
    place.append(this.element);
    this.name = name;                   // unique on the page: ids of nodes start with it
    this.onPick = onPick;
    this.find = (selector) => this.element.querySelector(selector);
    this.canvas = this.find(".canvas");
    this.svg = this.find("svg");
    this.tip = this.find(".tip");
    this.stillness = matchMedia("(prefers-reduced-motion: reduce)");
    this.measure = createTextMeasure(this.element);
    [this.width, this.height, this.vertical, this.frame] = [0, 0, false, 0];
    [this.announcement, this.announceTimer] = ["", 0];
    this.camera = { k: 1, x: 0, y: 0 };
    this.forget(null);
    new ResizeObserver(() => this.resize()).observe(this.canvas);
    document.fonts.addEventListener("loadingdone", () => {      // until then texts were measured in other letters
      this.measure.forget();
      this.draw({ at: 1 });
    });
    connectInteraction(this);
  }

  forget(run) {
    [this.run, this.nodes, this.answers, this.best, this.picked] = [run, [], new Map(), new Set(), null];
    [this.subtrees, this.over] = [[], false];
    [this.plan, this.glide, this.fitting, this.labelRoom] = [null, null, true, 0];
    this.find(".edges").replaceChildren();
    this.find(".nodes").replaceChildren();
    for (const name of ["best", "picked"]) this.find(`.${name}-path`).setAttribute("d", "");
    this.svg.removeAttribute("aria-activedescendant");
    this.find(".empty").hidden = false;
    for (const key of ["rollout", "visits"]) this.find(`.key.${key}`).hidden = true;
    this.tip.hidden = true;
  }

  update(state, best) {
    if (state.id !== this.run) this.forget(state.id);
    [this.answers, this.subtrees, this.over] = [state.answers, state.subtrees, state.status.over];
    this.best = new Set(best.length ? [0, ...best] : []);
    for (const each of state.nodes) {
      const node = this.nodes[each.id] ?? this.create(each);
      // a solution that is revised ends nothing any more: its node is one on the way, and remembers its answer
      const revised = each.answer !== undefined && each.children.length > 0;
      node.status = each.kind === "rollout" ? "rollout" : each.status;
      [node.score, node.visits, node.value] = [each.score, each.visits, each.value];
      [node.answer, node.revised] = revised ? [undefined, each.answer] : [each.answer, undefined];
      if (revised && node.box) this.reopen(node);
      if (node.status === "rollout") this.find(".key.rollout").hidden = false;
      if (node.visits !== null) this.find(".key.visits").hidden = false;
    }
    if (this.find(".standing").textContent !== state.status.text) {
      this.find(".standing").textContent = state.status.text;
      this.announce(state.status.text);
    }
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

  create({ id, parent: above, text, depth, answer }) {
    const parent = above && this.nodes[above.id];
    const node = { id, parent, children: [], depth, text: oneLine(text, LONGEST_TIP) };
    parent?.children.push(node);
    this.nodes[id] = node;
    if (parent) node.edge = drawn("path", "edge", this.find(".edges"));
    const mark = node.mark = drawn("g", "node", this.find(".nodes"));
    mark.id = `${this.name}-${id}`;
    mark.dataset.id = id;
    mark.setAttribute("role", "treeitem");
    mark.setAttribute("aria-level", depth + 1);
    if (answer !== undefined) node.box = drawn("rect", "box", mark);
    node.dot = drawn("circle", "dot", mark);
    node.dot.setAttribute("r", node.box ? 11 : RADIUS);
    node.figure = drawn("text", "figure", mark);
    node.at = parent ? { ...parent.at } : { x: 0, y: 0, size: 0 };
    return node;
  }

  reopen(node) {
    node.box.remove();
    node.box = null;
    node.dot.setAttribute("r", RADIUS);
  }

  resize() {
    if (!this.canvas.clientWidth) return;       // on a page that is not in view
    const turned = this.vertical !== this.canvas.clientWidth < NARROW;
    [this.width, this.height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    if (turned) [this.vertical, this.fitting] = [!this.vertical, true];
    this.draw({ at: 1 });
  }

  // Lay out anew, repaint what changed, and glide there.
  draw({ at = 0 } = {}) {
    const { nodes, width, height, vertical } = this;
    if (!width || !nodes.length) return;
    this.find(".empty").hidden = true;
    const depth = nodes.reduce((most, node) => Math.max(most, node.depth), 1);
    this.labelRoom = vertical ? 56 : Math.round(clamp(width / (depth + 1) - 60, 72, 110));
    this.plan = layout(nodes, this.best, {
      along: (vertical ? height : width) - 2 * MARGIN, across: (vertical ? width : height) - 2 * MARGIN,
      vertical, settled: this.over, subtrees: this.subtrees, frozen: this.fitting ? null : this.plan?.scale,
      labelSize: (key, count) => this.labelSize(key, count),
    });
    for (const node of nodes) {
      const { x, y, size } = node.spot = this.plan.spots[node.id];
      node.from = node.at;
      node.to = vertical ? { x: y, y: x, size } : { x, y, size };
      this.paint(node);
    }
    this.glide = { since: null, from: this.camera, to: this.fitting ? this.fitted() : this.camera };
    if (at === 1 || this.stillness.matches || document.hidden) this.move(1);
    else this.frame ||= requestAnimationFrame((now) => this.step(now));
  }

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
    for (const node of this.nodes) {
      const { from, to } = node;
      node.moves = t === 1 || from.x !== to.x || from.y !== to.y || from.size !== to.size;
      if (!node.moves) continue;
      const x = between(from.x, to.x), y = between(from.y, to.y), size = between(from.size, to.size);
      const long = Math.max(size, LONG), [wide, tall] = this.vertical ? [size, long] : [long, size];
      node.at = { x, y, size };
      node.mark.setAttribute("transform", `translate(${f(x)} ${f(y)}) scale(${f(wide, 3)} ${f(tall, 3)})`);
    }
    for (const node of this.nodes) {
      if (node.edge && (node.moves || node.parent.moves)) node.edge.setAttribute("d", this.curve(node));
    }
    this.trace("best", this.best);
    this.trace("picked", pathTo(this.nodes[this.picked]));
    const { from, to } = this.glide;
    if (this.fitting) this.look({ k: between(from.k, to.k), x: between(from.x, to.x), y: between(from.y, to.y) });
    if (t === 1) this.glide = null;
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

  trace(name, ids) {
    const curves = [...ids].map((id) => (this.nodes[id]?.edge ? this.curve(this.nodes[id]) : ""));
    this.find(`.${name}-path`).setAttribute("d", curves.join(""));
  }

  // A group of solutions is drawn as its lead, for all its members.
  membersOf(node) { return node.spot.group?.members ?? [node.id]; }
  leadOf(node) { return this.nodes[node.spot.group?.lead ?? node.id]; }
  answerOf(node) { return this.answers.get(node.answer ?? node.revised) ?? {}; }

  scoreOf(ids) {                        // of several: the mean
    const scores = ids.map((id) => this.nodes[id].score).filter((score) => score !== null);
    return scores.length ? scores.reduce((sum, score) => sum + score, 0) / scores.length : null;
  }

  // Everything about a node but its place; touches the page only where something changed.
  paint(node) {
    const { plan, vertical } = this;
    const line = node.spot.line.toFixed(1);
    if (node.edge && node.line !== line) node.edge.style.strokeWidth = node.line = line;
    const members = this.membersOf(node), score = this.scoreOf(members), { right } = this.answerOf(node);
    const isPicked = members.includes(this.picked), hidden = this.leadOf(node) !== node;
    const names = {
      [node.status]: true, root: !node.parent, leaf: node.box, right: right === true, wrong: right === false,
      best: members.some((id) => this.best.has(id)), picked: isPicked, hidden, blank: score === null,
      revised: node.revised !== undefined,
    };
    const classes = ["node", ...Object.keys(names).filter((name) => names[name])].join(" ");
    const room = vertical ? ROW * plan.scale.sizes[0] / 2 - 24 : plan.scale.column - 14;
    const captionRoom = plan.captions && node.parent && !node.box ? room : 0;
    const labelRoom = node.box ? this.labelRoom : captionRoom;
    const looks = [classes, score, members.length, labelRoom, vertical, node.visits].join();
    if (looks === node.looks) return;
    node.looks = looks;

    node.mark.setAttribute("class", classes);
    const twin = hidden && this.leadOf(node).parent === node.parent;    // its line would cover the lead's
    node.edge?.setAttribute("class", `edge ${node.status}${twin ? " hidden" : ""}`);
    const faded = fades(node), colour = score === null ? "" : scoreColour(score);
    node.dot.style.fill = colour && faded ? `color-mix(in srgb, ${colour} 50%, var(--tt-canvas))` : colour;
    node.figure.style.fill = colour && !faded ? inkOn(score) : "";
    node.figure.textContent = !node.parent ? "Q" : score === null ? "" : Math.round(100 * score);
    for (const text of node.mark.querySelectorAll(".label, .caption, .visits")) text.remove();
    if (node.box) this.paintBox(node, members.length);
    if (node.box && names.best && !hidden) this.find(".nodes").append(node.mark);   // above whatever is near
    if (node.visits > 1 && node.parent && !node.box) write(node.mark, "visits", node.visits, 12, -17);
    if (captionRoom) {
      const caption = shortened(node.text, captionRoom, CAPTION_FONT, this.measure);
      const left = vertical ? 22 : -this.measure.width(caption, CAPTION_FONT) / 2;
      write(node.mark, "caption", caption, left, vertical ? 0 : 30);
    }
    node.mark.setAttribute("aria-label", this.describe(node).join(", "));
    node.mark.setAttribute("aria-selected", isPicked);
  }

  boxOf(key, count) {
    return answerBox(this.answers.get(key), count, this.vertical, this.labelRoom, this.measure);
  }

  labelSize(key, count) {
    const { x, y, width, height } = this.boxOf(key, count);
    return this.vertical ? { along: height + y, across: width } : { along: width + x, across: height };
  }

  paintBox(node, count) {
    const box = this.boxOf(node.answer, count);
    for (const side of ["x", "y", "width", "height"]) node.box.setAttribute(side, box[side]);
    node.box.setAttribute("rx", this.vertical ? 11 : 14);
    for (const { name, text, x, y } of box.parts) write(node.mark, `label ${name}`, text, x, y);
  }

  // What a node is, in a few words each: for the tip's first line and for screen readers.
  describe(node) {
    if (!node.parent) return ["The problem"];
    const members = this.membersOf(node), score = this.scoreOf(members), many = members.length > 1;
    const { text, right } = this.answerOf(node);
    return [
      node.parent.revised === undefined ? `Step ${node.depth}` : "Revision",
      text !== undefined && (text === null ? "no answer can be read" : `answer ${text}`),
      many && `${members.length} solutions`,
      score === null ? "not scored" : `${many ? "mean score" : "score"} ${Math.round(100 * score)}`,
      node.visits && `${node.visits} visits, value ${Math.round(100 * node.value)}`,
      typeof right === "boolean" ? (right ? "right" : "wrong") : STATUS_WORDS[node.status],
      members.some((id) => this.best.has(id)) && "on the best path",
    ].filter(Boolean);
  }

  // --- looking --------------------------------------------------------------------------------------------------------

  look(to) {
    const zoomed = to.k !== this.camera.k;
    this.camera = to;
    this.find(".view").setAttribute("transform", `translate(${f(to.x)} ${f(to.y)}) scale(${f(to.k, 4)})`);
    this.tip.hidden = true;
    if (!zoomed && !this.glide) return;
    for (const node of this.nodes) node.mark.classList.toggle("plain", node.to.size * to.k < LEGIBLE);
  }

  // The camera that shows the whole tree: the problem at the edge while it grows, the tree in the middle in the end.
  fitted() {
    const { x0, x1, y0, y1 } = this.plan.bounds;
    const [along, across] = this.vertical ? [this.height, this.width] : [this.width, this.height];
    const k = Math.min(1, (along - 2 * MARGIN) / (x1 - x0), (across - 2 * MARGIN) / (y1 - y0));
    const start = this.over ? (along - k * (x0 + x1)) / 2 : MARGIN - k * x0, middle = (across - k * (y0 + y1)) / 2;
    return this.vertical ? { k, x: middle, y: start } : { k, x: start, y: middle };
  }

  fit() {
    this.fitting = true;
    this.draw();
  }

  zoom(factor, x = this.width / 2, y = this.height / 2) {
    this.fitting = false;
    const { camera } = this, k = clamp(camera.k * factor, 0.05, 20), by = k / camera.k;
    this.look({ k, x: x - (x - camera.x) * by, y: y - (y - camera.y) * by });
  }

  pan(dx, dy) {
    this.fitting = false;
    this.look({ ...this.camera, x: this.camera.x + dx, y: this.camera.y + dy });
  }

  onScreen({ x, y }) {
    return { x: this.camera.x + this.camera.k * x, y: this.camera.y + this.camera.k * y };
  }

  // --- picking --------------------------------------------------------------------------------------------------------

  pick(id) {
    const before = this.nodes[this.picked];
    this.picked = id;
    const shown = this.leadOf(this.nodes[id]);
    if (before) this.paint(this.leadOf(before));
    this.paint(shown);
    this.trace("picked", pathTo(this.nodes[id]));
    this.svg.setAttribute("aria-activedescendant", shown.mark.id);
    const { x, y } = this.onScreen(shown.to);
    if (!this.fitting) this.pan(clamp(x, 40, this.width - 40) - x, clamp(y, 40, this.height - 40) - y);
    this.onPick(id);
  }
}

function f(number, digits = 1) {
  return number.toFixed(digits);
}

function pathTo(node) {
  return node ? [...pathTo(node.parent), node.id] : [];
}
