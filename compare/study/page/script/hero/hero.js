// The moving picture: the network reads a text. It plays by itself until somebody touches it; a reader who wants no motion
// steps through it. There is one step for the whole page: while it plays, all other pictures follow, and a step that is
// chosen elsewhere stops it, and is shown here whole.

import { $, make } from "../../../../files/page.js";
import { argmax, clamp, row } from "../engine/arrays.js";
import { legend } from "../pictures/colours.js";
import { math, typeset } from "../pictures/symbols.js";
import { CELL } from "../record/cell.js";
import { percent, rounded } from "../record/numbers.js";
import { F, record, S } from "../record/record.js";
import { quoted } from "../record/tokens.js";
import { choose, moveStepAndUnit } from "../state/choose.js";
import { endOf, hero, heroPart, heroStep, PARTS } from "../state/hero_time.js";
import { redraw } from "../state/redraw.js";
import { chosen, numbers, reading, T } from "../state/state.js";
import { heroColumns, heroNumbers } from "./numbers.js";
import { paintHero } from "./painting.js";

/** @import { Mark } from "../state/hero_time.js" */
/** @import { Panel } from "../state/redraw.js" */

/** Milliseconds that a part takes: of the first letter, and of the others. */
const [FIRST_TIME, PART_TIME] = [3500, 700];

/** Milliseconds that it still stands on the whole picture that it begins with. */
let rest = 3000;

function setUpHero() {
  const picture = $("hero-picture");
  if (location.search === "?moving") {
    // in the frame of another page, which makes it as high as the picture
    document.documentElement.dataset.moving = "";
    new ResizeObserver(() => parent.postMessage({ height: $("hero").offsetHeight }, "*")).observe($("hero"));
  }
  $("hero-play").addEventListener("click", () => playHero(!hero.isPlaying));
  $("hero-before").addEventListener("click", () => moveHero(-1));
  $("hero-next").addEventListener("click", () => moveHero(1));
  $("hero").addEventListener("keydown", (event) => {
    // a button keeps all keys but the arrows, a field keeps them all
    /** @type {Record<string, () => void>} */
    const moves = {
      ArrowLeft: () => moveHero(-1),
      ArrowRight: () => moveHero(1),
      Home: () => showHero(1),
      End: () => showHero(endOf(T)),
      ArrowUp: () => moveStepAndUnit(-1, 0),
      ArrowDown: () => moveStepAndUnit(1, 0),
      " ": () => playHero(!hero.isPlaying),
    };
    const { target } = event;
    if (target !== picture && !(target instanceof HTMLButtonElement && event.key.startsWith("Arrow"))) return;
    if (!moves[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    moves[event.key]();
  });
  picture.addEventListener("pointermove", pointAtHero);
  picture.addEventListener("pointerdown", pointAtHero);
  picture.addEventListener("pointerleave", () => ($("hero-tip").hidden = true));
  picture.addEventListener("click", (event) => {
    const mark = markAt(event);
    if (!mark) return;
    playHero(false);
    choose({ ...(mark.i === undefined ? {} : { i: mark.i }), ...(mark.t === heroStep() ? {} : { t: mark.t }) });
  });
  new IntersectionObserver(([entry]) => {
    hero.isOnScreen = entry.isIntersecting;
    runHero();
  }).observe(picture);
  window.addEventListener("beforeprint", () => showHero(endOf(heroStep())));
  const standsStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
  hero.at = endOf(chosen.t);
  playHero(!standsStill);
}

/**
 * Play on, or stand still; at the end, begin again.
 * @param {boolean} isPlaying
 */
export function playHero(isPlaying) {
  hero.isPlaying = isPlaying;
  if (isPlaying && hero.at >= endOf(T)) hero.at = 0;
  $("hero-play").textContent = isPlaying ? "Pause" : "Play";
  if (isPlaying) chooseHeroStep();
  else {
    rest = 0;
    redraw("hero"); // what was not on the screen
  }
  runHero();
}

/** The step that it plays is the step of all other pictures. */
function chooseHeroStep() {
  hero.t = heroStep();
  choose({ t: hero.t });
}

function runHero() {
  if (!hero.isPlaying || !hero.isOnScreen || hero.frame) return;
  hero.last = null;
  hero.frame = requestAnimationFrame(nextFrame);
}

/** @param {number} now */
function nextFrame(now) {
  hero.frame = 0;
  if (!hero.isPlaying || !hero.isOnScreen || chosen.t !== hero.t) return; // `followChoice` stops it
  const passed = Math.min(100, now - (hero.last ?? now));
  rest -= passed;
  if (rest <= 0) hero.at += passed / (heroStep() === 1 ? FIRST_TIME : PART_TIME);
  if (hero.at > endOf(T)) hero.at = 0;
  hero.last = now;
  if (heroStep() !== hero.t) chooseHeroStep();
  drawHero();
  hero.frame = requestAnimationFrame(nextFrame);
}

/**
 * Stand still at a time, and choose its step for all other pictures.
 * @param {number} at
 */
export function showHero(at) {
  playHero(false);
  hero.at = clamp(at, 1, endOf(T));
  hero.text = reading.text;
  drawHero();
  choose({ t: heroStep() });
}

/**
 * Go to the end of the part before, or of the one after the part that is shown, whole or not.
 * @param {number} by
 */
const moveHero = (by) => showHero(Math.ceil(hero.at) + by);

/** The text, the weights or the choice changed: a typed letter is read at once, a chosen step is shown whole. */
function followChoice() {
  if (hero.text !== reading.text) {
    const isTyped = hero.text !== null;
    hero.text = reading.text;
    if (isTyped) hero.at = hero.isPlaying ? (T - 1) * PARTS : endOf(chosen.t);
    if (hero.isPlaying) playHero(true);
  } else if (chosen.t !== heroStep()) {
    playHero(false);
    hero.at = endOf(chosen.t);
  }
  hero.of = null;
  drawHero();
}

const heroCanvas = () => /** @type {HTMLCanvasElement} */ ($("hero-picture").firstElementChild);

export function drawHero() {
  paintHero(heroCanvas(), heroStep(), heroPart());
  const part = clamp(Math.ceil(heroPart()) - 1, 0, PARTS - 1);
  const done = Math.floor(heroPart());
  const place = `${heroStep()} ${part} ${done} ${chosen.i}`;
  if (place === hero.said && hero.isPlaying) return;
  hero.said = place;
  const words = hero.isPlaying && heroStep() > 1 ? summaryOf(heroStep()) : captionOf(heroStep(), part);
  $("hero-caption").replaceChildren(make("b", {}, `${heroStep()} of ${T}. `), ...typeset(words));
  $("hero-readout").replaceChildren(...readUnit(heroStep(), chosen.i, done));
}

/**
 * The most likely token after a step: "“m”, with 43 %".
 * @type {(t: number) => string}
 */
const guessOf = (t) => {
  const p = row(numbers().p, t - 1, S);
  return `${quoted(record.shown_tokens[argmax(p)])}, with ${percent(p[argmax(p)])}`;
};

/**
 * A whole step, in a sentence that stays while its parts are played.
 * @type {(t: number) => string}
 */
const summaryOf = (t) => `It reads ${quoted(reading.tokens[t - 1])}, mixes it with its state, and predicts ${guessOf(t)}.`;

/**
 * What happens in a part of a step.
 * @type {(t: number, part: number) => string}
 */
function captionOf(t, part) {
  if (part === 3) {
    return hero.hidesGuess
      ? "From the new state it predicts what comes next. What do you think?"
      : `From the new state it predicts what comes next: ${guessOf(t)}.`;
  }
  const read = reading.tokens.slice(0, t).join("").replaceAll(" ", "\u00a0"); // the line is not broken within it
  return [
    `It reads ${quoted(reading.tokens[t - 1])}. Its column of W_ih pushes each unit up or down.`,
    CELL.mixes,
    CELL.makes,
    "",
    `The new state goes on to the next step. It is all that the network keeps of “${read.length > 24 ? `…${read.slice(-24)}` : read}”.`,
  ][part];
}

/**
 * The numbers of a unit in a step that the picture shows after so many parts; a dash for what is not computed yet.
 * @type {(t: number, i: number, done: number) => (string | HTMLElement)[]}
 */
function readUnit(t, i, done) {
  const arrays = heroNumbers(t);
  return [
    `unit ${i}: `,
    ...heroColumns().flatMap(({ of, name, part }, n) => {
      const isThere = part === null || part < done;
      const [words, value] = of === "sum" && done === 1 ? ["from the letter", arrays.a[i]] : [math(name), isThere ? arrays[of][i] : null];
      return [n ? " · " : "", words, " ", make("b", {}, rounded(value, 3))];
    }),
  ];
}

/** @param {PointerEvent} event */
function pointAtHero(event) {
  const mark = markAt(event);
  $("hero-tip").hidden = !mark;
  if (!mark) return;
  $("hero-tip").textContent = mark.words;
  const box = $("hero-picture").getBoundingClientRect();
  const [x, y] = [event.clientX - box.left, event.clientY - box.top];
  Object.assign($("hero-tip").style, {
    top: `${y + 18}px`,
    left: x > box.width / 2 ? "" : `${x + 12}px`,
    right: x > box.width / 2 ? `${box.width - x + 12}px` : "",
  });
}

/**
 * The number at the pointer, if there is one.
 * @type {(pointer: { clientX: number, clientY: number }) => Mark | undefined}
 */
export function markAt({ clientX, clientY }) {
  const { left, top } = heroCanvas().getBoundingClientRect();
  const [x, y] = [clientX - left, clientY - top].map((at) => at / hero.zoom);
  return hero.marks.find((mark) => x >= mark.x && x < mark.x + mark.wide && y >= mark.y && y < mark.y + mark.tall);
}

/** @type {Panel} */
export const heroPanel = {
  section: "hero",
  views: [
    ["c t i u text *", followChoice],
    ["*", () => legend("hero-legend", "each unit", -1, F === "tanh" ? ["−1", "0", "1"] : ["negative", "0", "positive"])],
  ],
  setUp: setUpHero,
};
