from .bisection.command import bisect, find_difference
from .config import BisectConfig, BreakConfig, ExplainConfig, WriteConfig
from .page.explain import explain
from .quiz import NotCaught, break_it
from .writing.serve import write

__all__ = [
    "BisectConfig",
    "BreakConfig",
    "ExplainConfig",
    "NotCaught",
    "WriteConfig",
    "bisect",
    "break_it",
    "explain",
    "find_difference",
    "write",
]
