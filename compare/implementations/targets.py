"""Implementations by their targets: what a user types is read once, and then loaded."""

import re
from functools import partial
from importlib.util import spec_from_file_location
from pathlib import Path
from typing import Any

from compare.files import RecordError, open_input
from compare.implementations.core.cells import CELLS
from compare.implementations.core.failures import CallFailed, Verdict
from compare.implementations.core.guesses import guess_cell_of_functions
from compare.implementations.core.interface import Implementation, Results, demand_equal_sizes
from compare.implementations.inside.adapters.registry import RESOLVER
from compare.implementations.inside.notebook import NOTEBOOK
from compare.implementations.layers.detection import detect_cell, detect_conventions
from compare.implementations.layers.functions import SubmissionFunctions
from compare.implementations.layers.functions_layer import FunctionsLayer
from compare.implementations.layers.user_layer import UserLayer, UserLayerFactory
from compare.implementations.layouts.gate_order import parse_order
from compare.implementations.stored.target import Target, read_target, refuse_target
from compare.implementations.stored.weights import (
    LIBRARIES,
    add_second_biases,
    choose_layer,
    find_layers,
    read_layers,
)
from compare.implementations.worker.client import Submission
from compare.implementations.worker.in_process import InProcess
from compare.implementations.worker.source import Source
from compare.terminal import UsageError
from scratch_rnn.checks import brief

MOST_BYTES = 2**26  # of a file of Python, or of a notebook with its pictures


def implementation(
    target: str,
    cell: str | None = None,
    *,
    device: str | None = None,
    gates: str | None = None,
    **limits: Any,
) -> Implementation:
    """Return the implementation that a target names; UsageError if there is none.

    RecordError if it is a layer in a file that cannot be read.

    The layers of scratch_rnn and PyTorch run in this process. A user's code runs in a process of
    its own, which `close` ends; `limits` are fields of its `Source`. Without a cell, the names of
    the class or of the functions decide which it is. `device` is an argument of a module's
    constructor, and `gates` the order in the weights of a user's code.
    """
    read = read_target(target)
    if repr(cell) not in map(repr, (None, *CELLS)):  # an array has no truth value in ==
        raise UsageError(f"expected a cell of {', '.join(CELLS)}, got {brief(cell)}")
    record = CELLS[cell or next(iter(CELLS))]
    if device is not None and not (target == "torch" or read.name):
        raise UsageError(f"expected a PyTorch module on the device {device}, got {target}")
    if gates is not None and (target in ("scratch", "torch") or read.adapter):
        raise UsageError(f"expected code of yours with gates {gates}, got {target}")
    if target == "scratch":
        return Implementation(record, target, record.scratch_layer)
    if target == "torch":
        module = Source(module=record.torch_module, name=record.layer, resolver=RESOLVER)
        layers = UserLayerFactory(Submission(module, start=InProcess), record.name, device=device)
        return Implementation(record, target, layers)
    stored = _read_stored(read)
    _refuse_data(read)
    source = make_source(read, **limits)
    try:
        submission = Submission(source)
    except CallFailed as failure:
        if read.adapter and "ValueError" in failure.kinds:  # of the adapter
            raise UsageError(str(failure).removeprefix("ValueError: ")) from None
        raise refuse_target(target, f": {failure}") from None
    try:
        if source.is_layer:
            found = _load_class(submission, target, cell, device, gates)
        else:
            found = _load_functions(submission, target, cell, gates)
    except BaseException:
        submission.close()
        raise
    if read.adapter:
        found.weights = choose_layer(stored, read.place, read.name) if stored else None
        found.title += f" ({submission.rest})" if submission.rest else ""
    return found


def _read_stored(target: Target) -> dict[str, Results]:
    """Return the parameters of the layers in a library's file; none if they are its inputs."""
    try:
        return read_layers(target.path) if target.adapter else {}
    except RecordError as error:
        if str(error).endswith("an input of the graph"):
            return {}
        raise


def _refuse_data(target: Target) -> None:
    """Raise UsageError for a file of weights or of an array, which another option reads."""
    file, end = target.path.name, target.path.suffix.lower()
    wanted = dict.fromkeys(LIBRARIES, f"expected --weights {file} beside a target such as torch")
    wanted[".npy"] = "two .npy files need --like, such as --like output"
    if target.kind == "file" and end in wanted:
        raise UsageError(f"{file} holds no code: {wanted[end]}")


def make_source(target: Target, advice: str = "", **fields: Any) -> Source:
    """Return what a process loads for a target; UsageError, with advice, if it names no code.

    `fields` are further fields of the source.
    """
    file, fields["resolver"] = target.path.absolute(), RESOLVER
    if adapter := target.adapter:
        return Source(file=str(file), module=adapter.libraries[0], name=target.name, **fields)
    if target.kind == "module":
        folders = (str(Path.cwd()),)
        return Source(module=target.place, name=target.name, folders=folders, **fields)
    try:
        open_input(file, MOST_BYTES).close()
    except OSError as error:
        raise refuse_target(target.text, f": {error.strerror}{advice}") from None
    if file.suffix != NOTEBOOK and spec_from_file_location("", file) is None:
        raise UsageError(f"expected a file of Python, such as my_rnn.py, got {target.text}")
    root = next(folder for folder in file.parents if not (folder / "__init__.py").is_file())
    fields["folders"] = str(root), str(Path.cwd())
    return Source(file=str(file), name=target.name, **fields)


def _load_class(
    submission: Submission, target: str, cell: str | None, device: str | None, gates: str | None
) -> Implementation:
    """Return a class; UsageError if its form is unknown."""
    try:
        record = CELLS[cell or detect_cell(submission) or next(iter(CELLS))]
        order = parse_order(gates, record.name)
        layers = UserLayerFactory(submission, record.name, device=device, order=order)
        detect_conventions(layers)
    except CallFailed as failure:
        other = detect_cell(submission) if cell and failure.verdict == Verdict.NOT_TRIED else cell
        asked = f"; is --cell {other} meant?" if other not in ("", cell) else ""
        if not asked and submission.source.file and failure.verdict == Verdict.NOT_TRIED:
            asked = f"; rnn-parity new --for {target} writes an adapter"
        raise UsageError(f"expected a layer from {target}: {failure}{asked}") from None

    def build(**options: Any) -> UserLayer:
        try:
            return layers(**options)
        except CallFailed as failure:
            for name in ("num_layers", "bidirectional"):
                if f"unexpected keyword argument '{name}'" in str(failure):
                    without = {n: value for n, value in options.items() if n != name}
                    demand_equal_sizes(target, without, options)
            taken = ", ".join(f"{name}={value!r}" for name, value in options.items())
            raise UsageError(f"expected {target} to take {taken}; {failure}") from None

    def read_own(arrays: Results) -> dict[str, Results]:
        names = "|".join(map(re.escape, found.used))
        own = find_layers(arrays, re.compile(rf"(|.*?[./])({names})"))
        whole = {name: each for name, each in own.items() if found.used <= each.keys()}
        return {n: add_second_biases(found.to_ours(a, record.name)) for n, a in whole.items()}

    found = layers.conventions
    layout = found.describe() if found.has_own_names else ""
    if found.order and not gates:
        layout += f" (whether {', '.join(record.gates)} would be right: rnn-parity check {target} "
        layout += f"--gates {','.join(record.gates)})"
    return Implementation(
        record,
        target,
        build,
        submission.close,
        layout=layout,
        lacks=found.lacks,
        is_transposed=found.transposed,
        read_own=read_own,
    )


def _load_functions(
    submission: Submission, target: str, cell: str | None, gates: str | None
) -> Implementation:
    """Return the functions of a file; UsageError if one is missing."""
    record = CELLS[cell or guess_cell_of_functions(submission.names)]
    names = [f"{record.name}_{kind}" for kind in ("forward", "backward")]
    if missing := [name for name in names if name not in submission.names]:
        raise UsageError(f"expected {' and '.join(names)} in {target}, got no {missing[0]}")
    functions = SubmissionFunctions(submission, record.name, parse_order(gates, record.name))
    return Implementation(record, target, partial(FunctionsLayer, functions), submission.close)
