// ---------------------------------------------------------------- 6: find the bug

const CHOICES = 4;

/** `bug` is the bug in the engine, from `record.bugs`, or null; `tried` are the names guessed so far. */
const game = { bug: null, number: 0, offered: [], tried: new Set(), hints: 0, isOver: false };

function setUpGame() {
  $("game-start").addEventListener("click", () => startGame(isNewNumber() ? Number($("puzzle-input").value) : Math.floor(Math.random() * 10_000)));
  $("puzzle-input").addEventListener("input", drawGame);
  $("puzzle-input").addEventListener("keydown", (event) => event.key === "Enter" && $("game-start").click());
  $("game-leave").addEventListener("click", () => {
    putBug(null);
    $("game-start").focus({ preventScroll: true });
  });
  $("game-hint").addEventListener("click", () => {
    game.hints += 1;
    say(make("p", {}, make("b", {}, "Hint "), game.bug.hint));
    drawGame();
  });
  $("game-give-up").addEventListener("click", () => {
    game.isOver = true;
    say(answer(`Puzzle ${game.number}: given up.`));
    drawGame();
  });
}

/** Whether the number in the box is not the number of the current puzzle. */
const isNewNumber = () => $("puzzle-input").value !== "" && !(game.bug && Number($("puzzle-input").value) === game.number);

/** Choose a bug and the offered answers by the number of the puzzle, and put the bug into the engine. */
function startGame(number) {
  const random = randomFrom(number);
  const shuffled = (list) => list.map((item) => [random(), item]).sort(([a], [b]) => a - b).map(([, item]) => item);
  const [bug, ...others] = shuffled(record.bugs);
  others.sort((a, b) => bug.distractors.includes(b.name) - bug.distractors.includes(a.name)); // keeps the order among equals
  Object.assign(game, { number, offered: shuffled([bug, ...others.slice(0, CHOICES - 1)]), tried: new Set(), hints: 0, isOver: false });
  $("puzzle-input").value = number;
  say();
  putBug(bug);
}

/** Put a bug, or none, into the engine. The weights become the recorded ones. */
function putBug(bug) {
  stopTraining();
  game.bug = bug;
  takeWeights();
  readAgain();
}

function guess(bug) {
  game.tried.add(bug.name);
  game.isOver = bug === game.bug;
  const guesses = `${game.tried.size} ${game.tried.size === 1 ? "guess" : "guesses"}`;
  say(game.isOver ? answer(`Right. Puzzle ${game.number}: ${guesses}, ${times(game.hints, "hint")}.`)
    : [make("p", {}, make("b", {}, "No. "), "That bug has other symptoms: ", bug.look)]);
  drawGame();
}

const say = (...what) => $("game-reply").replaceChildren(...what.flat());

/** The answer to a puzzle: the bug, its symptoms, and the right line. */
const answer = (verdict) => [
  make("p", {}, make("b", {}, verdict)),
  make("p", {}, make("b", {}, "The bug "), game.bug.words),
  make("p", {}, make("b", {}, "Where to look "), game.bug.look),
  make("p", {}, make("b", {}, "The right line")),
  sourceLine(game.bug.line),
  make("p", {}, "The bug stays in the engine until you leave the game, so that you can look at it. In a terminal, ", make("code", {}, `rnn-parity break ${game.bug.name}`), " shows the change in NumPy."),
];

function drawGame() {
  const canPlay = Boolean(live.network) && CAN_TYPE && K > 0;
  const isOn = Boolean(game.bug);
  $("game-absent").textContent = canPlay ? ""
    : !CAN_TYPE ? "The page does not have all weights of this network, so its engine cannot run."
      : !live.network ? "The page does not have these weights. Choose other weights to play."
        : "This text has one token, so there is no loss and no gradient. Type a longer one to play.";
  $("game-start").textContent = isOn && !isNewNumber() ? "Another one" : "Start";
  $("game-start").disabled = !live.network || !CAN_TYPE;
  $("game-leave").hidden = !isOn;
  $("game-link").hidden = !isOn;
  $("game-link").textContent = `Puzzle ${game.number}: the engine has a bug. To the choices`;
  $("game-body").hidden = !isOn || !canPlay;
  if (!isOn || !canPlay) return;
  $("game-hint").disabled = game.isOver || game.hints > 0;
  $("game-give-up").disabled = game.isOver;
  drawSymptom();
  const focused = document.activeElement?.dataset?.choice;
  $("choices").replaceChildren(...game.offered.map((bug) => make("li", {},
    make("button", { type: "button", "data-choice": bug.name, disabled: game.isOver || game.tried.has(bug.name), onclick: () => guess(bug),
      class: game.isOver && bug === game.bug ? "is-right" : null }, bug.words))));
  if (focused) ($("choices").querySelector("button:enabled") ?? $("game-start")).focus({ preventScroll: true });
}

// ---------------------------------------------------------------- the symptom

/** The results of a network for the text: [name, numbers] of each. */
function outcome(network) {
  const ids = reading.ids;
  const { tape, loss, gradients } = network.run(ids.slice(0, -1), ids.slice(1));
  const after = network.copy();
  after.update(gradients, record.lr, record.max_norm);
  const update = Object.fromEntries(NAMES.map((name) => [name, after.parameters[name].map((x, n) => x - network.parameters[name][n])]));
  const letters = Object.fromEntries(NAMES.map((name, n) => [name, ["W_ih", "W_hh", "b_ih", "b_hh", "W", "b"][n]]));
  const arrays = (what, all) => NAMES.map((name) => [`${what} ${letters[name]}`, all[name]]);
  return [
    ["states h", flat(tape.map(({ state }) => state[0]))],
    ["logits y", flat(tape.map(({ y }) => y))],
    ["loss", [loss]],
    ["perplexity", [network.perplexity(loss)]],
    ...arrays("gradient of", gradients),
    ["whole gradient", Object.values(gradients).flatMap((g) => [...g])],
    ...arrays("update of", update),
    ["whole update", Object.values(update).flatMap((g) => [...g])],
    ["generated text", writeOn(network, ids, 8, 0)],
  ];
}

function drawSymptom() {
  const right = outcome(new Network(CELL, live.network.copy().parameters));
  const here = outcome(live.network);
  const shown = (name, values_) => (name === "generated text" ? values_.map((id) => glyph(record.shown_tokens[record.shown.indexOf(id)])).join("")
    : rounded(values_.length === 1 ? values_[0] : length(values_), 5));
  const rows = here.map(([name, values_], n) => {
    const isSame = values_.every((x, m) => x === right[n][1][m]);
    return [name, shown(name, right[n][1]), shown(name, values_), isSame ? "the same" : make("b", { class: "apart" }, "differs")];
  });
  const count = rows.filter(([, , , verdict]) => verdict !== "the same").length;
  $("symptom-lead").textContent = "The same text and the same weights, without and with the bug. For an array, the table has its norm, and the verdict compares all entries. The update is the change of the weights in one training step. "
    + (count === 0 ? "Nothing differs on this text: type another text, or choose other weights." : `${count} of ${rows.length} differ. Look for the cause in the pictures above: type other texts, train, compare.`);
  $("symptom").replaceChildren(table("Right, and with the bug", ["result", "right", "bug", "verdict"], rows, { left: [3] }));
}

addPanel({ place: 6, section: "game", views: [["c text", drawGame]], setUp: setUpGame });
