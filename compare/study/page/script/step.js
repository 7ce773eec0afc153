// ---------------------------------------------------------------- 2: one step

/** How far apart two values of the tensor `name` are, as a share of what rounding explains there. */
function apart(name, a, b) {
  if (a === b) return "the same float";
  const share = `${percent(Math.abs(a - b) / checkpoint().allowed[name])} of the rounding allowed`;
  return chosen.ulps ? `${share}, ${times(Number(rounded(ulps(a, b))), "ulp")}` : share;
}

/** Return where two arrays are farthest apart; what `apart` needs of them. */
function farthest(a, b) {
  let most = 0;
  for (let n = 1; n < a.length; n++) if (Math.abs(a[n] - b[n]) > Math.abs(a[most] - b[most])) most = n;
  return [a[most], b[most]];
}

/** A row of NumPy's array and of PyTorch's. Where the page computes, the other side has no numbers. */
const both = (arrays, name, r, width) =>
  [row(arrays[name], r, width), arrays[`torch.${name}`] ? row(arrays[`torch.${name}`], r, width) : []];

/** Of the tensor `name` NumPy's value, PyTorch's, and how far they are apart; `all` are the rows of both. */
function values(what, name, a, b, all = null) {
  if (b === undefined) {
    return make("div", { class: "values" }, make("div", { class: "what" }, what),
      make("dl", {}, make("dt", {}, "float64"), make("dd", { class: "main", "data-side": "page" }, show(a))));
  }
  const isWithin = Math.abs(a - b) <= checkpoint().allowed[name];
  const list = make("dl", {},
    make("dt", {}, "NumPy"), make("dd", { class: "main", "data-side": "numpy" }, show(a)),
    make("dt", {}, "PyTorch"), make("dd", { "data-side": "torch" }, show(b)),
    make("dt", {}, "apart"), make("dd", { "data-side": "apart", class: isWithin ? "agrees" : "apart" }, apart(name, a, b)));
  if (all && all[0].length > 1) {
    const [x, y] = farthest(...all);
    list.append(make("dt", {}, `all ${all[0].length}`), make("dd", { class: "agrees" }, x === y ? "the same floats" : `at most ${apart(name, x, y)}`));
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
  const token = reading.tokens[t - 1];
  const id = reading.ids[t - 1];
  const v = chosenToken();
  const name = record.shown_tokens[v];
  const next = trueNext(t);
  const [h, q] = both(n, "h", t, H);
  const [y, yq] = both(n, "y", t - 1, S);
  const [p, pq] = both(n, "p", t - 1, S);
  const mostState = F === "tanh" ? 1 : largest(h) || 1;
  const at = units.indexOf(i); // the unit's place among those that are shown
  const focused = document.activeElement?.id;

  $("step-lead").textContent = `Step ${t} reads ${quoted(token)}. Each picture is one vector, with a cell for each number`
    + `${units.length < H ? ` (of the state: for each of the ${units.length} units shown)` : ""}. The frame marks unit ${i}; the numbers on the right are those of this unit. `
    + `${IS_GATED ? "" : "Under each picture stands the line of scratch_rnn/plain that says the same in NumPy."}${reading.isRecorded ? " “Apart” is the difference between NumPy and PyTorch, as a share of what rounding explains at the vector’s most sensitive number." : ""}`;
  const complete = record.checkpoints.filter((c) => c.details).map((c) => c.label).join(", ");
  $("step-absent").textContent = d ? "" : `The weights ${checkpoint().label} are left out to keep the page small, and so are the sums made with them. `
    + (complete ? `The page has the weights ${complete}.` : "A larger --megabytes keeps them.");

  const oneHot = new Float32Array(V);
  oneHot[id] = 1;
  const links = [link("The token as a vector", "x_t = onehot(id)", "(V,)",
    `${capital(quoted(token))} has number ${id} in the vocabulary. The vector has ${V} places; place ${id} is 1, all others are 0.`,
    [strip(math("x_t"), oneHot, 1, id, `1 in place ${id}`)], null, ["x"])];
  if (d) links.push(...(IS_GATED ? gates(d, t, i) : sums(d, t, i)));
  if (IS_GATED) links.push(link("The new state", NEW_STATE[record.cell], "(H,)", "The gates decide for each unit how much of its state is new.",
    [strip(math("h_t"), ofShown(h), mostState, at, show(h[i]))], values(`unit ${i}`, "h", h[i], q[i], [h, q]), []));
  else links.push(link("The new state", F === "tanh" ? "h_t = tanh(z_t)" : "h_t = max(0, z_t)", "(H,)",
    F === "tanh" ? "tanh squeezes each sum into −1 … 1. Far out it is flat: such a unit is saturated, and hardly any gradient passes through it."
      : "ReLU keeps what is positive and drops the rest; a unit that is dropped passes no gradient.",
    [strip(math("h_t"), ofShown(h), mostState, at, show(h[i])), d ? bend(row(d.z, t - 1, H)[i], h[i]) : null],
    values(`unit ${i}`, "h", h[i], q[i], [h, q]), ["h"]));

  const select = make("select", { id: "token-select" }, record.shown_tokens.map((each, m) =>
    make("option", { value: m, selected: m === v }, each === " " ? "space" : each)));
  select.addEventListener("change", () => choose({ v: Number(select.value) }));
  const share = d ? [` Unit ${i} adds `, make("span", { class: "figure" }, show(float(d.W[v * H + i] * h[i]))), " of it."] : [];
  links.push(link("A score for each token", "y_t = W h_t + b", "(V,) = (V, H) (H,) + (V,)",
    [`How much the state speaks for each token. For ${quoted(name)} the score is a sum over all units.`, ...share],
    [strip(math("y_t"), y, largest(y), v, show(y[v])),
      make("div", { class: "pick" }, make("label", { for: "token-select" }, "Token"), select,
        chosen.v === null ? (next === null ? "the likeliest" : "the one that truly comes next") : make("button", { type: "button", id: "token-reset", onclick: () => choose({ v: null }) }, "Back to the true one"))],
    values(quoted(name), "y", y[v], yq[v], [y, yq]), ["y"]));
  links.push(link("Probabilities", "log p_t = y_t - m - log Σ exp(y_t - m), m = max y_t", "(V,)",
    "This is softmax: exp makes every score positive, and the sum makes them add up to 1. The largest score m is taken off first, so that exp cannot overflow. The result is the same.",
    [bars(p, v, next)], values(quoted(name), "p", p[v], pq[v], [p, pq]), ["m", "log p"]));
  links.push(next === null
    ? link("The loss", "L_t = -log p_t[next]", "a number", "This is the last token: nobody knows what comes next, so there is no loss.", [], null, ["L"])
    : link("The loss", "L_t = -log p_t[next]", "a number",
      `${capital(quoted(record.shown_tokens[next]))} came next, and the network gave it ${percent(p[next])}. The less it expected what came, the larger the loss.`,
      [surprise(p[next], n.L[t - 1])], values("nats", "L", n.L[t - 1], n["torch.L"]?.[t - 1]), ["L"]));
  $("chain").replaceChildren(...links);
  if (focused && !document.activeElement?.id && $(focused)) $(focused).focus({ preventScroll: true });
  else if (focused === "token-reset") $("token-select").focus({ preventScroll: true });
  $("matrix").hidden = !d;
  if (d) drawProducts(d, t, i);
}

/** The three links of the chain that need weights. */
function sums(d, t, i) {
  const column = reading.column[t - 1];
  const [a, aq] = both(d, "a", column, H);
  const [r, rq] = both(d, "r", t - 1, H);
  const [z, zq] = both(d, "z", t - 1, H);
  const before = row(numbers().h, t - 1, H);
  const weights = row(d.W_hh, i, H);
  const products = weights.map((w, j) => w * before[j]);
  const at = units.indexOf(i);
  const part = (what, x) => [make("span", {}, math(what)), " = ", make("span", { class: "figure" }, show(x))];
  return [
    link("What the token says", "a_t = W_{ih} x_t + b_{ih} + b_{hh}", "(H,) = (H, V) (V,) + (H,) + (H,)",
      ["The only 1 in ", math("x_t"), " picks a column of ", math("W_{ih}"), ", so nothing is multiplied. For unit ", `${i}: `,
        ...part("W_{ih}", row(d.W_ih, reading.inputRow[t - 1], H)[i]), ", ", ...part("b_{ih}", d.b_ih[i]), ", ", ...part("b_{hh}", d.b_hh[i]), "."],
      [strip(math("a_t"), ofShown(a), largest(a), at, show(a[i]))], values(`unit ${i}`, "a", a[i], aq[i], [a, aq]), ["z"]),
    link("What the state before says", "r_t = W_{hh} h_{t-1}", "(H,) = (H, H) (H,)",
      ["Each unit listens to all units of the step before. For unit ", `${i}: its row of `, math("W_{hh}"), ", times the state, cell by cell, added up.",
        t === 1 ? " Before the first step the state is zero." : ""],
      [strip(math("h_{t-1}"), ofShown(before), F === "tanh" ? 1 : largest(before), null),
        strip(make("span", {}, `row ${i} of `, math("W_{hh}")), ofShown(weights), largest(weights), null),
        strip("their products", ofShown(products), largest(products), null, `± ${rounded(largest(products))}`)],
      values(`unit ${i}`, "r", r[i], rq[i], [r, rq]), ["z"]),
    link("Both together", "z_t = a_t + r_t", "(H,) = (H,) + (H,)",
      "What was read and what was remembered meet in one sum.",
      [strip(math("z_t"), ofShown(z), largest(z), at, show(z[i]))], values(`unit ${i}`, "z", z[i], zq[i], [z, zq]), ["z"]),
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
  const over = (r, c) => readMatrix(r === null ? chosen.i : units[r], c === null ? null : units[c]);
  matrix.map = new HeatMap("W hh, a row for each unit that listens and a column for each unit that is heard. Up and down choose the unit, left and right the step.", {
    pick: (r) => choose({ i: units[r] }), move: moveStepAndUnit, over, hasColumn: false,
  });
  $("matrix-picture").append(matrix.map.element);
}

function readMatrix(i, j) {
  const d = details();
  if (!d) return;
  $("matrix-readout").replaceChildren(...(j === null
    ? [`row ${i}: what unit ${i} listens to`]
    : [`unit ${i} hears unit ${j} with weight `, make("b", {}, show(d.W_hh[(CANDIDATE * H + i) * H + j]))]));
}

function drawMatrix() {
  const d = details();
  if (!d) return;
  const most = largest(d.W_hh) || 1;
  const side = Math.min(400, $("matrix-picture").clientWidth || 400);
  const U = units.length;
  $("matrix-title").replaceChildren(U === H ? "All of " : `${U} rows and columns of `, math(IS_GATED ? `W_{h${CANDIDATE_NAME}}` : "W_{hh}"),
    IS_GATED ? ", the part that makes the candidate" : "");
  matrix.map.paint(U, U, side, side, (r, c) => colour(d.W_hh[(CANDIDATE * H + units[r]) * H + units[c]] / most));
}

function drawProducts(d, t, i) {
  matrix.map.mark(units.indexOf(i), 0);
  readMatrix(i, null);
  const before = row(numbers().h, t - 1, H);
  const weights = row(d.W_hh, CANDIDATE * H + i, H);
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
