import { draw, make } from "../../../../../files/page.js";
import { largest, row } from "../../engine/arrays.js";
import { math } from "../../pictures/symbols.js";
import { CELL } from "../../record/cell.js";
import { rounded } from "../../record/numbers.js";
import { F, H } from "../../record/record.js";
import { numbers, ofShown, reading, show, units } from "../../state/state.js";
import { both, link, strip, values } from "./links.js";

/** @import { Arrays } from "../../record/record.js" */

const LINE_OF_Z = "z_t = x_t @ W_ih.T";

/**
 * The links of the chain between the token and the new state.
 * @type {(details: Arrays, t: number, i: number) => HTMLLIElement[]}
 */
export function sums(d, t, i) {
  const column = reading.column[t - 1];
  const [a, aq] = both(d, "a", column, H);
  const [u, uq] = both(d, "u", t - 1, H);
  const [z, zq] = both(d, "z", t - 1, H);
  const before = row(numbers().h, t - 1, H);
  const weights = row(d.W_hh, i, H);
  const products = weights.map((w, j) => w * before[j]);
  const at = units.indexOf(i);
  /** @type {(what: string, x: number) => (string | HTMLElement)[]} */
  const part = (what, x) => [make("span", {}, math(what)), " = ", make("span", { class: "figure" }, show(x))];
  return [
    link(
      "From the token",
      "a_t = W_{ih} x_t + b_{ih} + b_{hh}",
      "(H,) = (H, V) (V,) + (H,) + (H,)",
      [
        "The only 1 in ",
        math("x_t"),
        " selects a column of ",
        math("W_{ih}"),
        ", so no product is needed. For unit ",
        `${i}: `,
        ...part("W_{ih}", row(d.W_ih, reading.inputRow[t - 1], H)[i]),
        ", ",
        ...part("b_{ih}", d.b_ih[i]),
        ", ",
        ...part("b_{hh}", d.b_hh[i]),
        ". ",
        make("a", { href: "#two-biases" }, "Why two biases?"),
      ],
      [strip(math("a_t"), ofShown(a), largest(a), at, show(a[i]))],
      values(`unit ${i}`, "a", a[i], aq[i], [a, aq]),
      [LINE_OF_Z],
    ),
    link(
      "From the previous state",
      "u_t = W_{hh} h_{t-1}",
      "(H,) = (H, H) (H,)",
      [
        "Each unit reads all units of the previous step. For unit ",
        `${i}: the sum of the products of row ${i} of `,
        math("W_{hh}"),
        " with the state.",
        t === 1 ? " The state before the first step is zero." : "",
      ],
      [
        strip(math("h_{t-1}"), ofShown(before), F === "tanh" ? 1 : largest(before), null),
        strip(make("span", {}, `row ${i} of `, math("W_{hh}")), ofShown(weights), largest(weights), null),
        strip("their products", ofShown(products), largest(products), null, `± ${rounded(largest(products))}`),
      ],
      values(`unit ${i}`, "u", u[i], uq[i], [u, uq]),
      [LINE_OF_Z],
    ),
    link(
      "The sum",
      "z_t = a_t + u_t",
      "(H,) = (H,) + (H,)",
      "The part from the token and the part from the previous state are added.",
      [strip(math("z_t"), ofShown(z), largest(z), at, show(z[i]))],
      values(`unit ${i}`, "z", z[i], zq[i], [z, zq]),
      [LINE_OF_Z],
    ),
  ];
}

/**
 * The curve of the nonlinearity, and the unit's point on it.
 * @type {(z: number, h: number) => SVGElement | null}
 */
export function bend(z, h) {
  const { f } = CELL;
  if (!f) return null;
  const reach = Math.max(3, Math.abs(z) * 1.15);
  const [wide, high] = [220, 84];
  /** @type {(value: number) => number} */
  const x = (value) => wide / 2 + (value / reach) * (wide / 2);
  const top = F === "tanh" ? 1 : reach;
  /** @type {(value: number) => number} */
  const y = (value) => high / 2 - (value / top) * (high / 2 - 6);
  const points = Array.from({ length: 81 }, (_, m) => -reach + (m * reach) / 40);
  return draw(
    "svg",
    { class: "chart small", viewBox: `0 0 ${wide} ${high}`, "aria-hidden": "true" },
    draw("line", { class: "grid", x1: 0, x2: wide, y1: y(0), y2: y(0) }),
    draw("line", { class: "grid", x1: x(0), x2: x(0), y1: 0, y2: high }),
    draw("polyline", { class: "curve", points: points.map((value) => `${x(value)},${y(f(value))}`).join(" ") }),
    draw("line", { class: "limit", x1: x(z), x2: x(z), y1: y(0), y2: y(h) }),
    draw("circle", { class: "dot", cx: x(z), cy: y(h), r: 4.5 }),
  );
}
