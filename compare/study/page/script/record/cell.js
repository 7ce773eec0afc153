// The cell of the page.

import { cellOf } from "../engine/cells/table.js";
import { F, H, IS_GATED, record, V } from "./record.js";

export const CELL = cellOf(record.cell, F);

/** The block of rows of W_hh that the page shows: the candidate's, or all of them in a cell without gates. */
export const BLOCK = CELL.candidate === null ? 0 : record.gates.indexOf(CELL.candidate);

export const BLOCK_NAME = CELL.candidate === null ? "W_{hh}" : `W_{h${CELL.candidate}}`;

/** @type {(name: string) => string} */
export const plainName = (name) => name.replace(/[{}]/g, "");

/**
 * "row 5 of W_hg, which is row 37 of W_hh"
 * @type {(i: number) => string}
 */
export const rowOfBlock = (i) => `row ${i} of ${plainName(BLOCK_NAME)}${IS_GATED ? `, which is row ${BLOCK * H + i} of W_hh` : ""}`;

/**
 * The number of columns of a parameter: 1 of a bias.
 * @type {(name: string) => number}
 */
export const columnsOf = (name) => ({ "rnn.weight_ih_l0": V, "rnn.weight_hh_l0": H, "linear.weight": H })[name] ?? 1;
