// The minimal gated unit.

import { sigmoid } from "../arrays.js";

/** @import { Cell } from "../types.js" */

/** @type {Cell} */
export const mgu = {
  states: ["h"],

  /** f = σ(a_f + u_f),  q = u_n,  n = tanh(a_n + f ⊙ q),  h' = (1 - f) ⊙ h + f ⊙ n */
  forward(a, u, [h]) {
    const H = h.length;
    const f = h.map((_, k) => sigmoid(a[k] + u[k]));
    const q = u.slice(H);
    const n = h.map((_, k) => Math.tanh(a[H + k] + f[k] * q[k]));
    return { state: [h.map((x, k) => (1 - f[k]) * x + f[k] * n[k])], parts: { h, f, n, q } };
  },

  backward(step, [d_h]) {
    const { h, f, n, q } = step.parts;
    const H = h.length;
    const [a, u] = [new Float64Array(2 * H), new Float64Array(2 * H)];
    for (let k = 0; k < H; k++) {
      const d_a_n = d_h[k] * f[k] * (1 - n[k] * n[k]);
      a[k] = u[k] = (d_h[k] * (n[k] - h[k]) + d_a_n * q[k]) * f[k] * (1 - f[k]);
      a[H + k] = d_a_n;
      u[H + k] = d_a_n * f[k];
    }
    return { a, u, direct: [d_h.map((d, k) => d * (1 - f[k]))] };
  },

  sums: [],
  parts: [
    {
      of: "f",
      title: "The forget gate",
      formula: "f_t = σ(a_f + u_f)",
      line: "f = sigmoid(a_f + u_f)",
      text: "Between 0 and 1: how much of the previous state is replaced by the candidate, and how much of it the candidate reads.",
    },
    {
      of: "n",
      title: "The candidate",
      formula: "n_t = tanh(a_n + f_t ⊙ u_n)",
      line: "n = np.tanh(a_n + f * q)",
      text: "The new state, where the forget gate is 1.",
    },
  ],
  candidate: "n",
  newState: {
    formula: "h_t = (1 - f_t) ⊙ h_{t-1} + f_t ⊙ n_t",
    line: "return (1 - f) * h + f * n",
    text: "For each unit, the forget gate chooses between the previous state and the candidate.",
  },
  fromNext: ["W_{hh}^T ∂L/∂u_{t+1} + (1 - f_{t+1}) ⊙ ∂L/∂h_{t+1}"],

  drawn({ before: [before], a, parts: { f, n, q }, state: [h] }) {
    const a_n = a.subarray(h.length);
    return { before, a: a_n, sum: a_n.map((x, k) => x + f[k] * q[k]), f, n, h };
  },
  columns: [
    { of: "before", kind: "state", title: "state before", short: "before", name: "h_{t-1}", part: null },
    { of: "f", kind: "gate", title: "f", name: "f_t", part: 1, gap: "mix" },
    { of: "sum", kind: "bar", title: "sum", name: "a_n + f_t u_n", part: 1 },
    { of: "n", kind: "state", title: "candidate n", short: "n", name: "n_t", part: 2, gap: "bend" },
    { of: "h", kind: "state", title: "new state", short: "h", name: "h_t", part: 2 },
  ],
  ways: [{ from: "n", to: "h", share: ({ f }, k) => f[k] }],
  mixes: "The letter and the state before it are mixed: into a candidate, and into a gate, f, between 0 and 1.",
  makes: "Each unit takes f of the candidate, and keeps 1 − f of its old state.",
};
