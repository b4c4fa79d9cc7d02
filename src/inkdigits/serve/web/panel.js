/** The panel of one digit: a closer look, and the right label for it by mouse, finger or keyboard. */

import { queue } from "./digits.js";
import { button, byId, make, refill } from "./element.js";
import { say } from "./language.js";
import { look } from "./look.js";
import { fillName, nameOf } from "./names.js";
import { status } from "./status.js";
import { complaint, tell } from "./tell.js";

let round = [];
let current = null;
let asking = new AbortController();

/** Opens the panel on a digit; from there one goes on through all that are open, the least sure first. */
export function openPanel(digit, opener) {
  const open = queue();
  round = open.includes(digit) ? open : [digit, ...open];
  byId("panel").showModal();
  byId("panel").addEventListener("close", () => leave(opener), { once: true });
  showDigit(digit);
}

/** Makes the panel's keys and buttons work. */
export function preparePanel() {
  const panel = byId("panel");
  panel.addEventListener("keydown", press);
  panel.addEventListener("click", (event) => event.target === panel && panel.close());
  byId("panel-close").addEventListener("click", () => panel.close());
  byId("panel-back").addEventListener("click", () => step(-1));
  byId("panel-on").addEventListener("click", () => step(1));
}

function leave(opener) {
  asking.abort();
  byId("panel-look").replaceChildren();
  const next = opener.isConnected ? opener : byId("queue").querySelector("button");
  next?.focus();
}

function showDigit(digit) {
  current = digit;
  asking.abort();
  asking = new AbortController();
  byId("panel-look").replaceChildren(look(digit, { signal: asking.signal }));
  showState();
  focusLabels();
}

/** Puts the focus on the answer's own label: Enter keeps it. */
function focusLabels() {
  const labels = byId("panel-labels");
  (labels.querySelector("[aria-pressed=true]") ?? labels.querySelector("button"))?.focus();
}

/** Shows what is said of the digit so far. */
function showState() {
  const { label, confidence } = current;
  if (label === null) say(byId("panel-title"), "panel.refused");
  else say(byId("panel-title"), "panel.title", { label: nameOf(label), confidence });
  refill(byId("panel-labels"), ...status.labels.map(labelButton));
  byId("panel-said").replaceChildren(...said());
  const at = round.indexOf(current);
  byId("panel-back").disabled = at <= 0;
  byId("panel-on").disabled = at === round.length - 1;
  say(byId("panel-place"), "panel.place", { at: at + 1, n: round.length });
}

function labelButton(label) {
  const chosen = current.correction?.label ?? current.label;
  const classes = label === "none" ? "label wide" : "label";
  const state = { "aria-pressed": String(label === chosen), "data-focus": label };
  const element = button(null, () => correct(label), { class: classes, ...state });
  fillName(element, label);
  return element;
}

function said() {
  if (!current.isSettled) return [];
  const thanks = make("span", { say: saidOf(current) });
  const canUndo = current.isConfirmed || current.correction.undo;
  return canUndo ? [thanks, button("undo", withdraw, { class: "quiet", id: "panel-undo" })] : [thanks];
}

function saidOf(digit) {
  return digit.isConfirmed ? "panel.confirmed" : "panel.thanks";
}

async function correct(label) {
  const isDone = await attempt((digit) => digit.correct(label));
  if (isDone) (byId("panel-on").disabled ? byId("panel-close") : byId("panel-on")).focus();
}

async function withdraw() {
  const isDone = await attempt((digit) => digit.withdraw());
  if (isDone) focusLabels();
}

/** Whether the work on the current digit was done, and it still is the current one. */
async function attempt(work) {
  const digit = current;
  try {
    await work(digit);
  } catch (error) {
    byId("panel-said").replaceChildren(complaint(error));
    return false;
  }
  tell(digit.isSettled ? saidOf(digit) : "panel.withdrawn");
  if (digit === current) showState();
  return digit === current;
}

function step(by) {
  const next = round[round.indexOf(current) + by];
  if (next) showDigit(next);
}

function press(event) {
  const { key, repeat, ctrlKey, metaKey, altKey } = event;
  const steps = { ArrowLeft: -1, ArrowRight: 1 };
  const isHeldEnter = key === "Enter" && repeat; // it would keep one digit after another
  if ((ctrlKey || metaKey) && key.toLowerCase() === "z") withdraw();
  else if (ctrlKey || metaKey || altKey) return;
  else if (key in steps) step(steps[key]);
  else if (status.labels.includes(key) && !repeat) correct(key);
  else if (!isHeldEnter) return;
  event.preventDefault();
}
