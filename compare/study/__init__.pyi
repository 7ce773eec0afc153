from .bisection.command import bisect, find_difference
from .config import BisectConfig, BreakConfig, ExplainConfig
from .page.explain import explain
from .quiz import NotCaught, break_it

__all__ = [
    "BisectConfig",
    "BreakConfig",
    "ExplainConfig",
    "NotCaught",
    "bisect",
    "break_it",
    "explain",
    "find_difference",
]
