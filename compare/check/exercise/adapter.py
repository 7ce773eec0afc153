"""An adapter that the program writes: what it detects is filled in, and the rest is marked."""

import os
from contextlib import suppress
from pathlib import Path
from string import Template

from compare.check.exercise.functions import list_functions
from compare.files import resource
from compare.implementations import (
    CELLS,
    CallFailed,
    Submission,
    UserLayerFactory,
    detect_cell,
    detect_conventions,
    make_source,
    read_target,
)
from compare.terminal import UsageError

V, H = 4, 5  # of the layer whose arrays are listed
PARTS = ("parameters", "forward", "backward")
FILL = "  # FILL IN"


def write_adapter(target: str, file: Path, cell: str | None) -> str:
    """Return the text of an adapter; UsageError if the target is no class that can be loaded."""
    read = read_target(target)
    if read.kind not in ("file", "module") or not read.name or read.name.endswith(")"):
        raise UsageError(f"expected FILE:CLASS or MODULE:CLASS with --for, got {target!r}")
    source, values = make_source(read), {"name": read.name, "place": read.place, "file": file.name}
    root, module = Path(source.folders[0]), read.place
    if source.file:  # in the packages that it is in
        module = ".".join(Path(source.file).relative_to(root).with_suffix("").parts)
    if source.file and read.name in list_functions(Path(source.file)):
        raise UsageError(f"expected a class, got a function: rnn-parity check {target}")
    values |= {"folder": os.path.relpath(root, file.parent), "module": module}
    try:
        with Submission(source) as submission:
            record = CELLS[cell or detect_cell(submission) or next(iter(CELLS))]
            values |= _describe_layer(UserLayerFactory(submission, record.name))
            constructor_arguments = submission.arguments or [("", False, "input_size, hidden_size")]
    except CallFailed as failure:
        raise UsageError(f"expected a class that can be imported, {target}: {failure}") from None
    lines = [
        f"{' ' * 12}{name}={size or '...'},{'' if size else FILL}".replace(" =", " ")
        for name, has_default, size in constructor_arguments
        if size or not has_default
    ]
    shapes = (f"{p.name} {p.shape(record.num_gates * H, V, H)}" for p in record.parameters)
    values |= {"arguments": "\n".join(lines), "shapes": ", ".join(shapes)}
    file_name = "adapter_module.txt" if submission.adapter == "torch_module" else "adapter.txt"
    return Template(resource("compare.check.exercise.templates", file_name)).substitute(values)


def _describe_layer(layers: UserLayerFactory) -> dict[str, str]:
    """Return the arrays of a layer in words, and which of its parts are to be filled in.

    If the layer cannot be built, none is marked: they may be detected once it can.
    """
    values, unknown = {"arrays": "its own", "array": "W"}, set[str]()
    with suppress(CallFailed):
        layer = layers(V, H)
        has_gradients = layers.submission.adapter or not layer.forward_only
        unknown = {*PARTS[: 2 if has_gradients else 3]}
        shapes = {name: array.shape for name, array in layer.own_parameters().items()}
        arrays = (f"{name} {shape}" for name, shape in shapes.items())
        values |= {"arrays": ", ".join(arrays), "array": next(iter(shapes))}
        detect_conventions(layers)
        unknown -= {*PARTS[:2]}
        unknown |= {PARTS[2]} if layers.other_backward else set()
    unknown -= {"parameters"} if layers.conventions.names else set()
    values |= {part: "" if part in unknown else "# " for part in PARTS}
    return values | {f"todo_{part}": FILL if part in unknown else "" for part in PARTS}
