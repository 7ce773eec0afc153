// Where everything is in the moving picture.

import { clamp } from "../engine/arrays.js";
import { T } from "../state/state.js";
import { GUESSES, heroColumns, heroUnits } from "./numbers.js";

/** @import { Column } from "../engine/types.js" */

/** @typedef {Column & { x: number, wide: number }} PlacedColumn */

/** @typedef {ReturnType<typeof planOf>} Plan */

/** Width; a wider picture is this one, enlarged. */
export const PLANNED = 1120;

/** The height that a second loop takes. */
export const LOOP = 12;

/** Widths of the columns by their kind, of the gaps, and of the prediction with its lines: the first that fits is taken. */
const SIZES_OF_COLUMNS = [
  { state: 30, gate: 28, bar: 66, mix: 150, bend: 96, gap: 24, left: 44, guesses: 300, links: 92 },
  { state: 26, gate: 20, bar: 46, mix: 90, bend: 60, gap: 12, left: 36, guesses: 220, links: 64 },
  { state: 20, gate: 16, bar: 30, mix: 46, bend: 34, gap: 8, left: 20, guesses: 122, links: 34 },
  { state: 14, gate: 9, bar: 18, mix: 28, bend: 32, gap: 7, left: 20, guesses: 110, links: 30 },
];

/** The share of the space left over that a gap takes. */
const SPARE = { mix: 0.6, bend: 0.4 };

/**
 * Places and sizes, for a width of the picture.
 * @param {number} wide
 */
export function planOf(wide) {
  const isNarrow = wide < 700;
  const rows = heroUnits().length;
  const space = "moving" in document.documentElement.dataset ? 320 : clamp(innerHeight - 370, 180, 320); // of the first screen
  const high = rows > 16 ? (isNarrow ? 7 : 10) : isNarrow ? 14 : clamp(space / rows, 8, 19);
  const history = Math.max(1.5, Math.min(5, 76 / rows));
  const letters = isNarrow ? 26 : 36;
  const top = letters + rows * history + (isNarrow ? 54 : 58);
  const columns = heroColumns();
  /** @type {(sizes: typeof SIZES_OF_COLUMNS[0], column: Column, n: number) => number} */
  const gapBefore = (sizes, { gap }, n) => (gap ? sizes[gap] : n ? sizes.gap : 0);
  /** @type {(sizes: typeof SIZES_OF_COLUMNS[0]) => number} */
  const widthWith = (sizes) =>
    columns.reduce((sum, column, n) => sum + sizes[column.kind] + gapBefore(sizes, column, n), sizes.left + sizes.guesses);
  const sizes = SIZES_OF_COLUMNS.find((candidate) => widthWith(candidate) <= wide) ?? SIZES_OF_COLUMNS[SIZES_OF_COLUMNS.length - 1];
  const spare = clamp(wide - widthWith(sizes), 0, 240);
  let x = sizes.left;
  /** @type {PlacedColumn[]} */
  const placed = columns.map((column, n) => {
    x += gapBefore(sizes, column, n) + (column.gap ? spare * SPARE[column.gap] : 0) + sizes[column.kind];
    return { ...column, x: x - sizes[column.kind], wide: sizes[column.kind] };
  });
  const hasCell = columns.some(({ of }) => of === "c_before");
  return {
    isNarrow,
    rows,
    high,
    history,
    letters,
    top,
    columns: placed,
    guesses: x + clamp(wide - sizes.guesses - x, 0, 60) + sizes.links,
    wide,
    tall: top + rows * high + (isNarrow ? 26 : 30) + (hasCell ? LOOP : 0),
    size: isNarrow ? 12 : 14,
  };
}

/**
 * The column of this name.
 * @type {(plan: Plan, of: string) => PlacedColumn}
 */
export function columnOf(plan, of) {
  const column = plan.columns.find(({ of: name }) => name === of);
  if (!column) throw new Error(`expected a column ${of} of the moving picture, got none`);
  return column;
}

/**
 * The letters that have space in a row: all, or those around step t.
 * @type {(plan: Plan, t: number) => { first: number, count: number, cell: number }}
 */
export function lettersIn(plan, t) {
  const count = Math.min(T, Math.floor(plan.wide / 16));
  const first = clamp(t - Math.ceil(count / 2), 0, T - count);
  return { first, count, cell: Math.min(plan.isNarrow ? 48 : 100, plan.wide / count) };
}

/**
 * The top of the n-th unit.
 * @type {(plan: Plan, n: number) => number}
 */
export const topOf = (plan, n) => plan.top + n * plan.high;

/**
 * Where the letter stands while it is read.
 * @param {Plan} plan
 */
export function chipOf(plan) {
  const [before, sum] = [columnOf(plan, "before"), columnOf(plan, "sum")];
  return { x: before.x + before.wide + 0.62 * (sum.x - before.x - before.wide), y: plan.top - 12 };
}

/**
 * Where the bars begin, and the height of each.
 * @param {Plan} plan
 */
export function guessesOf(plan) {
  const step = Math.min(plan.isNarrow ? 34 : 46, (plan.rows * plan.high) / GUESSES);
  return { x: plan.guesses, step, y: (/** @type {number} */ n) => plan.top + (n + 0.5) * step };
}
