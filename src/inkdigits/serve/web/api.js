/** Requests to the server: their answers as JSON, their refusals as sentences. */

import { token } from "./token.js";

const MOST_TRIES = 5;
const LONGEST_WAIT = 60;

/** What the server, or the way to it, refused; `status` is 0 where no answer came. */
export class Problem extends Error {
  constructor({ status, detail, retryAfter = null }) {
    super(detail);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** Whether an error only says that a newer request took this one's place. */
export function isOutOfDate(error) {
  return error.name === "AbortError";
}

/** The JSON that a path answers. Throws a Problem. */
export async function get(path, { signal } = {}) {
  return answerOf(path, { signal });
}

/** The JSON that a path answers to some JSON. Throws a Problem. */
export async function post(path, content = {}, { signal } = {}) {
  const headers = { "Content-Type": "application/json" };
  return answerOf(path, { method: "POST", body: JSON.stringify(content), headers, signal });
}

/** What the server reads in a picture or PDF, a document, and the model that did; asked again while it is busy. */
export async function read(file, { kind, signal, onWait }) {
  const headers = { "Content-Type": file.type || "application/octet-stream" };
  const order = { method: "POST", body: file, headers, signal };
  return patiently(async () => {
    const answer = await answered(`v1/read?as=${kind}&seen=true`, order);
    const [document] = await answer.json();
    const model = answer.headers.get("Inkdigits-Model") ?? "";
    return { ...document, pages: document.pages.map((page) => ({ ...page, model })) };
  }, { signal, onWait });
}

async function patiently(ask, { signal, onWait }) {
  for (let tries = 1; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      const seconds = error.retryAfter ?? null;
      if (seconds === null || seconds > LONGEST_WAIT || tries === MOST_TRIES) throw error;
      onWait(error);
      await pause(seconds, signal);
    }
  }
}

function pause(seconds, signal) {
  return new Promise((done, fail) => {
    const timer = setTimeout(done, 1000 * seconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      fail(signal.reason);
    });
  });
}

async function answerOf(path, order) {
  return (await answered(path, order)).json();
}

async function answered(path, { headers = {}, ...order }) {
  const secret = token();
  const sent = secret ? { ...headers, Authorization: `Bearer ${secret}` } : headers;
  const answer = await reached(path, { ...order, headers: sent });
  if (!answer.ok) throw await problemOf(answer);
  return answer;
}

async function reached(path, order) {
  try {
    return await fetch(path, { ...order, cache: "no-store" });
  } catch (error) {
    if (isOutOfDate(error)) throw error;
    throw new Problem({ status: 0, detail: "" });
  }
}

async function problemOf(answer) {
  const content = await answer.json().catch(() => ({}));
  const detail = String(content.detail ?? content.error ?? "");
  return new Problem({ status: answer.status, detail, retryAfter: seconds(answer.headers.get("Retry-After")) });
}

function seconds(text) {
  const wait = Number.parseInt(text ?? "", 10);
  return Number.isNaN(wait) ? null : Math.max(1, wait);
}
