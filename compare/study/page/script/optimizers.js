// ---------------------------------------------------------------- the engine: the optimizers
//
// What an optimizer adds to each parameter θ, from its clipped gradient g. SGD follows the gradient.
// Adam gives each entry a step of its own size (scratch_rnn/plain/adam.py derives it), with torch's defaults:
//
//     m ← β1 m + (1 - β1) g       v ← β2 v + (1 - β2) g²       both begin at 0
//     θ ← θ - lr · m̂ / (√v̂ + ε)   with m̂ = m / (1 - β1^t),  v̂ = v / (1 - β2^t) at update t = 1, 2, …

const [BETA_1, BETA_2, TINY] = [0.9, 0.999, 1e-8];

/** Gradient descent. It keeps nothing between two updates. */
class SGD {
  constructor(lr) {
    this.lr = lr;
  }

  begin() {}

  /** What is subtracted from a parameter. */
  step(name, gradient) {
    return gradient.map((g) => this.lr * g);
  }
}

/** Adam. Between two updates it keeps t, and m and v of each parameter by its name. */
class Adam {
  constructor(lr) {
    Object.assign(this, { lr, t: 0, m: {}, v: {} });
  }

  /** A new update begins: all its parameters have the same t. */
  begin() {
    this.t += 1;
  }

  step(name, gradient) {
    const m = (this.m[name] ??= new Float64Array(gradient.length));
    const v = (this.v[name] ??= new Float64Array(gradient.length));
    const [m_share, v_share] = [1 - BETA_1 ** this.t, 1 - BETA_2 ** this.t];
    return gradient.map((g, n) => {
      m[n] = BETA_1 * m[n] + (1 - BETA_1) * g;
      v[n] = BETA_2 * v[n] + (1 - BETA_2) * g * g;
      return (this.lr * (m[n] / m_share)) / (Math.sqrt(v[n] / v_share) + TINY);
    });
  }
}

/** The optimizers of the page by their names in its menus. SGD has the learning rate of the recorded training. */
const OPTIMIZERS = {
  sgd: { title: "SGD", lr: record.lr, create: () => new SGD(record.lr) },
  adam: { title: "Adam", lr: 0.03, create: () => new Adam(OPTIMIZERS.adam.lr) }, // the best rate of the GRU in docs/learn/gates.md
};

if (!IS_WORKER) $("optimizer-select").append(...Object.entries(OPTIMIZERS).map(([name, { title }]) => make("option", { value: name }, title)));

/** "SGD with learning rate 1, gradients clipped to norm 1" */
const trainingWords = (name) => `${OPTIMIZERS[name].title} with learning rate ${OPTIMIZERS[name].lr}`
  + (record.max_norm === null ? "" : `, gradients clipped to norm ${record.max_norm}`);
