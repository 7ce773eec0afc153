"""``rnn-parity bisect``: find the first difference between two implementations.

Both train on the same batches. Before each update, the suspect gets our parameters and our state.
So a difference after the update comes from this update, and its tolerance can be computed from this
update. The result is the first update, time step, tensor and element that differ. The smallest
batch that still shows the difference is written to a file, so that it can be shown again.
"""

from __future__ import annotations

import dataclasses
import importlib
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import scratch_rnn
from compare.check import (
    Comparison,
    TrainingCase,
    find_bug,
    load_file,
    package_with,
    table_of,
)
from compare.files import RecordError, plain
from compare.parity import (
    Materials,
    ParityError,
    check_device,
    limited_threads,
    prepared,
    show_parity,
)
from compare.study.bisection import replay as replays
from compare.study.bisection.search import Parting, Search, differences, narrowed, search
from compare.study.bisection.suspects import BatchSetting, NumPySuspect, Suspect, TorchSuspect
from compare.study.config import BisectConfig
from compare.terminal import Terminal, UsageError, plural

__all__ = ["BisectConfig", "bisect", "search"]


def bisect(config: BisectConfig, terminal: Terminal | None = None) -> Search:
    """Search for the first difference, print it, and write it to a file.

    Raises
    ------
    ParityError
        If there is a difference.
    UsageError, DeviceError, scratch_rnn.text.DataError, RecordError
        If an option, the device, the text or a file cannot be used.
    """
    terminal = terminal or Terminal(quiet=True)
    if config.replay is not None:
        return _show_again(config, config.replay, terminal)
    return _search(config.check(), terminal, keep=True)


def _search(config: BisectConfig, terminal: Terminal, *, keep: bool) -> Search:
    suspect = make_suspect(config.suspect, config.cell)
    with prepared(_without_device(config), terminal) as materials:
        check_device(config.device)
        terminal.line(f"Suspect: {suspect.name}")
        case, setting = _beginning(config, materials)
        found = search(case, suspect, setting, config.updates)
        if found.parting is None:
            _show_agreement(found, suspect, terminal)
            return found
        parting = narrowed(found.parting, suspect)
    _show_parting(parting, suspect, terminal)
    if keep:
        path = config.output or Path("runs") / f"bisect-{_file_name(config)}.safetensors"
        size = replays.write(
            path, replays.make_replay(parting, config.suspect, _settings_of(config))
        )
        terminal.line()
        terminal.line(f"Written to {path}, {size:,} bytes. To show it again:")
        again = f" --implementation {config.implementation}" if config.implementation else ""
        terminal.line(f"  rnn-parity bisect --replay {path}{again}", "bold")
    raise ParityError(_verdict(parting, suspect))


def _verdict(parting: Parting, suspect: Suspect) -> str:
    what = parting.raised or f"a different {parting.first.tensor}"
    return f"expected {suspect.name} to agree, got {what} at update {parting.update}"


def make_suspect(description: dict[str, Any], cell: str = "rnn") -> Suspect:
    """Build the suspect from its description.

    Raises
    ------
    UsageError
        If a class cannot be imported.
    """
    bug, implementation, dtype, device = (
        description[name] for name in ("bug", "implementation", "dtype", "device")
    )
    if bug is not None:
        return NumPySuspect(find_bug(bug).load(), f"scratch_rnn with the bug {bug}", dtype)
    if implementation is not None:
        package = package_with(import_class(implementation), cell)
        return NumPySuspect(package, implementation, dtype)
    if device == "cpu" and dtype == "float64":
        return NumPySuspect(scratch_rnn, "scratch_rnn in float64, against float32", dtype)
    return TorchSuspect(device, dtype)


def import_class(name: str) -> type:
    """Import MODULE:CLASS, also from the working directory; or FILE:CLASS.

    Raises
    ------
    UsageError
        If there is no such thing, or it is no class with forward and backward.
    """
    where, _, class_name = name.rpartition(":")
    is_file = where.endswith(".py")
    sys.path.insert(0, str(Path(where).parent.absolute() if is_file else Path.cwd()))
    try:
        found = getattr((load_file if is_file else importlib.import_module)(where), class_name)
    except Exception as error:  # whatever the code in it raises
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise UsageError(
            f"expected --implementation to name FILE:CLASS or MODULE:CLASS, got {name!r}: {reason}"
        ) from error
    finally:
        sys.path.pop(0)
    if not isinstance(found, type):
        raise UsageError(f"expected --implementation to name a class, got {name!r}")
    for method in ("forward", "backward"):
        if not callable(getattr(found, method, None)):
            raise UsageError(
                "expected --implementation to name a class of NumPy with forward and backward, "
                f"got {name!r}, which has no {method}"
            )
    return found


def _without_device(config: BisectConfig) -> BisectConfig:
    """Return the configuration of our model: on the CPU; in float32 if the suspect is float64."""
    plain = config.bug is None and config.implementation is None and config.device == "cpu"
    dtype = "float32" if plain else config.dtype
    return dataclasses.replace(config, device="cpu", dtype=dtype)


def _beginning(config: BisectConfig, materials: Materials) -> tuple[TrainingCase, BatchSetting]:
    """Return the initial parameters with the settings, and the source of the batches."""
    rnn = materials.scratch.rnn
    options = {
        "input_size": rnn.input_size,
        "hidden_size": rnn.hidden_size,
        "num_layers": rnn.num_layers,
        "dtype": str(rnn.dtype),
    }
    options |= {"nonlinearity": rnn.nonlinearity} if config.cell == "rnn" else {}
    case = TrainingCase(
        options=options,
        parameters={name: p.copy() for name, p in materials.scratch.parameters.items()},
        batches=(),
        state=materials.scratch.begin_state(config.batch_size),
        lr=config.lr,
        max_norm=config.max_norm,
        carry_state=config.carry_state,
        cell=config.cell,
    )
    setting = BatchSetting(
        np.asarray(materials.batches.corpus),
        config.batch_size,
        config.num_steps,
        config.sampling,
        config.seed,
    )
    return case, setting


# What is shown --------------------------------------------------------------------------------


def _show_agreement(found: Search, suspect: Suspect, terminal: Terminal) -> None:
    terminal.line(
        f"No difference in {found.updates} updates. The largest difference is "
        f"{found.closest:.0%} of what rounding explains: {found.closest_tensor}, update "
        f"{found.closest_update}.",
        "green",
    )
    terminal.line(
        "Some bugs show only with other options: --cell, --state carried, --num-layers 2, "
        "--nonlinearity relu, --dtype float64, a larger --lr."
    )


def _show_parting(parting: Parting, suspect: Suspect, terminal: Terminal) -> None:
    terminal.line()
    terminal.line(
        f"First difference: update {parting.update} (epoch {parting.epoch + 1}, batch "
        f"{parting.batch})",
        "bold red",
    )
    if parting.raised:
        terminal.line(f"  raised   {parting.raised}")
        return
    wrong = [c for c in parting.comparisons if not c.ok]
    first = parting.first
    terminal.line(f"  tensor   {first.tensor}, the first of {_count(wrong)}")
    if parting.step is not None:
        steps = parting.case.batches[0].inputs.shape[1]
        how = "" if parting.layer is None else f", from the {parting.layer.tensor} of the layer"
        terminal.line(f"  step     {parting.step} of {steps}{how}")
    terminal.line(f"  element  {first.describe()}")
    if parting.smallest is not None:
        B, T = parting.smallest.batches[0].inputs.shape
        terminal.line(f"  smallest batch that shows it: {plural(B, 'row')}, {plural(T, 'step')}")
    elif first.tensor not in ("inputs", "targets"):
        terminal.line("  one update alone does not show it: it depends on earlier updates")
    terminal.line()
    shown = [c for c in parting.comparisons if not (c.ok and c.tensor.endswith(" passes"))]
    show_parity(table_of(shown), terminal)


def _show_again(config: BisectConfig, path: Path, terminal: Terminal) -> Search:
    replay = replays.read(path)
    named = replay.suspect.implementation
    if named is not None and config.implementation != named:
        raise UsageError(
            f"expected --implementation {named} beside --replay, since the file names this code "
            f"and it would run, got {config.implementation or 'none'}"
        )
    if not replay.alone:
        try:
            again = BisectConfig.from_json(dict(replay.setting))
        except ValueError as error:
            raise RecordError(f"expected the options of a search in {path}: {error}") from error
        if again.suspect != plain(replay.suspect):
            raise RecordError(f"expected one suspect in {path}, got two")
        return _search(again, terminal, keep=False)
    check_device(replay.suspect.device)
    suspect = make_suspect(plain(replay.suspect), replay.case.cell)
    B, T = replay.case.batches[0].inputs.shape
    terminal.line(f"Suspect: {suspect.name}")
    terminal.line(f"One update on {plural(B, 'row')} of {plural(T, 'step')}")
    with limited_threads(1):
        wrong = differences(replay.case, suspect)
    if not wrong:
        terminal.line("No difference now.", "green")
        return Search(None, 1)
    first = next((c for c in wrong if c.tensor == replay.tensor), wrong[0])
    terminal.line(f"  tensor   {first.tensor}, one of {_count(wrong)}")
    if first.step is not None:
        terminal.line(f"  step     {first.step} of {T}")
    terminal.line(f"  element  {first.describe()}")
    terminal.line()
    show_parity(table_of(wrong), terminal)
    raise ParityError(f"expected {suspect.name} to agree, got a different {first.tensor}")


def _settings_of(config: BisectConfig) -> dict[str, Any]:
    return dataclasses.replace(config, output=None, replay=None).to_json()


def _file_name(config: BisectConfig) -> str:
    if config.bug is not None:
        return config.bug
    if config.implementation is not None:
        return re.sub(r"[/\\:]", ".", config.implementation)
    return f"{config.device}-{config.dtype}"


def _count(wrong: Sequence[Comparison]) -> str:
    return plural(len(wrong), "that differs", "that differ")
