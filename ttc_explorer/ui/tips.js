// Explanations: shows the data-tip of what is pointed at, tapped or focused, within the window: below it, or
// beside a row of a list, whose neighbours it would cover.
(() => {
  const tip = document.createElement("div");
  tip.id = "tip";
  tip.setAttribute("role", "tooltip");
  tip.popover = "manual";               // above windows and full screens too

  const hide = () => { if (tip.isConnected) tip.hidePopover(); };
  const show = (event) => {
    const word = event.target.closest?.("[data-tip]");
    if (!word) return hide();
    tip.textContent = word.dataset.tip;
    word.setAttribute("aria-describedby", "tip");
    if (!tip.isConnected) document.body.append(tip);
    tip.hidePopover();
    tip.showPopover();                  // on top of what was opened since
    const at = word.getBoundingClientRect(), room = 8;
    const below = at.bottom + room + tip.offsetHeight < innerHeight;
    const beside = word.matches("li, li > button") && at.width > 180 && at.right + tip.offsetWidth + 2 * room < innerWidth;
    const left = beside ? at.right + room : Math.min(at.left, innerWidth - tip.offsetWidth - room);
    const top = beside ? Math.min(at.top, innerHeight - tip.offsetHeight - room)
      : below ? at.bottom + 6 : at.top - tip.offsetHeight - 6;
    tip.style.left = `${Math.max(room, left)}px`;
    tip.style.top = `${Math.max(room, top)}px`;
  };
  addEventListener("mouseover", show);
  // Later: a popover that closes gives the focus back while no other may be shown.
  addEventListener("focusin", (event) => setTimeout(show, 0, event));
  addEventListener("focusout", hide);
  addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  addEventListener("scroll", hide, true);
})();
