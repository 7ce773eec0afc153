"""``rnn-parity check``: say what is right, what is wrong and where, and name the likely mistake."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib.util import spec_from_file_location
from pathlib import Path
from typing import Any

from compare.check.cases.parts import Part, PartResult
from compare.check.classes.adapters.which import cell_of
from compare.check.classes.conventions import Said
from compare.check.classes.features import (
    missing_of,
    parts_of,
    settle_conventions,
    try_error_handling,
    try_features,
    try_properties,
)
from compare.check.classes.layers import NEEDED, Layers
from compare.check.config import CheckConfig
from compare.check.diagnosis import likely_mistake, name_mistakes
from compare.check.functions.cs231n import CS231N_STAGES
from compare.check.functions.exercises import STAGES
from compare.check.functions.stages import Stage, StageResult
from compare.check.functions.template import template_of
from compare.check.functions.training import Training, train
from compare.check.functions.trying import SubmissionFunctions, reference, try_all
from compare.check.report.report import (
    Report,
    check_can_write,
    notes_of,
    show,
    told_in_short,
    write_json,
)
from compare.check.worker.client import Notes, Source, Submission, Trouble, source_of
from compare.terminal import CommandError, Terminal, UsageError

__all__ = ["CheckConfig", "CheckError", "check", "examine"]


class CheckError(CommandError):
    """Not all that is required is there and right."""


def check(config: CheckConfig, terminal: Terminal | None = None) -> Report | None:
    """Check a file or a class and print what was found; with --new write a template.

    Raises
    ------
    CheckError
        If not all that is required is there and right.
    UsageError
        If a setting won't do, or there is no such file or module.
    DeviceError
        If there is no such device.
    OSError
        If a file cannot be written.
    """
    terminal = terminal or Terminal(quiet=True)
    config.check()
    if config.new is not None:
        cell = config.cell or cell_of(config.new.stem) or "rnn"
        write_template(config.new, cell)
        terminal.line(f"Written: {config.new}, of the cell {cell}. Fill it in, then:")
        terminal.line(f"  rnn-parity check {config.new}", "bold")
        return None
    for path in filter(None, (config.json, config.gradescope)):
        check_can_write(path)
    if config.watch:
        watch(config, terminal)
    report = examine(config, terminal)
    _keep(report, config)
    if not report.ok:
        raise CheckError(f"expected all right, got {_summary(report)}")
    return report


def _summary(report: Report) -> str:
    counts = f"{report.score:g} of {len(report.stages)}"
    failed = report.failed or (report.training.failed if report.training else "")
    if not failed and (wrong := report.wrong):
        failed = f"{wrong[0]['name']}: {wrong[0]['verdict']}"
    return f"{counts}; {failed}" if failed else counts


def _keep(report: Report, config: CheckConfig) -> None:
    if config.json is not None:
        write_json(config.json, report.to_json())
    if config.gradescope is not None:
        write_json(config.gradescope, report.to_gradescope())


def write_template(path: Path, cell: str) -> None:
    """Write the exercise: functions whose docstrings say what is to be written."""
    path.write_text(template_of(cell, path.name), encoding="utf-8")


def watch(config: CheckConfig, terminal: Terminal) -> None:
    """Examine the file again and again, whenever it has changed; Ctrl-C ends it."""
    source = _source(config)
    if not source.file:
        raise UsageError(f"expected a file with --watch, got {config.target}")
    seen = None
    while True:
        changed = Path(source.file).stat().st_mtime_ns if Path(source.file).exists() else seen
        if changed != seen:
            seen = changed
            report = examine(config, terminal)
            _keep(report, config)
            terminal.line()
            terminal.line("Waiting for the file to be saved; Ctrl-C ends this.", "dim")
        time.sleep(0.3)


def _source(config: CheckConfig) -> Source:
    assert config.target is not None
    try:
        source = source_of(
            config.target,
            numpy_only=config.numpy_only,
            seconds=config.timeout,
            gibibytes=config.memory,
        )
    except FileNotFoundError:
        raise _no_such(config, "; --new FILE writes a template") from None
    if source.file and spec_from_file_location("", source.file) is None:
        raise UsageError(f"expected a file of Python, such as my_rnn.py, got {config.target}")
    return source


def _no_such(config: CheckConfig, more: str) -> UsageError:
    got = f"{config.target!r}" + ", which is not there" * str(config.target).endswith(".py")
    return UsageError(f"expected a file, FILE:CLASS or MODULE:CLASS, got {got}{more}")


def loader(config: CheckConfig, notes: Notes | None = None) -> Callable[[], Submission]:
    """Return what loads the code to be checked in a new process."""
    source = _source(config)

    def load() -> Submission:
        try:
            return Submission(source, reference, notes)
        except Trouble as trouble:
            parts = source.module.split(".")
            for name in (".".join(parts[: k + 1]) for k in range(len(parts))):
                if trouble.got.startswith(f"ModuleNotFoundError: No module named {name!r}"):
                    raise _no_such(config, f": no module named {name!r}") from None
            raise

    return load


def examine(config: CheckConfig, terminal: Terminal) -> Report:
    """Check a file or a class, and show what was found."""
    source = _source(config)
    for name in ("layout", "bias", "names", "device", "dtype", "tf32"):
        if getattr(config, name) and not source.name:
            raise UsageError(
                f"expected FILE:CLASS or MODULE:CLASS with --{name}, got {config.target}"
            )
    if config.device:
        check_device(config.device)
    if config.stage is not None and source.name:
        raise UsageError(f"expected a file of functions with --stage, got {config.target}")
    notes = Notes()
    load = loader(config, notes)
    examined = examine_class if source.name else examine_functions
    report = examined(config, load, terminal)
    if not report.adapter:
        report.notes += notes_of(notes)
    show(report, terminal)
    return report


def check_device(device: str) -> None:
    """Refuse a device that PyTorch does not know, or a GPU that is not there."""
    import torch  # not before it is needed

    from compare import parity

    try:
        kind = torch.device(device).type
    except RuntimeError:
        raise UsageError(f"expected a device of PyTorch for --device, got {device!r}") from None
    if kind == "cuda":
        parity.check_device(device)


def examine_functions(
    config: CheckConfig, load: Callable[[], Submission], terminal: Terminal
) -> Report:
    """Check the functions of a file."""
    cell = config.cell or "rnn"
    report = Report(str(config.target), "functions", cell, config.seed, [])
    stages: tuple[Stage, ...] = STAGES[cell]
    loaded = False

    def title() -> None:
        what = _WHAT[report.form if report.cell == "rnn" else report.cell]
        terminal.line(f"{config.target}: {what}, seed {config.seed}")

    try:
        with load() as submission:
            report.cell = config.cell or _cell_of(submission.names)
            stages = STAGES[report.cell]
            if report.cell == "rnn" and "rnn_step_forward" in submission.names:
                report.form, stages = "cs231n", CS231N_STAGES
            if not any(stage.name in submission.names for stage in stages):
                report.notes.append(
                    f"none of them is there; for a class, give {config.target}:CLASS"
                )
        all_stages, stages = stages, _chosen(stages, config.stage)
        loaded = True
        title()
        with _spinner(terminal):
            report.stages = try_chosen(load, all_stages, stages, config)
        if report.form == "functions" and report.score == 6 and not config.no_train:
            report.training = trained(load, report.cell, config, terminal)
    except Trouble as trouble:
        if not loaded:
            title()
        report.stages = _none_of(_chosen(stages, config.stage), trouble)
    return report


def trained(
    load: Callable[[], Submission], cell: str, config: CheckConfig, terminal: Terminal
) -> Training:
    """Train six right functions in lock-step with PyTorch."""
    with load() as submission:
        return train(cell, SubmissionFunctions(submission), config.text, terminal)


def _spinner(terminal: Terminal) -> AbstractContextManager[Any]:
    return terminal.console.status("trying …") if terminal.live else nullcontext()


_WHAT = {
    "functions": "six functions",
    "cs231n": "CS231n's four functions",
    "gru": "six functions, of a GRU",
    "lstm": "six functions, of an LSTM",
}


def _cell_of(names: Iterable[str]) -> str:
    """Return the cell of which most functions are there."""

    def many(cell: str) -> int:
        return sum(stage.name in names for stage in STAGES[cell])

    return max(STAGES, key=many)


def _none_of(parts: Sequence[Part], trouble: Trouble) -> list[PartResult]:
    """Return what came of parts that cannot be tried at all."""
    return [
        PartResult(part, trouble.verdict, expected=trouble.expected, got=trouble.got)
        for part in parts
    ]


def examine_class(
    config: CheckConfig, load: Callable[[], Submission], terminal: Terminal
) -> Report:
    """Check a recurrent layer, and feature by feature what else it has."""
    report = Report(str(config.target), "class", config.cell or "rnn", config.seed, [])
    report.strict = config.strict
    said = Said.of(config.layout, config.bias, config.names)
    terminal.line(f"{config.target}: a recurrent layer, seed {config.seed}")
    try:
        with _spinner(terminal), load() as submission:
            report.adapter = submission.adapter
            report.form = "torch" if submission.adapter == "torch_module" else "class"
            report.cell = config.cell or submission.cell or "rnn"
            layers = Layers(
                submission, report.cell, config.dtype, config.device, tf32=config.tf32, said=said
            )
            report.stages = settle_conventions(layers, config.seed)
            if layers.conventions.names:
                taken = layers.conventions.described(said)
                terminal.line(f"Taken for: cell {report.cell}, {taken}", "dim")
            else:
                report.failed = told_in_short(report.stages[0])
            lacks_something = report.stages[0].got.startswith(("TypeError", "AttributeError"))
            if lacks_something and report.adapter in NEEDED:
                report.notes.append(NEEDED[report.adapter])
            transposed = layers.conventions.transposed
            name_mistakes(report.stages, report.cell, transposed=transposed)
            if report.stages[0].verdict == "right":
                rights = [r.stage.name for r in report.stages if r.verdict == "right"]
                report.features = try_features(layers, config.seed, config.deep, rights)
                if report.score == len(report.stages):  # what is wrong would break properties too
                    missing = missing_of(report.features)
                    report.properties = try_properties(layers, missing, config.seed, config.deep)
                    report.error_handling = try_error_handling(layers, report.properties)
            if layers.forward_only and not report.adapter:
                without = Trouble("missing", "no method backward")
                report.stages += _none_of(parts_of(report.cell)[1:], without)
            elif layers.forward_only:
                report.notes.append("forward only: gradients are not asked for")
    except Trouble as trouble:
        report.stages = report.stages or _none_of(parts_of(report.cell), trouble)
        report.failed = str(trouble)
    return report


def _chosen(stages: tuple[Stage, ...], name: str | None) -> tuple[Stage, ...]:
    if name is None:
        return stages
    chosen = tuple(stage for stage in stages if stage.name == name)
    if not chosen:
        names = ", ".join(stage.name for stage in stages)
        raise UsageError(f"expected --stage to be one of {names}, got {name!r}")
    return chosen


def try_chosen(
    load: Callable[[], Submission],
    stages: tuple[Stage, ...],
    chosen: tuple[Stage, ...],
    config: CheckConfig,
) -> list[PartResult]:
    """Try the chosen stages, after those whose functions they may call: ours may replace them."""
    helpers = {name for stage in chosen for name in stage.helped_by}
    tried = tuple(stage for stage in stages if stage in chosen or stage.name in helpers)
    return [result for result in try_stages(load, tried, config) if result.stage in chosen]


def try_stages(
    load: Callable[[], Submission], stages: tuple[Stage, ...], config: CheckConfig
) -> list[StageResult]:
    """Try stages, with one seed or with ten; find the mistake that each wrong one looks like."""
    results = try_all(load, stages, config.seed)
    seeds = [config.seed] * len(results)  # with which each of them was found
    for seed in range(config.seed + 1, config.seed + 10 if config.deep else 0):
        again = try_all(load, stages, seed)
        for k, (first, later) in enumerate(zip(results, again, strict=True)):
            if first.verdict == "right":
                later.cases += first.cases
                results[k], seeds[k] = later, seed
    for result, seed in zip(results, seeds, strict=True):
        if result.verdict == "wrong":
            diagnose(result, load, seed)
    return results


def diagnose(result: StageResult, load: Callable[[], Submission], seed: int) -> None:
    """Put into a result which mistake it looks like."""
    try:
        with load() as submission:
            functions = SubmissionFunctions(submission, result.replaced)
            result.likely = likely_mistake(result, functions, seed)
    except Trouble:
        return
