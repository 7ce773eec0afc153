// What an optimizer adds to each parameter θ, from its clipped gradient g. SGD follows the gradient.
// Adam gives each entry a step of its own size (scratch_rnn/plain/adam.py derives it), with torch's defaults:
//
//     m ← β1 m + (1 - β1) g       v ← β2 v + (1 - β2) g²       both begin at 0
//     θ ← θ - lr · m̂ / (√v̂ + ε)   with m̂ = m / (1 - β1^t),  v̂ = v / (1 - β2^t) at update t = 1, 2, …

/** @import { Parameters } from "./types.js" */

const [BETA_1, BETA_2, TINY] = [0.9, 0.999, 1e-8];

/**
 * @typedef {object} Optimizer
 * @property {() => void} begin a new update begins
 * @property {(name: string, gradient: Float64Array) => Float64Array} step what is subtracted from a parameter
 */

/**
 * Gradient descent. It keeps nothing between two updates.
 * @implements {Optimizer}
 */
export class SGD {
  /** @param {number} lr */
  constructor(lr) {
    this.lr = lr;
  }

  begin() {}

  /** @type {Optimizer["step"]} */
  step(_name, gradient) {
    return gradient.map((g) => this.lr * g);
  }
}

/**
 * Adam. Between two updates it keeps t, and m and v of each parameter by its name.
 * @implements {Optimizer}
 */
export class Adam {
  /** @param {number} lr */
  constructor(lr) {
    this.lr = lr;
    this.t = 0;
    /** @type {Parameters} */
    this.m = {};
    /** @type {Parameters} */
    this.v = {};
  }

  /** All parameters of an update have the same t. */
  begin() {
    this.t += 1;
  }

  /** @type {Optimizer["step"]} */
  step(name, gradient) {
    this.m[name] ??= new Float64Array(gradient.length);
    this.v[name] ??= new Float64Array(gradient.length);
    const [m, v] = [this.m[name], this.v[name]];
    const [m_share, v_share] = [1 - BETA_1 ** this.t, 1 - BETA_2 ** this.t];
    return gradient.map((g, n) => {
      m[n] = BETA_1 * m[n] + (1 - BETA_1) * g;
      v[n] = BETA_2 * v[n] + (1 - BETA_2) * g * g;
      return (this.lr * (m[n] / m_share)) / (Math.sqrt(v[n] / v_share) + TINY);
    });
  }
}

/**
 * The optimizers of the page by their names in its menu. One without a learning rate of its own takes that of the
 * recorded training. Adam's is the best rate of the GRU in docs/learn/memory.md.
 * @type {Record<string, { title: string, lr: number | null, create: (lr: number) => Optimizer }>}
 */
export const OPTIMIZERS = {
  sgd: { title: "SGD", lr: null, create: (lr) => new SGD(lr) },
  adam: { title: "Adam", lr: 0.03, create: (lr) => new Adam(lr) },
};
