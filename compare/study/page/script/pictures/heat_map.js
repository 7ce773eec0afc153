import { make } from "../../../../files/page.js";
import { paint } from "./colours.js";
import { place } from "./sizes.js";

/**
 * What a picture does.
 *
 * @typedef {object} Use
 * @property {(r: number, c: number) => void} pick a cell was clicked
 * @property {(down: number, right: number) => void} move an arrow key was pressed
 * @property {(r: number | null, c: number | null) => void} [over] the pointer is over a cell, or has left
 * @property {string} [ofRows] what its rows are: see panels/pointing.js
 * @property {string} [ofColumns]
 */

/**
 * How far each key moves: down and right.
 * @type {Record<string, [number, number]>}
 */
const STEPS = {
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  PageUp: [-10, 0],
  PageDown: [10, 0],
  Home: [0, -1e6],
  End: [0, 1e6],
};

/** A picture of rows and columns, of which one cell can be chosen by pointer or arrow keys. */
export class HeatMap {
  /**
   * @param {string} name
   * @param {Use} use
   */
  constructor(name, { pick, move, over, ofRows = "", ofColumns = "" }) {
    this.rows = 1;
    this.columns = 1;
    this.width = 0;
    this.height = 0;
    this.canvas = make("canvas", { "aria-hidden": "true" });
    this.rowMark = make("div", { class: "mark across", "aria-hidden": "true" });
    this.columnMark = make("div", { class: "mark", "aria-hidden": "true" });
    const attributes = {
      class: "map",
      tabindex: 0,
      role: "application",
      "aria-roledescription": "heat map",
      "aria-label": name,
      "aria-describedby": "status",
      "data-rows": ofRows,
      "data-columns": ofColumns,
      "data-shape": "1 1",
    };
    this.element = make("div", attributes, this.canvas, this.rowMark, this.columnMark);
    this.element.addEventListener("click", (event) => pick(...this.cellAt(event)));
    if (over) {
      this.element.addEventListener("pointermove", (event) => over(...this.cellAt(event)));
      this.element.addEventListener("pointerleave", () => over(null, null));
    }
    this.element.addEventListener("keydown", (event) => {
      const step = STEPS[event.key];
      if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      move(...step);
    });
  }

  /**
   * The row and the column of the cell under the pointer.
   * @type {(event: MouseEvent) => [number, number]}
   */
  cellAt({ clientX, clientY }) {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    /** @type {(share: number, count: number) => number} */
    const inside = (share, count) => Math.min(count - 1, Math.max(0, Math.floor(share * count)));
    return [inside((clientY - top) / height, this.rows), inside((clientX - left) / width, this.columns)];
  }

  /** @type {(rows: number, columns: number, width: number, height: number, colourOf: (r: number, c: number) => number) => void} */
  paint(rows, columns, width, height, colourOf) {
    Object.assign(this, { rows, columns, width, height });
    this.element.dataset.shape = `${rows} ${columns}`;
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    paint(this.canvas, rows, columns, width, height, colourOf);
  }

  /**
   * Mark the cell that is chosen.
   * @type {(r: number, c: number) => void}
   */
  mark(r, c) {
    const cell = { width: this.width / this.columns, height: this.height / this.rows };
    const high = Math.max(cell.height, 5);
    place(this.rowMark, 0, (r + 0.5) * cell.height - high / 2, this.width, high);
    place(this.columnMark, c * cell.width, 0, cell.width, this.height);
  }
}
