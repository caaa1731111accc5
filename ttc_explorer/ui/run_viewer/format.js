// Figures and texts as people read them.

// A count in few characters: 812, 5,201, 23.3k, 1.9M, 640G.
export function formatAmount(number) {
  if (number < 10_000) return grouped(number);
  const units = ["", "k", "M", "G", "T"];
  let place = 0;
  while (number >= 999.5 && place < units.length - 1) {
    number /= 1000;
    place += 1;
  }
  return (number < 99.95 ? number.toFixed(1) : grouped(number)) + units[place];
}

// A whole number with commas between thousands.
export function grouped(number) {
  return Math.round(number).toString().replace(/\B(?=(\d{3})+$)/g, ",");
}

// Two digits after the point, a real minus sign, and a dash where there is no number.
export function formatNumber(number) {
  if (number === null || number === undefined) return "–";
  const text = number.toFixed(2);
  return (text === "-0.00" ? "0.00" : text).replace("-", "−");
}

// "1 vote", "1,200 votes".
export function countNoun(number, noun, plural = `${noun}s`) {
  return `${grouped(number)} ${number === 1 ? noun : plural}`;
}

// The text on one line of at most `longest` characters.
export function oneLine(text, longest) {
  const letters = [...text.split(/\s+/).filter(Boolean).join(" ")];
  return letters.length <= longest ? letters.join("") : `${letters.slice(0, longest - 1).join("")}…`;
}
