"""Compute a kernel in the interpreter, with only the promises that a GPU makes.

`interpreter` loads this file, after `memory`, and makes Triton's interpreter use it.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import _rnn_parity_memory as memory  # type: ignore[import-not-found]  # the file beside this one
import numpy as np
import triton.language as tl
from triton.language.semantic import TritonSemantic
from triton.runtime import interpreter as triton_interpreter
from triton.runtime.interpreter import TensorHandle as Handle

HINTS: dict[str, None] = {}  # why numbers may be wrong

MOST_POLLS = 1000  # accesses to one place and to nothing else, after which nothing changes

WAITS = (
    "cannot be tried here: a program waits for another one, and the interpreter runs one after "
    "the other"
)


class CannotBeTried(Exception):
    """The kernel may be right; the interpreter does not show it."""


class State:
    """The state of a kernel that runs."""

    arrays: tuple[memory.Array, ...] = ()
    order: memory.Order  # since a launch has begun
    is_reversed = False  # whether the last program runs first
    last, polls = 0, 0  # the tile of the last access, and how often it was accessed in a row
    named = 0  # hints that `take_notes` has returned
    has_other = False  # whether the load that is computed was given an `other`


def access(
    ptrs: Handle, mask: Handle, *, may_wait: bool = False
) -> tuple[int, memory.Addresses, list[tuple[memory.Array, memory.Flags, memory.Addresses]]]:
    """Return the number of the tile, its addresses, and the arrays with their places in each.

    A tile has the same number whenever it has the same pointers.
    """
    tile = hash((ptrs.data.shape, ptrs.data.tobytes()))
    State.polls = State.polls + 1 if may_wait and tile == State.last else 0
    State.last = tile
    if State.polls > MOST_POLLS:
        raise CannotBeTried(WAITS)
    addresses = ptrs.data[np.broadcast_to(mask.data, ptrs.data.shape).astype(bool)].astype(np.int64)
    size = max(1, ptrs.get_element_ty().primitive_bitwidth // 8)
    parts = memory.split(State.arrays, addresses, size)
    return tile, addresses, [(a, s, (addresses[s] - a.first) // a.size) for a, s in parts]


def carry(result: Handle, *operands: Handle) -> Handle:
    """Note that a result has the entries of its operands, each computed by the thread that had it.

    `attr` of a handle is a dictionary for such purposes. A value from one load alone is marked.
    """
    sources = [operand for operand in operands if operand.attr.get("tiles")]
    if sources:
        result.attr["tiles"] = set().union(*(source.attr["tiles"] for source in sources))
        result.attr["is_loaded"] = len(sources) == 1 and sources[0].attr["is_loaded"]
    return result


def exchange(*operands: Handle) -> None:
    """Note that threads use entries that others have loaded, or have computed from these."""
    for operand in operands:
        order = State.order
        tiles = order.exchanged if operand.attr.get("is_loaded") else order.passed_on
        tiles.update(operand.attr.get("tiles", ()))


class _Builder(triton_interpreter.InterpreterBuilder):  # type: ignore[misc]
    """The functions of the interpreter that differ."""

    def __init__(self) -> None:
        super().__init__()
        self.options = triton_interpreter.InterpreterOptions(
            sanitize_overflow=False,  # slow
            allowed_dot_input_precisions=("tf32", "tf32x3", "ieee", "bf16x3", "bf16x6"),
        )

    # Programs and barriers

    def set_grid_dim(self, *sizes: int) -> None:
        State.order = memory.Order(int(np.prod(sizes)))
        for array in State.arrays:
            array.prepare()
        super().set_grid_dim(*sizes)

    def set_grid_idx(self, *index: int) -> None:
        State.order.begin_program()
        last = (number - 1 for number in self.grid_dim)
        opposite = (most - k for most, k in zip(last, index, strict=True))
        super().set_grid_idx(*(opposite if State.is_reversed else index))

    def create_barrier(self, *rest: object) -> None:
        State.order.begin_epoch()

    # Memory. `policies` of the cache are two before Triton 3.9, and one from there on.

    def create_masked_load(
        self, ptrs: Handle, mask: Handle, other: Handle | None, *policies: object, **named: object
    ) -> Handle:
        is_volatile = named["is_volatile"] if named else policies[-1]  # descriptors name them
        tile, _, parts = access(ptrs, mask, may_wait=True)
        for array, _, places in parts if not is_volatile else ():  # that waits, and orders nothing
            array.load(places, tile, State.order)
        if other is None and State.has_other:
            kind = ptrs.get_element_ty()
            zeros = np.zeros(ptrs.data.shape, triton_interpreter._get_np_dtype(kind))
            other = Handle(zeros, kind)
        if other is None and not np.all(mask.data):
            other = make_undefined(ptrs)
            for array, *_ in parts:
                hint(f"a masked load of {array.name} has no `other`, the rest is undefined")
        result = super().create_masked_load(ptrs, mask, other, *policies, **named)
        result.attr.update(tiles={tile}, is_loaded=True)
        return result

    def create_masked_store(
        self, ptrs: Handle, value: Handle, mask: Handle, *policies: object
    ) -> Handle:
        tile, addresses, parts = access(ptrs, mask)
        chosen = np.broadcast_to(mask.data, ptrs.data.shape).astype(bool)
        values = np.broadcast_to(value.data, ptrs.data.shape)[chosen]
        for array, inside, places in parts:
            old = array.read(addresses[inside], values.dtype)
            is_changed = differ(old, values[inside])
            array.store(places, tile, State.order, is_changed, value.attr.get("tiles", ()))
        result = super().create_masked_store(ptrs, value, mask, *policies)
        for array, inside, _ in parts:
            if differ(array.read(addresses[inside], values.dtype), values[inside]).any():
                raise RuntimeError(
                    f"expected one value for each entry of {array.name}, got several in one store"
                )
        return result

    def create_atomic_rmw(
        self,
        operation: object,
        ptr: Handle,
        value: Handle,
        mask: Handle,
        sem: object,
        scope: object,
    ) -> Handle:
        with_order = synchronise(ptr, mask, sem, scope)
        result = super().create_atomic_rmw(operation, ptr, value, mask, sem, scope)
        with_order()
        return result

    def create_atomic_cas(
        self, ptr: Handle, cmp: Handle, value: Handle, sem: object, scope: object
    ) -> Handle:
        everywhere = Handle(np.ones_like(ptr.data, bool), tl.int1)
        with_order = synchronise(ptr, everywhere, sem, scope)
        result = super().create_atomic_cas(ptr, cmp, value, sem, scope)
        with_order()
        return result

    def create_atomic_load(self, ptr: Handle, mask: Handle, sem: object, scope: object) -> Handle:
        with_order = synchronise(ptr, mask, sem, scope)
        result = super().create_masked_load(ptr, mask, None, None, True)
        with_order()
        return result

    def create_atomic_store(
        self, ptr: Handle, value: Handle, mask: Handle, sem: object, scope: object
    ) -> Handle:
        if ptr.data.size == 1:
            State.order.forget(int(ptr.data.item()))
        synchronise(ptr, mask, sem, scope)
        return super().create_masked_store(ptr, value, mask, None)

    def create_atomic_poll(
        self, ptr: Handle, expected: Handle, timeout_ns: object, sem: object, scope: object
    ) -> Handle:
        everywhere = Handle(np.ones_like(ptr.data, bool), tl.int1)
        with_order = synchronise(ptr, everywhere, sem, scope)
        values = super().create_masked_load(ptr, everywhere, None, None, True).data
        if (values != expected.data).any():
            raise CannotBeTried(WAITS)
        with_order()
        return Handle(values == expected.data, tl.int1)

    # Values

    def create_dot(
        self, a: Handle, b: Handle, d: Handle, input_precision: object, *rest: object
    ) -> Handle:
        exchange(a, b)
        name = str(input_precision).rpartition(".")[2]
        if name in DROPPED and a.data.dtype == b.data.dtype == np.float32:
            hint(f"tl.dot multiplies in {name}")
            a, b = truncate(a, DROPPED[name]), truncate(b, DROPPED[name])
        return carry(super().create_dot(a, b, d, input_precision, *rest), d)

    def create_extern_elementwise(
        self,
        library: str,
        path: str,
        symbol: str,
        args: Sequence[Handle],
        kind: object,
        is_pure: bool,
    ) -> Handle:
        name = symbol.removeprefix("__nv_").removeprefix("fast_").removesuffix("f")
        if name not in FUNCTIONS:
            raise CannotBeTried(f"cannot be tried here: {symbol} of libdevice is not interpreted")
        values = FUNCTIONS[name](*(arg.data for arg in args))
        result = Handle(values.astype(args[0].data.dtype), args[0].dtype)
        return carry(result, *args)

    def create_inline_asm(self, *rest: object) -> NoReturn:
        raise CannotBeTried("cannot be tried here: inline assembly is not interpreted")

    def binary_op(self, lhs: Handle, rhs: Handle, op: object) -> Handle:
        result = super().binary_op(lhs, rhs, op)
        if result.data.dtype == bool:
            result.dtype = tl.int1  # Triton's has that of the operands, also of a comparison
        return carry(result, lhs, rhs)

    def unary_op(self, arg: Handle, op: object) -> Handle:
        return carry(super().unary_op(arg, op), arg)

    def ternary_op(self, lhs: Handle, rhs: Handle, other: Handle, op: object) -> Handle:
        return carry(super().ternary_op(lhs, rhs, other, op), lhs, rhs, other)

    def create_fma(self, x: Handle, y: Handle, z: Handle) -> Handle:
        return carry(super().create_fma(x, y, z), x, y, z)

    def cast_impl(self, src: Handle, kind: object) -> Handle:
        return carry(super().cast_impl(src, kind), src)


DROPPED = {"TF32": 13, "BF16x3": 8}
"""The bits of a float32 factor that a product leaves out. BF16x3 takes two parts of eight bits."""

MOVES = ("broadcast", "cat", "expand_dims", "gather", "histogram", "trans")
"""The operations whose result has entries in other places, at other threads."""

VIEWS = ("join", "reshape", "split")
"""The operations whose result has the same entries in another shape."""

FUNCTIONS: dict[str, Callable[..., np.ndarray]] = {
    **{n: getattr(np, n) for n in ("tanh", "sinh", "cosh", "exp", "exp2", "expm1", "fabs", "sqrt")},
    **{n: getattr(np, n) for n in ("log", "log1p", "log2", "log10", "fmax", "fmin", "floor")},
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "divide": np.divide,
    "div_rn": np.divide,
    "rcp_rn": np.reciprocal,
    "pow": np.power,
    "fma": lambda x, y, z: x * y + z,
}
"""The functions of libdevice that NumPy computes, by their names without prefix and suffix."""


def patch_exchange(name: str) -> Callable[..., object]:
    """Return an operation of the interpreter that notes that threads pass values on."""

    def operation(self: triton_interpreter.InterpreterBuilder, *args: object) -> object:
        exchange(*(arg for arg in args if isinstance(arg, Handle)))
        return original(self, *args)

    original = getattr(triton_interpreter.InterpreterBuilder, name)
    return operation


def patch_tiles(name: str) -> Callable[..., object]:
    """Return an operation of the interpreter that notes where its results come from."""

    def operation(self: triton_interpreter.InterpreterBuilder, *args: object) -> object:
        result = original(self, *args)
        handles = [arg for arg in args if isinstance(arg, Handle)]
        for handle in result if isinstance(result, tuple) else (result,):
            carry(handle, *handles)
        return result

    original = getattr(triton_interpreter.InterpreterBuilder, name)
    return operation


def make_undefined(ptrs: Handle) -> Handle:
    """Return what a load gives where its mask is false: anything."""
    kind = triton_interpreter._get_np_dtype(ptrs.get_element_ty())
    nonsense = np.nan if kind.kind == "f" else 1 if kind.kind == "b" else np.iinfo(kind).max
    values = np.full(ptrs.data.shape, nonsense, kind)
    return Handle(values, ptrs.get_element_ty())


def hint(reason: str) -> None:
    """Note why numbers may be wrong, with the line of the user's code."""
    frame = sys._getframe()
    triton_folder = str(Path(triton_interpreter.__file__).parents[1])
    while frame.f_back and frame.f_code.co_filename.startswith((triton_folder, __file__)):
        frame = frame.f_back
    HINTS[f"{reason} (line {frame.f_lineno})"] = None


def check_multiples(handle: Handle, name: str, values: list[int]) -> None:
    """Keep what a kernel tells the compiler; RuntimeError if `tl.multiple_of` is not true.

    It is said of each number that does not follow the one before it.
    """
    handle.attr[name] = values
    if name == "tt.divisibility" and handle.data.ndim <= 1 and not handle.dtype.scalar.is_ptr():
        numbers = np.atleast_1d(handle.data).astype(np.int64)
        begins = numbers[np.append(True, np.diff(numbers) != 1)]
        others = begins[begins % values[0] != 0]
        if len(others):
            raise RuntimeError(
                f"expected multiples of {values[0]}, as tl.multiple_of says, got {others[0]}"
            )


def differ(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return where values have other bits."""
    bits = np.dtype(f"u{one.dtype.itemsize}")
    different: np.ndarray = np.ascontiguousarray(one).view(bits) != np.ascontiguousarray(
        other
    ).view(bits)
    return different


def synchronise(ptr: Handle, mask: Handle, sem: object, scope: object) -> Callable[[], None]:
    """Record an atomic operation, before it is computed; return what is to be called after it.

    Only one of a single entry orders programs: a tile has a thread for each entry.
    """
    order = State.order
    tile, addresses, parts = access(ptr, mask, may_wait=True)
    for array, _, places in parts:
        array.change(places, tile, order)
    semantics, is_single = f"{sem} {scope}".upper(), addresses.size == 1
    if is_single and "CTA" not in semantics and "RELEASE" in semantics:
        order.release(int(addresses[0]))

    def acquire() -> None:
        if is_single and "CTA" not in semantics and "ACQUIRE" in semantics:
            order.acquire(int(addresses[0]))

    return acquire


def truncate(handle: Handle, dropped: int) -> Handle:
    """Return float32 factors without their last bits."""
    bits = np.ascontiguousarray(handle.data).view(np.uint32) >> dropped << dropped
    return Handle(bits.view(np.float32), handle.dtype)


_load = TritonSemantic.load


def load(self: TritonSemantic, ptr: object, mask: object, other: object, *rest: object) -> object:
    """Load a tile: what `TritonSemantic.load` does, which takes a single `other` of 0 for none."""
    State.has_other = other is not None
    try:
        return _load(self, ptr, mask, other, *rest)
    finally:
        State.has_other = False


def install() -> None:
    """Let Triton's interpreter compute with these functions."""
    TritonSemantic.load = load
    Handle.set_attr = check_multiples
    for move in MOVES:
        setattr(_Builder, f"create_{move}", patch_exchange(f"create_{move}"))
    for view in VIEWS:
        setattr(_Builder, f"create_{view}", patch_tiles(f"create_{view}"))
    triton_interpreter.interpreter_builder.__class__ = _Builder
    triton_interpreter.interpreter_builder.__init__()
