// What the page is given, and what it asks Python for.

/** @typedef {{ name: string, bytes: number }} SiteFile */

/** @typedef {{ stage?: string, no_equations?: boolean, cell?: string }} Choice the options of a check */

/**
 * What compare/study/writing/build.py writes into the page.
 *
 * @typedef {object} Site
 * @property {Record<string, { title: string, functions: string[], exercise: string }>} cells
 * @property {Record<string, { source: string, cell: string, choice: Choice }>} exercises
 * @property {SiteFile[]} files
 * @property {number} megabytes
 */

/** @typedef {{ vocab: string[], parameters: Record<string, number[] | number[][]> }} Network */

/**
 * @typedef {{ work: "load", base: string, files: SiteFile[] }
 *   | { work: "exercise", cell: string }
 *   | { work: "check", source: string, choice: Choice }
 *   | { work: "train", source: string, cell: string }} Message
 */

/**
 * What the training tells: how it compares with the plain version, or the end of an epoch.
 *
 * @typedef {{ compared: { updates: number, difference: number, wrong: string | null } }
 *   | { epoch: number, epochs: number, loss: number, wrote: string }} TrainingTold
 */

/** @typedef {{ loading: number, words?: string } | { told: { trying: string } | TrainingTold }} Progress */

/**
 * The answer of a check. `report` is what `rnn-parity check --json` writes, `shown` the same as HTML.
 *
 * @typedef {object} CheckAnswer
 * @property {{ score: number, out_of: number, stages: { name: string, verdict: string }[] }} report
 * @property {string} shown
 * @property {Record<string, string>} equations
 */

/** @typedef {{ load: undefined, exercise: string, check: CheckAnswer, train: Network }} Answers by the work of a message */
