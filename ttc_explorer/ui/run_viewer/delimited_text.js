// Rows as text of a sheet. Pure.
const FORMULA = /^(?:[=@]|[-+](?!\d+(?:[./]\d+)?$))/;   // what a spreadsheet would take for a formula

// The rows with a line of heads: tab-separated to paste, comma-separated to keep. Whole numbers are exact, others have three
// digits after the point. Texts were written by models: what a spreadsheet would take for a formula is marked as text by an
// apostrophe.
export function delimited(heads, rows, separator) {
  const line = (cells) => `${cells.map((cell) => quoted(cell, separator)).join(separator)}\n`;
  return line(heads) + rows.map((row) => line(heads.map((head) => cellText(row[head])))).join("");
}

function cellText(value) {
  if (value === null) return "";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") {
    return Number.isInteger(value) ? BigInt(value).toString() : String(Number(value.toFixed(3)));
  }
  return FORMULA.test(value) ? `'${value}` : value;
}

function quoted(cell, separator) {
  return /["\r\n]/.test(cell) || cell.includes(separator) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
