// ---------------------------------------------------------------- 3: the backward pass, step by step
//
// A picture of the unrolled network. The gradient of the mean loss L goes from the last loss to the first
// step. Each step has four stages, in this order: STAGES. `chosen.t` is the step, `chosen.s` the stage.
// The page computes all numbers here, in float64.

const STAGES = ["from the loss", "from the next step", IS_GATED ? "through the gates" : "times the slope", "to the weights"];
let flowing = 0;

function setUpFlow() {
  const at = (position) => choose({ t: K - Math.floor(position / STAGES.length), s: position % STAGES.length });
  const move = (by) => at(clamp(flowPosition() + by, 0, STAGES.length * K - 1));
  $("flow-slider").addEventListener("input", () => {
    stopFlow();
    at(Number($("flow-slider").value));
  });
  $("flow-before").addEventListener("click", () => move(-1));
  $("flow-next").addEventListener("click", () => move(1));
  $("flow-play").addEventListener("click", () => {
    if (flowing) return stopFlow();
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
  Object.assign($("flow-slider"), { max: STAGES.length * K - 1, value: flowPosition() });
  const words = `step ${t}, ${STAGES[s]}`;
  $("flow-slider").setAttribute("aria-valuetext", words);
  $("flow-value").textContent = words;
  $("flow-before").disabled = flowPosition() === 0;
  $("flow-next").disabled = flowPosition() === STAGES.length * K - 1;
  drawFlowPicture(t, s);
  writeFlowNumbers(t, s);
}

// ---------------------------------------------------------------- the picture

/** The width of an arrow, by the norm of its gradient; the norms of the whole text set the scale. */
function arrowWidths() {
  const norms = reading.back.steps.flatMap((step) => [length(step.fromLoss), length(step.fromNext[0])]).filter((x) => x > 0);
  const most = Math.log10(Math.max(...norms));
  const least = Math.max(Math.log10(Math.min(...norms)), most - 6);
  return (norm) => (norm > 0 ? 1 + 7 * clamp((Math.log10(norm) - least) / (most - least || 1), 0, 1) : 1);
}

function drawFlowPicture(t, s) {
  const { steps } = reading.back;
  const space = clamp(spaceOf("flow-picture"), 260, 1200);
  const count = Math.min(K, Math.max(3, Math.floor(space / 118)));
  const first = clamp(t - Math.floor(count / 2), 1, K - count + 1);
  const cell = space / count;
  const width = arrowWidths();
  const y = { loss: 20, cell: 110, token: 206, bar: 246, end: 300 };
  const [half, tall] = [Math.min(27, cell * 0.24), 66];
  const x = (step) => (step - first + 0.5) * cell;
  const parts = [draw("defs", {}, marker("tip", "tip"), marker("tip-back", "tip back"))];

  for (let step = first; step < first + count; step++) {
    const { fromLoss, fromNext: [fromNext], d_h: d } = steps[step - 1];
    const isPast = step > t;
    const reached = (stage) => isPast || (step === t && s >= stage);
    const now = (stage) => step === t && s === stage;
    const at = x(step);
    // forward: the token, the state before, the loss
    parts.push(arrow([at, y.token - 16], [at, y.cell + tall / 2 + 3], "forward"),
      arrow([at - 10, y.cell - tall / 2], [at - 10, y.loss + 15], "forward"),
      ...label(at + 6, y.token - 21, "W_ih", "start"),
      ...label(at - 15, y.loss + 42, "W", "end"));
    if (step > 1) {
      parts.push(arrow([Math.max(at - cell + half, 0), y.cell - 14], [at - half - 3, y.cell - 14], "forward"));
      if (step > first) parts.push(...label(at - cell / 2, y.cell - 20, "W_hh", "middle"));
    }
    // backward: from the loss, from the next step, to the weights
    if (reached(0)) {
      parts.push(arrow([at + 10, y.loss + 15], [at + 10, y.cell - tall / 2 - 4], now(0) ? "backward now" : "backward", width(length(fromLoss))),
        text(at + 18, y.loss + 42, rounded(length(fromLoss), 2), now(0) ? "strong halo" : "halo"));
    }
    if (step < K && reached(1)) {
      const isLast = step === first + count - 1; // the arrow comes from outside the picture
      parts.push(arrow([isLast ? space : at + cell - half, y.cell + 14], [at + half + 4, y.cell + 14], now(1) ? "backward now" : "backward", width(length(fromNext))),
        text(isLast ? space : at + cell / 2, y.cell + 34, rounded(length(fromNext), 2), now(1) ? "strong halo" : "halo", isLast ? "end" : "middle"));
    }
    parts.push(...stateBox(at, y.cell, half, tall, step, now(2)));
    if (now(2)) parts.push(text(at + 8, y.cell + tall / 2 + 17, IS_GATED ? "gates" : "× f′", "strong halo"));
    if (now(3)) {
      parts.push(draw("rect", { class: "onto", x: at - 38, y: y.cell + tall / 2 + 20, width: 76, height: 20, rx: 4 }),
        text(at, y.cell + tall / 2 + 34, "adds to ∂W", "strong", "middle"));
    }
    parts.push(text(at, y.loss, `L${below(step)} ${rounded(numbers().L[step - 1], 2)}`, step === t ? "strong" : "", "middle"),
      draw("rect", { class: step === t ? "token here" : "token", x: at - 14, y: y.token - 14, width: 28, height: 26, rx: 5 }),
      text(at, y.token + 5, glyph(reading.tokens[step - 1]).slice(0, 4), "strong", "middle"));
    if (reached(1)) parts.push(...normBar(at, y.bar, Math.min(cell * 0.8, 90), length(d)));
    const hit = draw("rect", { ...same("step", step), class: "hit", x: at - cell / 2, y: 0, width: cell, height: y.end });
    hit.addEventListener("click", () => choose({ t: step, s: 1 }));
    parts.push(hit);
  }
  parts.push(text(0, y.bar - 8, "‖∂L/∂hₜ‖"));
  const steps_ = (from, to) => (from === to ? `step ${from}` : `steps ${from} to ${to}`);
  if (first > 1) parts.push(text(0, y.end - 8, `← ${steps_(1, first - 1)}`)); // the picture is a window around the chosen step
  if (first + count <= K) parts.push(text(space, y.end - 8, `${steps_(first + count, K)} →`, "", "end"));
  const { fromLoss, fromNext: [fromNext] } = steps[t - 1];
  $("flow-picture").replaceChildren(draw("svg", { class: "chart network", viewBox: `0 0 ${space} ${y.end}`, role: "img",
    "aria-label": `The network unrolled over steps ${first} to ${first + count - 1}. The gradient is at step ${t}: ${rounded(length(fromLoss))} from the loss, ${rounded(length(fromNext))} from the next step.` }, parts));
}

const below = (n) => [...String(n)].map((digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]).join("");
const text = (x, y, words, kind = "", anchor = "start", more = {}) => draw("text", { x, y, class: kind, "text-anchor": anchor, ...more }, words);
const label = (x, y, name, anchor) => {
  const [letter, index] = name.split("_");
  const written = draw("text", { x, y, class: "weight halo", "text-anchor": anchor }, draw("tspan", {}, letter));
  if (index) written.append(draw("tspan", { dy: 3, "font-size": 9 }, index));
  return [written];
};
const arrow = ([x1, y1], [x2, y2], kind, width = 1.2) =>
  draw("line", { x1, y1, x2, y2, class: `arrow ${kind}`, "stroke-width": width, "marker-end": `url(#${kind === "forward" ? "tip" : "tip-back"})` });
const marker = (id, kind) => draw("marker", { id, viewBox: "0 0 8 8", refX: 6, refY: 4, markerWidth: 9, markerHeight: 9, markerUnits: "userSpaceOnUse", orient: "auto" },
  draw("path", { class: kind, d: "M0 0 8 4 0 8z" }));

/** The state of a step: a box, with a cell for each unit shown. */
function stateBox(x, y, half, tall, step, isNow) {
  const most = F === "tanh" ? 1 : largest(numbers().h) || 1;
  const high = (tall - 20) / units.length;
  const rows = units.map((i, n) => draw("rect", {
    x: x - half + 6, y: y - tall / 2 + 4 + n * high, width: 2 * half - 12, height: high + 0.3, fill: css(colour(numbers().h[step * H + i] / most)) }));
  return [draw("rect", { class: isNow ? "state now" : step === chosen.t ? "state here" : "state", x: x - half, y: y - tall / 2, width: 2 * half, height: tall, rx: 7 }), ...rows,
    text(x, y + tall / 2 - 5, `h${below(step)}`, "strong", "middle")];
}

const css = (pixel) => `rgb(${pixel & 255} ${(pixel >> 8) & 255} ${(pixel >> 16) & 255})`;

/** A bar for the norm of ∂L/∂h_t, on a logarithmic scale. */
function normBar(x, y, wide, norm) {
  const norms = reading.back.steps.map((step) => length(step.d_h)).filter((value) => value > 0);
  const most = Math.log10(Math.max(...norms));
  const span = Math.max(1, most - Math.max(Math.log10(Math.min(...norms)), most - 9));
  const share = norm > 0 ? clamp(1 - (most - Math.log10(norm)) / span, 0.02, 1) : 0;
  return [draw("rect", { class: "track", x: x - wide / 2, y, width: wide, height: 9, rx: 3 }),
    draw("rect", { class: "dot", x: x - wide / 2, y, width: wide * share, height: 9, rx: 3 }),
    text(x, y + 26, rounded(norm, 2), "strong", "middle")];
}

// ---------------------------------------------------------------- the numbers

function writeFlowNumbers(t, s) {
  const { i } = chosen;
  const { fromLoss, fromNext, d_h: d, d_u, term } = reading.back.steps[t - 1];
  const place = BLOCK * H + i; // of unit i among the rows of W_hh
  const added = (step) => reading.back.steps[step - 1].term[0][place] * reading.back.steps[step - 1].term[1][i];
  let sum = 0;
  for (let step = K; step >= t; step--) sum += added(step);
  const [through, formula] = IS_GATED
    ? [`through the gates, to the candidate’s block of u = W_hh h + b_hh`, `∂L/∂u_{${CELL.candidate}}`]
    : [`times the slope, which is ${rounded(live.network.cell.slope(numbers().h[t * H + i]))} for unit ${i}`,
      F === "tanh" ? "∂L/∂z_t = ∂L/∂h_t ⊙ (1 - h_t²)" : "∂L/∂z_t = ∂L/∂h_t where h_t > 0, else 0"];
  const part = `${IS_GATED ? "∂L/∂u_t" : "∂L/∂z_t"} h_{t-1}^T`;
  const LINE_OF_D_H = "return d_z_t @ W_ih, d_z_t @ W_hh";
  const rows = [ // stage, name, formula, number of the unit, norm, key, line of the plain version
    [0, `from the loss after step ${t}`, "W^T ∂L/∂y_t", fromLoss[i], length(fromLoss), "d_h_k", "return d_y @ W, d_W"],
    [1, t === K ? "from the next step: it has no loss" : `from step ${t + 1}`, CELL.fromNext[0], fromNext[0][i], length(fromNext[0]), "d_h", LINE_OF_D_H],
    [1, "their sum", "∂L/∂h_t", d[i], length(d), "d_sum", "d_output[t] + d_h"],
    ...fromNext.slice(1).map((d_c, n) => [1, "to the cell state, from the next step", CELL.fromNext[n + 1], d_c[i], length(d_c), "d_c", null]),
    [2, through, formula, d_u[place], length(d_u), "d_u", F === "tanh" ? "d_z_t = d_h_t * (" : null],
    [3, `the term of step ${t} in the gradient of W_hh`, part, added(t), length(term[0]) * length(term[1]), "d_W_hh", LINE_OF_D_H],
    [3, t === K ? "sum of the terms so far" : `sum of the terms so far: steps ${K} to ${t}`, `Σ ${part}`, sum, null, "d_W_hh sum", "d_W_hh += "],
  ];
  const weight = `${plainName(BLOCK_NAME)}[${i}, ${i}]`;
  $("flow-numbers").replaceChildren(...rows.map(([stage, what, formula_, one, all, key, line]) => make("li", { class: stage === s ? "now" : null },
    make("button", { type: "button", class: "quiet", "aria-pressed": String(stage === s), onclick: () => choose({ t, s: stage }) }, what),
    make("span", { class: "formula" }, math(formula_)),
    make("span", { class: "one" }, make("span", { class: "remark", ...same("unit", i) }, stage === 3 ? weight : `unit ${i}`), make("span", { class: "figure", "data-flow": key }, rounded(one, 6))),
    make("span", { class: "remark all" }, all === null ? "" : `norm ${rounded(all, 4)}`),
    stage === s && !IS_GATED && line ? make("div", { class: "lines" }, source(line, "div")) : null)));
}

addPanel({ place: 3, section: "backward", views: [["c t s i u *", drawFlow]], setUp: setUpFlow });
