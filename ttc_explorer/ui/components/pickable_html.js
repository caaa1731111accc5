// A press on a button with data marks it, if buttons can be marked, and tells which it was.
element.addEventListener("click", (event) => {
  const pressed = event.target.closest?.("button");
  if (!pressed || !element.contains(pressed)) return;
  for (const each of element.querySelectorAll("button[aria-pressed]"))
    each.setAttribute("aria-pressed", each === pressed);
  trigger("pick", { ...pressed.dataset });
  if (props.scroll_to && matchMedia("(max-width: 999px)").matches)
    document.getElementById(props.scroll_to)?.scrollIntoView({ behavior: "smooth" });
});
