// Connects a viewer to a component of Gradio, which gives `element`, `props`, `trigger` and `watch`. Before this stand the
// bundled modules, `mount` and `options`.
const place = element.querySelector("[data-viewer]");
const view = mount(place, { ...options, onRule: (rule) => trigger("rule", rule), onTake: (what) => trigger("take", { what }), onTouch: (touch) => trigger("touch", touch) });
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
};
watch("value", showValue);
document.addEventListener("ttc-question", compareQuestion);
showValue();
