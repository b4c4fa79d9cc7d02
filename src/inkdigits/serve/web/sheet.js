/** A page with boxes on it: its picture, or paper with the digits where the browser can't show that. */

import { fateOf } from "./answer.js";
import { drawn, make } from "./element.js";
import { word } from "./language.js";
import { titleOf } from "./names.js";
import { openPanel } from "./panel.js";
import { cutOut } from "./seen.js";

const LOW = 0.04; // of a page's height: above a box that is higher up there is no room for its sign
const SIGNS = { accepted: "✓", unsure: "?", refused: "✕" };

/**
 * The page of a picture, given the picture's address, which is null where a browser can't show it. `marks` are
 * the boxes, one a line.
 */
export function sheet(page, lines, { url, name, number }) {
  const marks = lines.map((line) => mark(line, page));
  const boxes = drawn("svg", { class: "boxes", "aria-hidden": "true" }, ...marks);
  const title = ["sheet", { name, page: number, n: lines.length }];
  const element = make("div", { class: "sheet", title, role: "img" });
  const image = make("img", { src: url, alt: "", on: { error: () => usePaper(element, page, lines) } });
  element.append(...(url ? [image, boxes] : [boxes]));
  if (!url) usePaper(element, page, lines);
  return { element, marks };
}

/** Boxes alone, to lie over something of the page's proportions. */
export function boxesOver(page, lines) {
  return drawn("svg", { class: "boxes", "aria-hidden": "true" }, ...lines.map((line) => mark(line, page)));
}

/** Shows empty paper of the page's proportions instead of its picture, the digits' images lying on it. */
function usePaper(element, page, lines) {
  element.querySelector("img")?.remove();
  element.classList.add("paper");
  element.style.aspectRatio = `${page.width} / ${page.height}`;
  const ink = lines.flatMap((line) => line.boxes.map((box, at) => inkOf(line.digits[at], box, page)));
  element.querySelector("svg").prepend(...ink.filter((image) => image !== null));
}

function inkOf(digit, box, page) {
  const href = digit.seen && cutOut(digit.seen);
  return href ? drawn("image", { href, preserveAspectRatio: "none", ...placed(box, page) }) : null;
}

/** The box of a line, with a sign and its text: it is told by more than its colour. */
function mark(line, page) {
  const { x, y } = placed(line.box, page);
  const isInside = page.grid !== null || line.box.y < LOW * page.height;
  const fate = fateOf(line);
  const outline = drawn("rect", { class: "outline", rx: 4, ...placed(line.box, page) });
  const shift = isInside ? { dx: "0.4em", dy: "1.3em" } : { dy: "-0.4em" };
  const text = drawn("text", { class: "sign", x, y, ...shift });
  text.textContent = `${SIGNS[fate]} ${line.text}`.trim();
  const group = drawn("g", { class: `mark ${fate}` }, outline, text);
  if (line.reason === "blank") return drawn("g");
  group.append(...line.boxes.map((box, at) => target(line.digits[at], box, page)));
  if (!line.boxes.length && line.digits.length) group.append(target(line.digits[0], line.box, page));
  return group;
}

/** The place of a digit that can be clicked; the keyboard has the buttons beside the picture. */
function target(digit, box, page) {
  const tip = drawn("title");
  tip.textContent = word(...titleOf(digit));
  const area = drawn("rect", { class: "target", ...placed(box, page) }, tip);
  area.addEventListener("click", () => openPanel(digit, document.activeElement));
  return area;
}

function placed(box, page) {
  const [across, down] = [100 / page.width, 100 / page.height];
  return {
    x: `${box.x * across}%`,
    y: `${box.y * down}%`,
    width: `${box.width * across}%`,
    height: `${box.height * down}%`,
  };
}
