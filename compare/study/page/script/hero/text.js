import { row } from "../engine/arrays.js";
import { colour, css } from "../pictures/colours.js";
import { below, rounded } from "../record/numbers.js";
import { F, H } from "../record/record.js";
import { glyph, quoted } from "../record/tokens.js";
import { isPointed, numbers, reading } from "../state/state.js";
import { addMark, frame, write } from "./brush.js";
import { ease } from "./ease.js";
import { heroUnits, mostOf } from "./numbers.js";
import { chipOf, columnOf, lettersIn, topOf } from "./plan.js";

/** @import { Box } from "../state/hero_time.js" */
/** @import { Painting } from "./brush.js" */

/**
 * The text, with the state after each letter so far; in the last part the new state moves there.
 * @param {Painting} painting
 */
export function paintText({ brush, plan, ink, t, values, done }) {
  const { first, count, cell } = lettersIn(plan, t);
  const size = Math.min(plan.isNarrow ? 20 : 30, cell * 1.05);
  const most = F === "tanh" ? 1 : mostOf().h;
  const target = plan.columns[plan.columns.length - 1];
  for (let n = first; n < first + count; n++) {
    const x = (n - first) * cell;
    const isNow = n === t - 1;
    if (isNow) {
      brush.fillStyle = ink.raised;
      brush.fillRect(x, 0, cell, plan.letters + plan.rows * plan.history + 6);
    }
    write(brush, glyph(reading.tokens[n]).slice(0, 6), x + cell / 2, plan.letters - 9, {
      colour: isNow ? ink.accent : n < t ? ink.ink : ink.soft,
      size,
      weight: isNow ? 700 : 400,
      align: "center",
      family: "mono",
    });
    addMark("letter", n + 1, {}, null, `step ${n + 1} reads ${quoted(reading.tokens[n])}`, [x, 0, cell, plan.letters - 2]);
    if (isPointed("step", n + 1)) frame(brush, ink, x + 2, 2, cell - 4, plan.letters - 4);
    if (n > t - 1) continue;
    const states = row(numbers().h, n + 1, H);
    heroUnits().forEach((i, m) => {
      const [x1, y1] = [x + 1, plan.letters + m * plan.history];
      const moved = isNow ? done[4] : 1;
      if (moved === 0) return;
      const [x0, y0] = [target.x, topOf(plan, m)];
      /** @type {(a: number, b: number) => number} */
      const mix = (a, b) => a + (b - a) * moved;
      /** @type {Box} */
      const box = [mix(x0, x1), mix(y0, y1), mix(target.wide, cell - 2), mix(plan.high - 2, Math.max(1, plan.history - 0.5))];
      brush.fillStyle = css(colour(states[i] / most));
      brush.fillRect(...box);
      if (moved === 1) addMark("h", n + 1, { i }, states[i], `h${below(n + 1)}, unit ${i}: ${rounded(states[i], 4)}`, box);
    });
  }
  if (t > 1 && t - 2 >= first) {
    const [x, end] = [(t - 2 - first) * cell, plan.letters + plan.rows * plan.history];
    frame(brush, ink, x, plan.letters - 1, cell, end - plan.letters + 1);
    write(brush, columnOf(plan, "before").title, Math.max(x + cell / 2, 2.9 * plan.size), end + plan.size + 4, {
      colour: ink.soft,
      size: plan.size,
      align: "center",
    });
  }
  if (!values.a) return;
  // the letter on its way to the sums
  const from = { x: (t - 1 - first + 0.5) * cell, y: plan.letters - 9 };
  const to = chipOf(plan);
  const go = ease(done[0] * 2);
  if (done[0] > 0 && done[2] < 1) {
    brush.globalAlpha = 1 - done[2];
    write(brush, glyph(reading.tokens[t - 1]).slice(0, 6), from.x + (to.x - from.x) * go, from.y + (to.y - from.y) * go, {
      colour: ink.accent,
      size: 24,
      weight: 700,
      align: "center",
      family: "mono",
    });
    brush.globalAlpha = 1;
  }
}
