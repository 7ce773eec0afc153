"""Run Triton's kernels on the CPU, in Triton's interpreter, with what the interpreter leaves out.

The interpreter computes what a kernel computes, with NumPy, one program after the other. So it does
not notice some errors that a GPU does not forgive. Here they are noticed:

- An entry outside of the arrays that the kernel was given is loaded or stored. Each array is copied
  to memory with a margin of its own, so that the entry next to it is outside.
- Two accesses to an entry have no order, and one of them stores (`memory`).
- A load has a mask and no `other`: the entries outside are NaN, since a GPU promises nothing.
- A scan joins in another order than from left to right.
- A product uses TF32: the last 13 bits of float32 factors are dropped, as tensor cores do.
- PyTorch's own layers are called, or fresh memory is used (`operators`).

The process of the user's code loads this file by its path, and before that code.
"""

import ast
import inspect
import os
import sys
from collections import Counter
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

os.environ["TRITON_INTERPRET"] = "1"  # before the user's code imports Triton

import torch
import triton.language as tl
from triton.language.extra import libdevice
from triton.language.extra.cuda import libdevice as cuda_libdevice
from triton.runtime import interpreter as triton_interpreter
from triton.tools.tensor_descriptor import TensorDescriptor


def load_neighbour(name: str) -> ModuleType:
    """Import a file of this folder by its path; the user's modules may have the same name."""
    path = Path(__file__).with_name(f"{name}.py")
    spec: Any = spec_from_file_location(f"_rnn_parity_{name}", path)
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


memory, builder, launches, operators, frontend = map(
    load_neighbour, ("memory", "builder", "launches", "operators", "frontend")
)

LAUNCHES, HINTS = launches.LAUNCHES, builder.HINTS
State = builder.State

turns: Counter[FunctionType] = Counter()  # launches of each kernel


class _Executor(triton_interpreter.GridExecutor):  # type: ignore[misc]
    """Runs one launch; its arrays are copied to memory with margins, and back."""

    def __call__(self, *args: object, **kwargs: object) -> None:
        """Run the programs, in half of a kernel's launches from the last one to the first.

        A program that needs what another one does has to wait for it, and not to be lucky. If it
        waits for an earlier one, the first one has to begin. The launches that are reversed follow
        no period (Thue and Morse): of two configurations in turn, each is launched both ways.
        """
        State.is_reversed = turns[self.fn].bit_count() % 2 == 1
        turns[self.fn] += 1
        try:
            self._run(*args, **kwargs)
        except builder.CannotBeTried:
            if not State.is_reversed:
                raise
            State.is_reversed = False
            self._run(*args, **kwargs)

    def _run(self, *args: object, **kwargs: object) -> None:
        try:
            super().__call__(*args, **kwargs)
        except triton_interpreter.InterpreterError as error:
            raise error.__cause__ or error from None

    def _init_args_hst(self, args: Any, kwargs: Any) -> tuple[list[object], dict[str, object]]:
        arrays: dict[int, Any] = {}

        def add_margin(name: str, arg: object) -> object:
            if isinstance(arg, TensorDescriptor):
                rest = arg.shape, arg.strides, arg.block_shape, arg.padding
                rounded = arg.round_f32_to_tf32
                return TensorDescriptor(add_margin(name, arg.base), *rest, rounded)
            if not isinstance(arg, torch.Tensor):
                return arg
            storage = arg.untyped_storage()
            if storage.data_ptr() not in arrays:
                arrays[storage.data_ptr()] = memory.Array(name, storage, arg.element_size())
            array = arrays[storage.data_ptr()]
            return arg.new_empty(0, device="cpu").set_(
                array.memory.untyped_storage(),
                arg.storage_offset() + array.margin // arg.element_size(),
                arg.size(),
                arg.stride(),
            )

        names = self.arg_names
        on_host = [add_margin(n, arg) for n, arg in zip(names, args, strict=False)]
        named = {name: add_margin(name, arg) for name, arg in kwargs.items()}
        State.arrays = tuple(arrays.values())
        return on_host, named

    def _restore_args_dev(self, args: Any, on_host: Any, kwargs: Any, named: Any) -> None:
        by_storage = {a.memory.data_ptr(): a for a in State.arrays}
        pairs = [*zip(args, on_host, strict=True), *((kwargs[n], named[n]) for n in kwargs)]
        for arg, host in pairs:
            tensor, copy = getattr(arg, "base", arg), getattr(host, "base", host)
            if isinstance(tensor, torch.Tensor):
                array = by_storage[copy.untyped_storage().data_ptr()]
                memory.read_bytes(tensor.untyped_storage()).copy_(array.inside)


def run(self: Any, *args: object, grid: object, warmup: bool = False, **kwargs: object) -> None:
    """Launch a kernel: what `InterpretedFunction.run` does."""
    if warmup:
        return
    executor = _Executor(self.rewrite(), self.arg_names, grid, self.pre_run_hooks)
    bound = launches.bind(self.fn, self.arg_names, args, kwargs)
    launches.record(self.fn, self.arg_names, executor.constexprs, bound)
    executor(*args, **kwargs)


def call(self: triton_interpreter.InterpretedFunction, *args: object, **kwargs: object) -> object:
    """Call a function from a kernel: what `InterpretedFunction.__call__` does, but faster."""
    patch(self.fn)
    return self.rewrite()(*args, **kwargs)


@cache
def patch(fn: FunctionType) -> object:
    """Let what a function has imported from Triton speak to the interpreter.

    Triton patches its own modules for each launch, and not what was imported from them by name.
    """
    for name, value in fn.__globals__.items():
        if tl.core.is_builtin(value):
            fn.__globals__[name] = getattr(sys.modules[value.__module__], value.__name__)
    return triton_interpreter._LangPatchScope()  # with nothing to restore


_find_dtype = cache(triton_interpreter._get_np_dtype)


def find_dtype(kind: tl.dtype) -> np.dtype:
    """Return NumPy's dtype: what `_get_np_dtype` does, but faster."""
    return np.dtype(np.uint64) if kind.is_ptr() else _find_dtype(kind.scalar)


class _All:
    """Stands in the place of a function that has imported all modules that are to be patched."""

    __globals__ = {"tl": tl, "core": tl.core}  # noqa: RUF012


def patch_reductions() -> None:
    """Let sums over an axis note that threads use entries that others have loaded."""
    original = triton_interpreter.ReduceScanOpInterface.apply

    def apply(self: object, inputs: tl.tensor | tuple[tl.tensor, ...]) -> object:
        several = inputs if isinstance(inputs, tuple) else (inputs,)
        builder.exchange(*(tensor.handle for tensor in several))
        return original(self, inputs)

    triton_interpreter.ReduceScanOpInterface.apply = apply
    triton_interpreter.ScanOps.generic_scan = scan_in_rounds


def scan_in_rounds(self: Any, inputs: tuple[tl.tensor, ...]) -> list[tl.tensor]:
    """Scan in rounds, as a GPU does: what `ScanOps.generic_scan` does one entry after the other.

    From left to right, a function that is not associative would not be noticed. A round joins all
    entries with those k before; one that chooses with `if` takes single entries only.
    """
    parts = [np.moveaxis(tensor.handle.data, self.axis, 0) for tensor in inputs]

    def pack(arrays: list[np.ndarray]) -> list[tl.tensor]:
        moved = (np.ascontiguousarray(np.moveaxis(array, 0, self.axis)) for array in arrays)
        return [self.to_tensor(m, like.dtype) for m, like in zip(moved, inputs, strict=True)]

    k = 1
    while k < len(parts[0]):
        earlier = [np.concatenate([part[:k], part[:-k]]) for part in parts]  # a tile of the size
        try:
            joined = join_tiles(self.combine_fn.fn, [*pack(earlier), *pack(parts)])
        except TypeError:
            in_order: list[tl.tensor] = _scan_in_order(self, inputs)
            return in_order
        several = joined if isinstance(joined, tuple) else (joined,)
        new = [np.moveaxis(tensor.handle.data, self.axis, 0) for tensor in several]
        parts = [np.concatenate([p[:k], n[k:]]) for p, n in zip(parts, new, strict=True)]
        k *= 2
    return pack(parts)


def join_tiles(function: FunctionType, tiles: list[tl.tensor]) -> object:
    """Call a function of single entries with tiles; TypeError if it chooses with `if`."""

    def refuse(tile: tl.tensor) -> bool:
        raise TypeError(f"expected a single entry, got a tile of shape {tile.handle.data.shape}")

    tensor: Any = tl.tensor
    is_true, tensor.__bool__ = tensor.__bool__, refuse
    try:
        return function(*tiles)
    finally:
        tensor.__bool__ = is_true


_scan_in_order: Any = triton_interpreter.ScanOps.generic_scan


def compile_with_captured(self: triton_interpreter.FunctionRewriter, tree: ast.Module) -> object:
    """Compile a kernel: what `FunctionRewriter._compile_and_exec` does, with captured variables.

    The code is compiled again, and a function within a function would lose them. So it becomes the
    inner one of a function that takes them as arguments.
    """
    captured = inspect.getclosurevars(self.fn).nonlocals
    if not captured:
        return _compile(self, tree)
    names = ", ".join(captured)
    outer = ast.parse(f"def {self.fn.__name__}({names}):\n    return {self.fn.__name__}")
    function: Any = outer.body[0]
    function.body[:0] = tree.body
    return _compile(self, ast.fix_missing_locations(outer))(**captured)


_compile = triton_interpreter.FunctionRewriter._compile_and_exec


def take_notes() -> dict[str, object]:
    """Return launches, why numbers may be wrong, and how many operations, since the last call."""
    launched, hints = list(LAUNCHES.values()), list(HINTS)[State.named :]
    notes = {"launched": launched, "hints": hints, "operations": frontend.Count.operations}
    LAUNCHES.clear()
    State.named, frontend.Count.operations = len(HINTS), 0
    return notes


def install() -> None:
    """Put all this in the place of what Triton has."""
    builder.install()
    triton_interpreter._get_np_dtype = find_dtype
    scope = triton_interpreter._patch_lang(_All)
    triton_interpreter._patch_builtin(cuda_libdevice, triton_interpreter.interpreter_builder, scope)
    for name in vars(cuda_libdevice).keys() & vars(libdevice).keys():
        if callable(getattr(libdevice, name)):
            setattr(libdevice, name, getattr(cuda_libdevice, name))
    triton_interpreter._patch_lang = patch
    triton_interpreter.InterpretedFunction.run = run
    triton_interpreter.InterpretedFunction.__call__ = call
    triton_interpreter.FunctionRewriter._compile_and_exec = compile_with_captured
    patch_reductions()
    launches.install()
    operators.install()
    frontend.install()


install()
