import { $, draw, make } from "../../../../../files/page.js";
import { clamp, meanOf } from "../../engine/arrays.js";
import { exponentsOf, gridOf } from "../../pictures/chart.js";
import { COLOURS, colour, legend, scale } from "../../pictures/colours.js";
import { HeatMap } from "../../pictures/heat_map.js";
import { spaceOf, widthOf } from "../../pictures/sizes.js";
import { math, same, typeset } from "../../pictures/symbols.js";
import { fill, scrolling, table, tile } from "../../pictures/tables.js";
import { CELL } from "../../record/cell.js";
import { percent, powerOfTen, rounded, times } from "../../record/numbers.js";
import { H, IS_GATED, IS_OF_A_RUN, record } from "../../record/record.js";
import { glyph } from "../../record/tokens.js";
import { choose } from "../../state/choose.js";
import { chosen, K, numbers, reading, show, T } from "../../state/state.js";
import { decades, firstStepBeforeCut, hasGradients, isWithoutNorms, normAt } from "./norms.js";

/** @import { Panel } from "../../state/redraw.js" */

const triangleMap = new HeatMap(
  "Norms of the gradients, a row for each loss k and a column for each step t. Up and down choose the loss, left and right the step.",
  {
    pick: (r, c) => hasGradients() && choose({ k: r + 1, t: Math.min(c, r) + 1 }),
    move: (down, right) => choose({ k: clamp(chosen.k + down, 1, K), t: clamp(chosen.t + right, 1, T) }),
    over: (r, c) => readTriangle(r === null ? chosen.k : r + 1, c === null ? chosen.t : c + 1),
    ofColumns: "step",
  },
);

function setUpReach() {
  $("loss-way").replaceChildren(
    ...(IS_GATED
      ? ["At each step back, a part of it passes through the gates. Where they are open, it vanishes more slowly."]
      : [
          "Each step back multiplies it by ",
          math("W_{hh}^T"),
          " and by f′: over many steps it shrinks or grows exponentially, vanishes or explodes.",
        ]),
  );
  $("triangle-picture").append(
    make(
      "div",
      { class: "axes", "aria-hidden": "true" },
      make("span", {}, "step ", math("t"), " →"),
      make("span", {}, "loss ", math("k"), " ↓"),
    ),
    triangleMap.element,
  );
}

function drawCurve() {
  if (!hasGradients()) return;
  const { low, high } = decades();
  const wide = widthOf("curve-picture");
  const tall = clamp(wide / 2, 220, 320);
  const [left, right, top, bottom] = [46, 12, 26, 40];
  /** @type {(t: number) => number} */
  const x = (t) => left + (K === 1 ? 0.5 : (t - 1) / (K - 1)) * (wide - left - right);
  /** @type {(value: number) => number} */
  const y = (value) => top + ((high - clamp(Math.log10(value), low, high)) / (high - low)) * (tall - top - bottom);
  /** @type {(k: number) => string} */
  const line = (k) => {
    /** @type {string[]} */
    const points = [];
    for (let t = 1; t <= k; t++) if (normAt(k, t) > 0) points.push(`${x(t).toFixed(1)},${y(normAt(k, t)).toFixed(1)}`);
    return points.join(" ");
  };
  $("curve-ends").textContent =
    `loss ${chosen.k}, ${rounded(normAt(chosen.k, chosen.k))} at step ${chosen.k} and ${rounded(normAt(chosen.k, 1))} at step 1.`;
  const parts = gridOf(exponentsOf(low, high), (e) => y(10 ** e), left, wide - right, powerOfTen);
  const stride = Math.ceil((K * 11) / (wide - left - right));
  for (let t = 1; t <= K; t += stride) {
    parts.push(
      draw(
        "text",
        { x: x(t), y: tall - bottom + 17, "text-anchor": "middle", class: t === chosen.t ? "strong" : "", ...same("step", t) },
        glyph(reading.tokens[t - 1]).slice(0, 4),
      ),
    );
  }
  parts.push(draw("text", { x: (left + wide) / 2, y: tall - 4, "text-anchor": "middle" }, "step t, by the token it reads"));
  const cut = firstStepBeforeCut(chosen.k);
  if (cut > 1) {
    const at = (x(cut) + x(cut - 1)) / 2;
    parts.push(
      draw("line", { class: "cut", x1: at, x2: at, y1: top - 8, y2: tall - bottom }),
      draw("text", { class: "cut-name", x: at - 6, y: top - 10, "text-anchor": at > wide / 3 ? "end" : "start" }, "cut off by truncation"),
    );
  }
  for (let k = 1; k <= K; k++) parts.push(draw("polyline", { class: "thin", points: line(k) }));
  parts.push(draw("polyline", { class: "thick", points: line(chosen.k) }));
  for (let t = 1; t <= chosen.k; t++) {
    if (normAt(chosen.k, t) > 0) parts.push(draw("circle", { class: "dot", cx: x(t), cy: y(normAt(chosen.k, t)), r: K > 40 ? 2 : 3.5 }));
  }
  if (chosen.t <= chosen.k && normAt(chosen.k, chosen.t) > 0) {
    parts.push(draw("circle", { class: "here", cx: x(chosen.t), cy: y(normAt(chosen.k, chosen.t)), r: 6 }));
  }
  $("curve-picture").replaceChildren(
    draw(
      "svg",
      {
        class: "chart",
        viewBox: `0 0 ${wide} ${tall}`,
        role: "img",
        "aria-label": `Norm of the gradient of loss ${chosen.k} for each state, from ${rounded(normAt(chosen.k, chosen.k))} at step ${chosen.k} to ${rounded(normAt(chosen.k, 1))} at step 1.`,
      },
      parts,
    ),
  );
}

function drawTriangle() {
  if (!hasGradients()) return;
  const { low, high } = decades();
  const space = spaceOf("triangle-picture") || 400;
  const cell = clamp(Math.floor(Math.min(space - 2, 340) / K), 5, 60);
  const paper = scale[COLOURS];
  /** @type {(x: number) => number} */
  const shade = (x) => (x > 0 ? 0.06 + 0.94 * clamp((Math.log10(x) - low) / (high - low), 0, 1) : 0);
  triangleMap.paint(K, K, cell * K, cell * K, (r, c) =>
    c > r ? paper : colour(shade(normAt(r + 1, c + 1)) * (c + 1 < firstStepBeforeCut(r + 1) ? 0.22 : 1)),
  );
  legend("triangle-legend", make("span", {}, "‖", math("∂L_k"), "/", math("∂h_t"), "‖"), 0.06, [powerOfTen(low), powerOfTen(high)]);
}

function markTriangle() {
  if (!hasGradients()) return;
  triangleMap.mark(chosen.k - 1, Math.min(chosen.t, K) - 1);
  readTriangle(chosen.k, chosen.t);
}

/** @type {(k: number, t: number) => void} */
function readTriangle(k, t) {
  if (!hasGradients()) return;
  $("triangle-readout").replaceChildren(
    ...(t > k
      ? [`loss ${k} comes before step ${t}: no gradient`]
      : [`loss ${k}, step ${t}: `, make("b", { id: "norm-value" }, show(normAt(k, t))), t < firstStepBeforeCut(k) ? " (cut off)" : ""]),
  );
}

function drawTiles() {
  if (isWithoutNorms("reach")) return;
  const { k, n } = chosen;
  const factor = k > 1 && normAt(k, 1) > 0 ? (normAt(k, 1) / normAt(k, k)) ** (1 / (k - 1)) : null;
  const all = (K * (K + 1)) / 2;
  const meanSlope = () => meanOf([...numbers().h.slice(H)].map((h) => CELL.slope?.(h) ?? 1));
  const cut = Array.from({ length: K }, (_, m) => firstStepBeforeCut(m + 1) - 1).reduce((a, b) => a + b, 0);
  $("reach-tiles").replaceChildren(
    ...(reading.singular === null || reading.radius === null
      ? []
      : [
          tile(
            make("span", {}, "Largest singular value of ", math("W_{hh}")),
            rounded(reading.singular, 4),
            reading.singular < 1
              ? "Below 1: each step back makes each gradient smaller."
              : "The most by which a step back can multiply a gradient.",
            "singular-value",
          ),
          tile(
            make("span", {}, "Spectral radius of ", math("W_{hh}")),
            rounded(reading.radius, 4),
            typeset(
              `The factor of W_hh alone per step, over many steps. The slope f′, at most 1 and here ${rounded(meanSlope(), 2)} in the mean, multiplies, too: so the gradient ${reading.radius < 1 ? "vanishes" : "can vanish all the same"}.`,
            ),
            "radius-value",
          ),
        ]),
    tile(
      `Loss ${k}: factor per step back`,
      factor === null ? "–" : rounded(factor),
      factor === null
        ? "It has only one step."
        : factor < 1
          ? `After 10 steps ${rounded(factor ** 10, 2)} is left.`
          : `After 10 steps it is ${rounded(factor ** 10, 2)} times as large.`,
    ),
    tile(
      `Truncation after ${times(n, "step")}`,
      cut === 0 ? "nothing" : percent(cut / all),
      cut === 0
        ? `is cut: the text has only ${times(K, "step")} with a loss.`
        : `of all pairs (k, t) are cut.${IS_OF_A_RUN ? ` Training used ${record.num_steps}.` : ""}`,
    ),
  );
}

function writeReachTables() {
  if (!hasGradients()) return;
  const { k } = chosen;
  const one = Array.from({ length: k }, (_, m) => [
    `${m + 1} ${glyph(reading.tokens[m])}`,
    show(normAt(k, m + 1)),
    m + 1 < firstStepBeforeCut(k) ? "cut off" : "",
  ]);
  const heads = Array.from({ length: K }, (_, m) => `t ${m + 1}`);
  const all = Array.from({ length: K }, (_, m) => [`k ${m + 1}`, ...heads.map((_, c) => (c > m ? "" : rounded(normAt(m + 1, c + 1))))]);
  const g = numbers().gradient_norms;
  const whole = Array.from({ length: K + 1 }, (_, m) => [m === K ? "mean" : String(m + 1), show(g[m])]);
  fill("reach-table", [
    scrolling(
      `Norms of loss ${k}`,
      table(`Loss ${k}: norm at each step`, ["step", "norm", "truncation"], one, { left: [2], chosenRow: chosen.t - 1 }),
    ),
    scrolling("Gradient norms of all losses", table("Gradient of all parameters", ["loss", "norm"], whole)),
    scrolling("Norms of all losses at all steps", table("All norms", ["loss", ...heads], all, { chosenRow: k - 1 })),
  ]);
}

/** @type {Panel["views"]} */
const viewsOfNorms = [
  ["c k n norms", drawTiles],
  ["c n norms *", drawTriangle],
  ["c k t n norms *", markTriangle],
  ["c k t n norms *", drawCurve],
];

/** @type {Panel} */
export const reachPanel = {
  section: "reach",
  views: viewsOfNorms,
  tables: { "reach-table": ["c t k n norms", writeReachTables] },
  setUp: setUpReach,
};
