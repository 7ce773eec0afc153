// A matrix as a memory: pairs are written into it one after the other, and each key reads. Keys and values are the section's own.

import { $, $button, $input, make } from "../../../../../files/page.js";
import { apart, largest } from "../../engine/arrays.js";
import { dotOf, readKey, writePair } from "../../engine/delta.js";
import { colour, css } from "../../pictures/colours.js";
import { LinkedNumbers } from "../../pictures/linked_numbers.js";
import { rounded } from "../../record/numbers.js";
import { redraw } from "../../state/redraw.js";
import { KEYS, keysOf, memorySums } from "./sums.js";

/** @import { Panel } from "../../state/redraw.js" */

/** @typedef {{ key: number, value: number, alpha: number, beta: number }} Write `key` and `value` are places in the lists. */

const VALUES = [
  [1, 2, 3],
  [6, 4, 2],
  [-3, 0, 3],
  [0, 0, 0],
];

/** The controls of a write. */
const WRITE_CONTROLS = /** @type {const} */ (["key", "value", "alpha", "beta"]);

/** The writes that are listed. */
const SHOWN_WRITES = 4;

/** The strongest colour is this part of the scale, so that a number can be read on it. */
const TINT = 0.4;

/** @type {Write[]} The last one is shown, and the controls change it. */
const writes = [0, 1, 2].map((value) => ({ key: value % 2, value, alpha: 1, beta: 1 }));

const memoryNumbers = new LinkedNumbers("matrix-numbers", "matrix-readout", { r: 6, c: 4 });

/** @type {(x: number[]) => string} */
const vector = (x) => `(${x.map((each) => rounded(Math.abs(each) < 1e-9 ? 0 : each)).join(", ")})`;

/**
 * What each write computes, from an empty memory.
 * @param {number[][]} keys
 * @param {boolean} hasDelta
 */
function writeAll(keys, hasDelta) {
  let S = keys.map((key) => key.map(() => 0));
  return writes.map(({ key, value, alpha, beta }) => {
    const [pair, before] = [{ k: keys[key], v: VALUES[value], alpha, beta }, S];
    const written = writePair(S, pair, hasDelta);
    S = written.S;
    return { pair, before, written };
  });
}

function drawMatrix() {
  const [product, last] = [$input("overlap-slider").valueAsNumber, writes[writes.length - 1]];
  const keys = keysOf(product);
  const { pair, before, written } = writeAll(keys, !$input("adds-check").checked)[writes.length - 1];
  for (const name of WRITE_CONTROLS) /** @type {HTMLInputElement} */ ($(`write-${name}`)).value = String(last[name]);
  for (const [name, x] of Object.entries({ alpha: last.alpha, beta: last.beta, overlap: product }))
    $(`${name}-value`).textContent = rounded(x);
  const bodies = [...$("matrix-numbers", HTMLTableElement).tBodies];
  memoryNumbers.draw(memorySums(keys, last.key, before, pair, written).map((rows, n) => ({ body: bodies[n], rows })));
  tint();
  $("matrix-said").replaceChildren(...readSentences(keys, before, written.S).map((sentence) => make("li", {}, sentence)));
  const names = writes.map(({ key, value }) => `${KEYS[key]} ← ${vector(VALUES[value])}`);
  const list = names.length > SHOWN_WRITES ? ["…", ...names.slice(-SHOWN_WRITES)] : names;
  $("matrix-writes").textContent = `Write ${writes.length}: ${list.join(", then ")}`;
  if (writes.length === 1 && document.activeElement === $("matrix-back")) $("write-key").focus(); // a disabled button loses the focus
  $button("matrix-back").disabled = writes.length === 1;
}

/** Colour each number: keys and products on a scale up to 1, all others up to the largest of them. */
function tint() {
  const numbers = memoryNumbers.rows.map(({ cells }) => cells.map(({ values }) => values[0]));
  const most = largest(numbers.slice(KEYS.length).flat()) || 1;
  numbers.forEach((row, r) => {
    row.forEach((x, c) => {
      memoryNumbers.cellAt({ r, c }).style.background = css(colour((TINT * x) / (r < KEYS.length ? 1 : most)));
    });
  });
}

/**
 * What each key read before the write and reads after it, and what happened to the value that was last written under it.
 * @type {(keys: number[][], before: number[][], S: number[][]) => string[]}
 */
function readSentences(keys, before, S) {
  const last = writes[writes.length - 1];
  return keys.map((key, n) => {
    const [old, now] = [before, S].map((memory) => readKey(memory, key));
    const value = VALUES[writes.findLast((write) => write.key === n)?.value ?? -1];
    const product = dotOf(keys[last.key], key);
    const fades = last.alpha < 1 && largest(old) > 0;
    return [
      `Key ${KEYS[n]} read ${vector(old)}${fades ? `, which α made ${vector(old.map((x) => last.alpha * x))}` : ""}, and now reads ${vector(now)}.`,
      value
        ? apart([now], [value]) < 1e-9
          ? "That is the last value written under it."
          : `The last value written under it is ${vector(value)}.`
        : "Nothing was written under it.",
      ...(n !== last.key && product ? [`${rounded(product)} of β e was added: the product of keys ${KEYS[last.key]} and ${KEYS[n]}.`] : []),
    ].join(" ");
  });
}

function setUpMatrix() {
  memoryNumbers.listen();
  $("write-key").append(...KEYS.map((name, value) => make("option", { value }, name)));
  $("write-value").append(...VALUES.map((v, value) => make("option", { value }, vector(v))));
  for (const name of WRITE_CONTROLS) {
    const control = /** @type {HTMLInputElement} */ ($(`write-${name}`));
    control.addEventListener("input", () => Object.assign(writes[writes.length - 1], { [name]: Number(control.value) }));
  }
  $("matrix-next").addEventListener("click", () => {
    const { key, value } = writes[writes.length - 1];
    writes.push({ key, value: (value + 1) % VALUES.length, alpha: 1, beta: 1 });
  });
  $("matrix-back").addEventListener("click", () => writes.length > 1 && writes.pop());
  for (const event of ["input", "click"]) $("matrix-controls").addEventListener(event, () => redraw("matrix")); // after the above
}

/** @type {Panel} */
export const matrixPanel = { section: "matrix", views: [["matrix *", drawMatrix]], setUp: setUpMatrix };
