// Elman's network, with tanh or with ReLU.

import { add } from "../arrays.js";

/** @import { Cell, Column } from "../types.js" */

/** @typedef {Cell & Required<Pick<Cell, "f" | "slope">>} Elman */

/** @type {Column[]} */
const columns = [
  { of: "before", kind: "state", title: "state before", short: "before", name: "h_{t-1}", part: null },
  { of: "sum", kind: "bar", title: "sum", name: "z_t", part: 1, gap: "mix" },
  { of: "h", kind: "state", title: "new state", short: "new", name: "h_t", part: 2, gap: "bend" },
];

/** @type {Elman} */
export const rnn = {
  states: ["h"],

  f: Math.tanh,
  slope: (h) => 1 - h * h,

  /** z = a + u,  h' = f(z) */
  forward(a, u) {
    const z = add(a, u);
    return { state: [z.map((x) => this.f(x))], parts: { z } };
  },

  /** δz = δh' ⊙ f'(z); for both f, f'(z) follows from h' */
  backward({ state: [h] }, [d_h]) {
    const d_z = d_h.map((d, n) => d * this.slope(h[n]));
    return { a: d_z, u: d_z, direct: [null] };
  },

  newState: {
    formula: "h_t = tanh(z_t)",
    line: "np.tanh(z_t)",
    text: "tanh maps each sum to a number between −1 and 1. Where its curve is flat, the unit is saturated: almost no gradient passes.",
  },
  fromNext: ["W_{hh}^T ∂L/∂z_{t+1}"],
  parts: [],
  sums: [],
  candidate: null,

  drawn: ({ before: [before], a, parts: { z }, state: [h] }) => ({ before, a, sum: z, h }),
  columns,
  ways: [],
  mixes: "The state before it pushes, too, through W_hh. Both are added.",
  makes: "tanh bends each sum to a number between −1 and 1: the new state.",
};

/** @type {Elman} */
export const reluRNN = {
  ...rnn,

  f: (z) => Math.max(z, 0),
  slope: (h) => (h > 0 ? 1 : 0),

  newState: {
    formula: "h_t = max(0, z_t)",
    text: "ReLU keeps positive numbers and sets all others to 0. A unit at 0 passes no gradient.",
  },
  makes: "ReLU keeps each positive sum: the new state.",
};
