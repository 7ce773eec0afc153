import { make } from "../../../../../files/page.js";
import { largest } from "../../engine/arrays.js";
import { math } from "../../pictures/symbols.js";
import { CELL } from "../../record/cell.js";
import { H, record } from "../../record/record.js";
import { needTape, ofShown, show, units } from "../../state/state.js";
import { link, strip, values } from "./links.js";

/**
 * The links of the chain between the token and the new state.
 * @type {(t: number, i: number) => HTMLLIElement[]}
 */
export function gates(t, i) {
  const step = needTape()[t - 1];
  const at = units.indexOf(i);
  /** @type {(name: string, all: Float64Array) => HTMLElement[]} */
  const blocks = (name, all) =>
    record.gates.map((gate, place) => {
      const block = all.subarray(place * H, (place + 1) * H);
      return strip(math(`${name}_${gate}`), ofShown(block), largest(block), at, show(block[i]));
    });
  const sums = [
    link(
      "From the token",
      "a = W_{ih} x_t + b_{ih}",
      "(G·H,) = (G·H, V) (V,) + (G·H,)",
      "The only 1 in x selects a column of W_ih. The result has a block for each gate.",
      blocks("a", step.a),
      null,
      CELL.sums.slice(0, 1),
    ),
    link(
      "From the previous state",
      "u = W_{hh} h_{t-1} + b_{hh}",
      "(G·H,) = (G·H, H) (H,) + (G·H,)",
      ["Each gate of each unit reads all units of the previous step. ", make("a", { href: "#two-biases" }, "Why two biases?")],
      blocks("u", step.u),
      null,
      CELL.sums.slice(-1),
    ),
  ];
  return [
    ...sums,
    ...CELL.parts.map(({ of, title, formula, text, line }) =>
      link(
        title,
        formula,
        "(H,)",
        text,
        [strip(math(formula.split(" =")[0]), ofShown(step.parts[of]), Math.max(1, largest(step.parts[of])), at, show(step.parts[of][i]))],
        values(`unit ${i}`, of, step.parts[of][i]),
        line ? [line] : [],
      ),
    ),
  ];
}
