// The value is the name of a strategy; "missing" says, as JSON, which cannot run, and why.
const select = element.querySelector("select");
const show = () => {
  const missing = JSON.parse(props.missing);
  for (const option of select.options) {
    option.disabled = option.value in missing;
    option.dataset.about = missing[option.value] ?? (option.dataset.sentence ??= option.dataset.about);
  }
  select.value = props.value;
};
select.addEventListener("change", () => { props.value = select.value; trigger("input"); });
watch(["value", "missing"], show);
show();
