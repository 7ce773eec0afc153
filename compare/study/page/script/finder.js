// ---------------------------------------------------------------- the unit that tells most
//
// A property is true or false of each step of a text. A unit tells of it if its state is larger at the
// steps that have it, or smaller. The measure is the area under the ROC curve,
//
//     AUC = (pairs with h_s > h_t + ½ pairs with h_s = h_t) / pairs,  s with the property, t without it:
//
// the probability that the state is larger at a random step with the property than at one without. At ½
// the unit tells nothing; at 1 and at 0 one threshold separates all steps.

const isLetter = (token) => token !== undefined && token !== " " && token !== "<unk>";
const isOneOf = (token) => [...$("finder-own").value].includes(token);

/** name -> [words, function (tokens, n) -> whether step n has it]; of those that look ahead, the last step is left out. */
const PROPERTIES = {
  space: ["it has just read a space", (tokens, n) => tokens[n] === " "],
  inside: ["inside a word: it has just read two letters", (tokens, n) => isLetter(tokens[n]) && isLetter(tokens[n - 1])],
  vowel: ["a vowel comes next", (tokens, n) => "aeiou".includes(tokens[n + 1]), true],
  read: ["it has just read one of these:", (tokens, n) => isOneOf(tokens[n])],
  next: ["one of these comes next:", (tokens, n) => isOneOf(tokens[n + 1]), true],
};

const finder = { tape: [], tokens: [], has: [], ranking: [], pick: 0 };

function setUpFinder() {
  $("finder-property").append(...Object.entries(PROPERTIES).map(([name, [words]]) => make("option", { value: name }, words)));
  for (const id of ["finder-property", "finder-own"]) $(id).addEventListener("input", () => rank(0));
  $("finder-text").addEventListener("input", () => redraw("passage"));
}

function rank(pick) {
  finder.pick = pick;
  redraw("ranking");
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

/** The area under the ROC curve of some values, of which some have the property. */
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
    rank(finder.pick);
  }, { isHere: true });
}

function drawFinder() {
  if ($("finder-body").hidden) return;
  const [, hasIt, looksAhead] = PROPERTIES[$("finder-property").value];
  $("finder-own-label").hidden = !["read", "next"].includes($("finder-property").value);
  const count = finder.tape.length - (looksAhead ? 1 : 0);
  finder.has = Array.from({ length: Math.max(count, 0) }, (_, n) => hasIt(finder.tokens, n));
  const withIt = finder.has.filter(Boolean).length;
  const canRank = withIt > 0 && withIt < count;
  $("finder-said").textContent = `${times(withIt, "step")} of ${Math.max(count, 0)} ${withIt === 1 ? "has" : "have"} the property.${canRank ? "" : " There are no two steps to compare: choose another property, or another text."}`;
  $("finder-result").hidden = !canRank;
  if (!canRank) return;
  finder.ranking = record.states.flatMap((name, n) => Array.from({ length: H }, (_, i) =>
    ({ name, n, i, area: areaUnderCurve(finder.tape.slice(0, count).map(({ state }) => state[n][i]), finder.has) })));
  finder.ranking.sort((a, b) => Math.abs(b.area - 0.5) - Math.abs(a.area - 0.5));
  finder.pick = Math.min(finder.pick, 4, finder.ranking.length - 1);
  const meanState = ({ n, i }, which) =>
    meanOf(finder.tape.slice(0, count).filter((_, m) => finder.has[m] === which).map(({ state }) => state[n][i]));
  const focused = document.activeElement?.dataset?.rank;
  $("finder-table").replaceChildren(table("The five units that tell most", ["unit", "AUC", "mean with", "without"], finder.ranking.slice(0, 5).map((each, m) => [
    make("button", { type: "button", "data-rank": m, "aria-pressed": String(m === finder.pick), onclick: () => {
      rank(m);
      if (units.includes(each.i)) choose({ i: each.i });
    } }, `unit ${each.i} of ${each.name}`), rounded(each.area, 4), rounded(meanState(each, true)), rounded(meanState(each, false))]), { chosenRow: finder.pick }));
  if (focused !== undefined) $("finder-table").querySelector(`[data-rank="${focused}"]`).focus({ preventScroll: true });
  drawPassage(finder.ranking[finder.pick]);
}

/** The text, with the state of a unit below each character. */
function drawPassage({ name, n, i, area }) {
  const states = finder.tape.map(({ state }) => state[n][i]);
  const most = name === "h" && F === "tanh" ? 1 : largest(states) || 1;
  $("finder-passage").replaceChildren(...finder.tokens.map((token, m) => {
    const letter = make("span", { class: finder.has[m] ? "has" : null }, token === " " ? "␣\u200b" : glyph(token));
    letter.style.borderBottomColor = css(colour(states[m] / most));
    letter.title = `${quoted(token)}: ${rounded(states[m])}`;
    return letter;
  }));
  $("finder-passage").setAttribute("aria-label", `The text. Below each character is the state of unit ${i} of ${name} after it. Steps with the property are bold.`);
  $("finder-caption").textContent = `Unit ${i} of ${name}: its state is ${area >= 0.5 ? "larger" : "smaller"} at a step with the property than at one without it in ${rounded(100 * Math.max(area, 1 - area), 3)} % of all pairs.`;
  legend("finder-legend", make("span", {}, "state ", math(`${name}_t`)), -1, [rounded(-most), "0", rounded(most)]);
  if ($("finder-states").open) writeFinderTable();
}

function writeFinderTable() {
  if ($("finder-body").hidden || $("finder-result").hidden) return;
  const { name, n, i } = finder.ranking[finder.pick];
  const rows = finder.tokens.map((token, m) => [`${m + 1} ${glyph(token)}`, m < finder.has.length ? (finder.has[m] ? "yes" : "no") : "", rounded(finder.tape[m].state[n][i], 8)]);
  fill("finder-states", scrolling("States of the unit", table(`Unit ${i} of ${name} after each character`, ["step", "property", "state"], rows, { left: [1] })));
}

addPanel({
  place: 3.4,
  section: "finder",
  views: [["c text passage", readFinder], ["ranking *", drawFinder]],
  tables: { "finder-states": ["ranking", writeFinderTable] },
  setUp: setUpFinder,
});
