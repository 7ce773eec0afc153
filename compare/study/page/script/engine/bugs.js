// What the bugs of the catalogue are written with: see bugs_table.js.

/**
 * Change each number of gate k, in an array (4H,).
 * @type {(array: Float64Array, k: number, change: (x: number, i: number) => number) => Float64Array}
 */
export const gateChanged = (array, k, change) => {
  const H = array.length / 4;
  return array.map((x, n) => (Math.floor(n / H) === k ? change(x, n % H) : x));
};

/**
 * Exchange the third and the fourth gate.
 * @type {(array: Float64Array) => Float64Array}
 */
export const exchanged = (array) => {
  const H = array.length / 4;
  return Float64Array.from(array, (_, n) => array[n < 2 * H ? n : n < 3 * H ? n + H : n - H]);
};
