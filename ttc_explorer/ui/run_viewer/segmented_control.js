// A row of choices, one of them chosen.
import { h } from "./dom.js";

// `choices`: [{ name, title }]; `onChoose(name)` hears of another choice. Returns { element, show(name) }.
export function segmentedControl(label, group, choices, onChoose) {
  const options = choices.map(({ name, title }) => {
    const input = h("input", { type: "radio", name: group, value: name });
    input.addEventListener("change", () => onChoose(name));
    return { name, input, element: h("label", null, input, h("span", null, title)) };
  });
  const wrap = h("div", { class: "wrap" }, options.map(({ element }) => element));
  return {
    element: h("div", { class: "strip", role: "radiogroup", "aria-label": label }, wrap),
    show(chosen) {
      for (const { name, input, element } of options) {
        input.checked = name === chosen;
        element.classList.toggle("selected", name === chosen);
      }
    },
  };
}
