/** The corrections that wait: what people say against what was read, to accept or to reject. */

import { get, post } from "./api.js";
import { button, byId, make, refill } from "./element.js";
import { say } from "./language.js";
import { nameOf } from "./names.js";
import * as seen from "./seen.js";
import { status } from "./status.js";
import { complaint } from "./tell.js";

const MOST = 60;
let last = "";
let shown = [];

/** Makes the buttons work that decide on all that are shown. */
export function prepareWaiting() {
  byId("accept-all").addEventListener("click", () => review(shown, true));
  byId("reject-all").addEventListener("click", () => review(shown, false));
}

/** Asks for the corrections that wait, which only those with the token may see. Throws a Problem. */
export async function refreshWaiting() {
  byId("waiting").hidden = !status.manages;
  if (!status.manages) return;
  const found = await get(`v1/corrections?state=waiting&limit=${MOST}`);
  const state = JSON.stringify(found);
  if (state === last) return;
  last = state;
  shown = found.corrections.map((correction) => correction.id);
  say(byId("waiting-counts"), "waiting.counts", found.counts);
  byId("waiting-tools").hidden = shown.length === 0;
  refill(byId("waiting-list"), ...found.corrections.map(row));
}

function row(correction) {
  const { id, image, label, answer, confidence } = correction;
  const values = { label: nameOf(label), answer: nameOf(answer), confidence };
  const decide = (text, accept) =>
    button(text, () => review([id], accept), {
      class: accept ? "accept" : "quiet",
      title: [`${text}.title`, values],
      "data-focus": `${text}-${id}`,
    });
  return make(
    "li",
    { class: "correction" },
    pictureOf(image),
    make("p", { say: ["waiting.what", values] }),
    make("div", { class: "row" }, decide("waiting.accept", true), decide("waiting.reject", false)),
  );
}

function pictureOf(image) {
  if (image === null) return make("p", { class: "note", say: "waiting.no_image" });
  const canvas = make("canvas", { class: "seen", "aria-hidden": "true" });
  seen.draw(canvas, image);
  return canvas;
}

async function review(ids, accept) {
  try {
    await post("v1/corrections/review", { ids, accept });
    byId("waiting-complaint").replaceChildren();
    await refreshWaiting();
    if (document.activeElement === document.body) byId("waiting-list").querySelector("button")?.focus();
  } catch (error) {
    byId("waiting-complaint").replaceChildren(complaint(error));
  }
}
