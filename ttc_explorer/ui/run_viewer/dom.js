// Makes elements of the page. Texts become text nodes: no module of the viewer parses HTML, so that nothing that a
// model or a visitor wrote can become markup.

// An element with attributes (null, undefined and false leave one out) and children (nodes or texts; lists are
// flattened, nothing is skipped over silently but what is empty).
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// An SVG element of a class, appended to its parent.
export function drawn(tag, name, parent) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  if (name) element.setAttribute("class", name);
  parent.append(element);
  return element;
}

// An SVG text at a place, appended to its parent.
export function write(parent, name, text, x, y) {
  const element = drawn("text", name, parent);
  element.setAttribute("x", x);
  element.setAttribute("y", y);
  element.textContent = text;
  return element;
}
