// The numbers of one write, as rows of a table: how each was computed, and from which others.

import { dotOf } from "../../engine/delta.js";
import { rounded } from "../../record/numbers.js";

/** @import { Pair, Written } from "../../engine/delta.js" */
/** @import { LinkedCell, LinkedRow } from "../../pictures/linked_numbers.js" */

/** The names of the keys. */
export const KEYS = ["X", "Y", "Z"];

/**
 * Three keys of length 1. The first two have this product; the third is orthogonal to both.
 * @type {(product: number) => number[][]}
 */
export const keysOf = (product) => [
  [1, 0, 0],
  [product, Math.sqrt(1 - product * product), 0],
  [0, 0, 1],
];

/** @type {(...factors: number[]) => string} */
const productOf = (...factors) => factors.map((x) => (x < 0 ? `(${rounded(x)})` : rounded(x))).join(" · ");

/** @type {(place: string, value: number, formula: string, numbers?: string, from?: string[]) => LinkedCell} */
const sumCell = (place, value, formula, numbers = "", from = []) => ({
  place,
  values: [value],
  made: [[formula, numbers ? `${numbers} = ${rounded(value, 8)}` : rounded(value, 8)]],
  from,
});

/**
 * a · b, whose entries stand at the places "a1", "a2" … and "b1", "b2" …
 * @type {(place: string, formula: string, a: [string, number[]], b: [string, number[]]) => LinkedCell}
 */
function dotCell(place, formula, [a, values], [b, others]) {
  const numbers = values.map((x, n) => productOf(x, others[n])).join(" + ");
  const from = [a, b].flatMap((name) => values.map((_, n) => `${name}${n + 1}`));
  return sumCell(place, dotOf(values, others), formula, numbers, from);
}

/**
 * The keys and their products; the decayed memory, what the key reads there, and its error; the memory, and what each key reads.
 * @type {(keys: number[][], chosen: number, before: number[][], pair: Pair, written: Written) => LinkedRow[][]}
 */
export function memorySums(keys, chosen, before, { k, v, alpha, beta }, { A, r, e, S }) {
  const K = KEYS[chosen];
  const keyRows = keys.map((key, m) => ({
    symbol: `${m === chosen ? "k = " : ""}k_${KEYS[m]}`,
    cells: [
      ...key.map((x, j) => sumCell(`${KEYS[m]}${j + 1}`, x, `k_{${KEYS[m]}${j + 1}}`)),
      ...keys.map((other, n) => dotCell(`${KEYS[m]}·${KEYS[n]}`, `k_${KEYS[m]} * k_${KEYS[n]}`, [KEYS[m], key], [KEYS[n], other])),
    ],
  }));
  const errorRows = A.map((row, n) => {
    const i = n + 1;
    const old = (/** @type {number} */ j) => `A_{${i}${j}} = α * S_{${i}${j}} before this write`;
    const error = e === v ? "" : `${rounded(v[n])} − ${productOf(r[n])}`;
    return {
      symbol: String(i),
      cells: [
        ...row.map((x, j) => sumCell(`A${i}${j + 1}`, x, old(j + 1), productOf(alpha, before[n][j]))),
        dotCell(`r${i}`, `r_${i} = row ${i} of A k`, [`A${i}`, row], [K, k]),
        sumCell(`v${i}`, v[n], `v_${i}`),
        sumCell(`e${i}`, e[n], error ? `e_${i} = v_${i} - r_${i}` : `e_${i} = v_${i}`, error, error ? [`v${i}`, `r${i}`] : [`v${i}`]),
      ],
    };
  });
  const memoryRows = S.map((row, n) => {
    const i = n + 1;
    const sum = (/** @type {number} */ j) => `S_{${i}${j}} = A_{${i}${j}} + β * e_${i} * k_${j}`;
    const numbers = k.map((x, j) => `${rounded(A[n][j])} + ${productOf(beta, e[n], x)}`);
    return {
      symbol: String(i),
      cells: [
        ...row.map((x, j) => sumCell(`S${i}${j + 1}`, x, sum(j + 1), numbers[j], [`A${i}${j + 1}`, `e${i}`, `${K}${j + 1}`])),
        ...keys.map((key, m) => dotCell(`S${KEYS[m]}${i}`, `row ${i} of S k_${KEYS[m]}`, [`S${i}`, row], [KEYS[m], key])),
      ],
    };
  });
  return [keyRows, errorRows, memoryRows];
}
