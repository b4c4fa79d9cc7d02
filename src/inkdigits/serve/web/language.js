/** The page in the reader's language: words, numbers and dates, changed in place when another is chosen. */

import { WORDS } from "./words.js";

const KEPT = "inkdigits.language";
const values_of = new WeakMap();

let language = kept() ?? preferred();

/** The language that is shown: "en" or "zh". */
export function current() {
  return language;
}

/** Shows the whole page in a language, and keeps it for the next visit. */
export function choose(code) {
  language = code;
  try {
    localStorage.setItem(KEPT, code);
  } catch {
    // Storage may be forbidden; the choice then lasts as long as the page.
  }
  translate();
}

/** Writes every text of the page anew. */
export function translate() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = word("page.title");
  for (const element of document.querySelectorAll("[data-say]")) fillText(element);
  for (const element of document.querySelectorAll("[data-title]")) fillTitle(element);
}

/** Gives an element a text that follows the language. */
export function say(element, key, values = {}) {
  element.dataset.say = key;
  remember(element, "say", values);
  fillText(element);
}

/** Gives an element an accessible name, and a tooltip, that follow the language. */
export function title(element, key, values = {}) {
  element.dataset.title = key;
  remember(element, "title", values);
  fillTitle(element);
}

/**
 * The text for a key. In it `{name}` is a value, `{name%}` one in per cent and `{name%%}` the same with one digit
 * more; numbers and dates are written as the language does, and a value that is a [key, values] is a text itself.
 */
export function word(key, values = {}) {
  const entry = WORDS[language][key] ?? WORDS.en[key];
  const text = typeof entry === "string" ? entry : entry[plural(values.n)];
  return text.replace(/\{(\w+)(%*)\}/g, (_, name, signs) => shown(values[name], signs.length));
}

/** Whether there is a text for a key. */
export function has(key) {
  return Object.hasOwn(WORDS.en, key);
}

/** A probability in per cent, never rounded up to a certainty that it isn't. */
function percent(share, maximumFractionDigits) {
  const most = share < 1 ? 1 - 0.01 * 0.1 ** maximumFractionDigits : 1;
  return new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits }).format(Math.min(share, most));
}

function number(value) {
  return new Intl.NumberFormat(language, { maximumFractionDigits: 4 }).format(value);
}

function moment(time) {
  if (Number.isNaN(time.getTime())) return "–";
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(time);
}

function shown(value, nSigns) {
  if (Array.isArray(value)) return word(...value);
  if (value instanceof Date) return moment(value);
  if (typeof value !== "number") return String(value);
  return nSigns ? percent(value, nSigns) : number(value);
}

function plural(n) {
  return new Intl.PluralRules(language).select(n) === "one" ? "one" : "other";
}

function remember(element, what, values) {
  values_of.set(element, { ...values_of.get(element), [what]: values });
}

function fillText(element) {
  element.textContent = word(element.dataset.say, values_of.get(element)?.say);
}

function fillTitle(element) {
  const name = word(element.dataset.title, values_of.get(element)?.title);
  element.setAttribute("aria-label", name);
  element.title = name;
}

function kept() {
  try {
    const code = localStorage.getItem(KEPT);
    return Object.hasOwn(WORDS, code ?? "") ? code : null;
  } catch {
    return null;
  }
}

function preferred() {
  const first = navigator.languages.find((code) => /^(zh|en)\b/i.test(code)) ?? "en";
  return first.slice(0, 2).toLowerCase();
}
