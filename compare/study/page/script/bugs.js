// ---------------------------------------------------------------- bugs of the catalogue, for this engine
//
// Each replaces some methods of a network, or of its cell. They are in BUGS, by name, and come from the
// catalogue, compare/mistakes, which has the same bugs for scratch_rnn, and the words and hint of each.
// These functions are for such methods.

/** Change each number of gate k, in an array (4H,). */
const gateChanged = (array, k, change) => {
  const H = array.length / 4;
  return array.map((x, n) => (Math.floor(n / H) === k ? change(x, n % H) : x));
};

/** Exchange the third and the fourth gate. */
const exchanged = (array) => {
  const H = array.length / 4;
  return Float64Array.from(array, (_, n) => array[n < 2 * H ? n : n < 3 * H ? n + H : n - H]);
};

/** Put a bug into a network. */
function withBug(network, name) {
  const { cell, ...methods } = BUGS[name] ?? {};
  return Object.assign(network, methods, { cell: { ...network.cell, ...cell } });
}
