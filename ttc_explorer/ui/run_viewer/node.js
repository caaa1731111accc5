// How one node of the tree looks: texts that fit, the box of an answer. Nothing here knows of the whole tree.

const LABEL_FONT = "bold 14px", FOLD_FONT = "bold 12px";
export const CAPTION_FONT = "12.5px";

// Measures texts in the letters of an element without touching the page: { width(text, font), forget() }.
export function createTextMeasure(element) {
  const pen = document.createElement("canvas").getContext("2d");
  const widths = new Map();
  let family = "";
  return {
    width(text, font) {
      const key = `${font} ${text}`;
      if (!widths.has(key)) {
        family ||= getComputedStyle(element).fontFamily;
        pen.font = `${font} ${family}`;
        widths.set(key, pen.measureText(text).width);
      }
      return widths.get(key);
    },
    forget() {                        // once other letters are here
      widths.clear();
      family = "";
    },
  };
}

// The text, cut with an ellipsis where it is wider than the room.
export function shortened(text, room, font, measure) {
  if (measure.width(text, font) <= room) return text;
  const letters = [...text];
  while (letters.length > 1 && measure.width(`${letters.join("")}…`, font) > room) letters.pop();
  return `${letters.join("").trimEnd()}…`;
}

// The text in lines that fit the room, at most so many; the last one is cut if there is more.
export function wrapped(text, room, lines, font, measure) {
  const rest = text.split(" "), made = [];
  while (rest.length && made.length < lines - 1) {
    let line = rest.shift();
    while (rest.length && measure.width(`${line} ${rest[0]}`, font) <= room) line += ` ${rest.shift()}`;
    made.push(shortened(line, room, font, measure));
  }
  return rest.length ? [...made, shortened(rest.join(" "), room, font, measure)] : made;
}

// Several texts, each from a line of its own; what there is no room for is cut with an ellipsis.
export function wrappedLines(texts, room, lines, font, measure) {
  const shown = texts.slice(0, lines), last = shown.pop();
  const rest = texts.length > lines ? `${last} …` : last;
  return [...shown.map((text) => shortened(text, room, font, measure)), ...wrapped(rest, room, lines - shown.length, font, measure)];
}

// The pill of a fold around its number, in the middle of (0, 0).
export function foldBox(text, measure) {
  const width = measure.width(text, FOLD_FONT) + 14;
  return { x: -width / 2, y: -9, width, height: 18 };
}

// The box of an answer around its dot at (0, 0): { x, y, width, height } and `parts`, the texts in it, each
// { name, text, x, y } with x its left edge. To the right of the dot, or below it in a vertical tree.
export function answerBox({ text, right }, count, vertical, room, measure) {
  const texts = {
    answer: shortened(text ?? "no answer", room, LABEL_FONT, measure),
    mark: right === true ? "✓" : right === false ? "✗" : "",
    count: count > 1 ? `×${count}` : "",
  };
  const parts = Object.entries(texts).filter(([, shown]) => shown)
    .map(([name, shown]) => ({ name, text: shown, wide: measure.width(shown, LABEL_FONT) }));
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
