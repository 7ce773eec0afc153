"""``%load_ext compare`` in a notebook: ``%%check rnn_step`` shows the verdict under the cell.

IPython passes its shell; nothing of IPython is imported here. The check reads all cells that were
run so far, in their order, as the command reads a notebook.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from compare.check import CheckConfig, Report, examine, find_source, write_fragment, write_text
from compare.terminal import CommandError, Terminal, UsageError

USAGE = "expected names of functions, such as %%check rnn_step"


@dataclass(frozen=True, slots=True, repr=False)
class ShownReport:
    """A report as a notebook shows it: HTML under the cell, text in a terminal."""

    report: Report

    def _repr_html_(self) -> str:
        return write_fragment(self.report)

    def __repr__(self) -> str:
        return write_text(self.report)


@dataclass(frozen=True, slots=True, repr=False)
class Refusal:
    """Why nothing was checked, in one line."""

    words: str

    def __repr__(self) -> str:
        return f"check: {self.words}"


def load_ipython_extension(shell: Any) -> None:
    """Add the magic `check` to IPython's shell; IPython calls this for ``%load_ext compare``."""

    def check(line: str, cell: str | None = None) -> ShownReport | Refusal | None:
        """Run the cell, and check functions: those that the line names, or all six."""
        if cell is not None and not shell.run_cell(cell).success:
            return None  # the exception is shown
        return check_cells(shell.history_manager.input_hist_raw, line.split())

    shell.register_magic_function(check, "line_cell", "check")


def check_cells(sources: Sequence[str], names: Sequence[str]) -> ShownReport | Refusal:
    """Check functions of these cells; all six if none is named."""
    cells = [{"cell_type": "code", "source": source} for source in sources]
    with TemporaryDirectory() as folder:
        file = Path(folder) / "notebook.ipynb"
        file.write_text(json.dumps({"cells": cells}), encoding="utf-8")
        try:
            if any(name.startswith("-") for name in names):
                raise UsageError(f"{USAGE}, got {' '.join(names)}")
            config = CheckConfig(target=str(file), stage=",".join(names) or None, no_train=True)
            source = replace(find_source(config.check()), folders=(str(Path.cwd()),))
            return ShownReport(examine(config, Terminal(quiet=True), source))
        except CommandError as error:
            return Refusal(str(error))
