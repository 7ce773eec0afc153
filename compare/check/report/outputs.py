"""The files that `check` and `grade` write, and how an older one of each kind is recognized."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from compare.check.core.config import CheckOptions
from compare.check.report.page import is_explanation
from compare.files import Output, check_outputs, has_keys, read_json


def refuse_replacing(
    config: CheckOptions, checked: Iterable[Path], more: Iterable[Output] = ()
) -> None:
    """Raise UsageError if an output would replace something else, OSError if it cannot be written.

    Nothing replaces a file that is checked.
    """
    check_outputs([*list_outputs(config), *more], checked)


def list_outputs(config: CheckOptions) -> Iterator[Output]:
    """Yield the files that a check with these options writes."""
    kinds = {
        "json": ("older results", is_report),
        "gradescope": ("older results", is_for_gradescope),
        "explain": ("an older page", is_explanation),
    }
    for name, (older, is_older) in kinds.items():
        if path := getattr(config, name, None):
            yield Output(f"--{name}", path, older, is_older, may_be_stream=name != "explain")


def is_report(path: Path) -> bool:
    """Return whether a file has the results of a file, or of a folder."""
    return has_keys(path, "form", "cell", "stages") or has_keys(path, "seed", "files")


def is_for_gradescope(path: Path) -> bool:
    """Return whether a file is the results.json of this program, and not of another autograder."""
    has_both = has_keys(path, "output", "tests")
    return has_both and str(read_json(path)["output"]).startswith("rnn-parity check")
