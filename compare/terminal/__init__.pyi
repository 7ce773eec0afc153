from .errors import DATA, DEVICE, FAILED, OK, UNDECIDABLE, USAGE, CommandError, UsageError
from .live import LiveCurve
from .options import (
    ANY_FROM_0,
    CHANGEABLE,
    FROM_0,
    FROM_1,
    LARGEST,
    SMALLEST,
    THREADS,
    Range,
    changeable,
    check_options,
    flag,
    flag_of,
)
from .output import Progress, Terminal, perplexity_line, plain_table, plural, wrapped
from .processes import rank_and_size, usable_cpus
from .textplot import Curve, legend, plot
from .version import PACKAGE, package_version

__all__ = [
    "ANY_FROM_0",
    "CHANGEABLE",
    "DATA",
    "DEVICE",
    "FAILED",
    "FROM_0",
    "FROM_1",
    "LARGEST",
    "OK",
    "PACKAGE",
    "SMALLEST",
    "THREADS",
    "UNDECIDABLE",
    "USAGE",
    "CommandError",
    "Curve",
    "LiveCurve",
    "Progress",
    "Range",
    "Terminal",
    "UsageError",
    "changeable",
    "check_options",
    "flag",
    "flag_of",
    "legend",
    "package_version",
    "perplexity_line",
    "plain_table",
    "plot",
    "plural",
    "rank_and_size",
    "usable_cpus",
    "wrapped",
]
