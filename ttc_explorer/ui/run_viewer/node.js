// How one node looks: colours of scores, texts that fit, the box of an answer. Nothing here knows of the whole tree.

const SCORE_COLOURS = [[179, 67, 0], [240, 140, 50], [205, 205, 200], [90, 160, 220], [11, 76, 163]];
const LABEL_FONT = "bold 14px", CAPTION_FONT = "13px";

// Orange for 0, grey for a half, blue for 1: a diverging scale that colour-blind eyes can tell apart.
function shade(score) {
  const place = clamp(score, 0, 1) * (SCORE_COLOURS.length - 1);
  const i = Math.min(Math.floor(place), SCORE_COLOURS.length - 2);
  return SCORE_COLOURS[i].map((low, channel) => Math.round(low + (SCORE_COLOURS[i + 1][channel] - low) * (place - i)));
}

// Black or white, whichever stands out more on the shade (relative luminance of WCAG 2).
function inkOn(rgb) {
  const [r, g, b] = rgb.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
}

const pen = document.createElement("canvas").getContext("2d");   // measures text without touching the page
const widths = new Map();
let family = "";
function textWidth(text, font) {
  const key = `${font} ${text}`;
  if (!widths.has(key)) {
    family ||= getComputedStyle(element).fontFamily;
    pen.font = `${font} ${family}`;
    widths.set(key, pen.measureText(text).width);
  }
  return widths.get(key);
}

function shortened(text, room, font) {
  if (textWidth(text, font) <= room) return text;
  const letters = [...text];
  while (letters.length > 1 && textWidth(`${letters.join("")}…`, font) > room) letters.pop();
  return `${letters.join("").trimEnd()}…`;
}

// The box of an answer around its dot at (0, 0): { x, y, width, height } and `parts`, the texts in it, each
// { name, text, x, y } with x its left edge. To the right of the dot, or below it in a vertical tree.
function boxed({ text, right }, count, vertical, room) {
  const texts = {
    answer: shortened(text ?? "no answer", room, LABEL_FONT),
    mark: right === true ? "✓" : right === false ? "✗" : "",
    count: count > 1 ? `×${count}` : "",
  };
  const parts = Object.entries(texts).filter(([, text]) => text)
    .map(([name, text]) => ({ name, text, wide: textWidth(text, LABEL_FONT) }));
  const inRow = (row, x, y, gap) => {
    for (const part of row) {
      Object.assign(part, { x, y });
      x += part.wide + gap;
    }
    return x - gap;
  };
  if (!vertical) return { parts, x: -14, y: -14, width: inRow(parts, 16, 0, 6) + 24, height: 28 };
  const [first, ...rest] = parts, below = rest.reduce((sum, part) => sum + part.wide + 4, -4);
  inRow([first], -first.wide / 2, 23, 0);
  inRow(rest, -below / 2, 40, 4);
  const width = Math.max(30, first.wide + 14, below + 14);
  return { parts, x: -width / 2, y: -14, width, height: rest.length ? 64 : 48 };
}

function make(tag, name, parent) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  made.setAttribute("class", name);
  parent.append(made);
  return made;
}

function write(parent, name, text, x, y) {
  const made = make("text", name, parent);
  made.setAttribute("x", x);
  made.setAttribute("y", y);
  made.textContent = text;
  return made;
}
