/** The view of the models: their figures, who serves, and, with the token, who shall. */

import { get, post } from "./api.js";
import { button, byId, make, refill } from "./element.js";
import { every } from "./every.js";
import { has } from "./language.js";
import { refreshJobs } from "./jobs.js";
import * as status from "./status.js";
import { complaint, tell } from "./tell.js";
import { keepToken, token } from "./token.js";
import { verdictOf } from "./verdict.js";
import { refreshWaiting } from "./waiting.js";

const SECONDS = 2;
const SHARES = /accuracy|precision|recall|f1|ece|error|rate/;
let last = "";

/** Makes the view's controls work, and keeps it up to date while it is shown. */
export function prepareModels() {
  byId("roll-back").addEventListener("click", () => manage("v1/models/rollback"));
  byId("token-form").addEventListener("submit", takeToken);
  byId("token-forget").addEventListener("click", () => changeToken(""));
  status.onChange(fillToken);
  fillToken();
  every(SECONDS, refreshModels, { isWanted: () => !byId("models").hidden });
}

/** Asks for all that the view shows. */
export async function refreshModels() {
  try {
    showModels((await get("v1/models")).models);
    await Promise.all([refreshJobs(), refreshWaiting()]);
    byId("models-complaint").replaceChildren();
  } catch (error) {
    complain(error);
  }
}

function complain(error) {
  const place = byId("models-complaint");
  if (place.dataset.said === error.message && place.hasChildNodes()) return; // it needn't be heard every time
  place.dataset.said = error.message;
  place.replaceChildren(complaint(error));
}

function showModels(models) {
  const { manages } = status.status;
  const state = JSON.stringify([models, manages]);
  if (state === last) return;
  last = state;
  refill(byId("model-list"), ...models.map(modelCard));
  byId("roll-back").disabled = !manages || models.length < 2;
}

function modelCard(model) {
  const name = make("h3");
  name.textContent = model.name;
  const badge = model.serving ? make("span", { class: "badge accepted", say: "model.serving" }) : null;
  const values = { made: new Date(model.made) };
  const made = model.made ? make("p", { class: "note", say: ["model.made", values] }) : null;
  return make(
    "li",
    { class: model.serving ? "card model is-serving" : "card model" },
    make("header", {}, name, badge),
    made,
    figures(model.figures ?? {}),
    verdictOf(model.verdict),
    model.serving ? null : promoteButton(model.name),
  );
}

function figures(found) {
  if (!Object.keys(found).length) return null;
  return make("dl", { class: "figures" }, ...Object.entries(found).map(figureRow));
}

function figureRow([name, value]) {
  const format = SHARES.test(name) ? "percent.exact" : "number";
  return make("div", {}, make("dt", { say: figureName(name) }), make("dd", { say: [format, { value }] }));
}

function figureName(name) {
  return has(`figure.${name}`) ? `figure.${name}` : ["figure.other", { name }];
}

function promoteButton(name) {
  const path = `v1/models/${encodeURIComponent(name)}/promote`;
  const state = { disabled: !status.status.manages, "data-focus": name };
  return button("model.promote", () => manage(path), state);
}

/** Asks the server to serve another model. */
async function manage(path) {
  try {
    const { name } = await post(path);
    tell("told.serving", { name });
  } catch (error) {
    complain(error);
    return;
  }
  await status.refresh();
  await refreshModels();
}

function takeToken(event) {
  event.preventDefault();
  changeToken(byId("token").value.trim());
}

async function changeToken(text) {
  keepToken(text);
  byId("token").value = "";
  await status.refresh();
  fillToken();
  await refreshModels();
}

function fillToken() {
  const { manages, isReached } = status.status;
  byId("token-form").hidden = manages;
  byId("token-known").hidden = !manages;
  byId("token-wrong").hidden = manages || !isReached || token() === "";
}
