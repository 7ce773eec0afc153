"""``rnn-parity grade``: which files of a folder are right; with --report, the grades of a class."""

from compare.check import CheckError
from compare.classroom.class_page import count_right
from compare.classroom.config import GradeConfig
from compare.classroom.folder import check_folder
from compare.terminal import Terminal, UsageError, hide_memory


def grade(config: GradeConfig, terminal: Terminal | None = None) -> None:
    """Check the files of a folder, and print a line for each.

    Parameters
    ----------
    config : GradeConfig
        The folder and the options of ``rnn-parity grade``.
    terminal : Terminal, optional
        Where to print. Default: nothing is printed.

    Raises
    ------
    CheckError
        If a file is not right.
    UsageError, DeviceError, OSError
        If an option, the folder or the device is not valid.
    """
    terminal = terminal or Terminal(quiet=True)
    config.check()
    hide_memory()
    if config.submissions.kind != "folder":
        raise UsageError(f"expected a folder, got {config.target}")
    rows = check_folder(config, terminal)
    if not all(row["ok"] for row in rows):
        raise CheckError(count_right(rows, "file"))
