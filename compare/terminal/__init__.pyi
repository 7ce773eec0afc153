from .errors import DATA, DEVICE, FAILED, OK, UNDECIDABLE, USAGE, CommandError, UsageError
from .live import LiveCurve
from .options import MAX_THREADS, check_at_least, check_choices, check_threads
from .output import Progress, Terminal, perplexity_line, plain_table, plural
from .processes import rank_and_size
from .textplot import Curve, legend, plot
from .version import PACKAGE, package_version

__all__ = [
    "DATA",
    "DEVICE",
    "FAILED",
    "MAX_THREADS",
    "OK",
    "PACKAGE",
    "UNDECIDABLE",
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
    "plain_table",
    "plot",
    "plural",
    "rank_and_size",
]
