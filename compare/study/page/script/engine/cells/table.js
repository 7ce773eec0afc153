import { gru } from "./gru.js";
import { lstm } from "./lstm.js";
import { reluRNN, rnn } from "./rnn.js";

/** @import { Cell } from "../types.js" */

/**
 * The cells of the page by name.
 * @type {Record<string, Cell>}
 */
export const CELLS = { rnn, gru, lstm };

/**
 * A cell by its name and its nonlinearity.
 * @type {(name: string, nonlinearity: string) => Cell}
 */
export const cellOf = (name, nonlinearity) => (name === "rnn" && nonlinearity === "relu" ? reluRNN : CELLS[name]);
