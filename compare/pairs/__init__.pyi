from .command import bisect_pair, parity
from .config import OF_TARGETS, ConvertConfig, PairConfig, PairOptions, check_targets
from .conversion import convert, convert_weights

__all__ = [
    "OF_TARGETS",
    "ConvertConfig",
    "PairConfig",
    "PairOptions",
    "bisect_pair",
    "check_targets",
    "convert",
    "convert_weights",
    "parity",
]
