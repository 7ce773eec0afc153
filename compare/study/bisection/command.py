"""``rnn-parity bisect``: find the first difference between two implementations.

A difference that is found is a success, as in ``git bisect``: the exit code is 0. Both train on the
same batches. Before each update, the suspect gets our parameters and our state: a difference after
the update comes from this update, and its tolerance is computed from it. The result is the first
update, time step, tensor and element that differ. The smallest batch that still shows the
difference is written to a file, so that it can be shown again.
"""

import contextlib
import dataclasses
import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

import scratch_rnn
from compare import check, implementations, mistakes, parity
from compare.files import Output, RecordError, check_outputs
from compare.pairs import bisect_pair
from compare.study.bisection import replay as replays
from compare.study.bisection.search import (
    TOKENS,
    FirstDifference,
    SearchResult,
    differences,
    narrow,
    search,
)
from compare.study.bisection.suspects import NumPySuspect, Suspect, TorchSuspect
from compare.study.config import BisectConfig, SuspectOptions
from compare.terminal import Terminal, UsageError, plural, refuse_options
from scratch_rnn.text import Batches

LIMIT = 60.0
"""Seconds of the processor for each call of a user's code; all calls together have no limit."""


def find_difference(config: BisectConfig, terminal: Terminal) -> None:
    """Find the first difference of two targets, or of two trainings, and print it."""
    if config.targets:
        bisect_pair(config.check(), config, terminal)
    else:
        bisect(config, terminal)


def bisect(config: BisectConfig, terminal: Terminal | None = None) -> SearchResult:
    """Search for the first difference, print it, write it to a file, and return it."""
    terminal = terminal or Terminal(quiet=True)
    config.check()
    if config.replay is not None:
        return _show_again(config, config.replay, terminal)
    path = config.output or Path("runs") / f"bisect-{_file_name(config)}.safetensors"
    output = Output("--output", path, "an older file", replays.is_replay, makes_folder=True)
    read = [config.text, implementations.read_target(config.implementation or "").path]
    check_outputs([output], filter(None, read))
    return _search(config, terminal, path)


def _search(config: BisectConfig, terminal: Terminal, path: Path | None = None) -> SearchResult:
    """Search, and write the result to the path, if one is given."""
    with (
        contextlib.closing(make_suspect(config.suspect, config.cell)) as suspect,
        parity.prepare(_without_device(config), terminal) as experiment,
    ):
        parity.check_device(config.device)
        terminal.line(f"Suspect: {suspect.name}")
        case, make_batches = _beginning(config, experiment)
        found = search(case, suspect, make_batches, config.updates)
        if found.difference is None:
            _show_agreement(found, terminal)
            return found
        difference = narrow(found.difference, suspect)
    _show_difference(difference, suspect, terminal)
    if path is not None:
        again = dataclasses.replace(config, output=None, replay=None).to_json()
        tensor, smallest = difference.first.tensor, difference.smallest
        case, alone = smallest or difference.case, smallest is not None
        size = replays.write(path, replays.Replay(config.suspect, case, alone, again, tensor))
        terminal.line()
        terminal.line(f"Written to {path}, {size:,} bytes. To show it again:")
        code = f" --implementation {config.implementation}" if config.implementation else ""
        terminal.line(f"  rnn-parity bisect --replay {path}{code}", "bold", whole=True)
    return dataclasses.replace(found, difference=difference)


def make_suspect(options: SuspectOptions, cell: str = "rnn") -> Suspect:
    """Build the suspect from its options; UsageError if there is no such implementation.

    Its `close` ends the process of a user's code.
    """
    bug, implementation, dtype = options.bug, options.implementation, options.dtype
    if bug is not None:
        return NumPySuspect(mistakes.find_bug(bug).load(), f"scratch_rnn with the bug {bug}", dtype)
    if implementation is not None:
        other = implementations.implementation(implementation, cell, seconds=LIMIT, total=math.inf)
        package = implementations.package_with(other)
        return NumPySuspect(package, implementation, dtype, close=other.close)
    if options.device == "cpu" and dtype == "float64":
        return NumPySuspect(scratch_rnn, "scratch_rnn in float64, against float32", dtype)
    return TorchSuspect(options.device, dtype)


def _without_device(config: BisectConfig) -> BisectConfig:
    """Return the configuration of our model: on the CPU; in float32 if the suspect is float64."""
    plain = config.bug is None and config.implementation is None and config.device == "cpu"
    dtype = "float32" if plain else config.dtype
    return dataclasses.replace(config, device="cpu", dtype=dtype)


def _beginning(
    config: BisectConfig, experiment: parity.Experiment
) -> tuple[check.TrainingCase, Callable[[type[Batches]], Batches]]:
    """Return the initial parameters with the settings, and a function that makes the batches."""
    rnn, corpus = experiment.scratch.rnn, np.asarray(experiment.batches.corpus)
    names = ["input_size", "hidden_size", "num_layers"]
    names += ["nonlinearity"] if len(implementations.CELLS[config.cell].nonlinearities) > 1 else []
    case = check.TrainingCase(
        options={name: getattr(rnn, name) for name in names} | {"dtype": str(rnn.dtype)},
        parameters={name: p.copy() for name, p in experiment.scratch.parameters.items()},
        batches=(),
        state=experiment.scratch.begin_state(config.batch_size),
        settings=config.step,
        carry_state=config.carry_state,
        cell=config.cell,
    )

    def make_batches(batches_class: type[Batches]) -> Batches:
        sizes = config.batch_size, config.num_steps
        return batches_class(corpus, *sizes, sampling=config.sampling, seed=config.seed)

    return case, make_batches


def _show_agreement(found: SearchResult, terminal: Terminal) -> None:
    terminal.line(
        f"No difference in {found.updates} updates. The largest difference is "
        f"{found.closest:.0%} of its tolerance: {found.closest_tensor}, update "
        f"{found.closest_update}.",
        "green",
    )
    terminal.line(
        "Some bugs show only with other options: --cell, --state carried, --num-layers 2, "
        "--nonlinearity relu, --dtype float64, a larger --lr."
    )


def _show_difference(difference: FirstDifference, suspect: Suspect, terminal: Terminal) -> None:
    what = f"raised {difference.raised}" if difference.raised else difference.first.tensor
    found = f"Found the first difference of {suspect.name}: {what} at update {difference.update}"
    terminal.line(f"{found} (epoch {difference.epoch + 1}, batch {difference.batch})", "bold green")
    if difference.raised:
        return
    first, steps = difference.first, difference.case.batches[0].inputs.shape[1]
    layer = difference.layer
    how = "" if layer is None else f", where {layer.tensor} differs when the layer runs alone"
    step = None if difference.step is None else f"{difference.step} of {steps}{how}"
    _show_first(difference, "the first", step, terminal)
    if difference.smallest is not None:
        B, T = difference.smallest.batches[0].inputs.shape
        terminal.line(f"  smallest batch that shows it: {plural(B, 'row')}, {plural(T, 'step')}")
    elif first.tensor not in TOKENS:
        terminal.line("  one update alone does not show it: it depends on earlier updates")
    terminal.line()
    shown = [c for c in difference.comparisons if not (c.ok and c.tensor.endswith(" passes"))]
    parity.show_parity(parity.tabulate(shown), terminal)


def _show_first(
    difference: FirstDifference, which: str, step: str | None, terminal: Terminal
) -> None:
    first, wrong = difference.first, [c for c in difference.comparisons if not c.ok]
    count = plural(len(wrong), "that differs", "that differ")
    terminal.line(f"  tensor   {first.tensor}, {which} of {count}")
    if difference.stage is not None:
        terminal.line(f"  stage    {difference.stage}")
    if step is not None:
        terminal.line(f"  step     {step}")
    terminal.line(f"  element  {first.describe()}")


def _show_again(config: BisectConfig, path: Path, terminal: Terminal) -> SearchResult:
    replay = replays.read(path)
    named = replay.suspect.implementation
    if named is None:
        refuse_options(config, ["implementation"], f"--replay {path} alone")
    elif config.implementation != named:
        raise UsageError(
            f"expected --implementation {named} with --replay, because the file would run this "
            f"code, got {config.implementation or 'none'}"
        )
    if not replay.alone:
        try:
            again = BisectConfig.from_json(dict(replay.setting))
        except ValueError as error:
            raise RecordError(f"expected the options of a search in {path}: {error}") from error
        if again.suspect != replay.suspect:
            raise RecordError(f"expected one suspect in {path}, got two")
        return _search(again, terminal)
    parity.check_device(replay.suspect.device)
    B, T = replay.case.batches[0].inputs.shape
    with (
        contextlib.closing(make_suspect(replay.suspect, replay.case.cell)) as suspect,
        parity.limited_threads(1),
    ):
        terminal.line(
            f"Suspect: {suspect.name}, one update on {plural(B, 'row')} of {plural(T, 'step')}"
        )
        wrong = differences(replay.case, suspect)
    if not wrong:
        terminal.line("No difference now.", "green")
        return SearchResult(None, 1)
    first = next((c for c in wrong if c.tensor == replay.tensor), wrong[0])
    terminal.line(f"Found the first difference of {suspect.name}: {first.tensor}", "bold green")
    step = None if first.step is None else f"{first.step} of {T}"
    stage = check.name_stage(replay.case, first.tensor)
    found = FirstDifference(1, 0, 1, replay.case, wrong, first, first.step, stage=stage)
    _show_first(found, "one", step, terminal)
    terminal.line()
    parity.show_parity(parity.tabulate(wrong), terminal)
    return SearchResult(found, 1)


def _file_name(config: BisectConfig) -> str:
    if config.bug is not None:
        return config.bug
    if config.implementation is not None:
        return re.sub(r"[/\\:]", ".", config.implementation)
    return f"{config.device}-{config.dtype}"
