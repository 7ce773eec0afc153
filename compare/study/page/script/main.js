// ---------------------------------------------------------------- all together

panels.sort((a, b) => a.place - b.place);

/** The parts of the page that are drawn, each with the keys of `chosen` that it depends on. */
const views = [
  ...panels.flatMap(({ section, views: all }) => all.map(([keys, draw_]) => ({ section, keys: keys.split(" "), draw: draw_ }))),
  ...panels.flatMap(({ section, tables }) => Object.entries(tables).map(([id, [keys, write]]) =>
    ({ section, keys: [id, ...keys.split(" ")], draw: () => $(id).open && write() }))),
];

let changed = new Set(); // keys
const waiting = new Set(); // views
const folded = new Set(); // outdated views of closed panels

const panelOf = (section) => $(section)?.querySelector(":scope > details.panel");
const isFolded = (section) => panelOf(section)?.open === false;

function choose(changes) {
  for (const [key, value] of Object.entries(changes)) {
    if (chosen[key] === value) continue;
    chosen[key] = value;
    if (key === "u") showUnits(value);
    if (key === "compare") document.documentElement.toggleAttribute("data-compare", value);
    if (key === "c") {
      takeWeights();
      read();
      redraw("text");
    }
    if (key === "t" && !("v" in changes) && chosen.v !== null) {
      chosen.v = null; // another token comes next now
      redraw("v");
    }
    redraw(key);
  }
}

function redraw(key) {
  if (changed.size === 0) requestAnimationFrame(drawChanged);
  changed.add(key);
}

/** Draw the views on the screen at once, and all others after that. */
function drawChanged() {
  const keys = changed;
  changed = new Set();
  const isSeen = (section) => {
    const box = $(section)?.getBoundingClientRect();
    return !box || (box.top < window.innerHeight && box.bottom > 0);
  };
  const outdated = views.filter((view) => view.keys.some((key) => keys.has(key)));
  for (const each of outdated) (isFolded(each.section) ? folded : waiting).add(each);
  drawWaiting(outdated.filter((each) => waiting.has(each) && isSeen(each.section)));
  setTimeout(() => drawWaiting(views));
}

/** Draw those of the views that wait to be drawn, in the order of `views`. */
function drawWaiting(some) {
  for (const each of some.filter((view) => waiting.has(view))) {
    waiting.delete(each);
    each.draw();
  }
}

function drawAll() {
  for (const view of views) (isFolded(view.section) ? folded : waiting).add(view);
  drawWaiting(views);
}

/** A panel was opened or closed: draw what was outdated while it was closed. */
function unfold(section) {
  if (isFolded(section)) return;
  for (const each of [...folded].filter((view) => view.section === section)) {
    folded.delete(each);
    waiting.add(each);
  }
  drawWaiting(views);
}

/** Open each <details> that an element is in. */
function reveal(element) {
  for (let each = element.parentElement.closest("details"); each; each = each.parentElement.closest("details")) {
    each.open = true;
    unfold(each.parentElement.id);
  }
}

function setUpFolding() {
  const all = [...document.querySelectorAll("details.panel")];
  const isOpen = () => all.every((each) => each.open);
  const name = () => ($("unfold").textContent = isOpen() ? "Close all sections" : "Open all sections");
  const setAll = (open) => all.forEach((each) => (each.open = open));
  for (const each of all) {
    each.addEventListener("toggle", () => {
      unfold(each.parentElement.id);
      name();
    });
  }
  name();
  $("unfold").addEventListener("click", () => setAll(!isOpen()));
  window.addEventListener("beforeprint", () => setAll(true));
  $("compare-check").addEventListener("change", () => choose({ compare: $("compare-check").checked }));
}

async function begin() {
  for (const each of record.checkpoints) {
    each.numbers = await unpack(each.numbers);
    if (each.details) each.details = await unpack(each.details);
  }
  takeWeights();
  read();
  for (const { setUp, tables } of panels) {
    setUp();
    for (const id of Object.keys(tables)) $(id).addEventListener("toggle", () => redraw(id));
  }
  setUpFolding();
  drawAll();
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth !== width) redraw("*");
    width = window.innerWidth;
  });
  document.documentElement.dataset.ready = "true";
}

begin();
