import { $, draw } from "../../../../../files/page.js";
import { largest } from "../../engine/arrays.js";
import { gridOf, ticksOf } from "../../pictures/chart.js";
import { widthOf } from "../../pictures/sizes.js";
import { tile } from "../../pictures/tables.js";
import { rounded } from "../../record/numbers.js";
import { record } from "../../record/record.js";
import { chosen, K, numbers } from "../../state/state.js";
import { isWithoutNorms } from "./norms.js";

/** @import { Panel } from "../../state/redraw.js" */

function drawClipping() {
  if (isWithoutNorms("clipping")) return;
  const limit = record.max_norm;
  $("clip-lead").textContent =
    "Norm of the gradient of all parameters together: for each loss alone and, at the right, for the mean loss. " +
    (limit === null
      ? "This training did not clip."
      : `A gradient with a larger norm than ${limit} is scaled down to this norm; its direction stays the same.`);
  const g = numbers().gradient_norms;
  const [wide, tall] = [widthOf("clip-picture"), 240];
  const [left, bottom, top] = [40, 36, 26];
  const most = Math.max(largest(g), limit === null ? 0 : limit) * 1.08 || 1;
  const step = (wide - left) / (K + 1.6);
  /** @type {(value: number) => number} */
  const y = (value) => top + (1 - value / most) * (tall - top - bottom);
  const parts = [
    draw("line", { class: "axis", x1: left, x2: wide, y1: y(0), y2: y(0) }),
    ...gridOf(ticksOf(0, most), y, left, wide, rounded),
  ];
  for (let k = 1; k <= K; k++) {
    parts.push(
      draw("rect", {
        class: `column${k === chosen.k ? " chosen" : ""}`,
        x: left + (k - 1) * step + step * 0.12,
        width: step * 0.76,
        y: y(g[k - 1]),
        height: Math.max(0, y(0) - y(g[k - 1])),
      }),
    );
  }
  const at = left + (K + 0.6) * step;
  parts.push(
    draw("rect", {
      class: "column mean",
      x: at + step * 0.12,
      width: step * 0.76,
      y: y(g[K]),
      height: Math.max(0, y(0) - y(g[K])),
    }),
    draw("text", { class: "strong", x: Math.min(at + step / 2, wide - 18), y: tall - bottom + 16, "text-anchor": "middle" }, "mean"),
  );
  const stride = Math.ceil(22 / step);
  /** @type {(k: number) => boolean} */
  const isNamed = (k) => (k === K ? 1.6 * step > 36 : (k - 1) % stride === 0 && (K - k) * step > 22); // the last, if "mean" leaves space
  for (let k = 1; k <= K; k++) {
    if (isNamed(k))
      parts.push(
        draw(
          "text",
          { x: left + (k - 0.5) * step, y: tall - bottom + 16, "text-anchor": "middle", class: k === chosen.k ? "strong" : "" },
          String(k),
        ),
      );
  }
  parts.push(draw("text", { x: left + (K * step) / 2, y: tall - 4, "text-anchor": "middle" }, "loss k"));
  if (limit !== null)
    parts.push(
      draw("line", { class: "limit", x1: left, x2: wide, y1: y(limit), y2: y(limit) }),
      draw("text", { class: "strong halo", x: left + 6, y: 11 }, `dotted line: max_norm ${limit}`),
    );
  $("clip-picture").replaceChildren(
    draw(
      "svg",
      {
        class: "chart",
        viewBox: `0 0 ${wide} ${tall}`,
        role: "img",
        "aria-label": `Gradient norm of each loss. Loss ${chosen.k}: ${rounded(g[chosen.k - 1])}; the mean loss: ${rounded(g[K])}.`,
      },
      parts,
    ),
  );
  const [whole, shrink] = [g[K], limit === null ? 1 : Math.min(1, limit / (g[K] + 1e-6))];
  $("clip-tiles").replaceChildren(
    tile(
      "Norm of the gradient of all parameters",
      rounded(whole, 4),
      limit === null
        ? "Training did not clip."
        : shrink < 1
          ? `Clipped to ${limit}: each gradient is multiplied by ${rounded(shrink)}. The mean over the few losses of one short text has a larger norm than the mean over a batch.`
          : `Below ${limit}: not clipped.`,
      "gradient-norm-value",
    ),
  );
}

/** @type {Panel} */
export const clippingPanel = { section: "clipping", views: [["c k norms *", drawClipping]] };
