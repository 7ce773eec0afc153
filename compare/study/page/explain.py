"""The command `explain`: a page with all numbers of the network for a short text."""

import dataclasses
import json
import webbrowser
from importlib import resources
from pathlib import Path

import numpy as np

from compare.files import JsonObject, Output, check_outputs, is_page
from compare.implementations import CELLS
from compare.parity import SharedOptions, limited_threads
from compare.runs import Course, Snapshot, newest_run, read_course
from compare.study.config import ExplainConfig
from compare.study.page.build import MARK, PageSize, check_cell, write_page
from compare.study.page.own_network import read_own_network
from compare.study.page.record import SETTINGS, record
from compare.terminal import PACKAGE, Terminal, UsageError, all_but, plural, refuse_options
from scratch_rnn.text import Vocab


def explain(config: ExplainConfig, terminal: Terminal | None = None) -> Path:
    """Write the page and return its path.

    A UsageError says that no token of the text is in the vocabulary, the file at the path is not a
    page of `explain`, or the page has no script for the cell or does not know a setting of the
    training; a RecordError, that the weights cannot be read, or the page cannot show their model.
    """
    terminal = terminal or Terminal(quiet=True)
    config.check()
    _refuse_replacing(config)
    if config.cell is not None:
        check_cell(config.cell)
    course = choose_course(config, terminal)
    check_cell(course.setting.cell)  # before the results are computed
    unknown = all_but(course.setting, *SETTINGS)
    refuse_options(course.setting, unknown, "a run with settings that the page knows")
    with limited_threads(1):
        made = record(config.text, course, terminal)
        small = _small(course)
    size = write_page(made, config.out, most_bytes=round(config.megabytes * 1e6), small=small)
    terminal.line(_left_out(size))
    if size.has_small:
        terminal.line("A menu on the page switches to the demonstration, a small network.")
    address = config.out.resolve().as_uri()
    terminal.line(f"Written to {config.out} ({size.num_bytes / 1e3:,.0f} kB).")
    if not (config.open and webbrowser.open(address)):
        terminal.line(f"Open it in a browser: {address}")
    return config.out


def _refuse_replacing(config: ExplainConfig) -> None:
    """Refuse an --out that is neither a page nor to be overwritten, or whose weights are read."""

    def is_older(path: Path) -> bool:
        return config.overwrite or is_page(path, MARK)

    run = config.checkpoint
    if run is None and config.weights is None and config.cell is None:
        run = newest_run(config.runs)
    read = [*filter(None, (run, config.weights, config.vocab))]
    for end in ("safetensors", "jsonl"):
        read += [file for path in read for file in path.rglob(f"*.{end}")]
    advice = " (--overwrite replaces it)"
    out = Output("--out", config.out, "an older page", is_older, advice, makes_folder=True)
    check_outputs([out], read)


def _small(course: Course) -> JsonObject | None:
    """Return the demonstration with the same cell for the page of a run; None if there is none."""
    try:
        small = demonstration(course.setting.cell)
    except UsageError:
        return None
    if course.source == small.source:
        return None
    ends = small.snapshots[0], small.snapshots[-1]
    return record(ExplainConfig().text, dataclasses.replace(small, snapshots=ends))


def choose_course(config: ExplainConfig, terminal: Terminal) -> Course:
    """Return the requested network, or else the newest run, or else the demonstration."""
    if config.weights is not None and config.vocab is not None:
        course = read_own_network(config.weights, config.vocab, config.nonlinearity)
        terminal.line(f"Weights: {config.weights}")
        return course
    if config.cell is not None:
        course = demonstration(config.cell)
        terminal.line(f"Weights: {course.source}")
        return course
    path = config.checkpoint or newest_run(config.runs)
    if path is None:
        course = demonstration()
        terminal.line(
            f"No run under {config.runs}/: this is {course.source}. "
            f"`{PACKAGE} run --quick` trains your own model."
        )
    else:
        course = read_course(path)
        terminal.line(f"Weights: {path}, {', '.join(s.label for s in course.snapshots)}")
    return course


def demonstration(cell: str = "rnn") -> Course:
    """Return the training of the small network with this cell; UsageError if there is none.

    It has 16 units, and docs/scripts/train_demonstration.py trained it on the first 10,000
    characters of The Time Machine. Each cell has its file in the package, demonstration-CELL.npz.
    """
    file = resources.files(__package__).joinpath(f"demonstration-{cell}.npz")
    if not file.is_file():
        raise UsageError(
            f"expected a cell with a demonstration, got {cell}; "
            f"`{PACKAGE} train --cell {cell}` trains one, and then `{PACKAGE} explain` shows it"
        )
    with file.open("rb") as content, np.load(content) as arrays:
        facts = json.loads(str(arrays["facts"]))
        setting, vocab = SharedOptions(**facts["setting"]), Vocab.from_list(facts["vocabulary"])
        snapshots = []
        for epoch in facts["epochs"]:
            start = f"{epoch}/"
            weights = {
                name.removeprefix(start): arrays[name] for name in arrays if name.startswith(start)
            }
            label = f"after {epoch:,} epochs" if epoch else "untrained"
            snapshots.append(Snapshot(float(epoch), label, weights))
        curve = tuple(arrays["curve"].tolist())
    network = f"{CELLS[cell].title} of {setting.hidden_size} units"
    source = f"the demonstration, {network}, trained on The Time Machine"
    return Course(source, setting, vocab, tuple(snapshots), curve)


def _left_out(size: PageSize) -> str:
    """Return a line about the checkpoints that are left out."""
    kept, details, of = len(size.kept), len(size.with_details), size.num_checkpoints
    if details == of:
        return f"{plural(of, 'checkpoint')}, with all weights"
    return (
        f"{kept} of {of} checkpoints, {details} of them with their weights: "
        f"the limit is {size.most_bytes / 1e6:g} MB (--megabytes)"
    )
