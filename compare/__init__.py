"""The layer between: copy weights, compare tensors, train in lock-step."""

from compare.build import build_models
from compare.lockstep import Update, lockstep, train_in_lockstep
from compare.parity import ParityReport, ParityRow, check_parity
from compare.tolerance import SAFETY, allowances
from compare.weights import copy_weights

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
