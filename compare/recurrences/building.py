"""Build what a target names as its author builds it, and hold it with its parameters.

A class gets sizes by the names of its arguments. In a model, an embedding and an output layer
become the identity, so that what is left is its recurrence. A function gets weights by the names of
its arguments, or those that another function of its file returns.
"""

import inspect
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np
import torch

from compare.implementations import (
    Target,
    build_as_author,
    describe_error,
    load_notebook,
    make_source,
    set_sizes,
)
from compare.recurrences.axes import Sizes, walk
from compare.recurrences.holders import FunctionHolder, Holder, ModuleHolder, ObjectHolder
from compare.recurrences.reading import (
    INITIAL,
    INPUT,
    METHODS,
    REQUIRED,
    STATE,
    NotRead,
    Reader,
    list_arguments,
)
from compare.recurrences.recurrence import Recurrence
from compare.recurrences.weights import WEIGHT, list_parameters, list_sizes

PARAMETERS = re.compile("(?i)param.*|weights?|theta|p")
MAKER = re.compile("(?i).*param.*|.*(init|make|create|get).*weights?.*")
HEAD = re.compile("(?i).*(fc|out|head|decod|linear|proj|dense|class|h2o|lm_).*")


def read_recurrence(target: Target, cell: str = "") -> Recurrence:
    """Return the recurrence that a target names; NotRead if no form of a call fits.

    Of a file it is the first that takes sequences, or else the first that takes steps; those that
    are called as the cell come before others.
    """
    module = load_module(target)
    if target.name:
        return read_named(module, target.name)
    names, step = list_candidates(module), None
    names.sort(key=lambda name: cell not in name.lower())
    for name in names:
        try:
            found = read_named(module, name)
        except Exception:  # of the user's code: another name may be a recurrence
            continue
        found.others = [other for other in names if other != name]
        if not found.form.is_step:
            return found
        step = step or found
    if step is None:
        raise NotRead(f"none of {', '.join(names) or 'its names'} is a recurrence")
    return step


def list_candidates(module: ModuleType) -> list[str]:
    """Return the classes and functions of a file that may be recurrences.

    If there is none, it is those that it imports from files beside it.
    """
    names = vars(module).items()
    own = [name for name, value in names if _may_be_recurrence(value, module.__name__)]
    if own:
        return own
    beside = [each for each in [*sys.modules.values()] if _is_beside(each, module)]
    found = [n for n, v in names if any(_may_be_recurrence(v, each.__name__) for each in beside)]
    return found + [
        f"{name}.{each}"
        for name, value in names
        if value in beside
        for each in list_candidates(value)
    ]


def _is_beside(other: ModuleType, module: ModuleType) -> bool:
    folders = [Path(str(getattr(each, "__file__", ""))).parent for each in (other, module)]
    return other is not module and folders[0] == folders[1]


def _may_be_recurrence(value: object, module: str) -> bool:
    if getattr(value, "__module__", "") != module:
        return False
    if isinstance(value, type):
        return bool(list_methods(value))
    return callable(value) and _takes_state(inspect.unwrap(value))


def list_methods(kind: type) -> list[str]:
    """Return the methods that may be a call: those of the usual names, or else of any name.

    The latter take an input and a state, as their arguments are called.
    """
    usual = [m for m in METHODS if any(m in vars(base) for base in kind.__mro__[:-1])]
    return usual or [
        name
        for name, value in vars(kind).items()
        if name[0] != "_" and isinstance(value, FunctionType) and _takes_both(value)
    ]


def _takes_both(method: FunctionType) -> bool:
    names = [n for n, default in list_arguments(method).items() if default is REQUIRED][1:]
    states = [name for name in names if STATE.fullmatch(name)]
    inputs = [name for name in names if INPUT.fullmatch(name)]
    return len(names) == 2 and len(states) == len(inputs) == 1


def _takes_state(value: object) -> bool:
    required = list(list_arguments(value).values()).count(REQUIRED)
    name = getattr(value, "__name__", "")
    is_maker = MAKER.fullmatch(name) or INITIAL.fullmatch(name)
    return isinstance(value, FunctionType) and required > 1 and not is_maker


def read_named(module: ModuleType, name: str) -> Recurrence:
    """Return the recurrence of a name or an expression; NotRead if no form of a call fits.

    Its sizes are ours, or else those that its arrays have.
    """
    try:
        return _read_with(Sizes(), module, name)
    except NotRead:
        for holder in list_holders(module, name, Sizes()):
            for sizes in list_sizes(holder.parameters):
                with suppress(NotRead):
                    return _read_with(sizes, module, name)
        raise


def _read_with(sizes: Sizes, module: ModuleType, name: str) -> Recurrence:
    problem = None
    for holder in list_holders(module, name, sizes):
        is_function = isinstance(holder, FunctionHolder)
        methods = [""] if is_function else list_methods(type(holder.target))
        if not methods:
            continue
        for dtype in ("float64", "float32"):
            reader = Reader(holder, sizes, dtype=dtype)
            try:
                found = reader.make_recurrence(reader.find(methods))
            except NotRead as error:
                problem = problem or error
                if not reader.is_coarse:
                    break
            else:
                found.name = name
                if isinstance(holder, ObjectHolder):
                    holder.drop(find_unused(found))
                return found
    raise problem or NotRead("it has no method forward, __call__ or step")


def find_unused(recurrence: Recurrence) -> list[str]:
    """Return the arrays of an object that change no result: gradients, and what a call writes."""
    parameters, sizes = recurrence.holder.parameters, recurrence.sizes
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, sizes.B, *recurrence.features))
    states = recurrence.draw_states(rng, sizes.B)
    before = recurrence.compute(x, states or None, parameters)[0]

    def changes(name: str) -> bool:
        moved = parameters[name] + rng.normal(size=parameters[name].shape)
        after = recurrence.compute(x, states or None, {**parameters, name: moved})[0]
        return not np.array_equal(before, after)

    return [name for name in parameters if not changes(name)]


def load_module(target: Target) -> ModuleType:
    """Import what a target names; a script without its training."""
    source = make_source(target)
    sys.path[:0] = source.folders
    return load_notebook(Path(source.file)) if source.file else import_module(source.module)


def list_holders(module: ModuleType, name: str, sizes: Sizes) -> Iterator[Holder]:
    """Yield what the target builds, as the author would first."""
    names = vars(module)
    if not name.endswith(")"):
        value: Any = module
        for part in name.split("."):
            value = getattr(value, part)
        value = inspect.unwrap(value)  # of what JAX compiles
        if isinstance(value, FunctionType):
            yield from _list_functions(value, sizes)
            return
    for with_head in (False, True, None):
        instance = build_as_author(name, names, sizes.V, sizes.H)
        if isinstance(instance, FunctionType):  # a closure
            yield from _list_functions(instance, sizes)
            return
        if not isinstance(instance, torch.nn.Module):
            yield ObjectHolder(instance)
            return
        if with_head is None or replace_ends(instance, sizes.H, with_head=with_head):
            yield ModuleHolder(instance)


def replace_ends(module: torch.nn.Module, H: int, *, with_head: bool) -> bool:
    """Put the identity in the place of embeddings and an output layer; return if any is there."""
    found = False
    for name, part in [*module.named_children()]:
        is_head = isinstance(part, torch.nn.Linear) and HEAD.fullmatch(name) is not None
        if isinstance(part, torch.nn.Embedding) or (
            is_head and part.in_features == H and not with_head
        ):
            setattr(module, name, torch.nn.Identity())
            found = True
    return found


# Functions --------------------------------------------------------------------------------------


def _list_functions(function: FunctionType, sizes: Sizes) -> Iterator[FunctionHolder]:
    """Yield a function with its parameters: those of an argument `params`, or one by one."""
    library = find_library(function)
    arguments = list_arguments(function)
    names = [name for name, default in arguments.items() if default is REQUIRED]
    whole = next((name for name in names if PARAMETERS.fullmatch(name)), None)
    if whole is not None:
        for made in _make_parameters(function, whole, sizes):
            yield FunctionHolder(function, {whole: made}, library)
        return
    weights = [name for name in names if WEIGHT.fullmatch(name)] if len(arguments) > 3 else []
    if not weights:
        yield FunctionHolder(function, {}, library)
        return
    for own in list_parameters(weights, sizes):
        yield FunctionHolder(function, own, library)


def find_library(function: FunctionType) -> ModuleType:
    """Return the library whose arrays a function takes: the one that it names, or its file."""
    names = function.__globals__
    own = [names[name] for name in function.__code__.co_names if name in names]
    for values in (own, names.values()):
        imported = {v.__name__.partition(".")[0] for v in values if isinstance(v, ModuleType)}
        if "torch" in imported:
            return torch
        if "jax" in imported:
            import_module("jax").config.update("jax_enable_x64", True)
            return import_module("jax.numpy")
        if "numpy" in imported:
            return np
    return np


def list_texts(code: CodeType) -> list[str]:
    """Return the strings in a code and in the functions in it."""
    texts = [each for each in code.co_consts if isinstance(each, str)]
    inner = [each for each in code.co_consts if isinstance(each, CodeType)]
    return [*texts, *(text for each in inner for text in list_texts(each))]


def _make_parameters(function: FunctionType, argument: str, sizes: Sizes) -> Iterator[Any]:
    """Yield the parameters that other functions of the same file return, or those of its keys.

    NotRead if there are neither.
    """
    names, is_made, problem = function.__globals__, False, "no function of its file makes them"
    for name, maker in [*names.items()]:
        if isinstance(maker, FunctionType) and MAKER.fullmatch(name) and maker is not function:
            set_sizes(maker, sizes.V, sizes.H)
            for make in (partial(build_as_author, name, names, sizes.V, sizes.H), maker):
                try:
                    made = make()
                except Exception as error:  # of the user's code, under a form chosen here
                    problem = f"{name} raised {describe_error(error)}"
                    continue
                if [*walk(made)]:
                    is_made = True
                    yield made
                    break
    weights = [text for text in list_texts(function.__code__) if WEIGHT.fullmatch(text)]
    if weights:  # params["W"]
        yield from list_parameters(weights, sizes)
    elif not is_made:
        raise NotRead(f"its argument {argument} takes parameters, and {problem}")
