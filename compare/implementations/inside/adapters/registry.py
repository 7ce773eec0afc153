"""The adapters for layers of other libraries, and which of them a class needs.

An adapter is a file of this folder that knows one library, with the functions of
`library_layer.AdapterModule`, and a record in `ADAPTERS`. Its library need not be installed: the
file is imported only for a class that needs it.
"""

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

PREFIX = "_rnn_parity_"
RESOLVER = __file__  # the process of the user's code loads it
COLUMNS = ("rnn_forward", "lstm_forward")  # functions (x, a0, parameters) that are a layer
V, H = 4, 5  # of the layer that shows what an expression builds
ALL_LAYERS = "*"  # in the place of a layer's name: what is read of the whole file


@dataclass(frozen=True)
class Adapter:
    """A description of an adapter that does not need its library."""

    file: str  # its name in this folder, without the end
    libraries: tuple[str, ...]  # a class needs it if it or a base comes from one of these modules
    classes: tuple[str, ...]
    """The layers that a user can check with it, as MODULE:CLASS.

    A library may have no such class, but an operator of this name, which then takes its place.
    """
    files: tuple[str, ...] = ()  # ends of the names of files in which the library keeps layers
    imports: tuple[str, ...] = ()  # other packages that it imports
    infers_only: bool = False  # it may lose small digits, NaN and empty batches


ADAPTERS = (
    Adapter(
        "jax_cell",
        ("flax.nnx", "equinox"),
        (
            "flax.nnx:SimpleCell",
            "flax.nnx:GRUCell",
            "flax.nnx:LSTMCell",
            "flax.nnx:OptimizedLSTMCell",
            "equinox.nn:GRUCell",
            "equinox.nn:LSTMCell",
        ),
        imports=("jax",),
    ),
    Adapter(
        "keras_layer",
        ("keras",),
        ("keras.layers:SimpleRNN", "keras.layers:GRU", "keras.layers:LSTM"),
        files=(".keras", ".h5"),
    ),
    Adapter(
        "onnx_runtime",
        ("onnxruntime",),
        ("onnxruntime:RNN", "onnxruntime:GRU", "onnxruntime:LSTM"),
        files=(".onnx",),
        imports=("onnx",),
        infers_only=True,
    ),
    Adapter("torch_module", ("torch.nn",), ("torch.nn:RNN", "torch.nn:GRU", "torch.nn:LSTM")),
)
"""All adapters. A new one is a file in this folder and its record here."""


class LayerBuilder(NamedTuple):
    """The layer builder that a target name resolves to."""

    build: Callable[..., object]
    adapter: str  # empty of a class in NumPy
    kinds: list[str]  # names of the class and its bases
    arguments: Sequence[tuple[str, bool, str]] = ()  # of the constructor: `arguments.describe`
    rest: str = ""  # in words, what of a file is not run
    infers_only: bool = False


def adapt(module: ModuleType, name: str, file: str) -> LayerBuilder:
    """Return the layer builder that a name in a module or a file resolves to."""
    if name == ALL_LAYERS:
        reader = find_file_adapter(file)
        module_of_adapter = load_adapter(reader.file) if reader else None
        return LayerBuilder(
            partial(load_adapter("model_file").read_file, file, module_of_adapter), "", [""]
        )
    arguments = load_adapter("arguments")
    if name.endswith(")") and not find_file_adapter(file):
        return adapt_expression(partial(arguments.evaluate, name, vars(module)), arguments)
    target, adapter = resolve(module, name, file)
    rest = target.rest if find_file_adapter(file) and hasattr(target, "rest") else ""
    kinds = [kind.__name__ for kind in getattr(target, "__mro__", ())]
    arguments_taken: Sequence[tuple[str, bool, str]] = ()
    if file and isinstance(target, FunctionType) and is_in_columns(name, target, arguments):
        layer = partial(load_adapter("columns").LayerInColumns, target)
        build = load_adapter("numpy_class").adapt_class(layer, arguments.list_arguments)
        return LayerBuilder(build, "", [name.removesuffix("_forward").upper()])
    if file and isinstance(target, FunctionType):
        ours = sys.modules[f"{PREFIX}notebook"], arguments, load_adapter("numpy_class")
        build = partial(load_adapter("loss_function").LossFunction, target, file, ours)
        return LayerBuilder(build, "loss_function", [name])
    if adapter in ("", "torch_module") and callable(target):
        arguments_taken, target = arguments.describe(target), partial(arguments.construct, target)
    if not adapter:
        build = load_adapter("numpy_class").adapt_class(target, arguments.list_arguments)
        return LayerBuilder(build, "", kinds or [name], arguments_taken)
    module_of_adapter = load_adapter(adapter)
    if not kinds:  # an operator's name, or a layer in a file
        operator = getattr(target, "operator", type(target).__name__)
        kinds = [target if isinstance(target, str) else operator]
    build = partial(load_adapter("library_layer").LibraryLayer, module_of_adapter, target)
    infers_only = any(known.infers_only for known in ADAPTERS if known.file == adapter)
    return LayerBuilder(build, adapter, kinds, arguments_taken, rest, infers_only)


def adapt_expression(target: Callable[..., object], arguments: ModuleType) -> LayerBuilder:
    """Return the layer builder of an expression; what it builds shows which adapter it needs."""
    kind = type(target(V, H))
    adapter = find_class_adapter(kind)
    if adapter:
        library_layer = load_adapter("library_layer")
        build = partial(library_layer.LibraryLayer, load_adapter(adapter), target)
    else:
        build = load_adapter("numpy_class").adapt_class(target, arguments.list_arguments)
    return LayerBuilder(build, adapter, [base.__name__ for base in kind.__mro__])


def is_in_columns(name: str, target: FunctionType, arguments: ModuleType) -> bool:
    """Return whether the function expects one sequence per column."""
    names = [argument for argument, _ in arguments.list_arguments(target)]
    return name in COLUMNS and names[2:] == ["parameters"]


def find_file_adapter(file: str) -> Adapter | None:
    """Return the adapter that reads a file, by the end of its name."""
    return next(
        (adapter for adapter in ADAPTERS if adapter.files and file.endswith(adapter.files)), None
    )


def find_layer(file: str, name: str, adapter: ModuleType) -> object:
    """Return a layer of a file, or the only one; ValueError if there is no such layer."""
    layers = adapter.read_layers(file)
    if name in layers or (len(layers) == 1 and not name):
        return layers[name or next(iter(layers))]
    names = ", ".join(layers) or "none"
    raise ValueError(f"expected {Path(file).name}:NAME, one of its recurrent layers: {names}")


def refuse_without_library(target: object, error: object) -> str:
    """Return the refusal of a target whose library is not installed; empty of another error."""
    missing = re.search(r"No module named '(\w+)", str(error))
    if not missing:
        return ""
    for adapter in ADAPTERS:
        names = [name.partition(".")[0] for name in (*adapter.libraries, *adapter.imports)]
        if missing[1] in names:
            needed = " ".join(dict.fromkeys((missing[1], *adapter.imports)))
            return f"expected {missing[1]} for {target}, got none: pip install {needed}"
    return ""


def load_adapter(name: str) -> ModuleType:
    """Import a file of this folder by its path; the user's modules may have the same name."""
    spec: Any = spec_from_file_location(f"{PREFIX}{name}", Path(__file__).parent / f"{name}.py")
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def resolve(module: ModuleType, name: str, file: str = "") -> tuple[object, str]:
    """Return what a name of a module or a file means, and its adapter; empty if it needs none."""
    if adapter := find_file_adapter(file):
        return find_layer(file, name, load_adapter(adapter.file)), adapter.file
    for candidate in ADAPTERS:
        if f"{module.__name__}:{name}" in candidate.classes and not hasattr(module, name):
            return name, candidate.file
    target: object = module
    for part in name.split("."):
        target = getattr(target, part)
    return target, find_class_adapter(target)


def find_class_adapter(target: object) -> str:
    """Return the adapter for a class by its bases; empty if it needs none."""
    for kind in target.__mro__ if isinstance(target, type) else ():
        for adapter in ADAPTERS:
            if f"{kind.__module__}.".startswith(tuple(f"{m}." for m in adapter.libraries)):
                return adapter.file
    return ""
