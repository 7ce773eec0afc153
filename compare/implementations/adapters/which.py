"""Find the adapter for a class of another library, by what the files of this folder state.

An adapter is one file for a library. It imports the library and NumPy alone, and has

LIBRARIES : tuple of str
    Modules. A class needs this adapter if it or a base of it comes from one of them.
CLASSES : dict of str to tuple
    What a user can check with it, as MODULE:CLASS, and the form of its parameters: the order of the
    gates, by PyTorch's letters; the biases, a number for each unit and gate; the shape of a weight;
    and which variant of the cell it is. The library may have no such class, but an operator of this
    name: then the name takes the place of the class below.
FILES : tuple of str, optional
    Ends of the names of files that have such layers in them, with their weights.
    `read_layers(path)` returns the layers of a file by name. One of them takes the place of the
    class below, and `find_operator(layer)` gives the name of its class. `read_file(path)` returns
    the parameters of each layer, `write_file(path, class, parameters, nonlinearity=…)` writes one.
    `describe_rest(path, name)`, optional, gives in words what of a file is not run beside a layer.
GRADIENTS : bool
    Whether it computes gradients.
build(class, input_size, hidden_size, **options) -> model
    Build a layer; the options are arguments of nn.RNN, as many as the library has.
read(model) -> arrays, write(model, arrays, how)
    Get and set its parameters, by the library's names.
to_torch(class, arrays) -> parameters, from_torch(class, parameters) -> arrays
    Translate the library's arrays to PyTorch's names, shapes and gate order, and back. A parameter
    that the library does not have, such as a second bias, is absent.
run(model, x, state=None) -> (output, state), pull
    Run forward; arrays have PyTorch's shapes. `pull(d_output, d_state)`, where each may be None,
    gives the gradients of x, of the state and, by PyTorch's names, of the parameters.
evaluate(model, x, state=None) -> output, state
    If the library has an evaluation mode: run forward in that mode.

`library_layer` calls these functions. To find an adapter, the constants are read here without
importing the file, as its library may not be installed.
"""

import ast
import re
import sys
from functools import cache, partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, NotRequired, TypedDict

PREFIX = "_rnn_parity_"
CONSTANTS = ("LIBRARIES", "CLASSES", "FILES")


class Constants(TypedDict):
    """What an adapter states about itself; see above."""

    LIBRARIES: tuple[str, ...]
    CLASSES: dict[str, tuple[str, str, str, str]]
    FILES: NotRequired[tuple[str, ...]]


@cache
def adapters() -> dict[str, Constants]:
    """Return the constants of each adapter, by its name."""
    found: dict[str, Constants] = {}
    for file in sorted(Path(__file__).parent.glob("*.py")):
        constants: dict[str, Any] = {}
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            match node:
                case ast.Assign([ast.Name(name)], ast.expr() as value) | ast.AnnAssign(
                    ast.Name(name), _, ast.expr() as value
                ) if name in CONSTANTS:
                    constants[name] = ast.literal_eval(value)
        if constants:
            found[file.stem] = Constants(**constants)  # type: ignore[typeddict-item]
    return found


def adapt(module: ModuleType, name: str) -> tuple[Any, str, list[str]]:
    """Return what builds a layer of a class, its adapter, and the names of the class and its bases.

    A class in NumPy has no adapter.
    """
    target, adapter = resolve(module, name)
    return adapt_target(target, adapter, name)


def adapt_layer(module: ModuleType, name: str) -> tuple[tuple[Any, str, list[str]], str]:
    """Return the same for the layer of a whole model, and in words what it is."""
    target, adapter = resolve(module, name)
    words = ""
    if adapter in ("", "torch_module"):
        target, words = load_adapter("whole_model").find_layer(target)
        adapter = find_class_adapter(target)
    return adapt_target(target, adapter, name), words


def adapt_target(target: Any, adapter: str, name: str) -> tuple[Any, str, list[str]]:
    """Return the same for what a name means."""
    kinds = [kind.__name__ for kind in getattr(target, "__mro__", ())] or [name]
    if not adapter:
        return load_adapter("numpy_class").adapt_class(target), "", kinds
    own = load_adapter(adapter)
    if find_file_adapter(name):
        kinds = [own.find_operator(target)]
    return partial(load_adapter("library_layer").LibraryLayer, own, target), adapter, kinds


def find_file_adapter(target: str) -> str:
    """Return the adapter for FILE or FILE:NAME, by the end of the file's name; empty if none."""
    for adapter, constants in adapters().items():
        if any(target.endswith(end) or f"{end}:" in target for end in constants.get("FILES", ())):
            return adapter
    return ""


def find_layer(target: str, adapter: ModuleType) -> Any:
    """Return the layer FILE:NAME, or the only one of FILE; ValueError if there is no such layer."""
    path, name = split_file_target(target)
    layers = adapter.read_layers(path)
    if name in layers or (len(layers) == 1 and not name):
        return layers[name or next(iter(layers))]
    names = ", ".join(layers) or "none"
    raise ValueError(f"expected {Path(path).name}:NAME, one of its recurrent layers: {names}")


def split_file_target(target: str) -> tuple[str, str]:
    """Return FILE and NAME where an adapter reads FILE; NAME may be a path, such as ``/GRU``.

    Of another target NAME is empty.
    """
    for constants in adapters().values():
        for end in constants.get("FILES", ()):
            path, colon, name = target.partition(f"{end}:")
            if colon:
                return f"{path}{end}", name
    return target, ""


def refuse_without_library(target: object, error: object) -> str:
    """Return the refusal of a target whose library is not installed; empty of another error."""
    found = re.search(r"No module named '(\w+)", str(error))
    every = [name for each in adapters().values() for name in each["LIBRARIES"]]
    libraries = {"jax", "onnx", *(name.partition(".")[0] for name in every)}
    if not found or found[1] not in libraries:
        return ""
    return f"expected {found[1]} for {target}, got none: pip install {found[1]}"


def load_adapter(name: str) -> ModuleType:
    """Import a file of this folder by its path; the user's modules may have the same name."""
    spec: Any = spec_from_file_location(f"{PREFIX}{name}", Path(__file__).parent / f"{name}.py")
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def resolve(module: ModuleType, name: str) -> tuple[Any, str]:
    """Return what a name of a module means, and its adapter; empty if it needs none."""
    if adapter := find_file_adapter(name):
        return find_layer(name, load_adapter(adapter)), adapter
    for adapter, constants in adapters().items():
        if f"{module.__name__}:{name}" in constants["CLASSES"] and not hasattr(module, name):
            return name, adapter
    target: Any = module
    for part in name.split("."):
        target = getattr(target, part)
    return target, find_class_adapter(target)


def find_class_adapter(target: object) -> str:
    """Return the adapter for a class by its bases; empty if it needs none."""
    for kind in target.__mro__ if isinstance(target, type) else ():
        for adapter, constants in adapters().items():
            if f"{kind.__module__}.".startswith(tuple(f"{m}." for m in constants["LIBRARIES"])):
                return adapter
    return ""
