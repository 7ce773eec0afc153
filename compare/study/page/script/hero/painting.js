// The moving picture, painted. From left to right: the state before, the sums, what the cell makes of them, the new state,
// the prediction. Above it stands the text, with the state after each letter that was read. A number between −1 and 1 is a
// colour, a gate is a box that is filled, any other number is a bar to the left or right of zero. Each number that is
// painted, and each letter of the text, is one of `hero.marks`.

import { brushOf } from "../pictures/colours.js";
import { spaceOf } from "../pictures/sizes.js";
import { hero } from "../state/hero_time.js";
import { reading } from "../state/state.js";
import { paintColumn, paintGuesses } from "./columns.js";
import { ease } from "./ease.js";
import { paintLinks } from "./links.js";
import { heroNumbers } from "./numbers.js";
import { PLANNED, planOf } from "./plan.js";
import { paintText } from "./text.js";

/** @import { Ink, Painting } from "./brush.js" */

/**
 * Paint step t at a time, from 0 to PARTS.
 * @type {(canvas: HTMLCanvasElement, t: number, time: number) => void}
 */
export function paintHero(canvas, t, time) {
  if (hero.of !== reading) Object.assign(hero, { of: reading, links: new Map(), most: null });
  const space = spaceOf("hero-picture");
  hero.zoom = Math.max(1, space / PLANNED);
  const plan = planOf(space / hero.zoom);
  const ratio = (window.devicePixelRatio || 1) * hero.zoom;
  const [width, height] = [Math.round(plan.wide * ratio), Math.round(plan.tall * ratio)];
  if (canvas.width !== width || canvas.height !== height) {
    Object.assign(canvas, { width, height });
    Object.assign(canvas.style, { width: `${space}px`, height: `${plan.tall * hero.zoom}px` });
  }
  const ink = readInk();
  const brush = brushOf(canvas);
  brush.setTransform(ratio, 0, 0, ratio, 0, 0);
  brush.fillStyle = ink.paper;
  brush.fillRect(0, 0, plan.wide, plan.tall);
  hero.marks = [];
  /** @type {Painting} */
  const painting = { brush, plan, ink, t, values: heroNumbers(t), done: [0, 1, 2, 3, 4].map((n) => ease(time - n)) };
  paintText(painting);
  paintLinks(painting);
  for (const column of plan.columns) paintColumn(painting, column);
  paintGuesses(painting);
}

/** @type {() => Ink} */
function readInk() {
  const style = getComputedStyle(document.documentElement);
  const read = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`);
  return {
    paper: read("paper"),
    ink: read("ink"),
    soft: read("soft"),
    line: read("line"),
    accent: read("accent"),
    raised: read("raised"),
  };
}
