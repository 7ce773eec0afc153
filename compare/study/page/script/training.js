// ---------------------------------------------------------------- 4: training

let playing = 0;

function setUpTraining() {
  const count = record.checkpoints.length;
  $("training-lead").textContent = count > 1
    ? `The run saved its weights several times; this page has ${count} of them. Choose one here or with the slider above, and all pictures show these weights.`
    : "This page has one set of weights. A run saves its weights several times, and a page of a run shows how the network learns.";
  $("perplexity-lead").textContent = (record.T > 1 && IS_OF_A_RUN ? "Dots: on this text, at each checkpoint. " : "") + (record.curve.length ? "Line: on the training text, epoch by epoch. " : "")
    + `Perplexity is exp(mean loss). A network that gives each of the ${V.toLocaleString("en")} tokens the same probability has perplexity ${V.toLocaleString("en")}; the best possible is 1.`;
  $("play").hidden = count < 2;
  $("play").addEventListener("click", () => {
    if (playing) return stopPlaying();
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
    const own = (live.course = { key, rows: null });
    const kept = record.checkpoints.filter(({ details: d }) => d);
    let isLate = false;
    compute(courseOf, input, kept.length * (T + 2 * DRAWN) * (kept[0]?.details.W_hh.length ?? 0), (rows) => {
      own.rows = rows;
      if (isLate && live.course === own) redraw("course");
    }, { isHere: true });
    isLate = true;
  }
  return live.course.rows;
}

function* courseOf({ ids, targets, isRecorded, heat, seed: seed_ }) {
  const rows = [];
  for (const [c, { written, perplexity }] of record.checkpoints.entries()) {
    yield;
    const network = networkOf(c);
    const tape = network?.forward(ids);
    const losses = network ? lossesOf(tape, targets).map(({ loss }) => loss) : [];
    rows.push({
      perplexity: isRecorded ? perplexity : losses.length ? network.perplexity(meanOf(losses)) : null,
      written: isRecorded ? written : network ? writeOn(network, tape, written.length, 0).map(tokenOfId) : [],
      drawn: network ? writeOn(network, tape, DRAWN, heat, randomFrom(seed_)).map(tokenOfId) : null,
    });
  }
  return rows;
}

function drawPerplexity() {
  if (!course()) return;
  const dots = course().map(({ perplexity }, n) => ({ n, epoch: record.checkpoints[n].epoch ?? record.curve.length, perplexity })).filter((dot) => dot.perplexity !== null);
  const points = record.curve.map((perplexity, e) => ({ epoch: e + 1, perplexity })).filter((p) => p.perplexity !== null);
  const all = [...dots, ...points];
  $("perplexity-picture").hidden = all.length === 0 || !IS_OF_A_RUN;
  if ($("perplexity-picture").hidden) return;
  const [wide, tall] = [widthOf("perplexity-picture"), 230];
  const [left, right, top, bottom] = [44, 16, 16, 40];
  const mostEpochs = Math.max(1, ...all.map((point) => point.epoch));
  const most = Math.max(V, ...all.map((point) => point.perplexity));
  const x = (epoch) => left + (Math.log1p(epoch) / Math.log1p(mostEpochs)) * (wide - left - right);
  const y = (perplexity) => top + (1 - Math.log(perplexity) / Math.log(most)) * (tall - top - bottom);
  const parts = gridOf([1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].filter((value) => value <= most), y, left, wide - right, String);
  for (const epoch of [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].filter((epoch) => epoch <= mostEpochs)) {
    parts.push(draw("text", { x: x(epoch), y: tall - bottom + 17, "text-anchor": "middle" }, String(epoch)));
  }
  parts.push(draw("text", { x: (left + wide) / 2, y: tall - 4, "text-anchor": "middle" }, "epochs of training"));
  if (points.length) parts.push(draw("polyline", { class: "curve", points: points.map((p) => `${x(p.epoch).toFixed(1)},${y(p.perplexity).toFixed(1)}`).join(" ") }));
  if (dots.length > 1) parts.push(draw("polyline", { class: "thin", points: dots.map((dot) => `${x(dot.epoch)},${y(dot.perplexity)}`).join(" ") }));
  for (const dot of dots) parts.push(draw("circle", { class: dot.n === chosen.c ? "here" : "dot", cx: x(dot.epoch), cy: y(dot.perplexity), r: dot.n === chosen.c ? 7 : 4.5 }));
  const now = course()[chosen.c];
  $("perplexity-picture").replaceChildren(draw("svg", { class: "chart", viewBox: `0 0 ${wide} ${tall}`, role: "img",
    "aria-label": `Perplexity over the epochs; ${checkpoint().label} it is ${rounded(now.perplexity)} on this text.` }, parts));
}

function drawCheckpoints() {
  const heads = ["weights", "perplexity", `sampled at temperature ${temperature().toFixed(1)}, and most likely`];
  const focused = document.activeElement?.dataset?.checkpoint;
  if (!course()) return;
  const writing = (tokens, kind) => tokens && make("span", { class: `written ${kind}` }, tokens.map(glyph).join(IS_CHARACTERS ? "" : " "));
  const rows = course().map(({ perplexity, written, drawn: sampled }, n) => [
    make("button", { type: "button", "aria-pressed": String(n === chosen.c), "data-checkpoint": n, onclick: () => choose({ c: n }) }, record.checkpoints[n].label),
    rounded(perplexity),
    [writing(sampled, "drawn"), writing(written, "wrong")]]);
  $("checkpoints").replaceChildren(table(`After “${T > 24 ? "…" : ""}${reading.tokens.slice(-24).join(IS_CHARACTERS ? "" : " ")}”`, heads, rows, { chosenRow: chosen.c, left: [2] }));
  if (focused !== undefined) $("checkpoints").querySelector(`[data-checkpoint="${focused}"]`).focus({ preventScroll: true });
}

addPanel({ place: 4, section: "training", views: [["c course *", drawPerplexity], ["c text course", drawCheckpoints]], setUp: setUpTraining });
