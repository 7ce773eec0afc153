import { clamp } from "../engine/arrays.js";

/**
 * From 0 to 1, slowly at both ends.
 * @type {(x: number) => number}
 */
export const ease = (x) => clamp(x, 0, 1) ** 2 * (3 - 2 * clamp(x, 0, 1));
