// ---------------------------------------------------------------- 2: the links of a cell with gates
//
// PyTorch's layers do not return their gates, so these numbers are the page's own, in float64.

/** The block of rows of W_hh that the page shows: the candidate's, or all of them in a cell without gates. */
const BLOCK = IS_GATED ? record.gates.indexOf(CELL.candidate) : 0;
const BLOCK_NAME = IS_GATED ? `W_{h${CELL.candidate}}` : "W_{hh}";
const plainName = (name) => name.replace(/[{}]/g, "");

/** "row 5 of W_hg, which is row 37 of W_hh" */
const rowOfBlock = (i) => `row ${i} of ${plainName(BLOCK_NAME)}${IS_GATED ? `, which is row ${BLOCK * H + i} of W_hh` : ""}`;

/** The links of the chain between the token and the new state. */
function gates(d, t, i) {
  const step = d.tape[t - 1];
  const at = units.indexOf(i);
  const blocks = (name, all) => record.gates.map((gate, place) => {
    const block = all.subarray(place * H, (place + 1) * H);
    return strip(math(`${name}_${gate}`), ofShown(block), largest(block), at, show(block[i]));
  });
  const sums = [
    link("From the token", "a = W_{ih} x_t + b_{ih}", "(G·H,) = (G·H, V) (V,) + (G·H,)",
      "The only 1 in x selects a column of W_ih. The result has a block for each gate.", blocks("a", step.a), null, CELL.sums?.slice(0, 1) ?? []),
    link("From the previous state", "u = W_{hh} h_{t-1} + b_{hh}", "(G·H,) = (G·H, H) (H,) + (G·H,)",
      ["Each gate of each unit reads all units of the previous step. ", make("a", { href: "#two-biases" }, "Why two biases?")], blocks("u", step.u), null, CELL.sums?.slice(-1) ?? []),
  ];
  return [...sums, ...CELL.parts.map(({ of, title, formula, text, line }) => link(title, formula, "(H,)", text,
    [strip(math(formula.split(" =")[0]), ofShown(step[of]), Math.max(1, largest(step[of])), at, show(step[of][i]))],
    values(`unit ${i}`, of, step[of][i]), line ? [line] : []))];
}
