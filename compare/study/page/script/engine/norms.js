// The norms of all gradients of a text: the longest computation of the page, which runs in a worker.

import { normOf } from "./arrays.js";
import { cellOf } from "./cells/table.js";
import { Network, totalNorm } from "./network.js";
import { withBug } from "./with_bug.js";

/** @import { Parameters } from "./types.js" */

/**
 * @typedef {object} NormsInput
 * @property {string} cell the cell's name
 * @property {string} nonlinearity
 * @property {Parameters} parameters
 * @property {string | undefined} bug the name of the bug in the engine
 * @property {number[]} ids
 * @property {number[]} targets
 */

/** @typedef {{ norms: Float64Array, gradient_norms: Float64Array }} Norms (K, K) and (K + 1,) */

/**
 * ‖∂L_k/∂h_t‖ for all losses and steps; the norm of the gradient of all parameters for each loss and for the mean.
 * @param {NormsInput} input
 * @returns {Generator<void, Norms, void>}
 */
export function* normsOf({ cell, nonlinearity, parameters, bug, ids, targets }) {
  const network = withBug(new Network(cellOf(cell, nonlinearity), parameters), bug);
  const { tape, gradients } = network.run(ids.slice(0, -1), targets);
  const K = targets.length;
  const norms = new Float64Array(K * K);
  const gradientNorms = new Float64Array(K + 1);
  for (const [k, target] of targets.entries()) {
    yield;
    const back = network.backFromLast(tape.slice(0, k + 1), target);
    for (const [t, step] of back.steps.entries()) norms[k * K + t] = normOf(step.d_h);
    gradientNorms[k] = totalNorm(back.gradients);
  }
  gradientNorms[K] = K ? totalNorm(gradients) : 0;
  return { norms, gradient_norms: gradientNorms };
}
