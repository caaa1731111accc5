// Text with its arithmetic set as mathematics: x² − 7x instead of x^2-7x. LaTeX of other models is set by KaTeX where
// the page has it, and shown as it was written where not.
import { h } from "./dom.js";

const LONGEST = 2000;               // characters; nobody reads more than that as mathematics
const TOKEN = new RegExp([
  String.raw`\^(?<power>-?\d+|[A-Za-z]|\([^()]*\)|\{[^{}]*\})`,
  String.raw`(?<word>[A-Za-z]{2,}(?:['’-][A-Za-z]+)*)`,
  "(?<letter>[A-Za-z])",
  String.raw`(?<number>\d+(?:\.\d+)?)`,
  "(?<sign><=|>=|!=|[-−*×·÷+=<>≤≥≠])",
  String.raw`(?<space>\s+)`,
  "(?<other>.)",
].join("|"), "gsu");
const SIGNS = { "-": "−", "*": "×", "<=": "≤", ">=": "≥", "!=": "≠" };
const RELATIONS = new Set(["=", "<", ">", "<=", ">=", "!=", "≤", "≥", "≠"]);    // a long formula breaks before one
const VERDICTS = { ok: "ok ✓", no: "no ✗" };
const SPACED_SIGN = / *(?:[*×·÷+=<>≤≥≠]|<=|>=|!=) *|(?<=[^ ,:(]) [-−] /g;
const FORMULA = /^[-−]?(?:\d|[A-Za-z](?![A-Za-z]))/;
const WORDS = /^ [A-Za-z]{2}/;
const VERDICT = /^(?:\S+ )?(?:ok|no)$/;
const CHECK = /off \S+ (ok|no)$/;   // how the shipped models end a line that checks what they found
const SPACE = "\u00a0";             // that no line breaks at

// The pieces of a text: strings, and { tag, name, pieces } where `tag` is i, sup or b.
export function mathPieces(text) {
  if (text.length > LONGEST) return [text];
  const checked = CHECK.test(text);
  text = text.replace(SPACED_SIGN, (sign) => sign.trim());
  const pieces = [];
  let last = "";                    // the kind of the token before
  for (const match of text.matchAll(TOKEN)) {
    const kind = Object.keys(match.groups).find((name) => match.groups[name] !== undefined);
    const token = match[0], rest = text.slice(match.index + token.length);
    if (kind === "power") {
      pieces.push({ tag: "sup", pieces: mathPieces(match.groups.power.replace(/^[(){}]+|[(){}]+$/g, "")) });
    } else if (kind === "sign") {
      const leads = "-−+".includes(token) && !["number", "letter", "power", "close"].includes(last);
      const sign = SIGNS[token] ?? token;
      pieces.push(leads ? sign : `${RELATIONS.has(token) ? " " : SPACE}${sign}${SPACE}`);
    } else if (kind === "space") {
      const between = ["number", "letter", "power"].includes(last) && FORMULA.test(rest);
      pieces.push(between ? "\u2003" : checked && VERDICT.test(rest) ? SPACE : token);
    } else if (kind === "letter" && !("aAI".includes(token) && WORDS.test(rest))) {
      pieces.push({ tag: "i", pieces: [token] });
    } else if (kind === "word" && checked && !rest && VERDICTS[token]) {
      pieces.push({ tag: "b", name: token, pieces: [VERDICTS[token]] });
    } else if (token === "," && rest.trim()) {
      pieces.push(rest[0] === " " ? "," : ", ");
    } else {
      pieces.push(token);
    }
    last = token === ")" || token === "]" ? "close" : kind;
  }
  return pieces;
}

// The text as mathematics are written, without markup: for places that have room for a line only.
export function plainMath(text) {
  const flat = (piece) => (typeof piece === "string" ? piece : piece.tag === "sup" ? raised(piece.pieces.map(flat).join("")) : piece.pieces.map(flat).join(""));
  return mathPieces(text).map(flat).join("");
}

const RAISED = { 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹", "−": "⁻", n: "ⁿ" };

function raised(text) {
  const signs = [...text];
  return signs.every((sign) => RAISED[sign]) ? signs.map((sign) => RAISED[sign]).join("") : `^${text}`;
}

// The text cut where LaTeX begins and ends: [{ text }, { latex, source, display }]. A dollar sign opens only before a
// character that is no space and closes only after one, and never before a digit: prices stay prices.
export function latexParts(text) {
  const parts = [];
  let plain = 0;
  const take = (start, end, latex, display) => {
    if (start > plain) parts.push({ text: text.slice(plain, start) });
    parts.push({ latex, source: text.slice(start, end), display });
    plain = end;
  };
  const DELIMITED =
    /\\\((?<inline>.+?)\\\)|\\\[(?<block>.+?)\\\]|\$\$(?<wide>.+?)\$\$|\$(?<dollar>[^\s$](?:[^$\n]*[^\s$])?)\$(?!\d)|\\[A-Za-z]+/gs;
  for (let match; (match = DELIMITED.exec(text));) {
    const { inline, block, wide, dollar } = match.groups;
    const inside = inline ?? block ?? wide ?? dollar;
    if (inside !== undefined) {
      take(match.index, DELIMITED.lastIndex, inside, block !== undefined || wide !== undefined);
    } else {
      const end = commandEnd(text, DELIMITED.lastIndex);
      take(match.index, end, text.slice(match.index, end), false);
      DELIMITED.lastIndex = end;
    }
  }
  if (plain < text.length) parts.push({ text: text.slice(plain) });
  return parts;
}

// Where a bare command such as \frac{1}{2} ends: after the groups in braces that follow its name.
function commandEnd(text, end) {
  while (text[end] === "{") {
    let depth = 0, at = end;
    do depth += { "{": 1, "}": -1 }[text[at++]] ?? 0; while (depth && at < text.length);
    if (depth) return end;
    end = at;
  }
  return end;
}

// The text as nodes for `append`.
export function mathText(text) {
  if (text.length > LONGEST || !/[\\$]/.test(text)) {
    return text.split("\n").flatMap((line, i) => [...(i ? ["\n"] : []), ...mathPieces(line).map(nodeOf)]);
  }
  return latexParts(text).flatMap((part) => (part.latex === undefined ? mathPieces(part.text).map(nodeOf) : latex(part)));
}

function nodeOf(piece) {
  if (typeof piece === "string") return document.createTextNode(piece);
  return h(piece.tag, { class: piece.name }, piece.pieces.map(nodeOf));
}

let katex = null;                   // gives a promise of the library; null where the page does not have it

// Take KaTeX from addresses beside the page, once some text needs it.
export function useKatex({ script, style }) {
  const address = (path) => new URL(path, document.baseURI).href;
  katex = () => {
    document.head.append(h("link", { rel: "stylesheet", href: address(style) }));
    const library = import(address(script)).then((module) => module.default);
    katex = () => library;
    return library;
  };
}

function latex({ latex: formula, source, display }) {
  const place = h("span", { class: "latex" }, source);
  katex?.().then((library) => library.render(formula, place, {
    displayMode: display, throwOnError: false, trust: false, maxSize: 20, maxExpand: 200, strict: "ignore",
  })).catch(() => { place.textContent = source; });
  return place;
}
