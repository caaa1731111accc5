// Presentation mode: larger type and fewer panels, on every page, by a button or Shift+P; remembered by the browser. Trees hear
// of it by an event (run_viewer/tree.js); all else is presentation.css.
(() => {
  const KEY = "ttc-presentation", root = document.documentElement;
  const show = (on) => {
    root.classList.toggle("presenting", on);    // for trees
    document.querySelector("main > .column").classList.toggle("presenting", on);  // for styles: Gradio keeps those to what is inside of it
    document.querySelector("#present")?.setAttribute("aria-pressed", on);
    document.dispatchEvent(new Event(KEY));
    dispatchEvent(new Event("resize"));         // charts measure their places anew
  };
  const toggle = () => {
    const on = !root.classList.contains("presenting");
    try { localStorage.setItem(KEY, on ? "1" : ""); } catch { /* not remembered where nothing may be stored */ }
    show(on);
  };
  document.addEventListener("click", (event) => { if (event.target.closest?.("#present")) toggle(); });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input:not([type=radio]), textarea, select, [contenteditable]");
    if (event.key === "P" && event.shiftKey && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) toggle();
  });
  let remembered = "";
  try { remembered = localStorage.getItem(KEY) ?? ""; } catch { /* as above */ }
  if (!remembered) return;
  root.classList.add("presenting");
  const opening = setInterval(() => {           // Gradio draws the page at some time after it has loaded
    if (!document.querySelector("#present")) return;
    clearInterval(opening);
    show(true);
  }, 100);
})();
