import { $, draw } from "../../../../../files/page.js";
import { clamp, largest, normOf } from "../../engine/arrays.js";
import { arrow, label, marker, text } from "../../pictures/chart.js";
import { colour, css } from "../../pictures/colours.js";
import { spaceOf } from "../../pictures/sizes.js";
import { same } from "../../pictures/symbols.js";
import { below, rounded } from "../../record/numbers.js";
import { F, H, IS_GATED } from "../../record/record.js";
import { glyph } from "../../record/tokens.js";
import { choose } from "../../state/choose.js";
import { chosen, K, needBack, numbers, reading, units } from "../../state/state.js";

/**
 * The width of an arrow, by the norm of its gradient; the norms of the whole text set the scale.
 * @type {() => (norm: number) => number}
 */
function arrowWidths() {
  const norms = needBack()
    .steps.flatMap((step) => [normOf(step.fromLoss), normOf(step.fromNext[0])])
    .filter((x) => x > 0);
  const most = Math.log10(Math.max(...norms));
  const least = Math.max(Math.log10(Math.min(...norms)), most - 6);
  return (norm) => (norm > 0 ? 1 + 7 * clamp((Math.log10(norm) - least) / (most - least || 1), 0, 1) : 1);
}

/**
 * The network unrolled around step t, with the gradient at stage s.
 * @type {(t: number, s: number) => void}
 */
export function drawFlowPicture(t, s) {
  const { steps } = needBack();
  const space = clamp(spaceOf("flow-picture"), 260, 1200);
  const count = Math.min(K, Math.max(3, Math.floor(space / 118)));
  const first = clamp(t - Math.floor(count / 2), 1, K - count + 1);
  const cell = space / count;
  const width = arrowWidths();
  const y = { loss: 20, cell: 110, token: 206, bar: 246, end: 300 };
  const [half, tall] = [Math.min(27, cell * 0.24), 66];
  /** @type {(step: number) => number} */
  const x = (step) => (step - first + 0.5) * cell;
  /** @type {SVGElement[]} */
  const parts = [draw("defs", {}, marker("tip", "tip"), marker("tip-back", "tip back"))];

  for (let step = first; step < first + count; step++) {
    const {
      fromLoss,
      fromNext: [fromNext],
      d_h: d,
    } = steps[step - 1];
    const isPast = step > t;
    /** @type {(stage: number) => boolean} */
    const reached = (stage) => isPast || (step === t && s >= stage);
    /** @type {(stage: number) => boolean} */
    const now = (stage) => step === t && s === stage;
    const at = x(step);
    // forward: the token, the state before, the loss
    parts.push(
      arrow([at, y.token - 16], [at, y.cell + tall / 2 + 3], "forward"),
      arrow([at - 10, y.cell - tall / 2], [at - 10, y.loss + 15], "forward"),
      ...label(at + 6, y.token - 21, "W_ih", "start"),
      ...label(at - 15, y.loss + 42, "W", "end"),
    );
    if (step > 1) {
      parts.push(arrow([Math.max(at - cell + half, 0), y.cell - 14], [at - half - 3, y.cell - 14], "forward"));
      if (step > first) parts.push(...label(at - cell / 2, y.cell - 20, "W_hh", "middle"));
    }
    // backward: from the loss, from the next step, to the weights
    if (reached(0)) {
      parts.push(
        arrow([at + 10, y.loss + 15], [at + 10, y.cell - tall / 2 - 4], now(0) ? "backward now" : "backward", width(normOf(fromLoss))),
        text(at + 18, y.loss + 42, rounded(normOf(fromLoss), 2), now(0) ? "strong halo" : "halo"),
      );
    }
    if (step < K && reached(1)) {
      const isLast = step === first + count - 1; // the arrow comes from outside the picture
      parts.push(
        arrow(
          [isLast ? space : at + cell - half, y.cell + 14],
          [at + half + 4, y.cell + 14],
          now(1) ? "backward now" : "backward",
          width(normOf(fromNext)),
        ),
        text(
          isLast ? space : at + cell / 2,
          y.cell + 34,
          rounded(normOf(fromNext), 2),
          now(1) ? "strong halo" : "halo",
          isLast ? "end" : "middle",
        ),
      );
    }
    parts.push(...stateBox(at, y.cell, half, tall, step, now(2)));
    if (now(2)) parts.push(text(at + 8, y.cell + tall / 2 + 17, IS_GATED ? "gates" : "× f′", "strong halo"));
    if (now(3)) {
      parts.push(
        draw("rect", { class: "onto", x: at - 38, y: y.cell + tall / 2 + 20, width: 76, height: 20, rx: 4 }),
        text(at, y.cell + tall / 2 + 34, "adds to ∂W", "strong", "middle"),
      );
    }
    parts.push(
      text(at, y.loss, `L${below(step)} ${rounded(numbers().L[step - 1], 2)}`, step === t ? "strong" : "", "middle"),
      draw("rect", { class: step === t ? "token here" : "token", x: at - 14, y: y.token - 14, width: 28, height: 26, rx: 5 }),
      text(at, y.token + 5, glyph(reading.tokens[step - 1]).slice(0, 4), "strong", "middle"),
    );
    if (reached(1)) parts.push(...normBar(at, y.bar, Math.min(cell * 0.8, 90), normOf(d)));
    const hit = draw("rect", { ...same("step", step), class: "hit", x: at - cell / 2, y: 0, width: cell, height: y.end });
    hit.addEventListener("click", () => choose({ t: step, s: 1 }));
    parts.push(hit);
  }
  parts.push(text(0, y.bar - 8, "‖∂L/∂hₜ‖"));
  /** @type {(from: number, to: number) => string} */
  const range = (from, to) => (from === to ? `step ${from}` : `steps ${from} to ${to}`);
  if (first > 1) parts.push(text(0, y.end - 8, `← ${range(1, first - 1)}`)); // the picture is a window around the chosen step
  if (first + count <= K) parts.push(text(space, y.end - 8, `${range(first + count, K)} →`, "", "end"));
  const {
    fromLoss,
    fromNext: [fromNext],
  } = steps[t - 1];
  $("flow-picture").replaceChildren(
    draw(
      "svg",
      {
        class: "chart network",
        viewBox: `0 0 ${space} ${y.end}`,
        role: "img",
        "aria-label": `The network unrolled over steps ${first} to ${first + count - 1}. The gradient is at step ${t}: ${rounded(normOf(fromLoss))} from the loss, ${rounded(normOf(fromNext))} from the next step.`,
      },
      parts,
    ),
  );
}

/**
 * The state of a step: a box, with a cell for each unit shown.
 * @type {(x: number, y: number, half: number, tall: number, step: number, isNow: boolean) => SVGElement[]}
 */
function stateBox(x, y, half, tall, step, isNow) {
  const most = F === "tanh" ? 1 : largest(numbers().h) || 1;
  const high = (tall - 20) / units.length;
  const rows = units.map((i, n) =>
    draw("rect", {
      x: x - half + 6,
      y: y - tall / 2 + 4 + n * high,
      width: 2 * half - 12,
      height: high + 0.3,
      fill: css(colour(numbers().h[step * H + i] / most)),
    }),
  );
  return [
    draw("rect", {
      class: isNow ? "state now" : step === chosen.t ? "state here" : "state",
      x: x - half,
      y: y - tall / 2,
      width: 2 * half,
      height: tall,
      rx: 7,
    }),
    ...rows,
    text(x, y + tall / 2 - 5, `h${below(step)}`, "strong", "middle"),
  ];
}

/**
 * A bar for the norm of ∂L/∂h_t, on a logarithmic scale.
 * @type {(x: number, y: number, wide: number, norm: number) => SVGElement[]}
 */
function normBar(x, y, wide, norm) {
  const norms = needBack()
    .steps.map((step) => normOf(step.d_h))
    .filter((value) => value > 0);
  const most = Math.log10(Math.max(...norms));
  const span = Math.max(1, most - Math.max(Math.log10(Math.min(...norms)), most - 9));
  const share = norm > 0 ? clamp(1 - (most - Math.log10(norm)) / span, 0.02, 1) : 0;
  return [
    draw("rect", { class: "track", x: x - wide / 2, y, width: wide, height: 9, rx: 3 }),
    draw("rect", { class: "dot", x: x - wide / 2, y, width: wide * share, height: 9, rx: 3 }),
    text(x, y + 26, rounded(norm, 2), "strong", "middle"),
  ];
}
