// Long computations.
//
// A long computation is a generator function with a name: it yields after each few milliseconds of work, and returns its
// result. `compute` runs it at once if it is short. Else it runs in a worker, made from a script that is in the page
// (worker.js), so that the page loads nothing. If the browser refuses workers, it runs here in slices: between two of
// them the page answers.

import { $ } from "../../../../files/page.js";
import { finish } from "../engine/finish.js";
import { SLICE } from "./redraw.js";

/**
 * @typedef {object} Order
 * @property {string} name of the function
 * @property {() => Generator<void, unknown, void>} begin
 * @property {unknown} input
 * @property {(result: unknown) => void} done
 * @property {boolean} isHere
 */

/**
 * @typedef {object} Work
 * @property {Worker | null | undefined} worker null if there is none; undefined before the first long computation
 * @property {Order | null} now what is computed
 * @property {Map<string, Order>} next the newest order of each function
 * @property {number} most the number of products that are computed at once
 */

/** @type {Work} */
export const work = { worker: undefined, now: null, next: new Map(), most: 4e6 };

/**
 * Compute `steps(input)`, and call `done` with its result.
 *
 * `products` is about the number of multiplications. A newer order of the same function replaces one that has not begun.
 * With `isHere` it does not run in the worker: its input is large.
 *
 * @template Input, Result
 * @param {(input: Input) => Generator<void, Result, void>} steps
 * @param {Input} input
 * @param {number} products
 * @param {(result: Result) => void} done
 * @param {{ isHere?: boolean }} [options]
 */
export function compute(steps, input, products, done, { isHere = false } = {}) {
  work.next.delete(steps.name);
  if (products <= work.most) {
    done(finish(steps(input)));
    return;
  }
  work.next.set(steps.name, {
    name: steps.name,
    begin: () => steps(input),
    input,
    done: (result) => done(/** @type {Result} */ (result)),
    isHere,
  });
  if (!work.now) computeNext();
}

function computeNext() {
  const [order] = work.next.values();
  work.now = order ?? null;
  if (!order) return;
  work.next.delete(order.name);
  if (!order.isHere && work.worker === undefined) startWorker();
  if (order.isHere || !work.worker) computeHere(order);
  else work.worker.postMessage({ name: order.name, input: order.input });
}

/** @param {unknown} result */
function end(result) {
  const order = work.now;
  computeNext();
  order?.done(result);
}

function startWorker() {
  work.worker = null;
  try {
    const worker = new Worker(URL.createObjectURL(new Blob([$("worker").textContent], { type: "text/javascript" })));
    worker.onmessage = ({ data }) => end(data);
    worker.onerror = (event) => {
      event.preventDefault();
      work.worker = null;
      if (work.now && !work.now.isHere) computeHere(work.now);
    };
    work.worker = worker;
  } catch {
    // refused: `computeHere` does the same
  }
}

/** @param {Order} order */
async function computeHere({ begin }) {
  const steps = begin();
  for (;;) {
    const start = performance.now();
    while (performance.now() - start < SLICE) {
      const { done, value } = steps.next();
      if (done) return end(value);
    }
    await new Promise((go) => setTimeout(go));
  }
}
