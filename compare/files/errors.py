"""The error of a file that cannot be used."""

from compare.terminal import DATA, CommandError


class RecordError(CommandError, ValueError):
    """A record cannot be written or read; the message is one line."""

    exit_code = DATA
