import { $, $input, make } from "../../../../files/page.js";
import { percent, rounded, withMinus } from "../record/numbers.js";
import { record } from "../record/record.js";
import { choose } from "../state/choose.js";
import { checkpoint, chosen, game, reading } from "../state/state.js";

/** @import { Child } from "../../../../files/page.js" */
/** @import { ParityRow } from "../record/record.js" */
/** @import { Panel } from "../state/redraw.js" */

function setUpParity() {
  $("ulps-check").addEventListener("change", () => choose({ ulps: $input("ulps-check").checked }));
}

function drawParity() {
  const rows = checkpoint().parity;
  const wrong = rows.filter((row) => !row.ok);
  $("parity-lead").textContent =
    `Recorded when the page was made, in NumPy and in PyTorch: one training step on ${reading.isRecorded ? "this text" : `“${record.tokens.join("")}”`}, ${checkpoint().label}. ` +
    (record.T === 1 ? "The text has one token; in this step, the token is its own target. " : "") +
    (wrong.length
      ? `${wrong.length} of ${rows.length} tensors differ by more than their tolerance. `
      : `All ${rows.length} tensors agree. `) +
    "The tolerance says how far rounding can move a result. It is measured: each float that goes into the step is replaced by a neighbouring float, several times at random. The largest change of a result, times a safety factor, is its tolerance." +
    (game.bug ? " The bug of the game is not in these recorded results." : "");
  /** @type {(x: number | null) => string} */
  const small = (x) => (x === null ? "–" : x === 0 ? "0" : withMinus(x.toExponential(1)));
  /** @type {[string, string, (row: ParityRow) => Child][]} */
  const columns = [
    ["tensor", "left", (row) => row.name],
    ["verdict", "left", (row) => (row.ok ? `✓ ${row.verdict}` : `✗ ${row.verdict} ${row.problem}`)],
    ["of the tolerance", "number-cell", shareBar],
    ["largest difference", "number-cell roomy", (row) => small(row.difference)],
    ["tolerance", "number-cell roomy", (row) => small(row.allowed)],
    ["shape", "roomy", (row) => row.shape.join(" × ") || "number"],
  ];
  if (chosen.ulps) columns.splice(-1, 0, ["in ulps", "number-cell", (row) => rounded(row.ulps)]);
  const body = make("tbody");
  let group = "";
  for (const row of rows) {
    const match = row.name.match(/^(gradient of|clipped gradient of|updated) (.+)$/);
    const head = match ? match[1] : "";
    if (head !== group) {
      group = head;
      if (head) body.append(make("tr", { class: "group" }, make("td", { colspan: columns.length }, group)));
    }
    body.append(
      make(
        "tr",
        {},
        columns.map(([, kind, cell], n) =>
          n === 0
            ? make("th", { scope: "row", class: match ? `${kind} member` : kind }, match ? match[2] : row.name)
            : make("td", { class: n === 1 && !row.ok ? `${kind} apart` : kind }, cell(row)),
        ),
      ),
    );
  }
  $("parity-table").replaceChildren(
    make(
      "table",
      { class: "verdicts" },
      make("caption", { class: "unseen" }, "All tensors of one training step, in NumPy and in PyTorch"),
      make(
        "thead",
        {},
        make(
          "tr",
          {},
          columns.map(([head, kind]) => make("th", { scope: "col", class: kind.replace("number-cell", "").trim() || null }, head)),
        ),
      ),
      body,
    ),
  );
}

/**
 * The largest difference as a share of the tolerance: a bar, and per cent.
 * @type {(row: ParityRow) => HTMLSpanElement}
 */
function shareBar({ share: known }) {
  const share = known ?? Infinity;
  const filled = make("span");
  filled.style.width = `${Math.min(100, 100 * share)}%`;
  const bar = make("span", { class: "share", "aria-hidden": "true" }, filled);
  return make("span", {}, bar, make("span", { class: "percent" }, Number.isFinite(share) ? ` ${percent(share)}` : " –"));
}

/** @type {Panel} */
export const parityPanel = { section: "parity", views: [["c ulps", drawParity]], setUp: setUpParity };
