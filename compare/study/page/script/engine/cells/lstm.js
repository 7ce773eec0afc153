// Long short-term memory.

import { add, sigmoid } from "../arrays.js";

/** @import { Cell, Step } from "../types.js" */

/**
 * The functions that a bug of the catalogue can replace, for one unit.
 *
 * @typedef {object} Hooks
 * @property {(f: number, i: number) => number} keep
 * @property {(c: number) => number} squeeze
 * @property {(tanh_c: number) => number} slope
 * @property {(d_i: number, i: number) => number} toInput
 * @property {(step: Step, k: number) => number} toForget
 * @property {(d_c: number, f: number) => number} direct
 */

/** @typedef {Cell & Hooks} LSTM */

/** @type {LSTM} */
export const lstm = {
  states: ["h", "c"],

  /** i, f, o = σ(a + u),  g = tanh(a_g + u_g),  c' = f ⊙ c + i ⊙ g,  h' = o ⊙ tanh(c') */
  forward(a, u, [h, c]) {
    const H = h.length;
    /** @type {(place: number, f: (z: number) => number) => Float64Array} */
    const gate = (place, f) => h.map((_, k) => f(a[place * H + k] + u[place * H + k]));
    const [i, f, g, o] = [gate(0, sigmoid), gate(1, sigmoid), gate(2, Math.tanh), gate(3, sigmoid)];
    const c_t = c.map((x, k) => this.keep(f[k], i[k]) * x + i[k] * g[k]);
    const tanh_c = c_t.map((x) => this.squeeze(x));
    return { state: [tanh_c.map((x, k) => o[k] * x), c_t], parts: { c, c_t, tanh_c, i, f, g, o } };
  },
  keep: (f) => f,
  squeeze: (c) => Math.tanh(c),

  backward(step, [d_h, d_c]) {
    const { c, tanh_c, i, f, g, o } = step.parts;
    const H = c.length;
    const d = new Float64Array(4 * H);
    const [d_c_now, d_c_before] = [new Float64Array(H), new Float64Array(H)];
    for (let k = 0; k < H; k++) {
      const d_c_t = d_c[k] + d_h[k] * o[k] * this.slope(tanh_c[k]);
      d_c_now[k] = d_c_t;
      d[k] = this.toInput(d_c_t * g[k], i[k]);
      d[H + k] = d_c_t * this.toForget(step, k) * f[k] * (1 - f[k]);
      d[2 * H + k] = d_c_t * i[k] * (1 - g[k] * g[k]);
      d[3 * H + k] = d_h[k] * tanh_c[k] * o[k] * (1 - o[k]);
      d_c_before[k] = this.direct(d_c_t, f[k]);
    }
    return { a: d, u: d, direct: [null, d_c_before], d_state: [d_h, d_c_now] };
  },
  slope: (tanh_c) => 1 - tanh_c * tanh_c,
  toInput: (d_i, i) => d_i * i * (1 - i),
  toForget: ({ parts: { c } }, k) => c[k],
  direct: (d_c, f) => d_c * f,

  sums: ["a = x_t @ W_ih.T"],
  parts: [
    {
      of: "i",
      title: "The input gate",
      formula: "i_t = σ(a_i + u_i)",
      line: "i, f, g, o = sigmoid(a_i)",
      text: "Between 0 and 1: how much of the candidate goes into the cell state. The line of NumPy adds a and u before it splits the sum: its a_i is a_i + u_i here.",
    },
    {
      of: "f",
      title: "The forget gate",
      formula: "f_t = σ(a_f + u_f)",
      line: "i, f, g, o = sigmoid(a_i)",
      text: "Between 0 and 1: how much of the cell state is kept. At 1 its gradient passes unchanged.",
    },
    {
      of: "g",
      title: "The candidate",
      formula: "g_t = tanh(a_g + u_g)",
      line: "i, f, g, o = sigmoid(a_i)",
      text: "What the input gate lets into the cell state.",
    },
    {
      of: "o",
      title: "The output gate",
      formula: "o_t = σ(a_o + u_o)",
      line: "i, f, g, o = sigmoid(a_i)",
      text: "Between 0 and 1: how much of the cell state is shown as h.",
    },
    {
      of: "c_t",
      title: "The cell state",
      formula: "c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t",
      line: "c_t = f * c + i * g",
      text: "It is only multiplied by f and added to. So it carries numbers, and gradients, over many steps.",
    },
  ],
  candidate: "g",
  newState: {
    formula: "h_t = o_t ⊙ tanh(c_t)",
    line: "return o * np.tanh(c_t)",
    text: "The output gate decides for each unit how much of its cell state is shown.",
  },
  fromNext: ["W_{hh}^T ∂L/∂u_{t+1}", "f_{t+1} ⊙ ∂L/∂c_{t+1}"],

  drawn({ before: [before, c_before], a, u, parts: { i, f, g, o, c_t }, state: [h] }) {
    const [a_g, u_g] = [a, u].map((sums) => sums.subarray(2 * h.length, 3 * h.length));
    return { before, c_before, a: a_g, sum: add(a_g, u_g), i, f, g, o, c_t, h };
  },
  columns: [
    { of: "before", kind: "state", title: "state before", short: "before", name: "h_{t-1}", part: null },
    { of: "sum", kind: "bar", title: "sum", name: "a_g + u_g", part: 1, gap: "mix" },
    { of: "g", kind: "state", title: "candidate g", short: "g", name: "g_t", part: 2, gap: "bend" },
    { of: "i", kind: "gate", title: "i", name: "i_t", part: 1 },
    { of: "c_before", kind: "bar", title: "cell before", short: "cₜ₋₁", name: "c_{t-1}", part: null },
    { of: "f", kind: "gate", title: "f", name: "f_t", part: 1 },
    { of: "c_t", kind: "bar", title: "cell c", short: "cₜ", name: "c_t", part: 2 },
    { of: "o", kind: "gate", title: "o", name: "o_t", part: 1 },
    { of: "h", kind: "state", title: "new state", short: "h", name: "h_t", part: 2 },
  ],
  ways: [
    { from: "g", to: "i", share: ({ i }, k) => i[k] },
    { from: "c_before", to: "f", share: ({ f }, k) => f[k] },
    { from: "f", to: "c_t", share: () => 0.3 },
    { from: "c_t", to: "o", share: ({ o }, k) => o[k] },
    { from: "o", to: "h", share: () => 0.3 },
  ],
  mixes: "The letter and the state before it are mixed: into a candidate g, and into three gates, i, f and o, between 0 and 1.",
  makes: "Each unit keeps f of its cell c, adds i of the candidate g, and shows o of tanh(c): the new state.",
};
