// The texts of lessons as nodes: bold, italic, code and terms of the glossary; never as HTML.
import { h } from "../run_viewer/dom.js";
import { glossaryTerm } from "../run_viewer/glossary_term.js";

const INLINE = /\*\*(?<strong>[^*]+)\*\*|\*(?<em>[^*]+)\*|`(?<code>[^`]+)`|\[\[(?<shown>[^\]|]+)(?:\|(?<term>[^\]]+))?\]\]/g;

// The parts of a text: { text }, { tag, text } or { term, text }. Pure.
export function textParts(text) {
  const parts = [];
  let plain = 0;
  for (const match of text.matchAll(INLINE)) {
    const { strong, em, code, shown, term } = match.groups;
    if (match.index > plain) parts.push({ text: text.slice(plain, match.index) });
    if (shown) parts.push({ term: term ?? shown, text: shown });
    else parts.push({ tag: strong ? "strong" : em ? "em" : "code", text: strong ?? em ?? code });
    plain = match.index + match[0].length;
  }
  if (plain < text.length) parts.push({ text: text.slice(plain) });
  return parts;
}

export function textNodes(text, terms) {
  return textParts(text).map(({ tag, term, text: inside }) => {
    if (term) return glossaryTerm(terms, inside, term);
    return tag ? h(tag, null, inside) : inside;
  });
}
