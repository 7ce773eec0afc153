// The page of `rnn-parity explain`. For the text of the command it shows the recorded results of NumPy
// and PyTorch. For any other text, and after any change of the weights, it shows the results of its
// own engine, in float64.
//
// Letters: T steps, V tokens of the vocabulary, H units, K losses. Arrays are flat, rows first.
// `reading` is the text and its numbers. `chosen` is what the pictures show; `choose` changes it, and
// draws each view again that depends on the change.
//
// Scripts: this one, then the script of the cell (cells/), then all others by name, then main.js. A new
// panel is a new script that calls `addPanel`, and its section in template.html:
//
//     <section id="NAME" aria-labelledby="NAME-title">
//       <details class="panel">
//       <summary><h2 id="NAME-title"><span class="number"></span> Its title</h2><p>One sentence.</p></summary>
//       …
//       </details>
//     </section>
//
// The panel folds, and its views are drawn only while it is open; `reveal` opens what an element is in.
// An element of the class "comparison" is shown only while the comparison with PyTorch is switched on.

// The whole script also runs in a worker, which has no document (work.js). So at the top level no script
// touches the page, except where IS_WORKER is false.

const IS_WORKER = typeof document === "undefined";
// The page of a run also has a small network. The address ends with #small while the page shows it.
const IS_SMALL = location.hash.startsWith("#small");
const record = IS_WORKER ? globalThis.pageRecord : JSON.parse($(IS_SMALL ? "small-record" : "record").textContent);
const { H, V } = record;
let { T } = record; // these two change with the text
let K = T - 1;
const S = record.shown.length; // tokens of the vocabulary that are shown
const IS_CHARACTERS = record.token === "char";
const F = record.nonlinearity;
const IS_GATED = record.gates.length > 0;
const IS_OF_A_RUN = record.num_steps !== null; // of somebody's own network the training is not known
const TRAINED_STEPS = record.num_steps ?? Infinity; // steps after which the training cut gradients

const panels = [];

/**
 * Add a panel to the page.
 *
 * place     orders the panels; 0 for what is above section 1
 * section   id of its section
 * views     [keys, function] for each part that is drawn: `keys` are those of `chosen` that it depends
 *           on, "text" (the text or the weights changed), and "*" (the theme or the window's width);
 *           drawn only while the section's panel is open
 * tables    keys and function for each <details>, by its id; they are drawn only while it is open
 * setUp     called once, after the record is read
 */
const addPanel = (panel) => panels.push({ views: [], tables: {}, setUp() {}, ...panel });

const chosen = {
  c: record.checkpoints.length - 1, // checkpoint
  t: Math.min(T, 5), // step, 1 … T
  i: Math.floor(H / 3), // unit, 0 … H-1
  k: Math.max(K, 1), // loss, 1 … K
  v: null, // token of the logits, among the shown; null: the one that comes next
  n: Math.max(1, Math.min(TRAINED_STEPS, K)), // steps after which gradients are cut
  s: 1, // stage of the gradient's way through step t: 0 … 3
  u: H > 64 ? 32 : H, // number of units that the pictures show
  compare: false, // whether PyTorch's numbers are shown beside NumPy's
  ulps: false, // whether differences are also shown in ulps
};

/** The units that the pictures show, by number: those whose state changes most over the text. */
let units = [];

function showUnits(count) {
  units = record.units_by_change.slice(0, count).sort((a, b) => a - b);
  if (!units.includes(chosen.i)) chosen.i = units[Math.floor(count / 3)];
}
showUnits(chosen.u);

/** The entries of the shown units. */
const ofShown = (array) => Float64Array.from(units, (i) => array[i]);

// ---------------------------------------------------------------- numbers

const KINDS = {
  float32: Float32Array, float64: Float64Array,
  int8: Int8Array, int16: Int16Array, int32: Int32Array, int64: BigInt64Array,
};

/** Return the arrays of a blob by name; see compare/study/page/packing.py. */
async function unpack({ blob, entries }) {
  const element = $(`blob-${blob}`);
  const bytes = fromBase64(element.textContent);
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

const round = record.dtype === "float64" ? (x) => x : Math.fround;

/** Arrays that are not stored: each entry is one addition, rounded as NumPy rounds. */
const SUMS = {
  a: ({ W_ih, b_ih, b_hh }) => W_ih.constructor.from({ length: record.input_rows.length * H }, (_, n) =>
    round(W_ih[record.input_rows[Math.floor(n / H)] * H + (n % H)] + round(b_ih[n % H] + b_hh[n % H]))),
  z: ({ a, u }) => u.map((x, n) => round(a[record.column[Math.floor(n / H)] * H + (n % H)] + x)),
};

/** Return the float32 that is `steps` floats after each entry of `base`. */
function stepped(base, steps) {
  const bits = new Int32Array(base.buffer);
  const moved = new Int32Array(bits.length);
  for (let n = 0; n < bits.length; n++) {
    const place = (bits[n] < 0 ? -(bits[n] & 0x7fffffff) : bits[n]) + Number(steps[n]);
    moved[n] = place < 0 ? -place | 0x80000000 : place;
  }
  return new Float32Array(moved.buffer);
}

/** Return a number as NumPy prints it: with the fewest digits that give the same float. */
function show(x) {
  if (!reading.isRecorded || !Object.is(round(x), x)) return rounded(x, 8); // computed by the page
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
    const farther = nextDecimal(text, places); // the gap after a power of two is larger than the gap before it
    if (Math.fround(Number(farther)) === x) return farther;
  }
  return x.toExponential(8);
}

/** Return the next decimal with as many digits, away from zero. */
function nextDecimal(text, places) {
  const [mantissa, exponent] = text.split("e");
  const whole = Math.abs(Number(mantissa.replace(".", ""))) + 1;
  return `${text.startsWith("-") ? "-" : ""}${Number(`${whole}e${exponent - places}`).toExponential(places)}`;
}

/** If x is in the middle between two decimals, take the even one, as NumPy does. */
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

const percent = (x) => (x > 0 && x < 0.005 ? "<1 %" : x < 1 && x >= 0.995 ? ">99 %" : `${Math.round(100 * x)} %`);
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

/** Return |a - b| in ulps of the larger one. */
const ulps = (a, b) => (a === b ? 0 : Math.abs(a - b) / spacing(Math.max(Math.abs(a), Math.abs(b))));

const row = (array, r, width) => array.subarray(r * width, (r + 1) * width);
const float = (x) => (reading.isRecorded ? round(x) : x);

const checkpoint = () => record.checkpoints[chosen.c];
const numbers = () => reading.numbers;
const details = () => reading.details;
const largest = (array) => {
  let most = 0;
  for (const x of array) most = Math.max(most, Math.abs(x));
  return most;
};
const argmax = (array) => array.reduce((best, x, n) => (x > array[best] ? n : best), 0);
const trueNext = (t) => (t <= K ? reading.targets[t - 1] : null);
const chosenToken = () => chosen.v ?? trueNext(chosen.t) ?? argmax(row(numbers().p, chosen.t - 1, S));
