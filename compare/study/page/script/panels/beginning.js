import { $, make } from "../../../../files/page.js";
import { CELLS } from "../engine/cells/table.js";
import { CELL } from "../record/cell.js";
import { times } from "../record/numbers.js";
import { H, IS_OF_A_RUN, record, S, V } from "../record/record.js";
import { GLYPHS, isKnown, spoken } from "../record/tokens.js";
import { reading, T } from "../state/state.js";

/** @import { Panel } from "../state/redraw.js" */

function setUpBeginning() {
  const { pages } = document.body.dataset; // of the other cells, if they are beside this one
  const names = Object.keys(record.cells).filter((name) => name !== record.cell && CELLS[name]);
  const others = pages
    ? names.map((name) => make("a", { href: pages.replace("CELL", name) }, record.cells[name].layer))
    : names.map((name) => make("code", {}, `rnn-parity explain --cell ${name}`));
  $("lead").append(
    make("b", {}, `${record.cell === "gru" ? "A" : "An"} ${record.layer}`),
    ` reads a text one character at a time. Each changes its state, ${times(record.states.length * H, "number")}${record.states.length > 1 ? ` (${record.states.join(" and ")})` : ""}, and from the state it predicts the next. `,
    others.length
      ? make("span", { class: "whole" }, "Other cells: ", ...others.flatMap((link, n) => (n ? [", ", link] : [link])), ".")
      : "",
  );
  const signs = [...GLYPHS].filter(([token]) => isKnown(token)).map(([token, sign]) => `${sign} ${spoken(token)}`);
  if (isKnown("<unk>")) signs.push(isKnown(" ") ? "? unknown" : "? a character outside the vocabulary");
  $("token-legend").textContent = `Each character is a token: ${signs.join(" · ")}`;
  $("gate-legend").textContent = CELL.parts.map(({ of, title }) => `${of.replace("_t", "")}: ${title.toLowerCase()}`).join(" · ");
  if (document.body.dataset.pages) $("derivation").replaceChildren(make("a", { href: "learn/bptt.html" }, "The derivation")); // beside this page in the site
  const notes = [...record.notes];
  if (S < V)
    notes.push(`Of the ${V.toLocaleString("en")} tokens the page shows ${S}: those that come next in the text, and the most likely ones.`);
  $("notes").append(...notes.map((note) => make("li", {}, note)));
  const versions = Object.entries(record.versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(", ");
  $("footer").append(
    make(
      "p",
      {},
      `Weights: ${record.source}. ${record.layer}, ${record.dtype}, one layer${
        IS_OF_A_RUN
          ? `, trained on ${record.num_steps} steps at a time, ` + `learning rate ${record.lr}, state ${record.state} at each batch`
          : ""
      }. Written by ${versions}.`,
    ),
  );
}

function drawBeginning() {
  const title = reading.text.replace(/\s+/g, " ").trim();
  $("title").textContent = `“${title.length > 80 ? `${title.slice(0, 80)}…` : title}”`;
  /** @type {[string, number, string][]} */
  const letters = [
    ["T", T, T === 1 ? "step" : "steps"],
    ["B", 1, "text at a time"],
    ["V", V, "tokens in the vocabulary"],
    ["H", H, H === 1 ? "unit" : "units of the state"],
  ];
  $("letters").replaceChildren(
    ...letters.map(([letter, size, meaning]) =>
      make("div", {}, make("dt", {}, letter), make("dd", {}, make("b", {}, size.toLocaleString("en")), ` ${meaning}`)),
    ),
  );
}

/** @type {Panel} */
export const beginningPanel = { section: "hero", views: [["c text", drawBeginning]], setUp: setUpBeginning };
