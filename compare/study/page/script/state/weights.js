// The current weights: those of a checkpoint, or of the address; trained, scaled or edited.

import { $select, fromBase64 } from "../../../../files/page.js";
import { columnsFirst } from "../engine/arrays.js";
import { NAMES, Network } from "../engine/network.js";
import { OPTIMIZERS } from "../engine/optimizers.js";
import { withBug } from "../engine/with_bug.js";
import { CELL } from "../record/cell.js";
import { times } from "../record/numbers.js";
import { H, record, S, V } from "../record/record.js";
import { CAN_TYPE, idsOf, tokensOf } from "../record/tokens.js";
import { checkpoint, chosen, game, K, live, needNetwork, reading } from "./state.js";

/** @import { Arrays, Checkpoint } from "../record/record.js" */

const W_HH = "rnn.weight_hh_l0";

/**
 * The networks of the checkpoints, as far as they were needed.
 * @type {Map<Checkpoint, Network>}
 */
const networks = new Map();

/**
 * The network with the weights of checkpoint c, in float64; null if the page does not have all of them.
 * @type {(c: number) => Network | null}
 */
export function networkOf(c) {
  const kept = record.checkpoints[c];
  if (!kept.details || S < V) return null;
  const network = networks.get(kept) ?? networkFrom(kept.details);
  networks.set(kept, network);
  return withBug(network.copy(), game.bug?.name);
}

/** @type {(weights: Arrays) => Network} */
function networkFrom(weights) {
  const W_ih = columnsFirst(weights.W_ih, V, weights.W_ih.length / V); // stored a row for each token: (V, G·H)
  const others = ["W_hh", "b_ih", "b_hh", "W", "b"].map((name) => new Float64Array(weights[name]));
  return networkWith([W_ih, ...others]);
}

/**
 * A network with parameters in the order of NAMES.
 * @type {(arrays: Float64Array[]) => Network}
 */
const networkWith = (arrays) => new Network(CELL, Object.fromEntries(NAMES.map((name, n) => [name, arrays[n]])));

/**
 * The network in the address, as the page to write in passes it on: its characters, then its weights
 * in float32, in the order of NAMES. Null if there is none, or not one with the sizes of this page.
 */
export function networkOfAddress() {
  const [, characters, code] = location.hash.match(/^#network=([^&]*)&([\w-]+)$/) ?? [];
  if (!code) return null;
  /** @type {string[]} */
  const tokens = JSON.parse(decodeURIComponent(characters));
  const order = record.shown_tokens.map((token) => tokens.indexOf(token)); // of its tokens, in ours
  const bytes = fromBase64(code);
  const R = H * Math.max(1, record.gates.length);
  const sizes = [R * V, R * H, R, R, V * H, V];
  const size = sizes.reduce((sum, n) => sum + n, 0);
  if (!CAN_TYPE || order.includes(-1) || tokens.length !== V || bytes.length !== 4 * size) return null;
  const numbers = new Float64Array(new Float32Array(bytes.buffer));
  let end = 0;
  const [W_ih, W_hh, b_ih, b_hh, W, b] = sizes.map((count) => {
    end += count;
    return numbers.slice(end - count, end);
  });
  return networkWith([
    W_ih.map((_, n) => W_ih[n - (n % V) + order[n % V]]),
    W_hh,
    b_ih,
    b_hh,
    W.map((_, n) => W[order[Math.floor(n / H)] * H + (n % H)]),
    b.map((_, n) => b[order[n]]),
  ]);
}

/** Set the current weights to those of the address, or of the chosen checkpoint. */
export function takeWeights() {
  live.network = live.ofAddress ? withBug(live.ofAddress.copy(), game.bug?.name) : networkOf(chosen.c);
  live.base = live.network?.parameters[W_HH].slice() ?? null;
  live.gain = 1;
  live.losses = [];
  live.numClipped = 0;
  live.edit = null;
  live.isRead = false;
  takeOptimizer();
}

/** Begin with an optimizer that has no memory of earlier steps. */
export function takeOptimizer() {
  const name = $select("optimizer-select").value;
  live.optimizer = OPTIMIZERS[name].create(learningRateOf(name));
}

/** @type {(optimizer: string) => number} */
export const learningRateOf = (optimizer) => OPTIMIZERS[optimizer].lr ?? record.lr;

/**
 * "SGD with learning rate 1, gradients clipped to norm 1"
 * @type {(optimizer: string) => string}
 */
export const describeTraining = (optimizer) =>
  `${OPTIMIZERS[optimizer].title} with learning rate ${learningRateOf(optimizer)}${
    record.max_norm === null ? "" : `, gradients clipped to norm ${record.max_norm}`
  }`;

/** Whether the page can compute with the current weights. */
export const hasWeights = () => live.network !== null && CAN_TYPE;

/** Why there are no gradients of the current weights; empty if there are. */
export const whyNoLoss = () =>
  hasWeights() && K > 0 ? "" : "This panel needs all weights of the network, and a text of at least two characters.";

export const isRecordedText = () => live.text === null || tokensOf(live.text).join("\n") === record.tokens.join("\n");

export const isRecordedWeights = () =>
  !live.network || (live.gain === 1 && live.losses.length === 0 && !live.ofAddress && !live.edit && !game.bug);

/** A label of the current weights: "after 60 epochs, 3 updates here, W_hh × 1.2, with a bug". */
export function labelOf() {
  return [
    live.ofAddress ? "trained by your functions" : checkpoint().label,
    ...(live.losses.length ? [`${times(live.losses.length, "update")} here`] : []),
    ...(live.gain === 1 ? [] : [`W_hh × ${live.gain.toFixed(2)}`]),
    ...(live.edit ? ["one weight changed"] : []),
    ...(game.bug ? ["with a bug"] : []),
  ].join(", ");
}

/**
 * Multiply the recurrent weights.
 * @param {number} gain
 */
export function setGain(gain) {
  putBack();
  live.gain = gain;
  live.isRead = false;
  const { base } = live;
  if (base) needNetwork().parameters[W_HH] = base.map((w) => w * gain);
}

/** Give the changed weight its old value, exactly. */
export function putBack() {
  if (!live.edit) return;
  const { name, n, before } = live.edit;
  needNetwork().parameters[name][n] = before;
  live.edit = null;
}

/** One step of training on the text; returns its loss before the step. */
export function trainStep() {
  const ids = idsOf(tokensOf(live.text ?? record.tokens.join("")));
  if (ids.length < 2 || !live.optimizer) return null;
  const network = needNetwork();
  const { loss, gradients } = (live.isRead && reading.back) || network.run(ids.slice(0, -1), ids.slice(1));
  const norm = network.update(gradients, live.optimizer, record.max_norm);
  live.numClipped += Number(network.scale(norm, record.max_norm ?? Infinity) !== 1);
  live.isRead = false;
  live.base = network.parameters[W_HH].slice(); // the gain is part of the weights from now on
  live.gain = 1;
  live.edit = null; // and so is a changed weight
  live.losses.push(loss);
  return loss;
}
