// ---------------------------------------------------------------- the moving picture, painted
//
// From left to right: the state before, the sums, what the cell makes of them, the new state, the prediction.
// Above it stands the text, with the state after each letter that was read. A number between −1 and 1 is a
// colour, a gate is a box that is filled, any other number is a bar to the left or right of zero. Each number
// that is painted is one of `hero.marks`: { of, t, i or v, value, words, x, y, wide, tall },
// and so is each letter of the text, { of: "letter", t, … }.

const LINKS = 44; // products W_hh[i, j] h[j] that are drawn: the largest
const GUESSES = 6;
const PLANNED = 1120; // width; a wider picture is this one, enlarged
const LOOP = 12; // height that a second loop takes

/** Widths of the columns by their kind, of the gaps, and of the prediction with its lines: the first that fits is taken. */
const SIZES_OF_COLUMNS = [
  { state: 30, gate: 28, bar: 66, mix: 150, bend: 96, gap: 24, left: 44, guesses: 300, links: 92 },
  { state: 26, gate: 20, bar: 46, mix: 90, bend: 60, gap: 12, left: 36, guesses: 220, links: 64 },
  { state: 20, gate: 16, bar: 30, mix: 46, bend: 34, gap: 8, left: 20, guesses: 122, links: 34 },
  { state: 14, gate: 12, bar: 20, mix: 34, bend: 24, gap: 3, left: 20, guesses: 122, links: 34 },
];

const ease = (x) => clamp(x, 0, 1) ** 2 * (3 - 2 * clamp(x, 0, 1));

/** The units of the picture: at most 32 have space. */
const heroUnits = () => (units.length <= 32 ? units : record.units_by_change.slice(0, 32).sort((a, b) => a - b));

/** The columns of the cell; without weights, only what was recorded. */
const heroColumns = () => (reading.tape ? CELL.columns : CELL.columns.filter(({ of }) => of === "before" || of === "h"));

/** All arrays (H,) of a step by the names of the columns, and `a`, what the letter adds to the sums. */
function heroNumbers(t) {
  if (reading.tape) return CELL.drawn(reading.tape[t - 1]);
  return { before: row(numbers().h, t - 1, H), h: row(numbers().h, t, H) };
}

const heroChances = (t) => (reading.tape ? softmax(reading.tape[t - 1].y).p : row(numbers().p, t - 1, S));

/** The largest products of the candidate's rows of W_hh with the state before: [i, j, product]. */
function linksOf(t) {
  if (hero.links.has(t)) return hero.links.get(t);
  const W_hh = live.network.parameters["rnn.weight_hh_l0"];
  const [before] = reading.tape[t - 1].before;
  const all = heroUnits().flatMap((i) => heroUnits().map((j) => [i, j, W_hh[(BLOCK * H + i) * H + j] * before[j]]));
  const links = all.filter(([, , product_]) => product_ !== 0).sort((p, q) => Math.abs(q[2]) - Math.abs(p[2])).slice(0, LINKS);
  hero.links.set(t, links);
  return links;
}

/** The largest number of each column over the text: the length of a whole bar. */
function mostOf() {
  hero.most ??= Object.fromEntries(heroColumns().map(({ of }) =>
    [of, Math.max(1e-9, ...reading.tokens.map((_, n) => Math.max(largest(heroNumbers(n + 1)[of]), of === "sum" ? largest(heroNumbers(n + 1).a) : 0)))]));
  return hero.most;
}

/** Places and sizes, for a width of the picture. */
function planOf(wide) {
  const isNarrow = wide < 700;
  const rows = heroUnits().length;
  const space = "moving" in document.documentElement.dataset ? 320 : clamp(innerHeight - 370, 180, 320); // of the first screen
  const high = rows > 16 ? (isNarrow ? 7 : 10) : isNarrow ? 14 : clamp(space / rows, 8, 19);
  const history = Math.max(1.5, Math.min(5, 76 / rows));
  const letters = isNarrow ? 26 : 36;
  const top = letters + rows * history + (isNarrow ? 54 : 58);
  const columns = heroColumns();
  const widthOf_ = (size) => columns.reduce((sum, { kind, gap }, n) => sum + size[kind] + (size[gap] ?? (n ? size.gap : 0)), size.left + size.guesses);
  const size = SIZES_OF_COLUMNS.find((each) => widthOf_(each) <= wide) ?? SIZES_OF_COLUMNS.at(-1);
  const spare = clamp(wide - widthOf_(size), 0, 240);
  let x = size.left;
  const placed = columns.map((column, n) => {
    x += (size[column.gap] ?? (n ? size.gap : 0)) + spare * ({ mix: 0.6, bend: 0.4 }[column.gap] ?? 0);
    x += size[column.kind];
    return { ...column, x: x - size[column.kind], wide: size[column.kind] };
  });
  return { isNarrow, rows, high, history, letters, top, columns: placed, guesses: x + clamp(wide - size.guesses - x, 0, 60) + size.links, wide,
    tall: top + rows * high + (isNarrow ? 26 : 30) + (columns.some(({ of }) => of === "c_before") ? LOOP : 0), size: isNarrow ? 12 : 14 };
}

/** The letters that have space in a row: all, or those around step t. */
function lettersIn(plan, t) {
  const count = Math.min(T, Math.floor(plan.wide / 16));
  const first = clamp(t - Math.ceil(count / 2), 0, T - count);
  return { first, count, cell: Math.min(plan.isNarrow ? 48 : 100, plan.wide / count) };
}

function paintHero(canvas, t, part) {
  if (hero.of !== reading) Object.assign(hero, { of: reading, links: new Map(), most: null });
  const space = spaceOf("hero-picture");
  hero.zoom = Math.max(1, space / PLANNED);
  const plan = planOf(space / hero.zoom);
  const ratio = (window.devicePixelRatio || 1) * hero.zoom;
  const [width, height] = [plan.wide, plan.tall].map((each) => Math.round(each * ratio));
  if (canvas.width !== width || canvas.height !== height) {
    Object.assign(canvas, { width, height });
    Object.assign(canvas.style, { width: `${space}px`, height: `${plan.tall * hero.zoom}px` });
  }
  const style = getComputedStyle(document.documentElement);
  const ink = Object.fromEntries(["paper", "ink", "soft", "line", "accent", "raised"].map((name) => [name, style.getPropertyValue(`--${name}`)]));
  const brush = canvas.getContext("2d");
  brush.setTransform(ratio, 0, 0, ratio, 0, 0);
  brush.fillStyle = ink.paper;
  brush.fillRect(0, 0, plan.wide, plan.tall);
  hero.marks = [];
  const paint_ = { brush, plan, ink, t, part, values: heroNumbers(t), done: [0, 1, 2, 3, 4].map((n) => ease(part - n)) };
  paintText(paint_);
  paintLinks(paint_);
  plan.columns.forEach((column) => paintColumn(paint_, column));
  paintGuesses(paint_);
}

function write(brush, words, x, y, { colour: fill, size, weight = 400, align = "left", family = "sans" }) {
  Object.assign(brush, { fillStyle: fill, textAlign: align, font: `${weight} ${size}px ${family === "mono" ? "ui-monospace, Menlo, Consolas, monospace" : "system-ui, sans-serif"}` });
  brush.fillText(words, x, y);
}

const yOf = (plan, n) => plan.top + n * plan.high;

/** The text, with the state after each letter so far; in the last part the new state moves there. */
function paintText({ brush, plan, ink, t, values, done }) {
  const { first, count, cell } = lettersIn(plan, t);
  const size = Math.min(plan.isNarrow ? 20 : 30, cell * 1.05);
  const most = F === "tanh" ? 1 : mostOf().h;
  const target = plan.columns.at(-1);
  for (let n = first; n < first + count; n++) {
    const x = (n - first) * cell;
    const isNow = n === t - 1;
    if (isNow) {
      brush.fillStyle = ink.raised;
      brush.fillRect(x, 0, cell, plan.letters + plan.rows * plan.history + 6);
    }
    write(brush, glyph(reading.tokens[n]).slice(0, 6), x + cell / 2, plan.letters - 9, { colour: isNow ? ink.accent : n < t ? ink.ink : ink.soft, size: IS_CHARACTERS ? size : 12, weight: isNow ? 700 : 400, align: "center", family: "mono" });
    addMark("letter", n + 1, {}, null, `step ${n + 1} reads ${quoted(reading.tokens[n])}`, [x, 0, cell, plan.letters - 2]);
    if (isPointed("step", n + 1)) frame(brush, ink, x + 2, 2, cell - 4, plan.letters - 4);
    if (n > t - 1) continue;
    const states = row(numbers().h, n + 1, H);
    heroUnits().forEach((i, m) => {
      const [x1, y1] = [x + 1, plan.letters + m * plan.history];
      const moved = isNow ? done[4] : 1;
      if (moved === 0) return;
      const [x0, y0] = [target.x, yOf(plan, m)];
      const mix = (a, b) => a + (b - a) * moved;
      const box = [mix(x0, x1), mix(y0, y1), mix(target.wide, cell - 2), mix(plan.high - 2, Math.max(1, plan.history - 0.5))];
      brush.fillStyle = css(colour(states[i] / most));
      brush.fillRect(...box);
      if (moved === 1) addMark("h", n + 1, { i }, states[i], `h${below(n + 1)}, unit ${i}: ${rounded(states[i], 4)}`, box);
    });
  }
  if (t > 1 && t - 2 >= first) frame(brush, ink, (t - 2 - first) * cell, plan.letters - 1, cell, plan.rows * plan.history + 1);
  if (!values.a) return;
  // the letter on its way to the sums
  const from = { x: (t - 1 - first + 0.5) * cell, y: plan.letters - 9 };
  const to = chipOf(plan);
  const go = ease(done[0] * 2);
  if (done[0] > 0 && done[2] < 1) {
    brush.globalAlpha = 1 - done[2];
    write(brush, glyph(reading.tokens[t - 1]).slice(0, 6), from.x + (to.x - from.x) * go, from.y + (to.y - from.y) * go, { colour: ink.accent, size: 24, weight: 700, align: "center", family: "mono" });
    brush.globalAlpha = 1;
  }
}

/** Where the letter stands while it is read. */
function chipOf({ columns, top }) {
  const [before, sum] = ["before", "sum"].map((of) => columns.find((column) => column.of === of));
  return { x: before.x + before.wide + 0.62 * (sum.x - before.x - before.wide), y: top - 12 };
}

/** A frame that is seen on every colour: a line of ink between two of paper. */
function frame(brush, ink, x, y, wide, tall) {
  for (const [colour_, width] of [[ink.paper, 4], [ink.ink, 1.6]]) {
    Object.assign(brush, { strokeStyle: colour_, lineWidth: width });
    brush.strokeRect(x, y, wide, tall);
  }
}

function addMark(of, t, place_, value, words, [x, y, wide, tall]) {
  hero.marks.push({ of, t, ...place_, value, words, x, y, wide, tall });
}

/** What flows: from the letter and from the state before to the sums, and through the gates to the new state. */
function paintLinks({ brush, plan, ink, t, values, done }) {
  if (!values.a) return;
  const places = new Map(heroUnits().map((i, n) => [i, yOf(plan, n) + plan.high / 2]));
  const at = (of) => plan.columns.find((column) => column.of === of);
  const [before, sum] = [at("before"), at("sum")];
  const most = mostOf().sum;
  const stroke = (value, width, alpha) => Object.assign(brush, { strokeStyle: css(colour(value < 0 ? -0.8 : 0.8)), lineWidth: width, globalAlpha: alpha });
  const grow = (part_) => brush.setLineDash(part_ < 1 ? [700 * part_, 700] : []);
  if (done[0] > 0.5 && done[2] < 1) {
    grow(ease(2 * done[0] - 1));
    for (const [i, y] of places) {
      stroke(values.a[i], 0.5 + (3 * Math.abs(values.a[i])) / most, 0.75 * (1 - done[2]));
      brush.beginPath();
      brush.moveTo(chipOf(plan).x, plan.top - 8);
      brush.quadraticCurveTo(chipOf(plan).x, y, sum.x - 2, y);
      brush.stroke();
    }
  }
  if (done[1] > 0 && t > 1) {
    grow(done[1]);
    const [x0, x1] = [before.x + before.wide, sum.x];
    for (const [i, j, product_] of linksOf(t)) {
      stroke(product_, Math.min(6, 0.5 + (5 * Math.abs(product_)) / most), 0.6 * (1 - 0.7 * done[2]));
      brush.beginPath();
      brush.moveTo(x0, places.get(j));
      brush.bezierCurveTo((x0 + x1) / 2, places.get(j), (x0 + x1) / 2, places.get(i), x1, places.get(i));
      brush.stroke();
    }
  }
  if (done[2] > 0) {
    grow(done[2]);
    for (const { from, to, share: shareOf } of CELL.ways) {
      const [start, end_] = [at(from), at(to)];
      for (const [i, y] of places) {
        Object.assign(brush, { strokeStyle: ink.ink, lineWidth: Math.max(0.3, Math.min(5, plan.high * 0.3) * shareOf(values, i)), globalAlpha: 0.5 });
        brush.beginPath();
        brush.moveTo(start.x + start.wide, y);
        brush.lineTo(end_.x, y);
        brush.stroke();
      }
    }
  }
  if (done[3] > 0 && !hero.hidesGuess) {
    grow(done[3]);
    const [h, x1] = [at("h"), guessesOf(plan).x - 24];
    for (const [v, i, product_] of guessLinksOf(t)) {
      const y = guessesOf(plan).y(guessOrder(t).indexOf(v));
      stroke(product_, Math.min(5, 0.5 + Math.abs(product_)), 0.45);
      brush.beginPath();
      brush.moveTo(h.x + h.wide, places.get(i));
      brush.bezierCurveTo((h.x + h.wide + x1) / 2, places.get(i), (h.x + h.wide + x1) / 2, y, x1, y);
      brush.stroke();
    }
  }
  brush.setLineDash([]);
  brush.globalAlpha = 1;
  paintLoop(brush, plan, ink, at("h"), before, done[4], plan.isNarrow ? "goes on" : "goes on, as the state before the next letter");
  if (at("c_before")) paintLoop(brush, plan, ink, at("c_t"), at("c_before"), done[4], "");
  if (!plan.isNarrow) write(brush, "Wₕₕ", before.x + before.wide + 0.25 * (sum.x - before.x - before.wide), plan.top - 10, { colour: ink.soft, size: 15, align: "center" });
  const next = plan.columns[plan.columns.indexOf(sum) + 1];
  paintBend(brush, plan, ink, sum.x + sum.wide, next.x, done[2]);
}

/** The way of the new state, back to the next step; that of a cell state is the inner one, without words. */
function paintLoop(brush, plan, ink, from, to, done, words) {
  const [x0, x1] = [from.x + from.wide / 2, to.x + to.wide / 2];
  const y0 = plan.top + plan.rows * plan.high + 3;
  const y1 = words ? plan.tall - (plan.isNarrow ? 9 : 11) : y0 + LOOP;
  const isNow = done > 0 && done < 1;
  Object.assign(brush, { strokeStyle: isNow ? ink.accent : ink.soft, fillStyle: isNow ? ink.accent : ink.soft, lineWidth: isNow ? 3 : 1.5 });
  brush.beginPath();
  for (const [x, y] of [[x0, y0], [x0, y1], [x1, y1], [x1, y0 + 6]]) brush.lineTo(x, y);
  brush.stroke();
  brush.beginPath();
  for (const [x, y] of [[x1, y0], [x1 - 5, y0 + 8], [x1 + 5, y0 + 8]]) brush.lineTo(x, y);
  brush.fill();
  if (!words) return;
  brush.font = `${plan.size}px system-ui, sans-serif`;
  const wide = brush.measureText(words).width + 14;
  brush.fillStyle = ink.paper;
  brush.fillRect((x0 + x1 - wide) / 2, y1 - 8, wide, 16);
  write(brush, words, (x0 + x1) / 2, y1 + 5, { colour: isNow ? ink.accent : ink.soft, size: plan.size, align: "center" });
}

/** The curve of the nonlinearity between the sums and what it makes of them. */
function paintBend(brush, plan, ink, x0, x1, done) {
  const [wide, tall] = [Math.min(x1 - x0 - 8, 90), plan.isNarrow ? 40 : 70];
  const [x, y] = [(x0 + x1) / 2, plan.top + (plan.rows * plan.high) / 2];
  brush.fillStyle = ink.paper;
  brush.fillRect(x - wide / 2, y - tall / 2 - 20, wide, tall + 26);
  Object.assign(brush, { strokeStyle: done > 0 && done < 1 ? ink.accent : ink.soft, lineWidth: done > 0 && done < 1 ? 3 : 2 });
  brush.beginPath();
  for (let n = -20; n <= 20; n++) {
    const z = n / 7;
    const f = F === "tanh" || IS_GATED ? Math.tanh(z) : Math.max(0, z) / 2;
    brush.lineTo(x + (n / 20) * (wide / 2 - 4), y - f * (tall / 2 - 4));
  }
  brush.stroke();
  if (wide > 20) write(brush, F === "tanh" || IS_GATED ? "tanh" : "ReLU", x, y - tall / 2 - 6, { colour: ink.soft, size: plan.size, align: "center" });
}

/** One column of numbers, as far as they are computed. */
function paintColumn({ brush, plan, ink, t, values, done }, { of, kind, title, short, part, x, wide }) {
  const shown_ = part === null ? 1 : done[part];
  const words = plan.wide < 900 || plan.columns.length > 3 ? short ?? title : title;
  write(brush, words, x + wide / 2, plan.top - 10, { colour: ink.soft, size: plan.size, align: "center" });
  const most = kind === "bar" ? mostOf()[of] : of === "h" || of === "before" ? (F === "tanh" ? 1 : mostOf().h ?? 1) : 1;
  heroUnits().forEach((i, n) => {
    const y = yOf(plan, n) + 1;
    const tall = plan.high - 2;
    if (x === plan.columns[0].x && plan.high > 10) write(brush, String(i), x - 5, y + tall / 2 + 4, { colour: ink.soft, size: 11, align: "right" });
    const value = values[of][i];
    if (kind === "bar") {
      const middle = x + wide / 2;
      const begun = of === "sum" ? values.a[i] * done[0] + (value - values.a[i]) * done[1] : value * shown_;
      const long = (begun / most) * (wide / 2);
      brush.fillStyle = ink.raised;
      brush.fillRect(x, y, wide, tall);
      brush.fillStyle = css(colour(begun < 0 ? -0.75 : 0.75));
      brush.fillRect(Math.min(middle, middle + long), y, Math.abs(long), tall);
      brush.fillStyle = ink.soft;
      brush.fillRect(middle - 0.5, y - 1, 1, plan.high);
    } else if (kind === "gate") {
      brush.fillStyle = ink.raised;
      brush.fillRect(x, y, wide, tall);
      brush.fillStyle = ink.soft;
      brush.fillRect(x, y, wide * value * shown_, tall);
    } else {
      brush.fillStyle = shown_ > 0 ? css(colour((value * shown_) / most)) : ink.raised;
      brush.fillRect(x, y, wide, tall);
    }
    Object.assign(brush, { strokeStyle: ink.line, lineWidth: 1 });
    brush.strokeRect(x + 0.5, y + 0.5, wide - 1, tall - 1);
    if (i === chosen.i || isPointed("unit", i)) frame(brush, ink, x - 1, y - 1, wide + 2, tall + 2);
    if (of === "sum" && done[1] < 1) {
      if (done[0] === 1) addMark("a", t, { i }, values.a[i], `from ${quoted(reading.tokens[t - 1])}, unit ${i}: ${rounded(values.a[i], 4)}`, [x, y, wide, tall]);
    } else if (shown_ === 1) addMark(of, t, { i }, value, `${title}, unit ${i}: ${rounded(value, 4)}`, [x, y, wide, tall]);
  });
}

/** The most likely tokens after a step, and the one that does come next. */
function guessOrder(t) {
  const p = heroChances(t);
  const order = Array.from({ length: S }, (_, v) => v).sort((a, b) => p[b] - p[a]).slice(0, GUESSES);
  const next = trueNext(t);
  if (next !== null && !order.includes(next)) order[order.length - 1] = next;
  return order;
}

/** The largest products W[v, i] h[i] of the drawn logits: [v, i, product]. */
function guessLinksOf(t) {
  const [W, { h }] = [live.network.parameters["linear.weight"], heroNumbers(t)];
  const all = guessOrder(t).flatMap((v) => heroUnits().map((i) => [v, i, W[record.shown[v] * H + i] * h[i]]));
  return all.sort((p, q) => Math.abs(q[2]) - Math.abs(p[2])).slice(0, LINKS);
}

/** Where the bars begin, and the height of each. */
function guessesOf(plan) {
  const step = Math.min(plan.isNarrow ? 34 : 46, (plan.rows * plan.high) / GUESSES);
  return { x: plan.guesses, step, y: (n) => plan.top + (n + 0.5) * step };
}

/** The prediction; until it is there, that of the step before. */
function paintGuesses({ brush, plan, ink, t, done }) {
  const isOld = done[3] === 0;
  const { x, step, y: yOfGuess } = guessesOf(plan);
  const words = isOld && t > 1 ? ["it had guessed", "before"] : ["what comes next?", "next?"];
  write(brush, words[Number(plan.wide - x < 130)], x - 14, plan.top - 10, { colour: ink.soft, size: plan.size });
  const of = isOld ? t - 1 : t;
  if (of === 0 || (hero.hidesGuess && !isOld)) return;
  const [p, next] = [heroChances(of), trueNext(of)];
  const came = next !== guessOrder(of)[0] ? plan.wide - x < 200 ? " ←" : " ← came" : " ✓"; // right only if it was the first guess
  const long = plan.wide - x - (plan.isNarrow ? 50 : 70);
  guessOrder(of).forEach((v, n) => {
    const [y, isNext] = [yOfGuess(n), v === next];
    const grown = isOld ? 1 : done[3];
    brush.globalAlpha = isOld ? 0.35 : 0.25 + 0.75 * grown;
    write(brush, glyph(record.shown_tokens[v]).slice(0, 8), x - 8, y + 6, { colour: isNext ? ink.accent : ink.ink, size: IS_CHARACTERS ? (plan.isNarrow ? 16 : 20) : 12, weight: isNext ? 700 : 400, align: "right", family: "mono" });
    brush.fillStyle = isNext ? ink.accent : ink.soft;
    brush.fillRect(x, y - 7, Math.max(1, long * p[v] * grown), 14);
    write(brush, `${percent(p[v])}${isNext ? came : ""}`, x + 5 + long * p[v] * grown, y + 5, { colour: isNext ? ink.ink : ink.soft, size: plan.size, weight: isNext ? 700 : 400 });
    brush.globalAlpha = 1;
    if (isPointed("token", v)) frame(brush, ink, x - 24, y - 11, 20, 22);
    if (grown === 1) addMark("p", of, { v }, p[v], `${spoken(record.shown_tokens[v])} after step ${of}: ${rounded(p[v], 4)}${isNext ? ", and it does come" : ""}`, [x - 24, y - step / 2, plan.wide - x + 24, step]);
  });
}
