from .answers import Answer, compared
from .bugs.catalogue import BUG_NAMES, BUGS, GROUPS, Bug, find_bug
from .cases import LayerCase, Results, scratch_layer, torch_layer
from .command import CheckError, check, examine
from .config import CheckConfig
from .report import explained
from .student import student_package
from .training_cases import TrainingCase, scratch_step, torch_model
from .verdict import Comparison, Finding, table_of

__all__ = [
    "BUGS",
    "BUG_NAMES",
    "GROUPS",
    "Answer",
    "Bug",
    "CheckConfig",
    "CheckError",
    "Comparison",
    "Finding",
    "LayerCase",
    "Results",
    "TrainingCase",
    "check",
    "compared",
    "examine",
    "explained",
    "find_bug",
    "scratch_layer",
    "scratch_step",
    "student_package",
    "table_of",
    "torch_layer",
    "torch_model",
]
