// Arithmetic of flat arrays.

/** @import { Floats } from "./types.js" */

/**
 * M x + b: (R, C) (C,) + (R,) -> (R,)
 * @type {(M: Floats, x: Floats, b: Floats) => Float64Array}
 */
export function affine(M, x, b) {
  const [R, C] = [b.length, x.length];
  const y = new Float64Array(R);
  for (let r = 0; r < R; r++) {
    let sum = 0;
    for (let c = 0; c < C; c++) sum += M[r * C + c] * x[c];
    y[r] = sum + b[r];
  }
  return y;
}

/**
 * M^T d: (R, C)^T (R,) -> (C,)
 * @type {(M: Floats, d: Floats, C: number) => Float64Array}
 */
export function transposed(M, d, C) {
  const x = new Float64Array(C);
  for (let r = 0; r < d.length; r++) {
    for (let c = 0; c < C; c++) x[c] += M[r * C + c] * d[r];
  }
  return x;
}

/**
 * G += d x^T: what one step adds to a weight's gradient, (R,) (C,) -> (R, C)
 * @type {(G: Float64Array, d: Floats, x: Floats) => void}
 */
export function addOuter(G, d, x) {
  const C = x.length;
  for (let r = 0; r < d.length; r++) {
    for (let c = 0; c < C; c++) G[r * C + c] += d[r] * x[c];
  }
}

/** @type {(x: Float64Array, y: Float64Array) => Float64Array} */
export const add = (x, y) => x.map((value, n) => value + y[n]);

/** @type {(z: number) => number} */
export const sigmoid = (z) => (1 + Math.tanh(z / 2)) / 2; // cannot overflow

/**
 * ‖x‖
 * @type {(x: ArrayLike<number>) => number}
 */
export function normOf(x) {
  let sum = 0;
  for (let n = 0; n < x.length; n++) sum += x[n] * x[n];
  return Math.sqrt(sum);
}

/**
 * Row r of a matrix.
 * @template {Floats} A
 * @param {A} array
 * @param {number} r
 * @param {number} width
 * @returns {A}
 */
export const row = (array, r, width) => /** @type {A} */ (array.subarray(r * width, (r + 1) * width));

/**
 * The rows of a matrix, one after the other.
 * @type {(rows: Floats[]) => Float64Array}
 */
export function flat(rows) {
  const matrix = new Float64Array(rows.length && rows.length * rows[0].length);
  for (const [n, values] of rows.entries()) matrix.set(values, n * values.length);
  return matrix;
}

/**
 * M^T: (R, C) -> (C, R)
 * @type {(M: Floats, R: number, C: number) => Float64Array}
 */
export function columnsFirst(M, R, C) {
  const turned = new Float64Array(R * C);
  for (let r = 0; r < R; r++) for (let c = 0; c < C; c++) turned[c * R + r] = M[r * C + c];
  return turned;
}

/**
 * The largest magnitude.
 * @type {(values: Iterable<number>) => number}
 */
export function largest(values) {
  let most = 0;
  for (const x of values) most = Math.max(most, Math.abs(x));
  return most;
}

/**
 * The place of the largest number, the first if there are more.
 * @type {(values: ArrayLike<number>) => number}
 */
export function argmax(values) {
  let best = 0;
  for (let n = 1; n < values.length; n++) if (values[n] > values[best]) best = n;
  return best;
}

/** @type {(values: number[]) => number} */
export const meanOf = (values) => values.reduce((sum, x) => sum + x, 0) / values.length;

/**
 * The largest difference between entries of two lists of arrays.
 * @type {(some: ArrayLike<number>[], others: ArrayLike<number>[]) => number}
 */
export function apart(some, others) {
  let most = 0;
  some.forEach((values, m) => {
    for (let n = 0; n < values.length; n++) most = Math.max(most, Math.abs(values[n] - others[m][n]));
  });
  return most;
}

/** @type {(x: number, least: number, most: number) => number} */
export const clamp = (x, least, most) => Math.min(most, Math.max(least, x));
