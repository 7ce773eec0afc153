// The symptoms of a bug: what a network computes without it and with it.

import { $, find, make } from "../../../../../files/page.js";
import { apart, argmax, largest, normOf } from "../../engine/arrays.js";
import { randomFrom, writeOn } from "../../engine/generate.js";
import { LETTERS, NAMES, Network } from "../../engine/network.js";
import { SGD } from "../../engine/optimizers.js";
import { withBug } from "../../engine/with_bug.js";
import { colour, paint } from "../../pictures/colours.js";
import { table } from "../../pictures/tables.js";
import { CELL, columnsOf } from "../../record/cell.js";
import { rounded } from "../../record/numbers.js";
import { record } from "../../record/record.js";
import { glyph, tokenOfId } from "../../record/tokens.js";
import { needNetwork, reading } from "../../state/state.js";

/** @import { Parameters } from "../../engine/types.js" */
/** @import { RecordedBug } from "../../record/record.js" */

/** @typedef {ArrayLike<number>[]} Result one array, or more */

/** @typedef {{ name: string, arrays: Result }[]} Results in the order of the computation */

const WRITTEN = "generated text";

/**
 * The results of a network for a text: of the whole step, and for each parameter alone.
 * @type {(network: Network, text: { ids: number[], targets: number[] }, lr: number, maxNorm: number | null) =>
 *   { whole: Results, parts: Results }}
 */
function computeOutcome(network, { ids, targets }, lr, maxNorm) {
  const tape = network.forward(ids);
  const { loss, gradients } = network.runBack(tape.slice(0, -1), targets);
  const after = network.copy();
  after.update(gradients, new SGD(lr), maxNorm);
  const update = Object.fromEntries(NAMES.map((name) => [name, after.parameters[name].map((x, n) => x - network.parameters[name][n])]));
  /** @type {(kind: string, parameters: Parameters) => Results} */
  const list = (kind, parameters) => NAMES.map((name) => ({ name: `${kind} of ${LETTERS[name]}`, arrays: [parameters[name]] }));
  return {
    whole: [
      { name: "states h", arrays: tape.slice(0, -1).map(({ state }) => state[0]) },
      { name: "logits y", arrays: tape.slice(0, -1).map(({ y }) => y) },
      { name: "loss", arrays: [[loss]] },
      { name: "gradient", arrays: Object.values(gradients) },
      { name: "update", arrays: Object.values(update) },
      { name: WRITTEN, arrays: [writeOn(network, tape, 8, 0)] },
    ],
    parts: [...list("gradient", gradients), ...list("update", update)],
  };
}

/**
 * For each result, whether it differs with a bug, on a small network: with clipping or without.
 * @type {(bug: RecordedBug) => boolean[]}
 */
export function symptomOf(bug) {
  bug.symptom ??= computeSymptom(bug.name);
  return bug.symptom;
}

/** @type {(bug: string) => boolean[]} */
function computeSymptom(bug) {
  const random = randomFrom(1);
  const [H, V, R] = [4, 3, 4 * Math.max(1, record.gates.length)];
  const sizes = [R * V, R * H, R, R, V * H, V];
  const draw = (/** @type {number} */ size) => Float64Array.from({ length: size }, () => 2 * random() - 1);
  const weights = Object.fromEntries(NAMES.map((name, n) => [name, draw(sizes[n])]));
  const text = { ids: [0, 1, 1, 2, 0, 2], targets: [1, 1, 2, 0, 2] };
  const pairs = [0.01, 100].map((maxNorm) => {
    const [right, wrong] = [undefined, bug].map((name) => {
      const { whole, parts } = computeOutcome(withBug(new Network(CELL, weights), name), text, 1, maxNorm);
      return [...whole, ...parts];
    });
    return right.map(({ arrays }, n) => apart(arrays, wrong[n].arrays) > 0);
  });
  return pairs[0].map((differs, n) => differs || pairs[1][n]);
}

/**
 * The parameter whose arrays are farthest apart, in numbers of its own size.
 * @type {(some: Result, others: Result) => number}
 */
const farthestApart = (some, others) => argmax(some.map((array, n) => apart([array], [others[n]]) / (normOf(others[n]) || 1)));

/**
 * A result as two pictures, without and with the bug, on one scale: a parameter as a matrix of so many columns, or, for
 * null, a column for each step.
 * @type {(right: Result, wrong: Result, columns: number | null) => HTMLCanvasElement[]}
 */
function drawBoth(right, wrong, columns) {
  const most = Math.max(...[...right, ...wrong].map((array) => largest(Array.from(array)))) || 1;
  return [right, wrong].map((arrays) => {
    const canvas = make("canvas", { class: "sight", "aria-hidden": "true" });
    const rows = columns ? arrays[0].length / columns : arrays[0].length;
    /** @type {(r: number, c: number) => number} */
    const at = (r, c) => (columns ? arrays[0][r * columns + c] : arrays[c][r]);
    paint(canvas, rows, columns ?? arrays.length, 140, 48, (r, c) => colour(at(r, c) / most));
    return canvas;
  });
}

/**
 * A table of the results without and with the bug, and the number of rows that differ. These come first.
 * @type {(caption: string, right: Results, wrong: Results) => { element: HTMLTableElement, count: number }}
 */
function symptomTable(caption, right, wrong) {
  /** @type {(name: string, arrays: Result) => string} */
  const describe = (name, arrays) =>
    name === WRITTEN ? Array.from(arrays[0], (id) => glyph(tokenOfId(id))).join("") : rounded(normOf(arrays.map(normOf)), 5); // of the loss, which is one number and positive, it is the loss
  const differences = wrong.map(({ arrays }, n) => apart(arrays, right[n].arrays));
  const rows = wrong.map(({ name, arrays }, n) => {
    const before = right[n].arrays;
    const isOfAll = /^(gradient|update)$/.test(name);
    const parameter = isOfAll ? farthestApart(before, arrays) : n % NAMES.length;
    const pictured = isOfAll ? make("small", {}, ` (picture: ${LETTERS[NAMES[parameter]]})`) : "";
    /** @type {(HTMLElement | string)[]} */
    let pictures = ["", ""];
    if (/gradient|update/.test(name)) {
      const [a, b] = [before, arrays].map((all) => [all[parameter] ?? all[0]]);
      pictures = drawBoth(a, b, columnsOf(NAMES[parameter]));
    } else if (name !== "loss" && name !== WRITTEN) pictures = drawBoth(before, arrays, null);
    const difference = name === WRITTEN ? "differs" : rounded(differences[n], 2);
    return [
      [name, pictured],
      [pictures[0], describe(name, before)],
      [pictures[1], describe(name, arrays)],
      differences[n] === 0 ? "none" : make("b", { class: "apart" }, difference),
    ];
  });
  const [apartRows, equalRows] = [true, false].map((isApart) => rows.filter((_, n) => (differences[n] !== 0) === isApart));
  return {
    element: table(caption, ["result", "right", "bug", "difference"], [...apartRows, ...equalRows]),
    count: apartRows.length,
  };
}

/** The tables of the current text and weights. */
export function drawSymptom() {
  const network = needNetwork();
  const [right, wrong] = [new Network(CELL, network.parameters), network].map((variant) =>
    computeOutcome(variant, reading, record.lr, record.max_norm),
  );
  const whole = symptomTable("Without and with the bug", right.whole, wrong.whole);
  const parts = symptomTable("The gradient and the update of each parameter", right.parts, wrong.parts);
  const lead =
    "The same text and the same weights. A picture has a column for each step; for gradient and update it shows the parameter that differs most, and the norm below is that of all parameters. The update is what one training step adds to the weights. ";
  $("symptom-lead").textContent =
    lead +
    (whole.count === 0
      ? "Nothing differs on this text: type another text, or choose other weights."
      : "The rows that differ come first, in the order of the computation: the first of them says where the bug is. Then look closer in the pictures above: type other texts, train, compare.");
  const isOpen = find("symptom-parts")?.hasAttribute("open") ?? false;
  const details = make("details", { id: "symptom-parts", open: isOpen }, make("summary", {}, "Parameter by parameter"), parts.element);
  $("symptom").replaceChildren(whole.element, details);
}
