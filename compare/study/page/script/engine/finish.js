/**
 * Run a generator to its end; return its result.
 * @template Result
 * @param {Generator<void, Result, void>} steps
 * @returns {Result}
 */
export function finish(steps) {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}
