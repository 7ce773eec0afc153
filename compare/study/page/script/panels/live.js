import { $, $input, $select, draw, make } from "../../../../files/page.js";
import { randomFrom, writeOn } from "../engine/generate.js";
import { OPTIMIZERS } from "../engine/optimizers.js";
import { rounded, times } from "../record/numbers.js";
import { record } from "../record/record.js";
import { CAN_TYPE, glyph, isKnown, tokenOfId, tokensOf } from "../record/tokens.js";
import { redraw } from "../state/redraw.js";
import { checkpoint, game, K, live, needNetwork, needTape, reading } from "../state/state.js";
import { countRight, readAgain, showText, stopTraining, takeStep, train } from "../state/training.js";
import { describeTraining, hasWeights, setGain, takeOptimizer, takeWeights } from "../state/weights.js";

/** @import { Panel } from "../state/redraw.js" */

/**
 * Texts to begin with: name, text, what to look for.
 * @type {[string, string, string][]}
 */
const EXAMPLES = [
  ["A pattern: abab", "abababababababab", "Train on it: after a few steps the network goes on with the pattern."],
  [
    "Words of its book",
    "the time machine at the end of the world",
    "Within a word the next character is easy to guess; after a space it is not.",
  ],
  ["One letter changed", "the tame traveller", "Compare with “the time traveller”: after how many characters is its state the same again?"],
  [
    "When does the b come?",
    "aaaaaaaaaab aaaaaaaaaab aaaaaaaaaab",
    "The network must count to ten. Train on it, and look at the probability of b.",
  ],
];

/** The number of characters that the network generates. */
export const DRAWN = 40;

/** The seed of the sampled text. */
export let seed = 0;

const CONTROLS = [
  "example-select",
  "text-input",
  "gain-slider",
  "temperature-slider",
  "draw-again",
  "train",
  "train-step",
  "reset",
  "optimizer-select",
];

function setUpPanel() {
  const input = $input("text-input");
  input.value = record.tokens.join("");
  const examples = $select("example-select");
  examples.append(
    make("option", { value: "" }, "choose"),
    ...EXAMPLES.map(([name, text], n) => make("option", { value: n, disabled: ![...text].every(isKnown) }, name)),
  );
  examples.addEventListener("change", () => showText(examples.value === "" ? record.tokens.join("") : EXAMPLES[Number(examples.value)][1]));
  input.addEventListener("input", () => {
    live.text = input.value;
    if (tokensOf(live.text).length > 0) readAgain();
    else redraw("text");
  });
  $("gain-slider").addEventListener("input", () => {
    setGain($input("gain-slider").valueAsNumber);
    readAgain();
  });
  $("temperature-slider").addEventListener("input", () => redraw("text"));
  $("draw-again").addEventListener("click", () => {
    seed += 1;
    redraw("text");
  });
  $("train-step").addEventListener("click", () => {
    stopTraining();
    takeStep();
  });
  $("train").addEventListener("click", () => (live.training ? stopTraining() : train()));
  $("optimizer-select").addEventListener("change", () => {
    takeOptimizer();
    redraw("text");
  });
  $("reset").addEventListener("click", () => {
    stopTraining();
    takeWeights();
    readAgain();
  });
}

/** What is below the moving picture. */
function drawTyping() {
  const canCompute = hasWeights();
  const example = EXAMPLES.findIndex(([, text]) => text === live.text);
  $select("example-select").value = example < 0 ? "" : String(example);
  $("example-note").textContent = EXAMPLES[example]?.[2] ?? "";
  $("panel-absent").textContent = canCompute
    ? ""
    : !CAN_TYPE
      ? "The vocabulary is too large: this page does not have all weights. It shows only the recorded text."
      : `The weights ${checkpoint().label} are left out to limit the size of the page. Choose other weights to type a text.`;
  if (!canCompute && live.text === null) $input("text-input").value = record.tokens.join("");
  $("text-note").textContent = noteOnText();
  $("whose").classList.toggle("comparison", !game.bug);
  $("whose").textContent = reading.isRecorded
    ? `The numbers below were recorded: NumPy and PyTorch computed them in ${record.dtype}.`
    : game.bug
      ? "This page's engine has a bug now, and the numbers below are computed with it: see “Find the bug”."
      : "The numbers below are this page's own, computed in float64. NumPy and PyTorch did not compute them.";
}

function drawPanel() {
  const canCompute = hasWeights();
  for (const id of CONTROLS) $(id).toggleAttribute("disabled", !canCompute);
  for (const id of ["train", "train-step"]) $(id).toggleAttribute("disabled", !canCompute || K === 0);
  const gain = live.gain.toFixed(2);
  $input("gain-slider").value = String(live.gain);
  $("gain-slider").setAttribute("aria-valuetext", `times ${gain}`);
  $("gain-value").textContent = `× ${gain}`;
  drawLoss();
  if (canCompute) drawWriting();
}

function noteOnText() {
  if (live.text === null) return "";
  const typed = [...live.text];
  if (tokensOf(live.text).length === 0) return "Type at least one character of the vocabulary. The pictures show the previous text.";
  const foreign = [...new Set(typed.filter((character) => !isKnown(character)))];
  return foreign.length
    ? `Not in the vocabulary: ${foreign.join(" ")} — read as “${reading.text}”: a capital as its small letter, other characters as ${isKnown(" ") ? "a space" : "?"}.`
    : "";
}

function drawLoss() {
  const steps = live.losses.length;
  $("loss-now").replaceChildren(
    reading.loss === null
      ? "One token has no loss."
      : make(
          "span",
          {},
          "Mean loss ",
          make("b", { id: "loss-figure" }, rounded(reading.loss, 5)),
          `, perplexity ${rounded(reading.perplexity)}; the first choice is right after ${countRight()} of ${K}.${steps ? ` The loss before training: ${rounded(live.losses[0])}.` : ""}`,
        ),
  );
  $("train-note").textContent =
    `${steps ? `${times(steps, "update")} so far` : "No update yet"}. Each is ${describeTraining($select("optimizer-select").value)}.${steps && !game.bug && record.max_norm !== null ? ` Clipped at ${live.numClipped} of ${times(steps, "update")}.` : ""}`;
  const losses = reading.loss === null ? live.losses : [...live.losses, reading.loss];
  const [wide, tall, left] = [300, 60, 4];
  const most = Math.max(...losses, 1e-9);
  /** @type {(n: number) => number} */
  const x = (n) => left + (n / Math.max(losses.length - 1, 1)) * (wide - 2 * left);
  /** @type {(loss: number) => number} */
  const y = (loss) => 6 + (1 - loss / most) * (tall - 12);
  $("loss-picture").hidden = steps === 0;
  $("loss-picture").replaceChildren(
    draw(
      "svg",
      {
        class: "chart small",
        viewBox: `0 0 ${wide} ${tall}`,
        role: "img",
        "aria-label": `Loss on this text over ${times(steps, "update")}: from ${rounded(losses[0] ?? 0)} to ${rounded(losses.at(-1) ?? 0)}.`,
      },
      draw("line", { class: "axis", x1: 0, x2: wide, y1: y(0), y2: y(0) }),
      draw("polyline", { class: "thick", points: losses.map((loss, n) => `${x(n).toFixed(1)},${y(loss).toFixed(1)}`).join(" ") }),
    ),
  );
}

export const temperature = () => $input("temperature-slider").valueAsNumber;

function drawWriting() {
  $("temperature-value").textContent = temperature().toFixed(1);
  /** @type {(heat: number) => string} */
  const written = (heat) =>
    writeOn(needNetwork(), needTape(), DRAWN, heat, randomFrom(seed))
      .map((id) => glyph(tokenOfId(id)))
      .join("");
  $("likeliest").textContent = written(0);
  $("drawn").textContent = temperature() === 0 ? "the same: temperature 0 takes the most likely token" : written(temperature());
  $("drawn-name").textContent = `sampled: each token drawn with its probability (seed ${seed})`;
}

/** @type {Panel} */
export const typingPanel = { section: "hero", views: [["c text", drawTyping]] };

/** @type {Panel} */
export const livePanel = { section: "live", views: [["c text norms", drawPanel]], setUp: setUpPanel };

$("optimizer-select").append(...Object.entries(OPTIMIZERS).map(([name, { title }]) => make("option", { value: name }, title)));
