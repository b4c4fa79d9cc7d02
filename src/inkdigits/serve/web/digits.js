/** The digits on the screen, what the server said of each and what the person says of it. */

import { post } from "./api.js";

const changes = new EventTarget();
let shown = [];

/**
 * One digit, or a line that was refused as a whole, whose label is null. `correction` is what was sent of it;
 * `isConfirmed` says that the person found it right.
 */
export class Digit {
  constructor({ label, confidence, seen, model }) {
    Object.assign(this, { label, confidence, seen, model, correction: null, isConfirmed: false });
  }

  get isSettled() {
    return this.isConfirmed || this.correction !== null;
  }

  /** Sends the right label, or keeps that the answer was right. Throws a Problem. */
  async correct(label) {
    await this.withdraw();
    if (label === this.label) this.isConfirmed = true;
    else this.correction = { ...(await post("v1/corrections", this.correctionTo(label))), label };
    announce();
  }

  /** Takes back what was said of it. Throws a Problem. */
  async withdraw() {
    const { correction } = this;
    if (correction?.undo) await post(`v1/corrections/${correction.id}/withdraw`, { undo: correction.undo });
    this.correction = null;
    this.isConfirmed = false;
    announce();
  }

  correctionTo(label) {
    const { seen, confidence, model } = this;
    return { image: seen, label, answer: this.label ?? "none", confidence, model };
  }
}

/** Calls back whenever digits come, go or are corrected. */
export function onChange(listener) {
  changes.addEventListener("change", listener);
}

/** Puts digits on the screen. */
export function show(digits) {
  shown = [...shown, ...digits];
  announce();
}

/** Takes digits off the screen. */
export function forget(digits) {
  shown = shown.filter((digit) => !digits.includes(digit));
  announce();
}

/** The digits that nobody has corrected or confirmed, the least sure first. */
export function queue() {
  const open = shown.filter((digit) => digit.seen && !digit.isSettled);
  return open.sort((one, other) => one.confidence - other.confidence);
}

function announce() {
  changes.dispatchEvent(new Event("change"));
}
