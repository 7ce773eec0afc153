// ---------------------------------------------------------------- 2: one step of a gated cell
//
// The gates are the page's own numbers, in float64: PyTorch's layers do not show theirs.

const CANDIDATE = IS_GATED ? 2 : 0; // the place of n in r, z, n and of g in i, f, g, o
const CANDIDATE_NAME = { rnn: "", gru: "n", lstm: "g" }[record.cell];
const NEW_STATE = {
  gru: "h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}",
  lstm: "h_t = o_t ⊙ tanh(c_t)",
};

/** Of each part: what it is called, its formula, its name in the engine's step, what it does. */
const GATES = {
  gru: [
    ["The reset gate", "r_t = σ(i_r + m_r)", "r", "Between 0 and 1: how much of the state before goes into the candidate."],
    ["The update gate", "z_t = σ(i_z + m_z)", "z", "Between 0 and 1: how much of the state before is kept. At 1 the unit stays as it is, and its gradient passes unchanged."],
    ["The candidate", "n_t = tanh(i_n + r_t ⊙ m_n)", "n", "What the state would become if nothing were kept."],
  ],
  lstm: [
    ["The input gate", "i_t = σ(i_i + m_i)", "input", "Between 0 and 1: how much of the candidate goes into the cell state."],
    ["The forget gate", "f_t = σ(i_f + m_f)", "forget", "Between 0 and 1: how much of the cell state is kept. At 1 its gradient passes unchanged."],
    ["The candidate", "g_t = tanh(i_g + m_g)", "g", "What goes into the cell state, where the input gate lets it."],
    ["The output gate", "o_t = σ(i_o + m_o)", "output", "Between 0 and 1: how much of the cell state is shown as the state."],
    ["The cell state", "c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t", (step) => step.state[1], "It is only multiplied by f and added to. So it carries numbers, and gradients, over many steps."],
  ],
};

/** The links of the chain between the token and the new state. */
function gates(d, t, i) {
  const step = d.tape[t - 1];
  const at = units.indexOf(i);
  const parts = (name, all) => [...{ gru: "rzn", lstm: "ifgo" }[record.cell]].map((gate, k) => {
    const part = all.subarray(k * H, (k + 1) * H);
    return strip(math(`${name}_${gate}`), ofShown(part), largest(part), at, show(part[i]));
  });
  const sums = [
    link("What the token says", "i = W_{ih} x_t + b_{ih}", "(G·H,) = (G·H, V) (V,) + (G·H,)",
      "The only 1 in x picks a column of W_ih. The result has a part for each gate.", parts("i", step.i), null, []),
    link("What the state before says", "m = W_{hh} h_{t-1} + b_{hh}", "(G·H,) = (G·H, H) (H,) + (G·H,)",
      "Each gate of each unit listens to all units of the step before.", parts("m", step.m), null, []),
  ];
  return [...sums, ...GATES[record.cell].map(([title, formula, name, what]) => {
    const values_ = typeof name === "string" ? step[name] : name(step);
    return link(title, formula, "(H,)", what,
      [strip(math(formula.split(" =")[0]), ofShown(values_), Math.max(1, largest(values_)), at, show(values_[i]))],
      values(`unit ${i}`, name, values_[i]), []);
  })];
}
