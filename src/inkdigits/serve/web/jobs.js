/** Fine-tuning on the accepted corrections: started, watched, stopped. */

import { get, post } from "./api.js";
import { button, byId, make, refill } from "./element.js";
import { has } from "./language.js";
import * as status from "./status.js";
import { complaint } from "./tell.js";
import { verdictOf } from "./verdict.js";

const MOST = 10;
let last = "";

/** Makes the button work that starts a fine-tuning. */
export function prepareJobs() {
  byId("start").addEventListener("click", () => order("v1/jobs"));
}

/** Asks how the fine-tunings fare. Throws a Problem. */
export async function refreshJobs() {
  const { jobs } = await get("v1/jobs");
  const { manages } = status.status;
  const isRunning = jobs.some((job) => job.state === "running");
  const state = JSON.stringify([jobs, manages]);
  if (state === last) return;
  last = state;
  byId("start").disabled = !manages || isRunning;
  byId("no-jobs").hidden = jobs.length > 0;
  refill(byId("job-list"), ...jobs.slice(0, MOST).map(jobRow));
}

function jobRow(job) {
  const known = has(`job.${job.state}`) ? `job.${job.state}` : "job.other";
  const title = make("span", { class: `badge ${job.state}`, say: [known, { state: job.state }] });
  const values = { n: job.n_images ?? 0, made: new Date(job.made) };
  const about = make("span", { class: "note", say: ["job.about", values] });
  const parts = [make("p", { class: "fate" }, title, about)];
  if (job.state === "running") parts.push(running(job));
  if (job.model) parts.push(make("p", { say: ["job.model", { name: job.model }] }));
  if (job.error) parts.push(errorOf(job));
  const verdict = verdictOf(job.verdict);
  return make("li", { class: "job" }, ...parts, verdict);
}

function running(job) {
  const bar = make("progress", { max: 1, value: job.progress, title: "job.progress" });
  const share = make("span", { say: ["percent", { share: job.progress }] });
  const stop = button("job.stop", () => order(`v1/jobs/${job.id}/stop`), {
    class: "quiet",
    disabled: !status.status.manages,
    "data-focus": `stop-${job.id}`,
  });
  return make("p", { class: "running" }, bar, share, stop);
}

function errorOf(job) {
  const element = make("p", { class: "complaint", lang: "en" });
  element.textContent = job.error;
  return element;
}

async function order(path) {
  try {
    await post(path);
    byId("jobs-complaint").replaceChildren();
    await refreshJobs();
  } catch (error) {
    byId("jobs-complaint").replaceChildren(complaint(error));
  }
}
