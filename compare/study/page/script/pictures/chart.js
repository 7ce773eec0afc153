import { draw } from "../../../../files/page.js";
import { clamp } from "../engine/arrays.js";
import { powerOfTen } from "../record/numbers.js";

/**
 * The lines of a grid, each with its number at the left.
 * @type {(values: number[], y: (value: number) => number, left: number, right: number, words: (value: number) => string) => SVGElement[]}
 */
export const gridOf = (values, y, left, right, words) =>
  values.flatMap((value) => [
    draw("line", { class: "grid", x1: left, x2: right, y1: y(value), y2: y(value) }),
    text(left - 8, y(value) + 4, words(value), "", "end"),
  ]);

/**
 * Round numbers between two ends, at most seven.
 * @type {(least: number, most: number) => number[]}
 */
export function ticksOf(least, most) {
  const unit = 10 ** Math.floor(Math.log10(most - least));
  const step = unit * ([0.2, 0.5, 1].find((part) => (most - least) / (part * unit) <= 6) ?? 2);
  const first = Math.ceil(least / step - 1e-9);
  return Array.from({ length: Math.floor(most / step + 1e-9) - first + 1 }, (_, n) => (first + n) * step);
}

/**
 * Exponents between two, at most seven.
 * @type {(low: number, high: number) => number[]}
 */
export const exponentsOf = (low, high) =>
  Array.from({ length: high - low + 1 }, (_, n) => low + n).filter((e) => (high - e) % Math.ceil((high - low) / 6) === 0);

/** @typedef {{ kind: string, shares: (number | null)[], name: string }} Line A line of a chart; null is left out. */

/** @type {(share: number | null) => share is number} */
const isPositive = (share) => share !== null && share > 0 && Number.isFinite(share);

/**
 * Lines on a logarithmic scale, with their names above; 0 and null are left out.
 * @type {(lines: Line[], space: { wide: number, tall: number, x: (n: number) => number, left: number }) => { parts: SVGElement[], tall: number, y: (share: number) => number }}
 */
export function logChart(lines, { wide, tall: tallOfLines, x, left }) {
  const positive = lines.flatMap(({ shares }) => shares.filter(isPositive));
  const high = Math.max(0, Math.ceil(Math.log10(Math.max(...positive, 1)) - 1e-9));
  const low = clamp(Math.floor(Math.log10(Math.min(...positive, 1)) + 1e-9), high - 12, high - 1);
  let at = { x: left, y: 11 };
  const names = lines.flatMap(({ kind, name }) => {
    if (at.x > left && at.x + 28 + 7.5 * name.length > wide) at = { x: left, y: at.y + 16 };
    const { x: x0, y: y0 } = at;
    at.x += 40 + 7.5 * name.length;
    return [draw("line", { class: `line ${kind}`, x1: x0, x2: x0 + 22, y1: y0 - 4, y2: y0 - 4 }), text(x0 + 28, y0, name, `name ${kind}`)];
  });
  const [top, tall] = [at.y + 14, tallOfLines + at.y];
  /** @type {(share: number) => number} */
  const y = (share) => top + ((high - clamp(Math.log10(share), low, high)) / (high - low)) * (tall - top - 14);
  const drawnLines = lines.map(({ kind, shares }) =>
    draw("polyline", {
      class: `line ${kind}`,
      points: shares.flatMap((share, n) => (isPositive(share) ? [`${x(n).toFixed(2)},${y(share).toFixed(2)}`] : [])).join(" "),
    }),
  );
  return {
    parts: [...gridOf(exponentsOf(low, high), (e) => y(10 ** e), left, wide, powerOfTen), ...names, ...drawnLines],
    tall,
    y,
  };
}

/** @type {(x: number, y: number, words: string, kind?: string, anchor?: string, more?: Record<string, string | number>) => SVGTextElement} */
export const text = (x, y, words, kind = "", anchor = "start", more = {}) =>
  draw("text", { x, y, class: kind, "text-anchor": anchor, ...more }, words);

/** @type {(x: number, y: number, name: string, anchor: string) => SVGTextElement[]} */
export const label = (x, y, name, anchor) => {
  const [letter, index] = name.split("_");
  const written = draw("text", { x, y, class: "weight halo", "text-anchor": anchor }, draw("tspan", {}, letter));
  if (index) written.append(draw("tspan", { dy: 3, "font-size": 9 }, index));
  return [written];
};

/** @type {(from: [number, number], to: [number, number], kind: string, width?: number) => SVGLineElement} */
export const arrow = ([x1, y1], [x2, y2], kind, width = 1.2) =>
  draw("line", {
    x1,
    y1,
    x2,
    y2,
    class: `arrow ${kind}`,
    "stroke-width": width,
    "marker-end": `url(#${kind === "forward" ? "tip" : "tip-back"})`,
  });

/** @type {(id: string, kind: string) => SVGMarkerElement} */
export const marker = (id, kind) =>
  draw(
    "marker",
    { id, viewBox: "0 0 8 8", refX: 6, refY: 4, markerWidth: 9, markerHeight: 9, markerUnits: "userSpaceOnUse", orient: "auto" },
    draw("path", { class: kind, d: "M0 0 8 4 0 8z" }),
  );
