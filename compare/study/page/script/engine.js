// ---------------------------------------------------------------- the engine: the model
//
// The network in float64: forward, loss, backward, clipping, update. Nothing here uses the page. Some
// methods have one line only, so that a bug of the catalogue can replace it. Parameters are flat
// arrays under torch's names, rows first:
//
//     weight_ih (G·H, V)   weight_hh (G·H, H)   bias_ih, bias_hh (G·H,)   W (V, H)   b (V,)

const NAMES = ["rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.bias_ih_l0", "rnn.bias_hh_l0", "linear.weight", "linear.bias"];

/** M x + b: (R, C) (C,) + (R,) -> (R,) */
function affine(M, x, b) {
  const [R, C] = [b.length, x.length];
  const y = new Float64Array(R);
  for (let r = 0; r < R; r++) {
    let sum = 0;
    for (let c = 0; c < C; c++) sum += M[r * C + c] * x[c];
    y[r] = sum + b[r];
  }
  return y;
}

/** M^T d: (R, C)^T (R,) -> (C,) */
function transposed(M, d, C) {
  const x = new Float64Array(C);
  for (let r = 0; r < d.length; r++) {
    for (let c = 0; c < C; c++) x[c] += M[r * C + c] * d[r];
  }
  return x;
}

/** G += d x^T: what one step adds to a weight's gradient, (R,) (C,) -> (R, C) */
function addOuter(G, d, x) {
  const C = x.length;
  for (let r = 0; r < d.length; r++) {
    for (let c = 0; c < C; c++) G[r * C + c] += d[r] * x[c];
  }
}

const add = (x, y) => x.map((value, n) => value + y[n]);

const sigmoid = (z) => (1 + Math.tanh(z / 2)) / 2; // cannot overflow

/** ‖x‖ */
function length(x) {
  let sum = 0;
  for (let n = 0; n < x.length; n++) sum += x[n] * x[n];
  return Math.sqrt(sum);
}

class Network {
  /** `cell` is an object like CELL, see cells/rnn.js; `parameters` are Float64Arrays under NAMES. */
  constructor(cell, parameters) {
    this.cell = cell;
    this.parameters = parameters;
    this.V = parameters["linear.bias"].length;
    this.H = parameters["linear.weight"].length / this.V;
  }

  beginState() {
    return this.cell.states.map(() => new Float64Array(this.H));
  }

  /** One step: the token's column of W_ih, the product with W_hh, the cell, the output layer. */
  step(id, state) {
    const [W_ih, W_hh, , , W, b] = NAMES.map((name) => this.parameters[name]);
    const a = this.inputBias().map((bias, row) => W_ih[row * this.V + id] + bias);
    const b_hh = this.recurrentBias();
    const u = this.recurrent(W_hh, state[0], b_hh);
    const made = this.cell.forward(a, u, state, b_hh);
    return { ...made, id, before: state, a, u, y: affine(W, made.state[0], b) };
  }

  inputBias() {
    return this.parameters["rnn.bias_ih_l0"];
  }

  recurrentBias() {
    return this.parameters["rnn.bias_hh_l0"];
  }

  recurrent(W_hh, h, b_hh) {
    return affine(W_hh, h, b_hh);
  }

  /** All steps from state zero; the tape that `backward` needs. */
  forward(ids) {
    const tape = [];
    let state = this.beginState();
    for (const id of ids) {
      tape.push(this.step(id, state));
      state = tape.at(-1).state;
    }
    return tape;
  }

  /**
   * Backward through time. `d_y[t]` is the gradient of the logits after step t, or null for none.
   *
   * Returns the gradient of each parameter and, for each step, these gradients: `fromLoss`, the part of
   * δh_t from the loss; `fromNext`, what step t+1 adds to δ of each array of the state; `d_h`, which
   * is δh_t; `d_state`, which is δ of each array of the state, as δh_t and δc_t; `d_u`, which is
   * δ(W_hh h + b_hh); `term`, the two vectors whose outer product is this step's part of δW_hh.
   */
  backward(tape, d_y) {
    const gradients = this.zeros();
    const [d_W_ih, d_W_hh, d_b_ih, d_b_hh, d_W, d_b] = NAMES.map((name) => gradients[name]);
    const steps = [];
    const nothing = new Float64Array(this.H);
    let fromNext = this.beginState();
    for (let t = tape.length - 1; t >= 0; t--) {
      const step = tape[t];
      let [fromLoss, d_h] = [nothing, fromNext[0]];
      if (d_y[t]) {
        fromLoss = transposed(this.parameters["linear.weight"], d_y[t], this.H);
        d_h = add(fromLoss, fromNext[0]);
        addOuter(d_W, d_y[t], step.state[0]);
        for (let v = 0; v < this.V; v++) d_b[v] += d_y[t][v];
      }
      const { a, u, direct, d_state = [d_h] } = this.cell.backward(step, [d_h, ...fromNext.slice(1)]);
      const inputTerm = this.inputTerm(a, tape, t);
      for (let row = 0; row < a.length; row++) {
        d_W_ih[row * this.V + step.id] += inputTerm[row]; // δW_ih += δa x^T, and x is one-hot
        d_b_ih[row] += a[row];
        d_b_hh[row] += u[row];
      }
      const term = this.recurrentTerm(u, step, t === tape.length - 1);
      addOuter(d_W_hh, ...term);
      steps[t] = { fromLoss, fromNext, d_h, d_state, d_u: u, term };
      const through = this.carry(u);
      fromNext = [direct[0] ? add(direct[0], through) : through, ...direct.slice(1)];
    }
    this.finish(gradients, tape.length);
    return { gradients, steps };
  }

  inputTerm(a) {
    return a;
  }

  recurrentTerm(u, step) {
    return [u, step.before[0]];
  }

  /** W_hh^T δu: the part of δh_{t-1} that comes through u. */
  carry(u) {
    return transposed(this.parameters["rnn.weight_hh_l0"], u, this.H);
  }

  finish() {}

  zeros() {
    return Object.fromEntries(NAMES.map((name) => [name, new Float64Array(this.parameters[name].length)]));
  }

  /** Forward, the mean loss over all targets, backward. The last step may have no target. */
  run(ids, targets) {
    return this.runBack(this.forward(ids), targets);
  }

  /** The same from the tape of a forward pass. */
  runBack(tape, targets) {
    const losses = lossesOf(tape, targets);
    const K = targets.length;
    const d_y = losses.map(({ d_y: d }) => d.map((x) => this.mean(x, K)));
    const loss = losses.reduce((sum, each) => sum + each.loss, 0) / K;
    return { tape, losses, loss, ...this.backward(tape, d_y) };
  }

  /** Backward from the loss after the last step alone, L_K: all gradients and steps, as `backward` returns them. */
  backFromLast(tape, target) {
    const last = tape.length - 1;
    return this.backward(tape, tape.map(({ y }, t) => (t === last ? crossEntropy(y, target).d_y : null)));
  }

  /** One update by an optimizer, with the gradients clipped by torch's rule. Returns their norm before clipping. */
  update(gradients, optimizer, maxNorm) {
    const norm = totalNorm(gradients);
    optimizer.begin();
    for (const name of NAMES) {
      const steps = optimizer.step(name, this.clip(gradients[name], norm, maxNorm ?? Infinity));
      this.parameters[name].forEach((_, n, all) => (all[n] -= this.change(steps[n], name)));
    }
    return norm;
  }

  clip(gradient, norm, maxNorm) {
    const scale = this.scale(norm, maxNorm);
    return gradient.map((x) => scale * x);
  }

  scale(norm, maxNorm) {
    return Math.min(maxNorm / (norm + 1e-6), 1);
  }

  change(step) {
    return step;
  }

  mean(sum, count) {
    return sum / count;
  }

  perplexity(loss) {
    return Math.exp(loss);
  }

  copy() {
    const parameters = Object.fromEntries(NAMES.map((name) => [name, this.parameters[name].slice()]));
    return Object.assign(Object.create(Network.prototype), this, { parameters });
  }
}

/** exp(y - m) / s, with m = max y and s = Σ exp(y - m) */
function softmax(y) {
  const m = y.reduce((most, x) => Math.max(most, x), -Infinity);
  const exps = y.map((x) => Math.exp(x - m));
  const s = exps.reduce((sum, x) => sum + x, 0);
  return { p: exps.map((x) => x / s), m, s };
}

/** L = log s - (y_k - m), and δy = p - onehot(k) */
function crossEntropy(y, k) {
  const { p, m, s } = softmax(y);
  const d_y = p.slice();
  d_y[k] -= 1;
  return { loss: Math.log(s) - (y[k] - m), d_y };
}

/** Loss and δy of each step that has a target. */
const lossesOf = (tape, targets) => targets.map((target, t) => crossEntropy(tape[t].y, target));

const meanOf = (values) => values.reduce((sum, x) => sum + x, 0) / values.length;

const totalNorm = (gradients) => Math.sqrt(NAMES.reduce((sum, name) => sum + length(gradients[name]) ** 2, 0));

/**
 * Generate tokens after a text, whose forward pass the tape is of: at temperature 0 the most likely one,
 * else one drawn from softmax(y / temperature).
 */
function writeOn(network, tape, count, temperature, random) {
  let { state, y } = tape.at(-1);
  const written = [];
  while (written.length < count) {
    written.push(temperature === 0 ? argmax(y) : pickFrom(softmax(y.map((x) => x / temperature)).p, random()));
    ({ state, y } = network.step(written.at(-1), state));
  }
  return written;
}

/** The first token at which the sum of the probabilities is larger than u. */
function pickFrom(p, u) {
  let sum = 0;
  const found = p.findIndex((x) => (sum += x) > u);
  return found < 0 ? p.length - 1 : found;
}

/** A generator of numbers in 0 … 1 from a seed (mulberry32). */
function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}
