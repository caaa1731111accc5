// Connects a viewer to a component of Gradio, which gives `element`, `props`, `trigger` and `watch`. Before this stand MOUNT, the
// viewer's name, and OWN_OPTIONS; the viewers are in the script that was fetched before (viewer_component.py).
const { viewers, options: sharedOptions } = window.ttcViewers;
const options = { ...sharedOptions, ...OWN_OPTIONS };
const place = element.querySelector("[data-viewer]");
const tellFacts = () => {                // lessons hear of the run on Explore (ui/lessons/panel.js)
  const facts = element.closest("#viewer") && view.facts();
  if (facts) document.dispatchEvent(new CustomEvent("ttc-run", { detail: facts }));
};
const view = viewers[MOUNT](place, {
  ...options, onPick: tellFacts,
  onRule(rule) {
    trigger("rule", rule);
    tellFacts();
  },
  onTake: (what) => trigger("take", { what }),
  onTouch: (touch) => trigger("touch", touch),
});
// A result is dimmed while another question stands in the field than was answered.
const plain = (text) => text.split(/\s+/).filter(Boolean).join(" ");
const compareQuestion = () => {
  const typed = options.question && document.querySelector(options.question)?.value;
  const answered = view.question();
  place.classList.toggle("stale", Boolean(typed?.trim() && answered) && plain(typed) !== plain(answered));
};
const showValue = () => {
  view.show(props.value);
  compareQuestion();
  tellFacts();
};
watch("value", showValue);
document.addEventListener("ttc-question", compareQuestion);
document.addEventListener("ttc-ask-facts", tellFacts);
showValue();
