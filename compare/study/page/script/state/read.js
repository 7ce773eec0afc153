// Reading a text: all its results with the current weights.

import { add, clamp, columnsFirst, flat } from "../engine/arrays.js";
import { softmax } from "../engine/loss.js";
import { NAMES } from "../engine/network.js";
import { normsOf } from "../engine/norms.js";
import { IS_GATED, record, TRAINED_STEPS, V } from "../record/record.js";
import { idsOf, tokensOf } from "../record/tokens.js";
import { compute } from "./compute.js";
import { redraw } from "./redraw.js";
import { checkpoint, chosen, game, K, live, needNetwork, reading, setReading, T } from "./state.js";
import { isRecordedText, isRecordedWeights, labelOf } from "./weights.js";

/** @import { Network } from "../engine/network.js" */
/** @import { Step } from "../engine/types.js" */
/** @import { Arrays } from "../record/record.js" */
/** @import { Reading } from "./state.js" */

/** Compute all results for the current text and weights. */
export function read() {
  if (!live.network) live.text = null;
  const before = reading;
  const isLastLoss = chosen.k >= K;
  const isCutAsTrained = chosen.n === Math.min(TRAINED_STEPS, K);
  setReading(
    isRecordedText() && isRecordedWeights()
      ? recordedReading()
      : computedReading(needNetwork(), tokensOf(live.text ?? record.tokens.join(""))),
  );
  live.isRead = true;
  computeNorms(reading, before);
  chosen.t = clamp(chosen.t, 1, T);
  chosen.k = isLastLoss ? Math.max(K, 1) : clamp(chosen.k, 1, Math.max(K, 1));
  chosen.n = isCutAsTrained ? Math.max(1, Math.min(TRAINED_STEPS, K)) : clamp(chosen.n, 1, Math.max(K, 1));
}

/**
 * The recorded results of NumPy and PyTorch. The backward pass and the gates are computed by the page.
 * @returns {Reading}
 */
function recordedReading() {
  const { label, loss, perplexity, radius, singular, numbers, details } = checkpoint();
  const { text, tokens, ids, targets, column } = record;
  const computed = live.network ? computedReading(live.network, tokens) : null;
  const ofText = // sums and gates are not recorded for a cell with gates
    IS_GATED && computed ? computed : { column, inputRow: column.map((n) => record.input_rows[n]), details: details ?? null };
  return {
    isRecorded: true,
    text,
    tokens,
    ids,
    targets,
    column: ofText.column,
    inputRow: ofText.inputRow,
    numbers: { ...computed?.numbers, ...numbers },
    details: ofText.details,
    loss,
    perplexity,
    radius,
    singular,
    label,
    tape: computed?.tape ?? null,
    back: computed?.back ?? null,
  };
}

/**
 * Results that the page computes in float64, under the names of the record.
 * @type {(network: Network, tokens: string[]) => Reading}
 */
export function computedReading(network, tokens) {
  const ids = idsOf(tokens);
  const targets = ids.slice(1);
  const tape = network.forward(ids);
  const back = targets.length ? network.runBack(tape.slice(0, -1), targets) : null;
  const [W_ih, W_hh, b_ih, b_hh, W, b] = NAMES.map((name) => network.parameters[name]);
  return {
    isRecorded: false,
    text: tokens.join(""),
    tokens,
    ids,
    targets,
    column: ids.map((_, t) => t),
    inputRow: ids,
    numbers: {
      h: flat([network.beginState()[0], ...tape.map((step) => step.state[0])]),
      y: flat(tape.map((step) => step.y)),
      p: flat(tape.map((step) => softmax(step.y).p)),
      L: Float64Array.from(back?.losses ?? [], ({ loss }) => loss),
    },
    details: {
      W_ih: columnsFirst(W_ih, b_ih.length, V),
      W_hh,
      b_ih,
      b_hh,
      W,
      b,
      ...(IS_GATED ? {} : sumsOf(tape, network.recurrentBias())),
      d_h: flat((back?.steps ?? []).map((step) => step.d_h)),
    },
    loss: back?.loss ?? null,
    perplexity: back ? network.perplexity(back.loss) : null,
    ...sizesOf(),
    label: labelOf(),
    tape,
    back,
  };
}

/**
 * a, u and z of all steps of a cell without gates. Here u is W_hh h alone, and a has both biases.
 * @type {(tape: Step[], b_hh: Float64Array) => Arrays}
 */
const sumsOf = (tape, b_hh) => ({
  a: flat(tape.map(({ a }) => add(a, b_hh))),
  u: flat(tape.map(({ u }) => u.map((x, n) => x - b_hh[n]))),
  z: flat(tape.map(({ a, u }) => add(a, u))),
});

/**
 * Compute the norms of a reading. They take long: the rest is shown before.
 * @type {(current: Reading, before: Reading | undefined) => void}
 */
function computeNorms(current, before) {
  const { ids, targets } = current;
  if (current.numbers.norms || !live.network) return;
  const { parameters } = live.network;
  const { cell, nonlinearity } = record;
  const products = ids.length * ids.length * parameters["rnn.weight_hh_l0"].length;
  compute(normsOf, { cell, nonlinearity, parameters, bug: game.bug?.name, ids, targets }, products, (norms) => {
    if (reading !== current && !follows(current)) return;
    Object.assign(reading.numbers, norms);
    redraw("norms");
  });
  if (!current.numbers.norms && before && follows(before)) {
    const { norms, gradient_norms } = before.numbers;
    Object.assign(current.numbers, { norms, gradient_norms });
  }
}

/**
 * Whether the current reading is of a training on the text of another one: then it shows the norms of some steps before,
 * until its own are there.
 * @type {(other: Reading) => boolean}
 */
const follows = (other) => live.training !== null && reading.text === other.text;

/** The recorded singular value and spectral radius of W_hh, times the gain; null for weights that were not recorded. */
function sizesOf() {
  const { singular, radius } = checkpoint();
  if (singular === null || radius === null || live.losses.length > 0 || live.ofAddress || live.edit) {
    return { singular: null, radius: null };
  }
  return { singular: singular * Math.abs(live.gain), radius: radius * Math.abs(live.gain) };
}
