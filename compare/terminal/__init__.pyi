from .errors import CANNOT_BE_SAID, DATA, DEVICE, FAILED, OK, USAGE, CommandError, UsageError
from .live import LiveCurve
from .options import MAX_THREADS, check_at_least, check_choices, check_threads
from .output import Progress, Terminal, perplexity_line
from .schema import (
    COUNT,
    FINITE,
    NOT_NEGATIVE,
    NUMBERED,
    POSITIVE,
    POSITIVE_OR_INFINITE,
    Length,
    Range,
    SchemaError,
    excerpt,
    parse_json,
    plain,
    read,
)
from .textplot import Curve, legend, plot
from .version import PACKAGE, package_version

__all__ = [
    "CANNOT_BE_SAID",
    "COUNT",
    "DATA",
    "DEVICE",
    "FAILED",
    "FINITE",
    "MAX_THREADS",
    "NOT_NEGATIVE",
    "NUMBERED",
    "OK",
    "PACKAGE",
    "POSITIVE",
    "POSITIVE_OR_INFINITE",
    "USAGE",
    "CommandError",
    "Curve",
    "Length",
    "LiveCurve",
    "Progress",
    "Range",
    "SchemaError",
    "Terminal",
    "UsageError",
    "check_at_least",
    "check_choices",
    "check_threads",
    "excerpt",
    "legend",
    "package_version",
    "parse_json",
    "perplexity_line",
    "plain",
    "plot",
    "read",
]
