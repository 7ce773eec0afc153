// Training on the text, and reading it again.

import { $, $input } from "../../../../files/page.js";
import { argmax, row } from "../engine/arrays.js";
import { S } from "../record/record.js";
import { read } from "./read.js";
import { drawWaiting, redraw, whenDrawn } from "./redraw.js";
import { live, numbers, reading } from "./state.js";
import { takeWeights, trainStep } from "./weights.js";

/** Compute all results again, and draw everything. */
export function readAgain() {
  read();
  for (const key of ["c", "text"]) redraw(key);
}

/** One update; returns the loss before it, null if the text has none. */
export function takeStep() {
  const loss = trainStep();
  if (loss !== null) readAgain();
  return loss;
}

/** Train until `stopTraining`. The views on the screen are drawn after each step, all others at the end. */
export async function train() {
  const training = {};
  live.training = training;
  $("train").textContent = "Stop";
  while (live.training === training && takeStep() !== null) {
    await new Promise((/** @type {(value?: undefined) => void} */ done) => whenDrawn(done));
    await new Promise((go) => setTimeout(go)); // keys and clicks come first
  }
  if (live.training === training) stopTraining();
}

export function stopTraining() {
  live.training = null;
  $("train").textContent = "Train";
  drawWaiting();
}

/**
 * Type a text for the visitor; the weights become those of the checkpoint again.
 * @param {string} text
 */
export function showText(text) {
  stopTraining();
  $input("text-input").value = text;
  live.text = text;
  takeWeights();
  readAgain();
}

/** After how many tokens of the text the most likely token is the one that comes next. */
export const countRight = () => reading.targets.filter((next, n) => argmax(row(numbers().p, n, S)) === next).length;
