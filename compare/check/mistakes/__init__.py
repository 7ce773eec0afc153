"""Mistakes that the catalogue of bugs does not have, each as one changed part of the equations.

Each is something that students write. `compare.check.mistakes.diagnosis` runs them beside a submission's
function, and names the one that gives the same wrong numbers.
"""

from compare.check.mistakes.backward import OF_A_STEP_BACK
from compare.check.mistakes.clipping import OF_CLIPPING
from compare.check.mistakes.forward import OF_A_SEQUENCE, OF_A_STEP
from compare.check.mistakes.gates import OF_GATES, OF_GATES_BACK
from compare.check.mistakes.loss import OF_THE_LOSS
from compare.check.mistakes.mistake import Mistake
from compare.check.mistakes.through_time import OF_A_SEQUENCE_BACK

__all__ = ["MISTAKES", "Mistake"]

MISTAKES = (
    OF_A_STEP
    + OF_GATES
    + OF_A_SEQUENCE
    + OF_A_STEP_BACK
    + OF_GATES_BACK
    + OF_A_SEQUENCE_BACK
    + OF_THE_LOSS
    + OF_CLIPPING
)
"""All of them, in the order of the stages."""
