/** @import { GRU } from "./cells/gru.js" */
/** @import { LSTM } from "./cells/lstm.js" */
/** @import { Elman } from "./cells/rnn.js" */
/** @import { Network } from "./network.js" */

/**
 * The methods that a bug replaces, of a network or its cell.
 *
 * @typedef {Partial<Omit<Network, "cell">> & { cell?: Partial<Elman> | Partial<GRU> | Partial<LSTM> } & ThisType<Network>} Bug
 */

/**
 * The bugs of the game by name. They come from the catalogue (compare/mistakes, `[bug.page]`): `explain` puts a table
 * with all of them in the place of this module.
 * @type {Record<string, Bug>}
 */
export const BUGS = {};
