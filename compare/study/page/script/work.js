// ---------------------------------------------------------------- long computations
//
// A long computation is a generator function with a name: it yields after each few milliseconds of work,
// and returns its result. `compute` runs it at once if it is short. Else it runs in a worker, made from
// the text of this script, so that the page loads nothing. If the browser refuses workers, it runs here in
// slices: between two of them the page answers.

const SCRIPT = IS_WORKER ? "" : document.currentScript.textContent;

/**
 * `now` is what is computed, `next` the newest order of each function; `most` is the number of products
 * that are computed at once. `worker` is null if there is none.
 */
const work = { worker: undefined, now: null, next: new Map(), most: 4e6 };

if (IS_WORKER) globalThis.onmessage = ({ data: { name, input } }) => postMessage(finish(globalThis[name](input)));

/**
 * Compute `steps(input)`, a generator function, and call `done` with its result.
 *
 * `products` is about the number of multiplications. A newer order of the same function replaces one that
 * has not begun. With `isHere` it does not run in the worker: its input is large.
 */
function compute(steps, input, products, done, { isHere = false } = {}) {
  work.next.delete(steps.name);
  if (products <= work.most) return done(finish(steps(input)));
  work.next.set(steps.name, { steps, input, done, isHere });
  if (!work.now) computeNext();
}

function computeNext() {
  const [order] = work.next.values();
  work.now = order ?? null;
  if (!order) return;
  work.next.delete(order.steps.name);
  if (!order.isHere && work.worker === undefined) startWorker();
  if (order.isHere || !work.worker) computeHere(order);
  else work.worker.postMessage({ name: order.steps.name, input: order.input });
}

function end(result) {
  const { done } = work.now;
  computeNext();
  done(result);
}

function startWorker() {
  work.worker = null;
  try {
    const facts = { ...record, checkpoints: [], plain: [] };
    const text = `globalThis.pageRecord = ${JSON.stringify(facts)};\n${SCRIPT}`;
    const worker = new Worker(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
    worker.onmessage = ({ data }) => end(data);
    worker.onerror = (event) => {
      event.preventDefault();
      work.worker = null;
      if (work.now && !work.now.isHere) computeHere(work.now);
    };
    work.worker = worker;
  } catch { // refused: `computeHere` does the same
  }
}

async function computeHere({ steps, input }) {
  const all = steps(input);
  for (;;) {
    const begin = performance.now();
    while (performance.now() - begin < SLICE) {
      const { done, value } = all.next();
      if (done) return end(value);
    }
    await new Promise((go) => setTimeout(go));
  }
}

/** Run a generator to its end; return its result. */
function finish(steps) {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}
