import { $, make } from "../../../../files/page.js";

/** @import { Child } from "../../../../files/page.js" */

export const COLOURS = 256; // on each side of zero

export const GAPPED = 7; // pixels: cells of this size have a gap between them

export let scale = new Uint32Array(2 * COLOURS + 1);

/** @typedef {number[]} Oklab L, a and b */

/** Read the stops of the scale from the style sheet, and mix them in OKLab, evenly to the eye. */
export function readScale() {
  const stops = getComputedStyle(document.documentElement).getPropertyValue("--scale").trim().split(/\s+/);
  const points = stops.map(toOklab);
  scale = scale.map((_, n) => {
    const place = (n / (2 * COLOURS)) * (points.length - 1);
    const lower = Math.min(Math.floor(place), points.length - 2);
    const part = place - lower;
    const [from, to] = [points[lower], points[lower + 1]];
    return toPixel([0, 1, 2].map((m) => from[m] + part * (to[m] - from[m])));
  });
}

/** @type {(hex: string) => Oklab} */
export function toOklab(hex) {
  const [r, g, b] = [1, 3, 5]
    .map((n) => parseInt(hex.slice(n, n + 2), 16) / 255)
    .map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4));
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

/** @type {(colour: Oklab) => number} */
export function toPixel([L, a, b]) {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const bytes = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((x) => Math.round(255 * Math.min(1, Math.max(0, x <= 0.0031308 ? 12.92 * x : 1.055 * x ** (1 / 2.4) - 0.055))));
  return (255 << 24) | (bytes[2] << 16) | (bytes[1] << 8) | bytes[0];
}

/**
 * The colour of x, in the range -1 … 1.
 * @type {(x: number) => number}
 */
export const colour = (x) => scale[Math.round(COLOURS * (1 + Math.min(1, Math.max(-1, x))))];

/** @type {(pixel: number) => string} */
export const css = (pixel) => `rgb(${pixel & 255} ${(pixel >> 8) & 255} ${(pixel >> 16) & 255})`;

/** @type {(canvas: HTMLCanvasElement) => CanvasRenderingContext2D} */
export function brushOf(canvas) {
  const brush = canvas.getContext("2d");
  if (!brush) throw new Error("this browser does not paint");
  return brush;
}

/**
 * Draw cells of one pixel each, and stretch them over the canvas.
 * @type {(canvas: HTMLCanvasElement, rows: number, columns: number, width: number, height: number, colourOf: (r: number, c: number) => number) => void}
 */
export function paint(canvas, rows, columns, width, height, colourOf) {
  const image = new ImageData(columns, rows);
  const pixels = new Uint32Array(image.data.buffer);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) pixels[r * columns + c] = colourOf(r, c);
  }
  const small = document.createElement("canvas");
  small.width = columns;
  small.height = rows;
  brushOf(small).putImageData(image, 0, 0);
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  const context = brushOf(canvas);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
  if (Math.min(canvas.width / columns, canvas.height / rows) < GAPPED) return;
  context.fillStyle = css(scale[COLOURS]); // a gap between two cells
  for (let r = 1; r < rows; r++) context.fillRect(0, Math.round((r * canvas.height) / rows), canvas.width, 1);
  for (let c = 1; c < columns; c++) context.fillRect(Math.round((c * canvas.width) / columns), 0, 1, canvas.height);
}

/**
 * A strip of the scale with its ends named. `from` is -1 for signed values, 0 for others.
 * @type {(id: string, name: Child, from: number, ticks: string[], bend?: (x: number) => number) => void}
 */
export function legend(id, name, from, ticks, bend = (/** @type {number} */ x) => x) {
  const canvas = make("canvas", { "aria-hidden": "true" });
  $(id).replaceChildren(
    make("div", { class: "name" }, name),
    canvas,
    make(
      "div",
      { class: "ticks" },
      ticks.map((tick) => make("span", {}, tick)),
    ),
  );
  const width = 200;
  paint(canvas, 1, width, width, 8, (_, n) => colour(bend(from + ((1 - from) * n) / (width - 1))));
}
