// The steps of the guide.

import { apart, argmax, row } from "../engine/arrays.js";
import { writeOn } from "../engine/generate.js";
import { softmax } from "../engine/loss.js";
import { showHero } from "../hero/hero.js";
import { heroNumbers, heroUnits } from "../hero/numbers.js";
import { percent, rounded, times } from "../record/numbers.js";
import { H, record } from "../record/record.js";
import { idOf, isKnown, quoted, tokenOfId } from "../record/tokens.js";
import { choose } from "../state/choose.js";
import { endOf, hero, PARTS } from "../state/hero_time.js";
import { K, live, needNetwork, needTape, numbers, reading } from "../state/state.js";
import { countRight, readAgain, showText } from "../state/training.js";
import { setGain, trainStep } from "../state/weights.js";
import { factor, guesses, lastNorms, logitsAfter, longText, mostLikely, SIZES, sizeOf, trainFor } from "./measures.js";
import { guide } from "./progress.js";

/** @import { GuideStep } from "./progress.js" */

const PATTERN = "abab";

const PAIRS = "aab aab aab"; // after an a comes an a or a b: the one before decides

const MANY_STEPS = 200; // of training

/** @type {GuideStep[]} */
export const GUIDE = [
  {
    mark: "hero-picture",
    reads: PATTERN,
    title: "What it reads",
    text: `The network reads ${PATTERN}, one letter at a time. A letter that enters pushes each of its ${H} units up or down.`,
    question: "It reads “a” twice. Does “a” give each unit the same push both times?",
    options: () => ["Yes: each letter has its own pushes", "No: the push depends on what it read before"],
    begin: () => showHero(2 * PARTS + 1),
    look() {
      showHero(2 * PARTS + 1);
      const [first, third] = [1, 3].map((t) => heroNumbers(t).a);
      choose({ i: argmax(first.map((x) => Math.abs(x))) });
      return {
        rightOption: this.options()[apart([first], [third]) === 0 ? 0 : 1],
        text:
          "An a always adds the same numbers, its column of the weights W_ih and a bias: the bars in the picture. " +
          "With ‹, above the picture, you find the same bars at the first a. So this cannot be what remembers.",
      };
    },
  },
  {
    mark: "hero-picture",
    covers: "hero-picture",
    reads: PATTERN,
    title: "What it keeps",
    text: `After each letter the network has a state: ${H} numbers, one for each unit. The next step mixes them, through the weights W_hh, with the pushes of its letter.`,
    question: "After the first a and after the second a: are the two states equal?",
    options: () => ["Yes: the same letter gives the same state", "No: a state also depends on what came before"],
    begin: () => showHero(endOf(4)),
    look() {
      const [first, third] = [1, 3].map((t) => row(numbers().h, t, H));
      const i = argmax([...first].map((x, n) => Math.abs(x - third[n])));
      choose({ t: 3, i });
      showHero(endOf(4));
      return {
        rightOption: this.options()[apart([[...first]], [[...third]]) > 0 ? 1 : 0],
        text:
          `At the top, below each letter, is its state, a colour for each unit. The colours below the first a and the second a differ, most of all in row ${heroUnits().indexOf(i) + 1} from the top, unit ${i}. ` +
          "A state is made from the letter and from the state before, so it can remember.",
      };
    },
  },
  {
    mark: "hero-picture",
    reads: "the th",
    title: "What it predicts",
    text: "From each state the network computes a probability for each letter to come next. It learned from an English book, and now it has read “the th”.",
    question: "Which letter does it expect next?",
    options() {
      const best = mostLikely(logitsAfter("the th"));
      return [...new Set([best, "e", "t", "x", "s"])].filter(isKnown).slice(0, 4).map(quoted).sort();
    },
    begin() {
      hero.hidesGuess = true;
      showHero(endOf(6));
    },
    look() {
      hero.hidesGuess = false;
      showHero(endOf(6));
      const y = logitsAfter("the th");
      const [best, { p }] = [mostLikely(y), softmax(y)];
      return {
        rightOption: quoted(best),
        text: `${quoted(best)} gets ${percent(p[idOf(best)])}. A probability for each letter, at the right of the picture, is all that the network ever says. The lines show which units speak for a letter, and which against it.`,
      };
    },
  },
  {
    mark: "training-now",
    reads: PATTERN,
    title: "How it learns",
    text: `The loss says how badly the network predicts ${PATTERN}: the mean of −log of the probabilities of the right letters. An update of the training moves each weight, so that the loss falls. What will one update do? Guess; then the page makes it.`,
    question: "Which states will change?",
    options: () => ["Only the last one", "Only those after a wrong prediction", "All of them"],
    begin() {
      guide.states = numbers().h.slice();
    },
    look() {
      if (live.losses.length === 0) {
        trainStep();
        readAgain();
      }
      const moved = reading.tokens.map((_, t) => apart([row(numbers().h, t + 1, H)], [row(guide.states, t + 1, H)]));
      return {
        rightOption: this.options()[moved.every((x) => x > 0) ? 2 : moved[moved.length - 1] > 0 ? 0 : 1],
        text:
          `All ${moved.length} states changed. ` +
          `Each letter uses the same weights, so a changed weight changes every state. The loss was ${rounded(live.losses[0])}, and is ${rounded(reading.loss)} after ${times(live.losses.length, "update")}.`,
      };
    },
  },
  {
    mark: "training-now",
    reads: PAIRS,
    title: "Until it is right",
    text: () =>
      `In “${PAIRS}”, an “a” is followed by “a” or by “b”, so the last letter alone is not enough. With the weights of the book, the first choice is right after ${countRight()} of ${K} letters.`,
    question: "After how many updates is it always right?",
    options: () => ["10 or fewer", "11 to 50", "More than 50"],
    async look() {
      showText(PAIRS);
      const isRight = () => guesses(PAIRS).every(Boolean);
      const count = await trainFor(MANY_STEPS, isRight);
      return {
        rightOption: this.options()[count <= 10 ? 0 : count <= 50 ? 1 : 2],
        text: isRight()
          ? `After ${times(count, "update")}. The loss is ${rounded(reading.loss)} now. Asked to go on, it writes “${writeOn(needNetwork(), needTape(), 10, 0).map(tokenOfId).join("")}”: it learned the pattern, and forgets its book.`
          : `Not even after ${times(count, "update")}.`,
      };
    },
  },
  {
    mark: "curve-figure",
    covers: "reach-body",
    reads: longText,
    title: "The gradient goes back",
    text: () =>
      `The gradient says how an early state should change to make the last loss smaller. It is computed from step ${K} back to step 1: “backpropagation through time”. The picture shows how large it is.`,
    question: "How large is it at step 1, the first letter, compared with the last step?",
    options: () => SIZES,
    begin: () => choose({ k: K, t: 1 }),
    look() {
      const norms = lastNorms();
      const ratio = norms[0] / norms[norms.length - 1];
      return {
        rightOption: sizeOf(ratio),
        text:
          `It is ${factor(ratio)}: ${rounded(norms[0])} at step 1, and ${rounded(norms[norms.length - 1])} at step ${K}. The thick line shows it, from right to left. ` +
          (ratio < 0.5
            ? "The farther back, the less a state learns of this loss. What a network should remember over many steps is learned slowly, or not at all."
            : "Here it does not vanish."),
      };
    },
  },
  {
    mark: "curve-figure",
    isOfTanh: true,
    reads: longText,
    title: "Why it shrinks",
    text: () =>
      `Each step back multiplies the gradient by W_hh^T and by the slope of tanh, which is at most 1. What if every weight in W_hh is halved? There are ${K - 1} steps back. The answer sets the slider below the curve to 0.5.`,
    question: "The gradient at step 1: what happens to it?",
    options: () => ["It becomes larger", "About half as large", "Much less than half as large"],
    begin: () => choose({ k: K, t: 1 }),
    look() {
      setGain(1);
      setGain(1);
      const before = lastNorms();
      setGain(0.5);
      readAgain();
      const now = lastNorms();
      const ratio = now[0] / before[0];
      const [wayBefore, wayNow] = [before, now].map((norms) => norms[0] / norms[K - 1]);
      return {
        rightOption: this.options()[ratio > 1 ? 0 : ratio > 0.25 ? 1 : 2],
        text:
          `It was ${rounded(before[0])}, and is ${rounded(now[0])} now, ${factor(ratio)}. ` +
          `But the network now predicts something else, so the right end of the line moved, too, from ${rounded(before[K - 1])} to ${rounded(now[K - 1])}. Compare both ends: step 1 was ${factor(wayBefore)} than step ${K}, and is ${factor(wayNow)} now. So the way back makes it ${factor(wayNow / wayBefore)} than before. Half, ${times(K - 1, "time")}, is 1/${(2 ** (K - 1)).toLocaleString("en")}; the slopes of tanh changed, too.`,
      };
    },
  },
  {
    mark: "lesson-numbers",
    covers: "lesson-body",
    reads: longText,
    title: "What gates change",
    text: "A gate is a number between 0 and 1 that says how much of the state is kept. Does it help to remember? Networks learned to end a word such as “apqmzkw a” with its first letter. With a forget bias, the gates that keep an LSTM's state begin nearer to 1.",
    question: () => `Which of them needed the fewest updates, over ${record.lesson.places[0]}?`,
    options: () => Object.keys(record.lesson.cells),
    look() {
      const { cells, updates: most } = record.lesson;
      /** @type {(name: string) => number} */
      const rank = (name) => (cells[name].updates[0] ?? most) - cells[name].learned[0] * most;
      const [fastest] = Object.keys(cells).sort((a, b) => rank(a) - rank(b));
      /** @type {(name: string) => string} */
      const updatesOf = (name) => (cells[name].updates[0] ?? most).toLocaleString("en");
      /** @type {(name: string) => string} */
      const said = (name) =>
        `${updatesOf(name)} updates in the median, and ${cells[name].learned[0]} of ${cells[name].trained[0]} learned it`;
      return {
        rightOption: fastest,
        text:
          `The ${fastest} needed ${said(fastest)}; the RNN ${said("RNN")}. ` +
          "A gate near 1 lets the state, and its gradient, pass a step almost unchanged. " +
          `But PyTorch's LSTM begins with forget gates near 1/2: it needed ${updatesOf("LSTM")}, and ${updatesOf("LSTM, forget bias 3")} with a forget bias of 3.`,
      };
    },
  },
];

/** Where to go after the guide, as far as the page has it. */
export const PLACES_TO_GO = [
  ["live", "Your turn: train it on a text of yours"],
  ["memory", "Change one letter, and see how long it is remembered"],
  ["cells", "See what gates change"],
  ["step", "Follow one step, number by number"],
  ["backward", "Follow the gradient back"],
  ["game", "Find the bug: a game"],
];
