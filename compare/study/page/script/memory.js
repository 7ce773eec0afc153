// ---------------------------------------------------------------- memory: one letter changed
//
// Two texts that differ in the character of step s, and the loss after the last step with a target, K:
//
//     Δh_t = h'_t - h_t (H,), for t ≥ s: what the state still knows of the change
//     ∂L_K/∂h_t (H,), for t ≤ K: what the last loss asks of an earlier state
//
// To first order Δh_{t+1} = J_t Δh_t and ∂L_K/∂h_t = J_t^T ∂L_K/∂h_{t+1}, with J_t = ∂h_{t+1}/∂h_t: both go
// through the same matrices, one forward and one back. An LSTM has both for c, too.

const memory = { maps: {}, step: null, token: null, states: [] };

function setUpMemory() {
  $("memory-step").addEventListener("change", () => changeLetter(Number($("memory-step").value), null));
  $("memory-token").addEventListener("change", () => changeLetter(memory.step, Number($("memory-token").value)));
  for (const name of record.states) {
    for (const [kind, what] of [["change", `Difference of ${name}`], ["gradient", `Gradient of the last loss for ${name}`]]) {
      memory.maps[kind + name] = new HeatMap(`${what}, a column for each step and a row for each unit. Arrow keys choose step and unit.`,
        { pick: (r, c) => choose({ t: c + 1, i: units[r] }), move: moveStepAndUnit, ofRows: "unit", ofColumns: "step" });
    }
  }
}

/** Choose the step whose letter is changed, and the new letter; null: the next one of the vocabulary. */
function changeLetter(step, token) {
  Object.assign(memory, { step, token });
  redraw("letter");
}

/** The states of both texts apart, and the gradient of the last loss: for each array of the state (T, H) and (K, H). */
function remember(network, ids, step, token) {
  const changed = ids.with(step - 1, token);
  const [tape, other] = [ids, changed].map((each) => network.forward(each));
  const { steps } = network.backFromLast(tape.slice(0, -1), ids.at(-1));
  return record.states.map((name, n) => {
    const change = tape.map(({ state }, t) => other[t].state[n].map((x, i) => Math.abs(x - state[n][i])));
    const gradient = steps.map(({ d_state }) => d_state[n].map(Math.abs));
    return { name, change: flat(change), gradient: flat(gradient), changeNorms: change.map(length), gradientNorms: gradient.map(length) };
  });
}

function drawMemory() {
  if (isAbsent("memory", whyNoLoss())) return;
  memory.step = clamp(memory.step ?? 3, 1, K);
  const old = reading.ids[memory.step - 1];
  if (memory.token === null || memory.token === old) memory.token = old + 1 < V ? old + 1 : old - 1;
  memory.states = remember(live.network, reading.ids, memory.step, memory.token);
  const option = (chosenOne) => ([value, words]) => make("option", { value, selected: value === chosenOne }, words);
  $("memory-step").replaceChildren(...reading.tokens.slice(0, K).map((token, n) => [n + 1, `${n + 1}: ${glyph(token)}`]).map(option(memory.step)));
  $("memory-token").replaceChildren(...record.shown_tokens.map((token, n) => [record.shown[n], glyph(token)]).filter(([id]) => id !== old).map(option(memory.token)));
  drawMemoryPicture();
  sayMemory();
}

function drawMemoryPicture() {
  const focused = document.activeElement; // a map loses the focus as soon as it is in another sheet
  const gutter = 62;
  const width = clamp(Math.floor((spaceOf("memory-picture") - gutter) / T), 15, 56);
  const tall = Math.min(128, (record.states.length > 1 ? 3.5 : 5) * units.length);
  const sheet = make("div", { class: "sheet" });
  sheet.style.gridTemplateColumns = `${gutter}px max-content`;
  const letters = (tokens) => make("div", { class: `cells reads${width < 24 ? " narrow" : ""}`, "aria-hidden": "true" }, tokens.map((token, n) => {
    const cell = tokenSpan(token, { ...same("step", n + 1), class: n === memory.step - 1 ? "changed" : null, onclick: () => n < K && changeLetter(n + 1, null) });
    cell.style.width = `${width}px`;
    return cell;
  }));
  const beside = (...words) => make("div", { class: "gutter", "aria-hidden": "true" }, ...words);
  sheet.append(beside("text"), letters(reading.tokens),
    beside("changed"), letters(reading.tokens.with(memory.step - 1, tokenOfId(memory.token))));
  for (const [kind, before, after] of [["change", "|Δ", "|"], ["gradient", "|∂L/∂", "|"]]) {
    for (const state of memory.states) {
      const map = memory.maps[kind + state.name];
      const most = largest(state[kind]) || 1;
      map.paint(units.length, T, width * T, tall, (r, c) => colour(Math.sqrt((state[kind][c * H + units[r]] ?? 0) / most)));
      sheet.append(beside(before, math(`${state.name}_t`), after, make("div", { class: "figure" }, `≤ ${rounded(most, 2)}`)), map.element);
    }
  }
  sheet.append(make("div"), shareChart(width));
  $("memory-picture").replaceChildren(sheet);
  if (focused && sheet.contains(focused)) focused.focus({ preventScroll: true });
}

/** Norms as shares of the first one, on a logarithmic scale: forth from step s, back from step K. */
const sharesOf = ({ changeNorms, gradientNorms }) => [
  changeNorms.map((x, n) => (n < memory.step - 1 ? null : x / changeNorms[memory.step - 1])),
  gradientNorms.map((x) => x / gradientNorms.at(-1)),
];

function shareChart(width) {
  const lines = memory.states.flatMap((state) => sharesOf(state).map((shares, n) => ({
    kind: `${["forth", "back"][n]} ${state.name}`, shares, name: [`change Δ${state.name}`, `gradient ∂L/∂${state.name}`][n] })));
  const { parts, tall } = logChart(lines, { wide: width * T, tall: 130, x: (n) => (n + 0.5) * width, left: 0 });
  return draw("svg", { class: "chart fixed", width: width * T, height: tall, viewBox: `0 0 ${width * T} ${tall}`, role: "img",
    "aria-label": `Both norms over the steps, as shares of their first size. ${memorySentences().join(" ")}` }, parts);
}

/** Lines on a logarithmic scale, with their names above: [{ kind, shares, name }]; 0 and null are left out. */
function logChart(lines, { wide, tall: tallOfLines, x, left }) {
  const all = lines.flatMap(({ shares }) => shares.filter((share) => share > 0 && Number.isFinite(share)));
  const high = Math.max(0, Math.ceil(Math.log10(Math.max(...all, 1)) - 1e-9));
  const low = clamp(Math.floor(Math.log10(Math.min(...all, 1)) + 1e-9), high - 12, high - 1);
  let at = { x: left, y: 11 };
  const names = lines.flatMap(({ kind, name }) => {
    if (at.x > left && at.x + 28 + 7.5 * name.length > wide) at = { x: left, y: at.y + 16 };
    const { x: x0, y: y0 } = at;
    at.x += 40 + 7.5 * name.length;
    return [draw("line", { class: `line ${kind}`, x1: x0, x2: x0 + 22, y1: y0 - 4, y2: y0 - 4 }), text(x0 + 28, y0, name, `name ${kind}`)];
  });
  const [top, tall] = [at.y + 14, tallOfLines + at.y];
  const y = (share) => top + ((high - clamp(Math.log10(share), low, high)) / (high - low)) * (tall - top - 14);
  const lines_ = lines.map(({ kind, shares }) => draw("polyline", { class: `line ${kind}`, points: shares.flatMap((share, n) =>
    (share > 0 && Number.isFinite(share) ? [`${x(n).toFixed(2)},${y(share).toFixed(2)}`] : [])).join(" ") }));
  return { parts: [...gridOf(exponentsOf(low, high), (e) => y(10 ** e), left, wide, powerOfTen), ...names, ...lines_], tall, y };
}

/** "3 times", "4.2 %", or "1/24,000". */
const share = (x) => (!Number.isFinite(x) || x === 0 ? "–" : x >= 1.005 ? `${rounded(x, 2)} times` : x >= 0.001 ? `${rounded(100 * x, 2)} %` : `1/${Number((1 / x).toPrecision(2)).toLocaleString("en")}`);

function memorySentences() {
  const k = T - memory.step;
  return memory.states.map((state) => {
    const [forth, back] = sharesOf(state);
    const fall = forth.slice(memory.step - 1).findIndex((x) => x < 0.1);
    const [of, for_] = record.states.length > 1 ? [` of ${state.name}`, ` for ${state.name}`] : ["", ""];
    return `The change${of} is still ${share(forth.at(-1))} of its first size after ${times(k, "character")}; ${fall < 0 ? "it is never below a tenth" : `it is below a tenth for the first time after ${fall}, at step ${memory.step + fall}`}. `
      + `The gradient of the last loss${for_} is still ${share(back[memory.step - 1])} of its first size after ${times(K - memory.step, "step")} back.`;
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
  $("memory-readout").replaceChildren(`step ${t} · unit ${i}`, ...memory.states.flatMap(({ name, change, gradient }) => [
    " · |Δ", math(`${name}_t`), "| ", make("b", { "data-memory": `change ${name}` }, rounded(change[at], 8)),
    " · |∂L/∂", math(`${name}_t`), "| ", make("b", { "data-memory": `gradient ${name}` }, t > K ? "–" : rounded(gradient[at], 8))]));
}

function writeMemoryTable() {
  if ($("memory-body").hidden) return;
  const heads = memory.states.flatMap(({ name }) => [`‖Δ${name}‖`, `‖∂L/∂${name}‖`]);
  const rows = reading.tokens.map((token, n) => [`${n + 1} ${glyph(token)}`, ...memory.states.flatMap(({ changeNorms, gradientNorms }) =>
    [rounded(changeNorms[n], 8), n < K ? rounded(gradientNorms[n], 8) : ""])]);
  fill("memory-table", scrolling("Norms at each step", table("Norms of the change and of the gradient of the last loss", ["step", ...heads], rows, { chosenRow: chosen.t - 1 })));
}

addPanel({ place: 3.1, section: "memory", views: [["c text letter u *", drawMemory], ["c text letter t i u *", markMemory]], tables: { "memory-table": ["c text letter t", writeMemoryTable] }, setUp: setUpMemory });
