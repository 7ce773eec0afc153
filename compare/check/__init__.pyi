from .bugs.catalogue import BUG_NAMES, BUGS, GROUPS, Bug, find_bug
from .cases.comparison import Answer, Comparison, compare_answer, tabulate
from .cases.floats import Floats
from .cases.layer_case import LayerCase
from .cases.layer_results import match_results, run
from .cases.reference import torch_results
from .cases.training import (
    TrainingCase,
    get_layer,
    make_optimizer,
    name_stage,
    scratch_step,
    torch_model,
)
from .command import CheckError, check, examine, train_functions
from .config import CheckConfig
from .properties.property import Finding
from .properties.run import find_violation

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
    "Floats",
    "LayerCase",
    "TrainingCase",
    "check",
    "compare_answer",
    "examine",
    "find_bug",
    "find_violation",
    "get_layer",
    "make_optimizer",
    "match_results",
    "name_stage",
    "run",
    "scratch_step",
    "tabulate",
    "torch_model",
    "torch_results",
    "train_functions",
]
