// The whole tree in a corner, with a frame around what is in view; only there while some of it is not.
import { h } from "./dom.js";
import { clamp } from "./layout.js";
import { LOW, scoreColour } from "./score_colours.js";

const MOST = { width: 168, height: 104 };       // pixels
const MARGIN = 5;

// `onMove(x, y)` hears of the place of the tree that shall be in the middle.
export class Minimap {
  constructor(canvas, onMove) {
    this.picture = h("canvas", {});
    this.frame = h("i", {});
    this.element = h("div", { class: "minimap", "aria-hidden": "true", hidden: true }, this.picture, this.frame);
    canvas.append(this.element);
    this.drawnPlan = null;
    const move = ({ offsetX, offsetY }) => onMove(this.world.left + (offsetX - MARGIN) / this.k, this.world.top + (offsetY - MARGIN) / this.k);
    this.element.addEventListener("pointerdown", (event) => {
      this.element.setPointerCapture(event.pointerId);
      move(event);
    });
    this.element.addEventListener("pointermove", (event) => { if (event.buttons) move(event); });
  }

  hide() {
    this.element.hidden = true;
    this.drawnPlan = null;
  }

  // `world` and `seen`: { left, right, top, bottom } of the tree, and of what is in view. `plan` tells whether the picture is
  // still true; `eachMark(pen)` gives the place, the facts and whether it is on the best path, of every mark.
  show(world, seen, plan, eachMark) {
    const wide = world.right - world.left, tall = world.bottom - world.top;
    this.k = Math.min((MOST.width - 2 * MARGIN) / wide, (MOST.height - 2 * MARGIN) / tall);
    this.world = world;
    this.element.hidden = false;
    if (plan !== this.drawnPlan) this.draw(wide, tall, eachMark);
    this.drawnPlan = plan;
    const at = (value, start, size) => clamp(MARGIN + (value - start) * this.k, 0, MARGIN * 2 + size * this.k);
    const left = at(seen.left, world.left, wide), right = at(seen.right, world.left, wide);
    const top = at(seen.top, world.top, tall), bottom = at(seen.bottom, world.top, tall);
    this.frame.style.cssText = `transform:translate(${left}px,${top}px);width:${right - left}px;height:${bottom - top}px`;
  }

  draw(wide, tall, eachMark) {
    const { picture, k, world } = this, dense = devicePixelRatio;
    const width = wide * k + 2 * MARGIN, height = tall * k + 2 * MARGIN;
    Object.assign(picture, { width: width * dense, height: height * dense });
    picture.style.cssText = `width:${width}px;height:${height}px`;
    const pen = picture.getContext("2d"), ink = getComputedStyle(picture);
    pen.setTransform(dense, 0, 0, dense, MARGIN * dense, MARGIN * dense);
    eachMark(({ x, y }, { score, status }, best) => {
      const at = [(x - world.left) * k, (y - world.top) * k];
      pen.globalAlpha = status === "finished" || best ? 1 : 0.6;
      pen.fillStyle = pen.strokeStyle = score === null ? ink.color : scoreColour(score);
      pen.beginPath();
      pen.arc(...at, best ? 2.5 : 1.4, 0, 7);
      if (score !== null && score < LOW) pen.stroke();
      else pen.fill();
    });
  }
}
