/** All digits that nobody has looked at yet, the least sure first. */

import { onChange, queue } from "./digits.js";
import { button, byId, make, refill } from "./element.js";
import { say } from "./language.js";
import { nameOf, titleOf } from "./names.js";
import { openPanel } from "./panel.js";
import * as seen from "./seen.js";

const MOST = 24;
const STEPS = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };

/** Keeps the queue on the page up to date. */
export function prepareReview() {
  onChange(showQueue);
  byId("queue").addEventListener("keydown", move);
}

function showQueue() {
  const open = queue();
  byId("review").hidden = open.length < 2;
  say(byId("review-rest"), open.length > MOST ? "review.rest" : "nothing", { n: open.length - MOST });
  refill(byId("queue"), ...open.slice(0, MOST).map(entry));
}

function entry(digit, at) {
  const picture = make("canvas", { class: "seen", "aria-hidden": "true" });
  seen.draw(picture, digit.seen);
  const { label, confidence } = digit;
  const key = label === null ? "label" : "review.entry";
  const words = make("span", { say: [key, { name: nameOf(label), confidence }] });
  const element = button(null, () => openPanel(digit, element), {
    class: "entry",
    title: titleOf(digit),
    tabindex: at === 0 ? 0 : -1, // one stop for Tab; the arrow keys go on from there
    "data-focus": at,
  });
  element.append(picture, words);
  return make("li", {}, element);
}

function move(event) {
  const entries = [...byId("queue").querySelectorAll("button")];
  const at = entries.indexOf(event.target);
  const places = { Home: 0, End: entries.length - 1 };
  const next = entries[places[event.key] ?? at + (STEPS[event.key] ?? NaN)];
  if (at < 0 || !next) return;
  event.preventDefault();
  next.focus();
}
