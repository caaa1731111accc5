// Connects a viewer to a component of Gradio, which gives `element`, `props`, `trigger` and `watch`. Before this stand the
// bundled modules, `mount` and `options`.
const view = mount(element.querySelector("[data-viewer]"), {
  ...options, onRule: (rule) => trigger("rule", rule),
});
const showValue = () => view.show(props.value);
watch("value", showValue);
showValue();
