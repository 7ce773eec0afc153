from .build import build_models
from .cells import CELLS, Cell, CellName
from .command import (
    ParityError,
    UndecidableError,
    check_materials,
    compare_untrained,
    demand_agreement,
    parity,
)
from .comparison import check_parity
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
from .optimizers import OPTIMIZERS, OptimizerName
from .rows import ParityReport, ParityRow, Verdict, compare_results
from .step import (
    concise_step,
    parallel_step,
    perturbed_cross_entropy,
    scratch_step,
    step_in_place,
)
from .table import parity_verdict, show_parity
from .tolerance import (
    SAFETY,
    Computation,
    Move,
    absolute_difference,
    largest_difference,
    largest_difference_in_ulps,
    rms,
    tolerances,
    ulps,
    unmoved,
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
    "OPTIMIZERS",
    "SAFETY",
    "Cell",
    "CellName",
    "Computation",
    "DeviceError",
    "Materials",
    "Move",
    "OptimizerName",
    "ParityConfig",
    "ParityError",
    "ParityReport",
    "ParityRow",
    "Trainee",
    "UndecidableError",
    "Update",
    "Verdict",
    "Writer",
    "absolute_difference",
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
    "parallel_step",
    "parameters_as_arrays",
    "parity",
    "parity_verdict",
    "parts",
    "passes_from",
    "perturbed_cross_entropy",
    "prefixes",
    "prepared",
    "rms",
    "scratch_step",
    "show_parity",
    "step_in_place",
    "tensor_as_array",
    "tolerances",
    "train_in_lockstep",
    "ulps",
    "unknown_parts",
    "unmoved",
    "updates",
    "writers",
]
