"""Run Triton's kernels on the CPU, in Triton's interpreter, with what the interpreter leaves out.

The interpreter computes what a kernel computes, with NumPy, one program after the other. So it does
not notice some errors that a GPU does not forgive. Here they are noticed:

- An entry outside of the arrays that the kernel was given is loaded or stored. Each array is copied
  to memory with a margin of its own, so that the entry next to it is outside.
- A program loads an entry that it has stored, with no barrier in between: on a GPU, another thread
  may not have stored it yet. Or it loads what another program has stored: that may run later.
- A product uses TF32: the last 13 bits of float32 factors are dropped, as tensor cores do.

`LAUNCHES` has the kernels that were launched, and the types of their arguments. The process of the
user's code loads this file by its path, and before that code.
"""

import inspect
import os
from typing import Any

import numpy as np

os.environ["TRITON_INTERPRET"] = "1"  # before the user's code imports Triton

import torch
import triton.language as tl
from triton.language.extra import libdevice
from triton.runtime import interpreter as triton_interpreter

LAUNCHES: dict[str, dict[str, Any]] = {}  # what the compiler needs to know, as JSON has it

MARGIN = 4096  # least number of bytes between two arrays

TYPES = {"float64": "fp64", "float32": "fp32", "float16": "fp16", "bfloat16": "bf16", "bool": "i1"}


class Array:
    """The memory of an array while a kernel runs: who has stored each two bytes, and when."""

    def __init__(self, name: str, storage: Any) -> None:
        self.name, self.nbytes = name, storage.nbytes()
        self.margin = MARGIN * (1 + self.nbytes // MARGIN)
        self.memory = torch.zeros(self.nbytes + 2 * self.margin, dtype=torch.uint8)
        self.inside = self.memory[self.margin : self.margin + self.nbytes]
        self.inside.copy_(bytes_of(storage.cpu()))
        self.first = self.inside.data_ptr()
        self.program, self.barrier = np.zeros((2, self.nbytes // 2 + 1), np.int32)


def bytes_of(storage: Any) -> Any:
    """Return the memory of a tensor as a tensor of bytes."""
    return torch.empty(0, dtype=torch.uint8, device=storage.device).set_(storage)


class State:
    """What is known while a kernel runs."""

    arrays: tuple[Array, ...] = ()
    program, barriers = 0, 0  # the number of the program, from 1; barriers of all programs
    patched: set[Any] = set()  # noqa: RUF012  # functions whose modules speak to the interpreter


def entries(ptrs: Any, mask: Any) -> list[tuple[Array, np.ndarray]]:
    """Return the arrays that the pointers point to, with the places there; or raise IndexError."""
    addresses = ptrs.data[np.broadcast_to(mask.data, ptrs.data.shape).astype(bool)].astype(np.int64)
    size, found = ptrs.get_element_ty().primitive_bitwidth // 8, []
    while addresses.size:
        nearest = min(State.arrays, key=lambda a: abs(int(addresses[0]) - a.first - a.nbytes // 2))
        places = addresses - nearest.first
        inside = (places >= 0) & (places + size <= nearest.nbytes)
        if not inside[0]:
            after = places[0] >= 0
            distance = places[0] - nearest.nbytes if after else -places[0]
            where = f"{distance} bytes {'after the end' if after else 'before the beginning'}"
            raise IndexError(f"expected entries of {nearest.name}, got one {where} (no mask?)")
        found.append((nearest, places[inside] // 2))
        addresses = addresses[~inside]
    return found


class _Builder(triton_interpreter.InterpreterBuilder):  # type: ignore[misc]
    """The functions of the interpreter that differ."""

    def create_masked_load(self, ptrs: Any, mask: Any, *rest: Any) -> Any:
        for array, places in entries(ptrs, mask):
            program = array.program[places]
            here = (program == State.program) & (array.barrier[places] == State.barriers)
            if here.any():
                raise RuntimeError(
                    f"expected a barrier between storing entries of {array.name} and loading them, "
                    "got none: add tl.debug_barrier()"
                )
            if ((program != 0) & (program != State.program)).any():
                raise RuntimeError(
                    f"expected a program to load its own entries of {array.name}, got those that "
                    "another program stores"
                )
        return super().create_masked_load(ptrs, mask, *rest)

    def create_masked_store(self, ptrs: Any, value: Any, mask: Any, *rest: Any) -> Any:
        for array, places in entries(ptrs, mask):
            array.program[places], array.barrier[places] = State.program, State.barriers
        return super().create_masked_store(ptrs, value, mask, *rest)

    def create_barrier(self, *rest: Any) -> None:
        State.barriers += 1

    def set_grid_idx(self, *index: int) -> None:
        State.program += 1
        State.barriers += 1
        super().set_grid_idx(*index)

    def create_dot(self, a: Any, b: Any, d: Any, input_precision: Any, *rest: Any) -> Any:
        if str(input_precision).upper().endswith("TF32"):
            a, b = truncated(a), truncated(b)
        return super().create_dot(a, b, d, input_precision, *rest)


def truncated(handle: Any) -> Any:
    """Return float32 factors as TF32 has them."""
    if handle.data.dtype != np.float32:
        return handle
    bits = np.ascontiguousarray(handle.data).view(np.uint32) & np.uint32(0xFFFFE000)
    return triton_interpreter.TensorHandle(bits.view(np.float32), handle.dtype)


class _Executor(triton_interpreter.GridExecutor):  # type: ignore[misc]
    """Runs one launch; its arrays are copied to memory with margins, and back."""

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        State.program, State.barriers, State.patched = 0, 0, {self.fn}
        try:
            super().__call__(*args, **kwargs)
        except triton_interpreter.InterpreterError as error:
            raise error.__cause__ or error from None

    def _init_args_hst(self, args: Any, kwargs: Any) -> Any:
        arrays: dict[int, Array] = {}

        def with_margin(name: str, arg: Any) -> Any:
            if not isinstance(arg, torch.Tensor):
                return arg
            storage = arg.untyped_storage()
            if storage.data_ptr() not in arrays:
                arrays[storage.data_ptr()] = Array(name, storage)
            array = arrays[storage.data_ptr()]
            return arg.new_empty(0, device="cpu").set_(
                array.memory.untyped_storage(),
                arg.storage_offset() + array.margin // arg.element_size(),
                arg.size(),
                arg.stride(),
            )

        names = self.arg_names
        on_host = [with_margin(n, arg) for n, arg in zip(names, args, strict=False)]
        named = {name: with_margin(name, arg) for name, arg in kwargs.items()}
        State.arrays = tuple(arrays.values())
        return on_host, named

    def _restore_args_dev(self, args: Any, on_host: Any, kwargs: Any, named: Any) -> None:
        by_storage = {a.memory.data_ptr(): a for a in State.arrays}
        pairs = [*zip(args, on_host, strict=True), *((kwargs[n], named[n]) for n in kwargs)]
        for arg, host in pairs:
            if isinstance(arg, torch.Tensor):
                array = by_storage[host.untyped_storage().data_ptr()]
                bytes_of(arg.untyped_storage()).copy_(array.inside)


def run(self: Any, *args: Any, grid: Any, warmup: bool = False, **kwargs: Any) -> None:
    """Launch a kernel: what `InterpretedFunction.run` does."""
    if warmup:
        return
    bound = {p.name: p.default for p in inspect.signature(self.fn).parameters.values()}
    bound |= dict(zip(self.arg_names, args, strict=False)) | kwargs
    executor = _Executor(self.rewrite(), self.arg_names, grid)
    record(self.fn, self.arg_names, executor.constexprs, bound)
    executor(*args, **kwargs)


def call(self: Any, *args: Any, **kwargs: Any) -> Any:
    """Call a function from a kernel: what `InterpretedFunction.__call__` does, but faster."""
    if self.fn not in State.patched:
        triton_interpreter._patch_lang(self.fn)
        State.patched.add(self.fn)
    return self.rewrite()(*args, **kwargs)


def record(fn: Any, names: list[str], constexprs: list[str], bound: dict[str, Any]) -> None:
    """Keep a launch for each kernel and its constants."""
    types: dict[str, str] = {}
    values: dict[str, Any] = {}
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
            types[name] = "fp32"
    options = {name: bound[name] for name in ("num_warps", "num_stages") if name in bound}
    launch: dict[str, Any] = {"name": fn.__name__, "module": fn.__module__}
    launch |= {"file": fn.__code__.co_filename, "types": types, "values": values}
    launch |= {"aligned": aligned, "options": options}
    constants = {name: values[name] for name in constexprs}
    key = repr((launch["module"], launch["name"], constants, options))
    kept = LAUNCHES.setdefault(key, launch | {"constants": constants})
    if len(kept["values"]) > len(values):  # there a size is 1, and compiled as a constant
        kept |= launch


def numpys(name: str) -> Any:
    """Return a function of libdevice that NumPy computes."""

    def function(x: Any, **_: Any) -> Any:
        values = np.asarray(getattr(np, name)(x.handle.data), x.handle.data.dtype)
        return tl.core.tensor(triton_interpreter.TensorHandle(values, x.handle.dtype), x.type)

    return function


def refused(name: str) -> Any:
    """Return a function that takes the place of one of PyTorch's layers."""

    def function(*_: Any, **__: Any) -> Any:
        raise RuntimeError(f"expected kernels of its own, got a call of torch.{name}")

    return function


def install() -> None:
    """Put all this in the place of what Triton has."""
    triton_interpreter.interpreter_builder.__class__ = _Builder
    triton_interpreter.InterpretedFunction.run = run
    triton_interpreter.InterpretedFunction.__call__ = call
    for name in ("tanh", "exp", "expm1", "log", "log1p", "sqrt"):
        setattr(libdevice, name, numpys(name))
    for layer in ("rnn_tanh", "rnn_relu", "gru", "lstm"):  # who calls them has no kernel of its own
        for name in (layer, f"{layer}_cell"):
            setattr(torch, name, refused(name))
            setattr(torch._VF, name, refused(name))


install()
