// Says the sentence about a round (search/narration.py) in the language of the page.

// `clause`: [phrase, { name: a text, or clauses in their turn }]. The values are put in after the phrase was translated: what
// a model wrote is never looked up.
export function sentenceOf([phrase, values]) {
  const said = globalThis.ttcText?.(phrase) ?? phrase;
  return said.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === "string" ? value : value.map(sentenceOf).join("");
  });
}
