from .errors import CANNOT_BE_SAID, DATA, DEVICE, FAILED, OK, USAGE, CommandError, UsageError
from .live import LiveCurve
from .options import MAX_THREADS, check_at_least, check_choices, check_threads
from .output import Progress, Terminal, perplexity_line
from .textplot import Curve, legend, plot
from .version import PACKAGE, package_version

__all__ = [
    "CANNOT_BE_SAID",
    "DATA",
    "DEVICE",
    "FAILED",
    "MAX_THREADS",
    "OK",
    "PACKAGE",
    "USAGE",
    "CommandError",
    "Curve",
    "LiveCurve",
    "Progress",
    "Terminal",
    "UsageError",
    "check_at_least",
    "check_choices",
    "check_threads",
    "legend",
    "package_version",
    "perplexity_line",
    "plot",
]
