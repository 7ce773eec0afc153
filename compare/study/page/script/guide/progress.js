/** @import { Floats } from "../engine/types.js" */

/**
 * A step of the guide. It marks one part of the page, and asks for a prediction. Then it shows the answer, which is
 * computed from the numbers of the page: no number stands in its texts.
 *
 * @typedef {object} GuideStep
 * @property {string} mark id of the part; the guide stands beside it, and opens its section. It is at most 400 pixels
 *   high, so that a phone shows it whole. Without this part the step is left out
 * @property {string} [covers] id of what cannot be seen before the prediction
 * @property {string | (() => string)} reads the text, which is typed for the visitor; without its characters in the
 *   vocabulary the step is left out
 * @property {boolean} [isOfTanh] whether the step is left out if the network has gates, or ReLU
 * @property {string} title
 * @property {string | (() => string)} text
 * @property {string | (() => string)} question
 * @property {() => string[]} options the answers to choose from
 * @property {() => void} [begin] sets the page up for this step
 * @property {() => Answer | Promise<Answer>} look the answer; it first does whatever the visitor did not do
 */

/** @typedef {{ rightOption: string, text: string }} Answer the right option, and why */

/** How far the visitor is. */
export const guide = {
  /** @type {GuideStep[]} */
  steps: [],
  /** The number of the step, or -1. */
  at: -1,
  right: 0,
  asked: 0,
  /**
   * The states that the step began with.
   * @type {Floats}
   */
  states: new Float64Array(),
};
