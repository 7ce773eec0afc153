import { $, make } from "../../../../files/page.js";

/** @import { Child } from "../../../../files/page.js" */

/**
 * A table; `rows` are lists of cells, of which the first is the row's header.
 * @type {(caption: string, heads: Child[], rows: Child[][], options?: { chosenRow?: number, left?: number[] }) => HTMLTableElement}
 */
export function table(caption, heads, rows, { chosenRow, left = [] } = {}) {
  /** @type {(column: number) => string} */
  const classOf = (column) => (column === 0 || left.includes(column) ? "left" : "number-cell");
  return make(
    "table",
    {},
    make("caption", {}, caption),
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        heads.map((head, n) => make("th", { scope: "col", class: left.includes(n) || n === 0 ? "left" : null }, head)),
      ),
    ),
    make(
      "tbody",
      {},
      rows.map((cells, r) =>
        make(
          "tr",
          { class: r === chosenRow ? "chosen" : null },
          cells.map((cell, n) => (n === 0 ? make("th", { scope: "row", class: "left" }, cell) : make("td", { class: classOf(n) }, cell))),
        ),
      ),
    ),
  );
}

/**
 * A table that can be scrolled, also by keyboard.
 * @type {(name: string, content: Child) => HTMLDivElement}
 */
export const scrolling = (name, content) => make("div", { class: "scroller", tabindex: 0, role: "group", "aria-label": name }, content);

/**
 * Fill a table in a <details>.
 * @type {(id: string, content: Child) => void}
 */
export function fill(id, content) {
  $(id).lastElementChild?.replaceWith(make("div", { class: "tables" }, content));
}

/**
 * A figure with its name, and what it means.
 * @type {(name: Child, figure: string, remark: Child, id?: string) => HTMLDivElement}
 */
export const tile = (name, figure, remark, id) =>
  make(
    "div",
    {},
    make("dt", {}, name),
    make("dd", {}, make("span", { class: "figure", id }, figure), make("span", { class: "remark" }, remark)),
  );

/**
 * Whether a panel has nothing to show. Then only the sentence `why` is shown; it is empty if there is something.
 * @type {(section: string, why: string) => boolean}
 */
export function isAbsent(section, why) {
  $(`${section}-body`).hidden = why !== "";
  $(`${section}-absent`).textContent = why;
  return why !== "";
}
