/** Whether a model that was fine-tuned should serve. */

import { make } from "./element.js";

/** What fine-tuning found of a model, in its own words. */
export function verdictOf(verdict) {
  if (!verdict) return null;
  const reason = make("span", { lang: "en" });
  reason.textContent = verdict.reason ?? "";
  const word = verdict.promote ? "verdict.promote" : "verdict.keep";
  return make("p", { class: "verdict" }, make("strong", { say: word }), " ", reason);
}
