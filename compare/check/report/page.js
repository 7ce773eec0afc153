const record = JSON.parse($("record").textContent);
const redraws = []; // of the colours, when the theme changes

const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
const code = (text) => make("code", {}, text);
const shown = (x, digits = 4) => (typeof x === "number" ? String(Number(x.toPrecision(digits))) : x);
const finite = (x) => (typeof x === "number" ? x : NaN);
const isWrong = (stage) => stage.verdict !== "right" && stage.verdict !== "missing";

/** The colour of x, in the range -1 … 1, on the scale of the style sheet. */
function colour(x) {
  const stops = getComputedStyle(document.documentElement).getPropertyValue("--scale").trim().split(/\s+/);
  const place = ((Math.min(1, Math.max(-1, x)) + 1) / 2) * (stops.length - 1);
  const lower = Math.min(Math.floor(place), stops.length - 2);
  return `color-mix(in oklab, ${stops[lower + 1]} ${100 * (place - lower)}%, ${stops[lower]})`;
}

// ---------------------------------------------------------------- the beginning

function drawBeginning() {
  $("title").textContent = `${record.target}: ${record.summary}`;
  const first = record.stages.find(isWrong);
  const missing = record.stages.some((stage) => stage.verdict === "missing");
  const lead = missing ? ["Nothing that is there is wrong."] : ["Nothing is wrong."];
  $("lead").append(...(first ? ["The first that is not right is ", code(first.name), first.short ? `: ${first.short}.` : "."] : lead));
  $("stages").append(...record.stages.map((stage, k) => make("tr", {},
    make("th", { scope: "row" }, stage.case ? make("a", { href: `#stage-${k}` }, code(stage.name)) : code(stage.name)),
    make("td", { class: `verdict ${stage.verdict}` }, stage.verdict), make("td", {}, stage.short))));
  $("notes").append(...record.notes.map((note) => make("li", {}, note)));
}

// ---------------------------------------------------------------- a stage

function drawStage(stage, k) {
  const section = make("section", { id: `stage-${k}`, "aria-labelledby": `title-${k}` },
    make("h2", { id: `title-${k}` }, code(stage.name), `: ${stage.verdict}`),
    make("p", { class: "hint" }, "The first case that shows it: ", make("b", {}, stage.case), ". ", ...stage.notes.map((note) => `${note}. `)));
  if (!(stage.tensors || []).some((tensor) => !tensor.ok)) section.append(make("p", {}, stage.short));
  if (stage.likely) {
    section.append(make("div", { class: "likely" }, make("p", {}, make("b", {}, "Likely mistake: "), stage.likely),
      stage.lines.length ? make("p", { class: "hint" }, "With this mistake, scratch_rnn/plain would read:") : null,
      stage.lines.length ? make("pre", { tabindex: 0 }, stage.lines.join("\n")) : null));
  }
  if (stage.equation) section.append(make("pre", { tabindex: 0, "aria-label": "The equations" }, equation(stage)));
  if (stage.tensors) section.append(...drawTensors(stage));
  if (stage.values && stage.values.length) section.append(drawValues(stage));
  if (stage.code) {
    section.append(make("details", {}, make("summary", {}, "The case as Python, to try it yourself"),
      make("pre", { tabindex: 0 }, stage.code)));
  }
  $("main").append(section);
}

/** The equations; the line that computes the wrong tensor is marked. */
function equation(stage) {
  const name = stage.wrong || "";
  const renamed = { output: "h_t", h_n: "h_t", h_next: "h_t", c_n: "c_t", c_next: "c_t", d_x: "δx_t",
    d_h: "δh_{t-1}", d_h_0: "δh_{t-1}", d_c: "δc_t", d_c_0: "δc_t", h: "next_h" }[name];
  const names = [name, renamed, name.replace(/^d_/, "δ"), `${name}_t`, name.startsWith("gradients[") && "g"].filter(Boolean);
  const lefts = (line) => [...line.matchAll(/([^\s,=←]+)\s*[=←]/g)].map((match) => match[1]);
  const computes = (line) => lefts(line).some((left) => names.some((one) => left === one || (left.length > 2 && one.startsWith(left))));
  const lines = stage.equation.split("\n");
  const here = lines.findIndex((line) => name && computes(line));
  return lines.map((line, n) => make("span", { class: n === here ? "here" : null }, `${line}\n`));
}

/** Buttons, of which one is pressed. */
function choice(label, names, chosen, change) {
  if (names.length < 2) return null;
  const buttons = names.map((name, n) => make("button", {
    type: "button", "aria-pressed": String(n === chosen),
    onclick: () => {
      buttons.forEach((button, m) => button.setAttribute("aria-pressed", String(m === n)));
      change(n);
    } }, name));
  return make("div", { class: "buttons", role: "group", "aria-label": label }, buttons);
}

function drawTensors(stage) {
  const tensors = stage.tensors;
  const place = make("div");
  const start = Math.max(0, tensors.findIndex((tensor) => tensor.name === stage.wrong));
  const names = tensors.map((tensor) => (tensor.ok ? tensor.name : `${tensor.name} *`));
  const draw = (n) => place.replaceChildren(...drawTensor(tensors[n]));
  if (tensors.length) draw(start);
  return [choice("Result", names, start, draw), place].filter(Boolean);
}

/** The matrices of a tensor: of (T, B, H) one of each sequence, a row for each unit, a column for each step. */
function slices(tensor) {
  const dimensions = tensor.shape.length;
  if (dimensions === 3) {
    const of = tensor.axis === 0 ? 1 : 0;
    const turned = tensor.axis !== null;
    const count = (of ? tensor.expected[0] : tensor.expected).length;
    return Array.from({ length: count }, (_, n) => ({
      of, n, turned, index: (r, c) => (of ? [c, n, r] : turned ? [n, c, r] : [n, r, c]),
    }));
  }
  if (dimensions > 3) return [];
  return [{ index: (r, c) => (dimensions === 2 ? [r, c] : dimensions === 1 ? [c] : []) }];
}

const at = (nested, index) => index.reduce((part, k) => part[k], nested);

function drawTensor(tensor) {
  const place = make("div");
  const all = slices(tensor);
  const own = tensor.first.map((k, n) => k - tensor.begin[n]);
  const start = all.length > 1 ? own[all[0].of] : 0;
  const names = all.map((slice) => `${slice.turned ? "sequence" : "block"} ${slice.n + (tensor.begin[slice.of] || 0)}`);
  const draw = (n) => place.replaceChildren(...drawSlice(tensor, all[n], n === start ? own : null));
  if (all.length) draw(start);
  const count = [tensor.wrong].flat(Infinity).filter(Boolean).length;
  const many = tensor.ok ? "all of it is right" : `${plural(count, "wrong number")}`;
  const cut = tensor.begin.some((k, n) => k > 0 || tensor.shape[n] > sizes(tensor.expected)[n]) ? " in the part that is shown" : "";
  return [make("p", { class: "hint" }, make("b", {}, tensor.name), ` of shape (${tensor.shape.join(", ")}): ${many}${cut}.`),
    choice("Sequence", names, start, draw), place].filter(Boolean);
}

const sizes = (nested) => (Array.isArray(nested) ? [nested.length, ...sizes(nested[0])] : []);

function drawSlice(tensor, slice, chosen) {
  const size = sizes(tensor.expected);
  const [rows, columns] = slice.turned ? [size[2], size[tensor.axis]]
    : size.length === 3 ? size.slice(1) : size.length === 2 ? size : [1, size[0] || 1];
  const read = (name) => (r, c) => at(tensor[name], slice.index(r, c));
  const [expected, got, tolerance, wrong] = ["expected", "got", "tolerance", "wrong"].map(read);
  const difference = (r, c) => {
    const [one, other] = [expected(r, c), got(r, c)];
    return one === other ? 0 : finite(other) - finite(one);
  };
  const beyond = (r, c) => (wrong(r, c) ? difference(r, c) : "✓");
  const cells = Array.from({ length: rows }, (_, r) => Array.from({ length: columns }, (_, c) => [r, c])).flat();
  const most = (...of) => Math.max(1e-300, ...cells.flatMap(([r, c]) => of.map((f) => Math.abs(finite(f(r, c))) || 0)));
  const names = (axis, count) => Array.from({ length: count }, (_, n) => n + (tensor.begin[axis] || 0));
  const dimension = size.length;
  const heads = slice.turned ? names(tensor.axis, columns).map((t) => `t = ${t + 1}`) : names(dimension - 1, columns);
  const sides = slice.turned ? names(2, rows) : dimension > 1 ? names(dimension - 2, rows) : [""];
  const part = slice.turned && !tensor.ok ? tensor.first[tensor.axis] - tensor.begin[tensor.axis] : null;
  const readout = make("p", { class: "readout", role: "status" });
  const maps = [["expected", expected, most(expected, got)], ["yours", got, most(expected, got)],
    ["difference", beyond, most(beyond)]].map(([name, value, scale], n) =>
    drawMap(name, value, scale, { cells, heads, sides, part, wrong: n ? wrong : () => false, choose }));
  function choose(r, c) {
    for (const map of maps) map.mark(r, c);
    const index = slice.index(r, c).map((k, n) => k + tensor.begin[n]);
    readout.replaceChildren(code(`${tensor.name}[${index.join(", ")}]`.replace("[]", "")),
      `: expected ${expected(r, c)}, yours ${got(r, c)}. Difference ${shown(difference(r, c))}; the tolerance is ${shown(tolerance(r, c))}.`);
  }
  const [r, c] = cells.find(([row, column]) => chosen && String(slice.index(row, column)) === String(chosen)) || [0, 0];
  choose(r, c);
  const order = tensor.backward ? "The last step is computed first: read it from right to left. " : "";
  const apart = part === null ? "" : `${order}The first step that differs is step ${tensor.first[tensor.axis] + 1} of ${tensor.shape[tensor.axis]}, which is marked.`;
  return [apart ? make("p", { class: "hint" }, apart, " A column is a time step, a row is one number of it.") : null,
    make("div", { class: "maps" }, maps.map((map) => map.figure)), readout].filter(Boolean);
}

function drawMap(name, value, scale, { cells, heads, sides, part, wrong, choose, digits = 3 }) {
  const boxes = new Map();
  const body = sides.map((side, r) => make("tr", {}, make("th", { scope: "row" }, String(side)),
    heads.map((_, c) => {
      const box = make("td", { class: wrong(r, c) ? "wrong" : null, onclick: () => choose(r, c) },
        make("i"), make("span", {}, shown(value(r, c), digits) + (wrong(r, c) ? "*" : "")));
      boxes.set(`${r} ${c}`, box);
      return box;
    })));
  const paint = () => cells.forEach(([r, c]) => {
    const x = finite(value(r, c)) / scale;
    boxes.get(`${r} ${c}`).firstChild.style.background = Number.isNaN(x) ? "none" : colour(x);
  });
  redraws.push(paint);
  paint();
  let now = [0, 0];
  const table = make("table", { class: "map" }, make("thead", {}, make("tr", {}, make("td", { class: "corner" }),
    heads.map((head, c) => make("th", { scope: "col", class: c === part ? "part" : null }, String(head))))), make("tbody", {}, body));
  const scroller = make("div", { class: "scroller", tabindex: 0, role: "group", "aria-label": `${name}; the arrow keys choose a number` }, table);
  scroller.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    const next = step && [now[0] + step[0], now[1] + step[1]];
    if (!next || !boxes.has(next.join(" "))) return;
    event.preventDefault();
    choose(...next);
  });
  const mark = (r, c) => {
    now = [r, c];
    for (const [key, box] of boxes) box.classList.toggle("chosen", key === `${r} ${c}`);
    requestAnimationFrame(() => {
      const box = boxes.get(`${r} ${c}`);
      const inside = box.offsetLeft + box.offsetWidth / 2;
      if (Math.abs(inside - scroller.scrollLeft - scroller.clientWidth / 2) > scroller.clientWidth / 2 - box.offsetWidth) {
        scroller.scrollLeft = inside - scroller.clientWidth / 2;
      }
    });
  };
  return { figure: make("figure", {}, make("figcaption", {}, name), scroller), mark };
}

function drawValues(stage) {
  const maps = stage.values.map(({ name, numbers }) => {
    const cells = numbers.flatMap((row, r) => row.map((_, c) => [r, c]));
    const scale = Math.max(1e-300, ...numbers.flat().map((x) => Math.abs(finite(x)) || 0));
    return drawMap(name, (r, c) => numbers[r][c], scale, {
      cells, heads: numbers[0].map((_, c) => c), sides: numbers.map((_, r) => r), part: null, wrong: () => false, choose: () => {}, digits: 7,
    }).figure;
  });
  return make("details", {}, make("summary", {}, "The way to the right numbers: print yours, and compare"),
    make("p", { class: "hint" }, "The variables of the plain version, in the first step that differs. A row is a sequence of the batch."),
    make("div", { class: "values" }, maps));
}

// ---------------------------------------------------------------- the theme

setUpTheme(() => redraws.forEach((redraw) => redraw()));
drawBeginning();
record.stages.forEach((stage, k) => stage.case && drawStage(stage, k));
