"""The settings of ``rnn-parity grade``; each field is a flag."""

import dataclasses
from functools import cached_property
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional

from compare.check import CheckConfig, CheckOptions
from compare.implementations import Target, read_target
from compare.terminal import FROM_1, WRITTEN, flag


@dataclasses.dataclass(frozen=True, kw_only=True)
class GradeConfig(CheckOptions):
    """Check each file of a folder, or the class of this name in each, and print a table.

    With --report, write grades.csv, a page of the class, and a page for each file. If it stops, run
    it again to continue. The exit code is 0 if all files are right, and 1 if not.
    """

    target: Annotated[Positional[str], flag("DIR|DIR:CLASS")]
    """The folder, with its subfolders."""
    report: Annotated[Path | None, flag("DIR"), WRITTEN] = None
    """Write grades and pages into this folder."""
    jobs: Annotated[int | None, FROM_1, flag("N", "(default: number of CPUs)")] = None
    """Number of processes."""

    @cached_property
    def submissions(self) -> Target:
        """The folder, and the class in each of its files."""
        return read_target(self.target)

    def make_check_config(self, file: Path) -> CheckConfig:
        """Return the settings of the check of one file."""
        target = ":".join(filter(None, (str(file), self.submissions.name)))
        names = (field.name for field in dataclasses.fields(CheckOptions) if field.name != "json")
        shared = {name: getattr(self, name) for name in names}
        return CheckConfig(target=target, **shared)
