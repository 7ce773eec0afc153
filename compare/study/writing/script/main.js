// The page: what is open, its check, its verdict, and the training with the learner's functions.

import { $, $button, $select, draw, make, setUpTheme } from "../../../files/page.js";
import { makeEditor } from "./editor.js";
import { Python, Stopped } from "./python.js";
import { keep, keepVerdicts, open, pack, packNetwork, readVerdicts, textOf } from "./work.js";

/** @import { Answers, CheckAnswer, Choice, Message, Progress, Site, TrainingTold } from "./site.js" */
/** @import { Verdicts, Work } from "./work.js" */

/** @type {Site} */
const SITE = JSON.parse($("site").textContent);

/** @type {Record<string, string>} */
const MARKS = { right: "✓", wrong: "✗", error: "✗", timeout: "✗", missing: "·" };

const python = new Python(SITE.files, showProgress);
const editor = makeEditor($("editor"), changed, () => check($select("stage").value));

/**
 * What is open.
 * @type {Work}
 */
let work;

/** @type {Verdicts} */
let verdicts = {};

// ---- what is open

async function openWork() {
  work = await open(location.hash, SITE);
  const { cell, text, notice } = work;
  editor.open(text);
  verdicts = readVerdicts(work.key);
  $("notice").replaceChildren(...(notice ? [notice, " ", make("a", { href: `#cell=${cell}` }, "Back to your own file")] : []));
  $("notice").hidden = !notice;
  for (const input of /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll('[name="cell"]'))) {
    input.checked = input.value === cell;
  }
  $("stage").replaceChildren(...SITE.cells[cell].functions.map((name) => make("option", { value: name }, name)));
  $select("stage").value = work.choice.stage ?? SITE.cells[cell].functions.find((name) => !isRight(name)) ?? "clip_grad_norm";
  say("");
  editor.show($select("stage").value);
  requestAnimationFrame(() => scrollTo(0, 0)); // the editor scrolls the page, too: on a phone the title would be gone
  showAnswer(
    work.isKept
      ? "Your file is as you left it, with the marks of your last checks. Check a function to see its numbers again."
      : `Write ${$select("stage").value} first, and check it. Each function is tried on its own, so the order is yours.`,
  );
  $("training").hidden = true;
  showVerdicts();
}

/** @param {string} text */
function changed(text) {
  const isKept = keep(work.key, text);
  $("kept").textContent = isKept ? "Kept in this browser." : "This browser keeps nothing: save your file before you close the page.";
  showVerdicts();
}

function renew() {
  if (!confirm("Begin again? Your file returns to its first version. This cannot be undone.")) return;
  keep(work.key, work.begin);
  keepVerdicts(work.key, {});
  openWork();
}

async function copyLink() {
  const address = location.href.split("#")[0] + (await pack(work.cell, editor.text()));
  try {
    await navigator.clipboard.writeText(address);
    say("The link is copied. It carries the code; opening it runs nothing.");
  } catch {
    history.replaceState(null, "", address);
    say("The link is in the address bar: copy it from there.");
  }
}

function save() {
  const url = URL.createObjectURL(new Blob([editor.text()], { type: "text/x-python" }));
  make("a", { href: url, download: `my_${work.cell}.py` }).click();
  URL.revokeObjectURL(url);
}

// ---- Python

/** @param {string} words */
const say = (words) => {
  $("status").textContent = words;
};

/** @param {Progress} progress */
function showProgress(progress) {
  if ("loading" in progress) {
    const { loading, words } = progress;
    $("progress", HTMLProgressElement).value = loading;
    say(words ?? `Python is loading: ${Math.round(100 * loading)} % of ${SITE.megabytes} MB`);
  } else if ("trying" in progress.told) say(`Trying ${progress.told.trying} …`);
  else showTraining(progress.told);
}

/** @param {boolean} isBusy */
function setBusy(isBusy) {
  for (const id of ["check", "check-all", "train"]) $button(id).disabled = isBusy;
  $button("stop").disabled = !isBusy;
}

/** Wait until Python has loaded, for the first time or after a stop. */
async function load() {
  $("loading").hidden = false;
  const start = performance.now();
  try {
    await python.ready;
    setBusy(false);
    say(`Python is ready, after ${seconds(start)}. Ctrl-Enter checks the chosen function.`);
    // Without it the page works, but not offline. It is active as soon as each file is kept.
    navigator.serviceWorker?.register("offline.js").catch(() => {});
    navigator.serviceWorker?.ready.then(() => {
      $("offline").textContent = "This page now works without a network, too.";
    });
  } catch (error) {
    const advice = location.protocol === "file:" ? "this page needs a server: rnn-parity write" : "reload the page to try again";
    say(`Python could not be loaded (${messageOf(error)}); ${advice}.`);
  }
  $("loading").hidden = true;
}

/** @type {(error: unknown) => string} */
const messageOf = (error) => (error instanceof Error ? error.message : String(error));

/** @type {(start: number) => string} */
const seconds = (start) => `${((performance.now() - start) / 1000).toFixed(1)} s`;

/**
 * Ask Python, while the buttons are disabled; return null if it was stopped or failed.
 * @template {Message} M
 * @param {M} message
 * @returns {Promise<Answers[M["work"]] | null>}
 */
async function ask(message) {
  setBusy(true);
  try {
    const answer = await python.ask(message);
    setBusy(false);
    return answer;
  } catch (error) {
    if (error instanceof Stopped) return null; // the buttons wait until Python is there again
    say(`No answer: ${messageOf(error)}`);
  }
  setBusy(false);
  return null;
}

function stop() {
  python.stop();
  $button("stop").disabled = true;
  showAnswer("Stopped. Your file is as it was.");
  editor.focus();
  load();
}

// ---- the check

/**
 * Check a function; null: the whole file.
 * @param {string | null} stage
 */
async function check(stage) {
  if ($button("check").disabled) return;
  /** @type {Choice} */
  const choice = { cell: work.cell, ...work.choice };
  if (stage) choice.stage = stage;
  else delete choice.stage;
  say("Trying …");
  const start = performance.now();
  const [checked, source] = [work, editor.text()];
  const answer = await ask({ work: "check", source, choice });
  if (!answer) return;
  const { report, shown, equations } = answer;
  const ofFile = work === checked ? verdicts : readVerdicts(checked.key);
  for (const { name, verdict } of report.stages) ofFile[name] = { verdict, text: textOf(name, source) };
  keepVerdicts(checked.key, ofFile);
  if (work !== checked) {
    say(`Checked in ${seconds(start)}: the file that was open before.`);
    return;
  }
  say(`Checked in ${seconds(start)}: ${report.score} of ${report.out_of} right.`);
  $("shown").innerHTML = shown; // made by the check itself, which escapes what comes from the file
  // Those of the function whose numbers are shown; if nothing is wrong, of the first that is not written.
  const unwritten = report.stages.find(({ verdict }) => verdict === "missing");
  const { name } = report.stages.find(({ verdict }) => ["wrong", "error", "timeout"].includes(verdict)) ?? unwritten ?? { name: "" };
  const equation = choice.no_equations ? "" : equations[name];
  $("equation-box").hidden = !equation;
  $("equation-box").removeAttribute("open");
  $("equation-title").textContent = `Show the equations of ${name}`;
  $("equation").textContent = equation;
  showVerdicts();
}

/**
 * Show words instead of a verdict.
 * @param {string} words
 */
function showAnswer(words) {
  $("shown").replaceChildren(make("p", {}, words));
  $("equation-box").hidden = true;
}

/**
 * Whether a function has changed since its verdict.
 * @type {(name: string) => boolean}
 */
const isChanged = (name) => name in verdicts && verdicts[name].text !== textOf(name, editor.text());
/** @type {(name: string) => boolean} */
const isRight = (name) => verdicts[name]?.verdict === "right" && !isChanged(name);

/** Show the verdict of each function, and where to go on. */
function showVerdicts() {
  const names = SITE.cells[work.cell].functions;
  /** @type {(name: string) => HTMLLIElement} */
  const entry = (name) => {
    const verdict = isChanged(name) ? "changed" : (verdicts[name]?.verdict ?? "not tried");
    const words = verdict === "missing" ? "not written" : verdict;
    return make(
      "li",
      { class: verdict },
      make(
        "button",
        { type: "button", class: "quiet", onclick: () => choose(name) },
        make("span", { "aria-hidden": "true" }, MARKS[verdict] ?? "·"),
        ` ${name} `,
        make("small", {}, words),
      ),
    );
  };
  $("verdicts").replaceChildren(...names.map(entry));
  const next = names.find((name) => !isRight(name));
  const isBegun = next !== $select("stage").value && isRight($select("stage").value);
  const others = Object.keys(SITE.cells).filter((cell) => cell !== work.cell);
  const links = next
    ? isBegun
      ? [make("button", { type: "button", onclick: () => choose(next) }, `Next: ${next}`)]
      : []
    : others.map((cell) => make("a", { href: `#cell=${cell}` }, `Write the ${SITE.cells[cell].title}`));
  $("onward").replaceChildren(...links);
  $("training").hidden = Boolean(next);
}

/** Show the chosen function in the editor, and the editor on the screen. */
function showStage() {
  editor.show($select("stage").value);
  $("editor").scrollIntoView({ block: "nearest" });
}

/** @param {string} name */
function choose(name) {
  $select("stage").value = name;
  showStage();
  editor.focus();
}

// ---- the training

/**
 * The loss of each epoch.
 * @type {number[]}
 */
let losses = [];

async function train() {
  losses = [];
  const start = performance.now();
  for (const id of ["written", "curve", "compared", "after-training"]) $(id).replaceChildren();
  say("Your functions and the plain version are trained side by side …");
  const { cell } = work;
  const network = await ask({ work: "train", source: editor.text(), cell });
  if (!network) return;
  say(`Trained in ${seconds(start)}.`);
  const address = `../explain-${cell}.html#network=${packNetwork(network)}`;
  $("after-training").replaceChildren(make("a", { href: address, target: "_blank" }, "See inside this network, on the live page"));
}

/** @param {TrainingTold} told */
function showTraining(told) {
  if ("compared" in told) {
    const { updates, difference, wrong } = told.compared;
    const apart = difference ? `differ by at most ${difference.toExponential(1)}, within rounding` : "have the same bits";
    $("compared").textContent = wrong
      ? `In the first ${updates} updates your training differs from the plain version's: ${wrong}.`
      : `For ${updates} updates your training equals the plain version's: losses and weights ${apart}.`;
    return;
  }
  const { epoch, epochs, loss, wrote } = told;
  losses.push(loss);
  say(`Epoch ${epoch} of ${epochs}`);
  drawCurve(epochs);
  const item = make("li", { value: epoch }, make("q", {}, wrote));
  $("written").append(item);
  item.scrollIntoView({ block: "nearest" });
}

/**
 * Draw the mean loss of each epoch.
 * @param {number} epochs
 */
function drawCurve(epochs) {
  const [width, height, top] = [480, 140, Math.ceil(losses[0])];
  /** @type {(k: number) => number} */
  const x = (k) => 30 + (k / (epochs - 1)) * (width - 110);
  /** @type {(loss: number) => number} */
  const y = (loss) => height - 20 - (loss / top) * (height - 30);
  const points = losses.map((loss, k) => `${x(k)},${y(loss)}`).join(" ");
  const last = losses[losses.length - 1];
  const picture = draw("svg", {
    viewBox: `0 0 ${width} ${height}`,
    role: "img",
    "aria-label": `The loss after each epoch, now ${last.toFixed(2)}`,
  });
  picture.append(
    draw("line", { x1: 30, y1: y(0), x2: width - 80, y2: y(0), class: "axis" }),
    draw("text", { x: 24, y: y(0) + 4, "text-anchor": "end" }, "0"),
    draw("text", { x: 24, y: y(top) + 4, "text-anchor": "end" }, String(top)),
    draw("text", { x: x(epochs - 1), y: height - 4, "text-anchor": "end" }, `epoch ${epochs}`),
    draw("polyline", { points }),
    draw("text", { x: x(losses.length - 1) + 6, y: y(last) + 4 }, `loss ${last.toFixed(2)}`),
  );
  $("curve").replaceChildren(picture);
}

// ---- beginning

for (const [cell, { title }] of Object.entries(SITE.cells)) {
  const input = make("input", { type: "radio", name: "cell", value: cell });
  input.addEventListener("change", () => {
    location.hash = `#cell=${cell}`;
  });
  $("cells").append(make("label", {}, input, ` ${title}`));
}
setUpTheme(() => {});
$("check").addEventListener("click", () => check($select("stage").value));
$("check-all").addEventListener("click", () => check(null));
$("stage").addEventListener("change", showStage);
$("stop").addEventListener("click", stop);
$("train").addEventListener("click", train);
$("link").addEventListener("click", copyLink);
$("save").addEventListener("click", save);
$("renew").addEventListener("click", renew);
addEventListener("hashchange", openWork);
addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) check($select("stage").value);
});

/** For tools and tests: the report of a file, as `rnn-parity check --json` writes it. */
const rnnParity = {
  ready: python.ready,
  /** @type {(source: string, choice?: Choice) => Promise<CheckAnswer["report"]>} */
  check: async (source, choice = {}) => (await python.ask({ work: "check", source, choice })).report,
};
Object.assign(globalThis, { rnnParity });

openWork().then(() => {
  document.documentElement.dataset.ready = "";
  return load();
});
