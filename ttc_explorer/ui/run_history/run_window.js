// The window as a component of Gradio. Before this stand the bundled modules, `mountRunList` and `options`.
mountRunList(element.closest("main") ?? document.body, options);
