/** A closer look at one digit: what the model saw, where it looked, and its runners-up. */

import { isOutOfDate, post } from "./api.js";
import { make } from "./element.js";
import { say } from "./language.js";
import { fillName } from "./names.js";
import * as seen from "./seen.js";
import { complaint } from "./tell.js";

const N_RUNNERS_UP = 4;
let isTinted = true;

/** The element that shows it; the server is asked for as long as the signal isn't aborted. */
export function look(digit, { signal }) {
  const picture = make("canvas", { class: "seen", role: "img", title: "look.seen" });
  const caption = make("p", { class: "caption", say: "look.asking" });
  const bars = make("ol", { class: "bars", title: "look.bars" });
  const box = make("input", { type: "checkbox", checked: isTinted });
  const shown = { digit, picture, caption };
  box.addEventListener("change", () => {
    isTinted = box.checked;
    tint(shown);
  });
  seen.draw(picture, digit.seen);
  ask(shown, bars, signal);
  const choice = make("label", { class: "switch" }, box, make("span", { say: "look.where" }));
  return make("div", { class: "look" }, picture, bars, make("div", { class: "look-notes" }, choice, caption));
}

async function ask(shown, bars, signal) {
  try {
    await Promise.all([askScores(shown.digit, bars, signal), askLookedAt(shown, signal)]);
  } catch (error) {
    if (!isOutOfDate(error)) shown.caption.replaceWith(complaint(error));
  }
}

async function askScores(digit, bars, signal) {
  digit.scores ??= await post("v1/classify", { images: [digit.seen] }, { signal });
  const { labels, scores } = digit.scores;
  const ranked = labels.map((label, at) => ({ label, score: scores[0][at] }));
  ranked.sort((one, other) => other.score - one.score);
  bars.replaceChildren(...ranked.slice(0, N_RUNNERS_UP).map(bar));
}

async function askLookedAt(shown, signal) {
  const { digit } = shown;
  digit.lookedAt ??= (await post("v1/explain", { images: [digit.seen] }, { signal })).looked_at[0];
  tint(shown);
}

function tint({ digit, picture, caption }) {
  if (!digit.lookedAt) return;
  seen.draw(picture, digit.seen, isTinted ? digit.lookedAt : null);
  say(caption, captionOf(digit.lookedAt));
}

function captionOf(lookedAt) {
  if (!isTinted) return "look.plain";
  return seen.mattered(lookedAt) ? "look.tinted" : "look.nowhere";
}

function bar({ label, score }) {
  const name = make("span", { class: "bar-label" });
  fillName(name, label);
  const filling = make("span", { class: "bar-filling" });
  filling.style.setProperty("--share", score);
  const share = make("span", { class: "bar-share", say: ["percent", { share: score }] });
  return make("li", {}, name, make("span", { class: "bar", "aria-hidden": "true" }, filling), share);
}
