// Text that the network writes.

import { argmax } from "./arrays.js";
import { softmax } from "./loss.js";

/** @import { Network } from "./network.js" */
/** @import { Step } from "./types.js" */

/**
 * Generate tokens after a text, whose forward pass the tape is of: at temperature 0 the most likely one,
 * else one drawn from softmax(y / temperature).
 * @type {(network: Network, tape: Step[], count: number, temperature: number, random?: () => number) => number[]}
 */
export function writeOn(network, tape, count, temperature, random = Math.random) {
  let { state, y } = tape[tape.length - 1];
  /** @type {number[]} */
  const written = [];
  while (written.length < count) {
    const id = temperature === 0 ? argmax(y) : pickFrom(softmax(y.map((x) => x / temperature)).p, random());
    written.push(id);
    ({ state, y } = network.step(id, state));
  }
  return written;
}

/**
 * The first token at which the sum of the probabilities is larger than u.
 * @type {(p: Float64Array, u: number) => number}
 */
export function pickFrom(p, u) {
  let sum = 0;
  for (let id = 0; id < p.length; id++) {
    sum += p[id];
    if (sum > u) return id;
  }
  return p.length - 1; // a sum below 1, by rounding
}

/**
 * A generator of numbers in 0 … 1 from a seed (mulberry32).
 * @type {(seed: number) => () => number}
 */
export function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}
