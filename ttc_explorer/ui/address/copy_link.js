// The buttons that copy the link to what is on screen, where the browser's clipboard cannot be had (no https) the old way; and
// the link of a frame that opens the same as a whole page.
document.addEventListener("click", async (event) => {
  const whole = event.target.closest?.("[data-open-in-full]");
  if (whole) whole.href = window.ttcAddress.link();
  const button = event.target.closest?.("[data-copy-link]");
  if (!button) return;
  const link = window.ttcAddress.link(), title = (button.dataset.title ??= button.textContent);
  const copyOldWay = () => {
    const field = document.createElement("textarea");
    field.value = link;
    document.body.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    return copied;
  };
  const copied = await navigator.clipboard?.writeText(link).then(() => true, () => false) || copyOldWay();
  button.textContent = copied ? "Copied" : "Copy it from the address bar";
  setTimeout(() => { button.textContent = title; }, 2000);
});
