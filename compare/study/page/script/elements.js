// ---------------------------------------------------------------- elements

/** The lines of a grid, each with its number at the left. */
const gridOf = (values_, y, left, right, words) => values_.flatMap((value) => [
  draw("line", { class: "grid", x1: left, x2: right, y1: y(value), y2: y(value) }), text(left - 8, y(value) + 4, words(value), "", "end")]);

/** Round numbers between two ends, at most seven. */
function ticksOf(least, most) {
  const unit = 10 ** Math.floor(Math.log10(most - least));
  const step = unit * [0.2, 0.5, 1, 2].find((each) => (most - least) / (each * unit) <= 6);
  const first = Math.ceil(least / step - 1e-9);
  return Array.from({ length: Math.floor(most / step + 1e-9) - first + 1 }, (_, n) => (first + n) * step);
}

/** Exponents between two, at most seven. */
const exponentsOf = (low, high) => Array.from({ length: high - low + 1 }, (_, n) => low + n).filter((e) => (high - e) % Math.ceil((high - low) / 6) === 0);

/** Typeset "W_{hh}^T h_{t-1}": single letters in italics, words upright, indices below. */
function math(text) {
  const line = make("span", { class: "math" });
  const pattern = /([A-Za-z∂]+)(?:_\{([^}]*)\}|_([A-Za-z0-9]))?(\^T)?|[^A-Za-z∂]+/g;
  for (const [all, name, braced, single, transposed] of text.matchAll(pattern)) {
    if (!name) line.append(all.replace(/-/g, "−").replace(/\*/g, "·"));
    else {
      const [index, isLetter] = [braced ?? single, name.replace("∂", "").length === 1];
      line.append(make("span", isLetter ? { "data-same": symbolOf(name, index) } : {}, isLetter ? make("var", {}, name) : name,
        index ? make("sub", {}, index.replace(/-/g, "−")) : "", transposed ? make("sup", {}, "T") : ""));
    }
  }
  return line;
}

/** A sentence, with names such as W_hh^T typeset. */
const typeset = (sentence) => sentence.split(/(W_[ih]h(?:\^T)?)/).filter(Boolean).map((part) => (/^W_/.test(part) ? math(part.replace(/_(..)/, "_{$1}")) : part));

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

/** A table that can be scrolled, also by keyboard. */
const scrolling = (name, content) => make("div", { class: "scroller", tabindex: 0, role: "group", "aria-label": name }, content);

const GLYPHS = new Map([[" ", "␣"], ["\n", "↵"], ["\t", "⇥"]]);
const SPOKEN = new Map([[" ", "a space"], ["\n", "a new line"], ["\t", "a tab"]]);
const glyph = (token) => GLYPHS.get(token) ?? (token === "<unk>" && IS_CHARACTERS ? "?" : token);
const spoken = (token) => SPOKEN.get(token) ?? token;
const capital = (text) => text[0].toUpperCase() + text.slice(1);
const quoted = (token) => SPOKEN.get(token) ?? `“${token}”`;
const tokenSpan = (token, attributes = {}) =>
  make("span", { ...attributes, class: [attributes.class, token === " " ? "space" : null].filter(Boolean).join(" ") || null }, glyph(token));

/** The line of the plain version that has this part: "scratch_rnn/plain/elman.py:45  z_t = …" */
function source(part, tag = "p") {
  for (const { file, lines } of record.plain) {
    const place = lines.findIndex((line) => line.includes(part));
    if (place >= 0) return sourceLine({ file, number: place + 1, code: lines[place].trim() }, tag);
  }
  throw new Error(`no line of the plain version has ${part}`);
}

const sourceLine = ({ file, number, code }, tag = "p") =>
  make(tag, { class: "source", "data-same": `${file}:${number}` }, make("span", { class: "where" }, `${file}:${number}`), codeOf(code));
