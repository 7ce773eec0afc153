// When views are drawn. `redraw` notes what changed. With the next frame of the screen, the views that depend on it are
// drawn: first those on the screen, in slices of a few milliseconds. Between two slices the page answers keys and clicks.
// A view of a closed panel waits until the panel is opened.

import { $, find } from "../../../../files/page.js";
import { hero } from "./hero_time.js";
import { live } from "./state.js";

/**
 * A panel of the page. Each has its file, its import in main.js, and its section in template.html:
 *
 *     <section id="NAME" aria-labelledby="NAME-title">
 *       <details class="panel">
 *       <summary><h2 id="NAME-title"><span class="number"></span> Its title</h2><p>One sentence.</p></summary>
 *       …
 *       </details>
 *     </section>
 *
 * An element of the class "comparison" is shown only while the comparison with PyTorch is switched on.
 *
 * @typedef {object} Panel
 * @property {string} section the id of its section
 * @property {[string, () => void][]} [views] keys and function of each part that is drawn: `keys` are those of `chosen`
 *   that it depends on, "text" (the text or the weights changed), and "*" (the theme or the window's width)
 * @property {Record<string, [string, () => void]>} [tables] the same for each <details>, by its id; drawn while it is open
 * @property {() => void} [setUp] called once, after the record is read
 */

/** @typedef {{ section: string, keys: string[], draw: () => void }} View */

/** Milliseconds. */
export const SLICE = 8;

/** @type {View[]} */
const views = [];

/** What changed: keys. */
let changed = new Set();

/**
 * The views that are drawn next.
 * @type {Set<View>}
 */
const waiting = new Set();

/**
 * The outdated views of closed panels.
 * @type {Set<View>}
 */
const folded = new Set();

/** The ids of sections. */
const onScreen = new Set();

/** The timer of the next slice. */
let drawing = 0;

/**
 * Functions to call when the views on the screen are drawn.
 * @type {(() => void)[]}
 */
let drawn = [];

/**
 * Functions to call each time when something was drawn.
 * @type {(() => void)[]}
 */
export const followers = [];

/** @type {(section: string) => HTMLDetailsElement | null} */
export const panelOf = (section) => find(section)?.querySelector(":scope > details.panel") ?? null;

/** @type {(section: string) => boolean} */
const isFolded = (section) => panelOf(section)?.open === false;

/** @type {(view: View) => boolean} */
const isOnScreen = ({ section }) => onScreen.has(section) || !find(section);

/**
 * Begin with the views of these panels, in this order.
 * @param {Panel[]} panels
 */
export function setUpDrawing(panels) {
  for (const { section, views: parts = [] } of panels) {
    for (const [keys, write] of parts) views.push({ section, keys: keys.split(" "), draw: write });
  }
  for (const { section, tables = {} } of panels) {
    for (const [id, [keys, write]] of Object.entries(tables)) {
      const details = $(id, HTMLDetailsElement);
      views.push({ section, keys: [id, ...keys.split(" ")], draw: () => details.open && write() });
      details.addEventListener("toggle", () => redraw(id));
    }
  }
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) onScreen[isIntersecting ? "add" : "delete"](target.id);
    if (waiting.size) drawWaiting();
  });
  for (const section of document.querySelectorAll("section, .hero")) observer.observe(section);
}

/** @param {string} key */
export function redraw(key) {
  if (changed.size === 0) requestAnimationFrame(drawChanged);
  changed.add(key);
}

function drawChanged() {
  const keys = changed;
  changed = new Set();
  for (const view of views) {
    if (view.keys.some((key) => keys.has(key))) (isFolded(view.section) ? folded : waiting).add(view);
  }
  clearTimeout(drawing);
  drawing = setTimeout(drawWaiting); // not in the frame, which has the layout to do
}

/** Draw views for one slice: first those on the screen, in the order of `views`. The next slice draws the others. */
export function drawWaiting() {
  clearTimeout(drawing);
  const begin = performance.now();
  const order = views.filter((view) => waiting.has(view)).sort((a, b) => Number(isOnScreen(b)) - Number(isOnScreen(a)));
  for (const view of order) {
    if (!isOnScreen(view)) tellDrawn();
    if ((live.training || hero.isPlaying) && !isOnScreen(view)) return; // it waits until the training stops, or the moving picture
    if (performance.now() - begin > SLICE) {
      drawing = setTimeout(drawWaiting);
      return;
    }
    waiting.delete(view);
    view.draw();
  }
  tellDrawn();
  for (const follow of followers) follow();
}

/**
 * Call a function once, when the views on the screen are drawn.
 * @param {() => void} tell
 */
export function whenDrawn(tell) {
  drawn.push(tell);
}

function tellDrawn() {
  const told = drawn;
  drawn = [];
  for (const tell of told) tell();
}

/** Draw all views, at once. */
export function drawAll() {
  for (const view of views) isFolded(view.section) ? folded.add(view) : view.draw();
}

/**
 * A panel was opened or closed: draw what was outdated while it was closed.
 * @param {string} section
 */
export function unfold(section) {
  if (isFolded(section)) return;
  for (const view of [...folded].filter((outdated) => outdated.section === section)) {
    folded.delete(view);
    view.draw();
  }
}

/**
 * Open each <details> that an element is in.
 * @param {HTMLElement} element
 */
export function reveal(element) {
  const around = element.parentElement?.closest("details");
  if (!around) return;
  around.open = true;
  unfold(around.parentElement?.id ?? "");
  reveal(around);
}
