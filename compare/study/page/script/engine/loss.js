// The loss of a step, and its gradient.

import { meanOf } from "./arrays.js";

/** @import { Network } from "./network.js" */
/** @import { Step, TokenLoss } from "./types.js" */

/**
 * exp(y - m) / s, with m = max y and s = Σ exp(y - m)
 * @type {(y: Float64Array) => { p: Float64Array, m: number, s: number }}
 */
export function softmax(y) {
  const m = y.reduce((most, x) => Math.max(most, x), -Infinity);
  const exps = y.map((x) => Math.exp(x - m));
  const s = exps.reduce((sum, x) => sum + x, 0);
  return { p: exps.map((x) => x / s), m, s };
}

/**
 * L = log s - (y_k - m), and δy = p - onehot(k)
 * @type {(y: Float64Array, k: number) => TokenLoss}
 */
export function crossEntropy(y, k) {
  const { p, m, s } = softmax(y);
  const d_y = p.slice();
  d_y[k] -= 1;
  return { loss: Math.log(s) - (y[k] - m), d_y };
}

/**
 * Loss and δy of each step that has a target.
 * @type {(tape: Step[], targets: number[]) => TokenLoss[]}
 */
export const lossesOf = (tape, targets) => targets.map((target, t) => crossEntropy(tape[t].y, target));

/**
 * The mean loss of a text, by the forward pass alone.
 * @type {(network: Network, ids: number[]) => number}
 */
export function meanLoss(network, ids) {
  return meanOf(lossesOf(network.forward(ids.slice(0, -1)), ids.slice(1)).map(({ loss }) => loss));
}
