import { $, draw, make } from "../../../../files/page.js";
import { meanOf } from "../engine/arrays.js";
import { randomFrom, writeOn } from "../engine/generate.js";
import { lossesOf } from "../engine/loss.js";
import { gridOf } from "../pictures/chart.js";
import { widthOf } from "../pictures/sizes.js";
import { table } from "../pictures/tables.js";
import { rounded } from "../record/numbers.js";
import { IS_OF_A_RUN, record, V } from "../record/record.js";
import { glyph, tokenOfId } from "../record/tokens.js";
import { choose } from "../state/choose.js";
import { compute } from "../state/compute.js";
import { redraw } from "../state/redraw.js";
import { checkpoint, chosen, game, live, reading, T } from "../state/state.js";
import { isRecordedText, networkOf } from "../state/weights.js";
import { DRAWN, seed, temperature } from "./live.js";

/** @import { CourseRow } from "../state/state.js" */
/** @import { Panel } from "../state/redraw.js" */

/** The timer of the next checkpoint; 0: it does not play. */
let playing = 0;

function setUpTraining() {
  const count = record.checkpoints.length;
  $("training-lead").textContent =
    count > 1
      ? `The run saved its weights several times; this page has ${count} of them. Choose one here or with the slider above, and all pictures show these weights.`
      : "This page has one set of weights. A run saves its weights several times, and a page of a run shows how the network learns.";
  $("perplexity-lead").textContent =
    (record.T > 1 && IS_OF_A_RUN ? "Dots: on this text, at each checkpoint. " : "") +
    (record.curve.length ? "Line: on the training text, epoch by epoch. " : "") +
    `Perplexity is exp(mean loss). A network that gives each of the ${V.toLocaleString("en")} tokens the same probability has perplexity ${V.toLocaleString("en")}; the best possible is 1.`;
  $("play").hidden = count < 2;
  $("play").addEventListener("click", () => {
    if (playing) {
      stopPlaying();
      return;
    }
    $("play").textContent = "Stop";
    choose({ c: 0 });
    playing = setInterval(() => (chosen.c === count - 1 ? stopPlaying() : choose({ c: chosen.c + 1 })), 900);
  });
}

function stopPlaying() {
  clearInterval(playing);
  playing = 0;
  $("play").textContent = "Play the training";
}

/** Perplexity on the text, and the texts generated after it, for each checkpoint; null while they are computed. */
function course() {
  const input = { ...reading, isRecorded: isRecordedText() && !game.bug, heat: temperature(), seed };
  const key = `${game.bug?.name} ${input.ids} ${input.heat} ${seed}`;
  if (live.course?.key !== key) {
    /** @type {NonNullable<typeof live.course>} */
    const waited = { key, rows: null };
    live.course = waited;
    const kept = record.checkpoints.filter(({ details: d }) => d);
    let isLate = false;
    compute(
      courseOf,
      input,
      kept.length * (T + 2 * DRAWN) * (kept[0]?.details?.W_hh.length ?? 0),
      (rows) => {
        waited.rows = rows;
        if (isLate && live.course === waited) redraw("course");
      },
      { isHere: true },
    );
    isLate = true;
  }
  return live.course?.rows ?? null;
}

/**
 * @param {{ ids: number[], targets: number[], isRecorded: boolean, heat: number, seed: number }} input
 * @returns {Generator<void, CourseRow[], void>}
 */
function* courseOf({ ids, targets, isRecorded, heat, seed: seedOfText }) {
  /** @type {CourseRow[]} */
  const rows = [];
  for (const [c, { written, perplexity }] of record.checkpoints.entries()) {
    yield;
    const network = networkOf(c);
    if (!network) {
      rows.push({ perplexity: isRecorded ? perplexity : null, written: isRecorded ? written : [], drawn: null });
      continue;
    }
    const tape = network.forward(ids);
    const losses = lossesOf(tape, targets).map(({ loss }) => loss);
    rows.push({
      perplexity: isRecorded ? perplexity : losses.length ? network.perplexity(meanOf(losses)) : null,
      written: isRecorded ? written : writeOn(network, tape, written.length, 0).map(tokenOfId),
      drawn: writeOn(network, tape, DRAWN, heat, randomFrom(seedOfText)).map(tokenOfId),
    });
  }
  return rows;
}

function drawPerplexity() {
  const rows = course();
  if (!rows) return;
  const dots = rows.flatMap(({ perplexity }, n) =>
    perplexity === null ? [] : [{ n, epoch: record.checkpoints[n].epoch ?? record.curve.length, perplexity }],
  );
  const points = record.curve.flatMap((perplexity, e) => (perplexity === null ? [] : [{ epoch: e + 1, perplexity }]));
  const all = [...dots, ...points];
  $("perplexity-picture").hidden = all.length === 0 || !IS_OF_A_RUN;
  if ($("perplexity-picture").hidden) return;
  const [wide, tall] = [widthOf("perplexity-picture"), 230];
  const [left, right, top, bottom] = [44, 16, 16, 40];
  const mostEpochs = Math.max(1, ...all.map((point) => point.epoch));
  const most = Math.max(V, ...all.map((point) => point.perplexity));
  /** @type {(epoch: number) => number} */
  const x = (epoch) => left + (Math.log1p(epoch) / Math.log1p(mostEpochs)) * (wide - left - right);
  /** @type {(perplexity: number) => number} */
  const y = (perplexity) => top + (1 - Math.log(perplexity) / Math.log(most)) * (tall - top - bottom);
  const parts = gridOf(
    [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].filter((value) => value <= most),
    y,
    left,
    wide - right,
    String,
  );
  for (const epoch of [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].filter((epoch) => epoch <= mostEpochs)) {
    parts.push(draw("text", { x: x(epoch), y: tall - bottom + 17, "text-anchor": "middle" }, String(epoch)));
  }
  parts.push(draw("text", { x: (left + wide) / 2, y: tall - 4, "text-anchor": "middle" }, "epochs of training"));
  if (points.length)
    parts.push(
      draw("polyline", {
        class: "curve",
        points: points.map((p) => `${x(p.epoch).toFixed(1)},${y(p.perplexity).toFixed(1)}`).join(" "),
      }),
    );
  if (dots.length > 1)
    parts.push(draw("polyline", { class: "thin", points: dots.map((dot) => `${x(dot.epoch)},${y(dot.perplexity)}`).join(" ") }));
  for (const dot of dots)
    parts.push(
      draw("circle", {
        class: dot.n === chosen.c ? "here" : "dot",
        cx: x(dot.epoch),
        cy: y(dot.perplexity),
        r: dot.n === chosen.c ? 7 : 4.5,
      }),
    );
  const now = rows[chosen.c];
  $("perplexity-picture").replaceChildren(
    draw(
      "svg",
      {
        class: "chart",
        viewBox: `0 0 ${wide} ${tall}`,
        role: "img",
        "aria-label": `Perplexity over the epochs; ${checkpoint().label} it is ${rounded(now.perplexity)} on this text.`,
      },
      parts,
    ),
  );
}

function drawCheckpoints() {
  const heads = ["weights", "perplexity", `sampled at temperature ${temperature().toFixed(1)}, and most likely`];
  const focused = document.activeElement?.getAttribute("data-checkpoint");
  const kept = course();
  if (!kept) return;
  /** @type {(tokens: string[] | null, kind: string) => HTMLSpanElement | null} */
  const writing = (tokens, kind) => tokens && make("span", { class: `written ${kind}` }, tokens.map(glyph).join(""));
  const rows = kept.map(({ perplexity, written, drawn: sampled }, n) => [
    make(
      "button",
      { type: "button", "aria-pressed": String(n === chosen.c), "data-checkpoint": n, onclick: () => choose({ c: n }) },
      record.checkpoints[n].label,
    ),
    rounded(perplexity),
    [writing(sampled, "drawn"), writing(written, "wrong")],
  ]);
  $("checkpoints").replaceChildren(
    table(`After “${T > 24 ? "…" : ""}${reading.tokens.slice(-24).join("")}”`, heads, rows, {
      chosenRow: chosen.c,
      left: [2],
    }),
  );
  const button = focused && /** @type {HTMLElement | null} */ ($("checkpoints").querySelector(`[data-checkpoint="${focused}"]`));
  if (button) button.focus({ preventScroll: true });
}

/** @type {Panel} */
export const checkpointsPanel = {
  section: "training",
  views: [
    ["c course *", drawPerplexity],
    ["c text course", drawCheckpoints],
  ],
  setUp: setUpTraining,
};
