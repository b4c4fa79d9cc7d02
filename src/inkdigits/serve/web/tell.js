/** What happened, said aloud by screen readers; what went wrong, said on the page. */

import { Problem } from "./api.js";
import { button, byId, make } from "./element.js";
import { has, say } from "./language.js";

/** Lets screen readers say a word of words.js. */
export function tell(key, values) {
  say(byId("told"), key, values);
}

/** An element that says what went wrong, with a button to try again where that may help. */
export function complaint(error, { again = null } = {}) {
  if (!(error instanceof Problem)) console.error(error);
  const status = error instanceof Problem ? error.status : "page";
  const known = has(`error.${status}`) ? `error.${status}` : "error.other";
  return make(
    "div",
    { class: "complaint", role: "alert" },
    make("p", { say: [known, { status }] }),
    error.message ? detail(error.message) : null,
    again && mayHelp(status) ? button("again", again, { class: "quiet" }) : null,
  );
}

/** An element that says that the server is busy, and when it is asked again. */
export function waiting(problem) {
  return make("p", { class: "note", role: "status", say: ["busy", { n: problem.retryAfter }] });
}

/** Whether the same request may be answered a little later. */
function mayHelp(status) {
  return status === 0 || status === 429 || status >= 500;
}

function detail(sentence) {
  const element = make("p", { lang: "en" }); // the server's sentences are in English
  element.textContent = sentence;
  return element;
}
