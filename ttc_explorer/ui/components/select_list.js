// The value is that of the chosen option, each written as JSON. Only another choice is told: passing by is none.
const select = element.querySelector("select");
const show = () => { select.value = JSON.stringify(props.value); };
select.addEventListener("change", () => { props.value = JSON.parse(select.value); trigger("input"); });
watch("value", show);
show();
