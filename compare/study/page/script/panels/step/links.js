import { make } from "../../../../../files/page.js";
import { clamp, row } from "../../engine/arrays.js";
import { colour, paint } from "../../pictures/colours.js";
import { math, source } from "../../pictures/symbols.js";
import { percent, rounded, times, ulps } from "../../record/numbers.js";
import { H, record, V } from "../../record/record.js";
import { checkpoint, chosen, reading, show, T, units } from "../../state/state.js";

/** @import { Child } from "../../../../../files/page.js" */
/** @import { Floats } from "../../engine/types.js" */
/** @import { Arrays } from "../../record/record.js" */

/**
 * The difference of two values of the tensor `name`, as a share of its tolerance.
 * @type {(name: string, a: number, b: number) => string}
 */
function difference(name, a, b) {
  if (a === b) return "the same float";
  const share = `${percent(Math.abs(a - b) / checkpoint().allowed[name])} of the tolerance`;
  return chosen.ulps ? `${share}, ${times(Number(rounded(ulps(a, b))), "ulp")}` : share;
}

/**
 * Return the two entries with the largest difference.
 * @type {(a: Floats, b: Floats) => [number, number]}
 */
function farthest(a, b) {
  let most = 0;
  for (let n = 1; n < a.length; n++) if (Math.abs(a[n] - b[n]) > Math.abs(a[most] - b[most])) most = n;
  return [a[most], b[most]];
}

/**
 * A row of NumPy's array and of PyTorch's, which is empty if the page computed the array.
 * @type {(arrays: Arrays, name: string, r: number, width: number) => [Floats, Floats]}
 */
export const both = (arrays, name, r, width) => [row(arrays[name], r, width), row(arrays[`torch.${name}`] ?? new Float64Array(), r, width)];

/**
 * NumPy's and PyTorch's value of the tensor `name`, and their difference; `all` are the rows of both.
 * @type {(what: string, name: string, a: number, b?: number, all?: [Floats, Floats]) => HTMLDivElement}
 */
export function values(what, name, a, b, all) {
  if (b === undefined || !chosen.compare) {
    return make(
      "div",
      { class: "values" },
      make(
        "dl",
        {},
        make("dt", {}, `${what}, `, reading.isRecorded && b !== undefined ? record.dtype : "float64"),
        make("dd", { class: "main", "data-side": "page" }, show(a)),
      ),
    );
  }
  /** @type {(x: number, y: number) => string} */
  const mark = (x, y) => (Math.abs(x - y) <= checkpoint().allowed[name] ? "agrees" : "apart");
  const list = make(
    "dl",
    {},
    make("dt", {}, "NumPy"),
    make("dd", { class: "main", "data-side": "numpy" }, show(a)),
    make("dt", {}, "PyTorch"),
    make("dd", { "data-side": "torch" }, show(b)),
    make("dt", {}, "difference"),
    make("dd", { "data-side": "difference", class: mark(a, b) }, difference(name, a, b)),
  );
  if (all && all[0].length > 1) {
    const [x, y] = farthest(all[0], all[1]);
    list.append(
      make("dt", {}, `all ${all[0].length}`),
      make("dd", { class: mark(x, y) }, x === y ? "the same floats" : `at most ${difference(name, x, y)}`),
    );
  }
  return make("div", { class: "values" }, make("div", { class: "what" }, what), list);
}

/**
 * A vector as a row of cells, with one cell marked.
 * @type {(name: Child, array: Floats, most: number, mark: number | null, value?: string) => HTMLDivElement}
 */
export function strip(name, array, most, mark, value) {
  const canvas = make("canvas", { "aria-hidden": "true" });
  const map = make("div", { class: "map" }, canvas);
  if (mark !== null) {
    const box = make("div", { class: "mark" });
    const width = Math.max(100 / array.length, 1.2);
    const left = clamp(((mark + 0.5) * 100) / array.length - width / 2, 0, 100 - width);
    Object.assign(box.style, { left: `${left}%`, width: `${width}%`, top: "-3px", bottom: "-3px" });
    map.append(box);
  }
  const columns = array.length;
  paint(canvas, 1, columns, Math.max(columns, 420), 22, (_, c) => colour(array[c] / (most || 1)));
  const kind = columns === V ? "token" : columns === units.length ? "unit" : null;
  if (kind) Object.assign(map.dataset, { columns: kind, shape: `1 ${columns}` });
  return make(
    "div",
    { class: "strip" },
    make("div", { class: "name" }, make("span", {}, name), make("span", { class: "figure" }, value ?? "")),
    map,
  );
}

/**
 * The shapes of a formula's arrays: in letters, and below in numbers.
 * @type {(letters: string) => HTMLDivElement}
 */
function shapes(letters) {
  /** @type {Record<string, number>} */
  const sizes = { T, V, H, G: record.gates.length };
  return make(
    "div",
    { class: "shape" },
    make("div", {}, letters),
    letters.match(/[TVHG]/)
      ? make(
          "div",
          {},
          letters.replace(/G·H/g, String(sizes.G * H)).replace(/[TVH]/g, (letter) => String(sizes[letter])),
        )
      : null,
  );
}

/**
 * One link of the chain: a formula with its shapes and a text, pictures above the lines that compute it, and numbers.
 * @type {(title: string, formula: string, shape: string, text: Child, pictures: Child, numbers: HTMLElement | null, lines: string[]) => HTMLLIElement}
 */
export function link(title, formula, shape, text, pictures, numbers, lines) {
  return make(
    "li",
    {},
    make(
      "div",
      { class: "about" },
      make("h3", {}, title),
      make("div", { class: "formula" }, math(formula)),
      shapes(shape),
      make("p", {}, text),
    ),
    make(
      "div",
      { class: "strips" },
      pictures,
      make(
        "div",
        {},
        lines.map((line) => source(line)),
      ),
    ),
    numbers ?? make("div"),
  );
}
