import { $, make } from "../../../../files/page.js";
import { clamp } from "../engine/arrays.js";
import { withMinus } from "../record/numbers.js";
import { math } from "./symbols.js";

/**
 * A cell of the table.
 *
 * @typedef {object} LinkedCell
 * @property {string} place its name
 * @property {number[]} values
 * @property {[string, string][]} made of each: its formula, for `math`, and the same in numbers
 * @property {string[]} from the places that it was computed from
 */

/** @typedef {{ symbol: string, cells: LinkedCell[] }} LinkedRow */

/** @typedef {{ r: number, c: number }} RowAndColumn */

/** @type {(x: number) => string} */
const twoPlaces = (x) => withMinus((Math.abs(x) < 0.005 ? 0 : x).toFixed(2));

/** @type {Record<string, [number, number]>} Rows down and columns right. */
const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/** A table of numbers. One that is chosen or pointed at is outlined, with those it was computed from, and a readout says how. */
export class LinkedNumbers {
  /**
   * @param {string} table the ids of the table and of the readout
   * @param {string} readout
   * @param {RowAndColumn} chosen
   */
  constructor(table, readout, chosen) {
    this.table = table;
    this.readout = readout;
    this.chosen = chosen;
    /** @type {LinkedRow[]} */
    this.rows = [];
  }

  /**
   * @param {{ body: HTMLTableSectionElement, rows: LinkedRow[] }[]} groups the rows of each body; its heads stay
   * @param {HTMLElement[]} top the head of the table
   */
  draw(groups, top = []) {
    this.rows = groups.flatMap(({ rows }) => rows);
    this.chosen = this.within(this.chosen);
    const hadFocus = $(this.table).contains(document.activeElement);
    for (const { body, rows } of groups) {
      body.replaceChildren(...body.querySelectorAll("tr:not(.form-row)"), ...rows.map((row) => this.rowOf(row)));
    }
    $(this.table).replaceChildren(...top, ...groups.map(({ body }) => body));
    this.mark(this.chosen);
    if (hadFocus) this.cellAt(this.chosen).focus();
  }

  /** @param {LinkedRow} row */
  rowOf({ symbol, cells }) {
    const written = cells.map(({ place, values }) =>
      make(
        "td",
        { "data-place": place, "aria-describedby": this.readout },
        values.map((x) => make("span", {}, twoPlaces(x))),
      ),
    );
    return make("tr", { class: "form-row" }, make("th", { scope: "row", class: "left" }, math(symbol)), written);
  }

  /** @type {(place: RowAndColumn) => RowAndColumn} */
  within({ r, c }) {
    return { r: clamp(r, 0, this.rows.length - 1), c: clamp(c, 0, this.rows[0].cells.length - 1) };
  }

  /** @type {(at: RowAndColumn) => HTMLElement} */
  cellAt({ r, c }) {
    return /** @type {HTMLElement} */ ($(this.table).querySelector(`[data-place="${this.rows[r].cells[c].place}"]`));
  }

  /** @param {RowAndColumn} at */
  mark(at) {
    const { made, from } = this.rows[at.r].cells[at.c];
    for (const cell of $(this.table).querySelectorAll("td")) {
      cell.tabIndex = cell === this.cellAt(this.chosen) ? 0 : -1;
      cell.classList.toggle("made", cell === this.cellAt(at));
      cell.classList.toggle("source-of", from.includes(cell.dataset.place ?? ""));
    }
    $(this.readout).replaceChildren(...made.map(([formula, numbers]) => make("span", {}, math(formula), ` = ${numbers}`)));
  }

  /**
   * Where an event is; elsewhere, the chosen cell.
   * @type {(event: Event) => RowAndColumn}
   */
  placeOf({ target }) {
    const place = target instanceof Element ? target.closest("td")?.dataset.place : undefined;
    const columns = this.rows.map(({ cells }) => cells.findIndex((cell) => cell.place === place));
    const r = columns.findIndex((c) => c >= 0);
    return r < 0 ? this.chosen : { r, c: columns[r] };
  }

  /** Follow pointer and keyboard. */
  listen() {
    const table = $(this.table);
    table.addEventListener("focusin", (event) => {
      this.chosen = this.placeOf(event);
      this.mark(this.chosen);
    });
    table.addEventListener("click", (event) => this.cellAt(this.placeOf(event)).focus());
    table.addEventListener("pointerover", (event) => this.mark(this.placeOf(event)));
    table.addEventListener("pointerleave", () => this.mark(this.chosen));
    table.addEventListener("keydown", (event) => {
      const [down, right] = MOVES[event.key] ?? [];
      if (down === undefined) return;
      event.preventDefault();
      this.cellAt(this.within({ r: this.chosen.r + down, c: this.chosen.c + right })).focus();
    });
  }
}
