// The loss as a function of one weight w, all others fixed. Its slope at w is the gradient ∂L/∂w, which the backward
// pass computes. It can also be measured, with the forward pass alone:
//
//     slope = (L(w + ε) - L(w - ε)) / 2ε

import { meanLoss } from "./loss.js";

/** @import { Network } from "./network.js" */

const EPSILON = 1e-5;

/** The picture has the weight as it was, ± REACH. */
export const REACH = 1;

/**
 * The mean loss with another value of one weight; afterwards the weight is as before.
 * @type {(network: Network, ids: number[], name: string, n: number, value: number) => number}
 */
export function lossWith(network, ids, name, n, value) {
  const weights = network.parameters[name];
  const now = weights[n];
  weights[n] = value;
  const loss = meanLoss(network, ids);
  weights[n] = now;
  return loss;
}

/**
 * The slope of the loss at a weight, measured on both sides of it, and both losses.
 * @type {(network: Network, ids: number[], name: string, n: number) => { below: number, above: number, slope: number }}
 */
export function measureSlope(network, ids, name, n) {
  const w = network.parameters[name][n];
  const [less, more] = [w - EPSILON, w + EPSILON];
  const [below, above] = [less, more].map((value) => lossWith(network, ids, name, n, value));
  return { below, above, slope: (above - below) / (more - less) };
}

/**
 * The loss at values around one of a weight: [value, loss] of each.
 * @param {{ network: Network, ids: number[], name: string, n: number, middle: number }} weight
 * @returns {Generator<void, [number, number][], void>}
 */
export function* lossesAround({ network, ids, name, n, middle }) {
  /** @type {[number, number][]} */
  const losses = [];
  for (let m = -16; m <= 16; m++) {
    const value = middle + (m * REACH) / 16;
    losses.push([value, lossWith(network, ids, name, n, value)]);
    yield;
  }
  return losses;
}
