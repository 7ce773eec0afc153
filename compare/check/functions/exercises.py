"""The exercises: six stages for each cell, with the equations that a report shows."""

from functools import partial

from compare.check.functions import drawing, stages
from compare.check.functions.signatures import equations, signatures_of
from compare.check.functions.stages import Stage
from compare.check.tables import table
from compare.parity import CELLS

EQUATIONS = table("functions/templates/equations.toml")


def stages_of(cell: str) -> tuple[Stage, ...]:
    """Return a cell's six stages, in the order in which one writes them."""
    names = signatures_of(cell)
    forward, backward = equations(names.forward), equations(names.backward)

    def stage(kind: str, equation: str, *helpers: str) -> Stage:
        helped_by = tuple(f"{cell}_{helper}" for helper in helpers)
        own = partial(getattr(stages, f"run_{kind}"), names), partial(drawing.draw, names, kind)
        return Stage(f"{cell}_{kind}", equation, *own, helped_by, kind, cell)

    def of_all(kind: str) -> Stage:
        run, draw = getattr(stages, f"run_{kind}"), getattr(drawing, f"draw_{kind}")
        return Stage(kind, EQUATIONS[kind], run, draw, kind=kind, cell=cell)

    return (
        stage("step", forward),
        stage("forward", forward, "step"),
        stage("step_backward", backward),
        stage("backward", backward, "forward", "step_backward", "step"),
        of_all("cross_entropy"),
        of_all("clip_grad_norm"),
    )


STAGES = {cell: stages_of(cell) for cell in CELLS}  # the six stages of each cell
