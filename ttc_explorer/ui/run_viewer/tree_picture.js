// The tree as a picture to print or to show elsewhere: light, with the question above it and below it how it was made. An SVG
// of its own: no style sheet, no script, and no letters but the reader's.
import { drawn, h, write } from "./dom.js";
import { countNoun } from "./format.js";
import { wrapped } from "./node.js";
import { bestPath, sampleCount, solutionsOf, votesBy } from "./run_state.js";
import { TreeView } from "./tree.js";

const HEAD = { text: 24, line: 31, lines: 2 }, FOOT = { text: 16, line: 24, lines: 3 }, MARGIN = 28;
const FONT = "IBM Plex Sans, Helvetica, Arial, sans-serif";
const PAINT = [
  "fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "fill-opacity", "stroke-opacity", "opacity", "paint-order",
  "font-size", "font-weight", "text-anchor", "dominant-baseline",
];
const LENGTHS = ["stroke-width", "stroke-dasharray"];

// Draws trees in one size, one after the other, out of sight: { draw(state, rule) -> an SVG element, close() }.
export function createTreePainter(width, height) {
  const room = h("div", { style: `width:${width}px;--tree-height:${height}px` });
  const aside = h("div", { class: "tree-picture", "aria-hidden": true, inert: true }, room);
  document.body.append(aside);
  const tree = new TreeView(room, "picture", { onPick() {}, onOpen() {}, whole: room });
  tree.element.classList.add("printed");
  return {
    draw(state, rule) {
      tree.resize();
      tree.update(state, bestPath(state, rule));
      tree.draw({ at: 1 });
      tree.writeCaptions();
      return framed(tree, state, rule, width, height);
    },
    close: () => aside.remove(),
  };
}

function framed(tree, state, rule, width, height) {
  const { measure } = tree, room = width - 2 * MARGIN;
  const head = wrapped(oneLineOf(state.about.problem), room, HEAD.lines, `bold ${HEAD.text}px`, measure);
  const foot = captionLines(state, rule).flatMap((text) => wrapped(text, room, FOOT.lines, `${FOOT.text}px`, measure));
  const top = MARGIN + head.length * HEAD.line, below = foot.length * FOOT.line + MARGIN, whole = top + height + below;
  const svg = drawn("svg", "", document.createDocumentFragment());
  const attributes = { xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 ${width} ${whole}`, width, height: whole, "font-family": FONT };
  for (const [name, value] of Object.entries(attributes)) svg.setAttribute(name, value);
  drawn("title", "", svg).textContent = state.about.problem;
  const ground = drawn("rect", "", svg);
  for (const [name, value] of Object.entries({ width, height: whole, fill: "#ffffff" })) ground.setAttribute(name, value);
  const line = (text, y, size, weight, fill) => {
    const element = write(svg, "", text, MARGIN, y);
    for (const [name, value] of Object.entries({ "font-size": size, "font-weight": weight, fill })) element.setAttribute(name, value);
  };
  for (const [i, text] of head.entries()) line(text, MARGIN + HEAD.text + i * HEAD.line, HEAD.text, 700, "#12161d");
  for (const [i, text] of foot.entries()) line(text, top + height + FOOT.text + i * FOOT.line, FOOT.text, 400, "#3a4350");
  const { x, y } = tree.camera, picture = drawn("g", "", svg);
  picture.setAttribute("transform", `translate(${x.toFixed(1)} ${(y + top).toFixed(1)})`);
  picture.append(painted(tree.view));
  return svg;
}

// A copy of an element that looks the same without any style sheet; null of what is not to be seen.
function painted(element) {
  const style = getComputedStyle(element);
  if (style.display === "none" || style.visibility === "hidden") return null;
  const copy = document.createElementNS(element.namespaceURI, element.localName);
  for (const name of ["d", "transform", "x", "y", "width", "height", "cx", "cy", "r", "rx", "ry"]) {
    if (element.hasAttribute(name)) copy.setAttribute(name, element.getAttribute(name));
  }
  if (element.localName !== "g") {
    const scale = style.vectorEffect === "non-scaling-stroke" ? element.getScreenCTM().a : 1;
    for (const name of PAINT) {
      const value = style.getPropertyValue(name);
      if (value) copy.setAttribute(name, LENGTHS.includes(name) ? lengthsOver(value, scale) : value);
    }
  } else if (style.opacity !== "1") copy.setAttribute("opacity", style.opacity);
  for (const child of element.childNodes) {
    const made = child.nodeType === Node.TEXT_NODE ? document.createTextNode(child.data) : painted(child);
    if (made) copy.append(made);
  }
  return copy;
}

function lengthsOver(value, scale) {
  return value.replace(/[\d.]+/g, (number) => String(Math.round(1000 * number / scale) / 1000));
}

const oneLineOf = (text) => text.split(/\s+/).filter(Boolean).join(" ");

// How the run was made, and what came of it: the lines under the picture.
export function captionLines(state, rule) {
  const { strategy, budget, seed, model, verifier, settings, touched } = state.about, [vote] = votesBy(state, rule).rows;
  const how = [`${strategy}, N = ${budget}, seed ${seed}`, verifier ? `${model}, judged by ${verifier}` : model, settings, touched];
  const lines = [how.filter(Boolean).join(" · ")], total = countNoun(sampleCount(solutionsOf(state)), "solution");
  const verdict = vote?.answer.right === true ? ", right" : vote?.answer.right === false ? ", wrong" : "";
  const chosen = vote ? `Answer by ${rule.selector}: ${vote.answer.text} (${vote.count} of ${total}${verdict})` : total;
  const cost = state.cost ? ` · ${countNoun(state.cost.generated_tokens, "token")} written` : "";
  return [...lines, `${state.status.replayed ? state.status.text : chosen}${cost} · TTC Explorer`];
}

// The picture as text of a file.
export function svgText(svg) {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(svg)}\n`;
}

// The picture on a canvas, `scale` pixels a unit.
export async function paintOn(canvas, svg, scale) {
  const address = URL.createObjectURL(new Blob([svgText(svg)], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    const pen = canvas.getContext("2d"), [wide, tall] = ["width", "height"].map((side) => scale * svg.getAttribute(side));
    pen.fillStyle = "#ffffff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(image, 0, 0, wide, tall);
  } finally {
    URL.revokeObjectURL(address);
  }
}
