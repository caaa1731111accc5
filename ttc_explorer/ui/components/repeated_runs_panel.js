// A press on a point shows its seeds, on a seed opens its run. The block is written anew as it grows: the focus stays.
let focused = null;
element.addEventListener("click", (event) => {
  const pressed = event.target.closest?.("button");
  if (!pressed || !element.contains(pressed)) return;
  trigger(pressed.dataset.seed === undefined ? "pick" : "open", { ...pressed.dataset });
});
element.addEventListener("focusin", (event) => { focused = event.target.dataset?.key ?? null; });
element.addEventListener("focusout", () => { if (document.hasFocus() && element.contains(document.activeElement)) focused = null; });
watch("value", () => requestAnimationFrame(() => {
  if (focused === null || document.activeElement !== document.body) return;
  element.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}));
