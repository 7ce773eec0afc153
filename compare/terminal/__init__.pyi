from .errors import DATA, DEVICE, FAILED, OK, UNDECIDABLE, USAGE, CommandError, UsageError
from .live import LiveCurve
from .options import (
    CHANGEABLE,
    MAX_THREADS,
    changeable,
    check_at_least,
    check_choices,
    check_threads,
    flag_of,
)
from .output import Progress, Terminal, perplexity_line, plain_table, plural, wrapped
from .processes import rank_and_size
from .textplot import Curve, legend, plot
from .version import PACKAGE, package_version

__all__ = [
    "CHANGEABLE",
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
    "changeable",
    "check_at_least",
    "check_choices",
    "check_threads",
    "flag_of",
    "legend",
    "package_version",
    "perplexity_line",
    "plain_table",
    "plot",
    "plural",
    "rank_and_size",
    "wrapped",
]
