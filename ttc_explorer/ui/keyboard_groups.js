// One Tab stop a group, and arrow keys within it: Gradio names every radio button apart and makes every tab a stop.
(() => {
  let fieldsets = 0;
  const arrange = () => {
    for (const fieldset of document.querySelectorAll("fieldset:has(input[type=radio])")) {
      const name = fieldset.dataset.group ??= `group-${++fieldsets}`;
      for (const radio of fieldset.querySelectorAll("input[type=radio]")) if (radio.name !== name) radio.name = name;
    }
    for (const tab of document.querySelectorAll("[role=tablist] [role=tab]")) {
      const stop = tab.ariaSelected === "true" ? 0 : -1;
      if (tab.tabIndex !== stop) tab.tabIndex = stop;
    }
  };
  const TARGETS = { ArrowRight: (at, all) => (at + 1) % all, ArrowLeft: (at, all) => (at + all - 1) % all, Home: () => 0, End: (_, all) => all - 1 };
  document.addEventListener("keydown", (event) => {
    const tab = event.target.closest?.("[role=tab]"), target = TARGETS[event.key];
    if (!tab || !target || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const tabs = [...tab.closest("[role=tablist]").querySelectorAll("[role=tab]:not([aria-disabled=true])")];
    const next = tabs[target(tabs.indexOf(tab), tabs.length)];
    next.click();
    next.focus();
  });
  document.addEventListener("keydown", arrange, true);  // what Gradio has drawn anew since
  let waiting = 0;                      // pages are made when they are opened, and a growing tree changes all the time
  const observer = new MutationObserver(() => {
    waiting ||= setTimeout(() => { waiting = 0; arrange(); }, 150);
  });
  observer.observe(document.documentElement, { childList: true, subtree: true, attributes: true, attributeFilter: ["aria-selected"] });
})();
