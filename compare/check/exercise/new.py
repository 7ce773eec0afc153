"""``rnn-parity new``: six functions to write, in a file or a notebook."""

from compare.check.exercise.notebook_template import write_notebook
from compare.check.exercise.template import write_template
from compare.check.trying.config import NewConfig
from compare.files import name_file
from compare.implementations import CELLS, NOTEBOOK, guess_cell_of_class
from compare.terminal import Terminal


def write_exercise(config: NewConfig, terminal: Terminal | None = None) -> None:
    """Write the template of a cell; UsageError or OSError if the file is not valid."""
    terminal = terminal or Terminal(quiet=True)
    file = config.check().file
    cell = config.cell or guess_cell_of_class([file.stem]) or next(iter(CELLS))
    text = write_template(cell, file.name)
    if file.suffix == NOTEBOOK:
        text = write_notebook(text, file.name)
    with name_file(file), file.open("x", encoding="utf-8") as opened:
        opened.write(text)
    terminal.line(f"Written to {file}: six functions (cell {cell}). Fill in one, then:")
    terminal.line(f"  rnn-parity check {file}", "bold", whole=True)
