// For scripts and tests.

import { NAMES } from "../engine/network.js";
import { columnsOf } from "../record/cell.js";
import { record } from "../record/record.js";
import { idsOf, tokensOf } from "../record/tokens.js";
import { needNetwork } from "./state.js";

/** @import { Parameters } from "../engine/types.js" */

/**
 * The rows of a matrix as lists.
 * @type {(array: Float64Array, width: number) => number[][]}
 */
const nested = (array, width) => Array.from({ length: array.length / width }, (_, r) => [...array.subarray(r * width, (r + 1) * width)]);

/**
 * Arrays by torch's names as nested lists.
 * @type {(arrays: Parameters) => Record<string, number[] | number[][]>}
 */
const named = (arrays) =>
  Object.fromEntries(NAMES.map((name) => [name, name.includes("bias") ? [...arrays[name]] : nested(arrays[name], columnsOf(name))]));

export const rnnParity = {
  /** The current network: its vocabulary in order, and its parameters. */
  network: () => ({ vocab: [...record.shown_tokens], parameters: named(needNetwork().parameters) }),

  /**
   * Read text[:-1] with text[1:] as targets: states (T, H), logits (T, V), mean loss, all gradients.
   * @param {string} text
   */
  run(text) {
    const network = needNetwork();
    const ids = idsOf(tokensOf(text));
    if (ids.length < 2) throw new Error("expected a text of at least 2 characters");
    const { tape, loss, gradients } = network.run(ids.slice(0, -1), ids.slice(1));
    return {
      states: tape.map((step) => [...step.state[0]]),
      logits: tape.map((step) => [...step.y]),
      loss,
      gradients: named(gradients),
    };
  },
};
