/** Every text of the page, by language and key; language.js says how values get into them. */

import { en } from "./words.en.js";
import { zh } from "./words.zh.js";

export const WORDS = { en, zh };
