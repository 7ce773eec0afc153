"""The six functions of a cell, from the source of the plain version (`scratch_rnn.plain`).

They have the signatures of the template. A patch changes lines of the source, so that a mistake is
a line that a student can read. With `move` each operation's result is moved to a neighbouring
float. This is Monte Carlo arithmetic for every intermediate result: a submission rounds in other
places, because it adds in another order or computes log p where the plain version has a difference.

>>> wrong = Patch("scratch_rnn/plain/elman.py", "np.tanh(z_t)", "np.sin(z_t)")
>>> PlainFunctions("rnn", [wrong]).step(x_t, h, W_ih, W_hh, b_ih, b_hh)       # doctest: +SKIP
"""

import ast
import inspect
from collections.abc import Sequence
from functools import lru_cache
from types import CodeType, SimpleNamespace
from typing import Any

import numpy as np

from compare.check.bugs.patches import Patch, patched_source
from compare.files import table
from compare.implementations import CELLS, Order, translate_call
from compare.parity import Move, unmoved
from scratch_rnn.layers.states import arrays_of, state_of

Array = np.ndarray

LOSS_FILE = "scratch_rnn/plain/elman.py"  # where `cross_entropy` and `clip_grad_norm` are

ROUNDED = {"dot", "exp", "expm1", "log", "log1p", "matmul", "mean", "prod", "sqrt", "sum", "tanh"}
"""Functions whose results are rounded; those of other functions are copies of their arguments."""


def plain_file(cell: str) -> str:
    """Return the file of a cell's plain version, as a patch names it."""
    return CELLS[cell].plain_module.replace(".", "/") + ".py"


@lru_cache
def less_accurate(cell: str) -> tuple[Patch, ...]:
    """Return the patches that put the less accurate ways into a cell's functions."""
    return tuple(
        Patch(file, *texts)
        for file in dict.fromkeys((plain_file(cell), LOSS_FILE))
        for texts in table(__package__, "less_accurate.toml")["patches"]
        if texts[0] in patched_source(file, ())
    )


class PlainFunctions:
    """The six functions of a cell, with the patches of their files, and `move` on each result."""

    def __init__(self, cell: str, patches: Sequence[Patch] = (), move: Move = unmoved) -> None:
        self.cell = cell
        own, loss = (_executed(file, patches, move) for file in (plain_file(cell), LOSS_FILE))
        self.step, self.step_backward = own[f"{cell}_step"], own[f"{cell}_step_backward"]
        self._forward, self._backward = own[f"{cell}_forward"], own[f"{cell}_backward"]
        self.cross_entropy, self.clip_grad_norm = loss["cross_entropy"], loss["clip_grad_norm"]
        arguments = inspect.signature(self._forward).parameters.values()
        self._options = tuple(a.default for a in arguments if a.default is not a.empty)

    def forward(self, *given: Array) -> tuple[Array, Any, Any]:
        """Return output, the last states and the tape that the template suggests."""
        output, last, tape = self._forward(*given)
        kept = tape[: len(tape) - len(self._options)]
        return output, last, tuple(_stacked(item) for item in kept)

    def backward(self, tape: Any, *given: Array) -> Any:
        """Return the gradients of x, of the first states, of both weights and of the biases."""
        return self._backward((*tape, *self._options), *given)


class ReadInOrder:
    """The six functions of a cell that reads the gates of its weights in another order."""

    def __init__(self, cell: str, order: Order) -> None:
        self.cell, self._order, self._own = cell, order, PlainFunctions(cell)

    def __getattr__(self, kind: str) -> Any:
        function, gates = getattr(self._own, kind), CELLS[self.cell].gates
        return lambda *args: translate_call(function, kind, self.cell, args, self._order, gates)


class AsLayer:
    """Six functions, called as `check.cases.layer_results` calls a layer."""

    def __init__(self, functions: Any) -> None:
        self.functions = functions

    def __call__(self, input_size: int, hidden_size: int, *, dtype: str) -> "AsLayer":
        """Build a layer; its parameters are loaded afterwards."""
        return AsLayer(self.functions)

    def load(self, parameters: dict[str, Array]) -> None:
        """Set the parameters."""
        self.parameters = parameters

    def forward(self, x: Array, state: Any) -> tuple[Array, Any, Any]:
        """Return output, the last state and the tape."""
        firsts = (array[0] for array in arrays_of(state))
        output, last, tape = self.functions.forward(x, *firsts, *self.parameters.values())
        return output, state_of(array[None] for array in arrays_of(last)), tape

    def backward(self, tape: Any, d_output: Array, d_state: Any) -> Any:
        """Return the gradients as a layer of `scratch_rnn` names them."""
        d_last = [array[0] for array in arrays_of(d_state)]
        d_x, *found = self.functions.backward(tape, d_output, *d_last)
        d_h0, *d_c0 = (d[None] for d in found[: len(d_last)])
        d_parameters = dict(zip(self.parameters, found[len(d_last) :], strict=True))
        return SimpleNamespace(x=d_x, h0=d_h0, c0=next(iter(d_c0), None), parameters=d_parameters)


def _stacked(item: Any) -> Any:
    """Return a list of arrays as one array: the states h_0, h_1 … h_T."""
    is_list = isinstance(item, list) and all(isinstance(entry, np.ndarray) for entry in item)
    return np.stack(item) if is_list and item else item


def _executed(file: str, patches: Sequence[Patch], move: Move) -> dict[str, Any]:
    """Return the names that a file defines."""
    names = {"__name__": file, "_move": move, "_moved_in_place": _moved_in_place}
    own = tuple(patch for patch in patches if patch.file == file)
    exec(_compiled(file, own, move is not unmoved), names)
    return names


@lru_cache(maxsize=1024)
def _compiled(file: str, patches: tuple[Patch, ...], perturbed: bool) -> CodeType:
    """Compile a file with its patches, and with a call of `_move` around each operation."""
    tree = ast.parse(patched_source(file, patches), file)
    if perturbed:
        tree = ast.fix_missing_locations(_MoveResults().visit(tree))
    return compile(tree, file, "exec")


class _MoveResults(ast.NodeTransformer):
    """Put `_move` around each operation: `a + b` becomes `_move(a + b)`."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        return _move(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        return _move(node) if name in ROUNDED else node

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        self.generic_visit(node)
        target = ast.unparse(node.target)
        moved = ast.parse(f"{target} = _moved_in_place({target}, _move)").body
        return [node, *(ast.copy_location(statement, node) for statement in moved)]


def _move(value: ast.expr) -> ast.AST:
    call = ast.Call(ast.Name("_move", ast.Load()), [value], [])
    return ast.copy_location(call, value)


def _moved_in_place(value: Any, move: Move) -> Any:
    """Move the entries of an array where they are; return it."""
    if not isinstance(value, np.ndarray):
        return move(value)
    value[...] = move(value)
    return value
