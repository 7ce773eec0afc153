import { $, $button, $select, find, make } from "../../../../files/page.js";
import { playHero } from "../hero/hero.js";
import { putBug } from "../panels/game/game.js";
import { showNetwork } from "../panels/page.js";
import { spaces } from "../pictures/sizes.js";
import { typeset } from "../pictures/symbols.js";
import { F, HAS_SMALL, IS_GATED, IS_SMALL, record } from "../record/record.js";
import { CAN_TYPE, isKnown } from "../record/tokens.js";
import { choose } from "../state/choose.js";
import { hero } from "../state/hero_time.js";
import { panelOf, redraw, reveal, whenDrawn } from "../state/redraw.js";
import { game, reading } from "../state/state.js";
import { showText, stopTraining } from "../state/training.js";
import { guide } from "./progress.js";
import { GUIDE, PLACES_TO_GO } from "./steps.js";

/** @import { GuideStep } from "./progress.js" */
/** @import { Panel } from "../state/redraw.js" */

/** Whether the page has the weights that the guide starts with. */
const canGuide = () => HAS_SMALL || (CAN_TYPE && Boolean(record.checkpoints[record.checkpoints.length - 1].details));

function setUpGuide() {
  $("guide-start").hidden = !canGuide();
  $("guide-start").addEventListener("click", startGuide);
  $("guide-leave").addEventListener("click", leaveGuide);
  $("guide-back").addEventListener("click", () => goTo(guide.at - 1));
  $("guide-next").addEventListener("click", () => goTo(guide.at + 1));
  $("guide-form").addEventListener("submit", (event) => {
    event.preventDefault();
    answerStep();
  });
  $("guide-form").addEventListener("input", () => $("guide-look").toggleAttribute("disabled", prediction() === ""));
  document.addEventListener("keydown", (event) => event.key === "Escape" && guide.at >= 0 && leaveGuide());
}

/** Start with the first step; in the page of a run, with the small network. */
export function startGuide() {
  if (HAS_SMALL && !IS_SMALL) {
    showNetwork("small-guide");
    return;
  }
  choose({ c: record.checkpoints.length - 1 });
  $select("optimizer-select").value = "sgd";
  if (game.bug) putBug(null);
  guide.steps = GUIDE.filter(
    ({ mark, reads, isOfTanh }) =>
      find(mark) && (typeof reads === "function" || [...reads].every(isKnown)) && !(isOfTanh && (IS_GATED || F !== "tanh")),
  );
  Object.assign(guide, { right: 0, asked: 0 });
  goTo(0);
}

function leaveGuide() {
  unmark();
  guide.at = -1;
  hero.hidesGuess = false;
  seatGuide(false);
  $("guide-start").focus();
}

/**
 * Show the guide, or take it away: the pictures get another width.
 * @param {boolean} isThere
 */
function seatGuide(isThere) {
  $("guide").hidden = !isThere;
  document.body.classList.toggle("is-guided", isThere);
  spaces.clear();
  redraw("*");
}

/** @type {() => HTMLElement | null} */
const marked = () => document.querySelector(".marked");

function unmark() {
  for (const part of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".marked, .covered"))) {
    part.classList.remove("marked", "covered");
    delete part.dataset.guidePart;
    part.inert = false;
  }
}

/** @type {(element: HTMLElement, isCovered: boolean) => void} */
function cover(element, isCovered) {
  element.classList.toggle("covered", isCovered);
  element.inert = isCovered;
}

/**
 * Show a step; after the last one, what the visitor can do next.
 * @param {number} at
 */
async function goTo(at) {
  guide.at = at;
  const step = guide.steps[at] ?? null;
  const count = guide.steps.length;
  const writing = document.querySelector("[href='write/index.html']"); // in the site
  unmark();
  const part = $(step?.mark ?? "hero-picture");
  reveal(part);
  if ($("guide").hidden) seatGuide(true);
  playHero(false);
  hero.hidesGuess = false;
  $("guide").classList.remove("is-answered");
  $("guide-title").textContent = step ? `Question ${at + 1} of ${count}: ${step.title}` : "That was the guide";
  $("guide-text").replaceChildren(
    ...typeset(
      step
        ? textOf(step.text)
        : `${guide.asked ? `You predicted ${guide.right} of ${guide.asked} right. ` : ""}Now write such a network yourself: type rnn-parity new my_rnn.py${writing ? "" : ", or rnn-parity write for a page to write in"}. Or look around here:`,
    ),
  );
  $("guide-form").hidden = !step;
  $("guide-answer").replaceChildren(
    ...(step
      ? []
      : [
          make(
            "ul",
            {},
            writing && make("li", {}, writing.cloneNode(true)),
            PLACES_TO_GO.filter(([id]) => find(id)).map(([id, words]) =>
              make("li", {}, make("button", { type: "button", onclick: () => visit(id) }, words)),
            ),
          ),
        ]),
  );
  $button("guide-back").disabled = at === 0;
  $("guide-next").hidden = !step;
  $("guide-next").textContent = "Skip";
  if (step) {
    part.classList.add("marked");
    part.dataset.guidePart = step.title;
    if (step.covers) cover($(step.covers), true);
    showText(textOf(step.reads));
    await step.begin?.();
    if (guide.steps[guide.at] !== step) return;
    ask(step);
    $("guide-text").replaceChildren(...typeset(textOf(step.text)));
  }
  $("guide-title").focus({ preventScroll: true });
  $("guide").scrollTop = 0;
  showPart(part);
}

/**
 * Scroll until the part is beside the guide: at once, so that it is drawn, and when it has its new size.
 * @param {HTMLElement} part
 */
function showPart(part) {
  const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
  part.scrollIntoView({ block: "start" });
  whenDrawn(() => requestAnimationFrame(() => part.scrollIntoView({ block: "start", behavior })));
  redraw("guide");
}

/** @type {(text: string | (() => string)) => string} */
const textOf = (text) => (typeof text === "function" ? text() : text);

/**
 * The question of a step, with its options.
 * @param {GuideStep} step
 */
function ask(step) {
  $("guide-question").textContent = textOf(step.question);
  $("guide-options").replaceChildren(
    ...step
      .options()
      .map((words) => make("label", {}, make("input", { type: "radio", name: "prediction", value: words }), make("span", {}, words))),
  );
  $button("guide-look").disabled = true;
  $("guide-look").hidden = false;
}

const prediction = () => String(new FormData($("guide-form", HTMLFormElement)).get("prediction") ?? "");

async function answerStep() {
  const step = guide.steps[guide.at];
  const predicted = prediction();
  stopTraining();
  $("guide-form").inert = true;
  $("guide-look").textContent = "Computing …";
  if (reading.text !== textOf(step.reads)) showText(textOf(step.reads));
  const { rightOption, text: words } = await step.look();
  $("guide-form").inert = false;
  $("guide-look").textContent = "Show the answer";
  if (guide.steps[guide.at] !== step) return;
  const isRight = predicted === rightOption;
  guide.right += Number(isRight);
  guide.asked += 1;
  for (const part of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".covered"))) cover(part, false);
  for (const input of $("guide-options").querySelectorAll("input")) {
    input.disabled = true;
    if (input.value === rightOption) input.parentElement?.classList.add("is-right");
    else if (input.checked) input.parentElement?.classList.add("is-wrong");
  }
  $("guide").classList.add("is-answered");
  $("guide-look").hidden = true;
  $("guide-answer").replaceChildren(make("p", {}, make("b", {}, isRight ? "✓ Right. " : "✗ Not quite. "), ...typeset(words)));
  $("guide-next").textContent = guide.at + 1 < guide.steps.length ? "Next question" : "What now?";
  $("guide-next").focus();
  const part = marked();
  if (part) showPart(part);
}

/**
 * Leave the guide, and go to a section.
 * @param {string} id
 */
function visit(id) {
  leaveGuide();
  const panel = panelOf(id);
  if (panel) panel.open = true;
  const head = panel?.querySelector("summary") ?? $("train-step");
  head.focus();
  $(id).scrollIntoView({ block: "start" });
}

/** @type {Panel} */
export const guidePanel = { section: "guide", setUp: setUpGuide };
