// Builds the page's elements. Text always goes in as text: what callers say and rules are called is never markup.

export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) set(node, name, value);
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

function set(node, name, value) {
  if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
  else if (value === true) node.setAttribute(name, "");
  else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
}

export function button(label, attributes = {}) {
  return el("button", { type: "button", ...attributes }, label);
}

export function put(node, ...children) {
  node.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined));
}

// Screen readers repeat what is written again, even when it is the same; so write only what has changed.
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function title(text, ...more) {
  return el("h2", {}, text, ...more);
}
