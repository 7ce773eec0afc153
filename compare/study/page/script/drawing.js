// ---------------------------------------------------------------- drawing
//
// `redraw` notes what changed. With the next frame of the screen, the views that depend on it are drawn:
// first those on the screen, in slices of a few milliseconds. Between two slices the page answers keys
// and clicks. A view of a closed panel waits until the panel is opened.

const SLICE = 8; // milliseconds

let changed = new Set(); // keys
const waiting = new Set(); // views
const folded = new Set(); // outdated views of closed panels
const onScreen = new Set(); // ids of sections
let drawing = 0;
let drawn = []; // functions to call when the views on the screen are drawn

const panelOf = (section) => $(section)?.querySelector(":scope > details.panel");
const isFolded = (section) => panelOf(section)?.open === false;
const isOnScreen = ({ section }) => onScreen.has(section) || !$(section);

function setUpDrawing() {
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) onScreen[isIntersecting ? "add" : "delete"](target.id);
    if (waiting.size) drawWaiting();
  });
  for (const section of document.querySelectorAll("section, .hero")) observer.observe(section);
}

/** Whether a panel has nothing to show. Then only the sentence `why` is shown; it is empty if there is something. */
function isAbsent(section, why) {
  $(`${section}-body`).hidden = why !== "";
  $(`${section}-absent`).textContent = why;
  return why !== "";
}

/** Why there are no gradients of the current weights; empty if there are. */
const whyNoLoss = () => (hasWeights() && K > 0 ? "" : "This panel needs all weights of the network, and a text of at least two characters.");

function redraw(key) {
  if (changed.size === 0) requestAnimationFrame(drawChanged);
  changed.add(key);
}

function drawChanged() {
  const keys = changed;
  changed = new Set();
  for (const view of views) {
    if (view.keys.some((key) => keys.has(key))) (isFolded(view.section) ? folded : waiting).add(view);
  }
  clearTimeout(drawing);
  drawing = setTimeout(drawWaiting); // not in the frame, which has the layout to do
}

/** Draw views for one slice: first those on the screen, in the order of `views`. The next slice draws the others. */
function drawWaiting() {
  clearTimeout(drawing);
  const begin = performance.now();
  const order = views.filter((view) => waiting.has(view)).sort((a, b) => isOnScreen(b) - isOnScreen(a));
  for (const view of order) {
    if (!isOnScreen(view)) tellDrawn();
    if ((training || hero.isPlaying) && !isOnScreen(view)) return; // it waits until the training stops, or the moving picture
    if (performance.now() - begin > SLICE) {
      drawing = setTimeout(drawWaiting);
      return;
    }
    waiting.delete(view);
    view.draw();
  }
  tellDrawn();
  showSame(); // in what is new
}

function tellDrawn() {
  const told = drawn;
  drawn = [];
  for (const tell of told) tell();
}

/** Draw all views, at once. */
function drawAll() {
  for (const view of views) isFolded(view.section) ? folded.add(view) : view.draw();
}

/** A panel was opened or closed: draw what was outdated while it was closed. */
function unfold(section) {
  if (isFolded(section)) return;
  for (const each of [...folded].filter((view) => view.section === section)) {
    folded.delete(each);
    each.draw();
  }
}
