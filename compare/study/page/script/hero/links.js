import { colour, css } from "../pictures/colours.js";
import { CELL } from "../record/cell.js";
import { F, IS_GATED } from "../record/record.js";
import { hero } from "../state/hero_time.js";
import { write } from "./brush.js";
import { ease } from "./ease.js";
import { guessLinksOf, guessOrder, heroUnits, linksOf, mostOf } from "./numbers.js";
import { chipOf, columnOf, guessesOf, LOOP, topOf } from "./plan.js";

/** @import { Ink, Painting } from "./brush.js" */
/** @import { PlacedColumn, Plan } from "./plan.js" */

/**
 * What flows: from the letter and from the state before to the sums, and through the gates to the new state.
 * @param {Painting} painting
 */
export function paintLinks({ brush, plan, ink, t, values, done }) {
  if (!values.a) return;
  const heights = new Map(heroUnits().map((i, n) => [i, topOf(plan, n) + plan.high / 2]));
  const [before, sum] = [columnOf(plan, "before"), columnOf(plan, "sum")];
  const heightOf = (/** @type {number} */ i) => heights.get(i) ?? 0;
  const most = mostOf().sum;
  /** @type {(value: number, width: number, alpha: number) => void} */
  const stroke = (value, width, alpha) => {
    Object.assign(brush, { strokeStyle: css(colour(value < 0 ? -0.8 : 0.8)), lineWidth: width, globalAlpha: alpha });
  };
  const grow = (/** @type {number} */ progress) => brush.setLineDash(progress < 1 ? [700 * progress, 700] : []);
  if (done[0] > 0.5 && done[2] < 1) {
    grow(ease(2 * done[0] - 1));
    for (const [i, y] of heights) {
      stroke(values.a[i], 0.5 + (3 * Math.abs(values.a[i])) / most, 0.75 * (1 - done[2]));
      brush.beginPath();
      brush.moveTo(chipOf(plan).x, plan.top - 8);
      brush.quadraticCurveTo(chipOf(plan).x, y, sum.x - 2, y);
      brush.stroke();
    }
  }
  if (done[1] > 0 && t > 1) {
    grow(done[1]);
    const [x0, x1] = [before.x + before.wide, sum.x];
    for (const [i, j, product] of linksOf(t)) {
      stroke(product, Math.min(6, 0.5 + (5 * Math.abs(product)) / most), 0.6 * (1 - 0.7 * done[2]));
      brush.beginPath();
      brush.moveTo(x0, heightOf(j));
      brush.bezierCurveTo((x0 + x1) / 2, heightOf(j), (x0 + x1) / 2, heightOf(i), x1, heightOf(i));
      brush.stroke();
    }
  }
  if (done[2] > 0) {
    grow(done[2]);
    for (const { from, to, share: shareOf } of CELL.ways) {
      const [start, end] = [columnOf(plan, from), columnOf(plan, to)];
      for (const [i, y] of heights) {
        Object.assign(brush, {
          strokeStyle: ink.ink,
          lineWidth: Math.max(0.3, Math.min(5, plan.high * 0.3) * shareOf(values, i)),
          globalAlpha: 0.5,
        });
        brush.beginPath();
        brush.moveTo(start.x + start.wide, y);
        brush.lineTo(end.x, y);
        brush.stroke();
      }
    }
  }
  if (done[3] > 0 && !hero.hidesGuess) {
    grow(done[3]);
    const [h, x1] = [columnOf(plan, "h"), guessesOf(plan).x - 24];
    for (const [v, i, product] of guessLinksOf(t)) {
      const y = guessesOf(plan).y(guessOrder(t).indexOf(v));
      stroke(product, Math.min(5, 0.5 + Math.abs(product)), 0.45);
      brush.beginPath();
      brush.moveTo(h.x + h.wide, heightOf(i));
      brush.bezierCurveTo((h.x + h.wide + x1) / 2, heightOf(i), (h.x + h.wide + x1) / 2, y, x1, y);
      brush.stroke();
    }
  }
  brush.setLineDash([]);
  brush.globalAlpha = 1;
  paintLoop(
    brush,
    plan,
    ink,
    columnOf(plan, "h"),
    before,
    done[4],
    plan.isNarrow ? "goes on" : "goes on, as the state before the next letter",
  );
  if (plan.columns.some(({ of }) => of === "c_before"))
    paintLoop(brush, plan, ink, columnOf(plan, "c_t"), columnOf(plan, "c_before"), done[4], "");
  if (!plan.isNarrow)
    write(brush, "Wₕₕ", before.x + before.wide + 0.25 * (sum.x - before.x - before.wide), plan.top - 10, {
      colour: ink.soft,
      size: 15,
      align: "center",
    });
  const next = plan.columns[plan.columns.indexOf(sum) + 1];
  paintBend(brush, plan, ink, sum.x + sum.wide, next.x, done[2]);
}

/**
 * The way of the new state, back to the next step; that of a cell state is the inner one, without words.
 * @type {(brush: CanvasRenderingContext2D, plan: Plan, ink: Ink, from: PlacedColumn, to: PlacedColumn, done: number, words: string) => void}
 */
function paintLoop(brush, plan, ink, from, to, done, words) {
  const [x0, x1] = [from.x + from.wide / 2, to.x + to.wide / 2];
  const y0 = plan.top + plan.rows * plan.high + 3;
  const y1 = words ? plan.tall - (plan.isNarrow ? 9 : 11) : y0 + LOOP;
  const isNow = done > 0 && done < 1;
  Object.assign(brush, {
    strokeStyle: isNow ? ink.accent : ink.soft,
    fillStyle: isNow ? ink.accent : ink.soft,
    lineWidth: isNow ? 3 : 1.5,
  });
  brush.beginPath();
  for (const [x, y] of [
    [x0, y0],
    [x0, y1],
    [x1, y1],
    [x1, y0 + 6],
  ])
    brush.lineTo(x, y);
  brush.stroke();
  brush.beginPath();
  for (const [x, y] of [
    [x1, y0],
    [x1 - 5, y0 + 8],
    [x1 + 5, y0 + 8],
  ])
    brush.lineTo(x, y);
  brush.fill();
  if (!words) return;
  brush.font = `${plan.size}px system-ui, sans-serif`;
  const wide = brush.measureText(words).width + 14;
  brush.fillStyle = ink.paper;
  brush.fillRect((x0 + x1 - wide) / 2, y1 - 8, wide, 16);
  write(brush, words, (x0 + x1) / 2, y1 + 5, { colour: isNow ? ink.accent : ink.soft, size: plan.size, align: "center" });
}

/**
 * The curve of the nonlinearity between the sums and what it makes of them.
 * @type {(brush: CanvasRenderingContext2D, plan: Plan, ink: Ink, x0: number, x1: number, done: number) => void}
 */
function paintBend(brush, plan, ink, x0, x1, done) {
  const [wide, tall] = [Math.min(x1 - x0 - 8, 90), plan.isNarrow ? 40 : 70];
  const [x, y] = [(x0 + x1) / 2, plan.top + (plan.rows * plan.high) / 2];
  brush.fillStyle = ink.paper;
  brush.fillRect(x - wide / 2, y - tall / 2 - 20, wide, tall + 26);
  Object.assign(brush, { strokeStyle: done > 0 && done < 1 ? ink.accent : ink.soft, lineWidth: done > 0 && done < 1 ? 3 : 2 });
  brush.beginPath();
  for (let n = -20; n <= 20; n++) {
    const z = n / 7;
    const f = F === "tanh" || IS_GATED ? Math.tanh(z) : Math.max(0, z) / 2;
    brush.lineTo(x + (n / 20) * (wide / 2 - 4), y - f * (tall / 2 - 4));
  }
  brush.stroke();
  if (wide > 20)
    write(brush, F === "tanh" || IS_GATED ? "tanh" : "ReLU", x, y - tall / 2 - 6, {
      colour: ink.soft,
      size: plan.size,
      align: "center",
    });
}
