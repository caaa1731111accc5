// Tells once that this place is shown, after what scripts set while they were loaded (narrow_screen.js).
setTimeout(() => trigger("input"));
