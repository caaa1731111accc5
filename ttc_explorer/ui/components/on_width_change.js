// Tells, on a page that has been shown, when the window becomes narrow or wide, after narrow_screen.js has set which.
matchMedia("(max-width: 699px)").addEventListener("change", () => setTimeout(() => trigger("input")));
