// Buttons with a picture for a label, drawn here so that every font has them.
import { drawn, h } from "./dom.js";

const ICONS = {                         // strokes in a square of 16
  find: "M7 2.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9M10.5 10.5l3.5 3.5",
  whole: "M2.5 6v-3.5h3.5M10 2.5h3.5v3.5M13.5 10v3.5h-3.5M6 13.5h-3.5v-3.5",
  close: "M4 4l8 8M12 4l-8 8",
  before: "M3.5 10l4.5-4.5l4.5 4.5",
  after: "M3.5 6l4.5 4.5l4.5-4.5",
  play: "M5 3l8 5l-8 5z",
  pause: "M5.5 3v10M10.5 3v10",
  roundBefore: "M4 3v10M12 3l-6 5l6 5z",
  roundAfter: "M12 3v10M4 3l6 5l-6 5z",
};

// A button that does something when pressed; `label` is read out, and shown when pointed at.
export function iconButton(name, label, onPress) {
  const svg = drawn("svg", "icon", document.createDocumentFragment());
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", true);
  drawn("path", "", svg);
  const button = h("button", { type: "button", class: `icon-button ${name}` }, svg);
  showIcon(button, name, label);
  button.addEventListener("click", onPress);
  return button;
}

// Gives a button another picture and another label.
export function showIcon(button, name, label) {
  if (button.title === label) return;
  button.querySelector("path").setAttribute("d", ICONS[name]);
  for (const attribute of ["aria-label", "title"]) button.setAttribute(attribute, label);
}
