// ---------------------------------------------------------------- 5: parity

function setUpParity() {
  $("ulps-check").addEventListener("change", () => choose({ ulps: $("ulps-check").checked }));
}

function drawParity() {
  const rows = checkpoint().parity;
  const wrong = rows.filter((each) => !each.ok);
  $("parity-lead").textContent = `Recorded when the page was made, in NumPy and in PyTorch: one training step on ${reading.isRecorded ? "this text" : `“${record.tokens.join(IS_CHARACTERS ? "" : " ")}”`}, ${checkpoint().label}. `
    + (record.T === 1 ? "The text has one token; in this step, the token is its own target. " : "")
    + (wrong.length ? `${wrong.length} of ${rows.length} tensors differ by more than their tolerance. ` : `All ${rows.length} tensors agree. `)
    + "The tolerance says how far rounding can move a result. It is measured: each float that goes into the step is replaced by a neighbouring float, several times at random. The largest change of a result, times a safety factor, is its tolerance." + (game.bug ? " The bug of the game is not in these recorded results." : "");
  const small = (x) => (x === null ? "–" : x === 0 ? "0" : x.toExponential(1));
  const columns = [
    ["tensor", "left", (each) => each.name],
    ["verdict", "left", (each) => (each.ok ? `✓ ${each.verdict}` : `✗ ${each.verdict} ${each.problem}`)],
    ["of the tolerance", "number-cell", shareBar],
    ["largest difference", "number-cell roomy", (each) => small(each.difference)],
    ["tolerance", "number-cell roomy", (each) => small(each.allowed)],
    ...(chosen.ulps ? [["in ulps", "number-cell", (each) => (each.ulps === null ? "–" : rounded(each.ulps))]] : []),
    ["shape", "roomy", (each) => each.shape.join(" × ") || "number"],
  ];
  const body = make("tbody");
  let group = "";
  for (const each of rows) {
    const match = each.name.match(/^(gradient of|clipped gradient of|updated) (.+)$/);
    const head = match ? match[1] : "";
    if (head !== group) {
      group = head;
      if (head) body.append(make("tr", { class: "group" }, make("td", { colspan: columns.length }, group)));
    }
    body.append(make("tr", {}, columns.map(([, kind, cell], n) => (n === 0
      ? make("th", { scope: "row", class: match ? `${kind} member` : kind }, match ? match[2] : each.name)
      : make("td", { class: n === 1 && !each.ok ? `${kind} apart` : kind }, cell(each))))));
  }
  $("parity-table").replaceChildren(make("table", { class: "verdicts" },
    make("caption", { class: "unseen" }, "All tensors of one training step, in NumPy and in PyTorch"),
    make("thead", {}, make("tr", {}, columns.map(([head, kind]) => make("th", { scope: "col", class: kind.replace("number-cell", "").trim() || null }, head)))), body));
}

/** The largest difference as a share of the tolerance: a bar, and per cent. */
function shareBar(each) {
  const share = each.share ?? Infinity;
  const bar = make("span", { class: "share", "aria-hidden": "true" }, make("span"));
  bar.firstElementChild.style.width = `${Math.min(100, 100 * share)}%`;
  return make("span", {}, bar, make("span", { class: "percent" }, Number.isFinite(share) ? ` ${percent(share)}` : " –"));
}

addPanel({ place: 5, section: "parity", views: [["c ulps", drawParity]], setUp: setUpParity });
