"""The launches: each kernel with its constants, as the compiler needs it; and autotuning.

A kernel is compiled anew for each combination of constants, and for multiples of 16: then
the machine code loads and stores several entries at once. So each is a launch of its own here.
"""

import inspect
from types import FunctionType
from typing import Any

import torch
from triton.runtime.autotuner import Autotuner
from triton.runtime.jit import mangle_type

LAUNCHES: dict[str, dict[str, Any]] = {}  # since `take_notes`: what the compiler needs to know

TYPES = {"float64": "fp64", "float32": "fp32", "float16": "fp16", "bfloat16": "bf16", "bool": "i1"}
Bound = dict[str, object]  # the values of parameters, by name
OPTIONS = ("num_warps", "num_stages", "num_ctas", "maxnreg")


def record(fn: FunctionType, names: list[str], constexprs: list[str], bound: Bound) -> None:
    """Keep a launch for each kernel, its constants, and the alignment of its arguments."""
    types: dict[str, str] = {}
    values: dict[str, object] = {}
    aligned = []
    for k, name in enumerate(names):
        value = bound[name]
        if isinstance(value, torch.Tensor):
            kind = str(value.dtype).removeprefix("torch.")
            types[name] = "*" + TYPES.get(kind, kind.replace("uint", "u").replace("int", "i"))
            aligned += [k] if value.data_ptr() % 16 == 0 else []
        elif name in constexprs or value is None or (value == 1 and type(value) is int):
            value = getattr(value, "value", value)
            is_plain = value is None or isinstance(value, bool | int | float | str)
            types[name], values[name] = "constexpr", value if is_plain else repr(value)
        elif isinstance(value, int):
            types[name] = "i1" if isinstance(value, bool) else "i32" if value < 2**31 else "i64"
            aligned += [k] if value % 16 == 0 else []
        else:
            types[name] = "fp32" if isinstance(value, float) else mangle_type(value)
    captured = list_captured(fn)
    launch = {
        "name": fn.__name__,
        "module": fn.__module__,
        "file": fn.__code__.co_filename,
        "line": fn.__code__.co_firstlineno,
        "types": types,
        "values": values,
        "aligned": aligned,
        "options": {n: bound[n] for n in OPTIONS if bound.get(n) is not None},
        "constants": {name: values[name] for name in constexprs} | captured,
        "captured": captured,
    }
    LAUNCHES.setdefault(repr(launch), launch)


def list_captured(fn: FunctionType) -> dict[str, object]:
    """Return the plain values that a kernel has captured from the function that made it."""
    captured = inspect.getclosurevars(fn).nonlocals
    values = {name: getattr(value, "value", value) for name, value in captured.items()}
    return {n: v for n, v in values.items() if isinstance(v, bool | int | float | str)}


def run_in_turn(self: Autotuner, *args: object, **kwargs: object) -> object:
    """Launch a kernel with the next of its configurations: what `Autotuner.run` does on a GPU.

    There the fastest is taken, and here all of them, one launch after the other. Before the first
    launch each of them runs once, as on a GPU, where it takes their times: what a kernel adds to an
    array is then added several times, unless `reset_to_zero` or `restore_value` has its name.
    """
    self.nargs = dict(zip(self.arg_names, args, strict=False))
    configurations = self.prune_configs(kwargs)
    if not hasattr(self, "turn"):
        self.turn, self._do_bench = 0, time_nothing
        for config in configurations if len(configurations) > 1 else ():
            self._bench(*args, config=config, **kwargs)
        if len(configurations) > 1:
            self.pre_hook(self.nargs | kwargs | configurations[0].all_kwargs(), reset_only=True)
    config = configurations[self.turn % len(configurations)]
    self.turn += 1
    if config.pre_hook is not None:
        config.pre_hook(self.nargs | kwargs | config.all_kwargs())
    result = self.fn.run(*args, **kwargs, **config.all_kwargs())
    self.nargs = None
    return result


def time_nothing(call: FunctionType, quantiles: list[float]) -> list[float]:
    """Run a kernel once, in the place of a benchmark."""
    call()
    return [0.0 for _ in quantiles]


def bind(fn: FunctionType, names: list[str], args: tuple[object, ...], kwargs: Bound) -> Bound:
    """Return the values of the parameters of a launch, and its options."""
    bound = {p.name: p.default for p in inspect.signature(fn).parameters.values()}
    return bound | dict(zip(names, args, strict=False)) | kwargs


def install() -> None:
    """Put this in the place of Triton's autotuner."""
    Autotuner.run = run_in_turn
