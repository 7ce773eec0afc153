// ---------------------------------------------------------------- the moving picture: the network reads a text
//
// One step at a time, in five parts: the letter enters, it is mixed with the state before, the cell makes the
// new state, a prediction comes out, the new state goes on. `hero.at` is the time, in parts from the first
// letter on; hero_picture.js paints the picture of a time. It plays by itself until somebody touches it;
// a reader who wants no motion steps through it. There is one step for the whole page: while it plays, all
// other pictures follow, and a step that is chosen elsewhere stops it, and is shown here whole.

const PARTS = 5;
const [FIRST_TIME, PART_TIME] = [3500, 700]; // milliseconds that a part takes, of the first letter and of the others

/** `at` is the time, `last` that of the frame before; `t` the step that it chose last; `marks` are the numbers in the picture; `of` is the reading that `links` and `most` are computed from; `zoom` is how much larger than planned it is painted. */
const hero = { at: 0, t: null, isPlaying: false, isOnScreen: true, last: null, marks: [], text: null, said: "", hidesGuess: false, of: null, links: new Map(), most: null, zoom: 1 };

const heroStep = () => clamp(Math.ceil(hero.at / PARTS), 1, T);
const heroPart = () => hero.at - (heroStep() - 1) * PARTS; // 0 … PARTS, of this step
const endOf = (t) => t * PARTS; // the whole picture of step t, before the next letter

function setUpHero() {
  const picture = $("hero-picture");
  if (location.search === "?moving") { // in the frame of another page, which makes it as high as the picture
    document.documentElement.dataset.moving = "";
    new ResizeObserver(() => parent.postMessage({ height: $("hero").offsetHeight }, "*")).observe($("hero"));
  }
  $("hero-play").addEventListener("click", () => playHero(!hero.isPlaying));
  $("hero-before").addEventListener("click", () => moveHero(-1));
  $("hero-next").addEventListener("click", () => moveHero(1));
  $("hero-slider").addEventListener("input", () => showHero(Number($("hero-slider").value)));
  $("hero").addEventListener("keydown", (event) => { // a button keeps all keys but the arrows, a field keeps them all
    const moves = { ArrowLeft: () => moveHero(-1), ArrowRight: () => moveHero(1), Home: () => showHero(1), End: () => showHero(endOf(T)),
      ArrowUp: () => moveStepAndUnit(-1, 0), ArrowDown: () => moveStepAndUnit(1, 0), " ": () => playHero(!hero.isPlaying) };
    if (event.target !== picture && !(event.target.matches("button") && event.key.startsWith("Arrow"))) return;
    if (!moves[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    moves[event.key]();
  });
  for (const type of ["pointermove", "pointerdown"]) picture.addEventListener(type, pointAtHero);
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
  hero.at = standsStill ? endOf(chosen.t) : 0;
  playHero(!standsStill);
}

/** Play on, or stand still; at the end, begin again. */
function playHero(isPlaying) {
  hero.isPlaying = isPlaying;
  if (isPlaying && hero.at >= endOf(T)) hero.at = 0;
  $("hero-play").textContent = isPlaying ? "Pause" : "Play";
  if (isPlaying) chooseHeroStep();
  else redraw("hero"); // what was not on the screen
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

function nextFrame(now) {
  hero.frame = 0;
  if (!hero.isPlaying || !hero.isOnScreen || chosen.t !== hero.t) return; // `followChoice` stops it
  hero.at += Math.min(100, now - (hero.last ?? now)) / (heroStep() === 1 ? FIRST_TIME : PART_TIME);
  if (hero.at > endOf(T)) hero.at = 0;
  hero.last = now;
  if (heroStep() !== hero.t) chooseHeroStep();
  drawHero();
  hero.frame = requestAnimationFrame(nextFrame);
}

/** Stand still at a time, and choose its step for all other pictures. */
function showHero(at) {
  playHero(false);
  hero.at = clamp(at, 1, endOf(T));
  hero.text = reading.text;
  drawHero();
  choose({ t: heroStep() });
}

/** Go to the end of the part before, or of the one after the part that is shown, whole or not. */
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

function drawHero() {
  paintHero($("hero-picture").firstElementChild, heroStep(), heroPart());
  const part = clamp(Math.ceil(heroPart()) - 1, 0, PARTS - 1);
  const place = `${heroStep()} ${part} ${chosen.i}`;
  if (place === hero.said && hero.isPlaying) return;
  hero.said = place;
  Object.assign($("hero-slider"), { max: endOf(T), value: Math.ceil(hero.at) });
  const words = hero.isPlaying && heroStep() > 1 ? summaryOf(heroStep()) : captionOf(heroStep(), part);
  $("hero-slider").setAttribute("aria-valuetext", `step ${heroStep()} of ${T}: ${words}`);
  $("hero-caption").replaceChildren(make("b", {}, `${heroStep()} of ${T}. `), ...typeset(words));
  $("hero-readout").replaceChildren(...readUnit(heroStep(), chosen.i));
}

/** The most likely token after a step: "“m”, with 43 %". */
const guessOf = (t, p = row(numbers().p, t - 1, S)) => `${quoted(record.shown_tokens[argmax(p)])}, with ${percent(p[argmax(p)])}`;

/** A whole step, in a sentence that stays while its parts are played. */
const summaryOf = (t) => `It reads ${quoted(reading.tokens[t - 1])}, mixes it with its state, and predicts ${guessOf(t)}.`;

/** What happens in a part of a step. */
function captionOf(t, part) {
  if (part === 3) {
    return hero.hidesGuess ? "From the new state it predicts what comes next. What do you think?"
      : `From the new state it predicts what comes next: ${guessOf(t)}.`;
  }
  const read = reading.tokens.slice(0, t).join(IS_CHARACTERS ? "" : " ");
  return [
    `It reads ${quoted(reading.tokens[t - 1])}. Its column of W_ih pushes each unit up or down.`,
    CELL.mixes,
    CELL.makes,
    "",
    `The new state goes on to the next step. It is all that the network keeps of “${read.length > 24 ? `…${read.slice(-24)}` : read}”.`,
  ][part];
}

/** The numbers of a unit in a step, in the order of the computation. */
function readUnit(t, i) {
  const drawn_ = heroNumbers(t);
  return [`unit ${i}: `, ...heroColumns().flatMap(({ of, name }, n) =>
    [n ? " · " : "", math(name), " ", make("b", {}, rounded(drawn_[of][i], 3))])];
}

function pointAtHero(event) {
  const mark = markAt(event);
  $("hero-tip").hidden = !mark;
  if (!mark) return;
  $("hero-tip").textContent = mark.words;
  const box = $("hero-picture").getBoundingClientRect();
  const [x, y] = [event.clientX - box.left, event.clientY - box.top];
  Object.assign($("hero-tip").style, { top: `${y + 18}px`, left: x > box.width / 2 ? "" : `${x + 12}px`, right: x > box.width / 2 ? `${box.width - x + 12}px` : "" });
}

/** The number at the pointer, if there is one. */
function markAt({ clientX, clientY }) {
  const { left, top } = $("hero-picture").firstElementChild.getBoundingClientRect();
  const [x, y] = [clientX - left, clientY - top].map((at) => at / hero.zoom);
  return hero.marks.find((mark) => x >= mark.x && x < mark.x + mark.wide && y >= mark.y && y < mark.y + mark.tall);
}

addPanel({ place: 0, section: "hero", views: [["c t i u text *", followChoice], ["*", () => legend("hero-legend", "each unit", -1, F === "tanh" ? ["−1", "0", "1"] : ["negative", "0", "positive"])]], setUp: setUpHero });
