from .command import bisect_pair, parity
from .config import OF_TARGETS, PairConfig, PairOptions, check_targets

__all__ = ["OF_TARGETS", "PairConfig", "PairOptions", "bisect_pair", "check_targets", "parity"]
