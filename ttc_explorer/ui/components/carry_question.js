// Brings the question from the page that was open last to the one at `place` that opens.
(place, texts) => {
  const pages = document.querySelector("#pages"), before = Number(pages.dataset.asking ?? 0);
  pages.dataset.asking = place;         // which of the pages with a question was open last
  return [texts[before]];
}
