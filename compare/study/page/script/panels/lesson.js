import { $, draw } from "../../../../files/page.js";
import { logChart, text } from "../pictures/chart.js";
import { widthOf } from "../pictures/sizes.js";
import { table } from "../pictures/tables.js";
import { rounded, share } from "../record/numbers.js";
import { record } from "../record/record.js";

/** @import { Panel } from "../state/redraw.js" */

/** Who learned the experiment's words, and its networks' gradients before and after. */
function drawLesson() {
  const { places, updates: most, cells, networks } = record.lesson;
  $("lesson-numbers").replaceChildren(
    table(
      "How many networks learned it, and in how many updates (median)",
      ["cell", ...places],
      Object.entries(cells).map(([name, { learned, trained, updates }]) => [
        name,
        ...updates.map((median, n) =>
          median ? `${learned[n]} of ${trained[n]}${median < most ? `, ${median.toLocaleString("en")}` : ""}` : "not measured",
        ),
      ]),
    ),
  );
  for (const when of /** @type {const} */ (["before", "after"])) {
    const [wide, left, last] = [widthOf(`lesson-${when}`), 46, networks[0][when].norms.length - 1];
    /** @type {(n: number) => number} */
    const x = (n) => left + 8 + (n / last) * (wide - left - 20);
    const { parts, tall } = logChart(
      networks.map(({ cell, name, [when]: { norms } }) => ({ kind: `of-${cell} h`, name, shares: norms })),
      { wide, tall: 150, x, left },
    );
    parts.push(text(x(0), tall + 6, "first letter"), text(x(last), tall + 6, "repeated letter", "", "end"));
    const said = networks
      .map(({ name, [when]: { norms, gate } }) => `${name}: ${share(norms[0])}${gate ? ` (mean gate ${rounded(gate, 2)})` : ""}`)
      .join("; ");
    $(`lesson-${when}-said`).textContent = `At the first letter, this much of the gradient at the last letter: ${said}.`;
    $(`lesson-${when}`).replaceChildren(
      draw(
        "svg",
        {
          class: "chart",
          viewBox: `0 0 ${wide} ${tall + 12}`,
          role: "img",
          "aria-label": `The gradient after each letter, ${when} training. ${$(`lesson-${when}-said`).textContent}`,
        },
        parts,
      ),
    );
  }
}

/** @type {Panel} */
export const lessonPanel = { section: "cells", views: [["*", drawLesson]] };
