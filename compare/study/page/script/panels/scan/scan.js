// A unit of a minGRU reads the text of the box as a loop, as a scan and in chunks. It has weights of its own.

import { $, $input, make } from "../../../../../files/page.js";
import { pairsOf } from "../../engine/scan.js";
import { LinkedNumbers } from "../../pictures/linked_numbers.js";
import { same } from "../../pictures/symbols.js";
import { rounded } from "../../record/numbers.js";
import { glyph } from "../../record/tokens.js";
import { redraw } from "../../state/redraw.js";
import { reading } from "../../state/state.js";
import { formsOf } from "./forms.js";
import { drawRounding } from "./rounding.js";

/** @import { Panel } from "../../state/redraw.js" */

/** The steps of the table. */
const SHOWN_STEPS = 8;

/** The bias of the gate: the larger, the more the unit forgets at each step. */
const decay = () => $input("decay-slider").valueAsNumber;

const formNumbers = new LinkedNumbers("scan-forms", "scan-readout", { r: 3, c: 3 });

function drawForms() {
  const ids = reading.ids.slice(0, SHOWN_STEPS);
  const { a } = pairsOf(ids, decay());
  $("decay-value").textContent = `${rounded(decay())}, so a is ${rounded(Math.min(...a), 2)} to ${rounded(Math.max(...a), 2)}`;
  const letters = ids.map((_, t) => make("th", { scope: "col", ...same("step", t + 1) }, glyph(reading.tokens[t])));
  const titleOf = (/** @type {string} */ title) => make("th", { scope: "colgroup", colspan: ids.length + 1, class: "left" }, title);
  formNumbers.draw(
    formsOf(ids, decay()).map(({ title, rows }) => ({ body: make("tbody", {}, make("tr", {}, titleOf(title))), rows })),
    [make("thead", {}, make("tr", {}, make("th", { scope: "col", class: "left" }, "reads"), letters))],
  );
}

/** @type {Panel} */
export const scanPanel = {
  section: "scan",
  views: [
    ["text decay *", drawForms],
    ["text decay *", () => drawRounding(reading.ids, decay())],
  ],
  setUp: () => {
    $("decay-slider").addEventListener("input", () => redraw("decay"));
    formNumbers.listen();
  },
};
