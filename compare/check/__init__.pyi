from .bugs.catalogue import BUG_NAMES, BUGS, GROUPS, Bug, find_bug
from .cases.comparison import Answer, Comparison, compare_answer, tabulate
from .cases.floats import Floats
from .cases.layer_case import LayerCase, make_case
from .cases.layer_results import (
    expect,
    match_results,
    rounding,
    run,
    run_forward,
    run_layer,
)
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
from .magic import load_ipython_extension
from .properties.property import Finding
from .properties.run import find_violation
from .report.fragment import write_fragment
from .subjects.diagnosis import find_swapped_gates
from .subjects.layer import TRIALS, name_mistake
from .subjects.template import write_template

__all__ = [
    "BUGS",
    "BUG_NAMES",
    "GROUPS",
    "TRIALS",
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
    "expect",
    "find_bug",
    "find_swapped_gates",
    "find_violation",
    "get_layer",
    "load_ipython_extension",
    "make_case",
    "make_optimizer",
    "match_results",
    "name_mistake",
    "name_stage",
    "rounding",
    "run",
    "run_forward",
    "run_layer",
    "scratch_step",
    "tabulate",
    "torch_model",
    "torch_results",
    "train_functions",
    "write_fragment",
    "write_template",
]
