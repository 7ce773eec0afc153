// ---------------------------------------------------------------- the guide: the first five minutes
//
// Each step marks one part of the page, and asks for a prediction. Then it shows the answer, which is
// computed from the numbers of the page: no number stands in a text here. A step has
//
//     mark       id of the part; a step of the guide stands above it, and opens its section
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
const MANY_STEPS = 200;

/** `at` is the number of the step, or -1; `states` are the states that the step began with. */
const guide = { steps: [], at: -1, right: 0, asked: 0, states: null };

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
    while (count < most && performance.now() - start < 12 && !isDone()) {
      trainStep();
      count += 1;
    }
    await new Promise((done) => setTimeout(done));
  }
  readAgain();
  return count;
}

const tapeOf = (text) => live.network.forward(tokensOf(text).map((token) => idOf.get(token)));

/** The probability of a character after each character of a text. */
const chances = (text, character) => tapeOf(text).map(({ y }) => softmax(y).p[idOf.get(character)]);

const mostLikely = (y) => [...idOf].find(([, id]) => id === argmax(y))[0];

/** Whether the first choice is right at each step of the text. */
const guesses = (text) => tapeOf(text).slice(0, -1).map(({ y }, t) => mostLikely(y) === tokensOf(text)[t + 1]);

/** ‖∂L_K/∂h_t‖ of the last loss, for all steps. */
function lastNorms() {
  const { ids, targets } = reading;
  const tape = live.network.forward(ids.slice(0, -1));
  const d_y = tape.map(({ y }, t) => (t === tape.length - 1 ? crossEntropy(y, targets[t]).d_y : null));
  return live.network.backward(tape, d_y).steps.map(({ d_h }) => length(d_h));
}

/** The norm of the change of each state since `before`. */
const changes = (before) => reading.tokens.map((_, t) => length(row(numbers().h, t + 1, H).map((x, i) => x - before[(t + 1) * H + i])));

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
      if (live.losses.length === 0) takeStep();
      const moved = changes(guide.states);
      return { found: this.options()[moved.every((x) => x > 0) ? 2 : moved.at(-1) > 0 ? 0 : 1], text: `Their changes (the norms) are ${moved.map((x) => rounded(x, 2)).join(", ")}. `
        + `All steps use the same weights, so a changed weight changes every state. The loss was ${rounded(live.losses[0])}, and is ${rounded(reading.loss)} now.` };
    },
  },
  {
    mark: "training-now", needs: PAIRS, title: "Until it is right",
    text: () => `In ${PAIRS} an a is followed by a or by b, so the last character alone is not enough. With the weights of the book, the first choice is right ${guesses(PAIRS).filter(Boolean).length} times of ${K}.`,
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
    mark: "unrolled-picture", isCovered: true, needs: BRACKETS, title: "A character to remember",
    text: `In this text b opens and d closes, like brackets: ( and ). p opens and q closes. The closing one comes ${BRACKETS.indexOf("d")} characters later, and what lies between is the same. The network was just trained on it for 50 steps.`,
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
    text: () => `Now ${MANY_STEPS - 50} steps more. Only the state can carry the b, or the p, over what lies between.`,
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

// ---------------------------------------------------------------- the card

/** Whether the page has the weights that the guide starts with. */
const canGuide = () => Boolean($("small-record")) || CAN_TYPE && Boolean(record.checkpoints.at(-1).details);

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
  $("guide-form").addEventListener("input", () => ($("guide-look").disabled = prediction() === ""));
  document.addEventListener("keydown", (event) => event.key === "Escape" && guide.at >= 0 && leaveGuide());
}

/** Start with the first step; in the page of a run, with the small network. */
function startGuide() {
  if ($("small-record") && !IS_SMALL) return showNetwork("small-guide");
  choose({ c: record.checkpoints.length - 1 });
  if (game.bug) putBug(null);
  guide.steps = GUIDE.filter(({ needs = "" }) => [...needs].every((character) => idOf.has(character)));
  Object.assign(guide, { right: 0, asked: 0 });
  goTo(0);
}

function leaveGuide() {
  const left = marked();
  unmark();
  guide.at = -1;
  $("guide").hidden = true;
  if (left) {
    left.tabIndex = -1;
    left.focus({ preventScroll: true });
  } else $("guide-start").focus();
}

const marked = () => document.querySelector(".marked");

function unmark() {
  for (const each of document.querySelectorAll(".marked")) {
    each.classList.remove("marked", "covered");
    each.inert = false;
  }
}

function cover(element, isCovered) {
  element.classList.toggle("covered", isCovered);
  element.inert = isCovered;
}

/** Show a step; after the last one, what the visitor can do next. */
async function goTo(at) {
  guide.at = at;
  const step = guide.steps[at] ?? null;
  const count = guide.steps.length;
  unmark();
  const part = $(step?.mark ?? "live");
  reveal(part);
  part.before($("guide"));
  $("guide").hidden = false;
  $("guide-title").textContent = step ? `Step ${at + 1} of ${count}: ${step.title}` : "That was the guide";
  $("guide-text").replaceChildren(step ? textOf(step.text) : `You predicted ${guide.right} of ${guide.asked} right. All sections of the page are below; a click opens one. Some to begin with:`);
  $("guide-action").replaceChildren(...(step?.action ? [make("button", { type: "button", onclick: step.action[1] }, step.action[0])] : []));
  $("guide-form").hidden = !step;
  $("guide-answer").replaceChildren(...(step ? [] : [make("ul", {}, PLACES_TO_GO.filter(([id]) => $(id)).map(([id, words]) =>
    make("li", {}, make("button", { type: "button", onclick: () => visit(id) }, words))))]));
  $("guide-back").disabled = at === 0;
  $("guide-next").hidden = !step;
  $("guide-next").textContent = "Skip this step";
  if (step) {
    part.classList.add("marked");
    cover(part, Boolean(step.isCovered));
    await step.begin?.();
    if (guide.steps[guide.at] !== step) return;
    ask(step);
    $("guide-text").replaceChildren(textOf(step.text));
  }
  $("guide-title").focus({ preventScroll: true });
  $("guide").scrollIntoView({ block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}

const textOf = (text) => (typeof text === "function" ? text() : text);

/** The question of a step, with its options. */
function ask(step) {
  $("guide-question").textContent = step.question;
  $("guide-options").replaceChildren(...(step.options
    ? step.options().map((words) => make("label", {}, make("input", { type: "radio", name: "prediction", value: words }), make("span", {}, words)))
    : [make("input", { type: "number", name: "prediction", min: 0, max: MANY_STEPS, "aria-label": step.question, required: true })]));
  Object.assign($("guide-look"), { disabled: true, hidden: false });
}

const prediction = () => String(new FormData($("guide-form")).get("prediction") ?? "");

async function answerStep() {
  const step = guide.steps[guide.at];
  const predicted = prediction();
  stopTraining();
  $("guide-form").inert = true;
  const { found, text: words } = await step.look();
  $("guide-form").inert = false;
  if (guide.steps[guide.at] !== step) return;
  const isRight = typeof found === "number" ? Math.abs(Number(predicted) - found) <= Math.max(2, found / 3) : predicted === found;
  guide.right += isRight;
  guide.asked += 1;
  cover(marked(), false);
  for (const input of $("guide-options").querySelectorAll("input")) {
    input.disabled = true;
    if (input.value === found) input.parentElement.classList.add("is-right");
  }
  $("guide-look").hidden = true;
  const verdict = isRight ? (typeof found === "number" && Number(predicted) !== found ? "Close. " : "Right. ") : step.options ? `Not quite. The answer is: ${found}. ` : "Not quite. ";
  $("guide-answer").replaceChildren(make("p", {}, make("b", {}, verdict), words));
  $("guide-next").textContent = guide.at + 1 < guide.steps.length ? "Next step" : "What now?";
  $("guide-next").focus({ preventScroll: true });
}

/** Leave the guide, and go to a section. */
function visit(id) {
  leaveGuide();
  const panel = panelOf(id);
  if (panel) panel.open = true;
  const head = panel?.querySelector("summary") ?? $("text-input");
  head.focus();
  $(id).scrollIntoView({ block: "start" });
}

addPanel({ place: 0, section: "guide", setUp: setUpGuide });
