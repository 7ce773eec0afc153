// ---------------------------------------------------------------- type, train, generate

const DRAWN = 40; // number of characters that the network generates
let seed = 0;
let training = 0;

function setUpPanel() {
  const input = $("text-input");
  input.value = record.tokens.join(IS_CHARACTERS ? "" : " ");
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
  $("train-step").addEventListener("click", () => train(1));
  $("train").addEventListener("click", () => (training ? stopTraining() : train(Infinity)));
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

/** Take steps of SGD, one for each frame of the screen. */
function train(steps) {
  cancelAnimationFrame(training);
  training = 0;
  const loss = trainStep();
  if (loss === null) return;
  readAgain();
  if (steps > 1) training = requestAnimationFrame(() => train(steps - 1));
  $("train").textContent = training ? "Stop" : "Train";
}

function stopTraining() {
  cancelAnimationFrame(training);
  training = 0;
  $("train").textContent = "Train";
}

function drawPanel() {
  const canCompute = Boolean(live.network) && CAN_TYPE;
  for (const id of ["text-input", "gain-slider", "temperature-slider", "draw-again", "train", "train-step", "reset"]) $(id).disabled = !canCompute;
  $("panel-absent").textContent = canCompute ? ""
    : !CAN_TYPE ? "The vocabulary is too large: this page does not have all weights. It shows only the recorded text."
      : `The weights ${checkpoint().label} are left out to limit the size of the page. Choose other weights to type a text.`;
  if (!canCompute && live.text === null) $("text-input").value = record.tokens.join(IS_CHARACTERS ? "" : " ");
  $("train").disabled ||= K === 0;
  $("train-step").disabled ||= K === 0;
  $("text-note").textContent = noteOnText();
  $("whose").textContent = reading.isRecorded
    ? `The numbers below were recorded: NumPy and PyTorch computed them in ${record.dtype}.`
    : game.bug ? "This page's engine has a bug now, and the numbers below are computed with it: see “Find the bug”."
      : "The numbers below are this page's own, computed in float64. NumPy and PyTorch did not compute them.";
  const gain = live.gain.toFixed(2);
  $("gain-slider").value = live.gain;
  $("gain-slider").setAttribute("aria-valuetext", `times ${gain}`);
  $("gain-value").textContent = `× ${gain}`;
  if (IS_GATED) $("gain-note").textContent = "The gates decide how much of a gradient passes, and they change from step to step. So no number computed from the weights alone bounds the factor of a step back.";
  else $("gain-note").replaceChildren(
    "Largest singular value ", make("b", {}, rounded(reading.singular)), ": a step back multiplies the norm of a gradient by at most this number. ",
    "Spectral radius ", make("b", {}, rounded(reading.radius)), ": without f′, the average factor per step over many steps.");
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

function drawLoss() {
  const steps = live.losses.length;
  $("loss-now").replaceChildren(reading.loss === null ? "One token has no loss."
    : make("span", {}, "Mean loss ", make("b", { id: "loss-figure" }, rounded(reading.loss, 5)), ` nats, perplexity ${rounded(reading.perplexity)}`));
  $("train-note").textContent = `${steps ? `${times(steps, "step")} so far` : "No step yet"}. Each is SGD with learning rate ${record.lr}`
    + `${record.max_norm === null ? "" : `, gradients clipped to norm ${record.max_norm}`}.`;
  const all = reading.loss === null ? live.losses : [...live.losses, reading.loss];
  const [wide, tall, left] = [300, 60, 4];
  const most = Math.max(...all, 1e-9);
  const x = (n) => left + (n / Math.max(all.length - 1, 1)) * (wide - 2 * left);
  const y = (loss) => 6 + (1 - loss / most) * (tall - 12);
  $("loss-picture").hidden = steps === 0;
  $("loss-picture").replaceChildren(draw("svg", { class: "chart small", viewBox: `0 0 ${wide} ${tall}`, role: "img",
    "aria-label": `Loss on this text over ${times(steps, "step")}: from ${rounded(all[0] ?? 0)} to ${rounded(all.at(-1) ?? 0)}.` },
  draw("line", { class: "axis", x1: 0, x2: wide, y1: y(0), y2: y(0) }),
  draw("polyline", { class: "thick", points: all.map((loss, n) => `${x(n).toFixed(1)},${y(loss).toFixed(1)}`).join(" ") })));
}

function drawWriting() {
  const temperature = Number($("temperature-slider").value);
  $("temperature-value").textContent = temperature.toFixed(1);
  const written = (heat) => writeOn(live.network, reading.ids, DRAWN, heat, randomFrom(seed)).map((id) => glyph(record.shown_tokens[record.shown.indexOf(id)])).join("");
  $("likeliest").textContent = written(0);
  $("drawn").textContent = temperature === 0 ? "the same: temperature 0 takes the most likely token" : written(temperature);
  $("drawn-name").textContent = `sampled, seed ${seed}`;
}

addPanel({ place: 0, section: "live", views: [["c text", drawPanel]], setUp: setUpPanel });
