import { $, draw, find, make } from "../../../../../files/page.js";
import { argmax, clamp, largest, row } from "../../engine/arrays.js";
import { math, same } from "../../pictures/symbols.js";
import { table } from "../../pictures/tables.js";
import { BLOCK, CELL, rowOfBlock } from "../../record/cell.js";
import { percent, rounded } from "../../record/numbers.js";
import { F, H, IS_GATED, record, S, V } from "../../record/record.js";
import { capital, glyph, quoted, spoken } from "../../record/tokens.js";
import { choose } from "../../state/choose.js";
import {
  checkpoint,
  chosen,
  chosenToken,
  details,
  float,
  isCompared,
  numbers,
  ofShown,
  reading,
  show,
  trueNext,
  units,
} from "../../state/state.js";
import { gates } from "./gates.js";
import { both, link, strip, values } from "./links.js";
import { bend, sums } from "./sums.js";

/** @import { Floats } from "../../engine/types.js" */
/** @import { Arrays } from "../../record/record.js" */
/** @import { Panel } from "../../state/redraw.js" */

const LINE_OF_LOSS = "loss = -log_p[";

function drawStep() {
  const { t, i } = chosen;
  const n = numbers();
  const d = details();
  const token = reading.tokens[t - 1];
  const id = reading.ids[t - 1];
  const v = chosenToken();
  const name = record.shown_tokens[v];
  const next = trueNext(t);
  const [h, q] = both(n, "h", t, H);
  const [y, yq] = both(n, "y", t - 1, S);
  const [p, pq] = both(n, "p", t - 1, S);
  const mostState = F === "tanh" ? 1 : largest(h) || 1;
  const at = units.indexOf(i); // the unit's place among those that are shown
  const focused = document.activeElement?.id;

  $("step-lead").textContent =
    `Step ${t} reads ${quoted(token)}. Each picture is one vector, with a cell for each number` +
    `${units.length < H ? ` (of the state: for each of the ${units.length} units shown)` : ""}. The frame marks unit ${i}; the numbers on the right are those of this unit. ` +
    `Under a picture is the line of scratch_rnn/plain that computes it.${isCompared() ? " “Difference” is between NumPy and PyTorch, as a share of the tolerance; the last section says how it is measured." : ""}`;
  const complete = record.checkpoints
    .filter((c) => c.details)
    .map((c) => c.label)
    .join(", ");
  $("step-absent").textContent = d
    ? ""
    : `The weights ${checkpoint().label}, and the sums that use them, are left out to limit the size of the page. ` +
      (complete ? `The page has the weights ${complete}.` : "A larger --megabytes keeps them.");

  const oneHot = new Float32Array(V);
  oneHot[id] = 1;
  const links = [
    link(
      "The token as a vector",
      "x_t = onehot(id)",
      "(V,)",
      `${capital(quoted(token))} is token ${id} of the vocabulary. The vector has ${V} entries: entry ${id} is 1, all others are 0.`,
      [strip(math("x_t"), oneHot, 1, id, `entry ${id} is 1`)],
      null,
      ["rows: Array = np.eye(V"],
    ),
  ];
  if (d) links.push(...(IS_GATED ? gates(t, i) : sums(d, t, i)));
  const { formula, text, line } = CELL.newState;
  links.push(
    link(
      "The new state",
      formula,
      "(H,)",
      text,
      [strip(math("h_t"), ofShown(h), mostState, at, show(h[i])), d && !IS_GATED ? bend(row(d.z, t - 1, H)[i], h[i]) : null],
      values(`unit ${i}`, "h", h[i], q[i], [h, q]),
      line ? [line] : [],
    ),
  );

  const frame = make("div", { class: "bars" });
  const select = make(
    "select",
    { id: "token-select" },
    record.shown_tokens.map((each, m) => make("option", { value: m, selected: m === v }, each === " " ? "space" : each)),
  );
  select.addEventListener("change", () => choose({ v: Number(select.value) }));
  const share = d ? [` Unit ${i} adds `, make("span", { class: "figure" }, show(float(d.W[v * H + i] * h[i]))), " of it."] : [];
  links.push(
    link(
      "The logits: a score for each token",
      "y_t = W h_t + b",
      "(V,) = (V, H) (H,) + (V,)",
      [`The score of ${quoted(name)} is a sum over all units.`, ...share],
      [
        strip(math("y_t"), y, largest(y), v, show(y[v])),
        make(
          "div",
          { class: "pick" },
          make("label", { for: "token-select" }, "Token"),
          select,
          chosen.v === null
            ? next === null
              ? "the most likely one"
              : "the one that comes next"
            : make("button", { type: "button", id: "token-reset", onclick: () => choose({ v: null }) }, "Back to the next token"),
        ),
      ],
      values(quoted(name), "y", y[v], yq[v], [y, yq]),
      ["y = h @ W.T + b"],
    ),
  );
  links.push(
    link(
      "Probabilities",
      "log p_t = y_t - m - log Σ exp(y_t - m), m = max y_t",
      "(V,)",
      "Softmax: exp makes each score positive, dividing makes the sum 1. Subtracting m changes nothing, but exp cannot overflow.",
      [frame],
      values(quoted(name), "p", p[v], pq[v], [p, pq]),
      ["y = logits - logits.max(", "log_p = y - np.log("],
    ),
  );
  links.push(
    next === null
      ? link("The loss", "L_t = -log p_t[next]", "a number", "This is the last token. No token follows, so there is no loss.", [], null, [
          LINE_OF_LOSS,
        ])
      : link(
          "The loss",
          "L_t = -log p_t[next]",
          "a number",
          `${capital(quoted(record.shown_tokens[next]))} came next, with a probability of ${percent(p[next])}. The smaller this probability, the larger the loss.`,
          [surprise(p[next], n.L[t - 1])],
          values(`step ${t}`, "L", n.L[t - 1], n["torch.L"]?.[t - 1]),
          [LINE_OF_LOSS],
        ),
  );
  $("chain").replaceChildren(...links);
  frame.append(bars(p, v, next, clamp(frame.clientWidth, 180, 460)));
  const again = focused && !document.activeElement?.id ? find(focused) : null;
  if (again) again.focus({ preventScroll: true });
  else if (focused === "token-reset") $("token-select").focus({ preventScroll: true });
  $("largest").hidden = !d;
  if (d) drawProducts(d, t, i);
}

/**
 * The curve of -log p, and the point of the token that comes next.
 * @type {(p: number, loss: number) => SVGElement}
 */
function surprise(p, loss) {
  const [wide, high] = [220, 96];
  const most = Math.max(4, loss * 1.1);
  /** @type {(value: number) => number} */
  const x = (value) => 4 + value * (wide - 8);
  /** @type {(value: number) => number} */
  const y = (value) => high - 16 - (value / most) * (high - 24);
  const points = Array.from({ length: 120 }, (_, m) => Math.exp((-most * m) / 119));
  return draw(
    "svg",
    { class: "chart small", viewBox: `0 0 ${wide} ${high}`, "aria-hidden": "true" },
    draw("line", { class: "grid", x1: x(0), x2: x(1), y1: y(0), y2: y(0) }),
    draw("text", { x: x(0), y: high - 2 }, "p = 0"),
    draw("text", { x: x(1), y: high - 2, "text-anchor": "end" }, "p = 1"),
    draw("polyline", { class: "curve", points: points.map((value) => `${x(value)},${y(-Math.log(value))}`).join(" ") }),
    draw("line", { class: "limit", x1: x(p), x2: x(p), y1: y(0), y2: y(loss) }),
    draw("circle", { class: "dot", cx: x(p), cy: y(loss), r: 4.5 }),
  );
}

/**
 * The distribution as columns: the chosen token is dark, the one that comes next has a ring.
 * @type {(p: Floats, v: number, next: number | null, wide: number) => SVGElement}
 */
function bars(p, v, next, wide) {
  const [high, foot] = [76, 34];
  const step = wide / S;
  const most = Math.max(...p);
  /** @type {SVGElement[]} */
  const parts = [draw("line", { class: "axis", x1: 0, x2: wide, y1: high, y2: high })];
  p.forEach((chance, m) => {
    const tall = (chance / most) * (high - 16);
    parts.push(
      draw("rect", {
        class: `column${m === v ? " chosen" : ""}`,
        x: m * step + step * 0.12,
        width: step * 0.76,
        y: high - tall,
        height: tall,
      }),
    );
    if (step > 9)
      parts.push(
        draw(
          "text",
          { x: (m + 0.5) * step, y: high + 14, "text-anchor": "middle", class: m === v ? "strong" : "", ...same("token", m) },
          glyph(record.shown_tokens[m]).slice(0, 3),
        ),
      );
    if (m === next) parts.push(draw("circle", { class: "here", cx: (m + 0.5) * step, cy: high + 25, r: 4.5 }));
  });
  const best = argmax(p);
  parts.push(
    draw("text", { class: "strong", x: clamp((best + 0.5) * step, 20, wide - 20), y: 11, "text-anchor": "middle" }, rounded(p[best])),
  );
  return draw(
    "svg",
    {
      class: "chart",
      viewBox: `0 0 ${wide} ${high + foot}`,
      role: "img",
      "aria-label": `Probabilities of the next token; the most likely one is ${spoken(record.shown_tokens[best])} with ${rounded(p[best])}.`,
    },
    parts,
  );
}

/** @type {(details: Arrays, t: number, i: number) => void} */
function drawProducts(d, t, i) {
  const before = row(numbers().h, t - 1, H);
  const weights = row(d.W_hh, BLOCK * H + i, H);
  const order = Array.from({ length: H }, (_, j) => j).sort(
    (a, b) => Math.abs(weights[b] * before[b]) - Math.abs(weights[a] * before[a]) || a - b,
  );
  const top = order.slice(0, 8);
  const rest = order.slice(8).reduce((sum, j) => sum + weights[j] * before[j], 0);
  $("products-lead").replaceChildren(
    ...(t === 1
      ? ["The state before the first step is zero, and so is each product."]
      : [
          `The units with the largest part in ${IS_GATED ? `u_${CELL.candidate} of ` : ""}unit ${i} at step ${t}.`,
          order.length > 8 ? ` The sum of the other ${order.length - 8} is about ${rounded(rest)}.` : "",
        ]),
  );
  const rows = [
    ["weight", ...top.map((j) => show(weights[j]))],
    ["state", ...top.map((j) => show(before[j]))],
    ["product", ...top.map((j) => show(float(weights[j] * before[j])))],
  ];
  const heads = top.map((j) => make("span", same("unit", j), String(j)));
  $("products").replaceChildren(table(`${capital(rowOfBlock(i))}, times the state after step ${t - 1}`, ["unit", ...heads], rows));
}

/** @type {Panel} */
export const stepPanel = { section: "step", views: [["c t i v u ulps compare *", drawStep]] };
