// ---------------------------------------------------------------- elements

function draw(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children.flat().filter((child) => child !== null));
  return element;
}

/** Typeset "W_{hh}^T h_{t-1}": single letters in italics, words upright, indices below. */
function math(text) {
  const line = make("span", { class: "math" });
  const pattern = /([A-Za-z∂]+)(?:_\{([^}]*)\}|_([A-Za-z0-9]))?(\^T)?|[^A-Za-z∂]+/g;
  for (const [all, name, braced, single, transposed] of text.matchAll(pattern)) {
    if (!name) line.append(all.replace(/-/g, "−").replace(/\*/g, "·"));
    else {
      line.append(name.replace("∂", "").length === 1 ? make("var", {}, name) : name);
      const index = braced ?? single;
      if (index) line.append(make("sub", {}, index.replace(/-/g, "−")));
      if (transposed) line.append(make("sup", {}, "T"));
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
  make(tag, { class: "source" }, make("span", { class: "where" }, `${file}:${number}`), make("code", {}, code));
