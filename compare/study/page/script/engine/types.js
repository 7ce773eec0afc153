// What the engine works with. Letters: T steps, V tokens of the vocabulary, H units, G gates (at least 1). Arrays are
// flat, rows first.

/** @typedef {Float64Array | Float32Array} Floats */

/** @typedef {Record<string, Float64Array>} Parameters Arrays under the names of torch, NAMES. */

/**
 * The results of a cell in one step.
 *
 * @typedef {object} CellStep
 * @property {Float64Array[]} state the state after this step: [h], or [h, c]
 * @property {Record<string, Float64Array>} parts gates and other arrays (H,) by name: all that `backward` and the
 *   pictures read beside the state
 */

/**
 * One step of the forward pass.
 *
 * @typedef {object} StepInputs
 * @property {number} id the token
 * @property {Float64Array[]} before the state before this step
 * @property {Float64Array} a W_ih x_t + b_ih, (G·H,)
 * @property {Float64Array} u W_hh h_{t-1} + b_hh, (G·H,)
 * @property {Float64Array} y the logits, (V,)
 *
 * @typedef {CellStep & StepInputs} Step
 */

/**
 * What a cell returns of one step of its way back: the gradients of `a` and `u`, and for each array of the state
 * before the part of its gradient that does not come through u, or null if there is none. `d_state` are the whole
 * gradients of `step.state`; a cell whose state is h alone leaves it out.
 *
 * @typedef {object} CellGradients
 * @property {Float64Array} a
 * @property {Float64Array} u
 * @property {(Float64Array | null)[]} direct
 * @property {Float64Array[]} [d_state]
 */

/**
 * The gradients of one step of the way back.
 *
 * @typedef {object} BackStep
 * @property {Float64Array} fromLoss the part of δh_t from the loss
 * @property {Float64Array[]} fromNext what step t+1 adds to δ of each array of the state
 * @property {Float64Array} d_h δh_t
 * @property {Float64Array[]} d_state δ of each array of the state, as δh_t and δc_t
 * @property {Float64Array} d_u δ(W_hh h + b_hh)
 * @property {[Float64Array, Float64Array]} term the two vectors whose outer product is this step's part of δW_hh
 */

/** @typedef {{ gradients: Parameters, steps: BackStep[] }} Back The gradients of all parameters and steps. */

/** @typedef {{ loss: number, d_y: Float64Array }} TokenLoss The loss of one step, and the gradient of its logits. */

/** @typedef {Back & { tape: Step[], losses: TokenLoss[], loss: number }} Run Forward, mean loss, and backward. */

/**
 * A text about a part of a step: its formula, which `math` of pictures/symbols.js sets, and a piece of the one line
 * of the plain version (scratch_rnn/plain) that computes it.
 *
 * @typedef {{ formula: string, text: string, line?: string }} Explained
 */

/**
 * A column of the moving picture: the array `of` of `drawn`, its kind, its title (`short` where space is rare), its
 * symbol, and the part of the step in which it is computed; null for what was there before.
 *
 * @typedef {object} Column
 * @property {string} of
 * @property {"state" | "bar" | "gate"} kind
 * @property {string} title
 * @property {string} [short]
 * @property {string} name
 * @property {number | null} part
 * @property {"mix" | "bend"} [gap] what is drawn in the gap before it
 */

/**
 * A cell: its equations, and what the page says of them. Each has its file in cells/, under its name in
 * compare/implementations/core/cells.py, and its entry in cells/table.js. A bug of the catalogue can replace any of its
 * functions.
 *
 * @typedef {object} Cell
 * @property {string[]} states the names of the arrays of the state
 * @property {(a: Float64Array, u: Float64Array, state: Float64Array[], b_hh: Float64Array) => CellStep} forward
 *   `a` and `u` have a block of H numbers for each gate, in the order of the weights' rows
 * @property {(step: Step, d_state: Float64Array[]) => CellGradients} backward `d_state` are the gradients of step.state
 * @property {Explained} newState of h_t
 * @property {string[]} fromNext the formulas of what step t+1 adds to the gradient of each array of the state
 * @property {(Explained & { of: string, title: string })[]} parts of a cell with gates: what the page shows of a step,
 *   in the order of computation; `of` is its name in the parts of a step
 * @property {string[]} sums the lines that compute a and u, as in `line`; one if it is the same line
 * @property {string | null} candidate the gate whose rows of W_hh the page shows, one of the letters of cells.py
 * @property {(h: number) => number} [slope] of a cell without gates: the slope of its nonlinearity where it is h
 * @property {(z: number) => number} [f] the nonlinearity of a cell without gates
 * @property {(step: Step) => Record<string, Float64Array>} drawn the arrays of the moving picture by name; `a` is what
 *   the letter adds to the sums
 * @property {Column[]} columns of the moving picture, from left to right
 * @property {{ from: string, to: string, share: (drawn: Record<string, Floats>, i: number) => number }[]} ways
 *   what flows between two columns, and the share of unit i that passes
 * @property {string} mixes the sentence of the picture's second part
 * @property {string} makes and of its third
 */
