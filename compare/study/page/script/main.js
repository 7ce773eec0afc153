// ---------------------------------------------------------------- all together

panels.sort((a, b) => a.place - b.place);

/** The parts of the page that are drawn, each with the keys of `chosen` that it depends on. */
const views = [
  ...panels.flatMap(({ section, views: all }) => all.map(([keys, draw_]) => ({ section, keys: keys.split(" "), draw: draw_ }))),
  ...panels.flatMap(({ section, tables }) => Object.entries(tables).map(([id, [keys, write]]) =>
    ({ section, keys: [id, ...keys.split(" ")], draw: () => $(id).open && write() }))),
];

function choose(changes) {
  for (const [key, value] of Object.entries(changes)) {
    if (chosen[key] === value) continue;
    chosen[key] = value;
    if (key === "u") {
      showUnits(value);
      redraw("i"); // a unit that is not shown is not chosen
    }
    if (key === "compare") document.documentElement.toggleAttribute("data-compare", value);
    if (key === "c") {
      live.own = null;
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

/** Open each <details> that an element is in. */
function reveal(element) {
  for (let each = element.parentElement.closest("details"); each; each = each.parentElement.closest("details")) {
    each.open = true;
    unfold(each.parentElement.id);
  }
}

/** The menu of networks in the page of a run. The page is loaded again with another one. */
function setUpNetworks() {
  $("network-pick").hidden = !$("small-record");
  $("network-select").append(make("option", { value: "" }, "yours"), make("option", { value: "small", selected: IS_SMALL }, "a small one"));
  $("network-select").addEventListener("change", () => showNetwork($("network-select").value));
}

function showNetwork(name) {
  location.hash = name;
  location.reload();
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
  window.addEventListener("beforeprint", () => {
    setAll(true);
    drawAll(); // at once: the paper does not wait
  });
  $("compare-check").addEventListener("change", () => choose({ compare: $("compare-check").checked }));
}

async function begin() {
  for (const each of record.checkpoints) {
    each.numbers = await unpack(each.numbers);
    if (each.details) each.details = await unpack(each.details);
  }
  live.own = networkOfAddress();
  takeWeights();
  read();
  for (const { setUp, tables } of panels) {
    setUp();
    for (const id of Object.keys(tables)) $(id).addEventListener("toggle", () => redraw(id));
  }
  setUpNetworks();
  setUpFolding();
  setUpDrawing();
  drawAll();
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    spaces.clear();
    if (window.innerWidth !== width) redraw("*");
    width = window.innerWidth;
  });
  document.documentElement.dataset.ready = "true";
  if (location.hash === "#small-guide") startGuide();
}

if (!IS_WORKER) begin();
