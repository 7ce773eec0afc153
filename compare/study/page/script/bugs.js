// ---------------------------------------------------------------- bugs of the catalogue, for this engine
//
// Each takes the place of some methods of a network, or of its cell. Its name is that of the catalogue,
// compare/check/bugs, where scratch_rnn gets the same bug and where it is described.

const gruWith = (changes) => ({ cell: { ...CELLS.gru, ...changes } });
const lstmWith = (changes) => ({ cell: { ...CELLS.lstm, ...changes } });

/** Gate k of an array (G·H,), each number changed. */
const gateChanged = (array, k, change) => {
  const H = array.length / 4;
  return array.map((x, n) => (Math.floor(n / H) === k ? change(x, n % H) : x));
};

/** The third and the fourth gate in each other's place. */
const exchanged = (array) => {
  const H = array.length / 4;
  return Float64Array.from(array, (_, n) => array[n < 2 * H ? n : n < 3 * H ? n + H : n - H]);
};

const BUGS = {
  // the forward pass
  "weights-not-transposed": { recurrent: (W_hh, h, b_hh) => add(transposed(W_hh, h, h.length), b_hh) },
  "bias-hh-forgotten": { recurrentBias() { return new Float64Array(this.H); } },

  // the backward pass
  "no-carry-back": { carry() { return new Float64Array(this.H); } },
  "last-step-only": { recurrentTerm: (m, { before }, isLast) => [isLast ? m : m.map(() => 0), before[0]] },
  "state-one-step-late": { recurrentTerm: (m, { state }) => [m, state[0]] },
  "tanh-derivative": { cell: elman(Math.tanh, (h) => 1 - h) },
  "relu-derivative": { cell: elman((z) => Math.max(z, 0), () => 1) },
  "one-bias-learns": { finish: (gradients) => gradients["rnn.bias_hh_l0"].fill(0) },
  "bias-gradient-averaged": {
    finish(gradients, count) {
      for (const name of ["rnn.bias_ih_l0", "rnn.bias_hh_l0"]) gradients[name].forEach((x, n, all) => (all[n] = x / count));
    },
  },
  "repeated-tokens-lost": { inputTerm: (i, tape, t) => (tape.slice(t + 1).some(({ id }) => id === tape[t].id) ? i.map(() => 0) : i) },

  // the GRU
  "gru-gates-swapped": gruWith({ reset: (r, z, m_n) => z * m_n, mix: (r, z, n, h) => (1 - r) * n + r * h }),
  "gru-bias-outside-reset-gate": gruWith({ reset: (r, z, m_n, b_hn) => r * (m_n - b_hn) + b_hn }),
  "gru-update-gate-inverted": gruWith({ mix: (r, z, n, h) => z * n + (1 - z) * h }),
  "gru-direct-path-lost": gruWith({ direct: () => 0 }),
  "gru-direct-path-not-scaled": gruWith({ direct: (d_h) => d_h }),
  "gru-sigmoid-slope-of-reset-gate": gruWith({ toReset: (d_r, r) => d_r * r }),
  "gru-state-one-step-late": gruWith({ toUpdate: (d_h, { state, n: new_ }, n) => d_h * (state[0][n] - new_[n]) }),
  "gru-biases-learn-alike": { finish: (gradients) => gradients["rnn.bias_hh_l0"].set(gradients["rnn.bias_ih_l0"]) },

  // the LSTM
  "lstm-gates-reordered": lstmWith({
    forward(i, m, state) {
      const step = CELLS.lstm.forward(exchanged(i), exchanged(m), state);
      return { ...step, g: step.output, output: step.g };
    },
  }),
  "lstm-forget-bias-forgotten": {
    inputBias() { return gateChanged(this.parameters["rnn.bias_ih_l0"], 1, () => 0); },
    recurrentBias() { return gateChanged(this.parameters["rnn.bias_hh_l0"], 1, () => 0); },
  },
  "lstm-forget-bias-one": { recurrentBias() { return gateChanged(this.parameters["rnn.bias_hh_l0"], 1, (b) => b + 1); } },
  "lstm-output-without-tanh": lstmWith({ squeeze: (c) => c }),
  "lstm-peephole-left-in": lstmWith({ forward: (i, m, [h, c]) => CELLS.lstm.forward(i, gateChanged(m, 3, (x, n) => x + c[n]), [h, c]) }),
  "lstm-gates-coupled": lstmWith({ keep: (forget, input) => 1 - input }),
  "lstm-cell-gradient-cut": lstmWith({ direct: () => 0 }),
  "lstm-cell-gradient-not-scaled": lstmWith({ direct: (d_c) => d_c }),
  "lstm-cell-one-step-late": lstmWith({ toForget: ({ state }, n) => state[1][n] }),
  "lstm-tanh-slope-forgotten": lstmWith({ slope: () => 1 }),
  "lstm-sigmoid-slope-of-tanh": lstmWith({ toInput: (d_i, input) => d_i * (1 - input * input) }),

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
  "perplexity-in-bits": { perplexity: (loss) => 2 ** loss },
  "no-warm-up": { warmUp: (ids) => ids.slice(-1) },
};
