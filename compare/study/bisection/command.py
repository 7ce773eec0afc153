"""``rnn-parity bisect``: find the first difference between two implementations.

A difference that is found is a success, as in ``git bisect``: the exit code is 0. Both train on the
same batches. Before each update, the suspect gets our parameters and our state: a difference after
the update comes from this update, and its tolerance is computed from it. The result is the first
update, time step, tensor and element that differ.
"""

import contextlib
import dataclasses
import math
from collections.abc import Callable

import numpy as np

from compare import check, implementations, mistakes, parity
from compare.pairs import bisect_pair
from compare.study.bisection.search import (
    TOKENS,
    FirstDifference,
    SearchResult,
    narrow,
    search,
)
from compare.study.bisection.suspects import NumPySuspect, Suspect, TorchSuspect
from compare.study.config import BisectConfig
from compare.terminal import Terminal, plural
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
    """Search for the first difference of two trainings, print it, and return it."""
    terminal = terminal or Terminal(quiet=True)
    config.check()
    with (
        contextlib.closing(make_suspect(config)) as suspect,
        parity.prepare(dataclasses.replace(config, device="cpu"), terminal) as experiment,
    ):
        parity.check_device(config.device)
        terminal.line(f"Suspect: {suspect.name}")
        case, make_batches = _prepare_search(config, experiment)
        result = search(case, suspect, make_batches, config.updates)
        if result.difference is None:
            _show_agreement(result, implementations.CELLS[config.cell], terminal)
            return result
        difference = narrow(result.difference, suspect)
    _show_difference(difference, suspect, terminal)
    return dataclasses.replace(result, difference=difference)


def make_suspect(config: BisectConfig) -> Suspect:
    """Build the suspect from its options; UsageError if there is no such implementation.

    Its `close` ends the process of a user's code.
    """
    bug, implementation = config.bug, config.implementation
    if bug is not None:
        return NumPySuspect(mistakes.find_bug(bug).load(), f"scratch_rnn with the bug {bug}")
    if implementation is not None:
        other = implementations.implementation(
            implementation, config.cell, seconds=LIMIT, total=math.inf
        )
        package = implementations.build_package(other)
        return NumPySuspect(package, implementation, close=other.close)
    return TorchSuspect(config.device)


def _prepare_search(
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


def _show_agreement(result: SearchResult, cell: implementations.Cell, terminal: Terminal) -> None:
    layers = [] if cell.is_one_layer else ["--num-layers 2"]
    nonlinearity = ["--nonlinearity relu"] if len(cell.nonlinearities) > 1 else []
    others = ", ".join(["--cell", "--state carried", *layers, *nonlinearity, "--dtype float64"])
    terminal.line(
        f"No difference in {result.updates} updates. The largest difference is "
        f"{result.closest:.0%} of its tolerance: {result.closest_tensor}, update "
        f"{result.closest_update}.",
        "green",
    )
    terminal.line(f"Some bugs show only with other options: {others}, a larger --lr.")


def _show_difference(difference: FirstDifference, suspect: Suspect, terminal: Terminal) -> None:
    what = f"raised {difference.raised}" if difference.raised else difference.first.tensor
    headline = f"Found the first difference of {suspect.name}: {what} at update {difference.update}"
    terminal.line(
        f"{headline} (epoch {difference.epoch + 1}, batch {difference.batch})", "bold green"
    )
    if difference.raised:
        return
    first, steps = difference.first, difference.case.batches[0].inputs.shape[1]
    layer = difference.layer
    how = "" if layer is None else f", where {layer.tensor} differs when the layer runs alone"
    step = None if difference.step is None else f"{difference.step} of {steps}{how}"
    wrong = [comparison for comparison in difference.comparisons if not comparison.ok]
    count = plural(len(wrong), "that differs", "that differ")
    terminal.line(f"  tensor   {first.tensor}, the first of {count}")
    if difference.stage is not None:
        terminal.line(f"  stage    {difference.stage}")
    if step is not None:
        terminal.line(f"  step     {step}")
    terminal.line(f"  element  {first.describe()}")
    if not difference.is_alone and first.tensor not in TOKENS:
        terminal.line("  one update alone does not show it: it depends on earlier updates")
    terminal.line()
    comparisons = [c for c in difference.comparisons if not (c.ok and c.tensor.endswith(" passes"))]
    parity.show_parity(parity.tabulate(comparisons), terminal)
