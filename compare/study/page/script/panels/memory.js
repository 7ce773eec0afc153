import { $, $select, draw, make } from "../../../../files/page.js";
import { clamp, flat, largest, normOf } from "../engine/arrays.js";
import { logChart } from "../pictures/chart.js";
import { colour } from "../pictures/colours.js";
import { HeatMap } from "../pictures/heat_map.js";
import { spaceOf } from "../pictures/sizes.js";
import { math, same } from "../pictures/symbols.js";
import { fill, isAbsent, scrolling, table } from "../pictures/tables.js";
import { rounded, share, times } from "../record/numbers.js";
import { H, record, V } from "../record/record.js";
import { glyph, tokenOfId, tokenSpan } from "../record/tokens.js";
import { choose, moveStepAndUnit } from "../state/choose.js";
import { redraw } from "../state/redraw.js";
import { chosen, K, needNetwork, reading, T, units } from "../state/state.js";
import { whyNoLoss } from "../state/weights.js";

/** @import { Child } from "../../../../files/page.js" */
/** @import { Network } from "../engine/network.js" */
/** @import { Panel } from "../state/redraw.js" */

// Two texts that differ in the character of step s, and the loss after the last step with a target, K:
//
//     Δh_t = h'_t - h_t (H,), for t ≥ s: what the state still knows of the change
//     ∂L_K/∂h_t (H,), for t ≤ K: what the last loss asks of an earlier state
//
// To first order Δh_{t+1} = J_t Δh_t and ∂L_K/∂h_t = J_t^T ∂L_K/∂h_{t+1}, with J_t = ∂h_{t+1}/∂h_t: both go
// through the same matrices, one forward and one back. An LSTM has both for c, too.

/**
 * What is left of the change in an array of the state: (T, H) and (K, H), and the norm of each step.
 *
 * @typedef {object} Remembered
 * @property {string} name
 * @property {Float64Array} change
 * @property {Float64Array} gradient
 * @property {number[]} changeNorms
 * @property {number[]} gradientNorms
 */

/** The maps by "change" or "gradient" and the array's name; the changed step and its new token. */
const memory = {
  /** @type {Record<string, HeatMap>} */
  maps: {},
  step: 3,
  /** @type {number | null} */
  token: null,
  /** @type {Remembered[]} */
  states: [],
};

function setUpMemory() {
  $("memory-step").addEventListener("change", () => changeLetter(Number($select("memory-step").value), null));
  $("memory-token").addEventListener("change", () => changeLetter(memory.step, Number($select("memory-token").value)));
  for (const name of record.states) {
    for (const [kind, what] of [
      ["change", `Difference of ${name}`],
      ["gradient", `Gradient of the last loss for ${name}`],
    ]) {
      memory.maps[kind + name] = new HeatMap(`${what}, a column for each step and a row for each unit. Arrow keys choose step and unit.`, {
        pick: (r, c) => choose({ t: c + 1, i: units[r] }),
        move: moveStepAndUnit,
        ofRows: "unit",
        ofColumns: "step",
      });
    }
  }
}

/**
 * Choose the step whose letter is changed, and the new letter; null: the next one of the vocabulary.
 * @type {(step: number, token: number | null) => void}
 */
function changeLetter(step, token) {
  Object.assign(memory, { step, token });
  redraw("letter");
}

/**
 * The states of both texts apart, and the gradient of the last loss: for each array of the state (T, H) and (K, H).
 * @type {(network: Network, ids: number[], step: number, token: number) => Remembered[]}
 */
function remember(network, ids, step, token) {
  const changed = ids.with(step - 1, token);
  const [tape, other] = [ids, changed].map((text) => network.forward(text));
  const { steps } = network.backFromLast(tape.slice(0, -1), ids[ids.length - 1]);
  return record.states.map((name, n) => {
    const change = tape.map(({ state }, t) => other[t].state[n].map((x, i) => Math.abs(x - state[n][i])));
    const gradient = steps.map(({ d_state }) => d_state[n].map(Math.abs));
    return {
      name,
      change: flat(change),
      gradient: flat(gradient),
      changeNorms: change.map(normOf),
      gradientNorms: gradient.map(normOf),
    };
  });
}

function drawMemory() {
  if (isAbsent("memory", whyNoLoss())) return;
  memory.step = clamp(memory.step, 1, K);
  const old = reading.ids[memory.step - 1];
  const token = memory.token === null || memory.token === old ? (old + 1 < V ? old + 1 : old - 1) : memory.token;
  memory.token = token;
  memory.states = remember(needNetwork(), reading.ids, memory.step, token);
  /** @type {(chosenOne: number) => (choice: [number, string]) => HTMLOptionElement} */
  const option =
    (chosenOne) =>
    ([value, words]) =>
      make("option", { value, selected: value === chosenOne }, words);
  $("memory-step").replaceChildren(
    ...reading.tokens.slice(0, K).map((token, n) => option(memory.step)([n + 1, `${n + 1}: ${glyph(token)}`])),
  );
  $("memory-token").replaceChildren(
    ...record.shown.flatMap((id, n) => (id === old ? [] : [option(token)([id, glyph(record.shown_tokens[n])])])),
  );
  drawMemoryPicture();
  sayMemory();
}

function drawMemoryPicture() {
  const focused = /** @type {HTMLElement | null} */ (document.activeElement); // a map loses the focus as soon as it is in another sheet
  const gutter = 62;
  const width = clamp(Math.floor((spaceOf("memory-picture") - gutter) / T), 15, 56);
  const tall = Math.min(128, (record.states.length > 1 ? 3.5 : 5) * units.length);
  const sheet = make("div", { class: "sheet" });
  sheet.style.gridTemplateColumns = `${gutter}px max-content`;
  /** @type {(tokens: string[]) => HTMLDivElement} */
  const letters = (tokens) =>
    make(
      "div",
      { class: `cells reads${width < 24 ? " narrow" : ""}`, "aria-hidden": "true" },
      tokens.map((token, n) => {
        const cell = tokenSpan(token, {
          ...same("step", n + 1),
          class: n === memory.step - 1 ? "changed" : null,
          onclick: () => n < K && changeLetter(n + 1, null),
        });
        cell.style.width = `${width}px`;
        return cell;
      }),
    );
  /** @type {(words: Child) => HTMLDivElement} */
  const beside = (words) => make("div", { class: "gutter", "aria-hidden": "true" }, words);
  sheet.append(
    beside("text"),
    letters(reading.tokens),
    beside("changed"),
    letters(reading.tokens.with(memory.step - 1, tokenOfId(memory.token ?? 0))),
  );
  for (const { kind, sign } of /** @type {const} */ ([
    { kind: "change", sign: "|Δ" },
    { kind: "gradient", sign: "|∂L/∂" },
  ])) {
    for (const state of memory.states) {
      const map = memory.maps[kind + state.name];
      const most = largest(state[kind]) || 1;
      map.paint(units.length, T, width * T, tall, (r, c) => colour(Math.sqrt((state[kind][c * H + units[r]] ?? 0) / most)));
      sheet.append(beside([sign, math(`${state.name}_t`), "|", make("div", { class: "figure" }, `≤ ${rounded(most, 2)}`)]), map.element);
    }
  }
  sheet.append(make("div"), shareChart(width));
  $("memory-picture").replaceChildren(sheet);
  if (focused && sheet.contains(focused)) focused.focus({ preventScroll: true });
}

/**
 * Norms as shares of the first one: forth from step s, back from step K.
 * @type {(state: Remembered) => [number[], number[]]}
 */
const sharesOf = ({ changeNorms, gradientNorms }) => [
  changeNorms.map((x, n) => (n < memory.step - 1 ? NaN : x / changeNorms[memory.step - 1])),
  gradientNorms.map((x) => x / gradientNorms[gradientNorms.length - 1]),
];

/** @type {(width: number) => SVGElement} */
function shareChart(width) {
  const lines = memory.states.flatMap((state) =>
    sharesOf(state).map((shares, n) => ({
      kind: `${["forth", "back"][n]} ${state.name}`,
      shares,
      name: [`change Δ${state.name}`, `gradient ∂L/∂${state.name}`][n],
    })),
  );
  const { parts, tall } = logChart(lines, { wide: width * T, tall: 130, x: (n) => (n + 0.5) * width, left: 0 });
  return draw(
    "svg",
    {
      class: "chart fixed",
      width: width * T,
      height: tall,
      viewBox: `0 0 ${width * T} ${tall}`,
      role: "img",
      "aria-label": `Both norms over the steps, as shares of their first size. ${memorySentences().join(" ")}`,
    },
    parts,
  );
}

function memorySentences() {
  const k = T - memory.step;
  return memory.states.map((state) => {
    const [forth, back] = sharesOf(state);
    const fall = forth.slice(memory.step - 1).findIndex((x) => x < 0.1);
    const [of, for_] = record.states.length > 1 ? [` of ${state.name}`, ` for ${state.name}`] : ["", ""];
    return (
      `The change${of} is still ${share(forth[T - 1])} of its first size after ${times(k, "character")}; ${fall < 0 ? "it is never below a tenth" : `it is below a tenth for the first time after ${fall}, at step ${memory.step + fall}`}. ` +
      `The gradient of the last loss${for_} is still ${share(back[memory.step - 1])} of its first size after ${times(K - memory.step, "step")} back.`
    );
  });
}

function sayMemory() {
  $("memory-said").replaceChildren(...memorySentences().map((sentence) => make("li", {}, sentence)));
}

function markMemory() {
  if ($("memory-body").hidden) return;
  const { t, i } = chosen;
  const at = (t - 1) * H + i;
  for (const map of Object.values(memory.maps)) map.mark(units.indexOf(i), t - 1);
  $("memory-readout").replaceChildren(
    `step ${t} · unit ${i}`,
    ...memory.states.flatMap(({ name, change, gradient }) => [
      " · |Δ",
      math(`${name}_t`),
      "| ",
      make("b", { "data-memory": `change ${name}` }, rounded(change[at], 8)),
      " · |∂L/∂",
      math(`${name}_t`),
      "| ",
      make("b", { "data-memory": `gradient ${name}` }, t > K ? "–" : rounded(gradient[at], 8)),
    ]),
  );
}

function writeMemoryTable() {
  if ($("memory-body").hidden) return;
  const heads = memory.states.flatMap(({ name }) => [`‖Δ${name}‖`, `‖∂L/∂${name}‖`]);
  const rows = reading.tokens.map((token, n) => [
    `${n + 1} ${glyph(token)}`,
    ...memory.states.flatMap(({ changeNorms, gradientNorms }) => [rounded(changeNorms[n], 8), n < K ? rounded(gradientNorms[n], 8) : ""]),
  ]);
  fill(
    "memory-table",
    scrolling(
      "Norms at each step",
      table("Norms of the change and of the gradient of the last loss", ["step", ...heads], rows, { chosenRow: chosen.t - 1 }),
    ),
  );
}

/** @type {Panel} */
export const memoryPanel = {
  section: "memory",
  views: [
    ["c text letter u *", drawMemory],
    ["c text letter t i u *", markMemory],
  ],
  tables: { "memory-table": ["c text letter t", writeMemoryTable] },
  setUp: setUpMemory,
};
