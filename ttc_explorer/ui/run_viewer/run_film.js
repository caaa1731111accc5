// A replay as a film, made by the browser's own recorder: a WebM, or what the browser can write.
import { eventsAt, secondsPerRound } from "./replay_pace.js";
import { createTreePainter, paintOn } from "./tree_picture.js";

const SIZE = { width: 1280, height: 560 };
const KINDS = ["video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm", "video/mp4"];
const FRAMES = 12;                      // a second, at most
const LONGEST = 20;                     // seconds of growth; the end stands still for a while more
const STANDS = 1.5;

// What kind of film this browser can make; undefined if none.
export function filmKind() {
  return globalThis.MediaRecorder && KINDS.find((kind) => MediaRecorder.isTypeSupported(kind));
}

// The film of a recording, as a Blob. `onProgress(share)` hears how far it is.
export async function filmOf(recording, rule, onProgress) {
  const painter = createTreePainter(SIZE.width, SIZE.height), { rounds, latest, length } = recording;
  const seconds = Math.min(LONGEST, rounds.length * secondsPerRound(rounds.length));
  try {
    const first = painter.draw(latest, rule), canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = ["width", "height"].map((side) => 2 * Math.ceil(first.getAttribute(side) / 2));
    await paintOn(canvas, painter.draw(recording.frame(1), rule), 1);
    const parts = [], recorder = new MediaRecorder(canvas.captureStream(FRAMES), { mimeType: filmKind(), videoBitsPerSecond: 4_000_000 });
    recorder.addEventListener("dataavailable", ({ data }) => parts.push(data));
    const stopped = new Promise((resolve) => { recorder.addEventListener("stop", resolve); });
    recorder.start(1000);
    const began = performance.now();
    let shown = 1;
    for (;;) {
      const passed = (performance.now() - began) / 1000, over = passed >= seconds;
      const count = over ? length : eventsAt(rounds, rounds.length * passed / seconds);
      if (count !== shown || over) await paintOn(canvas, painter.draw(over ? latest : recording.frame(count), rule), 1);
      shown = count;
      onProgress(Math.min(1, passed / seconds));
      if (over) break;
      await wait(1 / FRAMES);
    }
    await wait(STANDS);
    recorder.stop();
    await stopped;
    return new Blob(parts, { type: recorder.mimeType });
  } finally {
    painter.close();
  }
}

function wait(seconds) {
  return new Promise((resolve) => { setTimeout(resolve, 1000 * seconds); });
}
