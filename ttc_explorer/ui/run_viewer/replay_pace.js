// How fast a recording is played: a round takes so many seconds, grows in the first part of them, and stands still in the
// rest, so that it can be read. A position counts rounds: 2.5 is in the middle of the third.
const ROUND = { most: 2.6, least: 0.35 };       // seconds
const WHOLE = 90;                               // seconds that a run with many rounds takes about
const GROWS = 0.55;                             // the share of a round's time in which its events come

// Seconds that a round takes at speed 1, of so many rounds.
export function secondsPerRound(count) {
  return Math.min(ROUND.most, Math.max(ROUND.least, WHOLE / Math.max(1, count)));
}

// How many events are shown at a position. `rounds`: [{ end }], each with the number of events when it is over; before the
// first there is one, the question's.
export function eventsAt(rounds, position) {
  const place = Math.floor(position);
  if (place >= rounds.length) return rounds.at(-1)?.end ?? 1;
  const start = rounds[place - 1]?.end ?? 1, { end } = rounds[place];
  return start + Math.round((end - start) * Math.min(1, (position - place) / GROWS));
}

// The earliest position at which so many events are shown; from the end of a round on it is the next one's.
export function positionOf(rounds, count) {
  const place = rounds.findIndex(({ end }) => end > count);
  if (place < 0) return rounds.length;
  const start = rounds[place - 1]?.end ?? 1;
  return place + GROWS * Math.max(0, count - start) / (rounds[place].end - start);
}

// The end of the round before and of the one after, from so many events; `length` is the last there is.
export function roundBefore(rounds, count) {
  return rounds.findLast(({ end }) => end < count)?.end ?? 1;
}
export function roundAfter(rounds, count, length) {
  return rounds.find(({ end }) => end > count)?.end ?? length;
}
