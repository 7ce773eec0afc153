// ---------------------------------------------------------------- the steps of the guide
//
// Each step marks one part of the page, and asks for a prediction. Then it shows the answer, which is
// computed from the numbers of the page: no number stands in a text here. A step has
//
//     mark       id of the part; a step of the guide stands above it, and opens its section.
//                Without this part the step is left out
//     isCovered  whether the part cannot be seen before the prediction
//     needs      characters that the vocabulary must have; without them the step is left out
//     title, text, question
//     options()  the answers to choose from; without it, a number is asked for
//     action     [words, function] of a button that does what the text asks for
//     begin()    sets the page up for this step; may return a promise
//     look()     the answer: { found, text }; `found` is the right option or number. It first does
//                whatever the visitor did not do. May return a promise

const PATTERN = "abab";
const PAIRS = "aab aab aab"; // after an a comes an a or a b: the one before decides
const BRACKETS = "b one a two d p one a two q"; // b is closed by d, and p by q, twelve characters later
const CHANGED = ["the time traveller", "the tame traveller"]; // one letter
const MANY_STEPS = 200;

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

/** The probability of a character after each character of a text. */
const chances = (text, character) => tapeOf(text).map(({ y }) => softmax(y).p[idOf.get(character)]);

const mostLikely = (y) => [...idOf].find(([, id]) => id === argmax(y))[0];

/** Whether the first choice is right at each step of the text. */
const guesses = (text) => tapeOf(text).slice(0, -1).map(({ y }, t) => mostLikely(y) === tokensOf(text)[t + 1]);

/** ‖∂L_K/∂h_t‖ of the last loss, for all steps. */
function lastNorms() {
  const { ids } = reading;
  return live.network.backFromLast(live.network.forward(ids.slice(0, -1)), ids.at(-1)).steps.map(({ d_h }) => length(d_h));
}

/** The norm of the change of each state since `before`. */
const changes = (before) => reading.tokens.map((_, t) => length(row(numbers().h, t + 1, H).map((x, i) => x - before[(t + 1) * H + i])));

/** ‖Δh_t‖ / ‖Δh_s‖ of the text with this token at the changed step s, from step s on. */
function fading(token) {
  const [{ changeNorms }] = remember(live.network, reading.ids, changedStep, token);
  return changeNorms.slice(changedStep - 1).map((x) => x / changeNorms[changedStep - 1]);
}

const changedStep = 1 + [...CHANGED[0]].findIndex((character, n) => character !== CHANGED[1][n]);

const factor = (x) => (x >= 1 ? `${rounded(x)} times larger` : `${rounded(1 / x)} times smaller`);

/** The text for the gradient's way back: long enough for a gradient to shrink. */
const longText = () => (record.tokens.length >= 10 ? record.tokens.join("") : "the time traveller");

// ---------------------------------------------------------------- the steps

const SIZES = ["It is larger", "About the same", "2 to 20 times smaller", "More than 20 times smaller"];
const sizeOf = (ratio) => SIZES[ratio > 1.5 ? 0 : ratio > 1 / 2 ? 1 : ratio > 1 / 20 ? 2 : 3];
const PLACES = ["d at the first place, q at the second", "Nearly the same for d and q, at both places", "Neither d nor q"];

/** Which of PLACES is true now, and the four probabilities. */
function closing() {
  const places = [...BRACKETS].flatMap((character, n) => ("dq".includes(character) ? [n - 1] : []));
  const [d, q] = ["d", "q"].map((character) => places.map((n) => chances(BRACKETS, character)[n]));
  const isRight = d[0] > 2 * q[0] && q[1] > 2 * d[1];
  const found = d[0] + q[0] < 0.3 ? PLACES[2] : isRight ? PLACES[0] : PLACES[1];
  return { isRight, found, words: [0, 1].map((n) => `at the ${["first", "second"][n]} place d ${percent(d[n])}, q ${percent(q[n])}`).join("; ") };
}

const GUIDE = [
  {
    mark: "typing", needs: PATTERN, title: "Type a text",
    text: `Type ${PATTERN} into the field. The network reads it from left to right. It was trained on a book, and on nothing like ${PATTERN}.`,
    action: ["Type it for me", () => showText(PATTERN)],
    question: "Which character does it expect after the last b?",
    options() {
      const { y } = tapeOf(PATTERN).at(-1);
      return [...new Set([mostLikely(y), "a", "e", " ", "b", "t"])].filter((token) => idOf.has(token)).slice(0, 4).map(quoted).sort();
    },
    look() {
      if (reading.text !== PATTERN) showText(PATTERN);
      const { y } = tapeOf(PATTERN).at(-1);
      const [best, { p }] = [mostLikely(y), softmax(y)];
      return { found: quoted(best), text: `It gives ${quoted(best)} a probability of ${percent(p[idOf.get(best)])}`
        + `${best === "a" ? ". " : `, and “a” ${percent(p[idOf.get("a")])}. `}This is what it learned from its book. A probability for each character: this is all that the network ever says.` };
    },
  },
  {
    mark: "unrolled-picture", isCovered: true, needs: PATTERN, title: "The state is its memory",
    text: `After each character the network has a state: ${H} numbers, one for each unit. In the picture a column is a state. Columns 1 and 3 are both made when it reads an a.`,
    question: "Are these two columns equal?",
    options: () => ["Yes: the same character gives the same state", "No: a state also depends on what came before"],
    begin: () => showText(PATTERN),
    look() {
      const [first, third] = [1, 3].map((t) => row(numbers().h, t, H));
      const apart = [...first].map((x, i) => Math.abs(x - third[i]));
      const i = argmax(apart);
      choose({ t: 3, i });
      return { found: this.options()[largest(apart) > 0 ? 1 : 0], text: `${apart.filter((x) => x > 0.1).length} of the ${H} units differ by more than 0.1. `
        + `Unit ${i} differs most: ${rounded(first[i])} in column 1, ${rounded(third[i])} in column 3. Each state is computed from the character and from the state before it. So it can remember.` };
    },
  },
  {
    mark: "training-now", needs: PATTERN, title: "One step of training",
    text: `The loss says how badly the network guesses ${PATTERN}. Training changes the weights a little, so that the loss gets smaller. Guess first, then press One step.`,
    question: "Which states will change?",
    options: () => ["Only the last one", "Only those after a wrong guess", "All of them"],
    begin() {
      showText(PATTERN);
      guide.states = numbers().h.slice();
    },
    look() {
      if (reading.text !== PATTERN) showText(PATTERN);
      if (live.losses.length === 0) {
        trainStep();
        readAgain();
      }
      const moved = changes(guide.states);
      return { found: this.options()[moved.every((x) => x > 0) ? 2 : moved.at(-1) > 0 ? 0 : 1], text: `Their changes (the norms) are ${moved.map((x) => rounded(x, 2)).join(", ")}. `
        + `All steps use the same weights, so a changed weight changes every state. The loss was ${rounded(live.losses[0])}, and is ${rounded(reading.loss)} now.` };
    },
  },
  {
    mark: "training-now", needs: PAIRS, title: "Until it is right",
    text: () => `In ${PAIRS} an a is followed by a or by b, so the last character alone is not enough. With the weights of the book, the first choice is right at ${guesses(PAIRS).filter(Boolean).length} of ${K} steps.`,
    question: `After how many steps of training is it always right?`,
    begin: () => showText(PAIRS),
    async look() {
      showText(PAIRS);
      const isRight = () => guesses(PAIRS).every(Boolean);
      const count = await trainFor(MANY_STEPS, isRight);
      return { found: count, text: isRight() ? `After ${times(count, "step")}. The loss is ${rounded(reading.loss)} now. Look at “Generate text”: the network goes on with the pattern, and forgets its book.`
        : `Not even after ${times(count, "step")}.` };
    },
  },
  {
    mark: "curve-figure", isCovered: true, title: "The gradient goes back",
    text: () => `To change the weights, training asks how the last loss depends on each earlier state. The answer is a gradient. It is computed backward, from step ${K} to step 1. This is “backpropagation through time”.`,
    question: "How large is it at step 1, compared with the last step?",
    options: () => SIZES,
    begin() {
      showText(longText());
      choose({ k: K });
    },
    look() {
      const norms = lastNorms();
      const ratio = norms[0] / norms.at(-1);
      return { found: sizeOf(ratio), text: `Its norm is ${rounded(norms.at(-1))} at step ${K} and ${rounded(norms[0])} at step 1: ${factor(ratio)}. `
        + (ratio < 0.05 ? "It vanishes. So the network hardly learns what it should remember over many steps." : ratio < 0.5 ? "It shrinks. Over more steps it would vanish, and with it the learning." : "Here it does not vanish.") };
    },
  },
  {
    mark: "gain", title: "Why it shrinks",
    text: () => `Each step back multiplies the gradient by the recurrent weights. Guess, then move this slider to 0.5: it halves all of these weights. The gradient has ${K - 1} steps to go.`,
    question: "The gradient at step 1: what happens to it?",
    options: () => ["It becomes larger", "About half as large", "Much less than half as large"],
    begin() {
      showText(longText());
      setGain(1);
    },
    look() {
      setGain(1);
      const before = lastNorms()[0];
      setGain(0.5);
      readAgain();
      const ratio = lastNorms()[0] / before;
      return { found: this.options()[ratio > 1 ? 0 : ratio > 0.25 ? 1 : 2], text: `It was ${rounded(before)}, and is ${rounded(before * ratio)} now: ${factor(ratio)}. `
        + (ratio < 0.25 ? "The same weights act at each step back, so a factor acts again and again." : "Smaller weights also keep the units away from the flat ends of their curves, so each step can lose less.") };
    },
  },
  {
    mark: "memory-body", isCovered: true, needs: CHANGED.join(""), title: "How long a letter is remembered",
    text: `The network reads “${CHANGED[0]}” and “${CHANGED[1]}”. After the changed letter its two states differ. The difference fades as it reads on.`,
    question: "After how many more characters is it below a tenth of its first size?",
    begin: () => showText(CHANGED[0]),
    look() {
      if (reading.text !== CHANGED[0]) showText(CHANGED[0]);
      const token = idOf.get(CHANGED[1][changedStep - 1]);
      changeLetter(changedStep, token);
      choose({ t: changedStep });
      const shares = fading(token);
      const found = shares.findIndex((x) => x < 0.1);
      return found < 0 ? { found: shares.length, text: `It stays above a tenth to the end: ${share(shares.at(-1))} is left.` }
        : { found, text: `After ${times(found, "character")}: then ${share(shares[found])} is left, and at the end of the text ${share(shares.at(-1))}. The gradient below fades in the other direction, through the same matrices.` };
    },
  },
  {
    mark: "unrolled-picture", isCovered: true, needs: BRACKETS, title: "A character to remember",
    text: `In this text b opens and d closes, like brackets: ( and ). p opens and q closes. The closing one comes ${BRACKETS.indexOf("d")} characters later, and what is between them is the same. The network was just trained on it for 50 steps.`,
    question: "Which closing character does it expect now?",
    options: () => PLACES,
    async begin() {
      showText(BRACKETS);
      await trainFor(50);
    },
    look() {
      const { isRight, found, words } = closing();
      choose({ t: BRACKETS.indexOf("d") });
      return { found, text: `The probabilities: ${words}. ${isRight ? "It remembers which one was opened." : found === PLACES[1] ? "It knows when something is closed, and forgot what was opened." : ""}` };
    },
  },
  {
    mark: "unrolled-picture", isCovered: true, needs: BRACKETS, title: "Can it learn to remember?",
    text: () => `Now ${MANY_STEPS - 50} steps more. Only the state can carry the b, or the p, over what is between them.`,
    question: "Does it then expect the right one at both places?",
    options: () => ["Yes", "No"],
    async begin() {
      if (reading.text === BRACKETS && live.losses.length === 50) return;
      showText(BRACKETS);
      await trainFor(50);
    },
    async look() {
      await trainFor(Math.max(0, MANY_STEPS - live.losses.length));
      const { isRight, words } = closing();
      return { found: this.options()[isRight ? 0 : 1], text: `The probabilities: ${words}. ${isRight ? "It has learned to keep one character in its state over all these steps."
        : "It has not learned it yet: from so far away, the gradient says little. Go on with Train, and see how long it takes."}` };
    },
  },
];

/** Where to go after the guide, as far as the page has it. */
const PLACES_TO_GO = [
  ["live", "Train it on a text of yours"], ["memory", "Change one letter, and see how long it is remembered"],
  ["cells", "RNN, GRU and LSTM, side by side"], ["step", "Follow one step, number by number"],
  ["backward", "Follow the gradient back"], ["game", "Find the bug: a game"],
];
