// A unit of a minGRU reads the text of the box as a loop, as a scan and in chunks. It has weights of its own.

import { $, $input, make } from "../../../../../files/page.js";
import { clamp } from "../../engine/arrays.js";
import { pairsOf } from "../../engine/scan.js";
import { math, same } from "../../pictures/symbols.js";
import { rounded, withMinus } from "../../record/numbers.js";
import { glyph } from "../../record/tokens.js";
import { redraw } from "../../state/redraw.js";
import { reading } from "../../state/state.js";
import { formsOf } from "./forms.js";
import { drawRounding } from "./rounding.js";

/** @import { Panel } from "../../state/redraw.js" */
/** @import { FormRow } from "./forms.js" */

/** The steps of the table. */
const SHOWN_STEPS = 8;

/** The bias of the gate: the larger, the more the unit forgets at each step. */
const decay = () => $input("decay-slider").valueAsNumber;

/** @type {FormRow[]} */
let formRows = [];

/** The cell that says how it was computed: its row and its step. */
let formPlace = { r: 3, t: 3 };

/** @type {(x: number) => string} */
const twoPlaces = (x) => withMinus((Math.abs(x) < 0.005 ? 0 : x).toFixed(2));

function drawForms() {
  const ids = reading.ids.slice(0, SHOWN_STEPS);
  const forms = formsOf(ids, decay());
  formRows = forms.flatMap(({ rows }) => rows);
  formPlace = { r: clamp(formPlace.r, 0, formRows.length - 1), t: clamp(formPlace.t, 0, ids.length - 1) };
  const { a } = pairsOf(ids, decay());
  $("decay-value").textContent = `${rounded(decay())}, so a is ${rounded(Math.min(...a), 2)} to ${rounded(Math.max(...a), 2)}`;
  const letters = ids.map((_, t) => make("th", { scope: "col", ...same("step", t + 1) }, glyph(reading.tokens[t])));
  /** @type {(row: FormRow) => HTMLTableRowElement} */
  const written = ({ name, symbol, cells }) =>
    make(
      "tr",
      { class: "form-row" },
      make("th", { scope: "row", class: "left" }, math(symbol)),
      cells.map(({ values }, t) =>
        make(
          "td",
          { "data-place": `${name} ${t}`, "aria-describedby": "scan-readout" },
          values.map((x) => make("span", {}, twoPlaces(x))),
        ),
      ),
    );
  const titleOf = (/** @type {string} */ title) => make("th", { scope: "colgroup", colspan: ids.length + 1, class: "left" }, title);
  const hadFocus = $("scan-forms").contains(document.activeElement);
  $("scan-forms").replaceChildren(
    make("thead", {}, make("tr", {}, make("th", { scope: "col", class: "left" }, "reads"), letters)),
    ...forms.map(({ title, rows }) => make("tbody", {}, make("tr", {}, titleOf(title)), rows.map(written))),
  );
  markForms(formPlace);
  if (hadFocus) formCell(formPlace).focus();
}

/** @type {(place: { r: number, t: number }) => HTMLElement} */
const formCell = ({ r, t }) => /** @type {HTMLElement} */ ($("scan-forms").querySelector(`[data-place="${formRows[r].name} ${t}"]`));

/**
 * Outline a number and those that it was computed from, and say how.
 * @type {(place: { r: number, t: number }) => void}
 */
function markForms(place) {
  const { made, from } = formRows[place.r].cells[place.t];
  for (const cell of $("scan-forms").querySelectorAll("td")) {
    cell.tabIndex = cell === formCell(formPlace) ? 0 : -1;
    cell.classList.toggle("made", cell === formCell(place));
    cell.classList.toggle("source-of", from.includes(cell.dataset.place ?? ""));
  }
  $("scan-readout").replaceChildren(...made.map(([formula, numbers]) => make("span", {}, math(formula), ` = ${numbers}`)));
}

/**
 * The place of the cell in which an event is; that of the chosen one elsewhere.
 * @type {(event: Event) => { r: number, t: number }}
 */
function placeOf({ target }) {
  const place = target instanceof Element ? target.closest("td")?.dataset.place : undefined;
  const [name, t] = place?.split(" ") ?? [];
  return place ? { r: formRows.findIndex((row) => row.name === name), t: Number(t) } : formPlace;
}

/** @type {Record<string, [number, number]>} Rows down and steps right. */
const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

function setUpScan() {
  $("decay-slider").addEventListener("input", () => redraw("decay"));
  const grid = $("scan-forms");
  grid.addEventListener("focusin", (event) => {
    formPlace = placeOf(event);
    markForms(formPlace);
  });
  grid.addEventListener("click", (event) => formCell(placeOf(event)).focus());
  grid.addEventListener("pointerover", (event) => markForms(placeOf(event)));
  grid.addEventListener("pointerleave", () => markForms(formPlace));
  grid.addEventListener("keydown", (event) => {
    const [down, right] = MOVES[event.key] ?? [];
    if (down === undefined) return;
    event.preventDefault();
    const [r, t] = [clamp(formPlace.r + down, 0, formRows.length - 1), clamp(formPlace.t + right, 0, formRows[0].cells.length - 1)];
    formCell({ r, t }).focus();
  });
}

/** @type {Panel} */
export const scanPanel = {
  section: "scan",
  views: [
    ["text decay *", drawForms],
    ["text decay *", () => drawRounding(reading.ids, decay())],
  ],
  setUp: setUpScan,
};
