// ---------------------------------------------------------------- the steps of the guide
//
// Each step marks one part of the page, and asks for a prediction. Then it shows the answer, which is
// computed from the numbers of the page: no number stands in a text here. A step has
//
//     mark       id of the part; the guide stands beside it, and opens its section. It is at most 400 pixels
//                high, so that a phone shows it whole. Without this part the step is left out
//     covers     id of what cannot be seen before the prediction
//     reads      the text, which is typed for the visitor; without its characters in the vocabulary the step is left out
//     isOfTanh   whether the step is left out if the network has gates, or ReLU
//     title, text, question
//     options()  the answers to choose from; without it, a number is asked for
//     begin()    sets the page up for this step; may return a promise
//     look()     the answer: { found, text }; `found` is the right option or number. It first does
//                whatever the visitor did not do. May return a promise

const PATTERN = "abab";
const PAIRS = "aab aab aab"; // after an a comes an a or a b: the one before decides
const BRACKETS = "b one a two d p one a two q"; // b is closed by d, and p by q, twelve characters later
const [MANY_STEPS, SHORT] = [200, 120]; // updates
const SEEDS = [0, 1, 2, 3];

// ---------------------------------------------------------------- what the steps measure

/** Type a text for the visitor; the weights become those of the checkpoint again. */
function showText(text) {
  stopTraining();
  $("text-input").value = text;
  live.text = text;
  takeWeights();
  readAgain();
}

/** Train on the text until `isDone()`, at most so many steps, without blocking the page; return their number. */
async function trainFor(most, isDone = () => false) {
  let count = 0;
  while (count < most && !isDone()) {
    const start = performance.now();
    while (count < most && performance.now() - start < SLICE && !isDone()) {
      trainStep();
      count += 1;
    }
    await new Promise((done) => setTimeout(done));
  }
  readAgain();
  return count;
}

const tapeOf = (text) => live.network.forward(idsOf(tokensOf(text)));

const mostLikely = (y) => [...idOf].find(([, id]) => id === argmax(y))[0];

/** Whether the first choice is right at each step of the text. */
const guesses = (text) => tapeOf(text).slice(0, -1).map(({ y }, t) => mostLikely(y) === tokensOf(text)[t + 1]);

/** ‖∂L_K/∂h_t‖ of the last loss, for all steps. */
function lastNorms() {
  const { ids } = reading;
  return live.network.backFromLast(live.network.forward(ids.slice(0, -1)), ids.at(-1)).steps.map(({ d_h }) => length(d_h));
}

const lastLoss = () => lossesOf(tapeOf(reading.text), reading.ids.slice(1)).at(-1).loss;

/** The norm of the change of each state since `before`. */
const changes = (before) => reading.tokens.map((_, t) => length(row(numbers().h, t + 1, H).map((x, i) => x - before[(t + 1) * H + i])));

const factor = (x) => (x >= 1 ? `${rounded(x)} times larger` : `${rounded(1 / x)} times smaller`);

/** The text for the gradient's way back: long enough for a gradient to shrink. */
const longText = () => (record.tokens.length >= 10 ? record.tokens.join("") : "the time traveller");

// ---------------------------------------------------------------- the steps

const SIZES = ["It is larger", "About the same", "2 to 20 times smaller", "More than 20 times smaller"];
const sizeOf = (ratio) => SIZES[ratio > 1.5 ? 0 : ratio > 1 / 2 ? 1 : ratio > 1 / 20 ? 2 : 3];

/** The mean slope of tanh over all units and steps of the text. */
const meanSlope = () => meanOf(tapeOf(reading.text).flatMap(({ state: [h] }) => [...h].map((x) => live.network.cell.slope(x))));

/**
 * How many trainings end with a cell that expects the right one of d and q at both places of BRACKETS, more than
 * twice as likely as the other one: by the name of the cell, of as many trainings as there are seeds.
 */
function* closingsOf({ ids, names, count, places, letters, seeds, updates }) {
  const found = {};
  for (const name of names) {
    found[name] = 0;
    for (const seed_ of seeds) {
      const [network, optimizer] = [randomNetwork(name, count, seed_, 0), OPTIMIZERS.adam.create()];
      for (let n = 0; n < updates; n++) {
        network.update(network.run(ids.slice(0, -1), ids.slice(1)).gradients, optimizer, record.max_norm);
        yield;
      }
      const p = places.map((n) => softmax(network.forward(ids.slice(0, n + 1)).at(-1).y).p);
      found[name] += letters.every((right, n) => p[n][right] > 2 * p[n][letters[1 - n]]);
    }
  }
  return found;
}

/** What `closingsOf` is computed from. */
function closingInput() {
  const tokens = [...new Set(BRACKETS)].sort();
  const places = [...BRACKETS].flatMap((character, n) => ("dq".includes(character) ? [n - 1] : []));
  return { ids: [...BRACKETS].map((character) => tokens.indexOf(character)), names: Object.keys(record.cells), count: tokens.length,
    places, letters: ["d", "q"].map((character) => tokens.indexOf(character)), seeds: SEEDS, updates: SHORT };
}

const GUIDE = [
  {
    mark: "hero-picture", reads: PATTERN, title: "What it reads",
    text: `The network reads ${PATTERN}, one letter at a time. A letter that enters pushes each unit up or down. Play it, or press › to go from part to part.`,
    question: "It reads “a” twice. Does “a” give each unit the same push both times?",
    options: () => ["Yes: each letter has its own pushes", "No: the push depends on what it read before"],
    begin: () => showHero(2 * PARTS + 1),
    look() {
      showHero(2 * PARTS + 1);
      const [first, third] = [1, 3].map((t) => heroNumbers(t).a);
      const i = argmax(first.map(Math.abs));
      choose({ i });
      return { found: this.options()[apart([first], [third]) === 0 ? 0 : 1], text: `An a always adds the same numbers: its column of the weights W_ih, and a bias. To unit ${i} it adds ${rounded(first[i])}, both times. `
        + "So this cannot be what remembers." };
    },
  },
  {
    mark: "hero-picture", covers: "hero-picture", reads: PATTERN, title: "What it keeps",
    text: `After each letter the network has a state: ${H} numbers, one for each unit. The next step mixes them, through the weights W_hh, with the pushes of its letter.`,
    question: "After the first a and after the second a: are the two states equal?",
    options: () => ["Yes: the same letter gives the same state", "No: a state also depends on what came before"],
    begin: () => showHero(endOf(4)),
    look() {
      const [first, third] = [1, 3].map((t) => row(numbers().h, t, H));
      const apart_ = [...first].map((x, i) => Math.abs(x - third[i]));
      const i = argmax(apart_);
      choose({ t: 3, i });
      showHero(endOf(4));
      return { found: this.options()[largest(apart_) > 0 ? 1 : 0], text: `${apart_.filter((x) => x > 0.1).length} of the ${H} units differ by more than 0.1. `
        + `Unit ${i} differs most: ${rounded(first[i])} after the first a, ${rounded(third[i])} after the second. At the top, below each letter, is its state. A state is made from the letter and from the state before, so it can remember.` };
    },
  },
  {
    mark: "hero-picture", reads: "the th", title: "What it predicts",
    text: "From each state the network computes a probability for each letter to come next. It learned from an English book, and now it has read “the th”.",
    question: "Which letter does it expect next?",
    options() {
      const best = mostLikely(tapeOf("the th").at(-1).y);
      return [...new Set([best, "e", "t", "x", "s"])].filter((token) => idOf.has(token)).slice(0, 4).map(quoted).sort();
    },
    begin() {
      hero.hidesGuess = true;
      showHero(endOf(6));
    },
    look() {
      hero.hidesGuess = false;
      showHero(endOf(6));
      const { y } = tapeOf("the th").at(-1);
      const [best, { p }] = [mostLikely(y), softmax(y)];
      return { found: quoted(best), text: `${quoted(best)} gets ${percent(p[idOf.get(best)])}. A probability for each letter, at the right of the picture, is all that the network ever says. The lines show which units speak for a letter, and which against it.` };
    },
  },
  {
    mark: "training-now", reads: PATTERN, title: "How it learns",
    text: `The loss says how badly the network predicts ${PATTERN}: the mean of −log of the probabilities of the right letters. One step of training moves each weight, so that the loss falls. Guess: the answer takes one step of training.`,
    question: "Which states will change?",
    options: () => ["Only the last one", "Only those after a wrong prediction", "All of them"],
    begin: () => (guide.states = numbers().h.slice()),
    look() {
      if (live.losses.length === 0) {
        trainStep();
        readAgain();
      }
      const moved = changes(guide.states);
      return { found: this.options()[moved.every((x) => x > 0) ? 2 : moved.at(-1) > 0 ? 0 : 1], text: `All ${moved.length} states moved: by ${moved.map((x) => rounded(x, 2)).join(", ")}. `
        + `Every step uses the same weights, so a changed weight changes every state. The loss was ${rounded(live.losses[0])}, and is ${rounded(reading.loss)} after ${times(live.losses.length, "step")} of training.` };
    },
  },
  {
    mark: "training-now", reads: PAIRS, title: "Until it is right",
    text: () => `In “${PAIRS}”, an “a” is followed by “a” or by “b”, so the last letter alone is not enough. With the weights of the book, the first choice is right at ${guesses(PAIRS).filter(Boolean).length} of ${K} steps.`,
    question: "After how many steps of training is it always right? Half as many or twice as many is close enough.",
    async look() {
      showText(PAIRS);
      const isRight = () => guesses(PAIRS).every(Boolean);
      const count = await trainFor(MANY_STEPS, isRight);
      return { found: count, text: isRight() ? `After ${times(count, "step")}. The loss is ${rounded(reading.loss)} now. Asked to go on, it writes “${writeOn(live.network, reading.tape, 10, 0).map(tokenOfId).join("")}”: it learned the pattern, and forgets its book.`
        : `Not even after ${times(count, "step")}.` };
    },
  },
  {
    mark: "curve-figure", covers: "reach-body", reads: longText, title: "The gradient goes back",
    text: () => `How would an early state have to change to make the last loss smaller? The gradient tells. It is computed from step ${K} back to step 1: “backpropagation through time”. In the picture, its size.`,
    question: "How large is it at step 1, compared with the last step?",
    options: () => SIZES,
    begin: () => choose({ k: K }),
    look() {
      const norms = lastNorms();
      const ratio = norms[0] / norms.at(-1);
      return { found: sizeOf(ratio), text: `Its norm is ${rounded(norms.at(-1))} at step ${K} and ${rounded(norms[0])} at step 1: ${factor(ratio)}. `
        + (ratio < 0.5 ? "The farther back, the less a state learns of this loss. What a network should remember over many steps is learned slowly, or not at all." : "Here it does not vanish.") };
    },
  },
  {
    mark: "curve-figure", isOfTanh: true, reads: longText, title: "Why it shrinks",
    text: () => `Each step back multiplies the gradient by W_hh^T and by the slope of tanh, which is at most 1. Guess: the answer moves the slider below the curve to 0.5, which halves W_hh. There are ${K - 1} steps to go.`,
    question: "The gradient at step 1: what happens to it?",
    options: () => ["It becomes larger", "About half as large", "Much less than half as large"],
    begin: () => choose({ k: K }),
    look() {
      setGain(1);
      const [before, slope, loss] = [lastNorms(), meanSlope(), lastLoss()];
      setGain(0.5);
      readAgain();
      const after = lastNorms();
      const [ratio, start] = [after[0] / before[0], after.at(-1) / before.at(-1)];
      const isWorse = lastLoss() > loss;
      return { found: this.options()[ratio > 1 ? 0 : ratio > 0.25 ? 1 : 2], text: `It was ${rounded(before[0])}, and is ${rounded(after[0])} now: ${factor(ratio)}. Half, ${times(K - 1, "time")}, is 1/${(2 ** (K - 1)).toLocaleString("en")}. `
        + `But the gradient at step ${K} is ${factor(start)} now${isWorse === start > 1 ? ` (the prediction is ${isWorse ? "worse" : "better"})` : ""}; measured from there, step 1 is ${factor(ratio / start)}. `
        + `The rest is the slopes of tanh, whose mean was ${rounded(slope, 2)} and is ${rounded(meanSlope(), 2)}, and the direction of the gradient.` };
    },
  },
  {
    mark: "cells-picture", reads: BRACKETS, title: "What gates change",
    text: `Here d closes b, and q closes p, ${BRACKETS.indexOf("d")} letters later. Gates make a second way back: along c of an LSTM, a step multiplies the gradient only by the forget gate. We train ${SEEDS.length} networks of each cell, alike: Adam, ${SHORT} updates.`,
    question: "Which cell learns most often to expect the right one of d and q?",
    options: () => [...Object.values(record.cells).map(({ layer }) => layer), "No single one"],
    begin() {
      $("cells-optimizer").value = "adam";
      beginCells(SEEDS[0]);
    },
    async look() {
      const found = await new Promise((done) => compute(closingsOf, closingInput(), Infinity, done));
      this.begin(); // without the training of the visitor
      trainCells(SHORT);
      while (side.training) await new Promise((done) => setTimeout(done, 50)); // until the curves stand still
      const [rnn, gru] = ["rnn", "gru"].map((name) => gradientCurves(name, side.networks[name], side.ids)[0]);
      const left = ({ norms }) => share(norms[0] / norms.at(-1));
      const most = Math.max(...Object.values(found));
      const best = Object.keys(found).filter((name) => found[name] === most);
      const said = Object.entries(found).map(([name, count]) => `${record.cells[name].layer} ${count} of ${SEEDS.length}`).join(", ");
      return { found: best.length === 1 ? record.cells[best[0]].layer : "No single one", text: `${said}. In the picture, of one network each, ${left(gru)} of the gradient is left at step 1 in the GRU, ${left(rnn)} in the RNN: the direct way back in a GRU multiplies it by z, ${rounded(gru.gate, 2)} on average; only 1 passes it unchanged. `
        + "A gate can help to remember; it guarantees nothing. We chose settings in which the cells differ: with more updates or a longer gap the order changes." };
    },
  },
];

/** Where to go after the guide, as far as the page has it. */
const PLACES_TO_GO = [
  ["live", "Your turn: train it on a text of yours"], ["memory", "Change one letter, and see how long it is remembered"],
  ["cells", "RNN, GRU and LSTM, side by side"], ["step", "Follow one step, number by number"],
  ["backward", "Follow the gradient back"], ["game", "Find the bug: a game"],
];
