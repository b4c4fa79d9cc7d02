/** Puts the page together: two views, the language, and the news that another model serves. */

import { preparePanel } from "./panel.js";
import { prepareDrawing } from "./draw.js";
import { byId } from "./element.js";
import { prepareJobs } from "./jobs.js";
import { choose, current, say, translate } from "./language.js";
import { prepareModels, refreshModels } from "./models.js";
import { addPicture } from "./pictures.js";
import { prepareReview } from "./review.js";
import { onChange, status, watch } from "./status.js";
import { takeToken } from "./token.js";
import { prepareUpload } from "./upload.js";
import { prepareWaiting } from "./waiting.js";

const VIEWS = ["read", "models"];

takeToken();
translate();
prepareLanguage();
preparePanel();
prepareReview();
prepareDrawing();
prepareUpload((file) => {
  if (byId("read").hidden) location.hash = "#read";
  addPicture(file);
});
prepareModels();
prepareJobs();
prepareWaiting();
prepareNews();
addEventListener("hashchange", showView);
showView();
watch();

function prepareLanguage() {
  const chooser = byId("language");
  chooser.value = current();
  chooser.addEventListener("change", () => choose(chooser.value));
}

function showView() {
  takeToken();
  const wanted = location.hash.slice(1);
  const view = VIEWS.includes(wanted) ? wanted : VIEWS[0];
  for (const each of VIEWS) {
    byId(each).hidden = each !== view;
    byId(`to-${each}`).setAttribute("aria-current", each === view ? "page" : "false");
  }
  if (view === "models") refreshModels();
}

function prepareNews() {
  onChange((before) => {
    say(byId("model-name"), "model.answers", { name: status.model });
    byId("away").hidden = status.isReached;
    if (before.model && before.model !== status.model) showNews();
  });
  byId("news-close").addEventListener("click", () => (byId("news").hidden = true));
}

function showNews() {
  say(byId("news-text"), "news.model", { name: status.model });
  byId("news").hidden = false;
}
