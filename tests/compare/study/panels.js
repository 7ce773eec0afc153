// What each panel has to show, computed from what `rnnParity.run` says. Each function returns the differences, as lists.
globalThis.compare = (() => {
  const { all, texts, rows, sum, at, points, differing, paired, expected, wrongCells, cellOf, axis } = see;
  const most = (values_) => Math.max(...values_.map(Math.abs)) || 1;
  const best = (p) => p.indexOf(Math.max(...p));
  const glyphs = (tokens) => tokens.map((token) => ({ " ": "␣", "<unk>": "?" })[token] ?? token);
  const quote = (token) => (token === " " ? "a space" : `“${token}”`);
  const size = (values_) => Math.sqrt(sum([...values_].map((x) => x * x)));
  const now = () => expected($("text-input").value);
  const word = (id) => $(id).textContent;

  /** The states, the probabilities, the letters between them, and what is marked. */
  function unrolled() {
    const { h, p, ids, vocab } = now();
    const [{ t, i, v }, tokens] = [chosen, glyphs(vocab)];
    const [states, chances] = all("#unrolled-picture canvas");
    const cells = all("#unrolled-picture .cells").map((each) => [...each.children]);
    const read = (n) => cells[n].map((each) => each.textContent);
    const mark = (canvas, kind, count) => cellOf(canvas.parentElement.querySelector(`.mark${kind}`), canvas, count, T);
    const names = (n, count) => [...all("#unrolled-picture .gutter.tokens")[n].children].map((each) => cellOf(each, [states, chances][n], count, 1)[0]);
    const whole = F === "tanh" ? 1 : Math.max(...h.flat());
    return [
      ...wrongCells("state", states, H, T, (r, c) => h[c][r] / whole),
      ...wrongCells("probability", chances, V, T, (r, c) => Math.sqrt(p[c][r])),
      ...differing([
        ...paired("letter", read(0), ids.map((id) => tokens[id])),
        ...paired("next", read(1), [...ids.slice(1).map((id) => tokens[id]), "–"]),
        ...paired("guess", read(2), p.map((each) => tokens[best(each)])),
        ...paired("right", cells[2].map((each) => each.firstElementChild.matches(".right:not(.wrong)")), p.map((each, n) => best(each) === ids[n + 1])),
        ...paired("p(next)", read(3), [...ids.slice(1).map((id, n) => p[n][id].toFixed(2).replace(/^0/, "")), ""]),
        ...paired("ring", all(".ring", chances.parentElement).map((ring) => cellOf(ring, chances, V, T)), ids.slice(1).map((id, n) => [id, n])),
        ...paired("unit's name", names(0, H), h[0].map((_, n) => n)),
        ...paired("token's name", names(1, V), vocab.map((_, n) => n)),
        ["row of the unit", mark(states, ".across", H)[0], i],
        ["column of the step", mark(states, ":not(.across)", H)[1], t - 1],
        ["row of the token", mark(chances, ".across", V)[0], v ?? ids[t] ?? best(p[t - 1])],
        ["chosen letter", cells[0].findIndex((each) => each.matches(".chosen")), t - 1],
        ["readout", word("unrolled-readout"), `step ${t} · unit ${i} · h${t} = ${rounded(h[t - 1][i], 8)}`],
        ["ends of the scale", texts("#state-legend .ticks span"), [`−${rounded(whole)}`, "0", rounded(whole)]],
      ])];
  }

  /** What is under the pointer is read, and not chosen. */
  function pointed() {
    const { h, p, vocab } = now();
    const [before, found] = [JSON.stringify(chosen), []];
    const [states, chances, norms] = all("#unrolled-picture canvas, #triangle-picture canvas");
    const over = (canvas, count, columns, r, c) => {
      const { x, y, width, height } = canvas.getBoundingClientRect();
      canvas.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, clientX: x + ((c + 0.5) / columns) * width, clientY: y + ((r + 0.5) / count) * height }));
    };
    for (const [r, c] of [[0, 0], [3, 2], [H - 1, T - 1]]) {
      over(states, H, T, r, c);
      found.push(["state", word("unrolled-readout"), `step ${c + 1} · unit ${r} · h${c + 1} = ${rounded(h[c][r], 8)}`]);
      over(chances, V, T, r, c);
      found.push(["probability", word("unrolled-readout"), `step ${c + 1} · ${quote(vocab[r])} comes next with probability ${rounded(p[c][r], 8)}`]);
    }
    for (const [k, t] of [[3, 4], [9, 8], [9, 9], [K, 1], [K, K]]) {
      over(norms, K, K, k - 1, t - 1);
      const isCut = t <= Math.floor((k - 1) / chosen.n) * chosen.n;
      found.push(["norm", word("triangle-readout"), t > k ? `loss ${k} comes before step ${t}: no gradient`
        : `loss ${k}, step ${t}: ${rounded(reading.numbers.norms[(k - 1) * K + t - 1], 8)}${isCut ? " (cut off)" : ""}`]);
    }
    for (const each of [states, chances, norms]) each.parentElement.dispatchEvent(new PointerEvent("pointerleave"));
    return differing([...found, ["choice", JSON.stringify(chosen), before]]);
  }

  /** The point of a curve, and the curve, in the units of its axes: pairs of [what, shown, right]. */
  function bendOf(svg, z, h) {
    const f = F === "tanh" ? Math.tanh : (x) => Math.max(0, x);
    const [dot, [level, upright], curve] = [svg.querySelector("circle"), all("line.grid", svg), points(svg.querySelector("polyline"))];
    const [reach, [right, top]] = [Math.max(3, 1.15 * Math.abs(z)), curve.at(-1)];
    const x = (place_) => ((place_ - at(upright, "x1")) / (right - at(upright, "x1"))) * reach;
    const y = (place_) => ((at(level, "y1") - place_) / (at(level, "y1") - top)) * f(reach);
    return [["z", x(at(dot, "cx")), z], ["h", y(at(dot, "cy")), h], ...curve.map(([a, b]) => ["curve", y(b), f(x(a))])];
  }

  function lossCurve(link, p, loss) {
    const [dot, [left, right]] = [link.querySelector("circle.dot"), all("text", link).map((each) => at(each, "x"))];
    const [foot, share_] = [at(link.querySelector("line.grid"), "y1"), (x) => (x - left) / (right - left)];
    const [x, y] = points(link.querySelector("polyline"))[5];
    return [["p", share_(at(dot, "cx")), p], ["loss", (foot - at(dot, "cy")) / loss, (foot - y) / -Math.log(share_(x))]];
  }

  /** One step, number by number: pictures, the numbers beside them, lines of code, curves, products. */
  function step() {
    const { h: states, y: logits, p: chances, L, ids, vocab, W_ih, W_hh, b_ih, b_hh, W } = now();
    const { t, i } = chosen;
    const [h, y, p, before] = [states[t - 1], logits[t - 1], chances[t - 1], states[t - 2] ?? states[0].map(() => 0)];
    const v = chosen.v ?? ids[t] ?? best(p);
    const a = W_ih.map((weights, r) => weights[ids[t - 1]] + b_ih[r] + (IS_GATED ? 0 : b_hh[r]));
    const u = W_hh.map((weights, r) => sum(weights.map((w, j) => w * before[j])) + (IS_GATED ? b_hh[r] : 0));
    const z = a.map((x, r) => x + u[r]);
    const parts = IS_GATED ? CELL.parts.map(({ of }) => [...reading.tape[t - 1].parts[of]]) : [];
    const weights = W_hh[BLOCK * H + i];
    const products = weights.map((w, j) => w * before[j]);
    const ofState = (values_) => (F === "tanh" ? 1 : most(values_));
    const strip_ = (values_, whole = most(values_), beside = rounded(values_[i], 8)) => [values_, whole, beside];
    const blocks = (values_) => record.gates.map((_, n) => strip_(values_.slice(n * H, (n + 1) * H)));
    const strips = [
      [vocab.map((_, n) => Number(n === ids[t - 1])), 1, `entry ${ids[t - 1]} is 1`],
      ...(IS_GATED ? [...blocks(a), ...blocks(u), ...parts.map((each) => strip_(each, Math.max(1, most(each))))]
        : [strip_(a), strip_(before, ofState(before), ""), strip_(weights, most(weights), ""), strip_(products, most(products), `± ${rounded(largest(products))}`), strip_(z)]),
      strip_(h, ofState(h)), strip_(y, most(y), rounded(y[v], 8))];
    const figures = [...(IS_GATED ? parts.map((each) => each[i]) : [a[i], u[i], z[i]]), h[i], y[v], p[v], ...(t < T ? [L[t - 1]] : [])];
    const links = all("#chain > li");
    const [canvases, bars] = [all("#chain .strip canvas"), all("rect.column", links.at(-2))];
    const tall = bars.map((each) => at(each, "height"));
    const code = (line) => {
      const [file, number] = line.querySelector(".where").textContent.split(":");
      return ["code", line.querySelector("code").textContent, record.plain.find((version) => version.file === file).lines[number - 1].trim()];
    };
    const order = products.map((_, j) => j).sort((m, n) => Math.abs(products[n]) - Math.abs(products[m]) || m - n);
    const wordsOf = (n) => links.at(n).querySelector("p").textContent;
    return [
      ...strips.flatMap(([values_, whole], n) => wrongCells(`picture ${n}`, canvases[n], 1, values_.length, (_, c) => values_[c] / whole)),
      ...differing([
        ...paired("beside a picture", texts("#chain .strip .name .figure"), strips.map(([, , beside]) => beside)),
        ...paired("number", texts("#chain [data-side=page]"), figures.map((x) => rounded(x, 8))),
        ...all("#chain .source").map(code),
        ["id", wordsOf(0).includes(`is token ${ids[t - 1]} of the vocabulary`), true],
        ["part of the logit", texts("p .figure", links.at(-3)), rounded(W[v][i] * h[i], 8)],
        ["probability", t < T ? wordsOf(-1).includes(`${quote(vocab[ids[t]])} came next, with a probability of ${percent(p[ids[t]])}.`.replace(/^a/, "A")) : wordsOf(-1),
          t < T ? true : "This is the last token. No token follows, so there is no loss."],
        ["most likely", links.at(-2).querySelector("svg").ariaLabel.split("; ")[1], `the most likely one is ${vocab[best(p)].replace(" ", "a space")} with ${rounded(Math.max(...p))}.`],
        ["column of the token", bars.findIndex((each) => each.matches(".chosen")), v],
        ...paired("largest unit", texts("#products thead th").slice(1), order.slice(0, 8).map(String)),
        ...paired("product", rows($("products")), Object.entries({ weight: weights, state: before, product: products }).map(([what, numbers_]) => [what, ...order.slice(0, 8).map((j) => rounded(numbers_[j], 8))])),
        ["other products", word("products-lead").endsWith(t === 1 ? "so is each product." : `The sum of the other ${H - 8} is about ${rounded(sum(order.slice(8).map((j) => products[j])))}.`), true],
      ]),
      ...differing([...tall.map((x, n) => ["column", x / Math.max(...tall), p[n] / Math.max(...p)]), ...(t < T ? lossCurve(links.at(-1), p[ids[t]], L[t - 1]) : []),
        ...(IS_GATED ? [] : bendOf(links[4].querySelector("svg"), z[i], h[i]))], 1e-4),
    ];
  }

  /** The gradient at a step: the numbers of its stages, and the picture of the steps around. */
  function flow() {
    const { h, L, gradients } = now();
    const { steps } = reading.back;
    const [t, i, place_] = [Math.min(chosen.t, K), chosen.i, BLOCK * H + chosen.i];
    const { fromLoss, fromNext, d_h, d_u } = steps[t - 1];
    const added = (n) => steps[n].d_u[place_] * (n ? h[n - 1][i] : 0);
    const last = t === 1 ? gradients["rnn.weight_hh_l0"][place_][i] : sum(steps.slice(t - 1).map((_, n) => added(t - 1 + n)));
    const right = { d_h_k: [fromLoss[i], size(fromLoss)], d_h: [fromNext[0][i], size(fromNext[0])], d_sum: [d_h[i], size(d_h)], d_u: [d_u[place_], size(d_u)],
      d_W_hh: [added(t - 1), size(d_u) * size(h[t - 2] ?? [0])], "d_W_hh sum": [last, null], ...(fromNext[1] ? { d_c: [fromNext[1][i], size(fromNext[1])] } : {}) };
    const svg = $("flow-picture").querySelector("svg");
    const [first, end] = svg.ariaLabel.match(/\d+/g).map(Number);
    const around = Array.from({ length: end - first + 1 }, (_, n) => first + n);
    const halo = texts("text.halo", svg);
    const sizes = ["fromLoss", "d_h"].map((name) => steps.map((each) => size(each[name])));
    const next = steps.map((each) => size(each.fromNext[0]));
    const log = sizes[1].map(Math.log10);
    const reached = around.filter((n) => n > t || (n === t && chosen.s >= 1 && chosen.t <= K));
    const share_ = (n) => Math.max(0.02, 1 - (Math.max(...log) - log[n - 1]) / Math.max(1, Math.max(...log) - Math.min(...log)));
    const every = [...sizes[0], ...next.slice(0, -1)].map(Math.log10);
    const thick = (x) => 1 + (7 * (Math.log10(x) - Math.min(...every))) / (Math.max(...every) - Math.min(...every));
    const arrows = all("line.backward", svg).map((each) => at(each, "stroke-width")).sort();
    const ofState = F === "tanh" ? 1 : most(h.flat());
    return [
      ...differing([
        ...Object.entries(right).flatMap(([key, [one, norm_]]) => {
          const item = document.querySelector(`#flow-numbers li:has([data-flow='${key}'])`);
          return [[key, item.querySelector(".figure").textContent, rounded(one, 6)], [`norm of ${key}`, item.querySelector(".all").textContent, norm_ === null ? "" : `norm ${rounded(norm_, 4)}`]];
        }),
        ["slope", !IS_GATED && !texts("#flow-numbers button").join().includes(`times the slope, which is ${rounded(F === "tanh" ? 1 - h[t - 1][i] ** 2 : Number(h[t - 1][i] > 0))} for unit ${i}`), false],
        ["steps around", first <= t && t <= end, true],
        ["spoken", svg.ariaLabel.split("The gradient is ")[1], `at step ${t}: ${rounded(sizes[0][t - 1])} from the loss, ${rounded(next[t - 1])} from the next step.`],
        ...paired("loss", texts("text", svg).filter((each) => each.startsWith("L")).map((each) => each.replace(/[₀-₉]/g, (c) => "₀₁₂₃₄₅₆₇₈₉".indexOf(c))), around.map((n) => `L${n} ${rounded(L[n - 1], 2)}`)),
        ...paired("state", all("rect[fill]", svg).map((each) => each.getAttribute("fill")), around.flatMap((n) => h[n - 1].map((x) => css(colour(x / ofState))))),
        ...reached.map((n) => ["norm of a step", texts("text.strong", svg).includes(rounded(sizes[1][n - 1], 2)), true]),
        ...reached.flatMap((n) => [sizes[0], next].map((all_) => ["norm at an arrow", n === K || halo.includes(rounded(all_[n - 1], 2)), true])),
      ]),
      ...differing([...paired("bar", all("rect.dot", svg).map((each) => at(each, "width") / at(svg.querySelector("rect.track"), "width")), reached.map(share_)),
        ...paired("arrow", arrows, [...around.filter((n) => n >= t).map((n) => thick(sizes[0][n - 1])), ...reached.filter((n) => n < K).map((n) => thick(next[n - 1]))].sort())], 1e-6),
    ];
  }

  /** The largest singular value of a matrix, by the power method on M^T M. */
  function norm2(M) {
    let v = M[0].map((_, n) => 1 / (n + 1));
    for (let round = 0; round < 2000; round++) {
      const image = M.map((weights) => sum(weights.map((w, j) => w * v[j])));
      const back = v.map((_, j) => sum(M.map((weights, r) => weights[j] * image[r])));
      v = back.map((x) => x / size(back));
    }
    return size(M.map((weights) => sum(weights.map((w, j) => w * v[j]))));
  }

  /** How far back a loss reaches: curve, triangle, tiles and tables; and clipping. */
  function reach() {
    const { W_hh, h } = now();
    const [{ t, k, n }, norms, g] = [chosen, [...reading.numbers.norms], [...reading.numbers.gradient_norms]];
    const norm_ = (row_, column) => norms[(row_ - 1) * K + column - 1];
    const lost = (row_) => Math.floor((row_ - 1) / n) * n; // steps before the cut
    const to = (count) => Array.from({ length: count }, (_, m) => m + 1);
    const [svg, canvas] = [$("curve-picture").querySelector("svg"), $("triangle-picture").querySelector("canvas")];
    const [value, ends] = [axis(svg, true), texts("#triangle-legend .ticks span").map((each) => Math.log10(axis.number(each)))];
    const shade = (x) => 0.06 + 0.94 * Math.min(1, Math.max(0, (Math.log10(x) - ends[0]) / (ends[1] - ends[0])));
    const cut = svg.querySelector("line.cut");
    const x = points(svg.querySelectorAll("polyline.thin")[K - 1]).map(([place_]) => place_);
    const factor = (norm_(k, 1) / norm_(k, k)) ** (1 / (k - 1));
    const left = factor < 1 ? `After 10 steps ${rounded(factor ** 10, 2)} is left.` : `After 10 steps it is ${rounded(factor ** 10, 2)} times as large.`;
    const pairs = (K * (K + 1)) / 2;
    const tiles = [[`Loss ${k}: factor per step back`, k === 1 ? "–It has only one step." : rounded(factor) + left],
      [`Truncation after ${n} step${n === 1 ? "" : "s"}`, n >= K ? `nothingis cut: the text has only ${K} steps with a loss.` : `${percent(sum(to(K).map(lost)) / pairs)}of all pairs (k, t) are cut. Training used 5.`],
      ["Norm of the gradient of all parameters", rounded(g[K], 4) + (g[K] > 0.8 ? `Clipped to 0.8: each gradient is multiplied by ${rounded(0.8 / (g[K] + 1e-6))}. The mean over the few losses of one short text has a larger norm than the mean over a batch.` : "Below 0.8: not clipped.")]];
    const shown = texts(".tiles dt").map((name, m) => [name, texts(".tiles dd")[m]]).slice(-tiles.length);
    const [one, , every] = all("#reach-table table").map((each) => rows(each));
    const clip = $("clip-picture").querySelector("svg");
    const [tall, columns] = [axis(clip), all("rect.column", clip)];
    return [
      ...wrongCells("norm", canvas, K, K, (r, c) => (c > r ? 0 : shade(norm_(r + 1, c + 1)) * (c < lost(r + 1) ? 0.22 : 1))),
      ...differing([
        ["spoken curve", svg.ariaLabel, `Norm of the gradient of loss ${k} for each state, from ${rounded(norm_(k, k))} at step ${k} to ${rounded(norm_(k, 1))} at step 1.`],
        ["ends of the curve", word("curve-ends"), `loss ${k}, ${rounded(norm_(k, k))} at step ${k} and ${rounded(norm_(k, 1))} at step 1.`],
        ["spoken clipping", clip.ariaLabel, `Gradient norm of each loss. Loss ${k}: ${rounded(g[k - 1])}; the mean loss: ${rounded(g[K])}.`],
        ["cut", cut ? at(cut, "x1") > x[lost(k) - 1] && at(cut, "x1") < x[lost(k)] : "none", lost(k) ? true : "none"],
        ["marked loss and step", cellOf(canvas.parentElement.querySelector(".across"), canvas, K, K)[0] * K + cellOf(canvas.parentElement.querySelector(".mark:not(.across)"), canvas, K, K)[1], (k - 1) * K + Math.min(t, K) - 1],
        ["readout", word("triangle-readout"), t > k ? `loss ${k} comes before step ${t}: no gradient` : `loss ${k}, step ${t}: ${rounded(norm_(k, t), 8)}${t <= lost(k) ? " (cut off)" : ""}`],
        ...paired("tile", shown, tiles),
        ...(IS_GATED ? [] : [["remark", texts(".tiles .remark")[0].startsWith(norm2(W_hh) < 1 ? "Below 1: each step back makes each gradient smaller." : "The most by which"), true], ["slope", texts(".tiles .remark")[1].match(/here (\S+) in/)[1], rounded(sum(h.flat().map((x) => (F === "tanh" ? 1 - x * x : Number(x > 0)))) / h.flat().length, 2)], ["singular value", word("singular-value"), rounded(norm2(W_hh), 4)], ["radius", word("radius-value"), rounded(checkpoint().radius * live.gain, 4)]]),
        ...paired("row of the loss", one, to(k).map((m) => [`${m} ${glyph(reading.tokens[m - 1])}`, rounded(norm_(k, m), 8), m <= lost(k) ? "cut off" : ""])),
        ...paired("row of all", every, to(K).map((r) => [`k ${r}`, ...to(K).map((m) => (m > r ? "" : rounded(norm_(r, m))))])),
        ["chosen column", columns.findIndex((each) => each.matches(".chosen")), k - 1],
      ]),
      ...differing([...to(K).map((r) => [svg.querySelectorAll("polyline.thin")[r - 1], r]), [svg.querySelector("polyline.thick"), k]].flatMap(([line, r]) =>
        paired(`curve ${r}`, points(line).map(([, y]) => value(y)), to(r).map((m) => Math.max(ends[0], Math.log10(norm_(r, m)))))), 0.01),
      ...differing([...paired("column", columns.map((each) => tall(at(each, "y"))), g), ["limit", tall(at(clip.querySelector(".limit"), "y1")), 0.8],
        ...columns.map((each) => ["foot", tall(at(each, "y") + at(each, "height")), 0])], 2e-3 * Math.max(...g)),
    ];
  }

  /** What is left of a changed letter, and the gradient of the last loss. */
  function memoryOf(s, token) {
    const { ids } = now();
    const read = (all_) => live.network.forward(all_);
    const [tape, other] = [read(ids), read(ids.with(s - 1, token))];
    const { steps } = live.network.backFromLast(tape.slice(0, -1), ids.at(-1));
    const { t, i } = chosen;
    const canvases = all("#memory-picture canvas");
    const states = record.states.map((name, n) => {
      const change = tape.map(({ state }, m) => [...other[m].state[n]].map((x, j) => Math.abs(x - state[n][j])));
      return { name, both: [change, steps.map(({ d_state }) => [...d_state[n]].map(Math.abs))] };
    });
    const sentences = states.map(({ name, both: [change, gradient] }) => {
      const [forth, back] = [change.slice(s - 1).map(size), gradient.map(size)];
      const low = forth.findIndex((x) => x < 0.1 * forth[0]);
      const [of, for_] = states.length > 1 ? [` of ${name}`, ` for ${name}`] : ["", ""];
      const left = share;
      return `The change${of} is still ${left(forth.at(-1) / forth[0])} of its first size after ${times(T - s, "character")}; `
        + (low < 0 ? "it is never below a tenth. " : `it is below a tenth for the first time after ${low}, at step ${s + low}. `)
        + `The gradient of the last loss${for_} is still ${left(back[s - 1] / back.at(-1))} of its first size after ${times(K - s, "step")} back.`;
    });
    const svg = $("memory-picture").querySelector("svg");
    const value = axis(svg, true);
    const norms = states.flatMap(({ both: [change, gradient] }) => [change.map(size), gradient.map(size)]);
    const lines = all("polyline", svg).flatMap((line, n) => {
      const [of, start] = [norms[n], n % 2 ? 0 : s - 1];
      const whole = n % 2 ? of.at(-1) : of[s - 1];
      return paired(`line ${n}`, points(line).map(([, y]) => value(y)), of.slice(start).map((x) => Math.log10(x / whole)));
    });
    return [
      ...states.flatMap(({ name, both }, n) => both.flatMap((values_, m) => wrongCells(`${["change", "gradient"][m]} of ${name}`, canvases[m * states.length + n], H, T,
        (r, c) => Math.sqrt((values_[c]?.[r] ?? 0) / most(values_.flat()))))),
      ...differing([
        ...paired("sentence", texts("#memory-said li"), sentences),
        ...paired("readout", texts("#memory-readout b"), states.flatMap(({ both: [change, gradient] }) => [rounded(change[t - 1][i], 8), t > K ? "–" : rounded(gradient[t - 1][i], 8)])),
        ...paired("row", rows($("memory-table")), reading.tokens.map((each, n) => [`${n + 1} ${glyph(each)}`, ...norms.map((of) => (n < of.length ? rounded(of[n], 8) : ""))])),
      ]),
      ...differing(lines, 0.01),
    ];
  }

  /** The loss as a function of one weight, which was `was`: gradient, slope, curve and tangent. */
  function weightOf(name, n, was) {
    const ids = reading.ids;
    const w = live.network.parameters[name][n];
    const lossAt = (x) => {
      const network = live.network.copy();
      network.parameters[name][n] = x;
      return network.run(ids.slice(0, -1), ids.slice(1)).loss;
    };
    const g = [rnnParity.run($("text-input").value).gradients[name]].flat(2)[n];
    const [above, below_, here] = [lossAt(w + 1e-5), lossAt(w - 1e-5), lossAt(w)];
    const figures = { gradient: g, slope: (above - below_) / 2e-5, above, below: below_, loss: here, ...(w === was ? {} : { change: here - lossAt(was) }) };
    const svg = $("weight-picture").querySelector("svg");
    const [value, curve, dot, tangent] = [axis(svg), points(svg.querySelector("polyline")), svg.querySelector("circle"), svg.querySelector("line.tangent")];
    const x = (place_) => was - 1 + (2 * (place_ - curve[0][0])) / (curve.at(-1)[0] - curve[0][0]);
    const [run, rise] = [x(at(tangent, "x2")) - x(at(tangent, "x1")), value(at(tangent, "y2")) - value(at(tangent, "y1"))];
    const whole = live.network.parameters[name];
    const [columns, canvas] = [name === "linear.weight" || name.includes("hh") && name.includes("weight") ? H : name.includes("weight") ? V : 1, $("weight-map").querySelector("canvas")];
    return [
      ...wrongCells("weight", canvas, whole.length / columns, columns, (r, c) => whole[r * columns + c] / largest(whole)),
      ...differing([["marked", cellOf(canvas.parentElement.querySelector(".across"), canvas, whole.length / columns, columns)[0] * columns + cellOf(canvas.parentElement.querySelector(".mark:not(.across)"), canvas, whole.length / columns, columns)[1], n],
        ["loss", word("loss-figure"), rounded(here, 5)]]),
      ...differing(Object.entries(figures).map(([key, right]) => [key, document.querySelector(`[data-weight=${key}]`).textContent.replaceAll("−", "-"), right]), 1e-9 + (w === was ? 0 : 5e-3 * Math.abs(figures.change))),
      ...differing([["dot", x(at(dot, "cx")), w], ["height of the dot", value(at(dot, "cy")), here], ["tangent", rise, g * run],
        ...curve.map(([a, b]) => ["curve", value(b), lossAt(x(a))])], 0.02 * Math.max(...curve.map(([, y]) => value(y))) - 0.02 * Math.min(...curve.map(([, y]) => value(y))) + 1e-3),
    ];
  }

  const trained = { losses: [], norms: [] };

  /** Keep loss and gradient of the current weights. */
  function remember() {
    if (live.losses.length === 0) Object.assign(trained, { losses: [], norms: [] });
    const { loss, gradients } = now();
    trained.losses.push(loss);
    trained.norms.push(size(Object.values(gradients).flat(2)));
  }

  /** The losses of the steps that were remembered, and how often they were clipped. */
  function training_(count) {
    const [{ loss, p, ids }, { losses, norms }] = [now(), trained];
    const right = ids.slice(1).filter((id, n) => best(p[n]) === id);
    const all_ = [...losses, loss];
    const clipped = norms.filter((x) => x + 1e-6 > 0.8);
    const svg = $("loss-picture").querySelector("svg");
    const heights = points(svg.querySelector("polyline")).map(([, y]) => see.at(svg.querySelector(".axis"), "y1") - y);
    return [
      ...differing([
        ["steps", losses.length, count],
        ["loss", word("loss-now"), `Mean loss ${rounded(loss, 5)}, perplexity ${rounded(Math.exp(loss))}; the first choice is right after ${right.length} of ${K}. The loss before training: ${rounded(losses[0])}.`],
        ["note", word("train-note"), `${count} updates so far. Each is SGD with learning rate ${record.lr}, gradients clipped to norm 0.8. Clipped at ${clipped.length} of ${count} updates.`],
        ["spoken", svg.ariaLabel, `Loss on this text over ${count} updates: from ${rounded(losses[0])} to ${rounded(loss)}.`],
      ]),
      ...differing(paired("loss", heights.map((y) => y / heights[0]), all_.map((x) => x / all_[0])), 0.003),
    ];
  }

  /** A row of the table of checkpoints, of the chosen one, and its point in the picture. */
  function checkpointOf(c) {
    const [{ loss }, row_] = [now(), rows($("checkpoints"))[c]];
    const svg = $("perplexity-picture").querySelector("svg");
    const label_ = all("text", svg).find((each) => each.textContent === String(record.checkpoints[c].epoch) && each.getAttribute("text-anchor") === "middle");
    const dot = all("circle", svg)[c];
    return [
      ...differing([
        ["row", row_, [record.checkpoints[c].label, rounded(Math.exp(loss)), word("drawn") + word("likeliest").slice(0, 20)]],
        ["chosen row", all("#checkpoints tbody tr").findIndex((each) => each.matches(".chosen")), c],
        ["chosen dot", dot.matches(".here"), true],
        ["caption", $("checkpoints").querySelector("caption").textContent, `After “…${$("text-input").value.slice(-24)}”`],
      ]),
      ...differing([["epoch", at(dot, "cx"), at(label_, "x")]], 0.1),
      ...differing([["perplexity", axis(svg, true)(at(dot, "cy")), Math.log10(Math.exp(loss))]], 0.01),
    ];
  }

  /** The numbers of the moving picture in step t, and the colours of its states: when its letter has come in, and at its end. */
  function hero_(t) {
    const { h, p, W_ih, W_hh, b_ih, b_hh, ids } = now();
    const before = h[t - 2] ?? h[0].map(() => 0);
    const { r, z, n, i, f, g, o } = reading.tape[t - 1].parts;
    const [c_before, c_t] = [reading.tape[t - 1].before[1], reading.tape[t - 1].state[1]];
    const rowsOf = Array.from({ length: H }, (_, j) => BLOCK * H + j);
    const a = rowsOf.map((j) => W_ih[j][ids[t - 1]] + b_ih[j]);
    const u = rowsOf.map((j) => sum(W_hh[j].map((w, m) => w * before[m])) + b_hh[j]);
    const total = a.map((x, j) => x + (r ? r[j] * u[j] : u[j]));
    const gates_ = { rnn: {}, gru: { r, z, n }, lstm: { i, f, g, o, c_before, c_t } }[record.cell];
    const right = { a, before, sum: total, h: h[t - 1], p: p[t - 1], ...gates_ };
    const marksAt = (part) => {
      hero.at = (t - 1) * PARTS + part;
      drawHero();
      return hero.marks;
    };
    const marks = [...marksAt(1).filter(({ of }) => of === "a"), ...marksAt(5).filter(({ of }) => of !== "letter")];
    const numberOf = (mark) => (mark.t === t ? right[mark.of] : h[mark.t - 1])[mark.i ?? mark.v];
    const canvas = $("hero-picture").querySelector("canvas");
    const pixel = see.pixelsOf(canvas);
    const whole = F === "tanh" ? 1 : Math.max(...h.flat());
    const ratio = canvas.width / (canvas.clientWidth / hero.zoom);
    return [
      ...differing(marks.map((mark) => [`${mark.of} ${mark.i ?? mark.v}`, mark.value, numberOf(mark)]), 1e-9),
      ...differing([...marks.map((mark) => ["words", mark.words.includes(`: ${rounded(numberOf(mark), 4)}`), true]),
        ["columns", [...new Set(marks.map(({ of }) => of))].sort(), Object.keys(right).sort()],
        ["letters", hero.marks.filter(({ of }) => of === "letter").map((mark) => mark.t), reading.tokens.map((_, n_) => n_ + 1)],
        ["states", marks.filter(({ of }) => of === "h").length, (t + 1) * H],
        ["guesses", [6, 7].includes(marks.filter(({ of }) => of === "p").length), true],
        ...marks.filter((mark) => mark.of === "h" && mark.i !== chosen.i && mark.wide > 2 && mark.tall > 2).map((mark) => {
          return [`colour of unit ${mark.i} after step ${mark.t}`, pixel((mark.y + mark.tall / 2) * ratio, (mark.x + mark.wide / 2) * ratio), colour(mark.value / whole)];
        })]),
    ];
  }

  /** The table of results without and with the bug of the game. */
  function symptoms() {
    const text_ = $("text-input").value;
    const names = ["W_ih", "W_hh", "b_ih", "b_hh", "W", "b"];
    const [bug, kept] = [game.bug, live.network];
    const results = [null, bug].map((each) => {
      game.bug = each;
      live.network = networkOf(chosen.c);
      const { states, logits, loss, gradients } = rnnParity.run(text_);
      const written = writeOn(live.network, live.network.forward(reading.ids), 8, 0).map((id) => glyphs(record.shown_tokens)[id]).join("");
      const start = Object.values(rnnParity.network().parameters);
      live.network.update(Object.fromEntries(Object.entries(gradients).map(([name, array]) => [name, Float64Array.from(array.flat())])), new SGD(record.lr), record.max_norm);
      const update = Object.values(rnnParity.network().parameters).map((array, n) => array.flat().map((x, m) => x - start[n].flat()[m]));
      const [g, u] = [Object.values(gradients).map((array) => array.flat()), update];
      return { written, of: { "states h": states, "logits y": logits, loss: [[loss]], gradient: g, update: u,
        ...Object.fromEntries([["gradient", g], ["update", u]].flatMap(([what, arrays]) => names.map((name, n) => [`${what} of ${name}`, [arrays[n]]]))) } };
    });
    Object.assign(game, { bug });
    live.network = kept;
    const [right, wrong] = results;
    const far = (a, b) => Math.max(...a.flatMap((array, n) => array.map((x, m) => Math.abs(x - b[n][m]))));
    const shown = all("#symptom tbody tr").map((each) => [...each.cells]).map(([head, a, b, last]) => ({ name: head.textContent.split(" (")[0], pictured: head.textContent.split("picture: ")[1], a, b, last }));
    const table_ = (each) => [...document.querySelectorAll("#symptom table")].indexOf(each.last.closest("table"));
    const isApart = (each) => each.last.querySelector(".apart") !== null;
    const inOrder = shown.filter((each, n) => n > 0 && table_(each) === table_(shown[n - 1]) && isApart(each) && !isApart(shown[n - 1]));
    const numbers_ = shown.filter(({ name }) => name !== "generated text");
    const farthest = (what) => {
      const aparts = names.map((each) => far(right.of[`${what} of ${each}`], wrong.of[`${what} of ${each}`]) / (size(wrong.of[`${what} of ${each}`][0]) || 1));
      return aparts.indexOf(Math.max(...aparts));
    };
    const matrixOf = (name) => { // what its two pictures show
      if (name === "states h" || name === "logits y") return [right, wrong].map(({ of }) => of[name][0].map((_, r) => of[name].map((column) => column[r])));
      const [what, letter] = name.split(" of ");
      const n = letter ? names.indexOf(letter) : farthest(what);
      const width = [V, H, 1, 1, H, 1][n];
      return [right, wrong].map(({ of }) => nested(Float64Array.from(of[`${what} of ${names[n]}`][0]), width));
    };
    return [
      ...differing([
        ["rows", numbers_.map(({ name }) => name).sort(), Object.keys(right.of).sort()],
        ["rows that differ after rows that do not", inOrder.map(({ name }) => name), []],
        ...shown.filter(({ name }) => name === "gradient" || name === "update").map(({ name, pictured }) => [`picture of ${name}`, pictured, `${names[farthest(name)]})`]),
        ...shown.filter(({ name }) => name === "generated text").flatMap(({ a, b, last }) => [["text", [a, b].map((each) => each.textContent), [right.written, wrong.written]], ["text", last.textContent, right.written === wrong.written ? "none" : "differs"]]),
        ...numbers_.flatMap(({ name, a, b, last }) => {
          const apart_ = far(right.of[name], wrong.of[name]);
          return [[name, [a, b].map((each) => each.textContent), [right, wrong].map(({ of }) => rounded(size(of[name].map(size)), 5))],
            [`difference of ${name}`, last.textContent, apart_ < 1e-14 ? "none" : rounded(apart_, 2)], [`mark of ${name}`, last.querySelector(".apart") !== null, apart_ >= 1e-14]];
        }),
      ]),
      ...numbers_.filter(({ name }) => name !== "loss").flatMap(({ name, a, b }) => {
        const matrices = matrixOf(name);
        const whole = most(matrices.flat(2));
        return [a, b].flatMap((cell, n) => wrongCells(`${name} ${n}`, cell.querySelector("canvas"), matrices[n].length, matrices[n][0].length, (r, c) => matrices[n][r][c] / whole));
      }),
    ];
  }

  /** The recorded numbers of NumPy and PyTorch in a step, their differences, the tables behind the pictures, and all tensors. */
  function recorded_() {
    const { numbers: n, details: d, allowed, parity } = checkpoint();
    const [{ t, i }, found] = [chosen, { ...n, ...d }];
    const row_ = (name, r, width) => [name, `torch.${name}`].map((each) => [...found[each].slice(r * width, (r + 1) * width)]);
    const v = record.targets[t - 1] ?? argmax(n.p.slice((t - 1) * S, t * S));
    const column_ = IS_GATED ? null : record.column[t - 1];
    const tensors = { ...(IS_GATED ? {} : { a: [...row_("a", column_, H), i], u: [...row_("u", t - 1, H), i], z: [...row_("z", t - 1, H), i] }),
      h: [...row_("h", t, H), i], y: [...row_("y", t - 1, S), v], p: [...row_("p", t - 1, S), v], ...(t < T ? { L: [...row_("L", t - 1, 1), 0] } : {}) };
    const difference_ = (name, a, b, before = "") => {
      if (a === b) return null;
      const share_ = `${before}${percent(Math.abs(a - b) / allowed[name])} of the tolerance`;
      return chosen.ulps ? `${share_}, ${times(Number(rounded(ulps(a, b))), "ulp")}` : share_;
    };
    const far = (a, b) => a.map((x, m) => [x, b[m]]).reduce((p, q) => (Math.abs(q[0] - q[1]) > Math.abs(p[0] - p[1]) ? q : p));
    const links = all("#chain > li:has([data-side=torch])");
    const pair = (a, b) => [show(a), show(b), rounded(ulps(a, b))];
    const small = (x) => (x === null ? "–" : x === 0 ? "0" : x.toExponential(1).replace("-", "−"));
    const at_ = (name, m) => [n[name][m], n[`torch.${name}`][m]];
    const order = [...Array(S).keys()].sort((a, b) => n.p[(t - 1) * S + b] - n.p[(t - 1) * S + a]);
    for (const id of ["state-table", "probability-table"]) $(id).open = true;
    drawAll();
    const [units_, steps_] = all("#state-table table").map((each) => rows(each));
    return differing([
      ["whose", word("whose").startsWith(`The numbers below were recorded: NumPy and PyTorch computed them in ${record.dtype}.`), true],
      ["links", links.length, Object.keys(tensors).length],
      ...Object.entries(tensors).flatMap(([name, [a, b, m]], n_) => {
        const cells_ = Object.fromEntries(texts("dt", links[n_]).map((term, k) => [term, texts("dd", links[n_])[k]]));
        return [[`${name} of NumPy`, cells_.NumPy, show(a[m])], [`${name} of PyTorch`, cells_.PyTorch, show(b[m])],
          [`difference of ${name}`, cells_.difference, difference_(name, a[m], b[m]) ?? "the same float"],
          ...(a.length > 1 ? [[`all of ${name}`, cells_[`all ${a.length}`], difference_(name, ...far(a, b), "at most ") ?? "the same floats"]] : [])];
      }),
      ...paired("row of a unit", units_, [...Array(H).keys()].map((m) => [m, ...pair(...at_("h", t * H + m))])),
      ...paired("row of a step", steps_, record.tokens.map((token, m) => [`${m + 1} ${glyph(token)}`, ...pair(...at_("h", (m + 1) * H + i))])),
      ...paired("row of a token", rows($("probability-table")), order.map((m) => [spoken(record.shown_tokens[m]), m === record.targets[t - 1] ? "yes" : "", show(n.y[(t - 1) * S + m]), ...pair(...at_("p", (t - 1) * S + m))])),
      ...paired("row of a tensor", all("#parity-table tbody tr:not(.group)").map((each) => [...each.cells].map((cell) => cell.textContent.trim())), parity.map((each) => [
        each.name.replace(/^(gradient of|clipped gradient of|updated) /, ""), each.ok ? `✓ ${each.verdict}` : `✗ ${each.verdict} ${each.problem}`.trim(), each.share === null ? "–" : percent(each.share),
        small(each.difference), small(each.allowed), ...(chosen.ulps ? [each.ulps === null ? "–" : rounded(each.ulps)] : []), each.shape.join(" × ") || "number"])),
      ...differing(paired("bar", all("#parity-table .share").map((each) => each.firstElementChild.getBoundingClientRect().width / each.getBoundingClientRect().width), parity.map(({ share: x }) => Math.min(1, x ?? 1))), 0.01),
      ["verdict", word("parity-lead").includes(parity.every(({ ok }) => ok) ? `All ${parity.length} tensors agree.` : `1 of ${parity.length} tensors differ by more than their tolerance.`), true],
    ]);
  }

  return { recorded: recorded_, symptoms, hero: hero_, unrolled, pointed, step, flow, reach, memoryOf, weightOf, remember, training: training_, checkpointOf };
})();
