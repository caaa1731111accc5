// Finding steps and answers in a tree. Pure.

// The ids of the nodes whose step, or whose answer, has the words in it, the earlier made first; none for no words. Spaces,
// colons and capitals do not matter, nor how a minus or a times is written.
export function findNodes(state, words) {
  const wanted = plain(words);
  if (!wanted) return [];
  return state.nodes
    .filter(({ text, answer }) => plain(text).includes(wanted) || plain(state.answers.get(answer)?.text ?? "").includes(wanted))
    .map(({ id }) => id);
}

function plain(text) {
  return text.toLowerCase().replace(/[\s:]+/g, "").replaceAll("−", "-").replace(/[×·]/g, "*");
}
