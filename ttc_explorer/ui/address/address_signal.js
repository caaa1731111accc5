// The component by which an address goes to the server: one event for each page. Before this stand address_bar.js, KEYS,
// EVENTS (by page) and RUN_BUTTONS.
window.ttcAddress = connectAddress(window, KEYS);
document.dispatchEvent(new Event("ttc-address"));  // from now on there is one
setTimeout(() => window.ttcAddress.connect({  // what a script sets while it is loaded, the application does not hear of
  runButtons: RUN_BUTTONS,
  send(page, hash) {
    props.value = hash;
    trigger(EVENTS[page]);
  },
}));
