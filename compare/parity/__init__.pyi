from .build import CELLS, build_models
from .command import (
    NothingToSay,
    ParityError,
    check_materials,
    compare_untrained,
    demand_agreement,
    parity,
)
from .comparison import check_parity, concise_step, scratch_step, wobbled_cross_entropy
from .config import ParityConfig
from .environment import describe_environment, describe_software
from .lock_step import Update, lockstep, train_in_lockstep
from .materials import (
    DeviceError,
    Materials,
    Writer,
    check_device,
    limited_threads,
    make_models,
    parts,
    prefixes,
    prepared,
    unknown_parts,
    writers,
)
from .rows import ParityReport, ParityRow, Verdict, compare_results
from .table import parity_verdict, show_parity
from .tolerance import (
    SAFETY,
    Computation,
    Move,
    absolute_difference,
    allowances,
    largest_difference,
    largest_difference_in_ulps,
)
from .training import Trainee, passes_from, updates
from .weights import (
    copy_weights,
    gradient_of,
    named_state,
    parameters_as_arrays,
    tensor_as_array,
)

__all__ = [
    "CELLS",
    "SAFETY",
    "Computation",
    "DeviceError",
    "Materials",
    "Move",
    "NothingToSay",
    "ParityConfig",
    "ParityError",
    "ParityReport",
    "ParityRow",
    "Trainee",
    "Update",
    "Verdict",
    "Writer",
    "absolute_difference",
    "allowances",
    "build_models",
    "check_device",
    "check_materials",
    "check_parity",
    "compare_results",
    "compare_untrained",
    "concise_step",
    "copy_weights",
    "demand_agreement",
    "describe_environment",
    "describe_software",
    "gradient_of",
    "largest_difference",
    "largest_difference_in_ulps",
    "limited_threads",
    "lockstep",
    "make_models",
    "named_state",
    "parameters_as_arrays",
    "parity",
    "parity_verdict",
    "parts",
    "passes_from",
    "prefixes",
    "prepared",
    "scratch_step",
    "show_parity",
    "tensor_as_array",
    "train_in_lockstep",
    "unknown_parts",
    "updates",
    "wobbled_cross_entropy",
    "writers",
]
