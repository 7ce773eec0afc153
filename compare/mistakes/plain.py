"""The six functions of a cell, from the source of the plain version (`scratch_rnn.plain`).

They take and give what those of the template do. A patch changes lines of the source: a mistake is
a line that a student can read. With `move` each operation's result is moved to a neighbouring
float. This is Monte Carlo arithmetic for every intermediate result: a submission rounds in other
places, because it adds in another order or computes log p where the plain version has a difference.

>>> wrong = Patch("scratch_rnn/plain/elman.py", "np.tanh(z_t)", "np.sin(z_t)")
>>> PlainFunctions("rnn", [wrong]).step(x_t, h, W_ih, W_hh, b_ih, b_hh)       # doctest: +SKIP
"""

import ast
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from types import CodeType
from typing import Any

import numpy as np

from compare.files import table
from compare.implementations import CELLS, Array, LocalFunctions, Order, translate_call
from compare.mistakes.patches import Patch, patch_source
from compare.parity import Move, Unmoved

LOSS_FILE = CELLS["rnn"].plain_file  # where `cross_entropy` and `clip_grad_norm` are

KINDS = ("step", "forward", "step_backward", "backward")
"""The functions of a cell that read weights."""

ROUNDED = {"dot", "exp", "expm1", "log", "log1p", "matmul", "mean", "prod", "sqrt", "sum", "tanh"}
"""Functions whose results are rounded; those of other functions are copies of their arguments."""


@lru_cache
def less_accurate(cell: str) -> tuple[Patch, ...]:
    """Return the patches that put the less accurate ways into a cell's functions."""
    return tuple(
        Patch(file, *texts)
        for file in dict.fromkeys((CELLS[cell].plain_file, LOSS_FILE))
        for texts in table(__package__, "less_accurate.toml")["patches"]
        if texts[0] in patch_source(file, ())
    )


class PlainFunctions(LocalFunctions):
    """The six functions of a cell, with the patches of their files, and `move` on each result.

    With a patch of the chunks they compute in chunks.

    With `order` they read weights whose gates are in this order; only the functions of some `kinds`
    do, if these are given. With `states`, h_0 to h_T, the forward pass returns these in the place
    of its own.
    """

    def __init__(
        self,
        cell: str,
        patches: Sequence[Patch] = (),
        move: Move = Unmoved.RESULTS,
        *,
        order: Order = (),
        kinds: Sequence[str] = KINDS,
        states: Array | None = None,
    ) -> None:
        super().__init__(cell)
        files = CELLS[cell].plain_file, LOSS_FILE
        cell_functions, loss = (_execute(file, patches, move) for file in files)
        if any(patch.file == CELLS[cell].chunks_file for patch in patches):
            chunks = _execute(CELLS[cell].chunks_file, patches, move)
            for way in ("forward", "backward"):
                cell_functions[f"{cell}_{way}"] = chunks[f"{cell}_chunks_{way}"]
        self.step, self.step_backward = (
            cell_functions[f"{cell}_step"],
            cell_functions[f"{cell}_step_backward"],
        )
        self.forward, self.backward = self._run_forward, cell_functions[f"{cell}_backward"]
        self.cross_entropy, self.clip_grad_norm = loss["cross_entropy"], loss["clip_grad_norm"]
        self._own_forward = cell_functions[f"{cell}_forward"]
        if order:
            for kind in kinds:
                setattr(self, kind, _read_in_order(getattr(self, kind), kind, cell, order))
        if states is not None:
            self.forward = partial(self._return_states, states)

    def _run_forward(self, *arguments: Array) -> tuple[Array, object, object]:
        """Return output, the last states and the tape that the template suggests."""
        output, last, tape = self._own_forward(*arguments)
        return output, last, tuple(_stack_steps(item) for item in tape)

    def _return_states(self, states: Array, *arguments: Array) -> tuple[Array, object, object]:
        """Return output, the last state and the tape as if a forward pass gave these states."""
        x, _, *weights = arguments
        states = states.astype(x.dtype)
        steps = [self.step(x_t, h, *weights) for x_t, h in zip(x, states, strict=False)]
        tape = {"x": x, "h": states, "gates": [step[-1] for step in steps]}
        cell = CELLS[self.cell]
        tape |= dict(zip(cell.weights, weights, strict=True))
        return states[1:], states[-1], tuple(tape[name] for name in cell.tape)


def _read_in_order(
    function: Callable[..., object], kind: str, cell: str, order: Order
) -> Callable[..., object]:
    """Return a function that reads the gates of its weights in this order."""
    gates = CELLS[cell].gates
    return lambda *args: translate_call(function, kind, cell, args, order, gates)


def _stack_steps(item: Any) -> object:
    """Return a list of arrays as one array: the states h_0, h_1 … h_T."""
    is_list = isinstance(item, list) and all(isinstance(entry, np.ndarray) for entry in item)
    return np.stack(item) if is_list and item else item


def _execute(file: str, patches: Sequence[Patch], move: Move) -> dict[str, Any]:
    """Return the names that a file defines."""
    names = {"__name__": file, "_move": move, "_moved_in_place": _moved_in_place}
    file_patches = tuple(patch for patch in patches if patch.file == file)
    exec(_compile(file, file_patches, move is not Unmoved.RESULTS), names)
    return names


@lru_cache(maxsize=1024)
def _compile(file: str, patches: tuple[Patch, ...], perturbed: bool) -> CodeType:
    """Compile a file with its patches, and with a call of `_move` around each operation."""
    tree = ast.parse(patch_source(file, patches), file)
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

    def visit_AugAssign(self, node: ast.AugAssign) -> list[ast.AST]:
        self.generic_visit(node)
        target = ast.unparse(node.target)
        moved = ast.parse(f"{target} = _moved_in_place({target}, _move)").body
        return [node, *(ast.copy_location(statement, node) for statement in moved)]


def _move(value: ast.expr) -> ast.AST:
    call = ast.Call(ast.Name("_move", ast.Load()), [value], [])
    return ast.copy_location(call, value)


def _moved_in_place(value: object, move: Move) -> object:
    """Move the entries of an array where they are; return it."""
    if not isinstance(value, np.ndarray):
        return move(value)
    value[...] = move(value)
    return value
