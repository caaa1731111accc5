// Whether the window is narrow, as the component's value. What a script sets while it is loaded, the
// application does not hear of: so the first time is a moment later.
const query = matchMedia("(max-width: 699px)");
const tell = () => { props.value = query.matches; };
query.addEventListener("change", tell);
setTimeout(tell);
