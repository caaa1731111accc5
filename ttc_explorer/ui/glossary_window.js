// A press on a term of the page opens the glossary at its entry; the field above finds others. Where a page has no
// glossary (an exported run) the explanation beside the term (tips.js) is all there is.
(() => {
  const glossary = () => document.getElementById("glossary");
  const entries = () => [...glossary().querySelectorAll("[data-entry]")];

  const open = (name) => {
    const entry = entries().find((each) => each.dataset.entry === name);
    if (!entry) return;
    filter("");
    if (!glossary().matches(":popover-open")) glossary().showPopover();
    for (const each of entries()) each.classList.toggle("chosen", each === entry);
    entry.scrollIntoView({ block: "center" });
    entry.focus({ preventScroll: true });
  };
  const filter = (text) => {
    const field = glossary().querySelector("input"), wanted = text.trim().toLowerCase();
    if (field.value !== text) field.value = text;
    for (const each of entries()) each.hidden = !each.textContent.toLowerCase().includes(wanted);
  };

  const pressed = (event) => {
    const term = event.target.closest?.("[data-term]");
    if (!term || !glossary()) return;
    if (event.type === "keydown" && event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();             // within a label or a summary it would press that too
    open(term.dataset.term);
  };
  addEventListener("click", pressed);
  addEventListener("keydown", pressed);
  addEventListener("input", (event) => {
    if (event.target.closest?.("#glossary")) filter(event.target.value);
  });
})();
