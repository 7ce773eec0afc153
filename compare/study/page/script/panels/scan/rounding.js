import { $, draw } from "../../../../../files/page.js";
import { asIs, byChunks, byLogs, byLoop, byProduct, byScan, pairsOf } from "../../engine/scan.js";
import { logChart, text } from "../../pictures/chart.js";
import { widthOf } from "../../pictures/sizes.js";
import { rounded } from "../../record/numbers.js";
import { CHUNK } from "./forms.js";

/** The steps of the picture: the text, again and again. */
const LONG_STEPS = 128;

/**
 * A form in float32.
 *
 * @typedef {object} FormRounding
 * @property {string} name
 * @property {string} kind the class of its line
 * @property {number[]} errors the largest up to each step, against float64, as a share of the largest state; they end
 *   before the first state that is no number
 */

/**
 * Each form, with a and b already rounded, so that only the forms differ; P, the product of all a up to each step, and its last logarithm.
 * @type {(ids: number[], b_iz: number) => { forms: FormRounding[], P: number[], logP: number }}
 */
export function roundingOf(ids, b_iz) {
  const long = Array.from({ length: LONG_STEPS }, (_, t) => ids[t % ids.length]);
  const { a, b } = pairsOf(long, b_iz);
  const pairs = { a: a.map(Math.fround), b: b.map(Math.fround) };
  const right = byLoop(pairs, asIs);
  const most = Math.max(...right.map(Math.abs));
  /** @type {(name: string, kind: string, states: number[]) => FormRounding} */
  const form = (name, kind, states) => {
    const end = states.findIndex((h) => !Number.isFinite(h));
    let worst = 0;
    const errors = states.slice(0, end < 0 ? undefined : end).map((h, t) => {
      worst = Math.max(worst, Math.abs(h - right[t]) / most);
      return worst;
    });
    return { name, kind, errors };
  };
  const { P, states } = byProduct(pairs, Math.fround);
  return {
    P,
    logP: a.reduce((sum, a_t) => sum + Math.log(a_t), 0),
    forms: [
      form("loop", "of-loop", byLoop(pairs, Math.fround)),
      form("scan", "of-scan", byScan(pairs, Math.fround).at(-1)?.b ?? []),
      form("chunks", "of-chunks", byChunks(pairs, CHUNK, Math.fround).states),
      form("product", "of-product", states),
      form("log space", "back", byLogs(pairs, Math.fround)),
    ],
  };
}

/** @type {(ids: number[], b_iz: number) => void} */
export function drawRounding(ids, b_iz) {
  const { forms, P, logP } = roundingOf(ids, b_iz);
  const [wide, left] = [widthOf("rounding-picture"), 46];
  /** @type {(t: number) => number} */
  const x = (t) => left + 4 + (t / (LONG_STEPS - 1)) * (wide - left - 18);
  const { parts, tall } = logChart(
    forms.map(({ name, kind, errors }) => ({ name, kind, shares: errors })),
    { wide, tall: 200, x, left },
  );
  for (const step of [1, 32, 64, 96, LONG_STEPS]) parts.push(text(x(step - 1), tall + 4, String(step), "", "middle"));
  const [worst, end] = [forms.map(({ errors }) => errors.at(-1) ?? 0), forms[3].errors.length];
  if (end < LONG_STEPS) {
    const [beside, anchor] = x(end) > wide / 2 ? [-6, "end"] : [6, "start"];
    parts.push(
      draw("line", { class: "limit", x1: x(end), x2: x(end), y1: tall - 160, y2: tall - 12 }),
      text(x(end) + beside, tall - 150, "the product ends", "strong halo", anchor),
    );
  }
  const zero = P.indexOf(0);
  $("rounding-said").textContent = [
    end === LONG_STEPS
      ? `The product of all a is ${rounded(P[LONG_STEPS - 1], 2)} at the end. float32 can hold it, so each form gives a state.`
      : `The product of all a shrinks. From step ${end + 1} on, b divided by it is too large for float32${zero < 0 ? "" : `, and from step ${zero + 1} on it is 0`}. Scan and chunks multiply by products, too, but never divide by one: where it is 0, the early letters are forgotten, and 0 is right.`,
    `Log space keeps the logarithm of the product, ${rounded(logP, 2)} at the end, and so has a state at each step; it sums positive and negative b apart. The farther a logarithm is from 0, the more digits its rounding costs. Here the error is ${rounded(worst[4], 2)}, that of the loop ${rounded(worst[0], 2)}.`,
  ].join(" ");
  $("rounding-picture").replaceChildren(
    draw(
      "svg",
      {
        class: "chart",
        viewBox: `0 0 ${wide} ${tall + 12}`,
        role: "img",
        "aria-label": forms.map(({ name }, n) => `${name}: largest error ${rounded(worst[n], 2)}`).join("; "),
      },
      parts,
    ),
  );
}
