import { $, make, setUpTheme } from "../../files/page.js";

/** @typedef {number | string} Value "nan" and "inf" are strings */

/**
 * A tensor of a stage: the part of it that is shown, as nested lists.
 *
 * @typedef {object} Tensor
 * @property {string} name
 * @property {boolean} ok
 * @property {number[]} shape of the whole
 * @property {number[]} begin where the part begins
 * @property {number[]} first the first entry that is wrong
 * @property {number | null} axis of time
 * @property {boolean} backward whether the last step is computed first
 * @property {unknown[]} expected
 * @property {unknown[]} got
 * @property {unknown[]} tolerance
 * @property {unknown[]} wrong
 */

/**
 * @typedef {object} Stage
 * @property {string} name
 * @property {string} verdict
 * @property {string} short
 * @property {string} [case]
 * @property {string[]} notes
 * @property {string} [likely]
 * @property {string[]} lines
 * @property {string} [equation]
 * @property {string} [wrong] the name of the wrong tensor
 * @property {Tensor[]} [tensors]
 * @property {{ name: string, numbers: Value[][] }[]} [values]
 * @property {string} [code]
 */

/** @typedef {{ target: string, summary: string, notes: string[], stages: Stage[] }} CheckRecord */

/** @typedef {(r: number, c: number) => Value} ValueAt */

/** @typedef {[number, number]} Cell row and column */

/**
 * How far each key moves: down and right.
 * @type {Record<string, Cell>}
 */
const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/** @typedef {{ block: number, of: number, isTurned: boolean, index: (r: number, c: number) => number[] }} Slice */

/** @type {CheckRecord} */
const record = JSON.parse($("record").textContent);

/**
 * What draws the colours again, when the theme changes.
 * @type {(() => void)[]}
 */
const redraws = [];

/** @type {(count: number, word: string) => string} */
const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
/** @type {(text: string) => HTMLElement} */
const code = (text) => make("code", {}, text);
/** @type {(x: Value, digits?: number) => string} */
const shown = (x, digits = 4) => (typeof x === "number" ? String(Number(x.toPrecision(digits))) : x);
/**
 * How many digits show that two numbers differ.
 * @type {(one: Value, other: Value) => number}
 */
const digitsOf = (one, other) => [3, 6, 9, 12].find((n) => shown(one, n) !== shown(other, n)) ?? 17;
/** @type {(x: Value) => number} */
const finite = (x) => (typeof x === "number" ? x : NaN);
/** @type {(stage: Stage) => boolean} */
const isWrong = (stage) => stage.verdict !== "right" && stage.verdict !== "missing";

/**
 * The colour of x, in the range -1 … 1, on the scale of the style sheet.
 * @type {(x: number) => string}
 */
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
  const missing = record.stages.filter((stage) => stage.verdict === "missing");
  const begun = missing.length ? ["Nothing that is there is wrong."] : ["Nothing is wrong, so this page has no numbers to compare."];
  const empty = missing.length === record.stages.length;
  const lead = empty ? [`${record.summary[0].toUpperCase()}${record.summary.slice(1)}.`] : begun;
  const isUnread = record.stages.every((stage) => stage.verdict === "error" && !stage.case && stage.short === first?.short);
  const named = first ? ["The first that is not right is ", code(first.name), first.short ? `: ${first.short}.` : "."] : lead;
  $("lead").append(...(isUnread ? [`The file cannot be imported: ${first?.short}.`] : named));
  $("stages").append(
    ...record.stages.map((stage, k) =>
      make(
        "tr",
        {},
        make("th", { scope: "row" }, stage.case ? make("a", { href: `#stage-${k}` }, code(stage.name)) : code(stage.name)),
        make("td", { class: `verdict ${stage.verdict}` }, stage.verdict),
        make("td", {}, isUnread ? "" : stage.short),
      ),
    ),
  );
  $("notes").append(...record.notes.map((note) => make("li", {}, note)));
}

// ---------------------------------------------------------------- a stage

/** @type {(stage: Stage, k: number) => void} */
function drawStage(stage, k) {
  const section = make(
    "section",
    { id: `stage-${k}`, "aria-labelledby": `title-${k}` },
    make("h2", { id: `title-${k}` }, code(stage.name), `: ${stage.verdict}`),
    make(
      "p",
      { class: "hint" },
      "The first case that shows it: ",
      make("b", {}, stage.case ?? ""),
      ". ",
      ...stage.notes.map((note) => `${note[0].toUpperCase()}${note.slice(1)}. `),
    ),
  );
  if (!stage.tensors?.some((tensor) => !tensor.ok)) section.append(make("p", {}, stage.short));
  if (stage.likely) {
    section.append(
      make(
        "div",
        { class: "likely" },
        make("p", {}, make("b", {}, "Likely mistake: "), stage.likely),
        stage.lines.length ? make("p", { class: "hint" }, "In the code of scratch_rnn/plain:") : null,
        stage.lines.length ? make("pre", { tabindex: 0 }, stage.lines.join("\n")) : null,
      ),
    );
  }
  if (stage.equation) section.append(make("pre", { tabindex: 0, "aria-label": "The equations" }, markEquation(stage.equation, stage)));
  if (stage.tensors) section.append(...drawTensors(stage));
  if (stage.values?.length) section.append(drawValues(stage.values));
  if (stage.code) {
    section.append(
      make("details", {}, make("summary", {}, "The case as Python, to try it yourself"), make("pre", { tabindex: 0 }, stage.code)),
    );
  }
  $("main").append(section);
}

/**
 * The names of tensors in the equations.
 * @type {Record<string, string>}
 */
const RENAMED = {
  output: "h_t",
  h_n: "h_t",
  h_next: "h_t",
  c_n: "c_t",
  c_next: "c_t",
  d_x: "δx_t",
  d_h: "δh_{t-1}",
  d_h_0: "δh_{t-1}",
  d_c: "δc_t",
  d_c_0: "δc_t",
  h: "next_h",
};

/**
 * The equations; the one with the mistake is marked. A likely mistake tells which variable it assigns; without one, it is
 * the equation of the wrong tensor.
 * @type {(equation: string, stage: Stage) => HTMLElement[]}
 */
function markEquation(equation, { lines: mistaken, wrong = "" }) {
  const lines = equation.split("\n");
  const assigned = mistaken.flatMap((line) => line.match(/(?<=^(?:wrong|right) {2})\w+(?= [*+]?= )/) ?? []);
  const places = [...assigned, wrong].filter(Boolean).map((name) => lines.findIndex((line) => computes(line, name)));
  const here = places.find((place) => place >= 0);
  return lines.map((line, n) => make("span", { class: n === here ? "here" : null }, `${line}\n`));
}

/**
 * Whether a line of the equations computes a variable.
 * @type {(line: string, variable: string) => boolean}
 */
function computes(line, variable) {
  const alone = variable.startsWith("gradients[") ? "g" : "";
  const names = [variable, RENAMED[variable], variable.replace(/^d_/, "δ"), `${variable}_t`, alone].filter(Boolean);
  const lefts = [...line.matchAll(/([^\s,=←]+)\s*[=←]/g)].map((match) => match[1]);
  return lefts.some((left) => names.some((name) => left === name || (left.length > 2 && name.startsWith(left))));
}

/**
 * Buttons, of which one is pressed; none if there is no choice.
 * @type {(label: string, names: string[], chosen: number, change: (n: number) => void) => HTMLElement[]}
 */
function choice(label, names, chosen, change) {
  if (names.length < 2) return [];
  const buttons = names.map((name, n) => {
    const press = () => {
      for (const [m, button] of buttons.entries()) button.setAttribute("aria-pressed", String(m === n));
      change(n);
    };
    return make("button", { type: "button", "aria-pressed": String(n === chosen), onclick: press }, name);
  });
  return [make("div", { class: "buttons", role: "group", "aria-label": label }, buttons)];
}

/** @type {(stage: Stage) => HTMLElement[]} */
function drawTensors({ tensors = [], wrong }) {
  const place = make("div");
  const start = Math.max(
    0,
    tensors.findIndex((tensor) => tensor.name === wrong),
  );
  const names = tensors.map((tensor) => (tensor.ok ? tensor.name : `${tensor.name} *`));
  const draw = (/** @type {number} */ n) => place.replaceChildren(...drawTensor(tensors[n]));
  if (tensors.length) draw(start);
  return [...choice("Result", names, start, draw), place];
}

/**
 * The matrices of a tensor: of (T, B, H) one of each sequence, a row for each unit, a column for each step.
 * @type {(tensor: Tensor) => Slice[]}
 */
function slices(tensor) {
  const dimensions = tensor.shape.length;
  if (dimensions > 3) return [];
  if (dimensions < 3) {
    const index = (/** @type {number} */ r, /** @type {number} */ c) => [[], [c], [r, c]][dimensions];
    return [{ block: 0, of: 0, isTurned: false, index }];
  }
  const of = tensor.axis === 0 ? 1 : 0;
  const isTurned = tensor.axis !== null;
  return Array.from({ length: sizes(tensor.expected)[of] }, (_, n) => ({
    block: n,
    of,
    isTurned,
    index: (r, c) => (of ? [c, n, r] : isTurned ? [n, c, r] : [n, r, c]),
  }));
}

/** @type {(nested: unknown[], index: number[]) => unknown} */
const at = (nested, index) => index.reduce((part, k) => (Array.isArray(part) ? part[k] : part), /** @type {unknown} */ (nested));

/** @type {(tensor: Tensor) => HTMLElement[]} */
function drawTensor(tensor) {
  const place = make("div");
  const matrices = slices(tensor);
  const entry = tensor.first.map((k, n) => k - tensor.begin[n]);
  const start = matrices.length > 1 ? entry[matrices[0].of] : 0;
  const names = matrices.map(({ isTurned, block, of }) => `${isTurned ? "sequence" : "block"} ${block + (tensor.begin[of] || 0)}`);
  const draw = (/** @type {number} */ n) => place.replaceChildren(...drawSlice(tensor, matrices[n], n === start ? entry : null));
  if (matrices.length) draw(start);
  const count = [tensor.wrong].flat(4).filter(Boolean).length;
  const many = tensor.ok ? "all of it is right" : plural(count, "wrong number");
  const isCut = tensor.begin.some((k, n) => k > 0 || tensor.shape[n] > sizes(tensor.expected)[n]);
  const lead = ` of shape (${tensor.shape.join(", ")}): ${many}${isCut ? " in the part that is shown" : ""}.`;
  return [make("p", { class: "hint" }, make("b", {}, tensor.name), lead), ...choice("Sequence", names, start, draw), place];
}

/** @type {(nested: unknown) => number[]} */
const sizes = (nested) => (Array.isArray(nested) ? [nested.length, ...sizes(nested[0])] : []);

/** @type {(tensor: Tensor, slice: Slice, chosen: number[] | null) => HTMLElement[]} */
function drawSlice(tensor, slice, chosen) {
  const size = sizes(tensor.expected);
  const { axis } = tensor;
  const isTurned = axis !== null && slice.isTurned;
  const [rows, columns] = isTurned
    ? [size[2], size[axis]]
    : size.length === 3
      ? size.slice(1)
      : size.length === 2
        ? size
        : [1, size[0] || 1];
  /** @type {(nested: unknown[]) => ValueAt} */
  const read = (nested) => (r, c) => /** @type {Value} */ (at(nested, slice.index(r, c)));
  const [expected, got, tolerance] = [tensor.expected, tensor.got, tensor.tolerance].map(read);
  const wrong = (/** @type {number} */ r, /** @type {number} */ c) => at(tensor.wrong, slice.index(r, c)) === true;
  /** @type {ValueAt} */
  const difference = (r, c) => {
    const [one, other] = [expected(r, c), got(r, c)];
    return one === other ? 0 : finite(other) - finite(one);
  };
  /** @type {ValueAt} */
  const beyond = (r, c) => (wrong(r, c) ? difference(r, c) : "✓");
  const cells = Array.from({ length: rows }, (_, r) => Array.from({ length: columns }, (__, c) => /** @type {Cell} */ ([r, c]))).flat();
  const most = (/** @type {ValueAt[]} */ ...of) =>
    Math.max(1e-300, ...cells.flatMap(([r, c]) => of.map((f) => Math.abs(finite(f(r, c))) || 0)));
  /** @type {(along: number, count: number) => number[]} */
  const names = (along, count) => Array.from({ length: count }, (_, n) => n + (tensor.begin[along] || 0));
  const dimension = size.length;
  const heads = isTurned ? names(axis, columns).map((t) => `t = ${t + 1}`) : names(dimension - 1, columns).map(String);
  const sides = isTurned || dimension > 1 ? names(isTurned ? 2 : dimension - 2, rows).map(String) : [""];
  const part = isTurned && !tensor.ok ? tensor.first[axis] - tensor.begin[axis] : null;
  const readout = make("p", { class: "readout", role: "status" });
  const digits = (/** @type {number} */ r, /** @type {number} */ c) => (wrong(r, c) ? digitsOf(expected(r, c), got(r, c)) : 3);
  const look = { cells, heads, sides, part, choose };
  const maps = [
    drawMap("expected", expected, most(expected, got), { ...look, digits, wrong: () => false }),
    drawMap("yours", got, most(expected, got), { ...look, digits, wrong }),
    drawMap("difference", beyond, most(beyond), { ...look, wrong }),
  ];
  /** @type {(r: number, c: number) => void} */
  function choose(r, c) {
    for (const map of maps) map.mark(r, c);
    const index = slice.index(r, c).map((k, n) => k + tensor.begin[n]);
    readout.replaceChildren(
      code(`${tensor.name}[${index.join(", ")}]`.replace("[]", "")),
      `: expected ${expected(r, c)}, yours ${got(r, c)}. Difference ${shown(difference(r, c))}; the tolerance is ${shown(tolerance(r, c))}.`,
    );
  }
  const [r, c] = cells.find(([row, column]) => chosen && String(slice.index(row, column)) === String(chosen)) || [0, 0];
  choose(r, c);
  const order = tensor.backward ? "The last step is computed first: read it from right to left. " : "";
  const apart =
    part === null
      ? ""
      : `${order}The first step that differs is step ${tensor.first[axis ?? 0] + 1} of ${tensor.shape[axis ?? 0]}, which is marked.`;
  const lead = apart ? [make("p", { class: "hint" }, apart, " A column is a time step, a row is one number of it.")] : [];
  return [
    ...lead,
    make(
      "div",
      { class: "maps" },
      maps.map((map) => map.figure),
    ),
    readout,
  ];
}

/**
 * @typedef {object} MapLook
 * @property {Cell[]} cells
 * @property {string[]} heads
 * @property {string[]} sides
 * @property {number | null} part the column that is marked
 * @property {(r: number, c: number) => boolean} wrong
 * @property {(r: number, c: number) => void} choose
 * @property {(r: number, c: number) => number} [digits]
 */

/** @type {(name: string, value: ValueAt, scale: number, look: MapLook) => { figure: HTMLElement, mark: (r: number, c: number) => void }} */
function drawMap(name, value, scale, { cells, heads, sides, part, wrong, choose, digits = () => 3 }) {
  /** @type {Map<string, { box: HTMLElement, filled: HTMLElement }>} */
  const boxes = new Map();
  const body = sides.map((side, r) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, String(side)),
      heads.map((_, c) => {
        const filled = make("i");
        const box = make(
          "td",
          { class: wrong(r, c) ? "wrong" : null, onclick: () => choose(r, c) },
          filled,
          make("span", {}, shown(value(r, c), digits(r, c)) + (wrong(r, c) ? "*" : "")),
        );
        boxes.set(`${r} ${c}`, { box, filled });
        return box;
      }),
    ),
  );
  const paint = () => {
    for (const [r, c] of cells) {
      const x = finite(value(r, c)) / scale;
      boxes.get(`${r} ${c}`)?.filled.style.setProperty("background", Number.isNaN(x) ? "none" : colour(x));
    }
  };
  redraws.push(paint);
  paint();
  /** @type {Cell} */
  let now = [0, 0];
  const table = make(
    "table",
    { class: "map" },
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        make("td", { class: "corner" }),
        heads.map((head, c) => make("th", { scope: "col", class: c === part ? "part" : null }, String(head))),
      ),
    ),
    make("tbody", {}, body),
  );
  const scroller = make(
    "div",
    { class: "scroller", tabindex: 0, role: "group", "aria-label": `${name}; the arrow keys choose a number` },
    table,
  );
  scroller.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (!step) return;
    const [r, c] = [now[0] + step[0], now[1] + step[1]];
    if (!boxes.has(`${r} ${c}`)) return;
    event.preventDefault();
    choose(r, c);
  });
  /** @type {(r: number, c: number) => void} */
  const mark = (r, c) => {
    now = [r, c];
    for (const [key, { box }] of boxes) box.classList.toggle("chosen", key === `${r} ${c}`);
    requestAnimationFrame(() => {
      const box = boxes.get(`${r} ${c}`)?.box;
      if (!box) return;
      const inside = box.offsetLeft + box.offsetWidth / 2;
      if (Math.abs(inside - scroller.scrollLeft - scroller.clientWidth / 2) > scroller.clientWidth / 2 - box.offsetWidth) {
        scroller.scrollLeft = inside - scroller.clientWidth / 2;
      }
    });
  };
  return { figure: make("figure", {}, make("figcaption", {}, name), scroller), mark };
}

/** @type {(values: { name: string, numbers: Value[][] }[]) => HTMLElement} */
function drawValues(values) {
  const maps = values.map(({ name, numbers }) => {
    const cells = numbers.flatMap((row, r) => row.map((_, c) => /** @type {Cell} */ ([r, c])));
    const scale = Math.max(1e-300, ...numbers.flat().map((x) => Math.abs(finite(x)) || 0));
    return drawMap(name, (r, c) => numbers[r][c], scale, {
      cells,
      heads: numbers[0].map((_, c) => String(c)),
      sides: numbers.map((_, r) => String(r)),
      part: null,
      wrong: () => false,
      choose: () => {},
      digits: () => 7,
    }).figure;
  });
  return make(
    "details",
    {},
    make("summary", {}, "The way to the right numbers: print yours, and compare"),
    make("p", { class: "hint" }, "The variables of the plain version, in the first step that differs. A row is a sequence of the batch."),
    make("div", { class: "values" }, maps),
  );
}

// ---------------------------------------------------------------- the theme

setUpTheme(() => {
  for (const redraw of redraws) redraw();
});
drawBeginning();
for (const [k, stage] of record.stages.entries()) if (stage.case) drawStage(stage, k);
