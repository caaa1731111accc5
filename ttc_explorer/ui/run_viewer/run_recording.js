// A run as it was told (stream.py), so that it can be shown as it stood after any of its events. Pure: no page, no clock.
import { sentenceOf } from "./narration.js";
import { emptyState, EVENTS, withLine } from "./run_state.js";

const NOTHING_YET = "Only the question so far.";

// Reads a string that only grows; another run is read from its start.
//   read(text)    takes all of it in
//   latest        the state at its end
//   length        how many events it has, the question's own included
//   rounds        [{ number, clause (narration.js), end (how many events there are when it is over) }], those that are over
//   frame(count)  the state after so many events. What is known of votes and cost is as of the last round that was over
//                 by then; `status.text` tells the round that the last event belongs to
export function createRecording() {
  let latest, lines, ends, rounds, firstLine = "", seen = 0, frame = null;

  function forget() {
    [latest, lines, ends, rounds, frame] = [emptyState(), [], [], [], null];
  }
  forget();

  function take(text) {
    latest = withLine(latest, text);
    const [kind, ...fields] = JSON.parse(text);
    if (kind === "round") {
      const [number, clause, changes] = fields;
      rounds.push({ number, clause, end: ends.length, changes });
    } else if (EVENTS.has(kind)) {
      lines.push(text);
      ends.push(lines.length);
    }
  }

  return {
    read(text) {
      const first = text.slice(0, text.indexOf("\n") + 1);
      if (first !== firstLine || text.length < seen) {
        forget();
        [firstLine, seen] = [first, 0];
      }
      text.slice(seen).split("\n").filter(Boolean).forEach(take);
      seen = text.length;
    },
    get latest() { return latest; },
    get length() { return ends.length; },
    get rounds() { return rounds; },
    frame(count) {
      if (!frame || frame.count > count || frame.state.id !== latest.id) {
        frame = { count: 0, told: 0, state: { ...emptyState(), id: latest.id, about: latest.about, cost: noCost(rounds[0]) } };
      }
      const { state } = frame;
      for (; frame.count < count; frame.count += 1) withLine(state, lines[frame.count]);
      for (; rounds[frame.told]?.end <= count; frame.told += 1) takeChanges(state, rounds[frame.told].changes);
      const under = rounds.find(({ end }) => end >= count);
      const text = count <= 1 ? globalThis.ttcText?.(NOTHING_YET) ?? NOTHING_YET : under ? sentenceOf(under.clause) : "";
      Object.assign(state, { answers: latest.answers, subtrees: latest.subtrees, status: { text, stopped: null, over: false, error: null, replayed: true } });
      return { ...state };
    },
  };
}

function takeChanges(state, { votes, voices, ...rest }) {
  Object.assign(state.votes, votes);
  Object.assign(state.voices, voices);
  Object.assign(state, rest);
}

// What a run had cost before its first round: nothing, if anybody counted.
function noCost(round) {
  const cost = round?.changes.cost;
  return cost ? Object.fromEntries(Object.keys(cost).map((key) => [key, 0])) : null;
}
