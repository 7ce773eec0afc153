// What the page shows now. `chosen` is what the pictures show, `live` are the current weights, `game` is the puzzle, and
// `reading` is the text with all its numbers. T and K change with the text.

import { argmax, row } from "../engine/arrays.js";
import { printLikeNumPy, rounded, withMinus } from "../record/numbers.js";
import { H, record, S, TRAINED_STEPS } from "../record/record.js";
import { round } from "../record/unpack.js";

/** @import { Network } from "../engine/network.js" */
/** @import { Optimizer } from "../engine/optimizers.js" */
/** @import { Run, Step } from "../engine/types.js" */
/** @import { Arrays, RecordedBug } from "../record/record.js" */

/** The steps of the text. */
export let T = record.T;

/** Its losses: one less. */
export let K = T - 1;

/**
 * What the pictures show. `choose` changes it, and draws each view again that depends on the change.
 *
 * @typedef {object} Chosen
 * @property {number} c checkpoint
 * @property {number} t step, 1 … T
 * @property {number} i unit, 0 … H-1
 * @property {number} k loss, 1 … K
 * @property {number | null} v token of the logits, among the shown; null: the one that comes next
 * @property {number} n steps after which gradients are cut
 * @property {number} s stage of the gradient's way through step t: 0 … 3
 * @property {number} u number of units that the pictures show
 * @property {boolean} compare whether PyTorch's numbers are shown beside NumPy's
 * @property {boolean} ulps whether differences are also shown in ulps
 */

/** @type {Chosen} */
export const chosen = {
  c: record.checkpoints.length - 1,
  t: Math.min(T, 5),
  i: Math.floor(H / 3),
  k: Math.max(K, 1),
  v: null,
  n: Math.max(1, Math.min(TRAINED_STEPS, K)),
  s: 1,
  u: H > 64 ? 32 : H,
  compare: false,
  ulps: false,
};

/**
 * The units that the pictures show, by number: those whose state changes most over the text.
 * @type {number[]}
 */
export let units = [];

/** @param {number} count */
export function showUnits(count) {
  units = record.units_by_change.slice(0, count).sort((a, b) => a - b);
  if (!units.includes(chosen.i)) chosen.i = units[Math.floor(count / 3)];
}
showUnits(chosen.u);

/**
 * The entries of the shown units.
 * @type {(array: ArrayLike<number>) => Float64Array}
 */
export const ofShown = (array) => Float64Array.from(units, (i) => array[i]);

// ---------------------------------------------------------------- weights and game

/** @typedef {{ name: string, n: number, before: number }} Edit A weight that was changed by hand. */

/**
 * A row of the table of checkpoints.
 * @typedef {{ perplexity: number | null, written: string[], drawn: string[] | null }} CourseRow
 */

/**
 * @typedef {object} Live
 * @property {string | null} text what was typed; null: the recorded text
 * @property {Network | null} ofAddress the network of the address, until another checkpoint is chosen
 * @property {Network | null} network the current one; null if the page does not have all its weights
 * @property {Float64Array | null} base W_hh before the gain
 * @property {number} gain
 * @property {number[]} losses before each update
 * @property {number} numClipped updates that were clipped
 * @property {Edit | null} edit
 * @property {boolean} isRead whether `reading` has the results of these weights
 * @property {Optimizer | null} optimizer
 * @property {object | null} training an object of its own for each training; null: none goes on
 * @property {{ key: string, rows: CourseRow[] | null } | null} course the text at each checkpoint, as far as it is computed
 */

/** @type {Live} */
export const live = {
  text: null,
  ofAddress: null,
  network: null,
  base: null,
  gain: 1,
  losses: [],
  numClipped: 0,
  edit: null,
  isRead: false,
  optimizer: null,
  training: null,
  course: null,
};

/** The current network. */
export function needNetwork() {
  if (!live.network) throw new Error("the page does not have all weights of this network");
  return live.network;
}

/**
 * @typedef {object} Game
 * @property {RecordedBug | null} bug the bug in the engine
 * @property {number} number of the puzzle
 * @property {RecordedBug[]} offered the answers
 * @property {Set<string>} tried the names guessed so far
 * @property {number} hints
 * @property {boolean} isOver
 * @property {Map<number, number>} points of each puzzle, by its number
 */

/** @type {Game} */
export const game = { bug: null, number: 0, offered: [], tried: new Set(), hints: 0, isOver: false, points: new Map() };

// ---------------------------------------------------------------- the text and its numbers

/**
 * All results for a text.
 *
 * @typedef {object} Reading
 * @property {boolean} isRecorded whether NumPy and PyTorch computed them
 * @property {string} text
 * @property {string[]} tokens
 * @property {number[]} ids
 * @property {number[]} targets
 * @property {number[]} column of each step: the row of `a` that its token has
 * @property {number[]} inputRow of each step: the row of W_ih
 * @property {Arrays} numbers
 * @property {Arrays | null} details
 * @property {number | null} loss
 * @property {number | null} perplexity
 * @property {number | null} radius
 * @property {number | null} singular
 * @property {string} label of the weights
 * @property {Step[] | null} tape
 * @property {Run | null} back
 */

/** @type {Reading} */
export let reading;

/**
 * Show other results.
 * @param {Reading} results
 */
export function setReading(results) {
  reading = results;
  T = reading.tokens.length;
  K = T - 1;
}

export const checkpoint = () => record.checkpoints[chosen.c];
export const numbers = () => reading.numbers;
export const details = () => reading.details;

/** The forward pass of the page's own engine. */
export function needTape() {
  if (!reading.tape) throw new Error("the page does not have all weights of this network");
  return reading.tape;
}

/** The backward pass of the page's own engine. */
export function needBack() {
  if (!reading.back) throw new Error("the page has no gradients of this text");
  return reading.back;
}

/**
 * The token that comes after step t, null after the last one.
 * @type {(t: number) => number | null}
 */
export const trueNext = (t) => (t <= K ? reading.targets[t - 1] : null);

/** The token whose logit is shown. */
export const chosenToken = () => chosen.v ?? trueNext(chosen.t) ?? argmax(row(numbers().p, chosen.t - 1, S));

/** Whether PyTorch's numbers are shown beside NumPy's. */
export const isCompared = () => reading.isRecorded && chosen.compare;

/**
 * Round a number as the results are rounded.
 * @type {(x: number) => number}
 */
export const float = (x) => (reading.isRecorded ? round(x) : x);

/**
 * Return a number with the digits that NumPy prints, if NumPy computed it; else with eight. A zero has no sign.
 * @type {(x: number) => string}
 */
export const show = (x) => (reading.isRecorded && Object.is(round(x), x) ? withMinus(printLikeNumPy(x === 0 ? 0 : x)) : rounded(x, 8));

// ---------------------------------------------------------------- what is pointed at

/**
 * The names of what is pointed at: see panels/pointing.js.
 * @type {string[]}
 */
export let pointed = [];

/** @param {string[]} names */
export function setPointed(names) {
  pointed = names;
}

/** @type {(kind: string, number: number) => boolean} */
export const isPointed = (kind, number) => pointed.includes(`${kind}-${number}`);
