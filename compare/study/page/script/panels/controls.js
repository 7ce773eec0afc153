import { $, $input, $select, make, setUpTheme } from "../../../../files/page.js";
import { argmax, row } from "../engine/arrays.js";
import { readScale } from "../pictures/colours.js";
import { percent, rounded, times } from "../record/numbers.js";
import { H, record, S, TRAINED_STEPS } from "../record/record.js";
import { glyph, quoted, spoken } from "../record/tokens.js";
import { choose } from "../state/choose.js";
import { hero } from "../state/hero_time.js";
import { redraw } from "../state/redraw.js";
import { chosen, K, numbers, reading, T, trueNext, units } from "../state/state.js";

/** @import { Panel } from "../state/redraw.js" */
/** @import { Chosen } from "../state/state.js" */

function setUpControls() {
  /** @type {(id: string, change: (value: number) => Partial<Chosen>) => void} */
  const slider = (id, change) => $(id).addEventListener("input", () => choose(change($input(id).valueAsNumber)));
  slider("step-slider", (t) => ({ t }));
  slider("unit-slider", (n) => ({ i: units[n] }));
  slider("checkpoint-slider", (c) => ({ c }));
  slider("loss-slider", (k) => ({ k }));
  slider("cut-slider", (n) => ({ n }));
  const counts = [8, 16, 32, 64].filter((count) => count < H);
  $("units-pick").hidden = counts.length === 0;
  $select("units-select").append(
    ...[...counts, H].map((count) =>
      make("option", { value: count, selected: count === chosen.u }, count === H ? `all ${H}` : String(count)),
    ),
  );
  $("units-select").addEventListener("change", () => choose({ u: Number($select("units-select").value) }));
  setUpTheme(() => {
    readScale();
    redraw("*");
  });
  readScale();
}

function drawControls() {
  /** @type {Record<string, number>} */
  const most = { unit: units.length - 1, checkpoint: record.checkpoints.length - 1, step: T, loss: K, cut: K };
  for (const [name, end] of Object.entries(most)) {
    const slider = $input(`${name}-slider`);
    slider.max = String(end);
    slider.disabled = end <= Number(slider.min);
  }
  $("units-rule").textContent = units.length === H ? "" : "These units change most over this text. The tables and all sums have all units.";
  /** @type {(name: string, value: number, words: string, spokenWords?: string) => void} */
  const set = (name, value, words, spokenWords = words) => {
    $input(`${name}-slider`).value = String(value);
    $(`${name}-slider`).setAttribute("aria-valuetext", spokenWords);
    $(`${name}-value`).textContent = words;
  };
  const token = reading.tokens[chosen.t - 1];
  set("step", chosen.t, `${chosen.t} of ${T}: ${glyph(token)}`, `${chosen.t} of ${T}, reads ${quoted(token)}`);
  set("unit", units.indexOf(chosen.i), String(chosen.i), `${chosen.i}, from 0 to ${H - 1}`);
  set("checkpoint", chosen.c, reading.label);
  if (K > 0) {
    set("loss", chosen.k, `${chosen.k} of ${K}: ${quoted(reading.tokens[chosen.k])} after step ${chosen.k}`);
    const asTrained = chosen.n === Math.min(TRAINED_STEPS, K);
    set(
      "cut",
      chosen.n,
      `${times(chosen.n, "step")}${chosen.n >= K ? ": nothing is cut" : ""}${asTrained && chosen.n < K ? ", as in training" : ""}`,
    );
  }
}

/** The timer of the next description. */
let speaking = 0;

/** Describe the choice to a screen reader, after a pause without keys. */
function speak() {
  clearTimeout(speaking);
  if (hero.isPlaying) return;
  speaking = setTimeout(() => {
    const { t, i } = chosen;
    const p = row(numbers().p, t - 1, S);
    const next = trueNext(t);
    const guess = argmax(p);
    $("status").textContent =
      `Step ${t} of ${T} reads ${spoken(reading.tokens[t - 1])}. ` +
      `Unit ${i}: ${rounded(numbers().h[t * H + i])}. ` +
      `Guess: ${spoken(record.shown_tokens[guess])}, ${percent(p[guess])}. ` +
      (next === null ? "" : `Next: ${spoken(record.shown_tokens[next])}, ${percent(p[next])}. `) +
      `Weights ${reading.label}.`;
  }, 150);
}

/** @type {Panel} */
export const controlsPanel = {
  section: "top",
  views: [
    ["c t i k n u", drawControls],
    ["c t i", speak],
  ],
  setUp: setUpControls,
};
