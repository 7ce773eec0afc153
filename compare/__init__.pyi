from .check import load_ipython_extension
from .implementations import implementation
from .pairs import convert_weights
from .parity import (
    SAFETY,
    ParityReport,
    ParityRow,
    Update,
    build_models,
    check_parity,
    copy_weights,
    lockstep,
    tolerances,
    train_in_lockstep,
)

__all__ = [
    "SAFETY",
    "ParityReport",
    "ParityRow",
    "Update",
    "build_models",
    "check_parity",
    "convert_weights",
    "copy_weights",
    "implementation",
    "load_ipython_extension",
    "lockstep",
    "tolerances",
    "train_in_lockstep",
]
