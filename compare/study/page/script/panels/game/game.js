import { $, $button, $input, make } from "../../../../../files/page.js";
import { randomFrom } from "../../engine/generate.js";
import { sourceLine } from "../../pictures/symbols.js";
import { times } from "../../record/numbers.js";
import { record } from "../../record/record.js";
import { CAN_TYPE } from "../../record/tokens.js";
import { chosen, game, K, live } from "../../state/state.js";
import { readAgain, stopTraining } from "../../state/training.js";
import { takeWeights } from "../../state/weights.js";
import { drawSymptom, symptomOf } from "./symptoms.js";

/** @import { RecordedBug } from "../../record/record.js" */
/** @import { Panel } from "../../state/redraw.js" */
/** @import { Live } from "../../state/state.js" */

/** The number of answers. */
const CHOICES = 4;

/** Points for the right answer; the hint and each wrong guess cost one. */
const MOST_POINTS = 3;

/**
 * The weights before the game, which begins with the recorded ones, and their checkpoint.
 * @type {{ c: number } & Live | null}
 */
let aside = null;

function setUpGame() {
  $("game-start").addEventListener("click", () =>
    startGame(isNewNumber() ? Number($input("puzzle-input").value) : Math.floor(Math.random() * 10_000)),
  );
  $("puzzle-input").addEventListener("input", drawGame);
  $("puzzle-input").addEventListener("keydown", (event) => event.key === "Enter" && $("game-start").click());
  $("game-leave").addEventListener("click", () => {
    leaveGame();
    $("game-start").focus({ preventScroll: true });
  });
  // the link leads to the game, so it goes where the game is on the screen: it would cover a choice
  new IntersectionObserver(([entry]) => $("game-link").classList.toggle("is-there", entry.isIntersecting)).observe($("game"));
  $("game-hint").addEventListener("click", () => {
    game.hints += 1;
    say(make("p", {}, make("b", {}, "Hint "), currentBug().hint));
    drawGame();
  });
  $("game-give-up").addEventListener("click", () => {
    endPuzzle(0);
    say(...answer(`Puzzle ${game.number}: given up.`));
    drawGame();
  });
}

/** Whether the number in the box is not the number of the current puzzle. */
const isNewNumber = () => $input("puzzle-input").value !== "" && !(game.bug && Number($input("puzzle-input").value) === game.number);

/** The bug in the engine. */
function currentBug() {
  if (!game.bug) throw new Error("expected a puzzle, got none");
  return game.bug;
}

/**
 * Choose a bug and the offered answers by the number of the puzzle, and put the bug into the engine.
 * @param {number} number
 */
function startGame(number) {
  const random = randomFrom(number);
  /** @type {(bugs: RecordedBug[]) => RecordedBug[]} */
  const shuffled = (bugs) =>
    bugs
      .map((bug) => ({ bug, place: random() }))
      .sort((a, b) => a.place - b.place)
      .map(({ bug }) => bug);
  const [bug, ...others] = shuffled(record.bugs);
  Object.assign(game, { number, offered: shuffled([bug, ...mostAlike(bug, others)]), tried: new Set(), hints: 0, isOver: false });
  $input("puzzle-input").value = String(number);
  say();
  if (!game.bug) aside = { c: chosen.c, ...live };
  putBug(bug);
  $("game-title").scrollIntoView({ block: "start" });
}

/**
 * The wrong answers: bugs with the same first result that differs, so that a glance at the table excludes none; of
 * those, the ones with the most similar symptoms. If there are less than two, bugs with another symptom.
 * @type {(bug: RecordedBug, others: RecordedBug[]) => RecordedBug[]}
 */
function mostAlike(bug, others) {
  const symptom = symptomOf(bug);
  const candidates = others.map((other) => {
    const its = symptomOf(other);
    return {
      other,
      isAlike: its.indexOf(true) === symptom.indexOf(true),
      distance: its.filter((differs, n) => differs !== symptom[n]).length,
    };
  });
  candidates.sort((a, b) => Number(b.isAlike) - Number(a.isAlike) || a.distance - b.distance); // keeps the order among equals
  return candidates.filter(({ isAlike }, n) => n < CHOICES - 1 && (n < 2 || isAlike)).map(({ other }) => other);
}

/** @param {RecordedBug} bug */
function guess(bug) {
  game.tried.add(bug.name);
  if (bug === game.bug) endPuzzle(Math.max(0, MOST_POINTS + 1 - game.tried.size - game.hints));
  const guesses = `${game.tried.size} ${game.tried.size === 1 ? "guess" : "guesses"}`;
  say(
    ...(game.isOver
      ? answer(`Right. Puzzle ${game.number}: ${guesses}, ${times(game.hints, "hint")}.`)
      : [make("p", {}, make("b", {}, "No. "), "That bug has other symptoms: ", bug.look)]),
  );
  drawGame();
}

/**
 * A puzzle that is played again brings no other points.
 * @param {number} points
 */
function endPuzzle(points) {
  game.isOver = true;
  if (!game.points.has(game.number)) game.points.set(game.number, points);
}

/** @param {HTMLElement[]} reply */
const say = (...reply) => $("game-reply").replaceChildren(...reply);

/**
 * The answer to a puzzle: the bug, its symptoms, and the right line.
 * @type {(verdict: string) => HTMLElement[]}
 */
const answer = (verdict) => [
  make("p", {}, make("b", {}, verdict)),
  make("p", {}, make("b", {}, "The bug "), currentBug().words),
  make("p", {}, make("b", {}, "Where to look "), currentBug().look),
  make("p", {}, make("b", {}, "The right line")),
  sourceLine(currentBug().line),
  make(
    "p",
    {},
    "The bug stays in the engine until you leave the game, so that you can look at it. Its name is ",
    make("code", {}, currentBug().name),
    ".",
  ),
];

function drawGame() {
  const canPlay = live.network !== null && CAN_TYPE && K > 0;
  const isOn = game.bug !== null;
  $("game-absent").textContent = canPlay
    ? ""
    : !CAN_TYPE
      ? "The page does not have all weights of this network, so its engine cannot run."
      : !live.network
        ? "The page does not have these weights. Choose other weights to play."
        : "This text has one token, so there is no loss and no gradient. Type a longer one to play.";
  $("game-start").textContent = isOn && !isNewNumber() ? "Another one" : "Start";
  $button("game-start").disabled = !live.network || !CAN_TYPE;
  $("game-leave").hidden = !isOn;
  const points = [...game.points.values()];
  $("game-points").textContent = points.length
    ? `${points.reduce((a, b) => a + b, 0)} of ${times(MOST_POINTS * points.length, "point")} in ${times(points.length, "puzzle")}`
    : "";
  $("game-link").hidden = !isOn;
  $("game-link").textContent = `Puzzle ${game.number}: the engine has a bug. To the choices`;
  $("game-body").hidden = !isOn || !canPlay;
  if (!isOn || !canPlay) return;
  $button("game-hint").disabled = game.isOver || game.hints > 0;
  $button("game-give-up").disabled = game.isOver;
  drawSymptom();
  const isLeft = document.activeElement?.matches("#choices button, #game-body :disabled"); // it loses the focus
  $("choices").replaceChildren(
    ...game.offered.map((bug) =>
      make(
        "li",
        {},
        make(
          "button",
          {
            type: "button",
            "data-choice": bug.name,
            disabled: game.isOver || game.tried.has(bug.name),
            onclick: () => guess(bug),
            class: game.isOver && bug === game.bug ? "is-right" : null,
          },
          bug.words,
        ),
      ),
    ),
  );
  if (!isLeft) return;
  /** @type {HTMLElement | null} */
  const next = $("choices").querySelector("button:enabled");
  (next ?? $("game-start")).focus({ preventScroll: true });
}

/** Leave the game; the weights are those before it again, with their training. */
function leaveGame() {
  putBug(null);
  if (aside?.c !== chosen.c) return;
  const { network, base, gain, losses, numClipped, edit, optimizer } = aside;
  Object.assign(live, { network, base, gain, losses, numClipped, edit, optimizer, isRead: false });
  readAgain();
}

/**
 * Put a bug, or none, into the engine. The weights become the recorded ones.
 * @param {RecordedBug | null} bug
 */
export function putBug(bug) {
  stopTraining();
  game.bug = bug;
  takeWeights();
  readAgain();
}

/** @type {Panel} */
export const gamePanel = { section: "game", views: [["c text *", drawGame]], setUp: setUpGame };
