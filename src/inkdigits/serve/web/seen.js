/** Digit images: what the model saw of a digit, 28 × 28, and where it looked. */

const SIDE = 28;
const TINT = [255, 122, 26];
const FAINT = 0.02;

/** The bytes of a digit image in base64, bright ink on black. */
export function bytes(image) {
  return Uint8Array.from(atob(image), (letter) => letter.charCodeAt(0));
}

/** Draws a digit image, tinted where covering it made the answer less likely. */
export function draw(canvas, image, lookedAt = null) {
  const tint = lookedAt ? strengths(lookedAt) : null;
  canvas.width = canvas.height = SIDE;
  const picture = new ImageData(SIDE, SIDE);
  bytes(image).forEach((gray, at) => picture.data.set(pixel(gray, tint?.[at] ?? 0), 4 * at));
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

/** Whether any place mattered at all to the answer. */
export function mattered(lookedAt) {
  return Math.max(...lookedAt.flat()) >= FAINT;
}

/** The address of a picture of a digit image's ink alone, dark and cut out; null where there is no ink. */
export function cutOut(image) {
  const gray = bytes(image);
  const inked = [...gray.keys()].filter((at) => gray[at] > 0);
  if (!inked.length) return null;
  const columns = inked.map((at) => at % SIDE);
  const [left, right] = [Math.min(...columns), Math.max(...columns)];
  const [top, bottom] = [Math.floor(inked[0] / SIDE), Math.floor(inked.at(-1) / SIDE)];
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [right - left + 1, bottom - top + 1];
  const whole = new ImageData(SIDE, SIDE);
  gray.forEach((ink, at) => whole.data.set([17, 20, 28, ink], 4 * at));
  canvas.getContext("2d").putImageData(whole, -left, -top);
  return canvas.toDataURL();
}

function strengths(lookedAt) {
  const drops = lookedAt.flat();
  const largest = Math.max(...drops, FAINT);
  return drops.map((drop) => Math.max(0, drop) / largest);
}

function pixel(gray, strength) {
  const share = 0.8 * strength;
  return [...TINT.map((part) => Math.round((1 - share) * gray + share * part)), 255];
}
