from .parity import (
    SAFETY,
    ParityReport,
    ParityRow,
    Update,
    allowances,
    build_models,
    check_parity,
    copy_weights,
    lockstep,
    train_in_lockstep,
)

__all__ = [
    "SAFETY",
    "ParityReport",
    "ParityRow",
    "Update",
    "allowances",
    "build_models",
    "check_parity",
    "copy_weights",
    "lockstep",
    "train_in_lockstep",
]
