"""What goes wrong and is told in one line, and the exit code that follows from it."""

OK, FAILED, USAGE, DATA, DEVICE, UNDECIDABLE = 0, 1, 2, 3, 4, 5
"""Exit codes: fine; the models differ; wrong flags; unusable files; no such device; rounding alone
may change a result by its own size."""


class CommandError(Exception):
    """A command cannot do what it was asked for; the message is one line."""

    exit_code = FAILED


class UsageError(CommandError, ValueError):
    """A flag has a value that it cannot have."""

    exit_code = USAGE
