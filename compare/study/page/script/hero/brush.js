// What all parts of the moving picture are painted with.

import { hero } from "../state/hero_time.js";

/** @import { Floats } from "../engine/types.js" */
/** @import { Box } from "../state/hero_time.js" */
/** @import { Plan } from "./plan.js" */

/** @typedef {Record<"paper" | "ink" | "soft" | "line" | "accent" | "raised", string>} Ink colours of the style sheet */

/**
 * A picture that is being painted.
 *
 * @typedef {object} Painting
 * @property {CanvasRenderingContext2D} brush
 * @property {Plan} plan
 * @property {Ink} ink
 * @property {number} t step
 * @property {Record<string, Floats>} values the numbers of the step: see `heroNumbers`
 * @property {number[]} done how far each part of the step is: 0 … 1
 */

/**
 * @typedef {object} Look
 * @property {string} colour
 * @property {number} size
 * @property {number} [weight]
 * @property {CanvasTextAlign} [align]
 * @property {"sans" | "mono"} [family]
 */

/**
 * Write words at a place.
 * @type {(brush: CanvasRenderingContext2D, words: string, x: number, y: number, look: Look) => void}
 */
export function write(brush, words, x, y, { colour: fill, size, weight = 400, align = "left", family = "sans" }) {
  const fonts = family === "mono" ? "ui-monospace, Menlo, Consolas, monospace" : "system-ui, sans-serif";
  Object.assign(brush, { fillStyle: fill, textAlign: align, font: `${weight} ${size}px ${fonts}` });
  brush.fillText(words, x, y);
}

/**
 * A frame that is seen on every colour: a line of ink between two of paper.
 * @type {(brush: CanvasRenderingContext2D, ink: Ink, x: number, y: number, wide: number, tall: number) => void}
 */
export function frame(brush, ink, x, y, wide, tall) {
  for (const line of [
    { strokeStyle: ink.paper, lineWidth: 4 },
    { strokeStyle: ink.ink, lineWidth: 1.6 },
  ]) {
    Object.assign(brush, line);
    brush.strokeRect(x, y, wide, tall);
  }
}

/**
 * Add a number to those that can be pointed at.
 * @type {(of: string, t: number, place: { i?: number, v?: number }, value: number | null, words: string, box: Box) => void}
 */
export function addMark(of, t, place, value, words, [x, y, wide, tall]) {
  hero.marks.push({ of, t, ...place, value, words, x, y, wide, tall });
}
