// ---------------------------------------------------------------- the engine: the cells
//
// A cell is what one step does, number by number, between two products:
//
//     forward:   (i, m, state, b_hh) -> step     i = W_ih x + b_ih and m = W_hh h + b_hh, of shape (G·H,)
//     backward:  (step, d) -> { i, m, direct }
//
// G counts the gates, in torch's order; `d` holds the gradients of the new state. `i` and `m` are
// the gradients of i and m. `direct` holds the gradients of the state before that do not come
// through m, or null where there are none. Everything is float64. A state is a list: [h], or [h, c] for the LSTM.

const sigmoid = (z) => (1 + Math.tanh(z / 2)) / 2; // cannot overflow

const elman = (f, slope) => ({
  gates: 1,
  states: 1,
  slope,
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
    forward(i, m, [h], b_hh) {
      const H = h.length;
      const r = h.map((_, n) => sigmoid(i[n] + m[n]));
      const z = h.map((_, n) => sigmoid(i[H + n] + m[H + n]));
      const m_n = m.slice(2 * H);
      const new_ = h.map((_, n) => Math.tanh(i[2 * H + n] + this.reset(r[n], z[n], m_n[n], b_hh[2 * H + n])));
      return { state: [h.map((x, n) => this.mix(r[n], z[n], new_[n], x))], h, r, z, n: new_, m_n };
    },
    reset: (r, z, m_n) => r * m_n,
    mix: (r, z, n, h) => (1 - z) * n + z * h,
    backward(step, [d_h]) {
      const { h, r, z, n: new_, m_n } = step;
      const H = h.length;
      const [i, m] = [new Float64Array(3 * H), new Float64Array(3 * H)];
      for (let n = 0; n < H; n++) {
        const d_n = d_h[n] * (1 - z[n]) * (1 - new_[n] * new_[n]);
        i[n] = m[n] = this.toReset(d_n * m_n[n], r[n]);
        i[H + n] = m[H + n] = this.toUpdate(d_h[n], step, n) * z[n] * (1 - z[n]);
        i[2 * H + n] = d_n;
        m[2 * H + n] = d_n * r[n];
      }
      return { i, m, direct: [d_h.map((d, n) => this.direct(d, z[n]))] };
    },
    toReset: (d_r, r) => d_r * r * (1 - r),
    toUpdate: (d_h, { h, n: new_ }, n) => d_h * (h[n] - new_[n]),
    direct: (d_h, z) => d_h * z,
  },

  /** i, f, o = σ(…),  g = tanh(…),  c' = f ⊙ c + i ⊙ g,  h' = o ⊙ tanh(c') */
  lstm: {
    gates: 4,
    states: 2,
    forward(i, m, [h, c]) {
      const H = h.length;
      const gate = (k, f) => h.map((_, n) => f(i[k * H + n] + m[k * H + n]));
      const [input, forget, g, output] = [gate(0, sigmoid), gate(1, sigmoid), gate(2, Math.tanh), gate(3, sigmoid)];
      const new_c = c.map((x, n) => this.keep(forget[n], input[n]) * x + input[n] * g[n]);
      const tanh_c = new_c.map(this.squeeze);
      return { state: [tanh_c.map((x, n) => output[n] * x), new_c], c, tanh_c, input, forget, g, output };
    },
    keep: (forget) => forget,
    squeeze: (c) => Math.tanh(c),
    backward(step, [d_h, d_c]) {
      const { c, tanh_c, input, forget, g, output } = step;
      const H = c.length;
      const d = new Float64Array(4 * H);
      const d_c_before = new Float64Array(H);
      for (let n = 0; n < H; n++) {
        const d_new_c = d_c[n] + d_h[n] * output[n] * this.slope(tanh_c[n]);
        d[n] = this.toInput(d_new_c * g[n], input[n]);
        d[H + n] = d_new_c * this.toForget(step, n) * forget[n] * (1 - forget[n]);
        d[2 * H + n] = d_new_c * input[n] * (1 - g[n] * g[n]);
        d[3 * H + n] = d_h[n] * tanh_c[n] * output[n] * (1 - output[n]);
        d_c_before[n] = this.direct(d_new_c, forget[n]);
      }
      return { i: d, m: d, direct: [null, d_c_before] };
    },
    slope: (tanh_c) => 1 - tanh_c * tanh_c,
    toInput: (d_i, input) => d_i * input * (1 - input),
    toForget: ({ c }, n) => c[n],
    direct: (d_c, forget) => d_c * forget,
  },
};
