// ---------------------------------------------------------------- all together

const open = (id) => $(id).open;

/** What each view looks at, and how it is drawn. "*" is the theme and the size of the window. */
const views = [
  ["c t i k n u", drawControls],
  ["c t i", speak],
  ["c u *", drawUnrolled],
  ["c t i v u *", markUnrolled],
  ["c u *", drawMatrix],
  ["c t i v u ulps *", drawStep],
  ["c n *", drawTriangle],
  ["c k t n *", markTriangle],
  ["c k t n *", drawCurve],
  ["c u *", drawGradient],
  ["c t i u *", markGradient],
  ["c k n", drawTiles],
  ["c k *", drawClipping],
  ["c *", drawPerplexity],
  ["c", drawCheckpoints],
  ["c ulps", drawParity],
  ["c t i state-table", () => open("state-table") && writeStateTables()],
  ["c t probability-table", () => open("probability-table") && writeProbabilityTable()],
  ["c t k n backward-table", () => open("backward-table") && writeBackwardTables()],
].map(([keys, view]) => ({ keys: keys.split(" "), view }));

let changed = new Set();

function choose(changes) {
  for (const [key, value] of Object.entries(changes)) {
    if (chosen[key] === value) continue;
    chosen[key] = value;
    if (key === "u") showUnits(value);
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

function drawChanged() {
  const keys = changed;
  changed = new Set();
  for (const { keys: looksAt, view } of views) {
    if (looksAt.some((key) => keys.has(key))) view();
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
  writeBeginning();
  setUpUnrolled();
  setUpMatrix();
  setUpBackward();
  setUpTraining();
  setUpParity();
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
