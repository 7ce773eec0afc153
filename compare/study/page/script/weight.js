// ---------------------------------------------------------------- one weight, changed by hand
//
// The loss as a function of one weight w, all others fixed. Its slope at w is the gradient ∂L/∂w, which
// the backward pass computes. It can also be measured, with the forward pass alone:
//
//     slope = (L(w + ε) - L(w - ε)) / 2ε
//
// `live.edit` is the weight that was changed, { name, n, before }; one at a time.

const EPSILON = 1e-5;
const REACH = 1; // the picture has the weight as it was, ± REACH
const weight = { name: "rnn.weight_hh_l0", n: 0, map: null };
const LETTERS = Object.fromEntries(NAMES.map((name, n) => [name, ["W_ih", "W_hh", "b_ih", "b_hh", "W", "b"][n]]));

function setUpWeight() {
  weight.map = new HeatMap("All weights of this parameter, a row for each output and a column for each input. Arrow keys choose one.", {
    pick: (r, c) => pickWeight(weight.name, r * columnsOf(weight.name) + c),
    move: (down, right) => {
      const columns = columnsOf(weight.name);
      const rows = parameter().length / columns;
      const [r, c] = [Math.floor(weight.n / columns), weight.n % columns];
      pickWeight(weight.name, clamp(r + down, 0, rows - 1) * columns + clamp(c + right, 0, columns - 1));
    },
  });
  $("weight-map").append(weight.map.element);
  $("weight-select").append(...NAMES.map((name) => make("option", { value: name, selected: name === weight.name }, LETTERS[name])));
  $("weight-select").addEventListener("change", () => pickWeight($("weight-select").value, 0));
  $("weight-slider").addEventListener("input", () => setWeight(original() + Number($("weight-slider").value)));
  $("weight-field").addEventListener("change", () => {
    const value = $("weight-field").valueAsNumber;
    if (Number.isFinite(value)) setWeight(value);
    else redraw("weight");
  });
  $("weight-back").addEventListener("click", () => {
    putBack();
    readAgain();
  });
}

const parameter = () => live.network.parameters[weight.name];
const columnsOf = (name) => ({ "rnn.weight_ih_l0": V, "rnn.weight_hh_l0": H, "linear.weight": H }[name] ?? 1);
const original = () => live.edit?.before ?? parameter()[weight.n];

/** Choose a weight; one that was changed before is put back. */
function pickWeight(name, n) {
  Object.assign(weight, { name, n });
  if (live.edit) {
    putBack();
    readAgain();
  }
  redraw("weight");
}

function setWeight(value) {
  live.edit ??= { name: weight.name, n: weight.n, before: parameter()[weight.n] };
  parameter()[weight.n] = value;
  if (Object.is(value, live.edit.before)) live.edit = null;
  readAgain();
}

/** Give the changed weight its old value, exactly. */
function putBack() {
  if (!live.edit) return;
  const { name, n, before } = live.edit;
  live.network.parameters[name][n] = before;
  live.edit = null;
}

/** The mean loss of a text, by the forward pass alone. */
function meanLoss(network, ids) {
  return meanOf(lossesOf(network.forward(ids.slice(0, -1)), ids.slice(1)).map(({ loss }) => loss));
}

/** The mean loss with another value of one weight; afterwards the weight is as before. */
function lossWith(network, ids, name, n, value) {
  const all = network.parameters[name];
  const now = all[n];
  all[n] = value;
  const loss = meanLoss(network, ids);
  all[n] = now;
  return loss;
}

/** The slope of the loss at a weight, measured on both sides of it. */
function measuredSlope(network, ids, name, n) {
  const [less, more] = [-EPSILON, EPSILON].map((e) => network.parameters[name][n] + e);
  const [below_, above] = [less, more].map((value) => lossWith(network, ids, name, n, value));
  return { below: below_, above, slope: (above - below_) / (more - less) };
}

/** "W_hh[5, 3]" */
function nameOf(name, n) {
  const columns = columnsOf(name);
  return `${LETTERS[name]}[${columns > 1 ? `${Math.floor(n / columns)}, ${n % columns}` : n}]`;
}

/** "W_hh[5, 3], from unit 3 of the step before to unit 5" */
function meaningOf(name, n) {
  const columns = columnsOf(name);
  const [r, c] = [Math.floor(n / columns), n % columns];
  const to = name.startsWith("linear") ? `to the logit of ${quoted(record.shown_tokens[r])}` : `to unit ${r % H}${IS_GATED ? `, gate ${record.gates[Math.floor(r / H)]}` : ""}`;
  const from = { "rnn.weight_ih_l0": () => `from ${quoted(record.shown_tokens[c])} `, "rnn.weight_hh_l0": () => `from unit ${c} of the step before `, "linear.weight": () => `from unit ${c} ` }[name];
  return `${nameOf(name, n)}, ${from ? from() : "a bias, added "}${to}`;
}

function drawWeight() {
  if (isAbsent("weight", whyNoLoss())) return;
  const { name, n } = weight;
  const all = parameter();
  const columns = columnsOf(name);
  const rows = all.length / columns;
  const most = largest(all) || 1;
  const wide = columns === 1 ? 40 : clamp(spaceOf("weight-map"), 200, 300);
  weight.map.paint(rows, columns, wide, clamp((rows * wide) / columns, 120, 210), (r, c) => colour(all[r * columns + c] / most));
  Object.assign(weight.map.element.dataset, { rows: name.startsWith("linear") ? "token" : "any", columns: { "rnn.weight_ih_l0": "token", "rnn.weight_hh_l0": "any", "linear.weight": "any" }[name] ?? "" });
  weight.map.mark(Math.floor(n / columns), n % columns);
  const g = reading.back.gradients[name][n];
  const here = meanLoss(live.network, reading.ids);
  const { below: lossBelow, above, slope } = measuredSlope(live.network, reading.ids, name, n);
  $("weight-name").textContent = `${meaningOf(name, n)}.`;
  $("weight-select").value = name;
  $("weight-field").value = all[n];
  const moved = all[n] - original();
  $("weight-slider").value = moved;
  $("weight-slider").setAttribute("aria-valuetext", `${rounded(all[n], 4)}, which was ${rounded(original(), 4)}`);
  $("weight-value").textContent = `${moved < 0 ? "−" : "+"} ${rounded(Math.abs(moved), 3)}`;
  $("weight-back").disabled = !live.edit;
  $("weight-whose").textContent = live.edit ? `It was ${live.edit.before}. All numbers and pictures of the page are computed with the new value.` : "";
  const digitsEqual = slope === g ? null : Math.floor(-Math.log10(Math.abs(slope - g) / Math.max(Math.abs(slope), Math.abs(g))));
  const line = (key, what, value) => [make("dt", {}, what), make("dd", { "data-weight": key }, value)];
  $("weight-numbers").replaceChildren(
    ...line("gradient", make("span", {}, "gradient ", math("∂L/∂w")), rounded(g, 10)),
    ...line("slope", make("span", {}, "measured slope"), rounded(slope, 10)),
    ...line("difference", "their difference", rounded(Math.abs(slope - g), 3)),
    ...line("above", math("L(w + ε)"), rounded(above, 15)),
    ...line("below", math("L(w - ε)"), rounded(lossBelow, 15)),
    ...line("loss", make("span", {}, "mean loss ", math("L(w)")), rounded(here, 10)),
    ...(live.edit ? [...line("change", make("span", {}, "change of ", math("L"), " by the move"), rounded(here - lossWith(live.network, reading.ids, name, n, live.edit.before), 4))] : []));
  $("weight-said").textContent = g === 0 && slope === 0 ? "Both are 0: this weight has no part in this loss."
    : digitsEqual === null ? "Both are the same float."
      : digitsEqual > 0 ? `Gradient and slope agree to ${times(digitsEqual, "digit")}.`
        : "Gradient and slope do not agree in a single digit: the slope is too small to be measured, or the backward pass is wrong.";
  delete $("weight-picture").dataset.done;
  const input = { network: live.network, ids: reading.ids, name, n, middle: original() };
  compute(lossesAround, input, 33 * T * productsOf(live.network), (losses) => drawLossOfWeight(losses, all[n], g), { isHere: true });
}

/** The number of products of one step. */
const productsOf = ({ parameters }) => NAMES.reduce((sum, name) => sum + parameters[name].length, 0);

/** The loss at values around one of a weight: [value, loss] of each. */
function* lossesAround({ network, ids, name, n, middle }) {
  const found = [];
  for (let m = -16; m <= 16; m++) {
    const value = middle + (m * REACH) / 16;
    found.push([value, lossWith(network, ids, name, n, value)]);
    yield;
  }
  return found;
}

function drawLossOfWeight(losses, w, g) {
  const loss = reading.loss;
  const here = meanLoss(live.network, reading.ids);
  const [wide, tall, bottom, top] = [widthOf("weight-picture"), 230, 40, 26];
  const ends = [losses[0][0], losses.at(-1)[0]];
  const [first, last] = [Math.min(ends[0], w), Math.max(ends[1], w)];
  const values_ = [...losses.map(([, each]) => each), here];
  const spread = Math.max(...values_) - Math.min(...values_) || 1e-3;
  const [least, most] = [Math.min(...values_) - 0.1 * spread, Math.max(...values_) + 0.1 * spread];
  const ticks = ticksOf(least, most);
  const places = clamp(-Math.floor(Math.log10(ticks[1] - ticks[0]) + 1e-9), 0, 12);
  const left = 16 + 8 * most.toFixed(places).length;
  const x = (value) => left + ((value - first) / (last - first)) * (wide - left - 24);
  const y = (value) => top + ((most - value) / (most - least)) * (tall - top - bottom);
  const parts = [text(0, 12, "mean loss L", ""), ...gridOf(ticks, y, left, wide - 24, (value) => value.toFixed(places))];
  for (const value of [ends[0], original(), ends[1]]) parts.push(text(x(value), tall - bottom + 18, rounded(value, 3), "", "middle"));
  parts.push(text((left + wide) / 2, tall - 6, `weight ${nameOf(weight.name, weight.n)}`, "", "middle"),
    draw("polyline", { class: "curve", points: losses.map(([value, each]) => `${x(value).toFixed(2)},${y(each).toFixed(2)}`).join(" ") }));
  const reach = Math.min(REACH / 2, (0.45 * (most - least)) / Math.max(Math.abs(g), 1e-300)); // of the tangent
  parts.push(draw("line", { class: "line tangent", x1: x(w - reach), y1: y(here - g * reach), x2: x(w + reach), y2: y(here + g * reach) }),
    draw("circle", { class: "here", cx: x(w), cy: y(here), r: 6 }));
  $("weight-picture").replaceChildren(draw("svg", { class: "chart", viewBox: `0 0 ${wide} ${tall}`, role: "img",
    "aria-label": `The mean loss as a function of this weight, from ${rounded(ends[0])} to ${rounded(ends[1])}: ${rounded(losses[0][1])} at the left, ${rounded(losses.at(-1)[1])} at the right. At ${rounded(w)} it is ${rounded(loss ?? here)}, and the tangent has slope ${rounded(g)}.` }, parts));
  $("weight-picture").dataset.done = "true";
}

addPanel({ place: 3.3, section: "weight", views: [["c text weight *", drawWeight]], setUp: setUpWeight });
