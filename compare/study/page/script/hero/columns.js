import { colour, css } from "../pictures/colours.js";
import { percent, rounded } from "../record/numbers.js";
import { F, record } from "../record/record.js";
import { glyph, quoted, spoken } from "../record/tokens.js";
import { hero } from "../state/hero_time.js";
import { chosen, isPointed, reading, trueNext } from "../state/state.js";
import { addMark, frame, write } from "./brush.js";
import { guessOrder, heroChances, heroUnits, mostOf } from "./numbers.js";
import { guessesOf, topOf } from "./plan.js";

/** @import { Painting } from "./brush.js" */
/** @import { PlacedColumn } from "./plan.js" */

/**
 * One column of numbers, as far as they are computed.
 * @type {(painting: Painting, column: PlacedColumn) => void}
 */
export function paintColumn({ brush, plan, ink, t, values, done }, { of, kind, title, short, part, x, wide }) {
  const progress = part === null ? 1 : done[part];
  const words = plan.wide < 900 || plan.columns.length > 3 ? (short ?? title) : title;
  write(brush, words, x + wide / 2, plan.top - 10, { colour: ink.soft, size: plan.size, align: "center" });
  const most = kind === "bar" ? mostOf()[of] : of === "h" || of === "before" ? (F === "tanh" ? 1 : (mostOf().h ?? 1)) : 1;
  heroUnits().forEach((i, n) => {
    const y = topOf(plan, n) + 1;
    const tall = plan.high - 2;
    if (x === plan.columns[0].x && plan.high > 10)
      write(brush, String(i), x - 5, y + tall / 2 + 4, { colour: ink.soft, size: 11, align: "right" });
    const value = values[of][i];
    if (kind === "bar") {
      const middle = x + wide / 2;
      const begun = of === "sum" ? values.a[i] * done[0] + (value - values.a[i]) * done[1] : value * progress;
      const long = (begun / most) * (wide / 2);
      brush.fillStyle = ink.raised;
      brush.fillRect(x, y, wide, tall);
      brush.fillStyle = css(colour(begun < 0 ? -0.75 : 0.75));
      brush.fillRect(Math.min(middle, middle + long), y, Math.abs(long), tall);
      brush.fillStyle = ink.soft;
      brush.fillRect(middle - 0.5, y - 1, 1, plan.high);
    } else if (kind === "gate") {
      brush.fillStyle = ink.raised;
      brush.fillRect(x, y, wide, tall);
      brush.fillStyle = ink.soft;
      brush.fillRect(x, y, wide * value * progress, tall);
    } else {
      brush.fillStyle = progress > 0 ? css(colour((value * progress) / most)) : ink.raised;
      brush.fillRect(x, y, wide, tall);
    }
    Object.assign(brush, { strokeStyle: ink.line, lineWidth: 1 });
    brush.strokeRect(x + 0.5, y + 0.5, wide - 1, tall - 1);
    if (i === chosen.i || isPointed("unit", i)) frame(brush, ink, x - 1, y - 1, wide + 2, tall + 2);
    if (of === "sum" && done[1] < 1) {
      if (done[0] === 1)
        addMark("a", t, { i }, values.a[i], `from ${quoted(reading.tokens[t - 1])}, unit ${i}: ${rounded(values.a[i], 4)}`, [
          x,
          y,
          wide,
          tall,
        ]);
    } else if (progress === 1) addMark(of, t, { i }, value, `${title}, unit ${i}: ${rounded(value, 4)}`, [x, y, wide, tall]);
  });
}

/**
 * The prediction; until it is there, that of the step before.
 * @param {Painting} painting
 */
export function paintGuesses({ brush, plan, ink, t, done }) {
  const isOld = done[3] === 0;
  const { x, step, y: yOfGuess } = guessesOf(plan);
  const words = isOld && t > 1 ? ["it had guessed", "it guessed"] : ["what comes next?", "next?"];
  write(brush, words[Number(plan.wide - x < 130)], x - 14, plan.top - 10, { colour: ink.soft, size: plan.size });
  const of = isOld ? t - 1 : t;
  if (of === 0 || (hero.hidesGuess && !isOld)) return;
  const [p, next] = [heroChances(of), trueNext(of)];
  const came = next !== guessOrder(of)[0] ? (plan.wide - x < 200 ? " ←" : " ← came") : " ✓"; // right only if it was the first guess
  const long = plan.wide - x - (plan.isNarrow ? 50 : 70);
  guessOrder(of).forEach((v, n) => {
    const [y, isNext] = [yOfGuess(n), v === next];
    const grown = isOld ? 1 : done[3];
    brush.globalAlpha = isOld ? 0.35 : 0.25 + 0.75 * grown;
    write(brush, glyph(record.shown_tokens[v]).slice(0, 8), x - 8, y + 6, {
      colour: isNext ? ink.accent : ink.ink,
      size: plan.isNarrow ? 16 : 20,
      weight: isNext ? 700 : 400,
      align: "right",
      family: "mono",
    });
    brush.fillStyle = isNext ? ink.accent : ink.soft;
    brush.fillRect(x, y - 7, Math.max(1, long * p[v] * grown), 14);
    write(brush, `${percent(p[v])}${isNext ? came : ""}`, x + 5 + long * p[v] * grown, y + 5, {
      colour: isNext ? ink.ink : ink.soft,
      size: plan.size,
      weight: isNext ? 700 : 400,
    });
    brush.globalAlpha = 1;
    if (isPointed("token", v)) frame(brush, ink, x - 24, y - 11, 20, 22);
    if (grown === 1)
      addMark(
        "p",
        of,
        { v },
        p[v],
        `${spoken(record.shown_tokens[v])} after step ${of}: ${rounded(p[v], 4)}${isNext ? ", and it does come" : ""}`,
        [x - 24, y - step / 2, plan.wide - x + 24, step],
      );
  });
}
