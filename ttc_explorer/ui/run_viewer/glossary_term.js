// A term of the glossary: shows its definition when pointed at or focused (tips.js), and opens its entry there when it is
// pressed (glossary_window.js).
import { h } from "./dom.js";

// `terms`: term -> its definition. `shown` is written, `name` looked up; text alone where there is no definition.
export function glossaryTerm(terms, shown, name = shown) {
  if (!terms[name]) return shown;
  return h("span", { class: "term", role: "button", tabindex: 0, "data-term": name, "data-tip": terms[name] }, shown);
}
