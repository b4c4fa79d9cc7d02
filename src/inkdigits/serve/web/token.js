/** The secret that lets one manage: taken from the page's address once, and kept until the tab is closed. */

const KEPT = "inkdigits.token";

let secret = kept();

/** The token, or "" where there is none. */
export function token() {
  return secret;
}

/** Keeps another token; "" forgets it. */
export function keepToken(text) {
  secret = text;
  try {
    sessionStorage.setItem(KEPT, text);
  } catch {
    // Storage may be forbidden; the token then lasts as long as the page.
  }
}

/** Takes the token out of `#token=…`, so that it stays in no history and no screenshot. */
export function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given === null) return;
  keepToken(given);
  history.replaceState(null, "", location.pathname + location.search);
}

function kept() {
  try {
    return sessionStorage.getItem(KEPT) ?? "";
  } catch {
    return "";
  }
}
