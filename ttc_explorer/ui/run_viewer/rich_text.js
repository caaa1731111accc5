// What a model wrote, as nodes: mathematics is set (math_text.js), and the Markdown that foreign models write is kept: bold,
// italic, code, headings and lists. Nothing is parsed as HTML; links, pictures and tags stay the text that they are.
import { h } from "./dom.js";
import { mathText, plainMath } from "./math_text.js";

const FENCE = /^\s*```\w*\s*$/;
const HEADING = /^#{1,6}\s+(\S.*)$/;
const ITEM = /^\s*(?:(?<bullet>[-*•])|(?<number>\d{1,3})[.)])\s+(?<text>\S.*)$/;
const WORDY = /[A-Za-z]{2}|\*\*|[$\\]/;          // an item of a list, rather than a negative number or a product
const INLINE = new RegExp([
  "`(?<code>[^`\n]+)`",
  String.raw`(?<![\w*])\*\*(?=\S)(?<strong>[^*]+)(?<=\S)\*\*(?![\w*])`,
  String.raw`(?<![\w*])\*(?=\S)(?<starred>[^*\n]*[A-Za-z]{2}[^*\n]*)(?<=\S)\*(?![\w*])`,
  String.raw`(?<![\w\\])_(?=\S)(?<scored>[^_\n]*[A-Za-z]{2}[^_\n]*)(?<=\S)_(?!\w)`,
].join("|"), "g");
const MARKS = /\*\*|`|^#{1,6}\s+|\$\$?|\\[()[\]]/gm;

// The blocks of a text: { tag: "p", lines }, { tag: "h4", lines: [one] }, { tag: "ul" or "ol", lines: items },
// { tag: "pre", lines }. Pure.
export function textBlocks(text) {
  const blocks = [];
  let open = null;                      // the block that the next line may go on with
  const add = (tag, line) => {
    if (open?.tag !== tag) blocks.push(open = { tag, lines: [] });
    open.lines.push(line);
  };
  let fenced = false;
  for (const line of text.split("\n")) {
    const item = ITEM.exec(line)?.groups, heading = HEADING.exec(line);
    if (FENCE.test(line)) [fenced, open] = [!fenced, null];
    else if (fenced) add("pre", line);
    else if (!line.trim()) open = null;
    else if (heading) {
      blocks.push({ tag: "h4", lines: [heading[1]] });
      open = null;
    } else if (item && WORDY.test(item.text)) add(item.bullet ? "ul" : "ol", item.text);
    else add("p", line);
  }
  return blocks;
}

// The parts of a line: { text }, { tag: "code" | "strong" | "em", text }. Pure.
export function inlineParts(text) {
  const parts = [];
  let plain = 0;
  for (const match of text.matchAll(INLINE)) {
    const { code, strong, starred, scored } = match.groups;
    if (match.index > plain) parts.push({ text: text.slice(plain, match.index) });
    parts.push({ tag: code ? "code" : strong ? "strong" : "em", text: code ?? strong ?? starred ?? scored });
    plain = match.index + match[0].length;
  }
  if (plain < text.length) parts.push({ text: text.slice(plain) });
  return parts;
}

// One line, or what stands for one, as nodes for `append`.
export function inlineText(text) {
  return inlineParts(text).flatMap(({ tag, text: inside }) => {
    if (tag === "code") return [h("code", null, inside)];
    return tag ? [h(tag, null, inlineText(inside))] : mathText(inside);
  });
}

// The whole text as one element of a class: a paragraph if it is no more than that.
export function richText(text, name) {
  const blocks = textBlocks(text);
  if (blocks.length === 1 && blocks[0].tag === "p") return h("p", { class: name }, paragraph(blocks[0].lines));
  return h("div", { class: `${name} blocks` }, blocks.map(({ tag, lines }) => {
    if (tag === "pre") return h("pre", null, h("code", null, lines.join("\n")));
    return h(tag, null, tag === "p" || tag === "h4" ? paragraph(lines) : lines.map((line) => h("li", null, inlineText(line))));
  }));
}

function paragraph(lines) {
  return inlineText(lines.join("\n"));
}

// A text without marks, for places that have room for a line only.
export function plainText(text) {
  return plainMath(text.replace(MARKS, ""));
}
