// Gives the reader a file; the browser makes it, nothing is asked of a server.
import { h } from "./dom.js";

export function saveFile(blob, name) {
  const link = h("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);       // some browsers fetch it late
}

export function saveText(text, name, kind) {
  saveFile(new Blob([text], { type: kind }), name);
}
