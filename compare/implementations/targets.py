"""Targets: what a user types to name an implementation.

``scratch`` and ``torch`` are the layers of scratch_rnn and PyTorch; ``FILE.py`` has the functions
of a cell; ``FILE.py:CLASS`` and ``MODULE:CLASS`` are a layer, in NumPy or of a library;
``FILE.onnx`` and ``FILE.onnx:NODE`` are a layer in a graph, ``FILE.keras`` and
``FILE.keras:LAYER`` one in a model of Keras, which have weights.
"""

from collections.abc import Mapping
from functools import partial
from importlib.util import spec_from_file_location
from pathlib import Path
from typing import Any

from compare.implementations.core.cells import CELLS, Cell
from compare.implementations.core.guesses import guess_cell_of_functions
from compare.implementations.core.interface import Implementation, Results, demand_equal_sizes
from compare.implementations.core.trouble import Trouble
from compare.implementations.inside.adapters.which import (
    find_file_adapter,
    find_library,
    load_adapter,
    refuse_without_library,
    split_file_target,
)
from compare.implementations.inside.notebook import NOTEBOOK
from compare.implementations.layers.detection import detect_cell, detect_conventions
from compare.implementations.layers.functions import SubmissionFunctions
from compare.implementations.layers.functions_layer import FunctionsLayer
from compare.implementations.layers.user_layer import Layers, UserLayer
from compare.implementations.stored.weights import READERS, choose_layer, read_layers
from compare.implementations.worker.client import Submission
from compare.implementations.worker.in_process import InProcess
from compare.implementations.worker.source import Source
from compare.terminal import UsageError
from scratch_rnn.checks import brief

FOLDER = Path(__file__).parent
RESOLVER = FOLDER / "inside" / "adapters" / "which.py"


def implementation(
    target: str, cell: str | None = None, *, device: str | None = None, **limits: Any
) -> Implementation:
    """Return the implementation that a target names; UsageError if there is none.

    RecordError if it is a layer in a file that cannot be read.

    The layers of scratch_rnn and PyTorch run in this process. A user's code runs in a process of
    its own, which `close` ends; `limits` are fields of its `Source`. Without a cell, the names of
    the class or of the functions decide which it is. `device` is an argument of a module's
    constructor.
    """
    if not isinstance(target, str):
        raise UsageError(f"expected target to be a str, got {type(target).__name__}")
    if repr(cell) not in map(repr, (None, *CELLS)):  # an array has no truth value in ==
        raise UsageError(f"expected a cell of {', '.join(CELLS)}, got {brief(cell)}")
    record = CELLS[cell or next(iter(CELLS))]
    takes_device = target != "scratch" and (target == "torch" or bool(split_target(target)[1]))
    if device is not None and not takes_device:
        raise UsageError(f"expected a module of PyTorch on the device {device}, got {target}")
    if target == "scratch":
        return Implementation(record, target, record.scratch_layer)
    if target == "torch":
        module = Source(module=record.torch_module, name=record.layer, resolver=str(RESOLVER))
        layers = Layers(Submission(module, start=InProcess), record.name, device=device)
        return Implementation(record, target, layers)
    is_file = bool(find_file_adapter(target))
    stored = read_layers(Path(split_target(target)[0])) if is_file else {}
    try:
        source = parse_target(target, **limits)
        _refuse_data(Path(source.file))
        demand_python(source, target)
        submission = Submission(source)
    except FileNotFoundError:
        is_python = split_target(target)[0].endswith(".py")
        raise refuse_target(target, ", which does not exist" * is_python) from None
    except Trouble as trouble:
        if is_file and "ValueError" in trouble.kinds:  # of the adapter
            raise UsageError(str(trouble).removeprefix("ValueError: ")) from None
        raise refuse_target(target, f": {trouble}") from None
    try:
        layout = ""
        if submission.source.name:
            record, build, layout = _load_class(submission, target, cell, device)
        else:
            record, build = _load_functions(submission, target, cell)
    except BaseException:
        submission.close()
        raise
    weights = choose_layer(stored, *split_target(target)) if is_file else None
    title = target + (_describe_rest(target, stored) if is_file else "")
    return Implementation(
        record, title, build, close=submission.close, weights=weights, layout=layout
    )


def _describe_rest(target: str, stored: Mapping[str, Results]) -> str:
    """Return in words what of a file is not run beside the layer of a target; empty if nothing."""
    adapter = load_adapter(find_file_adapter(target))
    path, name = split_target(target)
    if not hasattr(adapter, "describe_rest"):
        return ""
    return str(adapter.describe_rest(path, name or next(iter(stored))))


def refuse_target(target: str, why: str) -> UsageError:
    """Return the exception for a target that names no code; `why` goes behind it."""
    if refusal := refuse_without_library(target, why):
        return UsageError(refusal)
    return UsageError(f"expected a file, FILE:CLASS or MODULE:CLASS, got {target!r}{why}")


def _refuse_data(file: Path) -> None:
    """Raise UsageError for a file of weights or of an array, which another option reads."""
    end = file.suffix.lower()
    if end in READERS:
        wanted = f"expected --weights {file.name} beside a target such as torch"
        raise UsageError(f"{file.name} holds weights alone: {wanted}")
    if end == ".npy":
        wanted = "two .npy files need --like, such as --like output"
        raise UsageError(f"{file.name} holds an array alone: {wanted}")


def demand_python(source: Source, target: str) -> None:
    """Raise UsageError if a source is a file without Python code in it, by the end of its name."""
    is_notebook = source.file.endswith(NOTEBOOK)
    if source.file and not is_notebook and spec_from_file_location("", source.file) is None:
        raise UsageError(f"expected a file of Python, such as my_rnn.py, got {target}")


def _load_class(
    submission: Submission, target: str, cell: str | None, device: str | None
) -> tuple[Cell, Any, str]:
    """Return the cell of a class, what builds its layers, and the layout that was detected."""
    try:
        record = CELLS[cell or detect_cell(submission) or next(iter(CELLS))]
        layers = Layers(submission, record.name, device=device)
        detect_conventions(layers)
    except Trouble as trouble:
        raise UsageError(f"expected a layer from {target}: {trouble}") from None

    def build(**options: Any) -> UserLayer:
        try:
            return layers(**options)
        except Trouble as trouble:
            for name in ("num_layers", "bidirectional"):
                if f"unexpected keyword argument '{name}'" in str(trouble):
                    without = {n: value for n, value in options.items() if n != name}
                    demand_equal_sizes(target, without, options)
            taken = ", ".join(f"{name}={value!r}" for name, value in options.items())
            raise UsageError(f"expected {target} to take {taken}; {trouble}") from None

    found = layers.conventions
    layout = found.describe(layers.flags) if found.has_own_names else ""
    if found.order:
        layout += f" (whether {', '.join(record.gates)} would be right: rnn-parity check {target} "
        layout += f"--gates {','.join(record.gates)})"
    return record, build, layout


def _load_functions(submission: Submission, target: str, cell: str | None) -> tuple[Cell, Any]:
    """Return the cell of a file's functions, and what makes layers of them."""
    record = CELLS[cell or guess_cell_of_functions(submission.names)]
    names = [f"{record.name}_{kind}" for kind in ("forward", "backward")]
    if missing := [name for name in names if name not in submission.names]:
        raise UsageError(f"expected {' and '.join(names)} in {target}, got no {missing[0]}")
    return record, partial(FunctionsLayer, SubmissionFunctions(submission, record.name))


def parse_target(target: str, **limits: Any) -> Source:
    """Read FILE, FILE:CLASS or MODULE:CLASS; FileNotFoundError if it is none of these.

    `limits` are further fields of `Source`.
    """
    path, name = split_target(target)
    file = Path(path)
    limits["resolver"] = str(RESOLVER)
    if file.is_file():
        file = file.absolute()
        if adapter := find_file_adapter(target):
            library = find_library(adapter)
            return Source(module=library, name=f"{file}:{name}" if name else str(file), **limits)
        return Source(file=str(file), name=name, folders=(str(file.parent),), **limits)
    is_module = name and all(part.isidentifier() for part in path.split("."))
    if file.suffix == ".py" or not is_module:
        raise FileNotFoundError(target)
    return Source(module=path, name=name, folders=(str(Path.cwd()),), **limits)


def split_target(target: str) -> tuple[str, str]:
    """Return the file, folder or module of a target, and the name of a class; empty without one."""
    path, name = split_file_target(target)
    if name:
        return path, name
    path, _, name = target.rpartition(":")
    if len(path) < 2 or "/" in name or "\\" in name:  # C:\file.py, or no path
        return target, ""
    return path, name
