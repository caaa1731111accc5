() => { document.dispatchEvent(new Event("ttc-question")); }
