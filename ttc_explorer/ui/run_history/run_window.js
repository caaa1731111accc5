// The window as a component of Gradio; its modules are in the script that was fetched before (run_history.py).
const { mountRunList, options } = window.ttcRuns;
mountRunList(element.closest("main") ?? document.body, options);
