// Whether the window is narrow, as the component's value.
const query = matchMedia("(max-width: 699px)");
const tell = () => { props.value = query.matches; };
query.addEventListener("change", tell);
tell();
