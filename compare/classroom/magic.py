"""``%load_ext compare`` in a notebook: ``%%check rnn_step`` shows the verdict under the cell.

IPython passes its shell; nothing of IPython is imported here. The check reads all cells that were
run so far, in their order, as the command reads a notebook.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from compare.check import CheckConfig, examine, find_source, write_fragment
from compare.terminal import CommandError, Terminal, UsageError, flag_of

FLAG = flag_of("no_equations")


@dataclass(frozen=True, slots=True, repr=False)
class MagicAnswer:
    """The answer of the magic: HTML under the cell, text in a terminal."""

    text: str
    html: str | None = None  # None: the notebook shows the text

    def _repr_html_(self) -> str | None:
        return self.html

    def __repr__(self) -> str:
        return self.text


def load_ipython_extension(shell: Any) -> None:
    """Add the magic `check` to IPython's shell; IPython calls this for ``%load_ext compare``.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        The shell of the notebook; it passes the cells that were run.
    """

    def check(line: str, cell: str | None = None) -> MagicAnswer | None:
        """Run the cell, and check functions: those that the line names, or all six.

        `--no-equations` in the line hides the solution of what students derive.
        """
        if cell is not None and not shell.run_cell(cell).success:
            return None  # the exception is shown
        return check_cells(shell.history_manager.input_hist_raw, line.split())

    shell.register_magic_function(check, "line_cell", "check")


def check_cells(sources: Sequence[str], words: Sequence[str]) -> MagicAnswer:
    """Check functions of these cells; all six if no word but the flag names one."""
    names = [word for word in words if word != FLAG]
    cells = [{"cell_type": "code", "source": source} for source in sources]
    with TemporaryDirectory() as folder:
        file = Path(folder) / "notebook.ipynb"
        file.write_text(json.dumps({"cells": cells}), encoding="utf-8")
        try:
            if any(name.startswith("-") for name in names):
                expected = "expected names of functions, such as %%check rnn_step"
                raise UsageError(f"{expected}, got {' '.join(names)}")
            config = CheckConfig(
                target=str(file), stage=",".join(names) or None, no_equations=FLAG in words
            )
            source = replace(find_source(config.check()), folders=(str(Path.cwd()),))
            report = examine(config, Terminal(quiet=True), source)
        except CommandError as error:
            return MagicAnswer(f"check: {error}")
    texts = (report.describe(), write_fragment(report))  # a cell has IPython's number, as In[4]
    return MagicAnswer(*(re.sub(r"notebook\.ipynb, cell (\d+)", r"In[\1]", text) for text in texts))
