// The panel as a component of Gradio. Before this stand the bundled modules, `mountLessons` and `options`.
const lessonPanel = mountLessons(document.body, { ...options, askFigures: () => trigger("figures") });
watch("figures", () => lessonPanel.setFigures(props.figures));
