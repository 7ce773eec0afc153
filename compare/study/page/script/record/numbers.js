// How numbers are written.

import { record } from "./record.js";

/**
 * Return a number as NumPy prints it: with the fewest digits that give the same float.
 * @type {(x: number) => string}
 */
export function printLikeNumPy(x) {
  if (x === 0) return Object.is(x, -0) ? "-0.0" : "0.0";
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "-inf";
  const [mantissa, exponent] = shortest(x).split("e");
  const power = Number(exponent);
  const sign = mantissa.startsWith("-") ? "-" : "";
  const digits = mantissa.replace("-", "").replace(".", "");
  if (Math.abs(x) < 1e-4 || power >= (record.dtype === "float64" ? 16 : 6)) {
    const rest = digits.slice(1);
    const size = String(Math.abs(power)).padStart(2, "0");
    return `${sign}${digits[0]}${rest ? `.${rest}` : ""}e${power < 0 ? "-" : "+"}${size}`;
  }
  if (power < 0) return `${sign}0.${"0".repeat(-power - 1)}${digits}`;
  const whole = digits.slice(0, power + 1).padEnd(power + 1, "0");
  return `${sign}${whole}.${digits.slice(power + 1) || "0"}`;
}

/**
 * The fewest digits that give the same float, with an exponent.
 * @type {(x: number) => string}
 */
function shortest(x) {
  if (record.dtype === "float64") return x.toExponential();
  for (let places = 0; places < 9; places++) {
    const text = x.toExponential(places);
    if (Math.fround(Number(text)) === x) return toEven(text, x, places);
    const farther = nextDecimal(text, places); // the gap after a power of two is larger than the gap before it
    if (Math.fround(Number(farther)) === x) return farther;
  }
  return x.toExponential(8);
}

/**
 * Return the next decimal with as many digits, away from zero.
 * @type {(text: string, places: number) => string}
 */
function nextDecimal(text, places) {
  const [mantissa, exponent] = text.split("e");
  const whole = Math.abs(Number(mantissa.replace(".", ""))) + 1;
  return `${text.startsWith("-") ? "-" : ""}${Number(`${whole}e${Number(exponent) - places}`).toExponential(places)}`;
}

/**
 * If x is in the middle between two decimals, take the even one, as NumPy does.
 * @type {(text: string, x: number, places: number) => string}
 */
function toEven(text, x, places) {
  const [mantissa, exponent] = text.split("e");
  const all = x.toExponential(60).split("e")[0].replace("-", "").replace(".", "");
  const last = Number(mantissa.at(-1));
  if (last % 2 === 0 || !/^50*$/.test(all.slice(places + 1))) return text;
  return `${mantissa.slice(0, -1)}${last - 1}e${exponent}`;
}

/**
 * A number with the minus sign of typography, as long as a digit.
 * @type {(text: string) => string}
 */
export const withMinus = (text) => text.replaceAll("-", "−");

/**
 * A number with so many digits; a dash if there is none.
 * @type {(x: number | null, digits?: number) => string}
 */
export function rounded(x, digits = 3) {
  if (x === null || !Number.isFinite(x)) return "–";
  if (x === 0) return "0";
  const size = Math.abs(x);
  return withMinus(size >= 1e5 || size < 1e-3 ? x.toExponential(digits - 2) : String(Number(x.toPrecision(digits))));
}

/** @type {(x: number) => string} */
export function percent(x) {
  if (x > 0 && x < 0.005) return "<1 %";
  return x < 1 && x >= 0.995 ? ">99 %" : `${Math.round(100 * x)} %`;
}

/**
 * "1 step", "2 steps"
 * @type {(n: number, word: string) => string}
 */
export const times = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;

/**
 * "3 times", "4.2 %", or "1/24,000".
 * @type {(x: number) => string}
 */
export function share(x) {
  if (!Number.isFinite(x) || x === 0) return "–";
  if (x >= 1.005) return `${rounded(x, 2)} times`;
  return x >= 0.001 ? `${rounded(100 * x, 2)} %` : `1/${Number((1 / x).toPrecision(2)).toLocaleString("en")}`;
}

/**
 * "10⁻³"
 * @type {(exponent: number) => string}
 */
export const powerOfTen = (exponent) => `10${[...String(exponent)].map((sign) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(sign)]).join("")}`;

/**
 * The digits of an index, below the line: "₁₂".
 * @type {(n: number) => string}
 */
export const below = (n) => [...String(n)].map((digit) => "₀₁₂₃₄₅₆₇₈₉"[Number(digit)]).join("");

/**
 * Return the gap between floats at the size of x.
 * @type {(x: number) => number}
 */
function spacing(x) {
  if (record.dtype === "float64") {
    const bits = new BigInt64Array(new Float64Array([Math.abs(x)]).buffer);
    return new Float64Array(new BigInt64Array([bits[0] + 1n]).buffer)[0] - Math.abs(x);
  }
  const bits = new Int32Array(new Float32Array([Math.abs(x)]).buffer);
  return new Float32Array(new Int32Array([bits[0] + 1]).buffer)[0] - Math.abs(x);
}

/**
 * Return |a - b| in ulps of the larger one.
 * @type {(a: number, b: number) => number}
 */
export const ulps = (a, b) => (a === b ? 0 : Math.abs(a - b) / spacing(Math.max(Math.abs(a), Math.abs(b))));
