"""``rnn-parity new``: six functions to write, in a file or a notebook; or an adapter."""

from compare.check.core.config import NewConfig
from compare.check.exercise.adapter import FILL, write_adapter
from compare.check.exercise.notebook_template import write_notebook
from compare.check.exercise.template import NO_EQUATIONS, write_template
from compare.files import write_file
from compare.implementations import CELLS, NOTEBOOK, guess_cell_of_class
from compare.terminal import Terminal, plural


def write_exercise(config: NewConfig, terminal: Terminal | None = None) -> None:
    """Write the template of a cell, or an adapter for a class.

    Parameters
    ----------
    config : NewConfig
        The new file and the options of ``rnn-parity new``.
    terminal : Terminal, optional
        Where to print the next step. Default: nothing is printed.

    Raises
    ------
    UsageError, OSError
        If the file exists, cannot be written, or has another ending; or the class cannot be loaded.
    """
    terminal = terminal or Terminal(quiet=True)
    file = config.check().path
    cell = config.cell or guess_cell_of_class([file.stem]) or next(iter(CELLS))
    target, what = str(file), f"six functions (cell {cell}). Fill in one, then:"
    if config.for_:
        text = write_adapter(config.for_, file, config.cell)
        marked = text.count(FILL)
        lines = f"Fill in the {plural(marked, 'line')} marked FILL IN"
        todo = lines if marked else "Change what does not fit"
        target, what = f"{file}:Adapted", f"an adapter. {todo}, then:"
    else:
        text = write_template(cell, file.name, has_backward=not config.no_equations)
        flag = f" {NO_EQUATIONS}" if config.no_equations else ""
        text = write_notebook(text, file.name, flag) if file.suffix == NOTEBOOK else text
        target += flag
    write_file(file, [text.encode()], replaces=False)
    terminal.line(f"Written to {file}: {what}")
    terminal.line(f"  rnn-parity check {target}", "bold", whole=True)
