import { $, make } from "../../../../files/page.js";
import { argmax, clamp, largest, row } from "../engine/arrays.js";
import { colour, legend } from "../pictures/colours.js";
import { HeatMap } from "../pictures/heat_map.js";
import { place, spaceOf } from "../pictures/sizes.js";
import { math, same } from "../pictures/symbols.js";
import { fill, scrolling, table } from "../pictures/tables.js";
import { rounded, ulps } from "../record/numbers.js";
import { F, H, record, S } from "../record/record.js";
import { glyph, quoted, spoken, tokenSpan } from "../record/tokens.js";
import { choose, moveStepAndUnit } from "../state/choose.js";
import { chosen, chosenToken, isCompared, K, numbers, reading, show, T, trueNext, units } from "../state/state.js";

/** @import { Child } from "../../../../files/page.js" */
/** @import { Panel } from "../state/redraw.js" */

/** Both pictures, and the letters between them. */
const unrolled = {
  state: new HeatMap("States h, a column for each step and a row for each unit. Arrow keys choose step and unit.", {
    pick: (r, c) => choose({ t: c + 1, i: units[r] }),
    move: moveStepAndUnit,
    over: pointAtState,
    ofRows: "unit",
    ofColumns: "step",
  }),
  distribution: new HeatMap(
    "Probabilities of the next token, a column for each step and a row for each token. Left and right choose the step, up and down the token.",
    {
      pick: (r, c) => choose({ t: c + 1, v: r }),
      move: (down, right) => choose(down ? { v: clamp(chosenToken() + down, 0, S - 1) } : { t: clamp(chosen.t + right, 1, T) }),
      over: (r, c) => (r === null || c === null ? pointAtState(null, null) : readProbability(r, c + 1)),
      ofRows: "token",
      ofColumns: "step",
    },
  ),
  reads: make("div"),
};

/** @type {(r: number | null, c: number | null) => void} */
function pointAtState(r, c) {
  readUnrolled(r === null ? chosen.i : units[r], c === null ? chosen.t : c + 1);
}

/** Pixels between both pictures, where they have space side by side. */
const BETWEEN = 40;

/** @type {(i: number, t: number) => void} */
function readUnrolled(i, t) {
  $("unrolled-readout").replaceChildren(
    `step ${t} · unit ${i} · `,
    math(`h_{${t}}`),
    ` = `,
    make("b", { id: "state-value" }, show(numbers().h[t * H + i])),
  );
}

/** @type {(v: number, t: number) => void} */
function readProbability(v, t) {
  $("unrolled-readout").replaceChildren(
    `step ${t} · ${quoted(record.shown_tokens[v])} comes next with probability `,
    make("b", {}, show(numbers().p[(t - 1) * S + v])),
  );
}

function columnWidth() {
  const [least, gutter] = [15, 56];
  /** @type {(space: number) => number} */
  const widthIn = (space) => Math.floor((space - gutter) / T);
  const half = widthIn((spaceOf("unrolled-picture") - BETWEEN) / 2);
  const isPaired = half >= Math.max(least, 24);
  return {
    gutter,
    isPaired,
    width: isPaired ? Math.min(88, half) : Math.max(least, Math.min(88, widthIn(spaceOf("unrolled-picture")))),
  };
}

function drawUnrolled() {
  const { gutter, width, isPaired } = columnWidth();
  const n = numbers();
  const mostState = F === "tanh" ? 1 : largest(n.h) || 1;
  const tokenHeight = 13;
  const stateHeight = Math.min(isPaired ? tokenHeight * S : 240, 28 * units.length);
  const unitHeight = stateHeight / units.length;
  unrolled.state.paint(units.length, T, width * T, stateHeight, (r, c) => colour(n.h[(c + 1) * H + units[r]] / mostState));
  unrolled.distribution.paint(S, T, width * T, tokenHeight * S, (r, c) => colour(Math.sqrt(n.p[c * S + r])));
  drawRings(width, tokenHeight);

  /** @type {(kind: string, contents: (string | HTMLElement)[]) => HTMLDivElement} */
  const cells = (kind, contents) =>
    make(
      "div",
      { class: `cells ${kind}${width < 24 ? " narrow" : ""}`, "aria-hidden": "true" },
      contents.map((content, c) => {
        const cell = make("span", {}, content);
        cell.style.width = `${width}px`;
        cell.title = reading.tokens[c];
        return cell;
      }),
    );
  unrolled.reads = cells(
    "reads",
    reading.tokens.map((token, c) => tokenSpan(token, same("step", c + 1))),
  );
  for (const [c, cell] of [...unrolled.reads.children].entries()) cell.addEventListener("click", () => choose({ t: c + 1 }));
  const likeliest = reading.tokens.map((_, c) => argmax(row(n.p, c, S)));
  const guesses = likeliest.map((v, c) =>
    tokenSpan(record.shown_tokens[v], { class: v === trueNext(c + 1) ? "right" : "wrong", ...same("token", v) }),
  );
  const nexts = reading.tokens.map((_, c) => (c < K ? tokenSpan(reading.tokens[c + 1], same("step", c + 2)) : "–"));
  const chances = reading.tokens.map((_, c) => (c < K ? n.p[c * S + reading.targets[c]].toFixed(2).replace(/^0/, "") : ""));

  /** @type {(content: Child, kind?: string) => HTMLDivElement} */
  const gutterCell = (content, kind = "") => make("div", { class: `gutter ${kind}`, "aria-hidden": "true" }, content);
  /** @type {(name: HTMLSpanElement, place: number, height: number) => HTMLSpanElement} */
  const beside = (name, place, height) => {
    name.style.top = `${(place + 0.5) * height}px`;
    name.style.fontSize = "12px";
    return name;
  };
  const tokens = record.shown_tokens.map((token, v) => beside(tokenSpan(token, same("token", v)), v, tokenHeight));
  const every = Math.ceil(12 / unitHeight); // labels that would overlap are left out
  const unitNames = units.map((i, n) =>
    n % every ? null : beside(make("span", same("unit", i), n === 0 ? `unit ${i}` : String(i)), n, unitHeight),
  );
  const focused = /** @type {HTMLElement | null} */ (document.activeElement); // a map loses the focus as soon as it is in another sheet
  const above = [gutterCell("reads"), unrolled.reads, gutterCell(unitNames, "tokens"), unrolled.state.element];
  const below = [
    gutterCell("next is"),
    cells("small token", nexts),
    gutterCell(tokens, "tokens"),
    unrolled.distribution.element,
    gutterCell("guess"),
    cells("small token", guesses),
    ...(width >= 20 ? [gutterCell("p(next)"), cells("small", chances)] : []),
  ];
  const sheets = (isPaired ? [above, below] : [[...above, ...below]]).map((parts) => make("div", { class: "sheet" }, parts));
  for (const sheet of sheets) sheet.style.gridTemplateColumns = `${gutter}px max-content`;
  const isWide = gutter + width * T > spaceOf("unrolled-picture");
  const left = isWide ? $("unrolled-picture").scrollLeft : 0;
  $("unrolled-picture").replaceChildren(...sheets);
  if (isWide) $("unrolled-picture").scrollLeft = left;
  if (focused && $("unrolled-picture").contains(focused)) focused.focus({ preventScroll: true });

  legend("state-legend", make("span", {}, "state ", math("h_t")), -1, [rounded(-mostState), "0", rounded(mostState)]);
  legend("probability-legend", "probability", 0, ["0", "0.5", "1"], Math.sqrt);
}

/** @type {(width: number, tokenHeight: number) => void} */
function drawRings(width, tokenHeight) {
  for (const ring of unrolled.distribution.element.querySelectorAll(".ring")) ring.remove();
  const size = Math.min(11, width - 3);
  for (let t = 1; t <= K; t++) {
    const ring = make("div", { class: "ring small", "aria-hidden": "true" });
    place(ring, (t - 0.5) * width - size / 2, (reading.targets[t - 1] + 0.5) * tokenHeight - size / 2, size, size);
    unrolled.distribution.element.append(ring);
  }
}

function markUnrolled() {
  unrolled.state.mark(units.indexOf(chosen.i), chosen.t - 1);
  unrolled.distribution.mark(chosenToken(), chosen.t - 1);
  for (const [c, cell] of [...unrolled.reads.children].entries()) cell.classList.toggle("chosen", c === chosen.t - 1);
  readUnrolled(chosen.i, chosen.t);
  const { gutter, width } = columnWidth();
  const scroller = $("unrolled-picture");
  if (gutter + width * T <= spaceOf("unrolled-picture")) return;
  const left = (chosen.t - 1) * width;
  if (left < scroller.scrollLeft || left + 3 * width > scroller.scrollLeft + scroller.clientWidth - 60) {
    scroller.scrollLeft = left - scroller.clientWidth / 2;
  }
}

/**
 * Columns of a table: NumPy, PyTorch and their difference, or the page's own result.
 * @type {(what?: string) => string[]}
 */
const sideNames = (what = "") =>
  isCompared() ? [`${what}NumPy`, "PyTorch", "difference in ulps"] : [`${what}${reading.isRecorded ? record.dtype : "float64"}`];

/** @type {(a: number, b: number) => string[]} */
const sides = (a, b) => (isCompared() ? [show(a), show(b), rounded(ulps(a, b))] : [show(a)]);

function writeStateTables() {
  const n = numbers();
  const { t, i } = chosen;
  /** @type {(place: number) => string[]} */
  const pair = (place) => sides(n.h[place], n["torch.h"]?.[place]);
  const heads = sideNames();
  const allUnits = Array.from({ length: H }, (_, u) => [String(u), ...pair(t * H + u)]);
  const steps = reading.tokens.map((token, c) => [`${c + 1} ${glyph(token)}`, ...pair((c + 1) * H + i)]);
  fill("state-table", [
    scrolling(`All units at step ${t}`, table(`State at step ${t}`, ["unit", ...heads], allUnits, { chosenRow: i })),
    scrolling(`Unit ${i} at all steps`, table(`Unit ${i} at all steps`, ["step", ...heads], steps, { chosenRow: t - 1 })),
  ]);
}

function writeProbabilityTable() {
  const n = numbers();
  const p = row(n.p, chosen.t - 1, S);
  const q = reading.isRecorded ? row(n["torch.p"], chosen.t - 1, S) : p;
  const y = row(n.y, chosen.t - 1, S);
  const order = Array.from({ length: S }, (_, v) => v).sort((a, b) => p[b] - p[a]);
  const rows = order.map((v) => [spoken(record.shown_tokens[v]), v === trueNext(chosen.t) ? "yes" : "", show(y[v]), ...sides(p[v], q[v])]);
  fill(
    "probability-table",
    scrolling(
      `Probabilities after step ${chosen.t}`,
      table(
        `After step ${chosen.t}, which reads ${spoken(reading.tokens[chosen.t - 1])}`,
        ["token", "next", "logit", ...sideNames("probability, ")],
        rows,
        { left: [1] },
      ),
    ),
  );
}

/** @type {Panel["tables"]} */
const tablesOfSteps = {
  "state-table": ["c t i compare", writeStateTables],
  "probability-table": ["c t compare", writeProbabilityTable],
};

/** @type {Panel} */
export const unrolledPanel = {
  section: "unrolled",
  views: [
    ["c u *", drawUnrolled],
    ["c t i v u *", markUnrolled],
  ],
  tables: tablesOfSteps,
};
