// Plays a recording: buttons, a slider over its events, and how fast. It shows the newest there is, unless somebody looks back
// or wants new runs slowed down.
import { h } from "./dom.js";
import { iconButton, showIcon } from "./icon_button.js";
import { eventsAt, positionOf, roundAfter, roundBefore, secondsPerRound } from "./replay_pace.js";

const SPEEDS = [[0.25, "¼×"], [0.5, "½×"], [1, "1×"], [2, "2×"], [4, "4×"]];
const LONGEST_TICK = 0.25;              // seconds: a page that was asleep goes on where it was

// `live`: whether runs are searched while they are shown. `onShow()` is called whenever another moment is to be drawn. Returns
// { element, update(), goTo(count), openAt(count), press(event), shown() }: update after the recording has grown; `openAt` lets
// the next run stand at so many events as soon as it has more, null for its newest; `shown` is how many events to draw, null
// for the newest state.
export function createReplayBar(recording, live, onShow) {
  let run = null, at = null, playing = false, position = 0, speed = 1, before = null;
  let opening = null, awaited = null;   // where the next run is to stand, and where this one, once it is so far
  const play = iconButton("play", "Play", () => (playing ? pause() : start()));
  const back = iconButton("roundBefore", "Round before", () => goTo(roundBefore(recording.rounds, count())));
  const on = iconButton("roundAfter", "Next round", () => goTo(roundAfter(recording.rounds, count(), recording.length)));
  const slider = h("input", { type: "range", min: 1, max: 1, step: 1, value: 1, "aria-label": "Event" });
  const label = h("span", { class: "moment" });
  const pace = h("select", { "aria-label": "Speed" }, SPEEDS.map(([value, text]) => h("option", { value, selected: value === 1 }, text)));
  const slow = h("input", { type: "checkbox" });
  const slowly = h("label", { class: "slowly", title: "Play the next runs at this speed while they are searched" }, slow, "slow new runs");
  const element = h("div", { class: "replay", role: "group", "aria-label": "Replay", hidden: true }, back, play, on, slider, label, pace, live && slowly);
  slider.addEventListener("input", () => goTo(Number(slider.value)));
  pace.addEventListener("change", () => { speed = Number(pace.value); });

  const count = () => at ?? recording.length;

  // Shows the run after so many events; at the end, whatever comes next, too.
  function goTo(events) {
    [playing, awaited] = [false, null];
    at = events >= recording.length ? null : Math.max(1, Math.round(events));
    changed();
  }

  function openAt(events) {
    opening = events;
  }

  function start() {
    if (at === null) at = 1;
    awaited = null;
    [playing, position, before] = [true, positionOf(recording.rounds, at), null];
    requestAnimationFrame(tick);
    changed();
  }

  function pause() {
    playing = false;
    changed();
  }

  function tick(now) {
    if (!playing) return;
    const { rounds, latest } = recording, passed = before === null ? 0 : Math.min(LONGEST_TICK, (now - before) / 1000);
    before = now;
    position = Math.min(rounds.length, position + passed * speed / secondsPerRound(rounds.length));
    const ended = latest.status.over && position >= rounds.length, next = ended ? null : eventsAt(rounds, position);
    playing = !ended;
    if (next !== at) {
      at = next;
      changed();
    } else if (ended) changed();
    requestAnimationFrame(tick);
  }

  function changed() {
    draw();
    onShow();
  }

  function update() {
    if (recording.latest.id !== run) {
      [run, at, playing, awaited, opening] = [recording.latest.id, null, false, opening, null];
      if (slow.checked && !recording.latest.status.over) {
        at = 1;
        start();
      }
    }
    if (awaited !== null && awaited < recording.length) [at, awaited] = [Math.max(1, awaited), null];
    draw();
  }

  function draw() {
    const { rounds, length, latest } = recording, now = count();
    element.hidden = rounds.length === 0 && !slow.checked;
    showIcon(play, playing ? "pause" : "play", playing ? "Pause" : "Play");
    slider.max = length;
    slider.value = now;
    const round = at === null ? rounds.length : rounds.filter(({ end }) => end < now).length + (now > 1);
    const text = `Round ${round} of ${rounds.length}${latest.status.over ? "" : " …"}`;
    label.textContent = text;
    label.title = `Event ${now} of ${length}`;
    slider.setAttribute("aria-valuetext", `${text}, event ${now} of ${length}`);
    back.disabled = now <= 1;
    on.disabled = at === null;
  }

  const keys = {
    p: () => (playing ? pause() : start()), ",": () => goTo(count() - 1), ".": () => goTo(count() + 1),
    "[": () => back.click(), "]": () => on.click(),
  };
  // Does what a key means anywhere in the viewer; whether it means anything.
  function press(event) {
    const act = keys[event.key];
    if (!act || element.hidden || event.ctrlKey || event.metaKey || event.altKey) return false;
    act();
    return true;
  }

  return { element, update, goTo, openAt, press, shown: () => at };
}
