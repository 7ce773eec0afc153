"""The order of the gates in a weight: PyTorch's, or the user's."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from compare.implementations.core.cells import CELLS
from compare.implementations.core.interface import Array
from compare.terminal import UsageError

Order = tuple[str, ...]  # the gates from the first block of rows to the last; (): nobody states it


def parse_order(text: str | None, cell: str) -> Order:
    """Read --gates; UsageError unless it names each gate of the cell once."""
    if text is None:
        return ()
    gates, order = CELLS[cell].gates, tuple(text.replace(" ", "").split(","))
    if sorted(order) != sorted(gates):
        expected = f"the gates {', '.join(gates)} in some order" if gates else "no --gates"
        raise UsageError(f"expected {expected} for the cell {cell}, got {text!r}")
    return order


def reorder_to_user(array: Array, cell: str, order: Order) -> Array:
    """Return an array whose blocks of rows are in PyTorch's order, in the order of the user."""
    return _reorder(array, CELLS[cell].gates, order)


def reorder_to_torch(array: Array, cell: str, order: Order) -> Array:
    """Return an array whose blocks of rows are in the order of the user, in PyTorch's order."""
    return _reorder(array, order, CELLS[cell].gates)


def _reorder(array: Array, before: Order, after: Order) -> Array:
    if not before or not after or len(array) % len(after):
        return array
    blocks = np.split(array, len(before))
    return np.concatenate([blocks[before.index(gate)] for gate in after])


def translate_call(
    function: Callable[..., object],
    name: str,
    cell: str,
    args: Sequence[object],
    caller_order: Order,
    function_order: Order,
) -> object:
    """Call a function with gates in `function_order` on arrays with gates in `caller_order`."""
    before = partial(_reorder, before=caller_order, after=function_order)
    after = partial(_reorder, before=function_order, after=caller_order)
    kind = name.removeprefix(f"{cell}_")
    matrices, every = len(CELLS[cell].matrices), len(CELLS[cell].weights)
    weights = {"step": every, "forward": every, "step_backward": matrices}.get(kind, 0)
    end = len(args)
    while end > weights and not isinstance(args[end - 1], np.ndarray):
        end -= 1  # an option behind the weights, as in rnn_step(…, b_hh, "tanh")
    passed, at_weights = [*args], slice(end - weights, end)
    passed[at_weights] = map(before, passed[at_weights])
    if kind == "backward" and isinstance(passed[0], tuple):  # the reference's tape
        passed[0] = (*passed[0][:-matrices], *map(before, passed[0][-matrices:]))
    result = function(*passed)
    for array, used in zip(args[at_weights], passed[at_weights], strict=True):
        if isinstance(used, np.ndarray) and isinstance(array, np.ndarray) and array.flags.writeable:
            array[...] = after(used)  # as the function left it
    if not isinstance(result, tuple | list):
        return result
    if kind == "forward" and isinstance(result[-1], tuple):
        tape = result[-1]
        return (*result[:-1], (*tape[:-matrices], *map(after, tape[-matrices:])))
    first = 1 + len(CELLS[cell].states) if kind in ("backward", "step_backward") else len(result)
    turned = (after(d) if isinstance(d, np.ndarray) and d.ndim else d for d in result[first:])
    return (*result[:first], *turned)
