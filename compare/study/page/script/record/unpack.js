// Arrays that are packed into the page: compare/study/page/packing.py says how.

import { $, fromBase64 } from "../../../../files/page.js";
import { H, record } from "./record.js";

/** @import { Floats } from "../engine/types.js" */
/** @import { Arrays } from "./record.js" */

/** @typedef {Int8Array | Int16Array | Int32Array | BigInt64Array} Integers */

/**
 * @typedef {object} Entry
 * @property {string} name
 * @property {keyof typeof KINDS} dtype
 * @property {number[]} shape
 * @property {boolean} steps whether it has the distances from NumPy's array, in floats
 * @property {boolean} is_sum whether it is not stored
 */

/** @typedef {{ blob: string, entries: Entry[] }} Packed */

const KINDS = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
};

/** Unpack the arrays of all checkpoints. Until then they have a record of packed arrays in their place. */
export async function unpackCheckpoints() {
  for (const checkpoint of record.checkpoints) {
    const packed = /** @type {{ numbers: Packed, details?: Packed }} */ (/** @type {unknown} */ (checkpoint));
    checkpoint.numbers = await unpack(packed.numbers);
    if (packed.details) checkpoint.details = await unpack(packed.details);
  }
}

/**
 * Return the arrays of a blob by name.
 * @type {(packed: Packed) => Promise<Arrays>}
 */
export async function unpack({ blob, entries }) {
  const element = $(`blob-${blob}`);
  const bytes = fromBase64(element.textContent);
  element.remove();
  const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const planes = new Uint8Array(await new Response(inflated).arrayBuffer());
  /** @type {Arrays} */
  const arrays = {};
  let start = 0;
  for (const { name, dtype, shape, steps, is_sum: isSum } of entries) {
    if (isSum) {
      arrays[name] = name === "a" ? addBiases(arrays) : addProducts(arrays);
      continue;
    }
    const Kind = KINDS[dtype];
    const size = Kind.BYTES_PER_ELEMENT;
    const count = shape.reduce((product, n) => product * n, 1);
    const interleaved = new Uint8Array(count * size);
    for (let b = 0; b < size; b++) {
      for (let n = 0; n < count; n++) interleaved[n * size + b] = planes[start + b * count + n];
    }
    start += count * size;
    const stored = new Kind(interleaved.buffer);
    arrays[name] = steps
      ? moveBySteps(arrays[name.replace("torch.", "")], /** @type {Integers} */ (stored))
      : /** @type {Floats} */ (stored);
  }
  return arrays;
}

/**
 * Round to the dtype of the record.
 * @type {(x: number) => number}
 */
export const round = record.dtype === "float64" ? (x) => x : Math.fround;

/**
 * a = W_ih + (b_ih + b_hh), a row for each token: it is not stored, and rounded as NumPy rounds.
 * @type {(arrays: Arrays) => Floats}
 */
function addBiases({ W_ih, b_ih, b_hh }) {
  const sums = W_ih.slice(0, record.input_rows.length * H);
  return sums.map((_, n) => round(W_ih[record.input_rows[Math.floor(n / H)] * H + (n % H)] + round(b_ih[n % H] + b_hh[n % H])));
}

/**
 * z = a + u, which is not stored either.
 * @type {(arrays: Arrays) => Floats}
 */
const addProducts = ({ a, u }) => u.map((x, n) => round(a[record.column[Math.floor(n / H)] * H + (n % H)] + x));

/**
 * Return the float32 that is `steps` floats after each entry of `base`.
 * @type {(base: Floats, steps: Integers) => Float32Array}
 */
function moveBySteps(base, steps) {
  const bits = new Int32Array(base.buffer);
  const moved = new Int32Array(bits.length);
  for (let n = 0; n < bits.length; n++) {
    const place = (bits[n] < 0 ? -(bits[n] & 0x7fffffff) : bits[n]) + Number(steps[n]);
    moved[n] = place < 0 ? -place | 0x80000000 : place;
  }
  return new Float32Array(moved.buffer);
}
