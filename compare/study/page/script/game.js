// ---------------------------------------------------------------- 6: find the bug

const CHOICES = 4;

const MOST_POINTS = 3; // for the right answer; the hint and each wrong guess cost one

/** `bug` is the bug in the engine, from `record.bugs`, or null; `tried` are the names guessed so far; `points` those of each puzzle, by its number. */
const game = { bug: null, number: 0, offered: [], tried: new Set(), hints: 0, isOver: false, points: new Map() };

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
    endPuzzle(0);
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
  Object.assign(game, { number, offered: shuffled([bug, ...mostAlike(bug, others)]), tried: new Set(), hints: 0, isOver: false });
  $("puzzle-input").value = number;
  say();
  putBug(bug);
}

/**
 * The wrong answers: bugs with the same first result that differs, so that a glance at the table excludes none; of
 * those, the ones with the most similar symptoms. If there are less than two, bugs with another symptom.
 */
function mostAlike(bug, others) {
  const of = (each) => (each.symptom ??= symptomOf(each));
  const symptom = of(bug);
  const found = others.map((other) => {
    const its = of(other);
    return { other, isAlike: its.indexOf(true) === symptom.indexOf(true), distance: its.filter((differs, n) => differs !== symptom[n]).length };
  });
  found.sort((a, b) => b.isAlike - a.isAlike || a.distance - b.distance); // keeps the order among equals
  return found.filter(({ isAlike }, n) => n < CHOICES - 1 && (n < 2 || isAlike)).map(({ other }) => other);
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
  if (bug === game.bug) endPuzzle(Math.max(0, MOST_POINTS + 1 - game.tried.size - game.hints));
  const guesses = `${game.tried.size} ${game.tried.size === 1 ? "guess" : "guesses"}`;
  say(game.isOver ? answer(`Right. Puzzle ${game.number}: ${guesses}, ${times(game.hints, "hint")}.`)
    : [make("p", {}, make("b", {}, "No. "), "That bug has other symptoms: ", bug.look)]);
  drawGame();
}

/** A puzzle that is played again brings no other points. */
function endPuzzle(points) {
  game.isOver = true;
  if (!game.points.has(game.number)) game.points.set(game.number, points);
}

const say = (...what) => $("game-reply").replaceChildren(...what.flat());

/** The answer to a puzzle: the bug, its symptoms, and the right line. */
const answer = (verdict) => [
  make("p", {}, make("b", {}, verdict)),
  make("p", {}, make("b", {}, "The bug "), game.bug.words),
  make("p", {}, make("b", {}, "Where to look "), game.bug.look),
  make("p", {}, make("b", {}, "The right line")),
  sourceLine(game.bug.line),
  make("p", {}, "The bug stays in the engine until you leave the game, so that you can look at it. Its name is ", make("code", {}, game.bug.name), "."),
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
  const points = [...game.points.values()];
  $("game-points").textContent = points.length ? `${points.reduce((a, b) => a + b, 0)} of ${times(MOST_POINTS * points.length, "point")} in ${times(points.length, "puzzle")}` : "";
  $("game-link").hidden = !isOn;
  $("game-link").textContent = `Puzzle ${game.number}: the engine has a bug. To the choices`;
  $("game-body").hidden = !isOn || !canPlay;
  if (!isOn || !canPlay) return;
  $("game-hint").disabled = game.isOver || game.hints > 0;
  $("game-give-up").disabled = game.isOver;
  drawSymptom();
  const isLeft = document.activeElement?.matches("#choices button, #game-body :disabled"); // it loses the focus
  $("choices").replaceChildren(...game.offered.map((bug) => make("li", {},
    make("button", { type: "button", "data-choice": bug.name, disabled: game.isOver || game.tried.has(bug.name), onclick: () => guess(bug),
      class: game.isOver && bug === game.bug ? "is-right" : null }, bug.words))));
  if (isLeft) ($("choices").querySelector("button:enabled") ?? $("game-start")).focus({ preventScroll: true });
}

// ---------------------------------------------------------------- the symptom

/** The results of a network for a text: [name, arrays] of each, in the order of the computation. */
function outcome(network, { ids, targets }, lr, maxNorm) {
  const tape = network.forward(ids);
  const { loss, gradients } = network.runBack(tape.slice(0, -1), targets);
  const after = network.copy();
  after.update(gradients, new SGD(lr), maxNorm);
  const update = Object.fromEntries(NAMES.map((name) => [name, after.parameters[name].map((x, n) => x - network.parameters[name][n])]));
  const arrays = (what, all) => NAMES.map((name) => [`${what} of ${LETTERS[name]}`, [all[name]]]);
  return {
    whole: [
      ["states h", tape.slice(0, -1).map(({ state }) => state[0])],
      ["logits y", tape.slice(0, -1).map(({ y }) => y)],
      ["loss", [[loss]]],
      ["gradient", Object.values(gradients)],
      ["update", Object.values(update)],
      ["generated text", [writeOn(network, tape, 8, 0)]],
    ],
    parts: [...arrays("gradient", gradients), ...arrays("update", update)],
  };
}

/** The largest difference between entries of two lists of arrays. */
const apart = (some, others) => some.reduce((most, array, m) => array.reduce((far, x, n) => Math.max(far, Math.abs(x - others[m][n])), most), 0);

/** For each result of `outcome`, whether it differs with a bug, on a small network: with clipping or without. */
function symptomOf(bug) {
  const [random, small, G] = [randomFrom(1), { H: 4, V: 3 }, Math.max(1, record.gates.length)];
  const sizes = [G * small.H * small.V, G * small.H * small.H, G * small.H, G * small.H, small.V * small.H, small.V];
  const weights = Object.fromEntries(NAMES.map((name, n) => [name, Float64Array.from({ length: sizes[n] }, () => 2 * random() - 1)]));
  const text = { ids: [0, 1, 1, 2, 0, 2], targets: [1, 1, 2, 0, 2] };
  const [right, wrong] = [null, bug.name].map((name) => [0.01, 100].map((maxNorm) => outcome(withBug(new Network(CELL, weights), name), text, 1, maxNorm)));
  return ["whole", "parts"].flatMap((kind) => right[0][kind].map(([, arrays], n) =>
    arrays.length > 0 && [0, 1].some((m) => apart(right[m][kind][n][1], wrong[m][kind][n][1]) > 0)));
}

/** The parameter whose arrays are farthest apart, in numbers of its own size. */
const farthestApart = (some, others) => argmax(some.map((array, n) => apart([array], [others[n]]) / (length(others[n]) || 1)));

/** A result as two pictures, without and with the bug, on one scale: a column for each step, or a parameter as a matrix. */
function sightsOf(right, here, columns) {
  const most = Math.max(...[...right, ...here].map(largest)) || 1;
  return [right, here].map((arrays) => {
    const canvas = make("canvas", { class: "sight", "aria-hidden": "true" });
    const [rows, at] = columns ? [arrays[0].length / columns, (r, c) => arrays[0][r * columns + c]] : [arrays[0].length, (r, c) => arrays[c][r]];
    paint(canvas, rows, columns ?? arrays.length, 140, 48, (r, c) => colour(at(r, c) / most));
    return canvas;
  });
}

/** A table of the results without and with the bug, and the number of rows that differ. */
function symptomTable(caption, right, here) {
  const shown = (name, arrays) => (name === "generated text" ? arrays[0].map((id) => glyph(tokenOfId(id))).join("")
    : rounded(length(arrays.map(length)), 5)); // of the loss, which is one number and positive, it is the loss
  const differences = here.map(([, arrays], n) => apart(arrays, right[n][1]));
  const rows = here.map(([name, arrays], n) => {
    const both = [right[n][1], arrays];
    const isOfParameters = /gradient|update/.test(name);
    const parameter_ = arrays.length > 1 ? farthestApart(...both) : n % NAMES.length;
    const sights = name === "loss" || name === "generated text" ? ["", ""]
      : isOfParameters ? sightsOf(...both.map((all) => [all[parameter_] ?? all[0]]), columnsOf(NAMES[parameter_])) : sightsOf(...both, null);
    return [name, ...both.map((each, m) => [sights[m], shown(name, each)]),
      differences[n] === 0 ? "none" : make("b", { class: "apart" }, name === "generated text" ? "differs" : rounded(differences[n], 2))];
  });
  return [table(caption, ["result", "right", "bug", "difference"], rows), differences.filter((x) => x !== 0).length];
}

function drawSymptom() {
  const outcomes = [new Network(CELL, live.network.parameters), live.network].map((network) => outcome(network, reading, record.lr, record.max_norm));
  const [whole, count] = symptomTable("Without and with the bug", ...outcomes.map((each) => each.whole));
  const [parts] = symptomTable("The gradient and the update of each parameter", ...outcomes.map((each) => each.parts));
  $("symptom-lead").textContent = "The same text and the same weights. A picture has a column for each step; of gradient and update it is the parameter that differs most. Below it is the norm. The update is what one training step adds to the weights. "
    + (count === 0 ? "Nothing differs on this text: type another text, or choose other weights."
      : "The first row that differs says where in the computation the bug is. Then look closer in the pictures above: type other texts, train, compare.");
  const isOpen = $("symptom-parts")?.open ?? false;
  $("symptom").replaceChildren(whole, make("details", { id: "symptom-parts", open: isOpen }, make("summary", {}, "Parameter by parameter"), parts));
}

addPanel({ place: 6, section: "game", views: [["c text *", drawGame]], setUp: setUpGame });
