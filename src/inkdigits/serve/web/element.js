/** Elements of the page, made without any markup in strings: what a server says can't become markup. */

import { say, title } from "./language.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * An HTML element. `say` and `title` name its text and its accessible name: a word of words.js, or
 * [word, values]; `on` holds listeners; `class` and all others are attributes, false and null ones left out.
 */
export function make(tag, { say: text, title: name, on = {}, ...attributes } = {}, ...children) {
  const element = withAttributes(document.createElement(tag), attributes);
  if (text) say(element, ...[text].flat());
  if (name) title(element, ...[name].flat());
  for (const [event, listener] of Object.entries(on)) element.addEventListener(event, listener);
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** A button that does something when it is pressed. */
export function button(text, press, attributes = {}) {
  return make("button", { type: "button", say: text, ...attributes, on: { click: press } });
}

/** An element of SVG. */
export function drawn(tag, attributes = {}, ...children) {
  const element = withAttributes(document.createElementNS(SVG, tag), attributes);
  element.append(...children);
  return element;
}

/** The element of the page with that id. */
export function byId(id) {
  return document.getElementById(id);
}

/** Puts new children into an element; the focus stays on the child with the same `data-focus`. */
export function refill(element, ...children) {
  const focus = element.contains(document.activeElement) ? document.activeElement.dataset.focus : undefined;
  element.replaceChildren(...children);
  if (focus !== undefined) element.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus();
}

function withAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false && value !== null) element.setAttribute(name, value === true ? "" : value);
  }
  return element;
}
