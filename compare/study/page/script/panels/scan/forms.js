// The numbers of loop, scan and chunks, as rows of a table: how each was computed, and from which others.

import { asIs, byChunks, byLoop, byScan, pairsOf } from "../../engine/scan.js";
import { rounded, times } from "../../record/numbers.js";

/** @import { Pairs } from "../../engine/scan.js" */
/** @import { LinkedCell, LinkedRow } from "../../pictures/linked_numbers.js" */

/** @typedef {Omit<LinkedCell, "place">} FormCell The numbers of a pair are b, a. Steps count from 0 here and from 1 on the page. */

/** The steps of a chunk. */
export const CHUNK = 4;

/**
 * A letter of the steps from `first` to `last`: "b_{3…6}".
 * @type {(letter: string, first: number, last: number) => string}
 */
const spanOf = (letter, first, last) => `${letter}_{${first === last ? "" : `${first + 1}…`}${last + 1}}`;

/** @type {(x: number) => string} */
const inProduct = (x) => (x < 0 ? `(${rounded(x)})` : rounded(x));

/** @type {(a: number, x: number, b: number, result: number) => string} */
const sumOf = (a, x, b, result) => `${inProduct(a)} · ${inProduct(x)} + ${inProduct(b)} = ${rounded(result, 8)}`;

/**
 * A pair of the steps from `first` to t. It was joined of two: `later` at t, and `earlier` at `end`; or it begins here.
 * @type {(pair: Pairs, first: number, t: number, end?: number, later?: Pairs, earlier?: Pairs) => Pick<FormCell, "values" | "made">}
 */
function pairCell({ a, b }, first, t, end, later, earlier) {
  const names = (/** @type {string} */ letter) => spanOf(letter, first, t);
  if (end === undefined || !later || !earlier) {
    return { values: [b[t], a[t]], made: [b[t], a[t]].map((x, n) => [names("ba"[n]), rounded(x, 8)]) };
  }
  const a2 = spanOf("a", end + 1, t);
  return {
    values: [b[t], a[t]],
    made: [
      [
        `${names("b")} = ${a2} * ${spanOf("b", first, end)} + ${spanOf("b", end + 1, t)}`,
        sumOf(later.a[t], earlier.b[end], later.b[t], b[t]),
      ],
      [`${names("a")} = ${a2} * ${spanOf("a", first, end)}`, `${rounded(later.a[t])} · ${rounded(earlier.a[end])} = ${rounded(a[t], 8)}`],
    ],
  };
}

/**
 * A state, made of the state at the end of step `first` - 1 and the pair that leads from there to it.
 * @type {(states: number[], first: number, t: number, pair: Pairs) => Pick<FormCell, "values" | "made">}
 */
const stateCell = (states, first, t, { a, b }) => ({
  values: [states[t]],
  made: [
    [`h_${t + 1} = ${spanOf("a", first, t)} * h_${first} + ${spanOf("b", first, t)}`, sumOf(a[t], states[first - 1] ?? 0, b[t], states[t])],
  ],
});

/**
 * The title of each form, and its rows.
 * @type {(ids: number[], b_iz: number) => { title: string, rows: LinkedRow[] }[]}
 */
export function formsOf(ids, b_iz) {
  const pairs = pairsOf(ids, b_iz);
  const rounds = byScan(pairs, asIs);
  const loop = byLoop(pairs, asIs);
  const { alone, states } = byChunks(pairs, CHUNK, asIs);
  const beginOf = (/** @type {number} */ t) => t - (t % CHUNK);
  /** @type {(name: string, symbol: string, cell: (t: number) => FormCell) => LinkedRow} */
  const row = (name, symbol, cell) => ({ symbol, cells: ids.map((_, t) => ({ place: `${name} ${t}`, ...cell(t) })) });
  /** @type {(letter: "a" | "b", made: string) => LinkedRow} */
  const known = (letter, made) =>
    row(letter, letter, (t) => ({
      values: [pairs[letter][t]],
      made: [[`${letter}_${t + 1} = ${made.replaceAll("t", String(t + 1))}`, rounded(pairs[letter][t], 8)]],
      from: [],
    }));
  const scan = rounds.map(({ k, ...pair }, n) => {
    const old = rounds[n - 1] ?? pairs;
    const placesOf = (/** @type {number} */ t) => (n ? [`scan${k / 2} ${t}`] : [`a ${t}`, `b ${t}`]);
    return row(`scan${k}`, `k = ${k}`, (t) =>
      t < k
        ? { ...pairCell(pair, 0, t), from: placesOf(t) }
        : { ...pairCell(pair, Math.max(0, t - 2 * k + 1), t, t - k, old, old), from: [...placesOf(t - k), ...placesOf(t)] },
    );
  });
  return [
    { title: "Known before any state", rows: [known("a", "1 - z_t"), known("b", "z_t * n_t")] },
    {
      title: `Loop: ${times(ids.length, "step")}, one after the other`,
      rows: [row("loop", "h", (t) => ({ ...stateCell(loop, t, t, pairs), from: [`a ${t}`, `b ${t}`, `loop ${t - 1}`] }))],
    },
    {
      title: rounds.length ? `Scan: ${times(rounds.length, "round")}; the last b are the states` : "Scan: no rounds; b is the state",
      rows: scan,
    },
    {
      title: `Chunks of ${CHUNK}: first alone, then with the last state of the chunk before`,
      rows: [
        row("alone", "b, a", (t) =>
          t === beginOf(t)
            ? { ...pairCell(alone, t, t), from: [`a ${t}`, `b ${t}`] }
            : { ...pairCell(alone, beginOf(t), t, t - 1, pairs, alone), from: [`a ${t}`, `b ${t}`, `alone ${t - 1}`] },
        ),
        row("chunk", "h", (t) => ({ ...stateCell(states, beginOf(t), t, alone), from: [`alone ${t}`, `chunk ${beginOf(t) - 1}`] })),
      ],
    },
  ];
}
