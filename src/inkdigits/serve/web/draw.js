/** Drawing and its answer: every stroke is read, and only the newest answer is shown. */

import { isOutOfDate, read } from "./api.js";
import { badge, digitButton, gridTable, linesOf, reasonOf } from "./answer.js";
import { Drawing } from "./canvas.js";
import { forget, show } from "./digits.js";
import { button, byId, make } from "./element.js";
import { has, word } from "./language.js";
import { look } from "./look.js";
import { boxesOver } from "./sheet.js";
import { onChange } from "./status.js";
import { complaint, tell, waiting } from "./tell.js";

let drawing;
let asking = new AbortController();
let shown = [];

/** Makes the paper and its tools work. */
export function prepareDrawing() {
  drawing = new Drawing(byId("paper"), { onChange: readDrawing });
  byId("paper").addEventListener("pointerdown", fillTools);
  byId("undo").addEventListener("click", undo);
  byId("clear").addEventListener("click", clear);
  byId("invert").addEventListener("change", (event) => drawing.invert(event.target.checked));
  byId("drawing-kind").addEventListener("change", readDrawing);
  addEventListener("keydown", press);
  addEventListener("online", readAgain);
  onChange((before) => before.isReached || readAgain());
  startDark();
  fillTools();
}

/** Reads what couldn't be read before. */
function readAgain() {
  if (byId("drawn").querySelector(".complaint")) readDrawing();
}

/** A dark page begins with white ink, so that no bright sheet glares out of it. */
function startDark() {
  const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
  byId("invert").checked = isDark;
  if (isDark) drawing.invert(true);
}

function undo() {
  drawing.undo();
  fillTools();
}

function clear() {
  drawing.clear();
  fillTools();
}

function fillTools() {
  byId("undo").disabled = !drawing.canUndo;
  byId("clear").disabled = drawing.isBlank;
  byId("paper-hint").hidden = !drawing.isBlank;
}

function press(event) {
  const isHidden = byId("read").hidden || byId("panel").open;
  if (isHidden || event.target.closest("select")) return;
  const isUndo = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z";
  if (isUndo) undo();
  else if (event.key === "Delete" || event.key === "Escape") clear();
  else return;
  event.preventDefault();
}

async function readDrawing() {
  asking.abort();
  asking = new AbortController();
  fillTools();
  if (drawing.isBlank) return showAnswer([], []);
  const { signal } = asking;
  const kind = byId("drawing-kind").value;
  byId("drawn").setAttribute("aria-busy", "true");
  try {
    const order = { kind, signal, onWait: (problem) => showAnswer([waiting(problem)], []) };
    showPage((await read(await drawing.png(), order)).pages[0], kind);
  } catch (error) {
    if (!isOutOfDate(error)) showAnswer([complaint(error, { again: readDrawing })], []);
  }
}

function showPage(page, kind) {
  const lines = page.error ? [] : linesOf(page, page.model);
  const digits = lines.flatMap((line) => line.digits);
  byId("drawing-boxes").replaceChildren(...(kind === "digit" || !lines.length ? [] : [boxesOver(page, lines)]));
  showAnswer(page.grid ? [gridTable(page, lines)] : lines.map(lineOf), digits);
  if (page.error || !lines.length) byId("drawn").replaceChildren(nothing(page));
  if (digits.length === 1) byId("drawn").append(look(digits[0], { signal: asking.signal }));
  const texts = lines.map((line) => line.text || word(...reasonOf(line)));
  tell("told.read", { text: texts.join(", ") || ["none.found"] });
}

function showAnswer(elements, digits) {
  forget(shown);
  shown = digits;
  byId("drawn").setAttribute("aria-busy", "false");
  byId("drawn").replaceChildren(...elements);
  byId("drawn-hint").hidden = elements.length > 0;
  if (!elements.length) byId("drawing-boxes").replaceChildren();
  show(digits);
}

function lineOf(line) {
  const fate = make("p", { class: "fate" }, badge(line));
  if (has(`advice.${line.reason}`)) fate.append(make("span", { class: "why", say: `advice.${line.reason}` }));
  if (line.reason === "several digits") fate.append(button("drawn.as_number", readAsNumber, { class: "quiet" }));
  return make("div", {}, make("div", { class: "digits large" }, ...line.digits.map(digitButton)), fate);
}

function nothing(page) {
  const element = make("p", { class: "note", say: "none.found" });
  if (page.error) element.textContent = page.error;
  return element;
}

function readAsNumber() {
  byId("drawing-kind").value = "number";
  readDrawing();
}
