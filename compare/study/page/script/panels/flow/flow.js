import { $, $button, $input, make } from "../../../../../files/page.js";
import { clamp, normOf } from "../../engine/arrays.js";
import { math, same, source } from "../../pictures/symbols.js";
import { isAbsent } from "../../pictures/tables.js";
import { BLOCK, BLOCK_NAME, CELL, plainName } from "../../record/cell.js";
import { rounded } from "../../record/numbers.js";
import { F, H, IS_GATED } from "../../record/record.js";
import { choose } from "../../state/choose.js";
import { chosen, K, needBack, needNetwork, numbers, reading } from "../../state/state.js";
import { whyNoLoss } from "../../state/weights.js";
import { drawFlowPicture } from "./picture.js";

/** @import { Panel } from "../../state/redraw.js" */

// A picture of the unrolled network. The gradient of the mean loss L goes from the last loss to the first
// step. Each step has four stages, in this order: STAGES. `chosen.t` is the step, `chosen.s` the stage.
// The page computes all numbers here, in float64.

const STAGES = ["from the loss", "from the next step", IS_GATED ? "through the gates" : "times the slope", "to the weights"];

/** The timer of the next stage; 0: it does not play. */
let flowing = 0;

function setUpFlow() {
  /** @type {(position: number) => void} */
  const at = (position) => choose({ t: K - Math.floor(position / STAGES.length), s: position % STAGES.length });
  /** @type {(by: number) => void} */
  const move = (by) => at(clamp(flowPosition() + by, 0, STAGES.length * K - 1));
  $("flow-slider").addEventListener("input", () => {
    stopFlow();
    at($input("flow-slider").valueAsNumber);
  });
  $("flow-before").addEventListener("click", () => move(-1));
  $("flow-next").addEventListener("click", () => move(1));
  $("flow-play").addEventListener("click", () => {
    if (flowing) {
      stopFlow();
      return;
    }
    if (flowPosition() === STAGES.length * K - 1) at(0);
    $("flow-play").textContent = "Stop";
    flowing = setInterval(() => (flowPosition() >= STAGES.length * K - 1 ? stopFlow() : move(1)), 700);
  });
}

function stopFlow() {
  clearInterval(flowing);
  flowing = 0;
  $("flow-play").textContent = "Play";
}

/** The position of the gradient: 0 at the last loss, and one more for each stage. */
const flowPosition = () => (K - Math.min(chosen.t, K)) * STAGES.length + (chosen.t > K ? 0 : chosen.s);

function drawFlow() {
  if (isAbsent("backward", reading.back ? "" : whyNoLoss())) return;
  const t = Math.min(chosen.t, K);
  const s = chosen.t > K ? 0 : chosen.s;
  const slider = $input("flow-slider");
  slider.max = String(STAGES.length * K - 1);
  slider.value = String(flowPosition());
  const words = `step ${t}, ${STAGES[s]}`;
  $("flow-slider").setAttribute("aria-valuetext", words);
  $("flow-value").textContent = words;
  $button("flow-before").disabled = flowPosition() === 0;
  $button("flow-next").disabled = flowPosition() === STAGES.length * K - 1;
  drawFlowPicture(t, s);
  writeFlowNumbers(t, s);
}

/**
 * The numbers of all stages of step t; those of stage s are marked.
 * @type {(t: number, s: number) => void}
 */
function writeFlowNumbers(t, s) {
  const { i } = chosen;
  const { fromLoss, fromNext, d_h: d, d_u, term } = needBack().steps[t - 1];
  const place = BLOCK * H + i; // of unit i among the rows of W_hh
  /** @type {(step: number) => number} */
  const added = (step) => {
    const [rows, columns] = needBack().steps[step - 1].term;
    return rows[place] * columns[i];
  };
  let sum = 0;
  for (let step = K; step >= t; step--) sum += added(step);
  const [through, formula] = IS_GATED
    ? ["through the gates, to the candidate’s block of u = W_hh h + b_hh", `∂L/∂u_{${CELL.candidate}}`]
    : [
        `times the slope, which is ${rounded(needNetwork().cell.slope?.(numbers().h[t * H + i]) ?? 1)} for unit ${i}`,
        F === "tanh" ? "∂L/∂z_t = ∂L/∂h_t ⊙ (1 - h_t²)" : "∂L/∂z_t = ∂L/∂h_t where h_t > 0, else 0",
      ];
  const part = `${IS_GATED ? "∂L/∂u_t" : "∂L/∂z_t"} h_{t-1}^T`;
  const LINE_OF_D_H = "return d_z_t @ W_ih, d_z_t @ W_hh";
  // stage, name, formula, number of the unit, norm, key, line of the plain version
  /** @type {[number, string, string, number, number | null, string, string | null][]} */
  const rows = [
    [0, `from the loss after step ${t}`, "W^T ∂L/∂y_t", fromLoss[i], normOf(fromLoss), "d_h_k", "return d_y @ W, d_W"],
    [
      1,
      t === K ? "from the next step: it has no loss" : `from step ${t + 1}`,
      CELL.fromNext[0],
      fromNext[0][i],
      normOf(fromNext[0]),
      "d_h",
      LINE_OF_D_H,
    ],
    [1, "their sum", "∂L/∂h_t", d[i], normOf(d), "d_sum", "d_output[t] + d_h"],
    ...fromNext
      .slice(1)
      .map(
        (d_c, n) =>
          /** @type {typeof rows[number]} */ ([
            1,
            "to the cell state, from the next step",
            CELL.fromNext[n + 1],
            d_c[i],
            normOf(d_c),
            "d_c",
            null,
          ]),
      ),
    [2, through, formula, d_u[place], normOf(d_u), "d_u", F === "tanh" ? "d_z_t = d_h_t * (" : null],
    [3, `the term of step ${t} in the gradient of W_hh`, part, added(t), normOf(term[0]) * normOf(term[1]), "d_W_hh", LINE_OF_D_H],
    [
      3,
      t === K ? "sum of the terms so far" : `sum of the terms so far: steps ${K} to ${t}`,
      `Σ ${part}`,
      sum,
      null,
      "d_W_hh sum",
      "d_W_hh += ",
    ],
  ];
  const weight = `${plainName(BLOCK_NAME)}[${i}, ${i}]`;
  $("flow-numbers").replaceChildren(
    ...rows.map(([stage, what, formula_, one, all, key, line]) =>
      make(
        "li",
        { class: stage === s ? "now" : null },
        make(
          "button",
          { type: "button", class: "quiet", "aria-pressed": String(stage === s), onclick: () => choose({ t, s: stage }) },
          what,
        ),
        make("span", { class: "formula" }, math(formula_)),
        make(
          "span",
          { class: "one" },
          make("span", { class: "remark", ...same("unit", i) }, stage === 3 ? weight : `unit ${i}`),
          make("span", { class: "figure", "data-flow": key }, rounded(one, 6)),
        ),
        make("span", { class: "remark all" }, all === null ? "" : `norm ${rounded(all, 4)}`),
        stage === s && line && !IS_GATED ? make("div", { class: "lines" }, source(line, "div")) : null,
      ),
    ),
  );
}

/** @type {Panel} */
export const backwardPanel = { section: "backward", views: [["c t s i u *", drawFlow]], setUp: setUpFlow };
