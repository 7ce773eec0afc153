// The gated recurrent unit.

import { sigmoid } from "../arrays.js";

/** @import { Cell, Step } from "../types.js" */

/**
 * The functions that a bug of the catalogue can replace, for one unit.
 *
 * @typedef {object} Hooks
 * @property {(r: number, z: number, q: number, b_hn: number) => number} reset
 * @property {(r: number, z: number, n: number, h: number) => number} mix
 * @property {(d_r: number, r: number) => number} toReset
 * @property {(d_h: number, step: Step, k: number) => number} toUpdate
 * @property {(d_h: number, z: number) => number} direct
 */

/** @typedef {Cell & Hooks} GRU */

/** @type {GRU} */
export const gru = {
  states: ["h"],

  /** r = σ(a_r + u_r),  z = σ(a_z + u_z),  q = u_n,  n = tanh(a_n + r ⊙ q),  h' = (1 - z) ⊙ n + z ⊙ h */
  forward(a, u, [h], b_hh) {
    const H = h.length;
    const r = h.map((_, k) => sigmoid(a[k] + u[k]));
    const z = h.map((_, k) => sigmoid(a[H + k] + u[H + k]));
    const q = u.slice(2 * H);
    const n = h.map((_, k) => Math.tanh(a[2 * H + k] + this.reset(r[k], z[k], q[k], b_hh[2 * H + k])));
    return { state: [h.map((x, k) => this.mix(r[k], z[k], n[k], x))], parts: { h, r, z, n, q } };
  },
  reset: (r, _z, q) => r * q,
  mix: (_r, z, n, h) => (1 - z) * n + z * h,

  backward(step, [d_h]) {
    const { h, r, z, n, q } = step.parts;
    const H = h.length;
    const [a, u] = [new Float64Array(3 * H), new Float64Array(3 * H)];
    for (let k = 0; k < H; k++) {
      const d_a_n = d_h[k] * (1 - z[k]) * (1 - n[k] * n[k]);
      a[k] = u[k] = this.toReset(d_a_n * q[k], r[k]);
      a[H + k] = u[H + k] = this.toUpdate(d_h[k], step, k) * z[k] * (1 - z[k]);
      a[2 * H + k] = d_a_n;
      u[2 * H + k] = d_a_n * r[k];
    }
    return { a, u, direct: [d_h.map((d, k) => this.direct(d, z[k]))] };
  },
  toReset: (d_r, r) => d_r * r * (1 - r),
  toUpdate: (d_h, { parts: { h, n } }, k) => d_h * (h[k] - n[k]),
  direct: (d_h, z) => d_h * z,

  sums: ["a_r, a_z, a_n = np.split(", "u_r, u_z, q = np.split("],
  parts: [
    {
      of: "r",
      title: "The reset gate",
      formula: "r_t = σ(a_r + u_r)",
      line: "r = sigmoid(a_r + u_r)",
      text: "Between 0 and 1: how much of the previous state goes into the candidate.",
    },
    {
      of: "z",
      title: "The update gate",
      formula: "z_t = σ(a_z + u_z)",
      line: "z = sigmoid(a_z + u_z)",
      text: "Between 0 and 1: how much of the previous state is kept. At 1 the unit does not change, and its gradient passes unchanged. (In an RNN without gates, z_t is another thing: the sum before tanh.)",
    },
    {
      of: "n",
      title: "The candidate",
      formula: "n_t = tanh(a_n + r_t ⊙ u_n)",
      line: "n = np.tanh(a_n + r * q)",
      text: "The new state, if the update gate keeps nothing.",
    },
  ],
  candidate: "n",
  newState: {
    formula: "h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}",
    line: "return (1 - z) * n + z * h",
    text: "For each unit, the update gate chooses between the candidate and the previous state.",
  },
  fromNext: ["W_{hh}^T ∂L/∂u_{t+1} + z_{t+1} ⊙ ∂L/∂h_{t+1}"],

  drawn({ before: [before], a, parts: { r, z, n, q }, state: [h] }) {
    const a_n = a.subarray(2 * h.length);
    return { before, a: a_n, sum: a_n.map((x, k) => x + r[k] * q[k]), r, n, z, h };
  },
  columns: [
    { of: "before", kind: "state", title: "state before", short: "before", name: "h_{t-1}", part: null },
    { of: "r", kind: "gate", title: "r", name: "r_t", part: 1, gap: "mix" },
    { of: "sum", kind: "bar", title: "sum", name: "a_n + r_t u_n", part: 1 },
    { of: "n", kind: "state", title: "candidate n", short: "n", name: "n_t", part: 2, gap: "bend" },
    { of: "z", kind: "gate", title: "z", name: "z_t", part: 1 },
    { of: "h", kind: "state", title: "new state", short: "h", name: "h_t", part: 2 },
  ],
  ways: [
    { from: "n", to: "z", share: ({ z }, k) => 1 - z[k] },
    { from: "z", to: "h", share: () => 0.3 },
  ],
  mixes: "The letter and the state before it are mixed: into a candidate, and into two gates, r and z, between 0 and 1.",
  makes: "Each unit keeps z of its old state, and takes 1 − z of the candidate.",
};
