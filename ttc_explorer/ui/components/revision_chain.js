// Picks an attempt of the revision chains: by a click or a key on its button. The view is drawn anew by the server.
element.addEventListener("click", (event) => {
  const attempt = event.target.closest?.(".attempt");
  if (!attempt) return;
  for (const other of element.querySelectorAll(".attempt")) other.setAttribute("aria-pressed", other === attempt);
  trigger("pick", { run: element.querySelector(".chains").dataset.run, id: Number(attempt.dataset.node) });
});
