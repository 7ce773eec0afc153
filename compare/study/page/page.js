// The page of `rnn-parity explain`. All numbers were recorded by NumPy and PyTorch; this script
// only shows them. Where it adds or multiplies (a product in a table), it rounds as NumPy does.
//
// Letters: T steps, V tokens of the vocabulary, H units, K losses. Arrays are flat, rows first.
// `chosen` holds what all pictures show; `choose` changes it, and each view that looks at what
// changed is drawn anew.

"use strict";

const record = JSON.parse(document.getElementById("record").textContent);
const { T, H, V } = record;
const K = T - 1;
const S = record.shown.length; // tokens of the vocabulary that are shown
const IS_CHARACTERS = record.token === "char";
const F = record.nonlinearity;

const chosen = {
  c: record.checkpoints.length - 1, // checkpoint
  t: Math.min(T, 5), // step, 1 … T
  i: Math.floor(H / 3), // unit, 0 … H-1
  k: Math.max(K, 1), // loss, 1 … K
  v: null, // token of the logits, among the shown; null: the one that truly comes
  n: Math.max(1, Math.min(record.num_steps, K)), // steps after which gradients are cut
};

const $ = (id) => document.getElementById(id);

// ---------------------------------------------------------------- numbers

const KINDS = {
  float32: Float32Array, float64: Float64Array,
  int8: Int8Array, int16: Int16Array, int32: Int32Array, int64: BigInt64Array,
};

/** Turn the text of a blob back into arrays by name; see compare/study/page/packing.py. */
async function unpack({ blob, entries }) {
  const element = $(`blob-${blob}`);
  const bytes = Uint8Array.from(atob(element.textContent), (c) => c.charCodeAt(0));
  element.remove();
  const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const planes = new Uint8Array(await new Response(inflated).arrayBuffer());
  const arrays = {};
  let start = 0;
  for (const { name, dtype, shape, steps, is_sum: isSum } of entries) {
    if (isSum) {
      arrays[name] = SUMS[name](arrays);
      continue;
    }
    const Kind = KINDS[dtype];
    const size = Kind.BYTES_PER_ELEMENT;
    const count = shape.reduce((product, n) => product * n, 1);
    const interleaved = new Uint8Array(count * size);
    for (let b = 0; b < size; b++) {
      for (let n = 0; n < count; n++) interleaved[n * size + b] = planes[start + b * count + n];
    }
    start += count * size;
    const stored = new Kind(interleaved.buffer);
    arrays[name] = steps ? stepped(arrays[name.replace("torch.", "")], stored) : stored;
  }
  return arrays;
}

/** The arrays that are one addition for each number away from others, rounded as NumPy rounds. */
const SUMS = {
  a: ({ W_ih, b_ih, b_hh }) => W_ih.map((w, n) => float(w + float(b_ih[n % H] + b_hh[n % H]))),
  z: ({ a, r }) => r.map((x, n) => float(a[record.column[Math.floor(n / H)] * H + (n % H)] + x)),
};

/** Return the float32 that lies so many floats after each of `base`. */
function stepped(base, steps) {
  const bits = new Int32Array(base.buffer);
  const moved = new Int32Array(bits.length);
  for (let n = 0; n < bits.length; n++) {
    const place = (bits[n] < 0 ? -(bits[n] & 0x7fffffff) : bits[n]) + Number(steps[n]);
    moved[n] = place < 0 ? -place | 0x80000000 : place;
  }
  return new Float32Array(moved.buffer);
}

/** Return a number as NumPy prints it: the fewest digits that mean just this float. */
function show(x) {
  if (x === 0) return Object.is(x, -0) ? "-0.0" : "0.0";
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "-inf";
  const [mantissa, exponent] = shortest(x).split("e");
  const power = Number(exponent);
  const sign = mantissa.startsWith("-") ? "-" : "";
  const digits = mantissa.replace("-", "").replace(".", "");
  if (Math.abs(x) < 1e-4 || power >= (record.dtype === "float64" ? 16 : 6)) {
    const rest = digits.slice(1);
    const size = String(Math.abs(power)).padStart(2, "0");
    return `${sign}${digits[0]}${rest ? "." + rest : ""}e${power < 0 ? "-" : "+"}${size}`;
  }
  if (power < 0) return `${sign}0.${"0".repeat(-power - 1)}${digits}`;
  const whole = digits.slice(0, power + 1).padEnd(power + 1, "0");
  return `${sign}${whole}.${digits.slice(power + 1) || "0"}`;
}

function shortest(x) {
  if (record.dtype === "float64") return x.toExponential();
  for (let places = 0; places < 9; places++) {
    const text = x.toExponential(places);
    if (Math.fround(Number(text)) === x) return toEven(text, x, places);
    const farther = nextDecimal(text, places); // a power of two has more room on its far side
    if (Math.fround(Number(farther)) === x) return farther;
  }
  return x.toExponential(8);
}

/** Return the decimal of as many digits that comes next, away from zero. */
function nextDecimal(text, places) {
  const [mantissa, exponent] = text.split("e");
  const whole = Math.abs(Number(mantissa.replace(".", ""))) + 1;
  return `${text.startsWith("-") ? "-" : ""}${Number(`${whole}e${exponent - places}`).toExponential(places)}`;
}

/** Where x lies in the middle between two decimals, take the even one, as NumPy does. */
function toEven(text, x, places) {
  const [mantissa, exponent] = text.split("e");
  const all = x.toExponential(60).split("e")[0].replace("-", "").replace(".", "");
  const last = Number(mantissa.at(-1));
  if (last % 2 === 0 || !/^50*$/.test(all.slice(places + 1))) return text;
  return `${mantissa.slice(0, -1)}${last - 1}e${exponent}`;
}

const rounded = (x, digits = 3) => {
  if (x === null || !Number.isFinite(x)) return "–";
  if (x === 0) return "0";
  const size = Math.abs(x);
  return size >= 1e5 || size < 1e-3 ? x.toExponential(digits - 2) : String(Number(x.toPrecision(digits)));
};

const percent = (x) => (x > 0 && x < 0.005 ? "<1 %" : `${Math.round(100 * x)} %`);
const times = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;

/** Return the gap between floats at the size of x. */
function spacing(x) {
  if (record.dtype === "float64") {
    const bits = new BigInt64Array(new Float64Array([Math.abs(x)]).buffer);
    return new Float64Array(new BigInt64Array([bits[0] + 1n]).buffer)[0] - Math.abs(x);
  }
  const bits = new Int32Array(new Float32Array([Math.abs(x)]).buffer);
  return new Float32Array(new Int32Array([bits[0] + 1]).buffer)[0] - Math.abs(x);
}

/** Return |a - b| in gaps between floats at the larger one's size. */
const ulps = (a, b) => (a === b ? 0 : Math.abs(a - b) / spacing(Math.max(Math.abs(a), Math.abs(b))));

const row = (array, r, width) => array.subarray(r * width, (r + 1) * width);
const float = record.dtype === "float64" ? (x) => x : Math.fround;

const checkpoint = () => record.checkpoints[chosen.c];
const numbers = () => checkpoint().numbers;
const details = () => checkpoint().details || null;
const largest = (array) => {
  let most = 0;
  for (const x of array) most = Math.max(most, Math.abs(x));
  return most;
};
const argmax = (array) => array.reduce((best, x, n) => (x > array[best] ? n : best), 0);
const trueNext = (t) => (t <= K ? record.targets[t - 1] : null);
const chosenToken = () => chosen.v ?? trueNext(chosen.t) ?? argmax(row(numbers().p, chosen.t - 1, S));

// ---------------------------------------------------------------- elements

/** Make an element. Text is always text: nothing of the user's becomes markup. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "onclick") element.addEventListener("click", value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null));
  return element;
}

function draw(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children.flat().filter((child) => child !== null));
  return element;
}

/** Typeset "W_{hh} h_{t-1}": single letters in italics, words upright, indices below. */
function math(text) {
  const line = make("span", { class: "math" });
  const pattern = /([A-Za-z∂]+)(?:_\{([^}]*)\}|_([A-Za-z0-9]))?|[^A-Za-z∂]+/g;
  for (const [all, name, braced, single] of text.matchAll(pattern)) {
    if (!name) line.append(all.replace(/-/g, "−").replace(/\*/g, "·"));
    else {
      line.append(name.replace("∂", "").length === 1 ? make("var", {}, name) : name);
      const index = braced ?? single;
      if (index) line.append(make("sub", {}, index.replace(/-/g, "−")));
    }
  }
  return line;
}

/** A table; `rows` are lists of cells, of which the first is the row's header. */
function table(caption, heads, rows, { chosenRow = null, left = [] } = {}) {
  const classOf = (column) => (left.includes(column) || column === 0 ? "left" : "number-cell");
  return make("table", {},
    make("caption", {}, caption),
    make("thead", {}, make("tr", {}, heads.map((head, n) =>
      make("th", { scope: "col", class: left.includes(n) || n === 0 ? "left" : null }, head)))),
    make("tbody", {}, rows.map((cells, r) =>
      make("tr", { class: r === chosenRow ? "chosen" : null }, cells.map((cell, n) =>
        n === 0 ? make("th", { scope: "row", class: "left" }, cell) : make("td", { class: classOf(n) }, cell))))));
}

/** A table that scrolls, and can be scrolled by keyboard. */
const scrolling = (name, content) => make("div", { class: "scroller", tabindex: 0, role: "group", "aria-label": name }, content);

const glyph = (token) => (token === " " ? "␣" : token === "<unk>" && IS_CHARACTERS ? "?" : token);
const spoken = (token) => (token === " " ? "a space" : token);
const capital = (text) => text[0].toUpperCase() + text.slice(1);
const quoted = (token) => (token === " " ? "a space" : `“${token}”`);
const tokenSpan = (token, attributes = {}) =>
  make("span", { ...attributes, class: [attributes.class, token === " " ? "space" : null].filter(Boolean).join(" ") || null }, glyph(token));

/** "scratch_rnn/cells/elman.py:66  z += …" */
function source(name, tag = "p") {
  const line = record.lines[name];
  return make(tag, { class: "source" },
    make("span", { class: "where" }, `${line.file}:${line.number}`), make("code", {}, line.code));
}

// ---------------------------------------------------------------- colours

const COLOURS = 256; // on each side of zero
let scale = new Uint32Array(2 * COLOURS + 1);
let scaleStops = [];

/** Read the stops of the scale from the style sheet, and mix them in OKLab, evenly to the eye. */
function readScale() {
  const stops = getComputedStyle(document.documentElement).getPropertyValue("--scale").trim().split(/\s+/);
  scaleStops = stops;
  const points = stops.map(toOklab);
  scale = scale.map((_, n) => {
    const place = (n / (2 * COLOURS)) * (points.length - 1);
    const lower = Math.min(Math.floor(place), points.length - 2);
    const part = place - lower;
    return toPixel(points[lower].map((x, m) => x + part * (points[lower + 1][m] - x)));
  });
}

function toOklab(hex) {
  const [r, g, b] = [1, 3, 5].map((n) => parseInt(hex.slice(n, n + 2), 16) / 255)
    .map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4));
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function toPixel([L, a, b]) {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const bytes = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((x) => Math.round(255 * Math.min(1, Math.max(0, x <= 0.0031308 ? 12.92 * x : 1.055 * x ** (1 / 2.4) - 0.055))));
  return (255 << 24) | (bytes[2] << 16) | (bytes[1] << 8) | bytes[0];
}

/** The colour of x, which lies in -1 … 1. */
const colour = (x) => scale[Math.round(COLOURS * (1 + Math.min(1, Math.max(-1, x))))];

/** Draw cells of one pixel each, and stretch them over the canvas. */
function paint(canvas, rows, columns, width, height, colourOf) {
  const image = new ImageData(columns, rows);
  const pixels = new Uint32Array(image.data.buffer);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) pixels[r * columns + c] = colourOf(r, c);
  }
  const small = document.createElement("canvas");
  small.width = columns;
  small.height = rows;
  small.getContext("2d").putImageData(image, 0, 0);
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
}

/** A strip of the scale with its ends named. `from` is -1 for signed values, 0 for others. */
function legend(id, name, from, ticks, bend = (x) => x) {
  const canvas = make("canvas", { "aria-hidden": "true" });
  $(id).replaceChildren(
    make("div", { class: "name" }, name), canvas,
    make("div", { class: "ticks" }, ticks.map((tick) => make("span", {}, tick))));
  const width = 200;
  paint(canvas, 1, width, width, 8, (_, n) => colour(bend(from + ((1 - from) * n) / (width - 1))));
}

// ---------------------------------------------------------------- heat maps

/** A picture of rows and columns, of which one cell can be chosen by pointer or arrow keys. */
class HeatMap {
  constructor(name, { pick, move, over = null, hasColumn = true, hasRow = true }) {
    this.canvas = make("canvas", { "aria-hidden": "true" });
    this.rowMark = make("div", { class: "mark across", "aria-hidden": "true", hidden: !hasRow });
    this.columnMark = make("div", { class: "mark", "aria-hidden": "true", hidden: !hasColumn });
    this.element = make("div", {
      class: "map", tabindex: 0, role: "application", "aria-roledescription": "heat map",
      "aria-label": name, "aria-describedby": "status",
    }, this.canvas, this.rowMark, this.columnMark);
    this.element.addEventListener("click", (event) => this.at(event, pick));
    if (over) {
      this.element.addEventListener("pointermove", (event) => this.at(event, over));
      this.element.addEventListener("pointerleave", () => over(null, null));
    }
    this.element.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0],
        PageUp: [-10, 0], PageDown: [10, 0], Home: [0, -1e6], End: [0, 1e6] }[event.key];
      if (!steps || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      move(...steps);
    });
  }

  at(event, tell) {
    const box = this.canvas.getBoundingClientRect();
    const inside = (place, cells) => Math.min(cells - 1, Math.max(0, Math.floor(place * cells)));
    tell(inside((event.clientY - box.top) / box.height, this.rows),
      inside((event.clientX - box.left) / box.width, this.columns));
  }

  paint(rows, columns, width, height, colourOf) {
    Object.assign(this, { rows, columns, width, height });
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    paint(this.canvas, rows, columns, width, height, colourOf);
  }

  mark(r, c) {
    const cell = { width: this.width / this.columns, height: this.height / this.rows };
    const high = Math.max(cell.height, 5);
    place(this.rowMark, 0, (r + 0.5) * cell.height - high / 2, this.width, high);
    place(this.columnMark, c * cell.width, 0, cell.width, this.height);
  }
}

/** The width of a picture, so that the letters in it have the size of letters. */
const roomOf = (id) => clamp($(id).clientWidth, 260, 700);

function place(element, left, top, width, height) {
  Object.assign(element.style, {
    left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px`,
  });
}

const clamp = (x, least, most) => Math.min(most, Math.max(least, x));
const moveStepAndUnit = (down, right) =>
  choose({ t: clamp(chosen.t + right, 1, T), i: clamp(chosen.i + down, 0, H - 1) });

// ---------------------------------------------------------------- beginning and controls

function writeBeginning() {
  const text = record.text.replace(/\s+/g, " ").trim();
  $("title").textContent = `“${text.length > 80 ? text.slice(0, 80) + "…" : text}”`;
  const what = IS_CHARACTERS ? "character" : "word";
  $("lead").append(
    `A recurrent network reads this text one ${what} at a time. After each it holds a state of ${times(H, "number")}, `,
    `made from the ${what} it just read and from the state before, and from that state it guesses the next ${what}. `,
    "Everything on this page is that one computation, as NumPy and PyTorch did it, to the last digit.");
  const letters = [["T", T, T === 1 ? "step" : "steps"], ["B", 1, "text at a time"],
    ["V", V, "tokens in the vocabulary"], ["H", H, H === 1 ? "unit" : "units of the state"]];
  $("letters").append(...letters.map(([letter, size, meaning]) =>
    make("div", {}, make("dt", {}, letter), make("dd", {}, make("b", {}, size.toLocaleString("en")), ` ${meaning}`))));
  const notes = [...record.notes];
  if (S < V) notes.push(`Of the ${V.toLocaleString("en")} tokens the page shows ${S}: the true next ones, and the likeliest.`);
  $("notes").append(...notes.map((note) => make("li", {}, note)));
  const versions = Object.entries(record.versions).map(([name, version]) => `${name} ${version}`).join(", ");
  $("footer").append(make("p", {},
    `Weights: ${record.source}. ${record.dtype}, ${F}, one layer, trained on ${record.num_steps} steps at a time, `
    + `learning rate ${record.lr}, state ${record.state} at each batch. Written by ${versions}.`));
}

function setUpControls() {
  const slider = (id, least, most, change) => {
    Object.assign($(id), { min: least, max: most });
    $(id).disabled = most <= least;
    $(id).addEventListener("input", () => choose(change(Number($(id).value))));
  };
  slider("step-slider", 1, T, (t) => ({ t }));
  slider("unit-slider", 0, H - 1, (i) => ({ i }));
  slider("checkpoint-slider", 0, record.checkpoints.length - 1, (c) => ({ c }));
  slider("loss-slider", 1, Math.max(1, K), (k) => ({ k }));
  slider("cut-slider", 1, Math.max(1, K), (n) => ({ n }));
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
  const set = (name, value, words) => {
    $(`${name}-slider`).value = value;
    $(`${name}-slider`).setAttribute("aria-valuetext", words);
    $(`${name}-value`).textContent = words;
  };
  set("step", chosen.t, `${chosen.t} of ${T}, reads ${quoted(record.tokens[chosen.t - 1])}`);
  set("unit", chosen.i, H === 1 ? "0, the only one" : `${chosen.i} of 0 … ${H - 1}`);
  set("checkpoint", chosen.c, checkpoint().label);
  if (K > 0) {
    set("loss", chosen.k, `${chosen.k} of ${K}: ${quoted(record.tokens[chosen.k])} after step ${chosen.k}`);
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
    $("status").textContent = `Step ${t} of ${T} reads ${spoken(record.tokens[t - 1])}. `
      + `Unit ${i}: ${rounded(numbers().h[t * H + i])}. `
      + `Guess: ${spoken(record.shown_tokens[guess])}, ${percent(p[guess])}. `
      + (next === null ? "" : `Truly next: ${spoken(record.shown_tokens[next])}, ${percent(p[next])}. `)
      + `Weights ${checkpoint().label}.`;
  }, 150);
}

// ---------------------------------------------------------------- 1: the network, unrolled

const unrolled = {};

function setUpUnrolled() {
  const over = (r, c) => readUnrolled(r === null ? chosen.i : r, c === null ? chosen.t : c + 1);
  unrolled.state = new HeatMap("States h, a column for each step and a row for each unit. Arrow keys choose step and unit.", {
    pick: (r, c) => choose({ t: c + 1, i: r }), move: moveStepAndUnit, over,
  });
  unrolled.distribution = new HeatMap("Probabilities of the next token, a column for each step and a row for each token. Left and right choose the step, up and down the token.", {
    pick: (r, c) => choose({ t: c + 1, v: r }),
    move: (down, right) => choose(down
      ? { v: clamp(chosenToken() + down, 0, S - 1) }
      : { t: clamp(chosen.t + right, 1, T) }),
    over: (r, c) => (r === null ? over(null, null) : readProbability(r, c + 1)),
  });
}

function readUnrolled(i, t) {
  $("unrolled-readout").replaceChildren(
    `step ${t} · unit ${i} · `, math(`h_{${t}}`), ` = `, make("b", { id: "state-value" }, show(numbers().h[t * H + i])));
}

function readProbability(v, t) {
  $("unrolled-readout").replaceChildren(
    `step ${t} · ${quoted(record.shown_tokens[v])} comes next with probability `, make("b", {}, show(numbers().p[(t - 1) * S + v])));
}

function columnWidth() {
  const longest = Math.max(...record.tokens.map((token) => glyph(token).length));
  const least = IS_CHARACTERS ? 15 : clamp(8 * longest + 10, 40, 110);
  const gutter = IS_CHARACTERS ? 56 : clamp(8 * Math.max(...record.shown_tokens.map((x) => x.length)) + 16, 64, 150);
  const room = $("unrolled-picture").clientWidth - gutter;
  return { gutter, width: Math.max(least, Math.min(88, Math.floor(room / T))) };
}

function drawUnrolled() {
  const { gutter, width } = columnWidth();
  const n = numbers();
  const mostState = F === "tanh" ? 1 : largest(n.h) || 1;
  const stateHeight = Math.min(360, 28 * H);
  const tokenHeight = 13;
  unrolled.state.paint(H, T, width * T, stateHeight, (r, c) => colour(n.h[(c + 1) * H + r] / mostState));
  unrolled.distribution.paint(S, T, width * T, tokenHeight * S, (r, c) => colour(Math.sqrt(n.p[c * S + r])));
  drawRings(width, tokenHeight);

  const cells = (kind, contents) => make("div", { class: `cells ${kind}${width < 24 ? " narrow" : ""}${IS_CHARACTERS ? "" : " words"}`, "aria-hidden": "true" },
    contents.map((content, c) => {
      const cell = make("span", {}, content);
      cell.style.width = `${width}px`;
      cell.title = record.tokens[c];
      return cell;
    }));
  unrolled.reads = cells("reads", record.tokens.map((token) => tokenSpan(token)));
  [...unrolled.reads.children].forEach((cell, c) => cell.addEventListener("click", () => choose({ t: c + 1 })));
  const likeliest = record.tokens.map((_, c) => argmax(row(n.p, c, S)));
  const guesses = likeliest.map((v, c) => tokenSpan(record.shown_tokens[v], { class: v === trueNext(c + 1) ? "right" : "wrong" }));
  const nexts = record.tokens.map((_, c) => (c < K ? tokenSpan(record.tokens[c + 1]) : "–"));
  const chances = record.tokens.map((_, c) => (c < K ? n.p[c * S + trueNext(c + 1)].toFixed(2).replace(/^0/, "") : ""));

  const sheet = make("div", { class: "sheet" });
  sheet.style.gridTemplateColumns = `${gutter}px max-content`;
  const gutterCell = (content, kind = "") => make("div", { class: `gutter ${kind}`, "aria-hidden": "true" }, content);
  const tokens = record.shown_tokens.map((token, v) => {
    const name = tokenSpan(token);
    name.style.top = `${(v + 0.5) * tokenHeight}px`;
    name.style.fontSize = "11px";
    return name;
  });
  const end = (text) => gutterCell(text);
  sheet.append(
    end("reads"), unrolled.reads,
    gutterCell([make("span", {}, "unit 0"), math("h_t"), make("span", {}, H === 1 ? "" : String(H - 1))], "units"), unrolled.state.element,
    end("next is"), cells("small token", nexts),
    gutterCell(tokens, "tokens"), unrolled.distribution.element,
    end("guess"), cells("small token", guesses),
    ...(width >= 28 ? [end("p(next)"), cells("small", chances)] : []));
  const left = $("unrolled-picture").scrollLeft;
  const focused = document.activeElement;
  $("unrolled-picture").replaceChildren(sheet);
  $("unrolled-picture").scrollLeft = left;
  if (focused && sheet.contains(focused)) focused.focus({ preventScroll: true });

  legend("state-legend", make("span", {}, "state ", math("h_t")), -1, [rounded(-mostState), "0", rounded(mostState)]);
  legend("probability-legend", "probability", 0, ["0", "0.5", "1"], Math.sqrt);
}

function drawRings(width, tokenHeight) {
  for (const ring of unrolled.distribution.element.querySelectorAll(".ring")) ring.remove();
  const size = Math.min(11, width - 3);
  for (let t = 1; t <= K; t++) {
    const ring = make("div", { class: "ring small", "aria-hidden": "true" });
    place(ring, (t - 0.5) * width - size / 2, (trueNext(t) + 0.5) * tokenHeight - size / 2, size, size);
    unrolled.distribution.element.append(ring);
  }
}

function markUnrolled() {
  unrolled.state.mark(chosen.i, chosen.t - 1);
  unrolled.distribution.mark(chosenToken(), chosen.t - 1);
  [...unrolled.reads.children].forEach((cell, c) => cell.classList.toggle("chosen", c === chosen.t - 1));
  readUnrolled(chosen.i, chosen.t);
  const { width } = columnWidth();
  const scroller = $("unrolled-picture");
  const left = (chosen.t - 1) * width;
  if (left < scroller.scrollLeft || left + 3 * width > scroller.scrollLeft + scroller.clientWidth - 60) {
    scroller.scrollLeft = left - scroller.clientWidth / 2;
  }
}

function writeStateTables() {
  const n = numbers();
  const { t, i } = chosen;
  const pair = (a, b) => [show(a), show(b), rounded(ulps(a, b))];
  const heads = ["NumPy", "PyTorch", "ulps apart"];
  const units = Array.from({ length: H }, (_, u) => [String(u), ...pair(n.h[t * H + u], n["torch.h"][t * H + u])]);
  const steps = record.tokens.map((token, c) => [`${c + 1} ${glyph(token)}`, ...pair(n.h[(c + 1) * H + i], n["torch.h"][(c + 1) * H + i])]);
  fill("state-table", [
    scrolling(`All units at step ${t}`, table(`State at step ${t}`, ["unit", ...heads], units, { chosenRow: i })),
    scrolling(`Unit ${i} at all steps`, table(`Unit ${i} at all steps`, ["step", ...heads], steps, { chosenRow: t - 1 })),
  ]);
}

function writeProbabilityTable() {
  const n = numbers();
  const p = row(n.p, chosen.t - 1, S);
  const q = row(n["torch.p"], chosen.t - 1, S);
  const y = row(n.y, chosen.t - 1, S);
  const order = Array.from({ length: S }, (_, v) => v).sort((a, b) => p[b] - p[a]);
  const rows = order.map((v) => [
    spoken(record.shown_tokens[v]), v === trueNext(chosen.t) ? "this one" : "", show(y[v]), show(p[v]), show(q[v]), rounded(ulps(p[v], q[v]))]);
  fill("probability-table", scrolling(`Probabilities after step ${chosen.t}`, table(
    `After step ${chosen.t}, which reads ${spoken(record.tokens[chosen.t - 1])}`,
    ["token", "what came", "logit", "probability, NumPy", "PyTorch", "ulps apart"], rows, { left: [1] })));
}

/** Fill a table that stands behind a picture, if it is open. */
function fill(id, content) {
  $(id).lastElementChild.className = "tables";
  $(id).lastElementChild.replaceChildren(...[content].flat());
}

// ---------------------------------------------------------------- 2: one step

/** NumPy's value, PyTorch's, and how far they are apart; `all` are the rows of both. */
function values(what, a, b, all = null) {
  const apart = ulps(a, b);
  const list = make("dl", {},
    make("dt", {}, "NumPy"), make("dd", { class: "main", "data-side": "numpy" }, show(a)),
    make("dt", {}, "PyTorch"), make("dd", { "data-side": "torch" }, show(b)),
    make("dt", {}, "apart"), make("dd", { "data-side": "ulps", class: apart ? "apart" : "agrees" }, apart ? times(Number(rounded(apart)), "ulp") : "the same float"));
  if (all && all[0].length > 1) {
    let most = 0;
    for (let n = 0; n < all[0].length; n++) most = Math.max(most, ulps(all[0][n], all[1][n]));
    list.append(make("dt", {}, `of all ${all[0].length}`), make("dd", { class: "agrees" }, most ? `at most ${times(Number(rounded(most)), "ulp")}` : "the same floats"));
  }
  return make("div", { class: "values" }, make("div", { class: "what" }, what), list);
}

/** A vector as a row of cells, one of which is marked. */
function strip(name, array, most, mark, value) {
  const canvas = make("canvas", { "aria-hidden": "true" });
  const map = make("div", { class: "map" }, canvas);
  if (mark !== null) {
    const box = make("div", { class: "mark" });
    const width = Math.max(100 / array.length, 1.2);
    const left = clamp(((mark + 0.5) * 100) / array.length - width / 2, 0, 100 - width);
    Object.assign(box.style, { left: `${left}%`, width: `${width}%`, top: "-3px", bottom: "-3px" });
    map.append(box);
  }
  const columns = array.length;
  paint(canvas, 1, columns, Math.max(columns, 420), 22, (_, c) => colour(array[c] / (most || 1)));
  return make("div", { class: "strip" },
    make("div", { class: "name" }, make("span", {}, name), make("span", { class: "figure" }, value ?? "")), map);
}

/** The shapes of a formula's arrays in letters, and below in numbers. */
function shapes(letters) {
  const sizes = { T, V, H };
  return make("div", { class: "shape" }, make("div", {}, letters),
    letters.match(/[TVH]/) ? make("div", {}, letters.replace(/[TVH]/g, (letter) => sizes[letter])) : null);
}

function link(title, formula, shape, text, pictures, numbersOfIt, sources) {
  return make("li", {},
    make("div", { class: "about" },
      make("h3", {}, title), make("div", { class: "formula" }, math(formula)), shapes(shape), make("p", {}, text)),
    make("div", { class: "strips" }, pictures, make("div", {}, sources.map((name) => source(name)))),
    numbersOfIt ?? make("div"));
}

function drawStep() {
  const { t, i } = chosen;
  const n = numbers();
  const d = details();
  const token = record.tokens[t - 1];
  const id = record.ids[t - 1];
  const v = chosenToken();
  const name = record.shown_tokens[v];
  const next = trueNext(t);
  const [h, q] = [row(n.h, t, H), row(n["torch.h"], t, H)];
  const [y, yq] = [row(n.y, t - 1, S), row(n["torch.y"], t - 1, S)];
  const [p, pq] = [row(n.p, t - 1, S), row(n["torch.p"], t - 1, S)];
  const mostState = F === "tanh" ? 1 : largest(h) || 1;
  const focused = document.activeElement?.id;

  $("step-lead").textContent = `Step ${t} reads ${quoted(token)}. From here on every picture is one vector, a cell for each number; `
    + `the frame marks unit ${i}, and the numbers beside it are that unit's. Beside each formula stands the line of our source that computes it.`;
  $("step-absent").textContent = d ? "" : `There was no room on this page for the weights ${checkpoint().label}, so the sums are left out here; `
    + `they are there ${record.checkpoints.filter((c) => c.details).map((c) => c.label).join(", ") || "with a larger --megabytes"}.`;

  const oneHot = new Float32Array(V);
  oneHot[id] = 1;
  const links = [link("The token as a vector", "x_t = onehot(id)", "(V,)",
    `${capital(quoted(token))} has number ${id} in the vocabulary: ${V} places, all 0 but one.`,
    [strip(math("x_t"), oneHot, 1, id, `1 in place ${id}`)], null, ["x"])];
  if (d) links.push(...sums(d, t, i));
  links.push(link("The new state", F === "tanh" ? "h_t = tanh(z_t)" : "h_t = max(0, z_t)", "(H,)",
    F === "tanh" ? "tanh squeezes each sum into −1 … 1. Far out it is flat: such a unit is saturated, and hardly any gradient passes through it."
      : "ReLU keeps what is positive and drops the rest; a unit that is dropped passes no gradient.",
    [strip(math("h_t"), h, mostState, i, show(h[i])), d ? bend(row(d.z, t - 1, H)[i], h[i]) : null],
    values(`unit ${i}`, h[i], q[i], [h, q]), ["h"]));

  const select = make("select", { id: "token-select" }, record.shown_tokens.map((each, m) =>
    make("option", { value: m, selected: m === v }, each === " " ? "space" : each)));
  select.addEventListener("change", () => choose({ v: Number(select.value) }));
  const share = d ? [` Unit ${i} adds `, make("span", { class: "figure" }, show(float(d.W[v * H + i] * h[i]))), " of it."] : [];
  links.push(link("A score for each token", "y_t = W h_t + b", "(V,) = (V, H) (H,) + (V,)",
    [`How much the state speaks for each token. For ${quoted(name)} the score is a sum over all units.`, ...share],
    [strip(math("y_t"), y, largest(y), v, show(y[v])),
      make("div", { class: "pick" }, make("label", { for: "token-select" }, "Token"), select,
        chosen.v === null ? (next === null ? "the likeliest" : "the one that truly comes next") : make("button", { type: "button", id: "token-reset", onclick: () => choose({ v: null }) }, "Back to the true one"))],
    values(quoted(name), y[v], yq[v], [y, yq]), ["y", "b"]));
  links.push(link("Probabilities", "p_t = softmax(y_t) = exp(y_t) / Σ exp(y_t)", "(V,)",
    "The exponential makes every score positive, the sum makes them add up to 1.",
    [bars(p, v, next)], values(quoted(name), p[v], pq[v], [p, pq]), ["p"]));
  links.push(next === null
    ? link("The loss", "L_t = -log p_t[next]", "a number", "This is the last token: nobody knows what comes next, so there is no loss.", [], null, ["L"])
    : link("The loss", "L_t = -log p_t[next]", "a number",
      `${capital(quoted(record.shown_tokens[next]))} came next, and the network gave it ${percent(p[next])}. The less it expected what came, the larger the loss.`,
      [surprise(p[next], n.L[t - 1])], values("nats", n.L[t - 1], n["torch.L"][t - 1]), ["L"]));
  $("chain").replaceChildren(...links);
  if (focused && !document.activeElement?.id && $(focused)) $(focused).focus({ preventScroll: true });
  else if (focused === "token-reset") $("token-select").focus({ preventScroll: true });
  $("matrix").hidden = !d;
  if (d) drawProducts(d, t, i);
}

/** The three links of the chain that need weights. */
function sums(d, t, i) {
  const column = record.column[t - 1];
  const [a, aq] = [row(d.a, column, H), row(d["torch.a"], column, H)];
  const [r, rq] = [row(d.r, t - 1, H), row(d["torch.r"], t - 1, H)];
  const [z, zq] = [row(d.z, t - 1, H), row(d["torch.z"], t - 1, H)];
  const before = row(numbers().h, t - 1, H);
  const weights = row(d.W_hh, i, H);
  const products = weights.map((w, j) => w * before[j]);
  const part = (what, x) => [make("span", {}, math(what)), " = ", make("span", { class: "figure" }, show(x))];
  return [
    link("What the token says", "a_t = W_{ih} x_t + b_{ih} + b_{hh}", "(H,) = (H, V) (V,) + (H,) + (H,)",
      ["The only 1 in ", math("x_t"), " picks a column of ", math("W_{ih}"), ", so nothing is multiplied. For unit ", `${i}: `,
        ...part("W_{ih}", row(d.W_ih, column, H)[i]), ", ", ...part("b_{ih}", d.b_ih[i]), ", ", ...part("b_{hh}", d.b_hh[i]), "."],
      [strip(math("a_t"), a, largest(a), i, show(a[i]))], values(`unit ${i}`, a[i], aq[i], [a, aq]), ["a", "look-up"]),
    link("What the state before says", "r_t = W_{hh} h_{t-1}", "(H,) = (H, H) (H,)",
      ["Each unit listens to all units of the step before. For unit ", `${i}: its row of `, math("W_{hh}"), ", times the state, cell by cell, added up.",
        t === 1 ? " Before the first step the state is zero." : ""],
      [strip(math("h_{t-1}"), before, F === "tanh" ? 1 : largest(before), null),
        strip(make("span", {}, `row ${i} of `, math("W_{hh}")), weights, largest(weights), null),
        strip("their products", products, largest(products), null, `± ${rounded(largest(products))}`)],
      values(`unit ${i}`, r[i], rq[i], [r, rq]), ["z"]),
    link("Both together", "z_t = a_t + r_t", "(H,) = (H,) + (H,)",
      "What was read and what was remembered meet in one sum.",
      [strip(math("z_t"), z, largest(z), i, show(z[i]))], values(`unit ${i}`, z[i], zq[i], [z, zq]), ["z"]),
  ];
}

/** The nonlinearity as a curve, and where the unit lies on it. */
function bend(z, h) {
  const reach = Math.max(3, Math.abs(z) * 1.15);
  const [wide, high] = [220, 84];
  const x = (value) => wide / 2 + (value / reach) * (wide / 2);
  const top = F === "tanh" ? 1 : reach;
  const yOf = (value) => high / 2 - (value / top) * (high / 2 - 6);
  const f = F === "tanh" ? Math.tanh : (value) => Math.max(0, value);
  const points = Array.from({ length: 81 }, (_, m) => -reach + (m * reach) / 40);
  return draw("svg", { class: "chart small", viewBox: `0 0 ${wide} ${high}`, "aria-hidden": "true" },
    draw("line", { class: "grid", x1: 0, x2: wide, y1: yOf(0), y2: yOf(0) }),
    draw("line", { class: "grid", x1: x(0), x2: x(0), y1: 0, y2: high }),
    draw("polyline", { class: "curve", points: points.map((value) => `${x(value)},${yOf(f(value))}`).join(" ") }),
    draw("line", { class: "limit", x1: x(z), x2: x(z), y1: yOf(0), y2: yOf(h) }),
    draw("circle", { class: "dot", cx: x(z), cy: yOf(h), r: 4.5 }));
}

/** -log p as a curve, and where the true token lies on it. */
function surprise(p, loss) {
  const [wide, high] = [220, 96];
  const most = Math.max(4, loss * 1.1);
  const [x, y] = [(value) => 4 + value * (wide - 8), (value) => high - 16 - (value / most) * (high - 24)];
  const points = Array.from({ length: 120 }, (_, m) => Math.exp((-most * m) / 119));
  return draw("svg", { class: "chart small", viewBox: `0 0 ${wide} ${high}`, "aria-hidden": "true" },
    draw("line", { class: "grid", x1: x(0), x2: x(1), y1: y(0), y2: y(0) }),
    draw("text", { x: x(0), y: high - 2 }, "p = 0"), draw("text", { x: x(1), y: high - 2, "text-anchor": "end" }, "p = 1"),
    draw("polyline", { class: "curve", points: points.map((value) => `${x(value)},${y(-Math.log(value))}`).join(" ") }),
    draw("line", { class: "limit", x1: x(p), x2: x(p), y1: y(0), y2: y(loss) }),
    draw("circle", { class: "dot", cx: x(p), cy: y(loss), r: 4.5 }));
}

/** The distribution as columns, the chosen token strong, the true one with a ring. */
function bars(p, v, next) {
  const [wide, high, foot] = [460, 120, 34];
  const step = wide / S;
  const most = Math.max(...p);
  const parts = [draw("line", { class: "axis", x1: 0, x2: wide, y1: high, y2: high })];
  p.forEach((chance, m) => {
    const tall = (chance / most) * (high - 16);
    parts.push(draw("rect", { class: `column${m === v ? " chosen" : ""}`, x: m * step + step * 0.12, width: step * 0.76, y: high - tall, height: tall }));
    if (step > 9) parts.push(draw("text", { x: (m + 0.5) * step, y: high + 14, "text-anchor": "middle", class: m === v ? "strong" : "" }, glyph(record.shown_tokens[m]).slice(0, 3)));
    if (m === next) parts.push(draw("circle", { class: "here", cx: (m + 0.5) * step, cy: high + 25, r: 4.5 }));
  });
  const best = argmax(p);
  parts.push(draw("text", { class: "strong", x: clamp((best + 0.5) * step, 20, wide - 20), y: 11, "text-anchor": "middle" }, rounded(p[best])));
  return draw("svg", { class: "chart", viewBox: `0 0 ${wide} ${high + foot}`, role: "img",
    "aria-label": `Probabilities of the next token; the likeliest is ${spoken(record.shown_tokens[best])} with ${rounded(p[best])}.` }, parts);
}

const matrix = {};

function setUpMatrix() {
  const over = (r, c) => readMatrix(r ?? chosen.i, c);
  matrix.map = new HeatMap("W hh, a row for each unit that listens and a column for each unit that is heard. Up and down choose the unit, left and right the step.", {
    pick: (r) => choose({ i: r }), move: moveStepAndUnit, over, hasColumn: false,
  });
  $("matrix-picture").append(matrix.map.element);
}

function readMatrix(i, j) {
  const d = details();
  if (!d) return;
  $("matrix-readout").replaceChildren(...(j === null
    ? [`row ${i}: what unit ${i} listens to`]
    : [`unit ${i} hears unit ${j} with weight `, make("b", {}, show(d.W_hh[i * H + j]))]));
}

function drawMatrix() {
  const d = details();
  if (!d) return;
  const most = largest(d.W_hh) || 1;
  const side = Math.min(400, $("matrix-picture").clientWidth || 400);
  matrix.map.paint(H, H, side, side, (r, c) => colour(d.W_hh[r * H + c] / most));
}

function drawProducts(d, t, i) {
  matrix.map.mark(i, 0);
  readMatrix(i, null);
  const before = row(numbers().h, t - 1, H);
  const weights = row(d.W_hh, i, H);
  const order = Array.from({ length: H }, (_, j) => j).sort((a, b) =>
    Math.abs(weights[b] * before[b]) - Math.abs(weights[a] * before[a]) || a - b);
  const top = order.slice(0, 8);
  const rest = order.slice(8).reduce((sum, j) => sum + weights[j] * before[j], 0);
  $("products-lead").replaceChildren(...(t === 1
    ? ["At the first step the state before is zero, and so is every product."]
    : [`The units that unit ${i} hears most at step ${t}.`,
      order.length > 8 ? ` The other ${order.length - 8} add up to about ${rounded(rest)}.` : ""]));
  const rows = top.map((j) => [`unit ${j}`, show(weights[j]), show(before[j]), show(float(weights[j] * before[j]))]);
  $("products").replaceChildren(table(`Row ${i} of W_hh times the state after step ${t - 1}`, ["heard", "weight", "state", "product"], rows));
}

// ---------------------------------------------------------------- 3: backward

const triangle = {};
const gradient = {};

function setUpBackward() {
  $("backward-body").hidden = K === 0;
  $("backward-absent").textContent = K === 0 ? "This text has one token. Nothing comes next, so there is no loss and no gradient to follow." : "";
  const over = (r, c) => readTriangle(r === null ? chosen.k : r + 1, c === null ? chosen.t : c + 1);
  triangle.map = new HeatMap("Norms of the gradients, a row for each loss k and a column for each step t. Up and down choose the loss, left and right the step.", {
    pick: (r, c) => choose({ k: r + 1, t: Math.min(c, r) + 1 }),
    move: (down, right) => choose({ k: clamp(chosen.k + down, 1, K), t: clamp(chosen.t + right, 1, T) }),
    over,
  });
  $("triangle-picture").append(make("div", { class: "axes", "aria-hidden": "true" }, make("span", {}, "step ", math("t"), " →"), make("span", {}, "loss ", math("k"), " ↓")), triangle.map.element);
  gradient.map = new HeatMap("Gradient of the mean loss for each state, a column for each step and a row for each unit. Arrow keys choose step and unit.", {
    pick: (r, c) => choose({ t: c + 1, i: r }), move: moveStepAndUnit,
    over: (r, c) => readGradient(r ?? chosen.i, c === null ? chosen.t : c + 1),
  });
  $("gradient-picture").append(gradient.map.element);
  $("backward-sources").append(...["d_y", "d_h_k", "d_z", "d_h", "clip"].map((name) => make("li", {}, source(name, "div"))));
}

const norm = (k, t) => numbers().norms[(k - 1) * K + t - 1];
const firstStepBeforeCut = (k) => Math.floor((k - 1) / chosen.n) * chosen.n + 1;

/** The decades that all norms lie in. */
function decades() {
  let [least, most] = [Infinity, 0];
  for (const x of numbers().norms) {
    if (x > 0) [least, most] = [Math.min(least, x), Math.max(most, x)];
  }
  if (most === 0) return { low: -1, high: 0 };
  const high = Math.ceil(Math.log10(most) + 1e-9);
  return { low: clamp(Math.floor(Math.log10(least)), high - 12, high - 1), high };
}

const powerOfTen = (e) => `10${[...String(e)].map((c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]).join("")}`;

function drawCurve() {
  if (K === 0) return;
  const { low, high } = decades();
  const [wide, tall] = [roomOf("curve-picture"), 400];
  const [left, right, top, bottom] = [46, 12, 26, 40];
  const x = (t) => left + (K === 1 ? 0.5 : (t - 1) / (K - 1)) * (wide - left - right);
  const y = (value) => top + ((high - clamp(Math.log10(value), low, high)) / (high - low)) * (tall - top - bottom);
  const line = (k) => {
    const points = [];
    for (let t = 1; t <= k; t++) if (norm(k, t) > 0) points.push(`${x(t).toFixed(1)},${y(norm(k, t)).toFixed(1)}`);
    return points.join(" ");
  };
  const every = Math.ceil((high - low) / 7);
  const parts = [];
  for (let e = low; e <= high; e += every) {
    parts.push(draw("line", { class: "grid", x1: left, x2: wide - right, y1: y(10 ** e), y2: y(10 ** e) }),
      draw("text", { x: left - 8, y: y(10 ** e) + 4, "text-anchor": "end" }, powerOfTen(e)));
  }
  const stride = Math.ceil((K * 17) / (wide - left - right));
  for (let t = 1; t <= K; t += stride) {
    parts.push(draw("text", { x: x(t), y: tall - bottom + 17, "text-anchor": "middle", class: t === chosen.t ? "strong" : "" }, glyph(record.tokens[t - 1]).slice(0, 4)));
  }
  parts.push(draw("text", { x: (left + wide) / 2, y: tall - 4, "text-anchor": "middle" }, "step t, by the token it reads"));
  const cut = firstStepBeforeCut(chosen.k);
  if (cut > 1) {
    const at = (x(cut) + x(cut - 1)) / 2;
    parts.push(draw("line", { class: "cut", x1: at, x2: at, y1: top - 8, y2: tall - bottom }),
      draw("text", { class: "cut-name", x: at - 6, y: top - 10, "text-anchor": at > wide / 3 ? "end" : "start" }, "cut off by truncation"));
  }
  for (let k = 1; k <= K; k++) parts.push(draw("polyline", { class: "thin", points: line(k) }));
  parts.push(draw("polyline", { class: "thick", points: line(chosen.k) }));
  for (let t = 1; t <= chosen.k; t++) {
    if (norm(chosen.k, t) > 0) parts.push(draw("circle", { class: "dot", cx: x(t), cy: y(norm(chosen.k, t)), r: K > 40 ? 2 : 3.5 }));
  }
  if (chosen.t <= chosen.k && norm(chosen.k, chosen.t) > 0) {
    parts.push(draw("circle", { class: "here", cx: x(chosen.t), cy: y(norm(chosen.k, chosen.t)), r: 6 }));
  }
  $("curve-picture").replaceChildren(draw("svg", { class: "chart", viewBox: `0 0 ${wide} ${tall}`, role: "img",
    "aria-label": `Norm of the gradient of loss ${chosen.k} for each state, from ${rounded(norm(chosen.k, chosen.k))} at step ${chosen.k} to ${rounded(norm(chosen.k, 1))} at step 1.` }, parts));
}

function drawTriangle() {
  if (K === 0) return;
  const { low, high } = decades();
  const room = $("triangle-picture").clientWidth || 400;
  const cell = clamp(Math.floor(Math.min(room - 2, 420) / K), 5, 60);
  const paper = scale[COLOURS];
  const shade = (x) => (x > 0 ? 0.06 + 0.94 * clamp((Math.log10(x) - low) / (high - low), 0, 1) : 0);
  triangle.map.paint(K, K, cell * K, cell * K, (r, c) =>
    (c > r ? paper : colour(shade(norm(r + 1, c + 1)) * (c + 1 < firstStepBeforeCut(r + 1) ? 0.22 : 1))));
  legend("triangle-legend", make("span", {}, "‖", math("∂L_k"), "/", math("∂h_t"), "‖"), 0.06, [powerOfTen(low), powerOfTen(high)]);
}

function markTriangle() {
  if (K === 0) return;
  triangle.map.mark(chosen.k - 1, Math.min(chosen.t, K) - 1);
  readTriangle(chosen.k, chosen.t);
}

function readTriangle(k, t) {
  $("triangle-readout").replaceChildren(...(t > k
    ? [`loss ${k} lies before step ${t}: no gradient`]
    : [`loss ${k}, step ${t}: `, make("b", { id: "norm-value" }, show(norm(k, t))), t < firstStepBeforeCut(k) ? " (cut off)" : ""]));
}

function drawGradient() {
  const d = details();
  $("gradient-figure").hidden = !d;
  if (!d || K === 0) return;
  const most = largest(d.d_h) || 1;
  const wide = Math.floor(($("gradient-picture").clientWidth || 400) / K) * K;
  gradient.map.paint(H, K, Math.max(wide, K), 240, (r, c) => colour(d.d_h[c * H + r] / most));
  legend("gradient-legend", make("span", {}, math("∂L"), "/", math("∂h_t")), -1, [rounded(-most), "0", rounded(most)]);
}

function markGradient() {
  if (!details() || K === 0) return;
  gradient.map.mark(chosen.i, Math.min(chosen.t, K) - 1);
  readGradient(chosen.i, Math.min(chosen.t, K));
}

function readGradient(i, t) {
  if (t > K) return;
  $("gradient-readout").replaceChildren(`step ${t} · unit ${i} · `, make("b", { id: "gradient-value" }, show(details().d_h[(t - 1) * H + i])));
}

function drawTiles() {
  if (K === 0) return;
  const { k, n } = chosen;
  const factor = k > 1 && norm(k, 1) > 0 ? (norm(k, 1) / norm(k, k)) ** (1 / (k - 1)) : null;
  let [cut, all] = [0, 0];
  for (let m = 1; m <= K; m++) {
    all += m;
    cut += firstStepBeforeCut(m) - 1;
  }
  const g = numbers().gradient_norms[K];
  const shrink = Math.min(1, record.max_norm / (g + 1e-6));
  const tile = (name, figure, remark, id) => make("div", {}, make("dt", {}, name),
    make("dd", {}, make("span", { class: "figure", id }, figure), make("span", { class: "remark" }, remark)));
  $("backward-tiles").replaceChildren(
    tile(make("span", {}, "Spectral radius of ", math("W_{hh}")), rounded(checkpoint().radius, 4),
      checkpoint().radius > 1 ? "Above 1: without f′ gradients would grow." : "Below 1: gradients can only shrink in the long run.", "radius-value"),
    tile(`Loss ${k}: factor a step back`, factor === null ? "–" : rounded(factor),
      factor === null ? "It has one step alone." : factor < 1 ? `After 10 steps ${rounded(factor ** 10, 2)} is left.` : `After 10 steps it has grown to ${rounded(factor ** 10, 2)} times.`),
    tile(`Truncation after ${times(n, "step")}`, cut === 0 ? "nothing" : percent(cut / all),
      cut === 0 ? `is cut: the text has no more than ${times(K, "step")} with a loss.` : `of all pairs (k, t) are cut. Training used ${record.num_steps}.`),
    tile("Norm of the whole gradient", rounded(g, 4),
      record.max_norm === null ? "Training did not clip." : shrink < 1 ? `Clipped to ${record.max_norm}: every gradient times ${rounded(shrink)}.` : `Below ${record.max_norm}: not clipped.`, "gradient-norm-value"));
}

function drawClipping() {
  if (K === 0) return;
  const limit = record.max_norm;
  $("clip-lead").textContent = "Length of the gradient of all parameters together: of each loss alone and, at the right end, of their mean. "
    + (limit === null ? "This training did not clip." : `What reaches above ${limit} is scaled down to it, the direction kept.`);
  const g = numbers().gradient_norms;
  const [wide, tall] = [roomOf("clip-picture"), 240];
  const [left, bottom, top] = [40, 36, 14];
  const most = Math.max(largest(g), limit === null ? 0 : limit) * 1.08 || 1;
  const step = (wide - left) / (K + 1.6);
  const y = (value) => top + (1 - value / most) * (tall - top - bottom);
  const parts = [draw("line", { class: "axis", x1: left, x2: wide, y1: y(0), y2: y(0) })];
  const unit = 10 ** Math.floor(Math.log10(most));
  const grid = most / unit < 2.5 ? unit / 2 : most / unit < 5 ? unit : 2 * unit;
  for (let value = 0; value <= most; value += grid) {
    parts.push(draw("line", { class: "grid", x1: left, x2: wide, y1: y(value), y2: y(value) }), draw("text", { x: left - 7, y: y(value) + 4, "text-anchor": "end" }, rounded(value)));
  }
  for (let k = 1; k <= K; k++) {
    parts.push(draw("rect", { class: `column${k === chosen.k ? " chosen" : ""}`, x: left + (k - 1) * step + step * 0.12, width: step * 0.76, y: y(g[k - 1]), height: Math.max(0, y(0) - y(g[k - 1])) }));
  }
  const at = left + (K + 0.6) * step;
  parts.push(draw("rect", { class: "column mean", x: at + step * 0.12, width: step * 0.76, y: y(g[K]), height: Math.max(0, y(0) - y(g[K])) }),
    draw("text", { class: "strong", x: Math.min(at + step / 2, wide - 14), y: tall - bottom + 16, "text-anchor": "middle" }, "mean"));
  const stride = Math.ceil(22 / step);
  for (let k = 1; k <= K && left + k * step < at - 22; k += stride) parts.push(draw("text", { x: left + (k - 0.5) * step, y: tall - bottom + 16, "text-anchor": "middle", class: k === chosen.k ? "strong" : "" }, String(k)));
  parts.push(draw("text", { x: left + (K * step) / 2, y: tall - 4, "text-anchor": "middle" }, "loss k"));
  if (limit !== null) parts.push(draw("line", { class: "limit", x1: left, x2: wide, y1: y(limit), y2: y(limit) }), draw("text", { class: "strong halo", x: wide, y: y(limit) - 6, "text-anchor": "end" }, `max_norm ${limit}`));
  $("clip-picture").replaceChildren(draw("svg", { class: "chart", viewBox: `0 0 ${wide} ${tall}`, role: "img",
    "aria-label": `Gradient norm of each loss. Loss ${chosen.k}: ${rounded(g[chosen.k - 1])}; the mean loss: ${rounded(g[K])}.` }, parts));
}

function writeBackwardTables() {
  if (K === 0) return;
  const { k } = chosen;
  const one = Array.from({ length: k }, (_, m) => [`${m + 1} ${glyph(record.tokens[m])}`, show(norm(k, m + 1)), m + 1 < firstStepBeforeCut(k) ? "cut off" : ""]);
  const heads = Array.from({ length: K }, (_, m) => `t ${m + 1}`);
  const all = Array.from({ length: K }, (_, m) => [`k ${m + 1}`, ...heads.map((_, c) => (c > m ? "" : rounded(norm(m + 1, c + 1))))]);
  const g = numbers().gradient_norms;
  const whole = Array.from({ length: K + 1 }, (_, m) => [m === K ? "mean" : String(m + 1), show(g[m])]);
  fill("backward-table", [
    scrolling(`Norms of loss ${k}`, table(`Loss ${k}: norm at each step`, ["step", "norm", "truncation"], one, { left: [2], chosenRow: chosen.t - 1 })),
    scrolling("Gradient norms of all losses", table("Gradient of all parameters", ["loss", "norm"], whole)),
    scrolling("Norms of all losses at all steps", table("All norms", ["loss", ...heads], all, { chosenRow: k - 1 })),
  ]);
}

// ---------------------------------------------------------------- 4: training

let playing = 0;

function setUpTraining() {
  const count = record.checkpoints.length;
  $("training-lead").textContent = count > 1
    ? `The run kept its weights now and then; this page has ${count} of them. Choose one, with the slider above or here, and every picture shows that moment.`
    : "This page has one set of weights. A run keeps more of them on its way, and then everything here can be watched as it is learned.";
  $("perplexity-lead").textContent = (K > 0 ? "Dots: on this text, at each checkpoint. " : "") + (record.curve.length ? "Line: on the training text, epoch by epoch. " : "")
    + `Perplexity is the number of tokens that the network wavers between; knowing nothing, it is ${V.toLocaleString("en")}.`;
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

function drawPerplexity() {
  const dots = record.checkpoints.map((c, n) => ({ n, epoch: c.epoch ?? record.curve.length, perplexity: c.perplexity })).filter((dot) => dot.perplexity !== null);
  const points = record.curve.map((perplexity, e) => ({ epoch: e + 1, perplexity })).filter((p) => p.perplexity !== null);
  const all = [...dots, ...points];
  $("perplexity-picture").hidden = all.length === 0;
  if (!all.length) return;
  const [wide, tall] = [roomOf("perplexity-picture"), 300];
  const [left, right, top, bottom] = [44, 16, 16, 40];
  const mostEpochs = Math.max(1, ...all.map((point) => point.epoch));
  const most = Math.max(V, ...all.map((point) => point.perplexity));
  const x = (epoch) => left + (Math.log1p(epoch) / Math.log1p(mostEpochs)) * (wide - left - right);
  const y = (perplexity) => top + (1 - Math.log(perplexity) / Math.log(most)) * (tall - top - bottom);
  const parts = [];
  for (const value of [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].filter((value) => value <= most)) {
    parts.push(draw("line", { class: "grid", x1: left, x2: wide - right, y1: y(value), y2: y(value) }), draw("text", { x: left - 8, y: y(value) + 4, "text-anchor": "end" }, String(value)));
  }
  for (const epoch of [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].filter((epoch) => epoch <= mostEpochs)) {
    parts.push(draw("text", { x: x(epoch), y: tall - bottom + 17, "text-anchor": "middle" }, String(epoch)));
  }
  parts.push(draw("text", { x: (left + wide) / 2, y: tall - 4, "text-anchor": "middle" }, "epochs of training"));
  if (points.length) parts.push(draw("polyline", { class: "curve", points: points.map((p) => `${x(p.epoch).toFixed(1)},${y(p.perplexity).toFixed(1)}`).join(" ") }));
  if (dots.length > 1) parts.push(draw("polyline", { class: "thin", points: dots.map((dot) => `${x(dot.epoch)},${y(dot.perplexity)}`).join(" ") }));
  for (const dot of dots) parts.push(draw("circle", { class: dot.n === chosen.c ? "here" : "dot", cx: x(dot.epoch), cy: y(dot.perplexity), r: dot.n === chosen.c ? 7 : 4.5 }));
  const now = checkpoint();
  $("perplexity-picture").replaceChildren(draw("svg", { class: "chart", viewBox: `0 0 ${wide} ${tall}`, role: "img",
    "aria-label": `Perplexity over the epochs; ${now.label} it is ${rounded(now.perplexity)} on this text.` }, parts));
}

function drawCheckpoints() {
  const heads = ["weights", "perplexity", "it writes", "spectral radius"];
  const focused = document.activeElement?.dataset?.checkpoint;
  const rows = record.checkpoints.map((c, n) => [
    make("button", { type: "button", "aria-pressed": String(n === chosen.c), "data-checkpoint": n, onclick: () => choose({ c: n }) }, c.label),
    rounded(c.perplexity),
    make("span", { class: "written" }, c.written.map(glyph).join(IS_CHARACTERS ? "" : " ")), rounded(c.radius)]);
  $("checkpoints").replaceChildren(table(`After “${T > 24 ? "…" : ""}${record.tokens.slice(-24).join(IS_CHARACTERS ? "" : " ")}”`, heads, rows, { chosenRow: chosen.c, left: [2] }));
  if (focused !== undefined) $("checkpoints").querySelector(`[data-checkpoint="${focused}"]`).focus({ preventScroll: true });
}

// ---------------------------------------------------------------- 5: parity

function drawParity() {
  const rows = checkpoint().parity;
  const wrong = rows.filter((each) => !each.ok);
  $("parity-lead").textContent = `One training step on this text, ${checkpoint().label}, taken by both. `
    + (K === 0 ? "For that the only token is taken to be followed by itself. " : "")
    + "What a tensor is allowed is measured: how far it moves when every float that goes into it is moved to a neighbour, times a safety factor. "
    + (wrong.length ? `${wrong.length} of ${rows.length} tensors differ by more. ` : `All ${rows.length} tensors agree. `)
    + "An ulp is the gap between two floats; near zero it is tiny, so that many of them can still be next to nothing.";
  const small = (x) => (x === null ? "–" : x === 0 ? "0" : x.toExponential(1));
  const body = make("tbody");
  let group = "";
  for (const each of rows) {
    const match = each.name.match(/^(.* of|updated) (.+)$/);
    if (match && match[1] !== group) {
      group = match[1];
      body.append(make("tr", { class: "group" }, make("td", { colspan: 7 }, group)));
    }
    const share = each.allowed > 0 && each.difference !== null ? each.difference / each.allowed : each.ok ? 0 : 1;
    const bar = make("span", { class: "share", "aria-hidden": "true" }, make("span"));
    bar.firstElementChild.style.width = `${Math.min(100, 100 * share)}%`;
    body.append(make("tr", {},
      make("th", { scope: "row", class: "left" }, match ? match[2] : each.name),
      make("td", {}, each.shape.join(" × ") || "number"),
      make("td", { class: "number-cell" }, small(each.difference)),
      make("td", { class: "number-cell" }, each.ulps === null ? "–" : rounded(each.ulps)),
      make("td", { class: "number-cell" }, small(each.allowed)),
      make("td", { class: "number-cell" }, bar, ` ${percent(share)}`),
      make("td", { class: each.ok ? "left" : "left apart" }, each.ok ? "✓ agrees" : `✗ differs ${each.problem}`)));
  }
  const heads = ["tensor", "shape", "largest difference", "in ulps", "allowed", "of the allowance", "verdict"];
  $("parity-table").replaceChildren(make("table", {},
    make("caption", { class: "unseen" }, "All tensors of one training step, in NumPy and in PyTorch"),
    make("thead", {}, make("tr", {}, heads.map((head, n) => make("th", { scope: "col", class: n === 0 || n === 6 ? "left" : null }, head)))), body));
}

// ---------------------------------------------------------------- all together

const open = (id) => $(id).open;

/** What each view looks at, and how it is drawn. "*" is the theme and the size of the window. */
const views = [
  ["c t i k n", drawControls],
  ["c t i", speak],
  ["c *", drawUnrolled],
  ["c t i v *", markUnrolled],
  ["c *", drawMatrix],
  ["c t i v *", drawStep],
  ["c n *", drawTriangle],
  ["c k t n *", markTriangle],
  ["c k t n *", drawCurve],
  ["c *", drawGradient],
  ["c t i *", markGradient],
  ["c k n", drawTiles],
  ["c k *", drawClipping],
  ["c *", drawPerplexity],
  ["c", drawCheckpoints],
  ["c", drawParity],
  ["c t i state-table", () => open("state-table") && writeStateTables()],
  ["c t probability-table", () => open("probability-table") && writeProbabilityTable()],
  ["c t k n backward-table", () => open("backward-table") && writeBackwardTables()],
].map(([keys, view]) => ({ keys: keys.split(" "), view }));

let changed = new Set();

function choose(changes) {
  for (const [key, value] of Object.entries(changes)) {
    if (chosen[key] === value) continue;
    chosen[key] = value;
    if (key === "t" && !("v" in changes) && chosen.v !== null) {
      chosen.v = null; // the true next token is another one now
      redraw("v");
    }
    redraw(key);
  }
}

function redraw(key) {
  if (changed.size === 0) requestAnimationFrame(drawChanged);
  changed.add(key);
}

function drawChanged() {
  const keys = changed;
  changed = new Set();
  for (const { keys: looksAt, view } of views) {
    if (looksAt.some((key) => keys.has(key))) view();
  }
}

function drawAll() {
  for (const { view } of views) view();
}

async function begin() {
  for (const each of record.checkpoints) {
    each.numbers = await unpack(each.numbers);
    if (each.details) each.details = await unpack(each.details);
  }
  writeBeginning();
  setUpUnrolled();
  setUpMatrix();
  setUpBackward();
  setUpTraining();
  setUpControls();
  for (const id of ["state-table", "probability-table", "backward-table"]) {
    $(id).addEventListener("toggle", () => redraw(id));
  }
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth !== width) redraw("*");
    width = window.innerWidth;
  });
  document.documentElement.dataset.ready = "true";
}

begin();
