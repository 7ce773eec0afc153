"""``pytest --rnn-parity my_rnn.py``: a test for each stage, feature or law of somebody's code.

When all six functions are right, one more test trains them in lock-step with PyTorch.

The wheel registers this module with pytest, in every project of the environment. So it imports
nothing that is not needed, and without its option it does nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

OPTION = "--rnn-parity"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("rnn-parity", "check a recurrent network that somebody wrote")
    group.addoption(
        OPTION,
        metavar="FILE|FILE:CLASS",
        help="check this file or class, with a test for each stage; see `rnn-parity check --help`",
    )
    group.addoption("--rnn-parity-cell", choices=("rnn", "gru", "lstm"))
    group.addoption("--rnn-parity-seed", default=0, type=int, metavar="N", help="draws the cases")


def pytest_collection(session: pytest.Session) -> None:
    """Let pytest collect this option's tests alone, unless files were named too."""
    config = session.config
    if config.getoption(OPTION) is not None and not _names_files(config):
        config.args = [str(_file_of(config.getoption(OPTION)))]


def _names_files(config: pytest.Config) -> bool:
    return config.args_source == pytest.Config.ArgsSource.ARGS


def _file_of(target: str) -> Path:
    path, colon, name = target.rpartition(":")
    return Path(path if colon and name.isidentifier() else target)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Take the file for a collection of stages."""
    target = parent.config.getoption(OPTION)
    if target is None or _file_of(target).resolve() != file_path.resolve():
        return None
    stages: Stages = Stages.from_parent(parent, path=file_path)
    return stages


class Stages(pytest.File):
    """The stages of a file, or the parts, features and properties of a class."""

    def collect(self) -> Iterator[pytest.Item]:
        """Examine the code, and yield a test for each of its parts."""
        from compare.check import CheckConfig, examine  # not before it is needed
        from compare.terminal import Terminal

        option = self.config.getoption
        config = CheckConfig(
            target=option(OPTION),
            cell=option("--rnn-parity-cell"),
            seed=option("--rnn-parity-seed"),
            no_train=True,
        )
        report = examine(config, Terminal(quiet=True))
        for result in report.stages:
            yield Part.from_parent(self, name=result.stage.name, found=result)
        for found in report.features + report.properties:
            yield Part.from_parent(self, name=found["name"], found=found)
        if report.form == "functions" and report.ok:
            yield Reward.from_parent(self, name="training", cell=report.cell, checked=config)


class Wrong(Exception):
    """A stage that is not right; the message explains it."""


class Item(pytest.Item):
    """A test that says in its own words what is wrong."""

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show the explanation alone."""
        if isinstance(excinfo.value, Wrong):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Name the file and the test."""
        return self.path, None, self.name


class Part(Item):
    """A stage, a feature or a law."""

    def __init__(self, *, found: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.found = found

    def runtest(self) -> None:
        """Pass if it is right; a feature or a law that is not there is skipped."""
        from compare.check.report.report import FAILED, explained  # not before it is needed

        if isinstance(self.found, dict):
            if self.found["verdict"] == "missing":
                pytest.skip("not there")
            if self.found["verdict"] in FAILED:
                names = ("case", "tensor", "found", "got", "likely")
                told = [self.found[name] for name in names if name in self.found]
                raise Wrong(": ".join([self.name, self.found["verdict"], *told]))
        elif self.found.verdict != "right":
            lines = [line.plain for line in explained(self.found)]
            raise Wrong("\n".join([f"{self.name}: {self.found.verdict}", *lines]))


class Reward(Item):
    """The training in lock-step with PyTorch."""

    def __init__(self, *, cell: str, checked: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cell, self.checked = cell, checked

    def runtest(self) -> None:
        """Pass if the functions train as PyTorch does."""
        from compare.check.command import loader, trained  # not before it is needed
        from compare.terminal import Terminal

        training = trained(loader(self.checked), self.cell, self.checked, Terminal(quiet=True))
        if training.failed:
            raise Wrong(f"training in lock-step with PyTorch: {training.failed}")
