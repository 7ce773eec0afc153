// Elman, GRU and LSTM forward, and Elman's way back, for `test_vectors`: layers of one direction.

import { createRequire } from "node:module";

const { read, wrong } = createRequire(import.meta.url)(process.argv[2]);

const sigmoid = (a) => 1 / (1 + Math.exp(-a));
const rows = ({ shape: [, n], data }, k) => data.subarray(k * n, (k + 1) * n);
const dot = (a, b) => a.reduce((sum, value, k) => sum + value * b[k], 0);

// The next h and c of one sequence.
const STEPS = {
  rnn: (a, u) => [a.map((value, k) => Math.tanh(value + u[k]))],
  gru: (a, u, h) => {
    const H = h.length;
    return [
      h.map((old, k) => {
        const r = sigmoid(a[k] + u[k]),
          z = sigmoid(a[H + k] + u[H + k]);
        return (1 - z) * Math.tanh(a[2 * H + k] + r * u[2 * H + k]) + z * old;
      }),
    ];
  },
  lstm: (a, u, h, c) => {
    const H = h.length,
      s = a.map((value, k) => value + u[k]);
    const next = c.map((old, k) => sigmoid(s[H + k]) * old + sigmoid(s[k]) * Math.tanh(s[2 * H + k]));
    return [next.map((value, k) => sigmoid(s[3 * H + k]) * Math.tanh(value)), next];
  },
};

function forward(cell, { T, B, H, arrays }) {
  const output = new Float32Array(T * B * H),
    last = { h_n: new Float32Array(B * H) };
  if (cell === "lstm") last.c_n = new Float32Array(B * H);
  const apply = (weight, bias, x) => [...bias.data].map((b, k) => b + dot(rows(weight, k), x));
  for (let b = 0; b < B; b++) {
    const given = cell === "lstm" ? [arrays.h0, arrays.c0] : [arrays.h0];
    let states = given.map((s) => s?.data.subarray(b * H, (b + 1) * H) ?? new Float32Array(H));
    for (let t = 0; t < T; t++) {
      const V = arrays.x.shape[2],
        x = arrays.x.data.subarray((t * B + b) * V, (t * B + b + 1) * V);
      const a = apply(arrays.weight_ih_l0, arrays.bias_ih_l0, x);
      const u = apply(arrays.weight_hh_l0, arrays.bias_hh_l0, states[0]);
      states = STEPS[cell](a, u, ...states.map((state) => [...state]));
      output.set(states[0], (t * B + b) * H);
    }
    for (const [k, array] of Object.values(last).entries()) array.set(states[k], b * H);
  }
  return { output, ...last };
}

function backward({ T, B, H, arrays: { h0, d_output, d_h_n, weight_hh_l0: W } }, output) {
  const d_W = new Float64Array(H * H),
    d_b = new Float64Array(H);
  for (let b = 0; b < B; b++) {
    let d_h = [...d_h_n.data.subarray(b * H, (b + 1) * H)];
    for (let t = T - 1; t >= 0; t--) {
      const at = (s, array) => array.subarray((s * B + b) * H, (s * B + b + 1) * H);
      const h = at(t, output),
        before = t ? at(t - 1, output) : h0 ? at(0, h0.data) : [];
      const d_z = d_h.map((d, k) => (d + at(t, d_output.data)[k]) * (1 - h[k] * h[k]));
      d_z.forEach((d, k) => {
        d_b[k] += d;
        before.forEach((value, j) => {
          d_W[k * H + j] += d * value;
        });
      });
      d_h = d_h.map((_, j) => d_z.reduce((sum, d, k) => sum + d * W.data[k * H + j], 0));
    }
  }
  return { "gradient of weight_hh_l0": d_W, "gradient of bias_ih_l0": d_b, "gradient of bias_hh_l0": d_b };
}

for (const file of process.argv.slice(3)) {
  const cell = file.match(/(\w+)\.json$/)[1];
  for (const one of read(file).filter((each) => each.layers * each.directions === 1)) {
    const got = forward(cell, one);
    if (cell === "rnn") Object.assign(got, backward(one, got.output));
    const names = Object.keys(got);
    console.log([cell, names.length, ...wrong(one, got, names)].join(" "));
  }
}
