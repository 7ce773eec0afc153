// ---------------------------------------------------------------- all together

const open = (id) => $(id).open;

/** Each view: the section that it stands in, what it depends on, how it is drawn. "*" is the theme and the window's size. */
const views = [
  ["live", "c text", drawBeginning],
  ["live", "c text", drawPanel],
  ["top", "c t i k n u", drawControls],
  ["top", "c t i", speak],
  ["unrolled", "c u *", drawUnrolled],
  ["unrolled", "c t i v u *", markUnrolled],
  ["step", "c u *", drawMatrix],
  ["step", "c t i v u ulps *", drawStep],
  ["backward", "c t s i u *", drawFlow],
  ["backward", "c n *", drawTriangle],
  ["backward", "c k t n *", markTriangle],
  ["backward", "c k t n *", drawCurve],
  ["backward", "c u *", drawGradient],
  ["backward", "c t i u *", markGradient],
  ["backward", "c k n", drawTiles],
  ["backward", "c k *", drawClipping],
  ["training", "c *", drawPerplexity],
  ["training", "c", drawCheckpoints],
  ["parity", "c ulps", drawParity],
  ["game", "c text", drawGame],
  ["unrolled", "c t i state-table", () => open("state-table") && writeStateTables()],
  ["unrolled", "c t probability-table", () => open("probability-table") && writeProbabilityTable()],
  ["backward", "c t k n backward-table", () => open("backward-table") && writeBackwardTables()],
].map(([section, keys, view]) => ({ section, keys: keys.split(" "), view }));

let changed = new Set(); // keys
const waiting = new Set(); // views

function choose(changes) {
  for (const [key, value] of Object.entries(changes)) {
    if (chosen[key] === value) continue;
    chosen[key] = value;
    if (key === "u") showUnits(value);
    if (key === "c") {
      takeWeights();
      read();
      redraw("text");
    }
    if (key === "t" && !("v" in changes) && chosen.v !== null) {
      chosen.v = null; // the true next token is another one now
      redraw("v");
    }
    redraw(key);
  }
}

function redraw(key) {
  if (changed.size === 0) requestAnimationFrame(drawChanged);
  changed.add(key);
}

/** Draw at once what stands on the screen, and the rest after the screen has shown that. */
function drawChanged() {
  const keys = changed;
  changed = new Set();
  const isSeen = (section) => {
    const box = $(section)?.getBoundingClientRect();
    return !box || (box.top < window.innerHeight && box.bottom > 0);
  };
  const outdated = views.filter((view) => view.keys.some((key) => keys.has(key)));
  for (const each of outdated) waiting.add(each);
  drawWaiting(outdated.filter((each) => isSeen(each.section)));
  setTimeout(() => drawWaiting(views));
}

/** Draw those of the views that wait to be drawn, in the order of `views`. */
function drawWaiting(some) {
  for (const each of some.filter((view) => waiting.has(view))) {
    waiting.delete(each);
    each.view();
  }
}

function drawAll() {
  for (const { view } of views) view();
}

async function begin() {
  for (const each of record.checkpoints) {
    each.numbers = await unpack(each.numbers);
    if (each.details) each.details = await unpack(each.details);
  }
  takeWeights();
  read();
  writeBeginning();
  setUpPanel();
  setUpUnrolled();
  setUpMatrix();
  setUpBackward();
  setUpFlow();
  setUpTraining();
  setUpParity();
  setUpGame();
  setUpControls();
  for (const id of ["state-table", "probability-table", "backward-table"]) {
    $(id).addEventListener("toggle", () => redraw(id));
  }
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth !== width) redraw("*");
    width = window.innerWidth;
  });
  document.documentElement.dataset.ready = "true";
}

begin();
