/** @import { Network } from "./network.js" */
/** @import { Cell } from "./types.js" */

/** @typedef {Partial<Network> & { cell?: Partial<Cell> }} Bug The methods that a bug replaces, of a network or its cell. */

/**
 * The bugs of the game by name. They come from the catalogue (compare/mistakes, `[bug.page]`): `explain` puts a table
 * with all of them in the place of this module.
 * @type {Record<string, Bug>}
 */
export const BUGS = {};
