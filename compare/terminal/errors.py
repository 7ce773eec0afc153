"""Errors that a command reports in one line, and their exit codes."""

OK, FAILED, USAGE, DATA, DEVICE, UNDECIDABLE = 0, 1, 2, 3, 4, 5
"""Exit codes: success; models differ or a check failed; wrong options; unusable files; missing
device; undecidable, because rounding alone could change a result by 100 %."""


class CommandError(Exception):
    """A command failed; the message is one line."""

    exit_code = FAILED


class UsageError(CommandError, ValueError):
    """An option has an invalid value."""

    exit_code = USAGE
