/** Pictures in formats that the browser can show and the server can't read, as some phones take them. */

const QUALITY = 0.92;

/** The picture as a JPEG file, upright; null where the browser can't show it either. */
export async function asJpeg(file) {
  const picture = await createImageBitmap(file).catch(() => null);
  if (picture === null) return null;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [picture.width, picture.height];
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff"; // what is transparent would be black in a JPEG
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, 0, 0);
  return new Promise((done) => canvas.toBlob(done, "image/jpeg", QUALITY));
}
