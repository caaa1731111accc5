() => {
  const tabs = [...document.querySelectorAll("#pages [role=tab]")];
  tabs.find((tab) => tab.textContent.trim() === "Models" && tab.offsetParent)?.click();
}
