// ---------------------------------------------------------------- bugs of the catalogue, for this engine
//
// Each replaces some methods of a network, or of its cell. The names are those of the catalogue,
// compare/mistakes, which has the same bugs for scratch_rnn, and the words and hint of each.

/** Change each number of gate k, in an array (4H,). */
const gateChanged = (array, k, change) => {
  const H = array.length / 4;
  return array.map((x, n) => (Math.floor(n / H) === k ? change(x, n % H) : x));
};

/** Exchange the third and the fourth gate. */
const exchanged = (array) => {
  const H = array.length / 4;
  return Float64Array.from(array, (_, n) => array[n < 2 * H ? n : n < 3 * H ? n + H : n - H]);
};

/** Put a bug into a network. */
function withBug(network, name) {
  const { cell, ...methods } = BUGS[name] ?? {};
  return Object.assign(network, methods, { cell: { ...network.cell, ...cell } });
}

const BUGS = {
  // the forward pass
  "weights-not-transposed": { recurrent: (W_hh, h, b_hh) => add(transposed(W_hh, h, h.length), b_hh) },
  "b-ih-twice": { recurrentBias() { return this.parameters["rnn.bias_ih_l0"]; } },
  "recurrent-term-subtracted": { recurrent: (W_hh, h, b_hh) => affine(W_hh, h.map((x) => -x), b_hh) },
  "bias-hh-forgotten": { recurrentBias() { return new Float64Array(this.H); } },

  // the backward pass
  "no-carry-back": { carry() { return new Float64Array(this.H); } },
  "last-step-only": { recurrentTerm: (u, { before }, isLast) => [isLast ? u : u.map(() => 0), before[0]] },
  "state-one-step-late": { recurrentTerm: (u, { state }) => [u, state[0]] },
  "tanh-derivative": { cell: { slope: (h) => 1 - h } },
  "relu-derivative": { cell: { slope: () => 1 } },
  "one-bias-learns": { finish: (gradients) => gradients["rnn.bias_hh_l0"].fill(0) },
  "bias-gradient-averaged": {
    finish(gradients, count) {
      for (const name of ["rnn.bias_ih_l0", "rnn.bias_hh_l0"]) gradients[name].forEach((x, n, all) => (all[n] = x / count));
    },
  },
  "repeated-tokens-lost": { inputTerm: (a, tape, t) => (tape.slice(t + 1).some(({ id }) => id === tape[t].id) ? a.map(() => 0) : a) },

  // the GRU
  "gru-gates-swapped": { cell: { reset: (r, z, q) => z * q, mix: (r, z, n, h) => (1 - r) * n + r * h } },
  "gru-bias-outside-reset-gate": { cell: { reset: (r, z, q, b_hn) => r * (q - b_hn) + b_hn } },
  "gru-update-gate-inverted": { cell: { mix: (r, z, n, h) => z * n + (1 - z) * h } },
  "gru-direct-path-lost": { cell: { direct: () => 0 } },
  "gru-direct-path-not-scaled": { cell: { direct: (d_h) => d_h } },
  "gru-sigmoid-slope-of-reset-gate": { cell: { toReset: (d_r, r) => d_r * r } },
  "gru-state-one-step-late": { cell: { toUpdate: (d_h, { state, n }, k) => d_h * (state[0][k] - n[k]) } },
  "gru-biases-learn-alike": { finish: (gradients) => gradients["rnn.bias_hh_l0"].set(gradients["rnn.bias_ih_l0"]) },

  // the LSTM
  "lstm-gates-reordered": {
    cell: {
      forward(a, u, state) {
        const step = CELL.forward(exchanged(a), exchanged(u), state);
        return { ...step, g: step.o, o: step.g };
      },
    },
  },
  "lstm-forget-bias-forgotten": {
    inputBias() { return gateChanged(this.parameters["rnn.bias_ih_l0"], 1, () => 0); },
    recurrentBias() { return gateChanged(this.parameters["rnn.bias_hh_l0"], 1, () => 0); },
  },
  "lstm-forget-bias-one": { recurrentBias() { return gateChanged(this.parameters["rnn.bias_hh_l0"], 1, (b) => b + 1); } },
  "lstm-output-without-tanh": { cell: { squeeze: (c) => c } },
  "lstm-peephole-left-in": { cell: { forward: (a, u, [h, c]) => CELL.forward(a, gateChanged(u, 3, (x, n) => x + c[n]), [h, c]) } },
  "lstm-gates-coupled": { cell: { keep: (f, i) => 1 - i } },
  "lstm-cell-gradient-cut": { cell: { direct: () => 0 } },
  "lstm-cell-gradient-not-scaled": { cell: { direct: (d_c) => d_c } },
  "lstm-cell-one-step-late": { cell: { toForget: ({ state }, k) => state[1][k] } },
  "lstm-tanh-slope-forgotten": { cell: { slope: () => 1 } },
  "lstm-sigmoid-slope-of-tanh": { cell: { toInput: (d_i, i) => d_i * (1 - i * i) } },

  // the training
  "sum-for-mean": { mean: (sum) => sum },
  "hidden-weights-copied": { change: (step, name) => (name.startsWith("rnn.") ? 0 : step) },
  "clip-per-element": {
    clip(gradient, norm, maxNorm) {
      return this.scale(norm, maxNorm) === 1 ? gradient : gradient.map((x) => clamp(x, -maxNorm, maxNorm));
    },
  },
  "clip-per-tensor": {
    clip(gradient, norm, maxNorm) {
      const scale = this.scale(norm, maxNorm) === 1 ? 1 : this.scale(length(gradient), maxNorm);
      return gradient.map((x) => scale * x);
    },
  },
  "clip-also-up": { scale: (norm, maxNorm) => maxNorm / (norm + 1e-6) },
  "update-of-a-copy": { change: () => 0 },
  "uphill": { change: (step) => -step },
};
