// ---------------------------------------------------------------- the engine: the cells
//
// A cell is what one step does, number by number, between two products:
//
//     forward:   (i, m, state) -> step     i = W_ih x + b_ih and m = W_hh h + b_hh, of shape (G·H,)
//     backward:  (step, d) -> { i, m, direct }
//
// G counts the gates, in torch's order; `d` holds the gradients of the new state. `i` and `m` are
// the gradients of i and m. `direct` holds the gradients of the state before that do not come
// through m, or null where there are none. Everything is float64. A state is a list: [h], or [h, c] for the LSTM.

const sigmoid = (z) => (1 + Math.tanh(z / 2)) / 2; // cannot overflow

const elman = (f, slope) => ({
  gates: 1,
  states: 1,
  /** h' = f(i + m) */
  forward(i, m) {
    const z = i.map((x, n) => x + m[n]);
    return { state: [z.map(f)], z };
  },
  /** δz = δh' ⊙ f'(z), which both f let us read from h' */
  backward({ state: [h] }, [d_h]) {
    const d_z = d_h.map((d, n) => d * slope(h[n]));
    return { i: d_z, m: d_z, direct: [null] };
  },
});

const CELLS = {
  tanh: elman(Math.tanh, (h) => 1 - h * h),
  relu: elman((z) => Math.max(z, 0), (h) => (h > 0 ? 1 : 0)),

  /** r = σ(i_r + m_r),  z = σ(i_z + m_z),  n = tanh(i_n + r ⊙ m_n),  h' = (1 - z) ⊙ n + z ⊙ h */
  gru: {
    gates: 3,
    states: 1,
    forward(i, m, [h]) {
      const H = h.length;
      const r = h.map((_, n) => sigmoid(i[n] + m[n]));
      const z = h.map((_, n) => sigmoid(i[H + n] + m[H + n]));
      const new_ = h.map((_, n) => Math.tanh(i[2 * H + n] + r[n] * m[2 * H + n]));
      return { state: [h.map((x, n) => (1 - z[n]) * new_[n] + z[n] * x)], h, r, z, n: new_, m_n: m.slice(2 * H) };
    },
    backward({ h, r, z, n: new_, m_n }, [d_h]) {
      const H = h.length;
      const [i, m] = [new Float64Array(3 * H), new Float64Array(3 * H)];
      for (let n = 0; n < H; n++) {
        const d_n = d_h[n] * (1 - z[n]) * (1 - new_[n] * new_[n]);
        i[n] = m[n] = d_n * m_n[n] * r[n] * (1 - r[n]);
        i[H + n] = m[H + n] = d_h[n] * (h[n] - new_[n]) * z[n] * (1 - z[n]);
        i[2 * H + n] = d_n;
        m[2 * H + n] = d_n * r[n];
      }
      return { i, m, direct: [d_h.map((d, n) => d * z[n])] };
    },
  },

  /** i, f, o = σ(…),  g = tanh(…),  c' = f ⊙ c + i ⊙ g,  h' = o ⊙ tanh(c') */
  lstm: {
    gates: 4,
    states: 2,
    forward(i, m, [h, c]) {
      const H = h.length;
      const gate = (k, f) => h.map((_, n) => f(i[k * H + n] + m[k * H + n]));
      const [input, forget, g, output] = [gate(0, sigmoid), gate(1, sigmoid), gate(2, Math.tanh), gate(3, sigmoid)];
      const new_c = c.map((x, n) => forget[n] * x + input[n] * g[n]);
      return { state: [new_c.map((x, n) => output[n] * Math.tanh(x)), new_c], c, input, forget, g, output };
    },
    backward({ state: [, new_c], c, input, forget, g, output }, [d_h, d_c]) {
      const H = c.length;
      const d = new Float64Array(4 * H);
      const d_c_before = new Float64Array(H);
      for (let n = 0; n < H; n++) {
        const tanh_c = Math.tanh(new_c[n]);
        const d_new_c = d_c[n] + d_h[n] * output[n] * (1 - tanh_c * tanh_c);
        d[n] = d_new_c * g[n] * input[n] * (1 - input[n]);
        d[H + n] = d_new_c * c[n] * forget[n] * (1 - forget[n]);
        d[2 * H + n] = d_new_c * input[n] * (1 - g[n] * g[n]);
        d[3 * H + n] = d_h[n] * tanh_c * output[n] * (1 - output[n]);
        d_c_before[n] = d_new_c * forget[n];
      }
      return { i: d, m: d, direct: [null, d_c_before] };
    },
  },
};
