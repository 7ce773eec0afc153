// ---------------------------------------------------------------- the cell: Elman's network
//
// A page shows one cell. Its script is cells/NAME.js, with the cell's name in compare/implementations/core/cells.py.
// `explain` finds it by this name: a new cell needs no other file here. All cells are in CELLS, by
// name, for the panel that compares them. The script defines CELL:
//
//     forward(a, u, state, b_hh) -> step      a = W_ih x_t + b_ih and u = W_hh h_{t-1} + b_hh, each (G·H,)
//         G counts the gates. Both have a block of H numbers for each gate, in the order of the weights'
//         rows. `state` is the state before this step: a list of arrays (H,), [h], or [h, c].
//         The step is an object: `state`, the list after this step, and all that `backward` or
//         `parts` read, under names of your choice other than id, before, a, u and y.
//     backward(step, d_state) -> { a, u, direct, d_state }
//         `d_state` are the gradients of step.state, in a list. The result has the gradients of a and
//         u, and `direct`: for each array of the state before, the part of its gradient that does
//         not come through u = W_hh h_{t-1} + b_hh, or null if there is none. `d_state` can be left out if
//         the state is h alone: the whole gradients of step.state; that of c has the part through h.
//     states        the names of the arrays of the state
//     newState      { formula, text, line }: of h_t
//     fromNext      the formulas of what step t+1 adds to the gradient of each array of the state
//
// A cell with gates has these, too:
//
//     parts         what the page shows of a step, in the order of computation, gates and other arrays
//                   (H,): [{ of, title, formula, text, line }]; `of` is its name in the step
//     sums          the lines that compute a and u, as in `line`; one if it is the same line
//     candidate     the gate whose rows of W_hh the page shows; one of the letters of cells.py
//
// `formula` is set by `math` of elements.js. `line` is a part of the one line of the plain version
// (scratch_rnn/plain) that computes this; the page shows that line. It can be left out. All arrays are
// Float64Arrays, and all numbers float64. A bug of the catalogue can replace any function of CELL.

const CELL = {
  states: ["h"],
  f: F === "tanh" ? Math.tanh : (z) => Math.max(z, 0),
  slope: F === "tanh" ? (h) => 1 - h * h : (h) => (h > 0 ? 1 : 0),

  /** z = a + u,  h' = f(z) */
  forward(a, u) {
    const z = add(a, u);
    return { state: [z.map((x) => this.f(x))], z };
  },

  /** δz = δh' ⊙ f'(z); for both f, f'(z) follows from h' */
  backward({ state: [h] }, [d_h]) {
    const d_z = d_h.map((d, n) => d * this.slope(h[n]));
    return { a: d_z, u: d_z, direct: [null] };
  },

  newState: F === "tanh"
    ? { formula: "h_t = tanh(z_t)", line: "np.tanh(z_t)",
      text: "tanh maps each sum to a number between −1 and 1. Where its curve is flat, the unit is saturated: almost no gradient passes." }
    : { formula: "h_t = max(0, z_t)",
      text: "ReLU keeps positive numbers and sets all others to 0. A unit at 0 passes no gradient." },
  fromNext: ["W_{hh}^T ∂L/∂z_{t+1}"],

  drawn: ({ before: [before], a, z, state: [h] }) => ({ before, a, sum: z, h }),
  columns: [
    { of: "before", kind: "state", title: "state before", short: "before", name: "h_{t-1}", part: null },
    { of: "sum", kind: "bar", title: "sum", name: "z_t", part: 1, gap: "mix" },
    { of: "h", kind: "state", title: "new state", short: "new", name: "h_t", part: 2, gap: "bend" },
  ],
  ways: [],
  mixes: "The state before it pushes, too, through W_hh. Both are added.",
  makes: F === "tanh" ? "tanh bends each sum to a number between −1 and 1: the new state." : "ReLU keeps each positive sum: the new state.",
};
