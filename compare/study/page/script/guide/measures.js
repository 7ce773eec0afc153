// What the steps of the guide measure.

import { argmax, normOf } from "../engine/arrays.js";
import { record } from "../record/record.js";
import { idsOf, tokenOfId, tokensOf } from "../record/tokens.js";
import { SLICE } from "../state/redraw.js";
import { needNetwork, reading } from "../state/state.js";
import { readAgain } from "../state/training.js";
import { trainStep } from "../state/weights.js";

/** @import { Step } from "../engine/types.js" */

/**
 * Train on the text until `isDone()`, at most so many steps, without blocking the page; return their number.
 * @type {(most: number, isDone: () => boolean) => Promise<number>}
 */
export async function trainFor(most, isDone) {
  let count = 0;
  while (count < most && !isDone()) {
    const start = performance.now();
    while (count < most && performance.now() - start < SLICE && !isDone()) {
      trainStep();
      count += 1;
    }
    await new Promise((done) => setTimeout(done));
  }
  readAgain();
  return count;
}

/**
 * The forward pass of a text.
 * @type {(text: string) => Step[]}
 */
export const tapeOf = (text) => needNetwork().forward(idsOf(tokensOf(text)));

/**
 * The logits after a text.
 * @type {(text: string) => Float64Array}
 */
export function logitsAfter(text) {
  const tape = tapeOf(text);
  return tape[tape.length - 1].y;
}

/** @type {(y: Float64Array) => string} */
export const mostLikely = (y) => tokenOfId(argmax(y));

/**
 * Whether the first choice is right at each step of the text.
 * @type {(text: string) => boolean[]}
 */
export const guesses = (text) =>
  tapeOf(text)
    .slice(0, -1)
    .map(({ y }, t) => mostLikely(y) === tokensOf(text)[t + 1]);

/** ‖∂L_K/∂h_t‖ of the last loss, for all steps. */
export function lastNorms() {
  const [network, { ids }] = [needNetwork(), reading];
  const { steps } = network.backFromLast(network.forward(ids.slice(0, -1)), ids[ids.length - 1]);
  return steps.map(({ d_h }) => normOf(d_h));
}

/** @type {(x: number) => string} */
export const factor = (x) => (x >= 1 ? `${inThousands(x)} times larger` : `${inThousands(1 / x)} times smaller`);

/**
 * Three digits, such as 40.4 and 1,370.
 * @type {(x: number) => string}
 */
const inThousands = (x) => Number(x.toPrecision(3)).toLocaleString("en");

/** The text for the gradient's way back: long enough for a gradient to shrink. */
export const longText = () => (record.tokens.length >= 10 ? record.tokens.join("") : "the time traveller");

export const SIZES = ["It is larger", "About the same", "2 to 20 times smaller", "More than 20 times smaller"];

/** @type {(ratio: number) => string} */
export const sizeOf = (ratio) => SIZES[ratio > 1.5 ? 0 : ratio > 1 / 2 ? 1 : ratio > 1 / 20 ? 2 : 3];
