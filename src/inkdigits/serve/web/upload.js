/** Pictures and PDFs that come in: chosen, photographed, dropped anywhere, or pasted. */

import { byId } from "./element.js";

/** Calls back with every file that comes in. */
export function prepareUpload(onFile) {
  const takeAll = (files) => [...files].forEach(onFile);
  for (const id of ["files", "camera"]) {
    byId(id).addEventListener("change", ({ target }) => {
      takeAll(target.files);
      target.value = ""; // so that the same file can be chosen again
    });
  }
  addEventListener("paste", ({ clipboardData }) => takeAll(clipboardData?.files ?? []));
  prepareDrop(takeAll);
}

function prepareDrop(takeAll) {
  const veil = byId("drop");
  addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    veil.hidden = false;
  });
  addEventListener("dragleave", (event) => {
    veil.hidden ||= event.relatedTarget === null; // the pointer has left the page
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    veil.hidden = true;
    takeAll(event.dataTransfer.files);
  });
}
