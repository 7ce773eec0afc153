import { clamp } from "../engine/arrays.js";
import { read } from "./read.js";
import { redraw } from "./redraw.js";
import { chosen, live, showUnits, T, units } from "./state.js";
import { takeWeights } from "./weights.js";

/** @import { Chosen } from "./state.js" */

/**
 * Choose what the pictures show, and draw them again.
 * @param {Partial<Chosen>} changes
 */
export function choose(changes) {
  for (const key of /** @type {(keyof Chosen)[]} */ (Object.keys(changes))) {
    if (chosen[key] === changes[key]) continue;
    Object.assign(chosen, { [key]: changes[key] });
    if (key === "u") {
      showUnits(chosen.u);
      redraw("i"); // a unit that is not shown is not chosen
    }
    if (key === "compare") document.documentElement.toggleAttribute("data-compare", chosen.compare);
    if (key === "c") {
      live.ofAddress = null;
      takeWeights();
      read();
      redraw("text");
    }
    if (key === "t" && !("v" in changes) && chosen.v !== null) {
      chosen.v = null; // another token comes next now
      redraw("v");
    }
    redraw(key);
  }
}

/** @type {(down: number, right: number) => void} */
export const moveStepAndUnit = (down, right) =>
  choose({ t: clamp(chosen.t + right, 1, T), i: units[clamp(units.indexOf(chosen.i) + down, 0, units.length - 1)] });
