// Puts translations in place of English texts, all over the page and as it changes. `window.ttcText` translates a text for
// scripts that split it before they show it (lessons). Texts that no table has stay English; model text is left alone.
const STORE = "ttc-language", ATTRIBUTES = ["placeholder", "aria-label", "title", "data-about"];
const LEFT_ALONE = "script, style, textarea, .viewer-tree svg, .way, .viewer-headline, #glossary";
let table = new Map();
window.ttcText = (text) => table.get(text) ?? text;

const chooser = () => document.getElementById("language");
const chosen = () => {
  try {
    return localStorage.getItem(STORE) ?? "en";
  } catch {
    return "en";
  }
};

// A text that is the same in both languages is not written anew: the observer below would hear of it without end.
const translateText = (node) => {
  const text = node.data.trim(), translated = table.get(text);
  if (translated && translated !== text && !node.parentElement?.closest(LEFT_ALONE)) node.data = node.data.replace(text, () => translated);
};
const translateAttributes = (element) => {
  for (const name of ATTRIBUTES) {
    const shown = element.getAttribute(name), translated = table.get(shown);
    if (translated && translated !== shown) element.setAttribute(name, translated);
  }
};
const translate = (root) => {
  if (root.nodeType === Node.TEXT_NODE) return translateText(root);
  if (root.nodeType !== Node.ELEMENT_NODE || root.closest(LEFT_ALONE)) return;
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  for (let node = root; node; node = walker.nextNode()) {
    if (node.nodeType === Node.TEXT_NODE) translateText(node);
    else translateAttributes(node);
  }
};

const follow = () => {
  translate(document.body);
  new MutationObserver((changes) => {
    for (const { type, target, addedNodes } of changes) {
      if (type === "childList") addedNodes.forEach(translate);
      else if (type === "characterData") translateText(target);
      else translateAttributes(target);
    }
  }).observe(document.body, { subtree: true, childList: true, characterData: true, attributeFilter: ATTRIBUTES });
  document.dispatchEvent(new Event("ttc-language"));
};

watch("texts", () => {
  if (!props.texts || table.size) return;
  const { texts, note = "" } = JSON.parse(props.texts);
  table = new Map(Object.entries(texts));
  document.documentElement.lang = chosen();
  chooser().title = note;
  chooser().nextElementSibling.textContent = note;
  follow();
});
document.addEventListener("change", (event) => {
  if (event.target !== chooser()) return;
  try {
    localStorage.setItem(STORE, event.target.value);
  } catch {
    return;                             // a browser that keeps nothing keeps no language
  }
  location.reload();
});
setTimeout(() => {
  if (!chooser() || chosen() === "en") return;
  chooser().value = chosen();
  trigger("language", { name: chosen() });
});
