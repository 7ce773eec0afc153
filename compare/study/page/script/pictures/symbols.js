import { make } from "../../../../files/page.js";
import { record } from "../record/record.js";

/** @import { CodeLine } from "../record/record.js" */

/**
 * "symbol-W_hh" of W with the index hh; an index that counts steps or units does not belong to the name.
 * @type {(letter: string, index?: string) => string}
 */
export const symbolOf = (letter, index = "") => `symbol-${letter.replace("∂", "d_")}${/^[ih][a-z]$/.test(index) ? `_${index}` : ""}`;

/** @type {(kind: string, number: number | string) => { "data-same": string }} */
export const same = (kind, number) => ({ "data-same": `${kind}-${number}` });

/**
 * A line of code, with a name for each symbol in it: z_t and h_t are z and h, d_h_t is ∂h.
 * @type {(line: string) => HTMLElement}
 */
export function codeOf(line) {
  const parts = line.split(/(?<![.\w])([A-Za-z_]\w*)/);
  return make(
    "code",
    {},
    parts.map((part, n) => {
      const [, letter, index] = n % 2 ? (part.match(/^((?:d_)?[A-Za-z])(?:_([a-z]+))?$/) ?? []) : [];
      return letter ? make("span", { "data-same": symbolOf(letter, index) }, part) : part;
    }),
  );
}

/**
 * Typeset "W_{hh}^T h_{t-1}": single letters in italics, words upright, indices below.
 * @type {(text: string) => HTMLSpanElement}
 */
export function math(text) {
  const line = make("span", { class: "math" });
  const pattern = /([A-Za-z∂]+)(?:_\{([^}]*)\}|_([A-Za-z0-9]))?(\^T)?|[^A-Za-z∂]+/g;
  for (const [all, name, braced, single, transposed] of text.matchAll(pattern)) {
    if (!name) line.append(all.replace(/-/g, "−").replace(/\*/g, "·"));
    else {
      const [index, isLetter] = [braced ?? single, name.replace("∂", "").length === 1];
      line.append(
        make(
          "span",
          isLetter ? { "data-same": symbolOf(name, index) } : {},
          isLetter ? make("var", {}, name) : name,
          index ? make("sub", {}, index.replace(/-/g, "−")) : "",
          transposed ? make("sup", {}, "T") : "",
        ),
      );
    }
  }
  return line;
}

/**
 * A sentence, with names such as W_hh^T typeset.
 * @type {(sentence: string) => (string | HTMLSpanElement)[]}
 */
export const typeset = (sentence) =>
  sentence
    .split(/(W_[ih]h(?:\^T)?)/)
    .filter(Boolean)
    .map((part) => (/^W_/.test(part) ? math(part.replace(/_(..)/, "_{$1}")) : part));

/**
 * The line of the plain version that has this part: "scratch_rnn/plain/elman.py:45  z_t = …"
 * @type {(part: string, tag?: "p" | "div") => HTMLElement}
 */
export function source(part, tag = "p") {
  for (const { file, lines } of record.plain) {
    const place = lines.findIndex((line) => line.includes(part));
    if (place >= 0) return sourceLine({ file, number: place + 1, code: lines[place].trim() }, tag);
  }
  throw new Error(`no line of the plain version has ${part}`);
}

/** @type {(line: CodeLine, tag?: "p" | "div") => HTMLElement} */
export const sourceLine = ({ file, number, code }, tag = "p") =>
  make(tag, { class: "source", "data-same": `${file}:${number}` }, make("span", { class: "where" }, `${file}:${number}`), codeOf(code));
