// A term of the glossary: shows its definition when pointed at, tapped or focused (tips.js).
import { h } from "./dom.js";

// `terms`: term -> its definition. `shown` is written, `name` looked up; text alone where there is no definition.
export function glossaryTerm(terms, shown, name = shown) {
  return terms[name] ? h("span", { class: "term", tabindex: 0, "data-tip": terms[name] }, shown) : shown;
}
