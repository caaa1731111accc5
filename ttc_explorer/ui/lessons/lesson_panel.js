// The panel as a component of Gradio; its modules are in the script that was fetched before (lesson_panel.py).
const { mountLessons, options } = window.ttcLessons;
const lessonPanel = mountLessons(document.body, { ...options, askFigures: () => trigger("figures") });
watch("figures", () => lessonPanel.setFigures(props.figures));
