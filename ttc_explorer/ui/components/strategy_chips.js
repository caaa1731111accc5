// The value holds, as JSON, the keys of the chips that are chosen and, of those that cannot run, why.
const chips = [...element.querySelectorAll(".chips button")];
const show = () => {
  const { chosen, missing } = JSON.parse(props.value), most = props.max_pressed;
  for (const chip of chips) {
    const pressed = chosen.includes(chip.value);
    const full = !pressed && chosen.length >= most ? `${most} at most: take another out first.` : "";
    const reason = missing[chip.value] ?? full;
    chip.setAttribute("aria-pressed", pressed);
    chip.setAttribute("aria-disabled", Boolean(reason) && !pressed);
    chip.dataset.tip = reason || chip.dataset.about;
  }
};
for (const chip of chips) chip.addEventListener("click", () => {
  if (chip.getAttribute("aria-disabled") === "true") return;
  const value = JSON.parse(props.value), at = value.chosen.indexOf(chip.value);
  if (at < 0) value.chosen.push(chip.value); else value.chosen.splice(at, 1);
  props.value = JSON.stringify(value);
  show();
  trigger("input");
});
watch("value", show);
show();
