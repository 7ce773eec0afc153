// ---------------------------------------------------------------- beginning and controls

function writeBeginning() {
  const what = IS_CHARACTERS ? "character" : "word";
  $("lead").append(
    `A recurrent network reads this text one ${what} at a time. After each it holds a state of ${times(H, "number")}, `,
    `made from the ${what} it just read and from the state before, and from that state it guesses the next ${what}. `,
    "This page shows every number of that computation, forward and backward.");
  const notes = [...record.notes];
  if (S < V) notes.push(`Of the ${V.toLocaleString("en")} tokens the page shows ${S}: the true next ones, and the likeliest.`);
  $("notes").append(...notes.map((note) => make("li", {}, note)));
  const versions = Object.entries(record.versions).map(([name, version]) => `${name} ${version}`).join(", ");
  $("footer").append(make("p", {},
    `Weights: ${record.source}. ${{ rnn: `RNN with ${F}`, gru: "GRU", lstm: "LSTM" }[record.cell]}, ${record.dtype}, one layer, trained on ${record.num_steps} steps at a time, `
    + `learning rate ${record.lr}, state ${record.state} at each batch. Written by ${versions}.`));
}

function drawBeginning() {
  const text = reading.text.replace(/\s+/g, " ").trim();
  $("title").textContent = `“${text.length > 80 ? text.slice(0, 80) + "…" : text}”`;
  const letters = [["T", T, T === 1 ? "step" : "steps"], ["B", 1, "text at a time"],
    ["V", V, "tokens in the vocabulary"], ["H", H, H === 1 ? "unit" : "units of the state"]];
  $("letters").replaceChildren(...letters.map(([letter, size, meaning]) =>
    make("div", {}, make("dt", {}, letter), make("dd", {}, make("b", {}, size.toLocaleString("en")), ` ${meaning}`))));
}

function setUpControls() {
  const slider = (id, change) => $(id).addEventListener("input", () => choose(change(Number($(id).value))));
  slider("step-slider", (t) => ({ t }));
  slider("unit-slider", (n) => ({ i: units[n] }));
  slider("checkpoint-slider", (c) => ({ c }));
  slider("loss-slider", (k) => ({ k }));
  slider("cut-slider", (n) => ({ n }));
  const counts = [8, 16, 32, 64].filter((count) => count < H);
  $("units-pick").hidden = counts.length === 0;
  $("units-select").append(...[...counts, H].map((count) =>
    make("option", { value: count, selected: count === chosen.u }, count === H ? `all ${H}` : count)));
  $("units-select").addEventListener("change", () => choose({ u: Number($("units-select").value) }));
  const system = matchMedia("(prefers-color-scheme: dark)");
  let theme = system.matches ? "dark" : "light";
  const wear = (name) => {
    theme = name;
    document.documentElement.dataset.theme = name;
    $("theme").textContent = name === "dark" ? "Light theme" : "Dark theme";
    readScale();
    drawAll();
  };
  $("theme").addEventListener("click", () => wear(theme === "dark" ? "light" : "dark"));
  system.addEventListener("change", () => wear(system.matches ? "dark" : "light"));
  wear(theme);
}

function drawControls() {
  for (const [id, most] of [["unit-slider", units.length - 1], ["checkpoint-slider", record.checkpoints.length - 1], ["step-slider", T], ["loss-slider", K], ["cut-slider", K]]) {
    $(id).max = most;
    $(id).disabled = most <= Number($(id).min);
  }
  $("units-rule").textContent = units.length === H ? "" : "They are the units whose state changes most over this text. The tables and all sums have every unit.";
  const set = (name, value, words, spokenWords = words) => {
    $(`${name}-slider`).value = value;
    $(`${name}-slider`).setAttribute("aria-valuetext", spokenWords);
    $(`${name}-value`).textContent = words;
  };
  const token = reading.tokens[chosen.t - 1];
  set("step", chosen.t, `${chosen.t} of ${T}: ${glyph(token)}`, `${chosen.t} of ${T}, reads ${quoted(token)}`);
  set("unit", units.indexOf(chosen.i), String(chosen.i), `${chosen.i}, from 0 to ${H - 1}`);
  set("checkpoint", chosen.c, reading.label);
  if (K > 0) {
    set("loss", chosen.k, `${chosen.k} of ${K}: ${quoted(reading.tokens[chosen.k])} after step ${chosen.k}`);
    const asTrained = chosen.n === Math.min(record.num_steps, K);
    set("cut", chosen.n, `${times(chosen.n, "step")}${chosen.n >= K ? ": nothing is cut" : ""}${asTrained && chosen.n < K ? ", as in training" : ""}`);
  }
}

let speaking = 0;

/** Tell a screen reader what is chosen, once the keys have come to rest. */
function speak() {
  clearTimeout(speaking);
  speaking = setTimeout(() => {
    const { t, i } = chosen;
    const p = row(numbers().p, t - 1, S);
    const next = trueNext(t);
    const guess = argmax(p);
    $("status").textContent = `Step ${t} of ${T} reads ${spoken(reading.tokens[t - 1])}. `
      + `Unit ${i}: ${rounded(numbers().h[t * H + i])}. `
      + `Guess: ${spoken(record.shown_tokens[guess])}, ${percent(p[guess])}. `
      + (next === null ? "" : `Truly next: ${spoken(record.shown_tokens[next])}, ${percent(p[next])}. `)
      + `Weights ${reading.label}.`;
  }, 150);
}
