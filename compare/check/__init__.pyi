from .bugs.catalogue import BUG_NAMES, BUGS, GROUPS, Bug, find_bug
from .cases.comparison import Answer, Comparison, Results, compared, table_of
from .cases.floats import Floats
from .cases.layer_case import LayerCase
from .cases.layer_results import alike, run
from .cases.reference import torch_results
from .cases.training import (
    TrainingCase,
    layer_of,
    make_optimizer,
    name_stage,
    scratch_step,
    torch_model,
)
from .command import CheckError, check, examine, train_functions
from .config import CheckConfig
from .properties.property import Finding
from .properties.run import violation_of

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
    "Results",
    "TrainingCase",
    "alike",
    "check",
    "compared",
    "examine",
    "find_bug",
    "layer_of",
    "make_optimizer",
    "name_stage",
    "run",
    "scratch_step",
    "table_of",
    "torch_model",
    "torch_results",
    "train_functions",
    "violation_of",
]
