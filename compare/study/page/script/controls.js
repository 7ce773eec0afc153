// ---------------------------------------------------------------- beginning and controls

function setUpBeginning() {
  const what = IS_CHARACTERS ? "character" : "word";
  const pages = document.body.dataset.pages ?? "#cells"; // the pages of the other cells, if they are beside this one
  const others = Object.keys(record.cells).filter((name) => name !== record.cell && CELLS[name]).map((name) =>
    make("a", { href: pages.replace("CELL", name), onclick: () => panelOf("cells") && (panelOf("cells").open = true) }, record.cells[name].layer));
  $("lead").append(make("b", {}, `${record.cell === "gru" ? "A" : "An"} ${record.layer}`),
    ` reads a text one ${what} at a time. Each ${what} changes its state, ${times(record.states.length * H, "number")}${record.states.length > 1 ? ` (${record.states.join(" and ")})` : ""}, and from the state it predicts the next ${what}. `,
    ...(others.length ? ["Other cells: ", ...others.flatMap((link, n) => (n ? [", ", link] : [link])), "."] : []));
  if (IS_CHARACTERS) $("token-legend").textContent = "Each character is a token: " + [...GLYPHS].filter(([token]) => idOf.has(token)).map(([token, sign]) => `${sign} ${spoken(token)}`)
    .concat(idOf.has("<unk>") ? "? a character outside the vocabulary" : []).join(" · ");
  const notes = [...record.notes];
  if (S < V) notes.push(`Of the ${V.toLocaleString("en")} tokens the page shows ${S}: those that come next in the text, and the most likely ones.`);
  $("notes").append(...notes.map((note) => make("li", {}, note)));
  const versions = Object.entries(record.versions).map(([name, version]) => `${name} ${version}`).join(", ");
  $("footer").append(make("p", {},
    `Weights: ${record.source}. ${record.layer}, ${record.dtype}, one layer${IS_OF_A_RUN ? `, trained on ${record.num_steps} steps at a time, `
      + `learning rate ${record.lr}, state ${record.state} at each batch` : ""}. Written by ${versions}.`));
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
  setUpTheme(() => {
    readScale();
    redraw("*");
  });
  readScale();
}

function drawControls() {
  for (const [id, most] of [["unit-slider", units.length - 1], ["checkpoint-slider", record.checkpoints.length - 1], ["step-slider", T], ["loss-slider", K], ["cut-slider", K]]) {
    $(id).max = most;
    $(id).disabled = most <= Number($(id).min);
  }
  $("units-rule").textContent = units.length === H ? "" : "These units change most over this text. The tables and all sums have all units.";
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
    const asTrained = chosen.n === Math.min(TRAINED_STEPS, K);
    set("cut", chosen.n, `${times(chosen.n, "step")}${chosen.n >= K ? ": nothing is cut" : ""}${asTrained && chosen.n < K ? ", as in training" : ""}`);
  }
}

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
    $("status").textContent = `Step ${t} of ${T} reads ${spoken(reading.tokens[t - 1])}. `
      + `Unit ${i}: ${rounded(numbers().h[t * H + i])}. `
      + `Guess: ${spoken(record.shown_tokens[guess])}, ${percent(p[guess])}. `
      + (next === null ? "" : `Next: ${spoken(record.shown_tokens[next])}, ${percent(p[next])}. `)
      + `Weights ${reading.label}.`;
  }, 150);
}

addPanel({ place: 0, section: "live", views: [["c text", drawBeginning]], setUp: setUpBeginning });
addPanel({ place: 0, section: "top", views: [["c t i k n u", drawControls], ["c t i", speak]], setUp: setUpControls });
