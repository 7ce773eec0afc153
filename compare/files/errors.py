"""The error of a file that cannot be used."""

from compare.terminal import DATA, CommandError


class RecordError(CommandError, ValueError):
    """A run directory cannot be made or read; the message is one line."""

    exit_code = DATA
