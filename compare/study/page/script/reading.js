// ---------------------------------------------------------------- the text, the weights, the results

/** What all pictures show: the tokens of a text, and all results for it. */
let reading = null;

/**
 * The current weights. `base` is W_hh before the gain; `edit` is a weight that was changed by hand: see weight.js;
 * `isRead`: `reading` has the results of these weights; `optimizer` trains them; `own` is the network of
 * the address, until another checkpoint is chosen.
 */
const live = { text: null, own: null, network: null, base: null, gain: 1, losses: [], numClipped: 0, edit: null, isRead: false, optimizer: null };

const idOf = new Map(record.shown_tokens.map((token, n) => [token, record.shown[n]]));
const CAN_TYPE = IS_CHARACTERS && S === V; // else the page does not have all rows of W_ih

/** The network with the weights of checkpoint c, in float64; null if the page does not have all of them. */
function networkOf(c) {
  const kept = record.checkpoints[c];
  if (!kept.details || S < V) return null;
  kept.network ??= networkFrom(kept.details);
  return withBug(kept.network.copy(), game.bug?.name);
}

function networkFrom(d) {
  const W_ih = columnsFirst(d.W_ih, V, d.W_ih.length / V); // stored a row for each token: (V, G·H)
  const arrays = [W_ih, ...["W_hh", "b_ih", "b_hh", "W", "b"].map((name) => new Float64Array(d[name]))];
  return new Network(CELL, Object.fromEntries(NAMES.map((name, n) => [name, arrays[n]])));
}

/**
 * The network in the address, as the page to write in passes it on: its characters, then its weights
 * in float32, in the order of NAMES. Null if there is none, or not one with the sizes of this page.
 */
function networkOfAddress() {
  const [, characters, code] = location.hash.match(/^#network=([^&]*)&([\w-]+)$/) ?? [];
  if (!code) return null;
  const tokens = JSON.parse(decodeURIComponent(characters));
  const order = record.shown_tokens.map((token) => tokens.indexOf(token)); // of its tokens, in ours
  const bytes = fromBase64(code);
  const R = H * Math.max(1, record.gates.length);
  const sizes = [R * V, R * H, R, R, V * H, V];
  const size = sizes.reduce((sum, n) => sum + n, 0);
  if (!CAN_TYPE || order.includes(-1) || tokens.length !== V || bytes.length !== 4 * size) return null;
  const all = new Float64Array(new Float32Array(bytes.buffer));
  let end = 0;
  const [W_ih, W_hh, b_ih, b_hh, W, b] = sizes.map((n) => all.slice(end, (end += n)));
  const arrays = [
    W_ih.map((_, n) => W_ih[n - (n % V) + order[n % V]]), W_hh, b_ih, b_hh,
    W.map((_, n) => W[order[Math.floor(n / H)] * H + (n % H)]), b.map((_, n) => b[order[n]]),
  ];
  return new Network(CELL, Object.fromEntries(NAMES.map((name, n) => [name, arrays[n]])));
}

/** Set the current weights to those of the address, or of the chosen checkpoint. */
function takeWeights() {
  live.network = live.own ? withBug(live.own.copy(), game.bug?.name) : networkOf(chosen.c);
  live.base = live.network?.parameters["rnn.weight_hh_l0"].slice() ?? null;
  live.gain = 1;
  live.losses = [];
  live.numClipped = 0;
  live.edit = null;
  live.isRead = false;
  takeOptimizer();
}

/** Begin with an optimizer that has no memory of earlier steps. */
function takeOptimizer() {
  live.optimizer = OPTIMIZERS[$("optimizer-select").value].create();
}

/**
 * Split a text into tokens, one for each character. A character that is not in the vocabulary becomes
 * its lower-case letter; if this is not there either, a space; else <unk>.
 */
function tokensOf(text) {
  return [...text].map((character) =>
    [character, character.toLowerCase(), " ", "<unk>"].find((token) => idOf.has(token))).filter(Boolean);
}

/** Whether the page can compute with the current weights. */
const hasWeights = () => Boolean(live.network) && CAN_TYPE;

const idsOf = (tokens) => tokens.map((token) => idOf.get(token));

/** The token with this id. */
const tokenOfId = (id) => record.shown_tokens[record.shown.indexOf(id)];

const isRecordedText = () => live.text === null || tokensOf(live.text).join("\n") === record.tokens.join("\n");
const isRecordedWeights = () => !live.network || (live.gain === 1 && live.losses.length === 0 && !live.own && !live.edit && !game.bug);

/** Whether PyTorch's numbers are shown beside NumPy's. */
const isCompared = () => reading.isRecorded && chosen.compare;

/** Compute all results for the current text and weights. */
function read() {
  if (!live.network) live.text = null;
  const before = reading;
  reading = isRecordedText() && isRecordedWeights() ? recordedReading() : computedReading(live.network, tokensOf(live.text ?? record.tokens.join("")));
  live.isRead = true;
  computeNorms(reading, before);
  const isLastLoss = chosen.k >= K;
  const isCutAsTrained = chosen.n === Math.min(TRAINED_STEPS, K);
  T = reading.tokens.length;
  K = T - 1;
  chosen.t = clamp(chosen.t, 1, T);
  chosen.k = isLastLoss ? Math.max(K, 1) : clamp(chosen.k, 1, Math.max(K, 1));
  chosen.n = isCutAsTrained ? Math.max(1, Math.min(TRAINED_STEPS, K)) : clamp(chosen.n, 1, Math.max(K, 1));
}

/** The recorded results of NumPy and PyTorch. The backward pass and the gates are computed by the page. */
function recordedReading() {
  const c = checkpoint();
  const { tokens, ids, targets, column } = record;
  const own = live.network ? computedReading(live.network, tokens) : {};
  const shown = IS_GATED && live.network ? own // sums and gates are not recorded for a cell with gates
    : { column, inputRow: column.map((n) => record.input_rows[n]), details: c.details ?? null };
  return {
    isRecorded: true, text: record.text, tokens, ids, targets, column: shown.column, inputRow: shown.inputRow,
    numbers: { ...own.numbers, ...c.numbers }, details: shown.details,
    loss: c.loss, perplexity: c.perplexity, radius: c.radius, singular: c.singular, label: c.label,
    tape: own.tape, back: own.back ?? null,
  };
}

/** Results that the page computes in float64, under the names of the record. */
function computedReading(network, tokens) {
  const ids = idsOf(tokens);
  const targets = ids.slice(1);
  const tape = network.forward(ids);
  const back = targets.length ? network.runBack(tape.slice(0, -1), targets) : null;
  const [W_ih, W_hh, b_ih, b_hh, W, b] = NAMES.map((name) => network.parameters[name]);
  const numbersOfText = {
    h: flat([network.beginState()[0], ...tape.map((step) => step.state[0])]),
    y: flat(tape.map((step) => step.y)),
    p: flat(tape.map((step) => softmax(step.y).p)),
    L: Float64Array.from(back?.losses ?? [], (each) => each.loss),
  };
  const R = b_ih.length;
  const detailsOfText = {
    W_ih: columnsFirst(W_ih, R, V),
    W_hh, b_ih, b_hh, W, b, ...(IS_GATED ? { tape } : sumsOf(tape, network.recurrentBias())),
    d_h: flat((back?.steps ?? []).map((step) => step.d_h)),
  };
  return {
    isRecorded: false, text: tokens.join(""), tokens, ids, targets,
    column: ids.map((_, t) => t), inputRow: ids, numbers: numbersOfText, details: detailsOfText,
    loss: back?.loss ?? null, perplexity: back ? network.perplexity(back.loss) : null, ...sizesOf(), label: labelOf(),
    tape, back,
  };
}

/** M^T: (R, C) -> (C, R) */
function columnsFirst(M, R, C) {
  const made = new Float64Array(R * C);
  for (let r = 0; r < R; r++) for (let c = 0; c < C; c++) made[c * R + r] = M[r * C + c];
  return made;
}

/** a, u and z of all steps of a cell without gates. Here u is W_hh h alone, and a has both biases. */
const sumsOf = (tape, b_hh) => ({
  a: flat(tape.map(({ a }) => add(a, b_hh))),
  u: flat(tape.map(({ u }) => u.map((x, n) => x - b_hh[n]))),
  z: flat(tape.map(({ a, u }) => add(a, u))),
});

const flat = (rows) => {
  const all = new Float64Array(rows.length && rows.length * rows[0].length);
  rows.forEach((each, n) => all.set(each, n * each.length));
  return all;
};

/** Compute the norms of a reading. They take long: the rest is shown before. */
function computeNorms(of, before) {
  const { ids, targets } = of;
  if (of.numbers.norms || !live.network) return;
  const input = { parameters: live.network.parameters, bug: game.bug?.name, ids, targets };
  const products = ids.length * ids.length * live.network.parameters["rnn.weight_hh_l0"].length;
  compute(normsOf, input, products, (norms) => {
    if (reading !== of && !follows(of)) return;
    Object.assign(reading.numbers, norms);
    redraw("norms");
  });
  if (!of.numbers.norms && before && follows(before)) {
    const { norms, gradient_norms } = before.numbers;
    Object.assign(of.numbers, { norms, gradient_norms });
  }
}

/** Whether the reading is of a training on the text of another one: then it shows the norms of some steps before, until its own are there. */
const follows = (other) => training && reading.text === other.text;

/** ‖∂L_k/∂h_t‖ for all losses and steps; the norm of the gradient of all parameters for each loss and for the mean. */
function* normsOf({ parameters, bug, ids, targets }) {
  const network = withBug(new Network(CELL, parameters), bug);
  const { tape, gradients } = network.run(ids.slice(0, -1), targets);
  const count = targets.length;
  const norms = new Float64Array(count * count);
  const gradientNorms = new Float64Array(count + 1);
  for (const [k, target] of targets.entries()) {
    yield;
    const back = network.backFromLast(tape.slice(0, k + 1), target);
    back.steps.forEach((step, t) => (norms[k * count + t] = length(step.d_h)));
    gradientNorms[k] = totalNorm(back.gradients);
  }
  gradientNorms[count] = count ? totalNorm(gradients) : 0;
  return { norms, gradient_norms: gradientNorms };
}

/** The recorded singular value and spectral radius of the recurrent weights, times the gain; null for weights that were not recorded. */
function sizesOf() {
  const { singular, radius } = checkpoint();
  const isRecorded = live.losses.length === 0 && !live.own && !live.edit;
  return singular === null || !isRecorded ? { singular: null, radius: null }
    : { singular: singular * Math.abs(live.gain), radius: radius * Math.abs(live.gain) };
}

/** A label of the current weights: "after 60 epochs, 3 updates here, W_hh × 1.2, with a bug". */
function labelOf() {
  const updates = live.losses.length ? [times(live.losses.length, "update") + " here"] : [];
  const gain = live.gain === 1 ? [] : [`W_hh × ${live.gain.toFixed(2)}`];
  return [live.own ? "trained by your functions" : checkpoint().label, ...updates, ...gain, ...(live.edit ? ["one weight changed"] : []), ...(game.bug ? ["with a bug"] : [])].join(", ");
}

/** Multiply the recurrent weights. */
function setGain(gain) {
  putBack();
  live.gain = gain;
  live.isRead = false;
  live.network.parameters["rnn.weight_hh_l0"] = live.base.map((w) => w * gain);
}

/** One step of training on the text; returns its loss before the step. */
function trainStep() {
  const ids = idsOf(tokensOf(live.text ?? record.tokens.join("")));
  if (ids.length < 2) return null;
  const { loss, gradients } = live.isRead ? reading.back : live.network.run(ids.slice(0, -1), ids.slice(1));
  const norm = live.network.update(gradients, live.optimizer, record.max_norm);
  live.numClipped += live.network.scale(norm, record.max_norm ?? Infinity) !== 1;
  live.isRead = false;
  live.base = live.network.parameters["rnn.weight_hh_l0"].slice(); // the gain is part of the weights from now on
  live.gain = 1;
  live.edit = null; // and so is a changed weight
  live.losses.push(loss);
  return loss;
}

// ---------------------------------------------------------------- for scripts and tests

const nested = (array, width) => Array.from({ length: array.length / width }, (_, r) => [...array.subarray(r * width, (r + 1) * width)]);

/** Arrays by torch's names as nested lists. */
const named = (arrays) => Object.fromEntries(NAMES.map((name) => {
  const width = { "rnn.weight_ih_l0": V, "rnn.weight_hh_l0": H, "linear.weight": H }[name];
  return [name, width ? nested(arrays[name], width) : [...arrays[name]]];
}));

globalThis.rnnParity = {
  /** The current network: its vocabulary in order, and its parameters. */
  network() {
    if (!live.network) throw new Error("the page does not have all weights of this network");
    return { vocab: [...record.shown_tokens], parameters: named(live.network.parameters) };
  },
  /** Read text[:-1] with text[1:] as targets: states (T, H), logits (T, V), mean loss, all gradients. */
  run(text) {
    if (!live.network) throw new Error("the page does not have all weights of this network");
    const ids = idsOf(tokensOf(text));
    if (ids.length < 2) throw new Error("expected a text of at least 2 characters");
    const { tape, loss, gradients } = live.network.run(ids.slice(0, -1), ids.slice(1));
    return { states: tape.map((step) => [...step.state[0]]), logits: tape.map((step) => [...step.y]), loss, gradients: named(gradients) };
  },
};
