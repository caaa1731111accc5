// What changed from one attempt to the next, word by word. Pure.

const LONGEST = 4000;               // characters; longer attempts are not compared: it takes quadratic time

// The lines of two attempts as one: those that agree stand once, the others are compared word by word. A line is a list
// of { kind, text }: neighbouring words that are in both ("same"), only in the later ("new") or only in the earlier
// ("gone"). The words of "same" and "new" in order are those of `after`; of "same" and "gone", those of `before`.
export function diffLines(before, after) {
  const letters = [...before, ...after].reduce((sum, line) => sum + line.length, 0);
  if (letters > 2 * LONGEST) {
    return [...before.map((text) => [{ kind: "gone", text }]), ...after.map((text) => [{ kind: "new", text }])];
  }
  return aligned(before, after).flatMap(({ same, gone, added }) => {
    if (same) return same.map((line) => diffWords(line, line));
    const longest = Math.max(gone.length, added.length);
    return Array.from({ length: longest }, (_, i) => diffWords(gone[i] ?? "", added[i] ?? ""));
  });
}

// How many words of the text `after` were not in `before`, line by line.
export function countNewWords(before, after) {
  return diffLines(before.split("\n"), after.split("\n")).flat()
    .filter(({ kind }) => kind === "new").reduce((sum, { text }) => sum + wordsOf(text).length, 0);
}

const wordsOf = (text) => text.split(/\s+/).filter(Boolean);

function diffWords(before, after) {
  return aligned(wordsOf(before), wordsOf(after)).flatMap(({ same, gone, added }) => {
    const parts = same ? [["same", same]] : [["gone", gone], ["new", added]];
    return parts.filter(([, words]) => words.length).map(([kind, words]) => ({ kind, text: words.join(" ") }));
  });
}

// Two lists as runs of what is in both, { same }, and of what differs, { gone, added }: a longest common subsequence.
function aligned(before, after) {
  const [n, m] = [before.length, after.length];
  const common = Array.from({ length: n + 1 }, () => new Uint16Array(m + 1));     // of what stands from here on
  for (let i = n - 1; i >= 0; i--) {
    for (let j = m - 1; j >= 0; j--) {
      common[i][j] = before[i] === after[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
    }
  }
  const runs = [];
  const run = (kind) => {
    const last = runs.at(-1);
    if (last && Boolean(last.same) === (kind === "same")) return last;
    runs.push(kind === "same" ? { same: [] } : { gone: [], added: [] });
    return runs.at(-1);
  };
  for (let i = 0, j = 0; i < n || j < m;) {
    if (i < n && j < m && before[i] === after[j]) {
      run("same").same.push(before[i]);
      i += 1;
      j += 1;
    } else if (j >= m || (i < n && common[i + 1][j] >= common[i][j + 1])) {
      run("other").gone.push(before[i++]);
    } else {
      run("other").added.push(after[j++]);
    }
  }
  return runs;
}
