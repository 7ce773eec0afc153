// One unit of a minGRU, h_t = a_t h_{t-1} + b_t from h_0 = 0, in five forms. Letters are those of scratch_rnn/plain/mingru.py.
// Each form takes `round`, which rounds the result of each operation: Math.fround to float32, `asIs` not at all.

import { sigmoid } from "./arrays.js";

/** @typedef {(x: number) => number} Round */

/** @typedef {{ a: number[], b: number[] }} Pairs A pair (a, b) for each step: it takes h to a h + b. */

/** @type {Round} */
export const asIs = (x) => x;

/**
 * The weights of the unit for token v. They are not trained. A unit of a minGRU reads no other unit, so one shows all.
 * @type {(v: number) => { W_iz: number, W_in: number }}
 */
export const unitWeights = (v) => ({ W_iz: Math.sin(v), W_in: 2 * Math.cos(v) });

/**
 * The pair of each step: a = 1 - z and b = z n, with z = σ(W_iz x + b_iz) and n = W_in x.
 * @type {(ids: number[], b_iz: number) => Pairs}
 */
export function pairsOf(ids, b_iz) {
  const sums = ids.map((v) => unitWeights(v).W_iz + b_iz);
  return { a: sums.map((sum) => sigmoid(-sum)), b: ids.map((v, t) => sigmoid(sums[t]) * unitWeights(v).W_in) };
}

/**
 * One step after the other.
 * @type {(pairs: Pairs, round: Round) => number[]}
 */
export function byLoop({ a, b }, round) {
  let h = 0;
  return a.map((_, t) => {
    h = round(round(a[t] * h) + b[t]);
    return h;
  });
}

/**
 * The pairs after each round: joined with the one k steps before, k = 1, 2, 4 … The last b are the states.
 * @type {(pairs: Pairs, round: Round) => (Pairs & { k: number })[]}
 */
export function byScan({ a, b }, round) {
  const rounds = [];
  for (let k = 1; k < b.length; k *= 2) {
    const [a0, b0] = [a, b];
    b = b0.map((_, t) => (t < k ? b0[t] : round(round(a0[t] * b0[t - k]) + b0[t])));
    a = a0.map((_, t) => (t < k ? a0[t] : round(a0[t] * a0[t - k])));
    rounds.push({ k, a, b });
  }
  return rounds;
}

/**
 * In chunks of so many steps: the pair of all steps of the chunk up to t, which needs no other chunk, and the states, for
 * which a chunk needs one number of the chunk before: its last state.
 * @type {(pairs: Pairs, size: number, round: Round) => { alone: Pairs, states: number[] }}
 */
export function byChunks({ a, b }, size, round) {
  const [alone, states] = [{ a: [...a], b: [...b] }, /** @type {number[]} */ ([])];
  for (let t = 0; t < a.length; t++) {
    const first = t - (t % size);
    if (t > first) {
      alone.a[t] = round(a[t] * alone.a[t - 1]);
      alone.b[t] = round(round(a[t] * alone.b[t - 1]) + b[t]);
    }
    const carried = first === 0 ? 0 : states[first - 1];
    states.push(round(round(alone.a[t] * carried) + alone.b[t]));
  }
  return { alone, states };
}

/**
 * With the product P_t = a_1 … a_t: h_t = P_t Σ b_s / P_s, for s = 1 … t.
 * @type {(pairs: Pairs, round: Round) => { P: number[], states: number[] }}
 */
export function byProduct({ a, b }, round) {
  let [product, sum] = [1, 0];
  const P = a.map((a_t) => {
    product = round(product * a_t);
    return product;
  });
  const states = P.map((P_t, t) => {
    sum = round(sum + round(b[t] / P_t));
    return round(P_t * sum);
  });
  return { P, states };
}

/**
 * The same with logarithms: A_t = log P_t is a sum, and h_t = exp(A_t + log Σ exp(log b_s - A_s)). A negative number has no
 * logarithm, so the positive and the negative b are summed apart.
 * @type {(pairs: Pairs, round: Round) => number[]}
 */
export function byLogs({ a, b }, round) {
  const ofPositive = (/** @type {number[]} */ parts) => {
    let [A, logSum] = [0, -Infinity];
    return parts.map((part, t) => {
      A = round(A + round(Math.log(a[t])));
      const term = round(round(Math.log(part)) - A);
      const most = Math.max(logSum, term);
      const less = round(Math.exp(round(Math.min(logSum, term) - most)));
      if (most > -Infinity) logSum = round(most + round(Math.log1p(less)));
      return round(Math.exp(round(A + logSum)));
    });
  };
  const [plus, minus] = [ofPositive(b.map((x) => Math.max(x, 0))), ofPositive(b.map((x) => Math.max(-x, 0)))];
  return plus.map((x, t) => round(x - minus[t]));
}
