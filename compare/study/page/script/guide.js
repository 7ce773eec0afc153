// ---------------------------------------------------------------- the guide: the first five minutes
//
// It leads through the steps of guide_steps.js: from 1,000 pixels on in a column beside the part that a step
// marks, on a smaller screen in a sheet below it.

/** `at` is the number of the step, or -1; `states` are the states that the step began with. */
const guide = { steps: [], at: -1, right: 0, asked: 0, states: null };

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
  $("optimizer-select").value = "sgd";
  if (game.bug) putBug(null);
  guide.steps = GUIDE.filter(({ mark, reads, isOfTanh }) =>
    $(mark) && (typeof reads === "function" || [...reads].every((character) => idOf.has(character))) && !(isOfTanh && (IS_GATED || F !== "tanh")));
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

/** Show the guide, or take it away: the pictures get another width. */
function seatGuide(isThere) {
  $("guide").hidden = !isThere;
  document.body.classList.toggle("is-guided", isThere);
  spaces.clear();
  redraw("*");
}

const marked = () => document.querySelector(".marked");

function unmark() {
  for (const each of document.querySelectorAll(".marked, .covered")) {
    each.classList.remove("marked", "covered");
    delete each.dataset.guidePart;
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
  const writing = document.querySelector("[href='write/index.html']"); // in the site
  unmark();
  const part = $(step?.mark ?? "hero-picture");
  reveal(part);
  if ($("guide").hidden) seatGuide(true);
  playHero(false);
  hero.hidesGuess = false;
  $("guide").classList.remove("is-answered");
  $("guide-title").textContent = step ? `Question ${at + 1} of ${count}: ${step.title}` : "That was the guide";
  $("guide-text").replaceChildren(...typeset(step ? textOf(step.text) : `${guide.asked ? `You predicted ${guide.right} of ${guide.asked} right. ` : ""}Now write such a network yourself: type rnn-parity new my_rnn.py${writing ? "" : ", or rnn-parity write for a page to write in"}. Or look around here:`));
  $("guide-form").hidden = !step;
  $("guide-answer").replaceChildren(...(step ? [] : [make("ul", {}, writing && make("li", {}, writing.cloneNode(true)), PLACES_TO_GO.filter(([id]) => $(id)).map(([id, words]) =>
    make("li", {}, make("button", { type: "button", onclick: () => visit(id) }, words))))]));
  $("guide-back").disabled = at === 0;
  $("guide-next").hidden = !step;
  $("guide-next").textContent = "Skip this question";
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

/** Scroll until the part is beside the guide: at once, so that it is drawn, and when it has its new size. */
function showPart(part) {
  const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
  part.scrollIntoView({ block: "start" });
  drawn.push(() => requestAnimationFrame(() => part.scrollIntoView({ block: "start", behavior })));
  redraw("guide");
}

const textOf = (text) => (typeof text === "function" ? text() : text);

/** The question of a step, with its options. */
function ask(step) {
  $("guide-question").textContent = textOf(step.question);
  $("guide-options").replaceChildren(...step.options().map((words) =>
    make("label", {}, make("input", { type: "radio", name: "prediction", value: words }), make("span", {}, words))));
  Object.assign($("guide-look"), { disabled: true, hidden: false });
}

const prediction = () => String(new FormData($("guide-form")).get("prediction") ?? "");

async function answerStep() {
  const step = guide.steps[guide.at];
  const predicted = prediction();
  stopTraining();
  $("guide-form").inert = true;
  $("guide-look").textContent = "Computing …";
  if (reading.text !== textOf(step.reads)) showText(textOf(step.reads));
  const { found, text: words } = await step.look();
  $("guide-form").inert = false;
  $("guide-look").textContent = "Show the answer";
  if (guide.steps[guide.at] !== step) return;
  const isRight = predicted === found;
  guide.right += isRight;
  guide.asked += 1;
  document.querySelectorAll(".covered").forEach((each) => cover(each, false));
  for (const input of $("guide-options").querySelectorAll("input")) {
    input.disabled = true;
    if (input.value === found) input.parentElement.classList.add("is-right");
    else if (input.checked) input.parentElement.classList.add("is-wrong");
  }
  $("guide").classList.add("is-answered");
  $("guide-look").hidden = true;
  $("guide-answer").replaceChildren(make("p", {}, make("b", {}, isRight ? "✓ Right. " : "✗ Not quite. "), ...typeset(words)));
  $("guide-next").textContent = guide.at + 1 < guide.steps.length ? "Next question" : "What now?";
  $("guide-next").focus();
  showPart(marked());
}

/** Leave the guide, and go to a section. */
function visit(id) {
  leaveGuide();
  const panel = panelOf(id);
  if (panel) panel.open = true;
  const head = panel?.querySelector("summary") ?? $("train-step");
  head.focus();
  $(id).scrollIntoView({ block: "start" });
}

addPanel({ place: 0, section: "guide", setUp: setUpGuide });
