// ---------------------------------------------------------------- what gates change
//
// First what docs/scripts/recall.py measured. Then three networks of 16 units learn the visitor's text, whose
// tokens are their vocabulary: with random weights, uniform between ±1/√H as PyTorch draws them, and Adam.
// The norm of ∂L_K/∂h_t, t = 1 … K, says how much of the last loss reaches step t; an LSTM has a second
// way, ∂L_K/∂c_t, which a step back multiplies by f alone.

const UNITS = 16;
const STEPS_OF_TRAINING = 100;
for (const [name, cell] of Object.entries(CELLS)) cell.states = record.cells[name].states;

const side = { text: null, seed: 0, keep: 0, steps: 0, ids: [], networks: {}, optimizers: {}, curves: [], training: 0 };

function setUpCells() {
  $("cells-train").addEventListener("click", () => (side.training ? stopCells() : trainCells(STEPS_OF_TRAINING)));
  $("cells-reset").addEventListener("click", () => beginCells(side.seed + 1));
  $("keep-slider").addEventListener("input", () => beginCells(side.seed));
}

/** Who learned the experiment's words, and its networks' gradients before and after. */
function drawLesson() {
  const { places, updates: most, cells, networks } = record.lesson;
  $("lesson-numbers").replaceChildren(table("How many networks learned it, and in how many updates (median)", ["cell", ...places],
    Object.entries(cells).map(([name, { learned, trained, updates }]) => [name, ...updates.map((median, n) =>
      (median ? `${learned[n]} of ${trained[n]}${median < most ? `, ${median.toLocaleString("en")}` : ""}` : "not measured"))])));
  for (const when of ["before", "after"]) {
    const [wide, left, last] = [widthOf(`lesson-${when}`), 46, networks[0][when].norms.length - 1];
    const x = (n) => left + 8 + (n / last) * (wide - left - 20);
    const { parts, tall } = logChart(networks.map(({ cell, [when]: { norms } }) => ({ kind: `of-${cell} h`, name: record.cells[cell].layer, shares: norms })), { wide, tall: 150, x, left });
    parts.push(text(x(0), tall + 6, "first letter"), text(x(last), tall + 6, "repeated letter", "", "end"));
    const said = networks.map(({ cell, [when]: { norms, gate } }) => `${record.cells[cell].layer} ${share(norms[0])}${gate ? ` (mean gate ${rounded(gate, 2)})` : ""}`).join("; ");
    $(`lesson-${when}-said`).textContent = `At the first letter, this much of the gradient at the last letter: ${said}.`;
    $(`lesson-${when}`).replaceChildren(draw("svg", { class: "chart", viewBox: `0 0 ${wide} ${tall + 12}`, role: "img",
      "aria-label": `The gradient after each letter, ${when} training. ${$(`lesson-${when}-said`).textContent}` }, parts));
  }
}

/** A network of random weights; `keep` is added to the bias of the gate that keeps the old state. */
function randomNetwork(name, V_, seed_, keep) {
  const cell = CELLS[name];
  const rows = Math.max(record.cells[name].gates.length, 1) * UNITS;
  const sizes = [rows * V_, rows * UNITS, rows, rows, V_ * UNITS, V_];
  const random = randomFrom(seed_);
  const drawn = sizes.map((size) => Float64Array.from({ length: size }, () => (2 * random() - 1) / Math.sqrt(UNITS)));
  const gate = record.cells[name].gates.indexOf(cell.keeps);
  for (let i = 0; i < UNITS && gate >= 0; i++) drawn[2][gate * UNITS + i] += keep;
  return new Network(cell, Object.fromEntries(NAMES.map((each, n) => [each, drawn[n]])));
}

/** Draw new weights for all cells. */
function beginCells(seed_) {
  stopCells();
  const tokens = [...new Set(reading.tokens)].sort();
  Object.assign(side, { text: reading.tokens.join("\n"), seed: seed_, keep: Number($("keep-slider").value), steps: 0,
    ids: reading.tokens.map((token) => tokens.indexOf(token)) });
  side.networks = Object.fromEntries(Object.keys(record.cells).filter((name) => CELLS[name]).map((name) => [name, randomNetwork(name, tokens.length, side.seed, side.keep)]));
  side.optimizers = Object.fromEntries(Object.keys(side.networks).map((name) => [name, OPTIMIZERS.adam.create()]));
  redraw("cells");
}

/** Updates of all cells, as many as a frame of the screen has time for. */
function trainCells(left) {
  const begin = performance.now();
  for (; left > 0 && performance.now() - begin < SLICE; left--) {
    for (const [name, network] of Object.entries(side.networks)) {
      const { gradients } = network.run(side.ids.slice(0, -1), side.ids.slice(1));
      network.update(gradients, side.optimizers[name], record.max_norm);
    }
    side.steps += 1;
  }
  if (left === 0) return stopCells();
  side.training = requestAnimationFrame(() => trainCells(left));
  $("cells-train").textContent = "Stop";
  redraw("cells");
}

function stopCells() {
  cancelAnimationFrame(side.training);
  side.training = 0;
  $("cells-train").textContent = `Train ${STEPS_OF_TRAINING} updates`;
  redraw("cells");
}

/** For each array of a cell's state: the norm of the gradient of the last loss at each step, (K,). */
function gradientCurves(name, network, ids) {
  const tape = network.forward(ids.slice(0, -1));
  const loss = meanOf(lossesOf(tape, ids.slice(1)).map((each) => each.loss));
  const { steps } = network.backFromLast(tape, ids.at(-1));
  const gate = tape.flatMap((step) => [...(step[network.cell.keeps] ?? [])]);
  return record.cells[name].states.map((state, n) => ({
    name, state, layer: record.cells[name].layer, loss, norms: steps.map(({ d_state }) => length(d_state[n])),
    gate: gate.length ? meanOf(gate) : null, keeps: network.cell.keeps }));
}

function drawCells() {
  if (isAbsent("cells", K > 0 ? "" : "This text has one token, so there is no loss and no gradient. Type a longer one.")) return;
  if (side.text !== reading.tokens.join("\n")) beginCells(side.seed);
  side.curves = Object.entries(side.networks).flatMap(([name, network]) => gradientCurves(name, network, side.ids));
  const keep = side.keep.toFixed(1);
  $("keep-value").textContent = `+ ${keep}`;
  $("keep-slider").setAttribute("aria-valuetext", `plus ${keep}`);
  $("cells-note").textContent = `${times(side.steps, "update")} so far, on “${reading.text}”. Each is ${trainingWords("adam")}. `
    + `The weights are drawn with seed ${side.seed}; a new bias begins again.`;
  const kindOf = ({ name, state }) => `of-${name} ${state}`;
  const [wide, left] = [widthOf("cells-picture"), 46];
  const x = (n) => left + 8 + (K === 1 ? 0.5 : n / (K - 1)) * (wide - left - 20);
  const { parts, tall } = logChart(side.curves.map((each) => ({ kind: kindOf(each), name: `${each.layer}, ∂L/∂${each.state}`, shares: each.norms.map((norm_) => norm_ / each.norms.at(-1)) })), { wide, tall: 185, x, left });
  const stride = Math.ceil((K * 17) / (wide - left));
  for (let n = 0; n < K; n += stride) parts.push(text(x(n), tall + 6, glyph(reading.tokens[n]).slice(0, 4), "", "middle", same("step", n + 1)));
  parts.push(text((left + wide) / 2, tall + 26, "step t, which reads", "", "middle"));
  const said = side.curves.map((each) => `${each.layer}, ∂L/∂${each.state}: ${share(each.norms[0] / each.norms.at(-1))}`).join("; ");
  $("cells-picture").replaceChildren(draw("svg", { class: "chart", viewBox: `0 0 ${wide} ${tall + 32}`, role: "img",
    "aria-label": `Norm of the gradient of the last loss at each step, as a share of its norm at step ${K}. Left at step 1: ${said}.` }, parts));
  $("cells-said").textContent = `${times(K - 1, "step")} back, this is left of the gradient of the last loss: ${said}.`;
  const factor = ({ norms }) => (norms.length > 1 ? (norms[0] / norms.at(-1)) ** (1 / (norms.length - 1)) : NaN);
  $("cells-numbers").replaceChildren(table("How fast the gradient of the last loss vanishes", ["cell", "for", "factor per step", "gate that keeps (mean)", "mean loss"],
    side.curves.map((each) => [each.layer, math(`${each.state}_t`), rounded(factor(each)), each.gate === null ? "–" : `${each.keeps} ${rounded(each.gate)}`, rounded(each.loss, 5)])));
}

addPanel({ place: 3.2, section: "cells", views: [["text cells *", drawCells], ["text *", drawLesson]], setUp: setUpCells });
