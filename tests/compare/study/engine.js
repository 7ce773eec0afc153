// What a network of the page computes, for test_engine.py: JSON from the standard input, and to the output.

import { readFileSync } from "node:fs";
import { cellOf } from "../../../compare/study/page/script/engine/cells/table.js";
import { NAMES, Network } from "../../../compare/study/page/script/engine/network.js";
import { OPTIMIZERS } from "../../../compare/study/page/script/engine/optimizers.js";

/**
 * @typedef {object} Task
 * @property {string} cell
 * @property {string} nonlinearity
 * @property {Record<string, number[]>} parameters
 * @property {number[][]} texts
 * @property {{ optimizer: string, lr: number, ids: number[], maxNorms: number[] }} training
 */

/** @type {Task} */
const { cell, nonlinearity, parameters, texts, training } = JSON.parse(readFileSync(0, "utf8"));
const weights = Object.fromEntries(NAMES.map((name) => [name, Float64Array.from(parameters[name])]));
const network = new Network(cellOf(cell, nonlinearity), weights);

/** @type {(arrays: Record<string, Float64Array>) => Record<string, number[]>} */
const asLists = (arrays) => Object.fromEntries(NAMES.map((name) => [name, [...arrays[name]]]));

const runs = texts.map((ids) => {
  const { tape, loss, gradients } = network.run(ids.slice(0, -1), ids.slice(1));
  const [states, logits] = [tape.map((step) => [...step.state[0]]), tape.map((step) => [...step.y])];
  return { states, logits, loss, gradients: asLists(gradients) };
});
const optimizer = OPTIMIZERS[training.optimizer].create(training.lr);
const updates = training.maxNorms.map((maxNorm) => {
  const { loss, gradients } = network.run(training.ids.slice(0, -1), training.ids.slice(1));
  const norm = network.update(gradients, optimizer, maxNorm);
  return { loss, norm, parameters: asLists(network.parameters) };
});
console.log(JSON.stringify({ runs, updates }));
