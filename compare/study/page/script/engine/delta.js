// The memory of the gated delta rule, with the steps and letters of scratch_rnn/plain/delta.py. A matrix is a list of rows.

/** @typedef {{ k: number[], v: number[], alpha: number, beta: number }} Pair A key of length 1, its value, and the gates. */

/** @typedef {{ A: number[][], r: number[], e: number[], S: number[][] }} Written A, decayed; r, which k reads; its error; S, after. */

/** @type {(a: number[], b: number[]) => number} */
export const dotOf = (a, b) => a.reduce((sum, x, n) => sum + x * b[n], 0);

/** @type {(S: number[][], k: number[]) => number[]} */
export const readKey = (S, k) => S.map((row) => dotOf(row, k));

/**
 * S_t = α S_{t-1} (I - β k k^T) + β v k^T; or, without the delta, α S_{t-1} + β v k^T.
 * @type {(S: number[][], pair: Pair, hasDelta: boolean) => Written}
 */
export function writePair(S, { k, v, alpha, beta }, hasDelta) {
  const A = S.map((row) => row.map((x) => alpha * x));
  const r = readKey(A, k);
  const e = hasDelta ? v.map((x, i) => x - r[i]) : v;
  return { A, r, e, S: A.map((row, i) => row.map((x, j) => x + beta * e[i] * k[j])) };
}
