// What `explain` recorded: compare/study/page/record.py writes it into the page. Letters: T steps, V tokens of the
// vocabulary, H units, K losses.

import { $, find } from "../../../../files/page.js";

/** @import { Floats } from "../engine/types.js" */

/** @typedef {Record<string, Floats>} Arrays Results by name; those of PyTorch begin with "torch.". */

/**
 * The weights at one moment of the training, and all results for the text.
 *
 * @typedef {object} Checkpoint
 * @property {string} label such as "after 60 epochs"
 * @property {number | null} epoch
 * @property {number | null} loss the mean; null for a text of one token
 * @property {number | null} perplexity
 * @property {number | null} radius the spectral radius of W_hh; null for a cell with gates
 * @property {number | null} singular its largest singular value
 * @property {Record<string, number>} allowed the tolerance of each result
 * @property {string[]} written the tokens that the network generates after the text
 * @property {ParityRow[]} parity
 * @property {Arrays} numbers
 * @property {Arrays | null} [details] weights and sums, if the page has space for them
 */

/**
 * A tensor of one training step in NumPy and in PyTorch.
 *
 * @typedef {object} ParityRow
 * @property {string} name
 * @property {boolean} ok
 * @property {string} verdict
 * @property {string} problem
 * @property {number | null} share the largest difference as a share of the tolerance
 * @property {number | null} difference
 * @property {number | null} allowed
 * @property {number | null} ulps
 * @property {number[]} shape
 */

/** @typedef {{ file: string, number: number, code: string }} CodeLine A line of scratch_rnn/plain. */

/**
 * A bug of the game. `symptom` is what it changes, as soon as the game has computed it.
 *
 * @typedef {object} RecordedBug
 * @property {string} name
 * @property {string} words
 * @property {string} hint
 * @property {string} look
 * @property {CodeLine} line
 * @property {boolean[]} [symptom]
 */

/** @typedef {{ norms: number[], gate: number | null }} LessonNorms The gradient after each letter. */

/**
 * What docs/scripts/recall.py measured.
 *
 * @typedef {object} Lesson
 * @property {string[]} places
 * @property {number} updates the most
 * @property {Record<string, { learned: number[], trained: number[], updates: (number | null)[] }>} cells
 * @property {{ cell: string, name: string, before: LessonNorms, after: LessonNorms }[]} networks
 */

/**
 * @typedef {object} PageRecord
 * @property {string} text
 * @property {string[]} notes
 * @property {string[]} tokens of the text
 * @property {number[]} ids
 * @property {number[]} column of each step: the row of `a` that its token has
 * @property {number[]} input_rows of each of these rows: the row of W_ih
 * @property {number[]} targets
 * @property {number[]} shown the tokens of the vocabulary that are shown
 * @property {string[]} shown_tokens
 * @property {number} T
 * @property {number} V
 * @property {number} H
 * @property {number[]} units_by_change
 * @property {string} dtype
 * @property {string} cell
 * @property {string} layer
 * @property {string[]} gates
 * @property {string[]} states
 * @property {Record<string, { layer: string }>} cells all cells by name
 * @property {string} nonlinearity
 * @property {number | null} num_steps steps after which the training cut gradients
 * @property {number | null} max_norm
 * @property {number} lr
 * @property {string} state
 * @property {string} source
 * @property {{ file: string, lines: string[] }[]} plain
 * @property {Lesson} lesson
 * @property {RecordedBug[]} bugs
 * @property {(number | null)[]} curve the perplexity of each epoch
 * @property {Record<string, string>} versions
 * @property {Checkpoint[]} checkpoints
 */

/** Whether the page of a run shows its small network: then the address ends with #small. */
export const IS_SMALL = location.hash.startsWith("#small");

/** Whether there is a small network beside that of the run. */
export const HAS_SMALL = find("small-record") !== null;

/** @type {PageRecord} */
export const record = JSON.parse($(IS_SMALL ? "small-record" : "record").textContent);

export const { H, V } = record;

/** The number of tokens that are shown. */
export const S = record.shown.length;

/** The nonlinearity of a cell without gates. */
export const F = record.nonlinearity;

export const IS_GATED = record.gates.length > 0;

/** Whether the training is known; that of somebody's own network is not. */
export const IS_OF_A_RUN = record.num_steps !== null;

/** Steps after which the training cut gradients. */
export const TRAINED_STEPS = record.num_steps ?? Infinity;
