/** What was read on a page, line by line: accepted or not and why, every digit a button. */

import { Digit, onChange } from "./digits.js";
import { button, make } from "./element.js";
import { has, say, title } from "./language.js";
import { fillName, titleOf } from "./names.js";
import { openPanel } from "./panel.js";

const digit_of = new WeakMap();

onChange(() => {
  for (const each of document.querySelectorAll(".digit")) fillDigit(each);
});

/** The lines of a page with the digits shown of each: its own, or itself where it was refused as a whole. */
export function linesOf(page, model) {
  return page.lines.map((line) => {
    const whole = line.seen ? [{ ...line, label: null }] : [];
    const digits = (line.digits.length ? line.digits : whole).map((digit) => new Digit({ ...digit, model }));
    return { ...line, digits, boxes: line.digits.map((digit) => digit.box) };
  });
}

/** How a line fared: accepted, unsure or refused. */
export function fateOf(line) {
  if (line.accepted) return "accepted";
  return line.text ? "unsure" : "refused";
}

/** Why a line isn't accepted, for `say`; a reason without a word of its own is said as the server does. */
export function reasonOf(line) {
  if (line.accepted) return ["fate.accepted"];
  return has(`reason.${line.reason}`) ? [`reason.${line.reason}`] : ["reason.other", { reason: line.reason }];
}

/** One line: its digits and what became of it. */
export function lineRow(line) {
  const fate = fateOf(line);
  return make(
    "li",
    { class: `line ${fate}` },
    make("div", { class: "digits" }, ...line.digits.map(digitButton)),
    make("p", { class: "fate" }, badge(line), certainty(line)),
  );
}

/** What became of a line, in a word and a sign. */
export function badge(line) {
  return make("span", { class: `badge ${fateOf(line)}`, say: reasonOf(line) });
}

/** The rows of a grid, its cells with their digits. */
export function gridTable(page, lines) {
  const width = page.grid[0]?.length ?? 0;
  const rows = page.grid.map((_, at) => lines.slice(at * width, (at + 1) * width));
  return make("table", { class: "grid", title: "grid" }, make("tbody", {}, ...rows.map(gridRow)));
}

function gridRow(cells) {
  const cellOf = (cell) => make("td", { class: fateOf(cell) }, ...cell.digits.map(digitButton));
  return make("tr", {}, ...cells.map(cellOf));
}

function certainty(line) {
  if (!line.text) return null;
  return make("span", { class: "certainty", say: ["line.certainty", { share: line.confidence }] });
}

/** The button that opens a closer look at a digit. */
export function digitButton(digit) {
  const label = make("span", { class: "digit-label" });
  const right = make("span", { class: "digit-right" });
  const element = button(null, () => openPanel(digit, element), { class: "digit", disabled: !digit.seen });
  element.append(make("span", { class: "digit-labels" }, label, right));
  if (digit.label !== null) element.append(certaintyOf(digit));
  digit_of.set(element, { digit, label, right });
  fillDigit(element);
  return element;
}

function certaintyOf({ confidence }) {
  return make("span", { class: "digit-share", say: ["percent", { share: confidence }] });
}

function fillDigit(element) {
  const { digit, label, right } = digit_of.get(element);
  element.classList.toggle("is-corrected", digit.correction !== null);
  element.classList.toggle("is-confirmed", digit.isConfirmed);
  fillName(label, digit.label);
  if (digit.correction) fillName(right, digit.correction.label);
  else say(right, digit.isConfirmed ? "sign.right" : "nothing");
  title(element, ...titleOf(digit));
}
