// ---------------------------------------------------------------- the unit that tells most
//
// A property is true or false of each step of a text. A unit tells of it if its state is larger at the
// steps that have it, or smaller. The measure is the area under the ROC curve: see `areaUnderCurve`.

const isLetter = (token) => token !== undefined && token !== " " && token !== "<unk>";
const isOneOf = (token) => [...$("finder-own").value].includes(token);

/** name -> [words, function (tokens, n) -> whether step n has it]; of those that look ahead, the last step is left out. */
const PROPERTIES = {
  space: ["it has just read a space", (tokens, n) => tokens[n] === " "],
  inside: ["it has just read two letters", (tokens, n) => isLetter(tokens[n]) && isLetter(tokens[n - 1])],
  vowel: ["a vowel comes next", (tokens, n) => "aeiou".includes(tokens[n + 1]), true],
  read: ["it has just read one of these:", (tokens, n) => isOneOf(tokens[n])],
  next: ["one of these comes next:", (tokens, n) => isOneOf(tokens[n + 1]), true],
};

/** `pick` is the chosen unit, `over` the one under the pointer: as [place of its array in the state, i], or null. */
const finder = { tape: [], tokens: [], has: [], units: [], pick: null, over: null, map: null };

function setUpFinder() {
  $("finder-property").append(...Object.entries(PROPERTIES).map(([name, [words]]) => make("option", { value: name }, words)));
  for (const id of ["finder-property", "finder-own"]) $(id).addEventListener("input", () => pickUnit(null));
  $("finder-text").addEventListener("input", () => redraw("passage"));
  finder.map = new HeatMap(`All units, a row for each array of the state: ${record.states.join(", ")}. Arrow keys choose one.`, {
    ofColumns: "unit", hasRow: record.states.length > 1,
    pick: (r, c) => pickUnit([r, units[c]]),
    move(down, right) {
      const { n, i } = seenUnit();
      pickUnit([clamp(n + down, 0, record.states.length - 1), units[clamp(units.indexOf(i) + right, 0, units.length - 1)]]);
    },
    over(r, c) {
      const before = String(finder.over);
      finder.over = r === null ? null : [r, units[c]];
      if (String(finder.over) !== before) drawPassage();
    },
  });
  $("finder-map").append(finder.map.element);
}

/** Choose a unit; null: the one that tells most. */
function pickUnit(pick) {
  finder.pick = pick;
  redraw("ranking");
  if (pick && units.includes(pick[1])) choose({ i: pick[1] });
}

/** The unit whose states the text shows. */
function seenUnit() {
  const seen = finder.over ?? finder.pick;
  return seen ? finder.units[seen[0] * H + seen[1]] : finder.units[argmax(finder.units.map(({ area }) => Math.abs(area - 0.5)))];
}

/** The steps of a text, one after the other. */
function* readPassage({ network, ids }) {
  const tape = [];
  let state = network.beginState();
  for (const id of ids) {
    tape.push(network.step(id, state));
    state = tape.at(-1).state;
    yield;
  }
  return tape;
}

/** The area under the ROC curve: in how many pairs a value with the property is larger than one without it; equal ones count half. */
function areaUnderCurve(values_, has) {
  const [with_, without] = [true, false].map((which) => Float64Array.from(values_.filter((_, n) => has[n] === which)).sort());
  let [pairs, less, upTo] = [0, 0, 0]; // of those without it: how many are < a, and ≤ a
  for (const a of with_) {
    while (without[less] < a) less++;
    while (without[upTo] <= a) upTo++;
    pairs += (less + upTo) / 2;
  }
  return pairs / (with_.length * without.length);
}

function readFinder() {
  if (isAbsent("finder", hasWeights() ? "" : "This panel needs all weights of the network.")) return;
  const tokens = tokensOf($("finder-text").value.replace(/\s+/g, " "));
  const ids = idsOf(tokens);
  compute(readPassage, { network: live.network, ids }, ids.length * productsOf(live.network), (tape) => {
    Object.assign(finder, { tape, tokens });
    redraw("ranking");
  }, { isHere: true });
}

/** Whether each step has a property; of one that looks ahead, the last step is left out. */
function stepsWith(name) {
  const [, hasIt, looksAhead] = PROPERTIES[name];
  return Array.from({ length: Math.max(finder.tape.length - (looksAhead ? 1 : 0), 0) }, (_, n) => hasIt(finder.tokens, n));
}

const areaOf = ({ n, i }, has) => areaUnderCurve(finder.tape.slice(0, has.length).map(({ state }) => state[n][i]), has);

function drawFinder() {
  if ($("finder-body").hidden) return;
  $("finder-own-label").hidden = !["read", "next"].includes($("finder-property").value);
  finder.has = stepsWith($("finder-property").value);
  const [count, withIt] = [finder.has.length, finder.has.filter(Boolean).length];
  const canRank = withIt > 0 && withIt < count;
  $("finder-said").textContent = `${times(withIt, "step")} of ${count} ${withIt === 1 ? "has" : "have"} the property.${canRank ? "" : " There are no two steps to compare: choose another property, or another text."}`;
  for (const id of ["finder-result", "finder-states"]) $(id).hidden = !canRank;
  if (!canRank) return;
  finder.units = record.states.flatMap((name, n) => Array.from({ length: H }, (_, i) => ({ name, n, i, area: areaOf({ n, i }, finder.has) })));
  const wide = clamp(Math.floor((spaceOf("finder-map") || 300) / units.length), 4, 26) * units.length;
  finder.map.paint(record.states.length, units.length, wide, 22 * record.states.length, (r, c) => colour(2 * finder.units[r * H + units[c]].area - 1));
  drawPassage();
}

/** The property of PROPERTIES that a unit tells most about, in words, and its area. */
function detects(unit) {
  const found = Object.entries(PROPERTIES).map(([name, [words]]) => ({ words: words.replace(/these( comes next)?:/, `“${$("finder-own").value}”$1`), area: areaOf(unit, stepsWith(name)) }));
  return found.filter(({ area }) => Number.isFinite(area)).reduce((best, each) => (Math.abs(each.area - 0.5) > Math.abs(best.area - 0.5) ? each : best));
}

/** "96.8 %": in how many pairs of steps the difference has the usual sign. */
const pairsOf = (area) => `${rounded(100 * Math.max(area, 1 - area), 3)} %`;

/** The text, with the state of a unit below each character. */
function drawPassage() {
  const unit = seenUnit();
  const { name, n, i, area } = unit;
  const states = finder.tape.map(({ state }) => state[n][i]);
  const most = name === "h" && F === "tanh" ? 1 : largest(states) || 1;
  $("finder-passage").replaceChildren(...finder.tokens.map((token, m) => {
    const letter = make("span", { class: finder.has[m] ? "has" : null }, token === " " ? "␣\u200b" : glyph(token));
    letter.style.borderBottomColor = css(colour(states[m] / most));
    letter.title = `${quoted(token)}: ${rounded(states[m])}`;
    return letter;
  }));
  $("finder-passage").setAttribute("aria-label", `The text. Below each character is the state of unit ${i} of ${name} after it. Steps with the property are bold.`);
  const best = detects(unit);
  const meanState = (which) => rounded(meanOf(states.filter((_, m) => finder.has[m] === which)));
  $("finder-caption").replaceChildren(make("b", {}, `Unit ${i} of ${name}`), `: its state is ${area >= 0.5 ? "larger" : "smaller"} at a bold step than at another one in ${pairsOf(area)} of all pairs `
    + `(AUC ${rounded(area, 4)}; the means are ${meanState(true)} and ${meanState(false)}). It tells most whether ${best.words}: in ${pairsOf(best.area)}.`);
  finder.map.mark(n, units.indexOf(i));
  legend("finder-legend", make("span", {}, "state ", math(`${name}_t`)), -1, [rounded(-most), "0", rounded(most)]);
  if ($("finder-states").open) writeFinderTable();
}

function writeFinderTable() {
  if ($("finder-body").hidden || $("finder-result").hidden) return;
  const { name, n, i } = seenUnit();
  const rows = finder.tokens.map((token, m) => [`${m + 1} ${glyph(token)}`, m < finder.has.length ? (finder.has[m] ? "yes" : "no") : "", rounded(finder.tape[m].state[n][i], 8)]);
  fill("finder-states", scrolling("States of the unit", table(`Unit ${i} of ${name} after each character`, ["step", "property", "state"], rows, { left: [1] })));
}

addPanel({ place: 3.4, section: "finder", views: [["c text passage", readFinder], ["ranking u *", drawFinder]], tables: { "finder-states": ["ranking", writeFinderTable] }, setUp: setUpFinder });
