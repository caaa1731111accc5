// The colour of a verifier's score, everywhere in the viewer.

export const LOW = 0.5;                 // a score below it is drawn hollow: colour is not all that tells it

export const SCORE_COLOURS = [[179, 67, 0], [240, 140, 50], [205, 205, 200], [90, 160, 220], [11, 76, 163]];

// [red, green, blue]: orange for 0, grey for a half, blue for 1, a diverging scale that colour-blind eyes can tell apart.
export function shade(score) {
  const place = Math.max(0, Math.min(1, score)) * (SCORE_COLOURS.length - 1);
  const i = Math.min(Math.floor(place), SCORE_COLOURS.length - 2);
  return SCORE_COLOURS[i].map((low, channel) => Math.round(low + (SCORE_COLOURS[i + 1][channel] - low) * (place - i)));
}

// The same as CSS writes it.
export function scoreColour(score) {
  return `rgb(${shade(score).join(", ")})`;
}

// Black or white, whichever stands out more on the score's colour (relative luminance of WCAG 2).
export function inkOn(score) {
  const [r, g, b] = shade(score).map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
}
