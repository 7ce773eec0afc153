import { make } from "../../../../files/page.js";
import { clamp } from "../engine/arrays.js";
import { drawHero, markAt } from "../hero/hero.js";
import { symbolOf } from "../pictures/symbols.js";
import { H } from "../record/record.js";
import { hero } from "../state/hero_time.js";
import { followers } from "../state/redraw.js";
import { pointed, setPointed, units } from "../state/state.js";

/** @import { Panel } from "../state/redraw.js" */

// The same thing, everywhere. An element that stands for something has its name in data-same: "unit-5", "step-3",
// "token-7", "symbol-W_hh", or the file and number of a line of code. A picture of cells says in data-rows and
// data-columns of what kind they are. Whatever is under the pointer is outlined wherever else the page shows it.

/**
 * kind -> the name of the n-th row or column of a picture.
 * @type {Record<string, (n: number) => string>}
 */
const NAMES_OF = {
  unit: (n) => `unit-${units[n]}`,
  any: (n) => `unit-${n % H}`,
  step: (n) => `step-${n + 1}`,
  token: (n) => `token-${n}`,
};

/** @typedef {{ count: number, nameOf?: (n: number) => string }} Side */

/**
 * The number of rows and of columns of a picture, and how each is named.
 * @type {(picture: HTMLElement) => Side[]}
 */
const sidesOf = ({ dataset: { shape = "", rows = "", columns = "" } }) =>
  shape.split(" ").map((count, n) => ({ count: Number(count), nameOf: NAMES_OF[[rows, columns][n]] }));

function setUpSame() {
  for (const letter of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("main var"))) {
    const next = letter.nextElementSibling;
    const index = next?.matches("sub") && letter.nextSibling === next ? next.textContent : "";
    letter.dataset.same = symbolOf(letter.textContent, index);
  }
  document.addEventListener("pointermove", (event) => pointAt(namesAt(event)));
  document.addEventListener("pointerdown", (event) => pointAt(namesAt(event)));
  followers.push(showSame); // in what is new
}

/**
 * The names of an element, and of all that it is in.
 * @type {(element: Element) => string[]}
 */
function namesOf(element) {
  const named = element.closest("[data-same]");
  if (!named) return [];
  return [named.getAttribute("data-same") ?? "", ...(named.parentElement ? namesOf(named.parentElement) : [])];
}

/**
 * The names under the pointer: those of the element, and of the row and the column of a picture.
 * @type {(event: PointerEvent) => string[]}
 */
function namesAt({ target, clientX, clientY }) {
  if (!(target instanceof Element)) return [];
  const mark = target.parentElement?.id === "hero-picture" ? markAt({ clientX, clientY }) : undefined;
  if (mark) return [mark.i === undefined ? `token-${mark.v}` : `unit-${mark.i}`, `step-${mark.t}`];
  const picture = target.closest("[data-shape]");
  if (!(picture instanceof HTMLElement)) return namesOf(target);
  const [box, [rows, columns]] = [picture.getBoundingClientRect(), sidesOf(picture)];
  /** @type {(side: Side, share: number) => string[]} */
  const at = ({ count, nameOf }, share) => (nameOf ? [nameOf(clamp(Math.floor(share * count), 0, count - 1))] : []);
  return [...namesOf(picture), ...at(rows, (clientY - box.top) / box.height), ...at(columns, (clientX - box.left) / box.width)];
}

/** @param {string[]} names */
function pointAt(names) {
  if (names.join() === pointed.join()) return;
  setPointed(names);
  showSame();
  if (!hero.isPlaying) drawHero();
}

/** Outline what is pointed at, wherever it is. */
function showSame() {
  for (const outlined of document.querySelectorAll(".same")) outlined.classList.remove("same");
  for (const frame of document.querySelectorAll(".glance")) frame.remove();
  for (const name of pointed) {
    for (const element of document.querySelectorAll(`[data-same~="${name}"]`)) element.classList.add("same");
  }
  if (pointed.length === 0) return;
  for (const picture of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-shape]"))) glance(picture);
}

/**
 * Frame the row and the column of what is pointed at.
 * @param {HTMLElement} picture
 */
function glance(picture) {
  for (const [isColumn, { count, nameOf }] of sidesOf(picture).entries()) {
    for (let n = 0; nameOf && n < count; n++) {
      if (!pointed.includes(nameOf(n))) continue;
      const [size, mark] = [100 / count, make("div", { class: "glance", "aria-hidden": "true" })];
      mark.style.inset = isColumn ? `0 ${100 - (n + 1) * size}% 0 ${n * size}%` : `${n * size}% 0 ${100 - (n + 1) * size}% 0`;
      picture.append(mark);
    }
  }
}

/** @type {Panel} */
export const pointingPanel = { section: "same", setUp: setUpSame };
