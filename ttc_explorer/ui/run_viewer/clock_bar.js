// Plays recordings side by side on one clock.
import { h } from "./dom.js";
import { grouped } from "./format.js";
import { iconButton, showIcon } from "./icon_button.js";
import { segmentedControl } from "./segmented_control.js";
import { CLOCKS, eventsAtTime, longestTime, roundTimes } from "./shared_clock.js";

const WHOLE = 14;                       // seconds that the longest takes
const STEPS = 1000;                     // of the slider

// `recordings()` are those to play; `onShow()` hears that another time is to be drawn. Returns { element, update(over),
// shown(recording) }: how many events of one to draw, null for all.
export function createClockBar(name, recordings, onShow) {
  let clock = "tokens", value = null, playing = false, before = null;      // value null: the end
  const play = iconButton("play", "Play side by side", () => (playing ? pause() : start()));
  const slider = h("input", { type: "range", min: 0, max: STEPS, step: 1, value: STEPS, "aria-label": "Time of the clock" });
  const label = h("span", { class: "moment" });
  const units = segmentedControl("Clock", `${name}-clock`, Object.keys(CLOCKS).map((unit) => ({ name: unit, title: unit })), (unit) => {
    [clock, value, playing] = [unit, null, false];
    changed();
  });
  const element = h("div", { class: "replay clock", role: "group", "aria-label": "Replay side by side", hidden: true },
    play, slider, label, units.element);
  const longest = () => longestTime(recordings(), clock);
  slider.addEventListener("input", () => {
    playing = false;
    value = Number(slider.value) >= STEPS ? null : longest() * Number(slider.value) / STEPS;
    changed();
  });

  function start() {
    [value, playing, before] = [value ?? 0, true, null];
    requestAnimationFrame(tick);
    changed();
  }

  function pause() {
    playing = false;
    changed();
  }

  function tick(now) {
    if (!playing) return;
    const whole = longest(), passed = before === null ? 0 : Math.min(0.25, (now - before) / 1000), seen = places();
    [before, value] = [now, value + whole * passed / WHOLE];
    if (value >= whole) [value, playing] = [null, false];
    if (places() === seen && playing) draw();
    else changed();
    requestAnimationFrame(tick);
  }

  const places = () => recordings().map(shown).join();

  function changed() {
    draw();
    onShow();
  }

  function draw() {
    const whole = longest(), now = value ?? whole, figure = (amount) => (clock === "tokens" ? grouped(amount) : amount.toFixed(1));
    showIcon(play, playing ? "pause" : "play", playing ? "Pause" : "Play side by side");
    slider.value = whole ? STEPS * now / whole : STEPS;
    label.textContent = `${figure(now)} of ${figure(whole)} ${CLOCKS[clock]}`;
    slider.setAttribute("aria-valuetext", label.textContent);
    units.show(clock);
  }

  function shown(recording) {
    return value === null ? null : eventsAtTime(roundTimes(recording, clock), value);
  }

  // Only runs that are over are played; `over` says whether all are.
  function update(over) {
    element.hidden = !over || !longest();
    if (!over) [value, playing] = [null, false];
    draw();
  }

  return { element, update, shown };
}
