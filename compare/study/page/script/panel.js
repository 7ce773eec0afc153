// ---------------------------------------------------------------- type, train, generate

/** Texts to begin with: name, text, what to look for. */
const EXAMPLES = [
  ["A pattern: abab", "abababababababab", "Train on it: after a few steps the network goes on with the pattern."],
  ["Words of its book", "the time machine at the end of the world", "Within a word the next character is easy to guess; after a space it is not."],
  ["One letter changed", "the tame traveller", "Compare with “the time traveller”: after how many characters is its state the same again?"],
  ["When does the b come?", "aaaaaaaaaab aaaaaaaaaab aaaaaaaaaab", "The network must count to ten. Train on it, and look at the probability of b."],
];

const DRAWN = 40; // number of characters that the network generates
let seed = 0;
let training = null; // an object of its own for each training

function setUpPanel() {
  const input = $("text-input");
  input.value = record.tokens.join(IS_CHARACTERS ? "" : " ");
  $("example-select").append(make("option", { value: "" }, "choose"), ...EXAMPLES.map(([name, text], n) =>
    make("option", { value: n, disabled: ![...text].every((character) => idOf.has(character)) }, name)));
  $("example-select").addEventListener("change", () => {
    const [, text] = EXAMPLES[$("example-select").value] ?? [, record.tokens.join("")];
    showText(text);
  });
  input.addEventListener("input", () => {
    live.text = input.value;
    if (tokensOf(live.text).length > 0) readAgain();
    else redraw("text");
  });
  $("gain-slider").addEventListener("input", () => {
    setGain(Number($("gain-slider").value));
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
  $("train").addEventListener("click", () => (training ? stopTraining() : train()));
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

/** Compute all results again, and draw everything. */
function readAgain() {
  read();
  for (const key of ["c", "text"]) redraw(key);
}

function takeStep() {
  const loss = trainStep();
  if (loss !== null) readAgain();
  return loss;
}

/** Train until `stopTraining`. The views on the screen are drawn after each step, all others at the end. */
async function train() {
  const own = (training = {});
  $("train").textContent = "Stop";
  while (training === own && takeStep() !== null) {
    await new Promise((done) => drawn.push(done));
    await new Promise((go) => setTimeout(go)); // keys and clicks come first
  }
  if (training === own) stopTraining();
}

function stopTraining() {
  training = null;
  $("train").textContent = "Train";
  drawWaiting();
}

function drawPanel() {
  const canCompute = hasWeights();
  const example = EXAMPLES.findIndex(([, text]) => text === live.text);
  $("example-select").value = example < 0 ? "" : example;
  $("example-note").textContent = EXAMPLES[example]?.[2] ?? "";
  for (const id of ["example-select", "text-input", "gain-slider", "temperature-slider", "draw-again", "train", "train-step", "reset", "optimizer-select"]) $(id).disabled = !canCompute;
  $("panel-absent").textContent = canCompute ? ""
    : !CAN_TYPE ? "The vocabulary is too large: this page does not have all weights. It shows only the recorded text."
      : `The weights ${checkpoint().label} are left out to limit the size of the page. Choose other weights to type a text.`;
  if (!canCompute && live.text === null) $("text-input").value = record.tokens.join(IS_CHARACTERS ? "" : " ");
  for (const id of ["train", "train-step"]) $(id).disabled ||= K === 0;
  $("text-note").textContent = noteOnText();
  $("whose").classList.toggle("comparison", !game.bug);
  $("whose").textContent = reading.isRecorded
    ? `The numbers below were recorded: NumPy and PyTorch computed them in ${record.dtype}.`
    : game.bug ? "This page's engine has a bug now, and the numbers below are computed with it: see “Find the bug”."
      : "The numbers below are this page's own, computed in float64. NumPy and PyTorch did not compute them.";
  const gain = live.gain.toFixed(2);
  $("gain-slider").value = live.gain;
  $("gain-slider").setAttribute("aria-valuetext", `times ${gain}`);
  $("gain-value").textContent = `× ${gain}`;
  drawLoss();
  if (canCompute) drawWriting();
}

function noteOnText() {
  if (live.text === null) return "";
  const typed = [...live.text];
  if (tokensOf(live.text).length === 0) return "Type at least one character of the vocabulary. The pictures show the previous text.";
  const foreign = [...new Set(typed.filter((character) => !idOf.has(character)))];
  return foreign.length ? `Not in the vocabulary: ${foreign.join(" ")} — read as “${reading.text}”.` : "";
}

/** After how many tokens of the text the most likely token is the one that comes next. */
const countRight = () => reading.targets.filter((next, n) => argmax(row(numbers().p, n, S)) === next).length;

function drawLoss() {
  const steps = live.losses.length;
  $("loss-now").replaceChildren(reading.loss === null ? "One token has no loss."
    : make("span", {}, "Mean loss ", make("b", { id: "loss-figure" }, rounded(reading.loss, 5)), `, perplexity ${rounded(reading.perplexity)}; the first choice is right after ${countRight()} of ${K}.${steps ? ` The loss before training: ${rounded(live.losses[0])}.` : ""}`));
  $("train-note").textContent = `${steps ? `${times(steps, "update")} so far` : "No update yet"}. Each is ${trainingWords($("optimizer-select").value)}.${steps && !game.bug && record.max_norm !== null ? ` Clipped at ${live.numClipped} of ${times(steps, "update")}.` : ""}`;
  const all = reading.loss === null ? live.losses : [...live.losses, reading.loss];
  const [wide, tall, left] = [300, 60, 4];
  const most = Math.max(...all, 1e-9);
  const x = (n) => left + (n / Math.max(all.length - 1, 1)) * (wide - 2 * left);
  const y = (loss) => 6 + (1 - loss / most) * (tall - 12);
  $("loss-picture").hidden = steps === 0;
  $("loss-picture").replaceChildren(draw("svg", { class: "chart small", viewBox: `0 0 ${wide} ${tall}`, role: "img",
    "aria-label": `Loss on this text over ${times(steps, "update")}: from ${rounded(all[0] ?? 0)} to ${rounded(all.at(-1) ?? 0)}.` },
  draw("line", { class: "axis", x1: 0, x2: wide, y1: y(0), y2: y(0) }),
  draw("polyline", { class: "thick", points: all.map((loss, n) => `${x(n).toFixed(1)},${y(loss).toFixed(1)}`).join(" ") })));
}

const temperature = () => Number($("temperature-slider").value);

function drawWriting() {
  $("temperature-value").textContent = temperature().toFixed(1);
  const written = (heat) => writeOn(live.network, reading.tape, DRAWN, heat, randomFrom(seed)).map((id) => glyph(tokenOfId(id))).join("");
  $("likeliest").textContent = written(0);
  $("drawn").textContent = temperature() === 0 ? "the same: temperature 0 takes the most likely token" : written(temperature());
  $("drawn-name").textContent = `sampled: each token drawn with its probability (seed ${seed})`;
}

addPanel({ place: 0, section: "live", views: [["c text norms", drawPanel]], setUp: setUpPanel });
