/** What the server says of itself: its model, the labels, and whether this page may manage it. */

import { get } from "./api.js";
import { every } from "./every.js";

const SECONDS = 5;
const changes = new EventTarget();

/** The last answer of `v1/status`. */
export let status = { model: "", labels: [], manages: false, limits: {}, isReached: true };

/** Calls back with the status before whenever anything of it changes. */
export function onChange(listener) {
  changes.addEventListener("change", (event) => listener(event.detail));
}

/** Asks now. */
export async function refresh() {
  const before = status;
  try {
    status = { ...(await get("v1/status")), isReached: true };
  } catch {
    status = { ...before, isReached: false }; // whoever asks for more says so where it matters
  }
  if (JSON.stringify(status) !== JSON.stringify(before)) {
    changes.dispatchEvent(new CustomEvent("change", { detail: before }));
  }
}

/** Asks now and, while the page is visible, every few seconds. */
export async function watch() {
  await refresh();
  every(SECONDS, refresh);
}
