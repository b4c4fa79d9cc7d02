/** Uploaded pictures and PDFs, each read and shown with its boxes and lines, the newest first. */

import { Problem, read } from "./api.js";
import { gridTable, lineRow, linesOf } from "./answer.js";
import { forget, show } from "./digits.js";
import { button, byId, make } from "./element.js";
import { asJpeg } from "./jpeg.js";
import { sheet } from "./sheet.js";
import { status } from "./status.js";
import { complaint, tell, waiting } from "./tell.js";

let last = Promise.resolve();

/** Reads a file after those that came before it, and shows it. */
export function addPicture(file) {
  const card = cardOf(file);
  byId("pictures").prepend(card.element);
  card.element.scrollIntoView({ block: "nearest" });
  readLater(card);
}

function cardOf(file) {
  const kind = byId("picture-kind").value;
  const name = make("h3", { class: "file-name" });
  name.textContent = file.name || "";
  const body = make("div", { class: "card-body" }, make("p", { class: "note", say: "picture.reading" }));
  const card = { file, kind, body, digits: [], url: URL.createObjectURL(file), element: null, isGone: false };
  const title = ["picture.dismiss", { name: file.name }];
  const close = button("sign.close", () => dismiss(card), { class: "icon", title });
  card.element = make("article", { class: "card picture" }, make("header", {}, name, close), body);
  return card;
}

function dismiss(card) {
  card.isGone = true;
  card.element.remove();
  URL.revokeObjectURL(card.url);
  forget(card.digits);
  byId("files").focus();
}

function readLater(card) {
  last = last.then(() => card.isGone || readNow(card));
}

async function readNow(card) {
  const onWait = (problem) => card.body.replaceChildren(waiting(problem));
  try {
    showDocument(card, await readAny(card.file, { kind: card.kind, onWait }));
  } catch (error) {
    const again = () => readLater(card);
    card.body.replaceChildren(complaint(error, { again }));
  }
}

/** Reads a file; one in a format that only the browser knows is sent as the browser shows it. */
async function readAny(file, order) {
  if (file.size > status.limits.bytes) throw new Problem({ status: 413, detail: "" });
  try {
    return await read(file, order);
  } catch (error) {
    const known = error.status === 415 ? await asJpeg(file) : null;
    if (known === null) throw error;
    return read(known, order);
  }
}

function showDocument(card, { pages, error }) {
  if (card.isGone) return;
  const url = isShown(card.file) && pages.length === 1 ? card.url : null;
  const shown = pages.map((page, at) => pageOf(page, { card, url, number: at + 1, n: pages.length }));
  if (error) shown.push(sentence(error));
  card.body.replaceChildren(...shown);
  show(card.digits);
  tell("told.picture", { name: card.file.name, n: pages.flatMap((page) => page.lines).length });
}

function isShown(file) {
  return file.type.startsWith("image/");
}

function pageOf(page, { card, url, number, n }) {
  const heading = n > 1 ? make("h4", { say: ["picture.page", { at: number, n }] }) : "";
  if (page.error) return make("section", { class: "page" }, heading, sentence(page.error));
  const lines = linesOf(page, page.model);
  card.digits.push(...lines.flatMap((line) => line.digits));
  const { element, marks } = sheet(page, lines, { url, name: card.file.name, number });
  const parts = make("div", { class: "page-parts" }, element, told(page, lines, marks));
  return make("section", { class: "page" }, heading, parts);
}

function told(page, lines, marks) {
  if (!lines.length) return make("p", { class: "note", say: "none.found" });
  if (page.grid) return make("div", { class: "grid-room" }, gridTable(page, lines));
  const rows = lines.map(lineRow);
  rows.forEach((row, at) => pointOut(row, marks[at]));
  return make("ol", { class: "lines" }, ...rows);
}

/** Marks a line's box while the pointer or the focus is on the line. */
function pointOut(row, mark) {
  const point = (isPointed) => () => mark.classList.toggle("is-pointed", isPointed);
  for (const event of ["pointerenter", "focusin"]) row.addEventListener(event, point(true));
  for (const event of ["pointerleave", "focusout"]) row.addEventListener(event, point(false));
}

function sentence(text) {
  const element = make("p", { class: "complaint", role: "alert", lang: "en" });
  element.textContent = text;
  return element;
}
