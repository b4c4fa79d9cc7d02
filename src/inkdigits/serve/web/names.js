/** What labels and digits are called on the page. */

import { say } from "./language.js";

/** What a label is called, for `say`; null is the label of what was refused as a whole. */
export function nameOf(label) {
  if (label === null) return "?";
  return label === "none" ? ["label.none"] : label;
}

/** Puts a label's name into an element. */
export function fillName(element, label) {
  say(element, "label", { name: nameOf(label) });
}

/** What a digit's button is called, for `title`. */
export function titleOf({ label, confidence, correction, isConfirmed }) {
  const name = nameOf(label);
  if (correction) return ["digit.corrected", { label: name, right: nameOf(correction.label) }];
  if (isConfirmed) return ["digit.confirmed", { label: name }];
  return label === null ? ["digit.refused"] : ["digit.open", { label: name, confidence }];
}
