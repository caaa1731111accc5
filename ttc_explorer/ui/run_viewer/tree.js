// Draws the tree that the lines of `value` describe (tree_stream.py), and keeps drawing it while it grows. layout.js and
// node.js stand before this file, interaction.js after it, in one scope. Texts are untrusted: only ever written with
// textContent.

const find = (selector) => element.querySelector(selector);
const canvas = find(".canvas"), svg = find("svg"), tip = find(".tip");
const edgesAt = find(".edges"), nodesAt = find(".nodes");
const stillness = matchMedia("(prefers-reduced-motion: reduce)");

const NARROW = 560;                     // a canvas below this width has its tree from top to bottom
const MARGIN = 16, NEAR = 14;           // pixels around the tree; how near a pointer must come to a node
const GLIDE = 260;                      // milliseconds
const LONG = 0.2;                       // however thin a row, its nodes are at least this size along it
const LEGIBLE = 0.6;                    // the smallest size at which a score is written
const STATUS_WORDS = {
  open: "not judged yet", kept: "kept", pruned: "pruned", finished: "end of a solution", rollout: "looked ahead",
};

let runLine, read;                         // the run's first line, and how much of the string has been read
let nodes, answers, best, picked, over; // the tree
let subtrees;                           // the sizes of those that the problem's children make, if they do
let width = 0, height = 0, vertical = false;
let plan, labelRoom = 0;                // the latest layout, and the longest answer text in it
let camera = { k: 1, x: 0, y: 0 }, fitting;
let glide, frame = 0;                   // the movement in progress: { since, from, to } of the camera

// --- reading the stream -----------------------------------------------------------------------------------------------

function forget() {
  [runLine, read, nodes, answers, best, picked, over] = ["", 0, [], new Map(), new Set(), null, false];
  subtrees = [];
  [plan, glide, fitting] = [null, null, true];
  edgesAt.replaceChildren();
  nodesAt.replaceChildren();
  for (const name of ["best", "picked"]) find(`.${name}-path`).setAttribute("d", "");
  svg.removeAttribute("aria-activedescendant");
  find(".standing").textContent = "";
  find(".empty").hidden = false;
  for (const key of ["rollout", "visits"]) find(`.key.${key}`).hidden = true;
  tip.hidden = true;
}

const LINES = {
  run() {},
  answer(key, text, right) { answers.set(key, { text, right }); },
  add(id, parentId, status, text, answer) {
    const parent = nodes[parentId] ?? null;
    const node = { id, parent, status, text, answer, children: [], depth: parent ? parent.depth + 1 : 0, score: null };
    parent?.children.push(node);
    nodes[id] = node;
    if (parent?.box) reopen(parent);
    create(node);
    if (status === "rollout") find(".key.rollout").hidden = false;
  },
  value(id, visits, value) {
    Object.assign(nodes[id], { visits, value });
    find(".key.visits").hidden = false;
  },
  subtrees(sizes) { subtrees = sizes; },
  score(id, score) { nodes[id].score = score; },
  mark(id, status) { nodes[id].status = status; },
  best(ids) { best = new Set(ids.length ? [0, ...ids] : []); },
  say(text, isOver) {
    over = isOver;
    find(".standing").textContent = text;
    announce(text);
  },
};

function sync() {
  const value = props.value || "";
  const run = value.slice(0, value.indexOf("\n") + 1);
  if (run !== runLine || value.length < read) {
    forget();
    runLine = run;
  }
  for (const line of value.slice(read).split("\n")) {
    if (!line) continue;
    const [kind, ...fields] = JSON.parse(line);
    LINES[kind](...fields);
  }
  read = value.length;
  draw();
}

let announcement = "", announceTimer = 0;
function announce(text) {               // to screen readers, but not ten times a second
  announcement = text;
  announceTimer ||= setTimeout(() => { announceTimer = 0; find(".announce").textContent = announcement; }, over ? 200 : 3000);
}

// --- drawing ----------------------------------------------------------------------------------------------------

function create(node) {
  if (node.parent) node.edge = make("path", "edge", edgesAt);
  const mark = node.mark = make("g", "node", nodesAt);
  mark.id = `${element.id}-${node.id}`;
  mark.dataset.id = node.id;
  mark.setAttribute("role", "treeitem");
  mark.setAttribute("aria-level", node.depth + 1);
  if (node.answer !== undefined) node.box = make("rect", "box", mark);
  node.dot = make("circle", "dot", mark);
  node.dot.setAttribute("r", node.box ? 11 : RADIUS);
  node.figure = make("text", "figure", mark);
  node.at = node.parent ? { ...node.parent.at } : { x: 0, y: 0, size: 0 };
}

// A solution that is revised ends nothing any more: its node is one on the way, and remembers its answer.
function reopen(node) {
  [node.revised, node.answer] = [node.answer, undefined];
  node.box.remove();
  node.box = null;
  node.dot.setAttribute("r", RADIUS);
}

// Lay out anew, repaint what changed, and glide there.
function draw({ at = 0 } = {}) {
  if (!width || !nodes.length) return;
  find(".empty").hidden = true;
  const depth = Math.max(1, ...nodes.map((node) => node.depth));
  labelRoom = vertical ? 56 : Math.round(clamp(width / (depth + 1) - 60, 72, 110));
  plan = layout(nodes, best, {
    along: (vertical ? height : width) - 2 * MARGIN, across: (vertical ? width : height) - 2 * MARGIN,
    vertical, settled: over, subtrees, labelSize, frozen: fitting ? null : plan?.scale,
  });
  for (const node of nodes) {
    const { x, y, size } = node.spot = plan.spots[node.id];
    node.from = node.at;
    node.to = vertical ? { x: y, y: x, size } : { x, y, size };
    paint(node);
  }
  glide = { since: null, from: camera, to: fitting ? fitted() : camera };
  if (at === 1 || stillness.matches || document.hidden) move(1);
  else frame ||= requestAnimationFrame(step);
}

function step(now) {
  frame = 0;
  if (!glide) return;
  glide.since ??= now;
  const t = Math.min(1, (now - glide.since) / GLIDE);
  move(1 - (1 - t) ** 3);
  if (t < 1) frame = requestAnimationFrame(step);
}

function move(t) {                      // to where everything is at a share t of the way
  const between = (from, to) => from + (to - from) * t;
  for (const node of nodes) {
    const { from, to } = node;
    node.moves = t === 1 || from.x !== to.x || from.y !== to.y || from.size !== to.size;
    if (!node.moves) continue;
    const x = between(from.x, to.x), y = between(from.y, to.y), size = between(from.size, to.size);
    const long = Math.max(size, LONG), [wide, tall] = vertical ? [size, long] : [long, size];
    node.at = { x, y, size };
    node.mark.setAttribute("transform", `translate(${f(x)} ${f(y)}) scale(${f(wide, 3)} ${f(tall, 3)})`);
  }
  for (const node of nodes) {
    if (node.edge && (node.moves || node.parent.moves)) node.edge.setAttribute("d", curve(node));
  }
  trace("best", best);
  trace("picked", pathTo(nodes[picked]));
  const { from, to } = glide;
  if (fitting) look({ k: between(from.k, to.k), x: between(from.x, to.x), y: between(from.y, to.y) });
  if (t === 1) glide = null;
}

// From the parent straight on to the column before, then in a curve to the node.
function curve({ parent: { at: a }, at: b }) {
  const reach = plan.scale.column;
  if (vertical) {
    const y = Math.max(a.y, b.y - reach), half = f((y + b.y) / 2);
    return `M${f(a.x)} ${f(a.y)}V${f(y)}C${f(a.x)} ${half} ${f(b.x)} ${half} ${f(b.x)} ${f(b.y)}`;
  }
  const x = Math.max(a.x, b.x - reach), half = f((x + b.x) / 2);
  return `M${f(a.x)} ${f(a.y)}H${f(x)}C${half} ${f(a.y)} ${half} ${f(b.y)} ${f(b.x)} ${f(b.y)}`;
}

function f(number, digits = 1) {
  return number.toFixed(digits);
}

function trace(name, ids) {
  find(`.${name}-path`).setAttribute("d", [...ids].map((id) => (nodes[id]?.edge ? curve(nodes[id]) : "")).join(""));
}

function pathTo(node) {
  return node ? [...pathTo(node.parent), node.id] : [];
}

// A group of solutions is drawn as its lead, for all its members.
const membersOf = (node) => node.spot.group?.members ?? [node.id];
const answerOf = (node) => answers.get(node.answer ?? node.revised) ?? {};
const leadOf = (node) => nodes[node.spot.group?.lead ?? node.id];

function scoreOf(ids) {                 // of several: the mean
  const scores = ids.map((id) => nodes[id].score).filter((score) => score !== null);
  return scores.length ? scores.reduce((sum, score) => sum + score, 0) / scores.length : null;
}

// Everything about a node but its place; touches the page only where something changed.
function paint(node) {
  const line = node.spot.line.toFixed(1);
  if (node.edge && node.line !== line) node.edge.style.strokeWidth = node.line = line;
  const members = membersOf(node), score = scoreOf(members), { right } = answerOf(node);
  const isPicked = members.includes(picked), hidden = leadOf(node) !== node;
  const names = {
    [node.status]: true, root: !node.parent, leaf: node.box, right: right === true, wrong: right === false,
    best: members.some((id) => best.has(id)), picked: isPicked, hidden, blank: score === null,
    revised: node.revised !== undefined,
  };
  const classes = ["node", ...Object.keys(names).filter((name) => names[name])].join(" ");
  const room = vertical ? ROW * plan.scale.sizes[0] / 2 - 24 : plan.scale.column - 14;
  const captionRoom = plan.captions && node.parent && !node.box ? room : 0;
  const looks = [classes, score, members.length, node.box ? labelRoom : captionRoom, vertical, node.visits].join();
  if (looks === node.looks) return;
  node.looks = looks;

  node.mark.setAttribute("class", classes);
  const twin = hidden && leadOf(node).parent === node.parent;      // its line would cover the lead's
  node.edge?.setAttribute("class", `edge ${node.status}${twin ? " hidden" : ""}`);
  const faded = fades(node), colour = score === null ? "" : `rgb(${shade(score)})`;
  node.dot.style.fill = colour && faded ? `color-mix(in srgb, ${colour} 50%, var(--tt-canvas))` : colour;
  node.figure.style.fill = colour && !faded ? inkOn(shade(score)) : "";
  node.figure.textContent = !node.parent ? "Q" : score === null ? "" : Math.round(100 * score);
  for (const text of node.mark.querySelectorAll(".label, .caption, .visits")) text.remove();
  if (node.box) paintBox(node, members.length);
  if (node.box && names.best && !hidden) nodesAt.append(node.mark);      // above whatever is near
  if (node.visits > 1 && node.parent && !node.box) write(node.mark, "visits", node.visits, 12, -17);
  if (captionRoom) {
    const caption = shortened(node.text, captionRoom, CAPTION_FONT);
    write(node.mark, "caption", caption, vertical ? 22 : -textWidth(caption, CAPTION_FONT) / 2, vertical ? 0 : 30);
  }
  node.mark.setAttribute("aria-label", described(node).join(", "));
  node.mark.setAttribute("aria-selected", isPicked);
}

function boxOf(key, count) {
  return boxed(answers.get(key), count, vertical, labelRoom);
}

function labelSize(key, count) {
  const { x, y, width, height } = boxOf(key, count);
  return vertical ? { along: height + y, across: width } : { along: width + x, across: height };
}

function paintBox(node, count) {
  const box = boxOf(node.answer, count);
  for (const side of ["x", "y", "width", "height"]) node.box.setAttribute(side, box[side]);
  node.box.setAttribute("rx", vertical ? 11 : 14);
  for (const { name, text, x, y } of box.parts) write(node.mark, `label ${name}`, text, x, y);
}

// What a node is, in a few words each: for the tooltip's first line and for screen readers.
function described(node) {
  if (!node.parent) return ["The problem"];
  const members = membersOf(node), score = scoreOf(members), many = members.length > 1;
  const { text, right } = answerOf(node);
  return [
    node.parent.revised === undefined ? `Step ${node.depth}` : "Revision",
    text !== undefined && (text === null ? "no answer can be read" : `answer ${text}`),
    many && `${members.length} solutions`,
    score === null ? "not scored" : `${many ? "mean score" : "score"} ${Math.round(100 * score)}`,
    node.visits && `${node.visits} visits, value ${Math.round(100 * node.value)}`,
    typeof right === "boolean" ? (right ? "right" : "wrong") : STATUS_WORDS[node.status],
    members.some((id) => best.has(id)) && "on the best path",
  ].filter(Boolean);
}

// --- looking ----------------------------------------------------------------------------------------------------

function look(to) {
  const zoomed = to.k !== camera.k;
  camera = to;
  find(".view").setAttribute("transform", `translate(${f(to.x)} ${f(to.y)}) scale(${f(to.k, 4)})`);
  tip.hidden = true;
  if (!zoomed && !glide) return;
  for (const node of nodes) node.mark.classList.toggle("plain", node.to.size * to.k < LEGIBLE);
}

// The camera that shows the whole tree: the problem at the edge while it grows, the tree in the middle in the end.
function fitted() {
  const { x0, x1, y0, y1 } = plan.bounds;
  const [along, across] = vertical ? [height, width] : [width, height];
  const k = Math.min(1, (along - 2 * MARGIN) / (x1 - x0), (across - 2 * MARGIN) / (y1 - y0));
  const start = over ? (along - k * (x0 + x1)) / 2 : MARGIN - k * x0, middle = (across - k * (y0 + y1)) / 2;
  return vertical ? { k, x: middle, y: start } : { k, x: start, y: middle };
}

function fit() {
  fitting = true;
  draw();
}

function zoom(factor, x = width / 2, y = height / 2) {
  fitting = false;
  const k = clamp(camera.k * factor, 0.05, 20), by = k / camera.k;
  look({ k, x: x - (x - camera.x) * by, y: y - (y - camera.y) * by });
}

function pan(dx, dy) {
  fitting = false;
  look({ ...camera, x: camera.x + dx, y: camera.y + dy });
}

const onScreen = ({ x, y }) => ({ x: camera.x + camera.k * x, y: camera.y + camera.k * y });

// --- start ------------------------------------------------------------------------------------------------------

forget();
new ResizeObserver(() => {
  if (!canvas.clientWidth) return;      // on a page that is not in view
  const turned = vertical !== canvas.clientWidth < NARROW;
  [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (turned) [vertical, fitting] = [!vertical, true];
  draw({ at: 1 });
}).observe(canvas);
document.fonts.ready.then(() => {
  widths.clear();
  draw({ at: 1 });
});
watch("value", sync);
sync();
