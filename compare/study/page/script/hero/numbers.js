// The numbers of the moving picture.

import { largest, row } from "../engine/arrays.js";
import { softmax } from "../engine/loss.js";
import { BLOCK, CELL } from "../record/cell.js";
import { H, record, S } from "../record/record.js";
import { hero } from "../state/hero_time.js";
import { needNetwork, numbers, reading, trueNext, units } from "../state/state.js";

/** @import { Floats } from "../engine/types.js" */
/** @import { Product } from "../state/hero_time.js" */

/** The number of products that are drawn: the largest. */
const LINKS = 44;

/** The number of predicted tokens. */
export const GUESSES = 6;

/** The units of the picture: at most 32 have space. */
export const heroUnits = () => (units.length <= 32 ? units : record.units_by_change.slice(0, 32).sort((a, b) => a - b));

/** The columns of the cell; without weights, only what was recorded. */
export const heroColumns = () => (reading.tape ? CELL.columns : CELL.columns.filter(({ of }) => of === "before" || of === "h"));

/**
 * All arrays (H,) of a step by the names of the columns, and `a`, what the letter adds to the sums.
 * @type {(t: number) => Record<string, Floats>}
 */
export function heroNumbers(t) {
  if (reading.tape) return CELL.drawn(reading.tape[t - 1]);
  return { before: row(numbers().h, t - 1, H), h: row(numbers().h, t, H) };
}

/**
 * The probabilities after step t.
 * @type {(t: number) => Floats}
 */
export const heroChances = (t) => (reading.tape ? softmax(reading.tape[t - 1].y).p : row(numbers().p, t - 1, S));

/** @type {(products: Product[]) => Product[]} */
const largestOf = (products) => products.sort((p, q) => Math.abs(q[2]) - Math.abs(p[2])).slice(0, LINKS);

/**
 * The largest products of the candidate's rows of W_hh with the state before: [i, j, product].
 * @type {(t: number) => Product[]}
 */
export function linksOf(t) {
  const known = hero.links.get(t);
  if (known || !reading.tape) return known ?? [];
  const W_hh = needNetwork().parameters["rnn.weight_hh_l0"];
  const [before] = reading.tape[t - 1].before;
  const products = heroUnits().flatMap((i) =>
    heroUnits().map((j) => /** @type {Product} */ ([i, j, W_hh[(BLOCK * H + i) * H + j] * before[j]])),
  );
  const links = largestOf(products.filter(([, , product]) => product !== 0));
  hero.links.set(t, links);
  return links;
}

/** The largest number of each column over the text: the length of a whole bar. */
export function mostOf() {
  hero.most ??= Object.fromEntries(heroColumns().map(({ of }) => [of, mostOfColumn(of)]));
  return hero.most;
}

/** @type {(of: string) => number} */
function mostOfColumn(of) {
  const steps = reading.tokens.map((_, n) => heroNumbers(n + 1));
  return Math.max(1e-9, ...steps.map((step) => Math.max(largest(step[of]), of === "sum" ? largest(step.a) : 0)));
}

/**
 * The most likely tokens after a step, and the one that does come next.
 * @type {(t: number) => number[]}
 */
export function guessOrder(t) {
  const p = heroChances(t);
  const order = Array.from({ length: S }, (_, v) => v)
    .sort((a, b) => p[b] - p[a])
    .slice(0, GUESSES);
  const next = trueNext(t);
  if (next !== null && !order.includes(next)) order[order.length - 1] = next;
  return order;
}

/**
 * The largest products W[v, i] h[i] of the drawn logits: [v, i, product].
 * @type {(t: number) => Product[]}
 */
export function guessLinksOf(t) {
  const [W, { h }] = [needNetwork().parameters["linear.weight"], heroNumbers(t)];
  return largestOf(
    guessOrder(t).flatMap((v) => heroUnits().map((i) => /** @type {Product} */ ([v, i, W[record.shown[v] * H + i] * h[i]]))),
  );
}
