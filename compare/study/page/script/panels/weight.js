import { $, $button, $input, $select, draw, make } from "../../../../files/page.js";
import { clamp, largest } from "../engine/arrays.js";
import { meanLoss } from "../engine/loss.js";
import { LETTERS, NAMES, productsOf } from "../engine/network.js";
import { lossesAround, lossWith, measureSlope, REACH } from "../engine/slope.js";
import { gridOf, text, ticksOf } from "../pictures/chart.js";
import { colour } from "../pictures/colours.js";
import { HeatMap } from "../pictures/heat_map.js";
import { spaceOf, widthOf } from "../pictures/sizes.js";
import { math } from "../pictures/symbols.js";
import { isAbsent } from "../pictures/tables.js";
import { columnsOf } from "../record/cell.js";
import { rounded, times } from "../record/numbers.js";
import { H, IS_GATED, record } from "../record/record.js";
import { quoted } from "../record/tokens.js";
import { compute } from "../state/compute.js";
import { redraw } from "../state/redraw.js";
import { live, needBack, needNetwork, reading, T } from "../state/state.js";
import { readAgain } from "../state/training.js";
import { putBack, whyNoLoss } from "../state/weights.js";

/** @import { Panel } from "../state/redraw.js" */
/** @import { Child } from "../../../../files/page.js" */

/** The weight that is chosen: the parameter's name, and the place in it. */
const weight = { name: "rnn.weight_hh_l0", n: 0 };

/** The picture of a parameter. */
const weightMap = new HeatMap("All weights of this parameter, a row for each output and a column for each input. Arrow keys choose one.", {
  pick: (r, c) => pickWeight(weight.name, r * columnsOf(weight.name) + c),
  move: (down, right) => {
    const columns = columnsOf(weight.name);
    const rows = parameter().length / columns;
    const [r, c] = [Math.floor(weight.n / columns), weight.n % columns];
    pickWeight(weight.name, clamp(r + down, 0, rows - 1) * columns + clamp(c + right, 0, columns - 1));
  },
});

function setUpWeight() {
  $("weight-map").append(weightMap.element);
  $("weight-select").append(...NAMES.map((name) => make("option", { value: name, selected: name === weight.name }, LETTERS[name])));
  $("weight-select").addEventListener("change", () => pickWeight($select("weight-select").value, 0));
  $("weight-slider").addEventListener("input", () => setWeight(original() + $input("weight-slider").valueAsNumber));
  $("weight-field").addEventListener("change", () => {
    const value = $input("weight-field").valueAsNumber;
    if (Number.isFinite(value)) setWeight(value);
    else redraw("weight");
  });
  $("weight-back").addEventListener("click", () => {
    putBack();
    readAgain();
  });
}

const parameter = () => needNetwork().parameters[weight.name];

const original = () => live.edit?.before ?? parameter()[weight.n];

/**
 * Choose a weight; one that was changed before is put back.
 * @type {(name: string, n: number) => void}
 */
function pickWeight(name, n) {
  Object.assign(weight, { name, n });
  if (live.edit) {
    putBack();
    readAgain();
  }
  redraw("weight");
}

/** @type {(value: number) => void} */
function setWeight(value) {
  live.edit ??= { name: weight.name, n: weight.n, before: parameter()[weight.n] };
  parameter()[weight.n] = value;
  if (Object.is(value, live.edit.before)) live.edit = null;
  readAgain();
}

/**
 * "W_hh[5, 3]"
 * @type {(name: string, n: number) => string}
 */
function nameOf(name, n) {
  const columns = columnsOf(name);
  return `${LETTERS[name]}[${columns > 1 ? `${Math.floor(n / columns)}, ${n % columns}` : n}]`;
}

/**
 * "W_hh[5, 3], from unit 3 of the step before to unit 5"
 * @type {(name: string, n: number) => string}
 */
function meaningOf(name, n) {
  const columns = columnsOf(name);
  const [r, c] = [Math.floor(n / columns), n % columns];
  const to = name.startsWith("linear")
    ? `to the logit of ${quoted(record.shown_tokens[r])}`
    : `to unit ${r % H}${IS_GATED ? `, gate ${record.gates[Math.floor(r / H)]}` : ""}`;
  const from = {
    "rnn.weight_ih_l0": () => `from ${quoted(record.shown_tokens[c])} `,
    "rnn.weight_hh_l0": () => `from unit ${c} of the step before `,
    "linear.weight": () => `from unit ${c} `,
  }[name];
  return `${nameOf(name, n)}, ${from ? from() : "a bias, added "}${to}`;
}

function drawWeight() {
  if (isAbsent("weight", whyNoLoss())) return;
  const { name, n } = weight;
  const weights = parameter();
  const columns = columnsOf(name);
  const rows = weights.length / columns;
  const most = largest(weights) || 1;
  const wide = columns === 1 ? 40 : clamp(spaceOf("weight-map"), 200, 300);
  weightMap.paint(rows, columns, wide, clamp((rows * wide) / columns, 120, 210), (r, c) => colour(weights[r * columns + c] / most));
  Object.assign(weightMap.element.dataset, {
    rows: name.startsWith("linear") ? "token" : "any",
    columns: { "rnn.weight_ih_l0": "token", "rnn.weight_hh_l0": "any", "linear.weight": "any" }[name] ?? "",
  });
  weightMap.mark(Math.floor(n / columns), n % columns);
  const g = needBack().gradients[name][n];
  const here = meanLoss(needNetwork(), reading.ids);
  const { below: lossBelow, above, slope } = measureSlope(needNetwork(), reading.ids, name, n);
  $("weight-name").textContent = `${meaningOf(name, n)}.`;
  $select("weight-select").value = name;
  $input("weight-field").value = String(weights[n]);
  const moved = weights[n] - original();
  $input("weight-slider").value = String(moved);
  $("weight-slider").setAttribute("aria-valuetext", `${rounded(weights[n], 4)}, which was ${rounded(original(), 4)}`);
  $("weight-value").textContent = `${moved < 0 ? "−" : "+"} ${rounded(Math.abs(moved), 3)}`;
  $button("weight-back").disabled = !live.edit;
  $("weight-whose").textContent = live.edit
    ? `It was ${live.edit.before}. All numbers and pictures of the page are computed with the new value.`
    : "";
  const digitsEqual = slope === g ? null : Math.floor(-Math.log10(Math.abs(slope - g) / Math.max(Math.abs(slope), Math.abs(g))));
  /** @type {(key: string, what: Child, value: string) => HTMLElement[]} */
  const line = (key, what, value) => [make("dt", {}, what), make("dd", { "data-weight": key }, value)];
  $("weight-numbers").replaceChildren(
    ...line("gradient", make("span", {}, "gradient ", math("∂L/∂w")), rounded(g, 10)),
    ...line("slope", make("span", {}, "measured slope"), rounded(slope, 10)),
    ...line("difference", "their difference", rounded(Math.abs(slope - g), 3)),
    ...line("above", math("L(w + ε)"), rounded(above, 15)),
    ...line("below", math("L(w - ε)"), rounded(lossBelow, 15)),
    ...line("loss", make("span", {}, "mean loss ", math("L(w)")), rounded(here, 10)),
    ...(live.edit
      ? [
          ...line(
            "change",
            make("span", {}, "change of ", math("L"), " by the move"),
            rounded(here - lossWith(needNetwork(), reading.ids, name, n, live.edit.before), 4),
          ),
        ]
      : []),
  );
  $("weight-said").textContent =
    g === 0 && slope === 0
      ? "Both are 0: this weight has no part in this loss."
      : digitsEqual === null
        ? "Both are the same float."
        : digitsEqual > 0
          ? `Gradient and slope agree to ${times(digitsEqual, "digit")}.`
          : "Gradient and slope do not agree in a single digit: the slope is too small to be measured, or the backward pass is wrong.";
  delete $("weight-picture").dataset.done;
  const input = { network: needNetwork(), ids: reading.ids, name, n, middle: original() };
  compute(lossesAround, input, 33 * T * productsOf(needNetwork()), (losses) => drawLossOfWeight(losses, weights[n], g), {
    isHere: true,
  });
}

/** @type {(losses: [number, number][], w: number, g: number) => void} */
function drawLossOfWeight(losses, w, g) {
  const loss = reading.loss;
  const here = meanLoss(needNetwork(), reading.ids);
  const [wide, tall, bottom, top] = [widthOf("weight-picture"), 230, 40, 26];
  const [left0, right0] = [losses[0], losses[losses.length - 1]];
  const ends = [left0[0], right0[0]];
  const [first, last] = [Math.min(ends[0], w), Math.max(ends[1], w)];
  const lossValues = [...losses.map(([, lossThere]) => lossThere), here];
  const spread = Math.max(...lossValues) - Math.min(...lossValues) || 1e-3;
  const [least, most] = [Math.min(...lossValues) - 0.1 * spread, Math.max(...lossValues) + 0.1 * spread];
  const ticks = ticksOf(least, most);
  const places = clamp(-Math.floor(Math.log10(ticks[1] - ticks[0]) + 1e-9), 0, 12);
  const left = 16 + 8 * most.toFixed(places).length;
  /** @type {(value: number) => number} */
  const x = (value) => left + ((value - first) / (last - first)) * (wide - left - 24);
  /** @type {(value: number) => number} */
  const y = (value) => top + ((most - value) / (most - least)) * (tall - top - bottom);
  const parts = [text(0, 12, "mean loss L", ""), ...gridOf(ticks, y, left, wide - 24, (value) => value.toFixed(places))];
  for (const value of [ends[0], original(), ends[1]]) parts.push(text(x(value), tall - bottom + 18, rounded(value, 3), "", "middle"));
  parts.push(
    text((left + wide) / 2, tall - 6, `weight ${nameOf(weight.name, weight.n)}`, "", "middle"),
    draw("polyline", {
      class: "curve",
      points: losses.map(([value, lossThere]) => `${x(value).toFixed(2)},${y(lossThere).toFixed(2)}`).join(" "),
    }),
  );
  const reach = Math.min(REACH / 2, (0.45 * (most - least)) / Math.max(Math.abs(g), 1e-300)); // of the tangent
  parts.push(
    draw("line", { class: "line tangent", x1: x(w - reach), y1: y(here - g * reach), x2: x(w + reach), y2: y(here + g * reach) }),
    draw("circle", { class: "here", cx: x(w), cy: y(here), r: 6 }),
  );
  $("weight-picture").replaceChildren(
    draw(
      "svg",
      {
        class: "chart",
        viewBox: `0 0 ${wide} ${tall}`,
        role: "img",
        "aria-label": `The mean loss as a function of this weight, from ${rounded(ends[0])} to ${rounded(ends[1])}: ${rounded(left0[1])} at the left, ${rounded(right0[1])} at the right. At ${rounded(w)} it is ${rounded(loss ?? here)}, and the tangent has slope ${rounded(g)}.`,
      },
      parts,
    ),
  );
  $("weight-picture").dataset.done = "true";
}

/** @type {Panel} */
export const weightPanel = { section: "weight", views: [["c text weight *", drawWeight]], setUp: setUpWeight };
