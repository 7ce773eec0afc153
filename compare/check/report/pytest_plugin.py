"""``pytest --rnn-parity my_rnn.py``: a test for each stage, part, feature or property of a file.

If all six functions are right, one more test trains them in lock-step with PyTorch.

The wheel registers this module with pytest, in every project of the environment. So it imports
only what is needed, and does nothing without its option.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

OPTION = "--rnn-parity"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("rnn-parity", "check a recurrent network")
    group.addoption(
        OPTION,
        metavar="FILE|FILE:CLASS",
        help="check this file or class, with a test for each stage; see `rnn-parity check --help`",
    )
    group.addoption("--rnn-parity-cell", metavar="CELL", help="rnn, gru, lstm, …")
    group.addoption(
        "--rnn-parity-seed", default=0, type=int, metavar="N", help="seed of the test cases"
    )


def pytest_collection(session: pytest.Session) -> None:
    """Collect the tests of this option alone, unless files are named too."""
    config = session.config
    names_files = config.args_source == pytest.Config.ArgsSource.ARGS
    if config.getoption(OPTION) is not None and not names_files:
        config.args = [str(_file_of(config.getoption(OPTION)))]


def _file_of(target: str) -> Path:
    from compare.implementations import parse_target  # not before it is needed

    try:
        return Path(parse_target(target).file or target)
    except FileNotFoundError:
        return Path(target)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the stages of the file."""
    target = parent.config.getoption(OPTION)
    if target is None or _file_of(target).resolve() != file_path.resolve():
        return None
    return Stages.from_parent(parent, path=file_path)


class Stages(pytest.File):
    """The stages of a file, or the parts, features and properties of a class."""

    def collect(self) -> Iterator[pytest.Item]:
        """Check the code, and yield a test for each row of the report."""
        from compare.check import CheckConfig, examine  # not before it is needed
        from compare.implementations import split_target
        from compare.terminal import Terminal, UsageError

        option = self.config.getoption
        names_class = bool(split_target(option(OPTION))[1])
        config = CheckConfig(
            target=option(OPTION),
            cell=option("--rnn-parity-cell"),
            seed=option("--rnn-parity-seed"),
            no_train=not names_class,
        )
        try:
            report = examine(config.check(), Terminal(quiet=True))
        except UsageError as error:
            raise self.CollectError(f"{OPTION}: {error}") from error
        for row in report.rows():
            yield Item.from_parent(self, name=row.name, test=partial(check_row, row))
        if report.form == "functions" and report.ok:
            test = partial(check_training, config, report.cell)
            yield Item.from_parent(self, name="training", test=test)


def check_row(row: Any) -> None:
    """Pass if a row of the report is right; a feature or a property that is missing is skipped."""
    if row.fails:
        pytest.fail(f"{row.name}: {row.verdict}\n{row.message}".rstrip(), pytrace=False)
    if row.verdict == "missing":
        pytest.skip("missing")


def check_training(config: Any, cell: str) -> None:
    """Pass if the functions train as PyTorch does."""
    from compare.check import train_functions  # not before it is needed

    training = train_functions(config, cell)
    if training.failed:
        pytest.fail(f"training in lock-step with PyTorch: {training.failed}", pytrace=False)


class Item(pytest.Item):
    """A test that calls a function."""

    def __init__(self, *, test: Callable[[], None], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.test = test

    def runtest(self) -> None:
        """Pass if the row or the training is right."""
        self.test()

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Name the file and the test."""
        return self.path, None, self.name
