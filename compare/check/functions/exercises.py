"""The exercises: six stages for each cell, with the equations that a report shows."""

from __future__ import annotations

from functools import partial

from compare.check.functions import drawing, stages
from compare.check.functions.signatures import equations, signatures_of
from compare.check.functions.stages import Stage
from compare.parity import CELLS

CROSS_ENTROPY = (
    "p = softmax(logits),   loss = mean over the N rows of -log p[target]\n"
    "δlogits = (p - onehot(target)) / N"
)

CLIP_GRAD_NORM = (
    "norm = √(Σ over all entries of all gradients of g²)\n"
    "g ← g · min(1, max_norm / (norm + 1e-6))   for each gradient, in place"
)


def stages_of(cell: str) -> tuple[Stage, ...]:
    """Return a cell's six stages, in the order in which one writes them."""
    names = signatures_of(cell)
    forward, backward = equations(names.forward), equations(names.backward)

    def stage(kind: str, equation: str, *helpers: str) -> Stage:
        run, draw = getattr(stages, f"run_{kind}"), getattr(drawing, f"draw_{kind}")
        helped_by = tuple(f"{cell}_{helper}" for helper in helpers)
        own = partial(run, names), partial(draw, names)
        return Stage(f"{cell}_{kind}", equation, *own, helped_by, kind, cell)

    def of_all(kind: str, equation: str) -> Stage:
        run, draw = getattr(stages, f"run_{kind}"), getattr(drawing, f"draw_{kind}")
        return Stage(kind, equation, run, draw, kind=kind, cell=cell)

    return (
        stage("step", forward),
        stage("forward", forward, "step"),
        stage("step_backward", backward),
        stage("backward", backward, "forward", "step_backward", "step"),
        of_all("cross_entropy", CROSS_ENTROPY),
        of_all("clip_grad_norm", CLIP_GRAD_NORM),
    )


STAGES = {cell: stages_of(cell) for cell in CELLS}
"""The six stages of each cell."""
