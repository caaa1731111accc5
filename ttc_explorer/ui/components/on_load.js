// Tells that this place is shown, after what scripts set while they were loaded (narrow_screen.js), and again whenever an
// address has set the controls of the page that it is on; while one is about to, only then (address_bar.js).
const page = element.closest("[id$=-page]")?.id.replace(/-page$/, "");
setTimeout(() => { if (!window.ttcAddress?.isOpening(page)) trigger("input"); });
document.addEventListener("ttc-set", ({ detail }) => { if (detail === page) setTimeout(() => trigger("input")); });
