"""The exercises: six stages for each cell, with the equations that a report shows."""

from __future__ import annotations

from functools import partial
from typing import Any

from compare.check.functions.drawing import (
    draw_backward,
    draw_clip_grad_norm,
    draw_cross_entropy,
    draw_forward,
    draw_step,
    draw_step_backward,
)
from compare.check.functions.equations import Equations
from compare.check.functions.of_package import EQUATIONS
from compare.check.functions.stages import (
    Stage,
    run_backward,
    run_clip_grad_norm,
    run_cross_entropy,
    run_forward,
    run_step,
    run_step_backward,
)

STEP = {
    "rnn": "h_next = tanh(W_ih x_t + b_ih + W_hh h + b_hh)",
    "gru": "r = σ(W_ir x_t + b_ir + W_hr h + b_hr)\n"
    "z = σ(W_iz x_t + b_iz + W_hz h + b_hz)\n"
    "q = W_hn h + b_hn\n"
    "n = tanh(W_in x_t + b_in + r ⊙ q)\n"
    "h_next = (1 - z) ⊙ n + z ⊙ h",
    "lstm": "i = σ(W_ii x_t + b_ii + W_hi h + b_hi)\n"
    "f = σ(W_if x_t + b_if + W_hf h + b_hf)\n"
    "g = tanh(W_ig x_t + b_ig + W_hg h + b_hg)\n"
    "o = σ(W_io x_t + b_io + W_ho h + b_ho)\n"
    "c_next = f ⊙ c + i ⊙ g\n"
    "h_next = o ⊙ tanh(c_next)",
}

FORWARD = {
    "rnn": "h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)   for t = 1 … T, from the given h_0\n"
    "output = h_1 … h_T,   h_n = h_T",
    "gru": "h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}   for t = 1 … T, from the given h_0\n"
    "output = h_1 … h_T,   h_n = h_T",
    "lstm": "c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t,   h_t = o_t ⊙ tanh(c_t)   for t = 1 … T, "
    "from the given h_0 and c_0\n"
    "output = h_1 … h_T,   h_n = h_T,   c_n = c_T",
}

STEP_BACK = {
    "rnn": "δz = δh_next ⊙ (1 - h_next²)\n"
    "δx_t = W_ihᵀ δz,   δh = W_hhᵀ δz,   δW_ih = δz x_tᵀ,   δW_hh = δz hᵀ,   δb = δz\n"
    "the last three summed over the batch",
    "gru": "δa_n = δh_next ⊙ (1 - z) ⊙ (1 - n²)\n"
    "δa_z = δh_next ⊙ (h - n) ⊙ z ⊙ (1 - z)\n"
    "δa_r = δa_n ⊙ q ⊙ r ⊙ (1 - r),   δq = δa_n ⊙ r\n"
    "δh = δh_next ⊙ z + W_hrᵀ δa_r + W_hzᵀ δa_z + W_hnᵀ δq\n"
    "δx_t = W_irᵀ δa_r + W_izᵀ δa_z + W_inᵀ δa_n\n"
    "δW_ih, δb_ih from (δa_r, δa_z, δa_n) and x_t;   δW_hh, δb_hh from (δa_r, δa_z, δq) and h",
    "lstm": "δc_t = δc_next + δh_next ⊙ o ⊙ (1 - tanh²(c_next))\n"
    "δa_i = δc_t ⊙ g ⊙ i ⊙ (1 - i),   δa_f = δc_t ⊙ c ⊙ f ⊙ (1 - f)\n"
    "δa_g = δc_t ⊙ i ⊙ (1 - g²),   δa_o = δh_next ⊙ tanh(c_next) ⊙ o ⊙ (1 - o)\n"
    "δc = δc_t ⊙ f,   δh = W_hhᵀ δa,   δx_t = W_ihᵀ δa\n"
    "δW_ih = δa x_tᵀ,   δW_hh = δa hᵀ,   δb = δa   summed over the batch",
}

BACKWARD = {
    "rnn": "δh_t = δoutput_t + W_hhᵀ δz_{t+1}   (at t = T the second term is the given δh_n)\n"
    "δz_t = δh_t ⊙ (1 - h_t²)\n"
    "δW_ih = Σ_t δz_t x_tᵀ,   δW_hh = Σ_t δz_t h_{t-1}ᵀ,   δb_ih = δb_hh = Σ_t δz_t\n"
    "δx_t = W_ihᵀ δz_t,   δh_0 = W_hhᵀ δz_1",
    "gru": "δh_t = δoutput_t + what step t+1 hands back   (at t = T that is the given δh_n)\n"
    "step t hands back δh_t ⊙ z_t + W_hrᵀ δa_r + W_hzᵀ δa_z + W_hnᵀ δq\n"
    "the gradients of weights and biases are sums over the steps",
    "lstm": "δh_t = δoutput_t + W_hhᵀ δa_{t+1}   (at t = T the second term is the given δh_n)\n"
    "δc_t = δc_{t+1} ⊙ f_{t+1} + δh_t ⊙ o_t ⊙ (1 - tanh²(c_t))   "
    "(at t = T the first term is the given δc_n)\n"
    "the gradients of weights and biases are sums over the steps",
}

CROSS_ENTROPY = (
    "p = softmax(logits),   loss = mean over the N rows of -log p[target]\n"
    "δlogits = (p - onehot(target)) / N"
)

CLIP_GRAD_NORM = (
    "norm = √(Σ over all entries of all gradients of g²)\n"
    "g ← g · min(1, max_norm / (norm + 1e-6))   for each gradient, in place"
)


def stages_of(kind: type[Equations]) -> tuple[Stage, ...]:
    """Return a cell's six stages, in the order in which one writes them."""
    cell = kind.cell
    step, forward, step_back, backward = (
        f"{cell}_{name}" for name in ("step", "forward", "step_backward", "backward")
    )

    def stage(
        name: str, equation: str, run: Any, draw: Any, helped_by: tuple[str, ...] = ()
    ) -> Stage:
        return Stage(
            name,
            equation,
            partial(run, kind),
            partial(draw, kind),
            helped_by,
            name.removeprefix(f"{cell}_"),
            kind,
        )

    return (
        stage(step, STEP[cell], run_step, draw_step),
        stage(forward, FORWARD[cell], run_forward, draw_forward, (step,)),
        stage(step_back, STEP_BACK[cell], run_step_backward, draw_step_backward),
        stage(backward, BACKWARD[cell], run_backward, draw_backward, (forward, step_back, step)),
        Stage(
            "cross_entropy",
            CROSS_ENTROPY,
            run_cross_entropy,
            draw_cross_entropy,
            kind="cross_entropy",
            equations=kind,
        ),
        Stage(
            "clip_grad_norm",
            CLIP_GRAD_NORM,
            run_clip_grad_norm,
            draw_clip_grad_norm,
            kind="clip_grad_norm",
            equations=kind,
        ),
    )


STAGES = {cell: stages_of(kind) for cell, kind in EQUATIONS.items()}
"""The six stages of each cell."""
