// The time of the moving picture: one step after the other, in five parts. The letter enters, it is mixed with the state
// before, the cell makes the new state, a prediction comes out, the new state goes on.

import { clamp } from "../engine/arrays.js";
import { T } from "./state.js";

/** @import { Reading } from "./state.js" */

/** @typedef {[number, number, number, number]} Box x, y, width and height */

/**
 * A number in the picture: where it is, and what it is called.
 *
 * @typedef {object} Mark
 * @property {string} of the column, or "letter"
 * @property {number} t step
 * @property {number} [i] unit
 * @property {number} [v] token
 * @property {number | null} value
 * @property {string} words
 * @property {number} x
 * @property {number} y
 * @property {number} wide
 * @property {number} tall
 */

/** @typedef {[number, number, number]} Product row, column, and W[row, column] times the number of the column */

export const PARTS = 5;

/**
 * @typedef {object} Hero
 * @property {number} at the time, in parts from the first letter on
 * @property {number | null} last the time of the frame before, in milliseconds
 * @property {number} frame the number of the frame that was asked for; 0: none
 * @property {number | null} t the step that it chose last
 * @property {boolean} isPlaying
 * @property {boolean} isOnScreen
 * @property {boolean} hidesGuess whether the guide asks for the prediction
 * @property {string | null} text what it reads
 * @property {string} said the place that the caption speaks of
 * @property {Mark[]} marks
 * @property {number} zoom how much larger than planned it is painted
 * @property {Reading | null} of the reading that `links` and `most` are computed from
 * @property {Map<number, Product[]>} links
 * @property {Record<string, number> | null} most
 */

/** @type {Hero} */
export const hero = {
  at: 0,
  last: null,
  frame: 0,
  t: null,
  isPlaying: false,
  isOnScreen: true,
  hidesGuess: false,
  text: null,
  said: "",
  marks: [],
  zoom: 1,
  of: null,
  links: new Map(),
  most: null,
};

export const heroStep = () => clamp(Math.ceil(hero.at / PARTS), 1, T);

/** The time in this step, 0 … PARTS. */
export const heroPart = () => hero.at - (heroStep() - 1) * PARTS;

/**
 * The time at which the picture of step t is whole.
 * @type {(t: number) => number}
 */
export const endOf = (t) => t * PARTS;
