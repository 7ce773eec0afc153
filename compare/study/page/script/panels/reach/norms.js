import { $ } from "../../../../../files/page.js";
import { clamp } from "../../engine/arrays.js";
import { isAbsent } from "../../pictures/tables.js";
import { checkpoint, chosen, K, live, numbers } from "../../state/state.js";

/** Whether there is a loss, and the page has its gradients; whether it is computing their norms. */
export const hasGradients = () => K > 0 && numbers().norms !== undefined;

const isComputing = () => K > 0 && live.network !== null && !hasGradients();

/**
 * ‖∂L_k/∂h_t‖
 * @type {(k: number, t: number) => number}
 */
export const normAt = (k, t) => numbers().norms[(k - 1) * K + t - 1];

/**
 * The first step that truncation leaves to loss k.
 * @type {(k: number) => number}
 */
export const firstStepBeforeCut = (k) => Math.floor((k - 1) / chosen.n) * chosen.n + 1;

/**
 * Whether a panel of norms has none to show. While the page computes them, it shows those before.
 * @type {(section: string) => boolean}
 */
export function isWithoutNorms(section) {
  $(`${section}-body`).setAttribute("aria-busy", String(isComputing()));
  return (
    isAbsent(
      section,
      hasGradients() || isComputing()
        ? ""
        : K === 0
          ? "This text has one token. No token follows, so there is no loss and no gradient."
          : `The page computes the gradients of a cell with gates itself, and it does not have the weights ${checkpoint().label}.`,
    ) || !hasGradients()
  );
}

/** The range of all norms, as powers of ten. */
export function decades() {
  let [least, most] = [Infinity, 0];
  for (const x of numbers().norms) {
    if (x > 0) [least, most] = [Math.min(least, x), Math.max(most, x)];
  }
  if (most === 0) return { low: -1, high: 0 };
  const high = Math.ceil(Math.log10(most) + 1e-9);
  return { low: clamp(Math.floor(Math.log10(least)), high - 12, high - 1), high };
}
