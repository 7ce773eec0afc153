from .answers import Answer, compared
from .bugs.catalogue import BUG_NAMES, BUGS, GROUPS, Bug, find_bug
from .command import CheckError, check, examine
from .config import CheckConfig
from .layer_cases import LayerCase
from .layer_floats import Floats
from .layer_results import Results, alike, run
from .reference import torch_results
from .report import explained
from .stranger.server import load_file
from .student import student_package
from .training_cases import TrainingCase, layer_of, scratch_step, torch_model
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
    "Floats",
    "LayerCase",
    "Results",
    "TrainingCase",
    "alike",
    "check",
    "compared",
    "examine",
    "explained",
    "find_bug",
    "layer_of",
    "load_file",
    "run",
    "scratch_step",
    "student_package",
    "table_of",
    "torch_model",
    "torch_results",
]
