from .answers import Answer, compared
from .bugs.catalogue import BUG_NAMES, BUGS, GROUPS, Bug, find_bug
from .cases import (
    LayerCase,
    Results,
    TrainingCase,
    scratch_layer,
    scratch_step,
    torch_layer,
    torch_model,
)
from .student import student_package
from .verdict import Comparison, Finding, table_of

__all__ = [
    "BUGS",
    "BUG_NAMES",
    "GROUPS",
    "Answer",
    "Bug",
    "Comparison",
    "Finding",
    "LayerCase",
    "Results",
    "TrainingCase",
    "compared",
    "find_bug",
    "scratch_layer",
    "scratch_step",
    "student_package",
    "table_of",
    "torch_layer",
    "torch_model",
]
