"""Implementations by their targets: what a user types is read once, and then loaded."""

import re
from functools import partial
from typing import Any

from compare.files import RecordError
from compare.implementations.core.cells import CELLS
from compare.implementations.core.failures import CallFailed, Verdict
from compare.implementations.core.guesses import guess_cell_of_functions
from compare.implementations.core.interface import Implementation, Results, demand_equal_sizes
from compare.implementations.layers.detection import detect_cell, detect_conventions
from compare.implementations.layers.functions import SubmissionFunctions
from compare.implementations.layers.functions_layer import FunctionsLayer
from compare.implementations.layers.user_layer import UserLayer, UserLayerFactory
from compare.implementations.layouts.gate_order import parse_order
from compare.implementations.stored.target import (
    Target,
    make_library_source,
    make_source,
    read_target,
    refuse_target,
)
from compare.implementations.stored.weights import (
    LIBRARIES,
    add_second_biases,
    choose_layer,
    find_layers,
    read_layers,
)
from compare.implementations.worker.client import Submission
from compare.implementations.worker.local_process import LocalProcess
from compare.terminal import UsageError
from scratch_rnn.checks import brief


def implementation(
    target: str,
    cell: str | None = None,
    *,
    device: str | None = None,
    gates: str | None = None,
    **limits: Any,
) -> Implementation:
    """Return the implementation that a target names.

    The layers of scratch_rnn and PyTorch run in this process. A user's code runs in a process of
    its own: use the implementation in a ``with`` block, or call its `close`.

    Parameters
    ----------
    target : str
        ``scratch``, ``torch``, a file of functions, ``FILE:CLASS``, ``MODULE:CLASS``, or a file of
        a library such as ``layer.onnx``.
    cell : {"rnn", "gru", "lstm", …}, optional
        Default: the names of the class or of the functions decide which cell it is.
    device : str, optional
        Argument `device` of a PyTorch module's constructor.
    gates : str, optional
        Order of the gates in the weights of a user's code, such as ``"z,r,n"``. Default: PyTorch's.
    **limits
        Limits of the user's process: `seconds` (CPU time of a call), `total` (CPU time of all
        calls, in seconds) and `gibibytes` (memory).

    Returns
    -------
    Implementation
        Call ``.load(parameters)`` first, then ``.forward`` and ``.backward``.

    Raises
    ------
    UsageError
        If the target names no code, the code has another form, or an argument does not fit to it.
    RecordError
        If the target is a layer in a file that cannot be read.
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
        source = make_library_source(record.torch_module, record.layer)
        layers = UserLayerFactory(
            Submission(source, start=LocalProcess), record.name, device=device
        )
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
            loaded = _load_class(submission, target, cell, device, gates)
        else:
            loaded = _load_functions(submission, target, cell, gates)
    except BaseException:
        submission.close()
        raise
    if read.adapter:
        loaded.weights = choose_layer(stored, read.place, read.name) if stored else None
        loaded.title += f" ({submission.rest})" if submission.rest else ""
    return loaded


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
        names = "|".join(map(re.escape, conventions.used))
        layers_of_file = find_layers(arrays, re.compile(rf"(|.*?[./])({names})"))
        whole = {
            name: arrays_of_layer
            for name, arrays_of_layer in layers_of_file.items()
            if conventions.used <= arrays_of_layer.keys()
        }
        return {
            n: add_second_biases(conventions.convert_to_ours(a, record.name))
            for n, a in whole.items()
        }

    conventions = layers.conventions
    layout = conventions.describe() if conventions.has_own_names else ""
    if conventions.order and not gates:
        layout += " (this order of the gates gives the right numbers; if you mean PyTorch's order: "
        layout += f"rnn-parity check {target} --gates {','.join(record.gates)})"
    return Implementation(
        record,
        target,
        build,
        submission.close,
        layout=layout,
        lacks=conventions.lacks,
        is_transposed=conventions.transposed,
        read_own=read_own,
    )


def _load_functions(
    submission: Submission, target: str, cell: str | None, gates: str | None
) -> Implementation:
    """Return the functions of a file; UsageError if one is missing."""
    record = CELLS[cell or guess_cell_of_functions(submission.names)]
    names = [f"{record.name}_{kind}" for kind in ("forward", "backward")]
    if missing := [name for name in names if name not in submission.names]:
        wanted = f"expected {' and '.join(names)} in {target}, got no {missing[0]}"
        classes = [f"{target}:{name}" for name in submission.classes]
        raise UsageError(f"{wanted}; a class is {' or '.join(classes)}" if classes else wanted)
    functions = SubmissionFunctions(submission, record.name, parse_order(gates, record.name))
    return Implementation(record, target, partial(FunctionsLayer, functions), submission.close)
