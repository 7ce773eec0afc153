// The network in float64: forward, loss, backward, clipping, update. Some methods have one line only, so that a bug of
// the catalogue can replace it. Parameters are flat arrays under torch's names, rows first:
//
//     weight_ih (G·H, V)   weight_hh (G·H, H)   bias_ih, bias_hh (G·H,)   W (V, H)   b (V,)

import { add, addOuter, affine, normOf, transposed } from "./arrays.js";
import { crossEntropy, lossesOf } from "./loss.js";

/** @import { Optimizer } from "./optimizers.js" */
/** @import { Back, BackStep, Cell, Parameters, Run, Step } from "./types.js" */

export const NAMES = ["rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.bias_ih_l0", "rnn.bias_hh_l0", "linear.weight", "linear.bias"];

/**
 * The symbols of the parameters.
 * @type {Record<string, string>}
 */
export const LETTERS = Object.fromEntries(NAMES.map((name, n) => [name, ["W_ih", "W_hh", "b_ih", "b_hh", "W", "b"][n]]));

export class Network {
  /**
   * @param {Cell} cell
   * @param {Parameters} parameters
   */
  constructor(cell, parameters) {
    this.cell = cell;
    this.parameters = parameters;
    this.V = parameters["linear.bias"].length;
    this.H = parameters["linear.weight"].length / this.V;
  }

  beginState() {
    return this.cell.states.map(() => new Float64Array(this.H));
  }

  /**
   * One step: the token's column of W_ih, the product with W_hh, the cell, the output layer.
   * @type {(id: number, state: Float64Array[]) => Step}
   */
  step(id, state) {
    const [W_ih, W_hh, , , W, b] = NAMES.map((name) => this.parameters[name]);
    const a = this.inputBias().map((bias, row) => W_ih[row * this.V + id] + bias);
    const b_hh = this.recurrentBias();
    const u = this.recurrent(W_hh, state[0], b_hh);
    const after = this.cell.forward(a, u, state, b_hh);
    return { ...after, id, before: state, a, u, y: affine(W, after.state[0], b) };
  }

  inputBias() {
    return this.parameters["rnn.bias_ih_l0"];
  }

  recurrentBias() {
    return this.parameters["rnn.bias_hh_l0"];
  }

  /** @type {(W_hh: Float64Array, h: Float64Array, b_hh: Float64Array) => Float64Array} */
  recurrent(W_hh, h, b_hh) {
    return affine(W_hh, h, b_hh);
  }

  /**
   * All steps from state zero; the tape that `backward` needs.
   * @type {(ids: number[]) => Step[]}
   */
  forward(ids) {
    /** @type {Step[]} */
    const tape = [];
    /** @type {Float64Array[]} */
    let state = this.beginState();
    for (const id of ids) {
      const step = this.step(id, state);
      tape.push(step);
      ({ state } = step);
    }
    return tape;
  }

  /**
   * Backward through time. `d_y[t]` is the gradient of the logits after step t, or null for none.
   * @type {(tape: Step[], d_y: (Float64Array | null)[]) => Back}
   */
  backward(tape, d_y) {
    const gradients = this.zeros();
    const [d_W_ih, d_W_hh, d_b_ih, d_b_hh, d_W, d_b] = NAMES.map((name) => gradients[name]);
    /** @type {BackStep[]} */
    const steps = [];
    const nothing = new Float64Array(this.H);
    /** @type {Float64Array[]} */
    let fromNext = this.beginState();
    for (let t = tape.length - 1; t >= 0; t--) {
      const step = tape[t];
      const d_y_t = d_y[t];
      /** @type {[Float64Array, Float64Array]} */
      let [fromLoss, d_h] = [nothing, fromNext[0]];
      if (d_y_t) {
        fromLoss = transposed(this.parameters["linear.weight"], d_y_t, this.H);
        d_h = add(fromLoss, fromNext[0]);
        addOuter(d_W, d_y_t, step.state[0]);
        for (let v = 0; v < this.V; v++) d_b[v] += d_y_t[v];
      }
      const { a, u, direct, d_state = [d_h] } = this.cell.backward(step, [d_h, ...fromNext.slice(1)]);
      const inputTerm = this.inputTerm(a, tape, t);
      for (let row = 0; row < a.length; row++) {
        d_W_ih[row * this.V + step.id] += inputTerm[row]; // δW_ih += δa x^T, and x is one-hot
        d_b_ih[row] += a[row];
        d_b_hh[row] += u[row];
      }
      const term = this.recurrentTerm(u, step, t === tape.length - 1);
      addOuter(d_W_hh, term[0], term[1]);
      steps[t] = { fromLoss, fromNext, d_h, d_state, d_u: u, term };
      const through = this.carry(u);
      fromNext = direct.map((gradient, n) => (n > 0 ? (gradient ?? nothing) : gradient ? add(gradient, through) : through));
    }
    this.finish(gradients, tape.length);
    return { gradients, steps };
  }

  /** @type {(a: Float64Array, tape: Step[], t: number) => Float64Array} */
  inputTerm(a, _tape, _t) {
    return a;
  }

  /** @type {(u: Float64Array, step: Step, isLast: boolean) => [Float64Array, Float64Array]} */
  recurrentTerm(u, step, _isLast) {
    return [u, step.before[0]];
  }

  /**
   * W_hh^T δu: the part of δh_{t-1} that comes through u.
   * @type {(u: Float64Array) => Float64Array}
   */
  carry(u) {
    return transposed(this.parameters["rnn.weight_hh_l0"], u, this.H);
  }

  /** @type {(gradients: Parameters, count: number) => void} */
  finish(_gradients, _count) {}

  zeros() {
    return Object.fromEntries(NAMES.map((name) => [name, new Float64Array(this.parameters[name].length)]));
  }

  /**
   * Forward, the mean loss over all targets, backward. The last step may have no target.
   * @type {(ids: number[], targets: number[]) => Run}
   */
  run(ids, targets) {
    return this.runBack(this.forward(ids), targets);
  }

  /**
   * The same from the tape of a forward pass.
   * @type {(tape: Step[], targets: number[]) => Run}
   */
  runBack(tape, targets) {
    const losses = lossesOf(tape, targets);
    const K = targets.length;
    const d_y = losses.map(({ d_y: d }) => d.map((x) => this.mean(x, K)));
    const loss = losses.reduce((sum, { loss: part }) => sum + part, 0) / K;
    return { tape, losses, loss, ...this.backward(tape, d_y) };
  }

  /**
   * Backward from the loss after the last step alone, L_K: all gradients and steps, as `backward` returns them.
   * @type {(tape: Step[], target: number) => Back}
   */
  backFromLast(tape, target) {
    const last = tape.length - 1;
    return this.backward(
      tape,
      tape.map(({ y }, t) => (t === last ? crossEntropy(y, target).d_y : null)),
    );
  }

  /**
   * One update by an optimizer, with the gradients clipped by torch's rule. Returns their norm before clipping.
   * @type {(gradients: Parameters, optimizer: Optimizer, maxNorm: number | null) => number}
   */
  update(gradients, optimizer, maxNorm) {
    const norm = totalNorm(gradients);
    optimizer.begin();
    for (const name of NAMES) {
      const steps = optimizer.step(name, this.clip(gradients[name], norm, maxNorm ?? Infinity));
      const weights = this.parameters[name];
      for (let n = 0; n < weights.length; n++) weights[n] -= this.change(steps[n], name);
    }
    return norm;
  }

  /** @type {(gradient: Float64Array, norm: number, maxNorm: number) => Float64Array} */
  clip(gradient, norm, maxNorm) {
    const scale = this.scale(norm, maxNorm);
    return gradient.map((x) => scale * x);
  }

  /** @type {(norm: number, maxNorm: number) => number} */
  scale(norm, maxNorm) {
    return Math.min(maxNorm / (norm + 1e-6), 1);
  }

  /** @type {(step: number, name: string) => number} */
  change(step, _name) {
    return step;
  }

  /** @type {(sum: number, count: number) => number} */
  mean(sum, count) {
    return sum / count;
  }

  /** @type {(loss: number) => number} */
  perplexity(loss) {
    return Math.exp(loss);
  }

  /** @type {() => Network} */
  copy() {
    const parameters = Object.fromEntries(NAMES.map((name) => [name, this.parameters[name].slice()]));
    return Object.assign(Object.create(Network.prototype), this, { parameters });
  }
}

/**
 * The norm of all gradients together.
 * @type {(gradients: Parameters) => number}
 */
export const totalNorm = (gradients) => Math.sqrt(NAMES.reduce((sum, name) => sum + normOf(gradients[name]) ** 2, 0));

/**
 * The number of products of one step.
 * @type {(network: Network) => number}
 */
export const productsOf = ({ parameters }) => NAMES.reduce((sum, name) => sum + parameters[name].length, 0);
