// The page: what is open, its check, its verdict, and the training with the learner's functions.

import { makeEditor } from "./editor.js";
import { Python, Stopped } from "./python.js";
import { keep, keepVerdicts, open, pack, packNetwork, readVerdicts, textOf } from "./work.js";

const SITE = JSON.parse($("site").textContent);
const MARKS = { right: "✓", wrong: "✗", error: "✗", timeout: "✗", missing: "·" };

const python = new Python(SITE.files, showProgress);
let work = null; // what is open
let verdicts = {}; // by function: the verdict, and the text that it is of
const editor = makeEditor($("editor"), changed, () => check($("stage").value));

// ---- what is open

async function openWork() {
  work = await open(location.hash, SITE);
  const { cell, text, notice } = work;
  editor.open(text);
  verdicts = readVerdicts(work.key);
  $("notice").replaceChildren(...(notice ? [notice, " ", make("a", { href: `#cell=${cell}` }, "Back to your own file")] : []));
  $("notice").hidden = !notice;
  document.querySelectorAll('[name="cell"]').forEach((input) => { input.checked = input.value === cell; });
  $("stage").replaceChildren(...SITE.cells[cell].functions.map((name) => make("option", { value: name }, name)));
  $("stage").value = work.choice.stage ?? SITE.cells[cell].functions.find((name) => !isRight(name)) ?? "clip_grad_norm";
  say("");
  if (work.isKept) editor.show($("stage").value);
  showAnswer(work.isKept
    ? "Your file is as you left it, with the marks of your last checks. Check a function to see its numbers again."
    : `Write ${$("stage").value} first, and check it. Each function is tried on its own, so the order is yours.`);
  $("training").hidden = true;
  showVerdicts();
}

function changed(text) {
  const isKept = keep(work.key, text);
  $("kept").textContent = isKept
    ? "Kept in this browser."
    : "This browser keeps nothing: save your file before you close the page.";
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

const say = (words) => { $("status").textContent = words; };

function showProgress({ loading, words, told }) {
  if (loading !== undefined) {
    $("progress").value = loading;
    say(words ?? `Python is loading: ${Math.round(100 * loading)} % of ${SITE.megabytes} MB`);
  } else if (told.trying) say(`Trying ${told.trying} …`);
  else showTraining(told);
}

function setBusy(isBusy) {
  for (const id of ["check", "check-all", "train"]) $(id).disabled = isBusy;
  $("stop").disabled = !isBusy;
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
    navigator.serviceWorker?.ready.then(() => { $("offline").textContent = "This page now works without a network, too."; });
  } catch (error) {
    const advice = location.protocol === "file:" ? "this page needs a server: rnn-parity write" : "reload the page to try again";
    say(`Python could not be loaded (${error.message}); ${advice}.`);
  }
  $("loading").hidden = true;
}

const seconds = (start) => `${((performance.now() - start) / 1000).toFixed(1)} s`;

/** Ask Python, while the buttons are disabled; return nothing if it was stopped or failed. */
async function ask(message) {
  setBusy(true);
  try {
    const answer = await python.ask(message);
    setBusy(false);
    return answer;
  } catch (error) {
    if (error instanceof Stopped) return null; // the buttons wait until Python is there again
    say(`No answer: ${error.message}`);
  }
  setBusy(false);
  return null;
}

function stop() {
  python.stop();
  $("stop").disabled = true;
  showAnswer("Stopped. Your file is as it was.");
  editor.focus();
  load();
}

// ---- the check

async function check(stage) {
  if ($("check").disabled) return;
  const choice = { cell: work.cell, ...work.choice, stage };
  if (!stage) delete choice.stage;
  say("Trying …");
  const start = performance.now();
  const [asked, source] = [work, editor.text()];
  const found = await ask({ work: "check", source, choice });
  if (!found) return;
  const { report, shown, equations } = found;
  const made = work === asked ? verdicts : readVerdicts(asked.key);
  for (const { name, verdict } of report.stages) made[name] = { verdict, text: textOf(name, source) };
  keepVerdicts(asked.key, made);
  if (work !== asked) return say(`Checked in ${seconds(start)}: the file that was open before.`);
  say(`Checked in ${seconds(start)}: ${report.score} of ${report.out_of} right.`);
  $("shown").innerHTML = shown; // made by the check itself, which escapes what comes from the file
  const wrong = report.stages.find(({ verdict }) => verdict !== "right");
  const isHelpful = wrong && !choice.no_equations && equations[wrong.name];
  $("equation-box").hidden = !isHelpful;
  $("equation-box").open = false;
  $("equation").textContent = isHelpful ? equations[wrong.name] : "";
  showVerdicts();
}

/** Show words instead of a verdict. */
function showAnswer(words) {
  $("shown").replaceChildren(make("p", {}, words));
  $("equation-box").hidden = true;
}

/** Whether a function has changed since its verdict. */
const isChanged = (name) => name in verdicts && verdicts[name].text !== textOf(name, editor.text());
const isRight = (name) => verdicts[name]?.verdict === "right" && !isChanged(name);

/** Show the verdict of each function, and where to go on. */
function showVerdicts() {
  const names = SITE.cells[work.cell].functions;
  const entry = (name) => {
    const verdict = isChanged(name) ? "changed" : (verdicts[name]?.verdict ?? "not tried");
    const words = verdict === "missing" ? "not written" : verdict;
    return make("li", { class: verdict },
      make("button", { type: "button", class: "quiet", onclick: () => choose(name) },
        make("span", { "aria-hidden": "true" }, MARKS[verdict] ?? "·"), ` ${name} `, make("small", {}, words)));
  };
  $("verdicts").replaceChildren(...names.map(entry));
  const next = names.find((name) => !isRight(name));
  const isBegun = next !== $("stage").value && isRight($("stage").value);
  const others = Object.keys(SITE.cells).filter((cell) => cell !== work.cell);
  const links = next
    ? [isBegun && make("button", { type: "button", onclick: () => choose(next) }, `Next: ${next}`)]
    : others.map((cell) => make("a", { href: `#cell=${cell}` }, `Write the ${SITE.cells[cell].title}`));
  $("onward").replaceChildren(...links.filter(Boolean));
  $("training").hidden = Boolean(next);
}

function choose(name) {
  $("stage").value = name;
  editor.show(name);
  editor.focus();
}

// ---- the training

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

function showTraining({ compared, epoch, epochs, loss, wrote }) {
  if (compared) {
    const { updates, difference, wrong } = compared;
    const apart = difference ? `differ by at most ${difference.toExponential(1)}, within rounding` : "have the same bits";
    $("compared").textContent = wrong
      ? `In the first ${updates} updates your training differs from the plain version's: ${wrong}.`
      : `For ${updates} updates your training equals the plain version's: losses and weights ${apart}.`;
    return;
  }
  losses.push(loss);
  say(`Epoch ${epoch} of ${epochs}`);
  drawCurve(epochs);
  $("written").append(make("li", { value: epoch }, make("q", {}, wrote)));
  $("written").lastChild.scrollIntoView({ block: "nearest" });
}

/** Draw the mean loss of each epoch. */
function drawCurve(epochs) {
  const width = 480, height = 140, top = Math.ceil(losses[0]);
  const x = (k) => 30 + (k / (epochs - 1)) * (width - 110);
  const y = (loss) => height - 20 - (loss / top) * (height - 30);
  const points = losses.map((loss, k) => `${x(k)},${y(loss)}`).join(" ");
  const last = losses.at(-1);
  const picture = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `The loss after each epoch, now ${last.toFixed(2)}` });
  picture.append(
    draw("line", { x1: 30, y1: y(0), x2: width - 80, y2: y(0), class: "axis" }),
    draw("text", { x: 24, y: y(0) + 4, "text-anchor": "end" }, "0"),
    draw("text", { x: 24, y: y(top) + 4, "text-anchor": "end" }, top),
    draw("text", { x: x(epochs - 1), y: height - 4, "text-anchor": "end" }, `epoch ${epochs}`),
    draw("polyline", { points }),
    draw("text", { x: x(losses.length - 1) + 6, y: y(last) + 4 }, `loss ${last.toFixed(2)}`),
  );
  $("curve").replaceChildren(picture);
}

// ---- beginning

for (const [cell, { title }] of Object.entries(SITE.cells)) {
  const input = make("input", { type: "radio", name: "cell", value: cell });
  input.addEventListener("change", () => { location.hash = `#cell=${cell}`; });
  $("cells").append(make("label", {}, input, ` ${title}`));
}
setUpTheme(() => {});
$("check").addEventListener("click", () => check($("stage").value));
$("check-all").addEventListener("click", () => check(null));
$("stage").addEventListener("change", () => editor.show($("stage").value));
$("stop").addEventListener("click", stop);
$("train").addEventListener("click", train);
$("link").addEventListener("click", copyLink);
$("save").addEventListener("click", save);
$("renew").addEventListener("click", renew);
addEventListener("hashchange", openWork);
addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) check($("stage").value);
});

/** For tools and tests: the report of a file, as `rnn-parity check --json` writes it. */
globalThis.rnnParity = {
  ready: python.ready,
  check: async (source, choice = {}) => (await python.ask({ work: "check", source, choice })).report,
};

openWork().then(() => {
  document.documentElement.dataset.ready = "";
  return load();
});
