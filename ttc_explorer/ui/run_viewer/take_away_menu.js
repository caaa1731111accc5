// One menu for all that can be taken away of a run.
import { delimited } from "./delimited_text.js";
import { h } from "./dom.js";
import { filmKind, filmOf } from "./run_film.js";
import { saveFile, saveText } from "./save_file.js";
import { SOLUTION_HEADS, solutionRows } from "./solutions_table.js";
import { createTreePainter, paintOn, svgText } from "./tree_picture.js";

const PICTURE = { width: 1600, height: 820, scale: 2 };

// `recording` of the run, `shown()` -> { state, rule } that are on screen. `onTake(what)` asks a server for "trace" or "page";
// null where there is none. Returns the element.
export function createTakeAwayMenu(recording, shown, onTake) {
  const said = h("output", { class: "said", "aria-live": "polite" });
  const kind = filmKind();
  const entries = [
    onTake && ["Trace", ".json", "to load here again", () => onTake("trace")],
    onTake && ["Page", ".html", "tree, inspector and replay, offline", () => onTake("page")],
    ["Solutions", ".csv", "a row a solution", takeSolutions],
    ["Picture", ".svg", "to print, sharp at any size", () => takePicture(false)],
    ["Picture", ".png", "for slides", () => takePicture(true)],
    ["Film", kind?.includes("mp4") ? ".mp4" : ".webm", kind ? "the replay" : "this browser makes no films", kind && takeFilm],
  ];
  const menu = h("div", { class: "menu", role: "menu", "aria-label": "Take away", hidden: true }, entries.filter(Boolean).map((entry) => item(...entry)));
  const button = h("button", { type: "button", "aria-haspopup": "menu", "aria-expanded": false }, "Take away");
  const element = h("div", { class: "take-away" }, button, menu, said);
  const items = [...menu.children];

  function item(title, ending, note, act) {
    const made = h("button", { type: "button", role: "menuitem", tabindex: -1, disabled: !act }, h("b", null, `${title} `, h("code", null, ending)), h("span", null, note));
    made.addEventListener("click", async () => {
      open(false);
      button.focus();
      try {
        await act();
      } catch (error) {
        said.textContent = `This could not be made: ${error.message || error.name}.`;
      }
    });
    return made;
  }

  function open(opened) {
    menu.hidden = !opened;
    button.setAttribute("aria-expanded", opened);
    said.textContent = "";
    if (opened) items.find((each) => !each.disabled).focus();
  }

  button.addEventListener("click", () => open(menu.hidden));
  element.addEventListener("focusout", ({ relatedTarget }) => {
    if (!element.contains(relatedTarget)) menu.hidden = true;
  });
  menu.addEventListener("keydown", (event) => {
    const able = items.filter((each) => !each.disabled), place = able.indexOf(document.activeElement);
    const to = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: -1 }[event.key];
    if (event.key === "Escape") {
      open(false);
      button.focus();
    } else if (to !== undefined) able.at(to % able.length).focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  function takeSolutions() {
    const { rule } = shown();
    saveText(delimited(SOLUTION_HEADS, solutionRows(recording.latest, rule), ","), "ttc-solutions.csv", "text/csv");
  }

  async function takePicture(pixels) {
    const { state, rule } = shown(), painter = createTreePainter(PICTURE.width, PICTURE.height);
    try {
      const svg = painter.draw(state, rule);
      if (!pixels) return saveText(svgText(svg), "ttc-tree.svg", "image/svg+xml");
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = ["width", "height"].map((side) => PICTURE.scale * svg.getAttribute(side));
      await paintOn(canvas, svg, PICTURE.scale);
      return await new Promise((resolve) => {
        canvas.toBlob((blob) => resolve(saveFile(blob, "ttc-tree.png")), "image/png");
      });
    } finally {
      painter.close();
    }
  }

  async function takeFilm() {
    const film = await filmOf(recording, shown().rule, (share) => { said.textContent = `Filming ${Math.round(100 * share)} %`; });
    said.textContent = "";
    saveFile(film, film.type.includes("mp4") ? "ttc-run.mp4" : "ttc-run.webm");
  }

  return element;
}
