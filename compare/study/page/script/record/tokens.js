// Tokens: their ids, and how they are shown and read aloud.

import { make } from "../../../../files/page.js";
import { record, S, V } from "./record.js";

/** @import { Attributes } from "../../../../files/page.js" */

/** The id of each token that is shown. */
const IDS = new Map(record.shown_tokens.map((token, n) => [token, record.shown[n]]));

/** Whether a text can be typed; else the page does not have all rows of W_ih. */
export const CAN_TYPE = S === V;

/**
 * Whether the page knows the token.
 * @type {(token: string) => boolean}
 */
export const isKnown = (token) => IDS.has(token);

/**
 * The id of a token that the page knows.
 * @type {(token: string) => number}
 */
export function idOf(token) {
  const id = IDS.get(token);
  if (id === undefined) throw new Error(`expected a token of the vocabulary, got ${token}`);
  return id;
}

/**
 * Split a text into tokens, one for each character. A character that is not in the vocabulary becomes
 * its lower-case letter; if this is not there either, a space; else <unk>.
 * @type {(text: string) => string[]}
 */
export const tokensOf = (text) => [...text].flatMap((character) => [character, character.toLowerCase(), " ", "<unk>"].find(isKnown) ?? []);

/** @type {(tokens: string[]) => number[]} */
export const idsOf = (tokens) => tokens.map(idOf);

/**
 * The token with this id.
 * @type {(id: number) => string}
 */
export const tokenOfId = (id) => record.shown_tokens[record.shown.indexOf(id)];

/** Tokens that are shown by a sign. */
export const GLYPHS = new Map([
  [" ", "␣"],
  ["\n", "↵"],
  ["\t", "⇥"],
]);

const SPOKEN = new Map([
  [" ", "a space"],
  ["\n", "a new line"],
  ["\t", "a tab"],
]);

/** @type {(token: string) => string} */
export const glyph = (token) => GLYPHS.get(token) ?? (token === "<unk>" ? "?" : token);

/** @type {(token: string) => string} */
export const spoken = (token) => SPOKEN.get(token) ?? token;

/** @type {(token: string) => string} */
export const quoted = (token) => SPOKEN.get(token) ?? `“${token}”`;

/** @type {(text: string) => string} */
export const capital = (text) => text[0].toUpperCase() + text.slice(1);

/**
 * A token as an element.
 * @type {(token: string, attributes?: Attributes) => HTMLSpanElement}
 */
export const tokenSpan = (token, attributes = {}) =>
  make(
    "span",
    { ...attributes, class: [attributes.class, token === " " ? "space" : null].filter(Boolean).join(" ") || null },
    glyph(token),
  );
