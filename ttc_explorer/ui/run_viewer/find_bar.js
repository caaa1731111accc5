// A field to find steps and answers in the tree: what is found is lit, Enter goes from one to the next, Escape closes.
import { h } from "./dom.js";
import { iconButton } from "./icon_button.js";
import { findNodes } from "./tree_search.js";

export class FindBar {
  constructor(tree) {
    this.tree = tree;
    [this.found, this.at] = [[], -1];
    this.field = h("input", { type: "search", "aria-label": "Find in the tree", placeholder: "a step or an answer", autocomplete: "off" });
    this.count = h("output", {});
    const before = iconButton("before", "Previous", () => this.go(-1)), after = iconButton("after", "Next", () => this.go(1));
    this.element = h("div", { class: "find-bar", role: "search", hidden: true },
      this.field, this.count, before, after, iconButton("close", "Close", () => this.close()));
    tree.canvas.append(this.element);
    this.field.addEventListener("input", () => {
      this.at = -1;
      this.refresh();
    });
    this.element.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Escape") this.close();
      else if (event.key === "Enter" && event.target === this.field) this.go(event.shiftKey ? -1 : 1);
      else return;
      event.preventDefault();
    });
  }

  open() {
    this.element.hidden = false;
    this.field.focus();
    this.field.select();
    this.refresh();
  }

  close() {
    this.element.hidden = true;
    this.refresh();
    this.tree.surface.focus();
  }

  // Finds anew: the words are others, or the tree has grown.
  refresh() {
    this.found = this.element.hidden || !this.tree.state ? [] : findNodes(this.tree.state, this.field.value);
    this.tree.light(this.found);
    this.tell();
  }

  tell() {
    const { found, at } = this;
    this.count.textContent = !this.field.value.trim() ? "" : !found.length ? "none" : at < 0 ? `${found.length}` : `${at + 1} of ${found.length}`;
  }

  go(way) {
    if (!this.found.length) return;
    this.at = this.at < 0 && way < 0 ? this.found.length - 1 : (this.at + way + this.found.length) % this.found.length;
    this.tree.pick(this.found[this.at]);
    this.tell();
  }
}
