"""A stage of the exercise: how a function is called, and its right results.

A stage runs any six functions on a case and names all results: a submission's, those of the plain
version, or those with a mistake. The right results and their tolerance come from the plain version.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from compare.check.cases.expected import Expected
from compare.check.cases.floats import convert_to_float64
from compare.check.cases.levels import lay_out
from compare.check.core.results import AFTER_ANOTHER, ARGUMENT, SECOND, Case, Inputs, Item
from compare.check.exercise import drawing
from compare.files import table
from compare.implementations import (
    CELLS,
    Array,
    Cell,
    Functions,
    LocalFunctions,
    Results,
    Submission,
    UnexpectedResult,
    describe_kind,
    list_equations,
)
from compare.mistakes import PlainFunctions, less_accurate
from compare.parity import Move, Unmoved, measure_tolerances

EQUATIONS = table(f"{__package__}.templates", "equations.toml")
Runner = Callable[[Functions, Inputs, Move], Results]
Drawer = Callable[..., Iterator[Case]]  # of a seed, and of kinds; the smallest case first


@dataclass(frozen=True, slots=True)
class Stage(Item):
    """One function of the six."""

    run: Runner
    draw: Drawer
    helped_by: tuple[str, ...] = ()  # the stages that it may call
    kind: str = ""  # which of the six it is
    cell: str = "rnn"
    wrap: Callable[[PlainFunctions], LocalFunctions] | None = None  # other names, another layout
    adapt: Callable[[Submission], LocalFunctions] | None = None  # how a submission is called

    def functions(self, plain: PlainFunctions) -> LocalFunctions:
        """Return the plain version's functions, under the names of the exercise."""
        return self.wrap(plain) if self.wrap else plain

    def expected(
        self, case: Case, make: Callable[..., PlainFunctions] = PlainFunctions
    ) -> Expected:
        """Compute the right results in float64, and their tolerance, of the functions of `make`."""

        def compute(move: Move) -> Results:
            functions = self.functions(make(self.cell, less_accurate(self.cell), move))
            functions.other_calls = ()
            results = self.run(functions, lay_out(case.inputs, "in C order"), move)
            return {name: value.astype(case.dtype) for name, value in results.items()}

        @cache
        def tolerance(perturbations: int) -> Results:
            with np.errstate(all="ignore"):
                return measure_tolerances(compute, perturbations)

        reference = plain(self.cell) if make is PlainFunctions else make(self.cell)
        ours = self.functions(reference)
        ours.other_calls = ()
        right = run_quietly(self, ours, convert_to_float64(case.inputs))
        return Expected(right, tolerance, coarsest=case.dtype, computed=case.dtype)


@cache
def plain(cell: str) -> PlainFunctions:
    """Return the plain version's functions."""
    return PlainFunctions(cell)


def run_quietly(
    stage: Stage, functions: Functions, inputs: Inputs, memory: str = "in C order"
) -> Results:
    """Run functions on a copy of a case's inputs, without warnings of infinities and NaN."""
    with np.errstate(all="ignore"):
        return stage.run(functions, lay_out(inputs, memory), Unmoved.RESULTS)


def unpack_items(result: object, names: Sequence[str], what: str = "") -> tuple[object, ...]:
    """Return the items of a result that should be a tuple of so many."""
    if not isinstance(result, tuple | list) or len(result) != len(names):
        raise UnexpectedResult(f"{what}({', '.join(names)})", describe_kind(result))
    return tuple(result)


def read_array(name: str, value: object) -> Array:
    """Return a copy of what should be an array of numbers."""
    numbers = (
        np.asarray(value) if isinstance(value, np.ndarray | np.generic | float | int) else None
    )
    if numbers is None:
        raise UnexpectedResult(f"{name}, an array", describe_kind(value))
    return numbers.copy()


def read_arrays(names: Sequence[str], result: object) -> Results:
    """Return a tuple of arrays by name."""
    return {
        n: read_array(n, value) for n, value in zip(names, unpack_items(result, names), strict=True)
    }


def copy_arguments(arguments: dict[str, Array]) -> Results:
    """Return copies of the arguments as they are after a call, which may not change them.

    Whole numbers become floats, so that they are compared as all results are.
    """
    return {
        name + ARGUMENT: np.array(value, np.result_type(value, np.float32))
        for name, value in arguments.items()
    }


def run_step(cell: Cell, functions: Functions, inputs: Inputs, move: Move) -> Results:
    """Call one step."""
    arguments = {name: move(inputs[name]) for name in cell.list_arguments("step")}
    result = functions.call(f"{cell.name}_step", *arguments.values())
    several = len(cell.list_results("step")) > 1
    now = functions.see_last(*[0] * several)
    values = unpack_items(result, cell.list_results("step")) if several else (result,)
    named = dict(zip(cell.list_results("step"), values, strict=True))
    gates = unpack_items(named.pop("gates", ()), cell.kept, "gates ")
    named |= dict(zip(cell.kept, gates, strict=True))
    results = {name: read_array(name, named[name]) for name in cell.computed}
    results |= copy_arguments(arguments)
    if "after" in functions.other_calls:
        functions.call(f"{cell.name}_step", *(argument / 2 for argument in arguments.values()))
    first = cell.list_results("step")[0]
    after = now() if "after" in functions.other_calls else results[first]
    return results | {first + AFTER_ANOTHER: read_array(first, after)}


def run_forward(cell: Cell, functions: Functions, inputs: Inputs, move: Move) -> Results:
    """Run a sequence between two others, of which the last must not change its results.

    The first differs in all weights but W_ih, so that no result of it can be the second's.
    """
    x, firsts, weights = _move_sequence(cell, inputs, move)
    if "before" in functions.other_calls:
        others = [weights[0].copy(), *(weight / 2 for weight in weights[1:])]
        forward(cell, functions, x.copy(), [state.copy() for state in firsts], others)
    output, last = forward(cell, functions, x, firsts, weights)[:2]
    output_now = functions.see_last(0)
    results = {"output": read_array("output", output)} | read_arrays(cell.name_states("{}_n"), last)
    firsts_named = dict(zip(cell.name_states("{}_0"), firsts, strict=True))
    weights_named = dict(zip(cell.weights, weights, strict=True))
    results |= copy_arguments({"x": x, **firsts_named, **weights_named})
    if "after" in functions.other_calls:
        forward(cell, functions, x / 2, [state / 2 for state in firsts], weights)
    after = output_now() if "after" in functions.other_calls else output
    return results | {"output" + AFTER_ANOTHER: read_array("output", after)}


def forward(
    cell: Cell,
    functions: Functions,
    x: Array,
    firsts: Sequence[Array],
    weights: Sequence[Array],
) -> tuple[object, tuple[object, ...], object]:
    """Return output, the last states and the tape."""
    result = functions.call(f"{cell.name}_forward", x, *firsts, *weights, keep=(2,))
    states = cell.name_states("{}_n")
    label = states[0] if len(states) == 1 else f"({', '.join(states)})"
    output, last, tape = unpack_items(result, ("output", label, "tape"))
    return output, (last,) if len(states) == 1 else unpack_items(last, states), tape


def run_step_backward(cell: Cell, functions: Functions, inputs: Inputs, move: Move) -> Results:
    """Compute the gradients of one step."""
    arguments = {name: move(inputs[name]) for name in cell.list_arguments("step_backward")}
    result = functions.call(f"{cell.name}_step_backward", *arguments.values())
    gates = dict(zip(cell.kept, arguments.pop("gates", ()), strict=True))
    return read_arrays(cell.list_results("step_backward"), result) | copy_arguments(
        arguments | gates
    )


def run_backward(cell: Cell, functions: Functions, inputs: Inputs, move: Move) -> Results:
    """Compute all gradients, twice, after a forward pass of another sequence."""
    x, firsts, weights = _move_sequence(cell, inputs, move)
    tape = forward(cell, functions, x, firsts, weights)[2]
    if "between" in functions.other_calls:
        forward(cell, functions, x / 2, [state / 2 for state in firsts], weights)
    tape = move(tape)
    arguments = {name: move(inputs[name]) for name in ("d_output", *cell.name_states("d_{}_n"))}
    results: Results = {}
    for suffix in ("", SECOND):
        if not suffix or "again" in functions.other_calls:
            gradients = functions.call(f"{cell.name}_backward", tape, *arguments.values())
        named = read_arrays(cell.list_results("backward"), gradients)
        results |= {name + suffix: value for name, value in named.items()}
        results |= copy_arguments(arguments) if not suffix else {}
    return results


def _move_sequence(
    cell: Cell, inputs: Inputs, move: Move
) -> tuple[Array, list[Array], list[Array]]:
    x, firsts = move(inputs["x"]), [move(inputs[name]) for name in cell.name_states("{}_0")]
    return x, firsts, [move(inputs[name]) for name in cell.weights]


def run_cross_entropy(functions: Functions, inputs: Inputs, move: Move) -> Results:
    """Compute the loss and its gradient."""
    arguments = {"logits": move(inputs["logits"]), "targets": inputs["targets"]}
    returned = functions.call("cross_entropy", *arguments.values())
    return read_arrays(("loss", "d_logits"), returned) | copy_arguments(arguments)


def run_clip_grad_norm(functions: Functions, inputs: Inputs, move: Move) -> Results:
    """Compute the norm, and the clipped gradients."""
    gradients = [move(gradient) for gradient in inputs["gradients"]]
    norm = functions.call("clip_grad_norm", gradients, inputs["max_norm"])
    results = {f"gradients[{k}], clipped": np.asarray(g) for k, g in enumerate(gradients)}
    return {"norm": read_array("norm", norm)} | results


def list_stages_of_cell(cell: str) -> tuple[Stage, ...]:
    """Return a cell's six stages, in the order in which one writes them."""
    record = CELLS[cell]
    forward, backward = list_equations(record.forward), list_equations(record.backward)

    def stage(
        kind: str,
        run: Callable[[Cell, Functions, Inputs, Move], Results],
        equation: str,
        *helpers: str,
    ) -> Stage:
        helped_by = tuple(f"{cell}_{helper}" for helper in helpers)
        run_and_draw = partial(run, record), partial(drawing.draw, record, kind)
        return Stage(f"{cell}_{kind}", equation, *run_and_draw, helped_by, kind, cell)

    def make_shared_stage(kind: str, run: Runner, draw: Drawer) -> Stage:
        return Stage(kind, EQUATIONS[kind], run, draw, kind=kind, cell=cell)

    return (
        stage("step", run_step, forward),
        stage("forward", run_forward, forward, "step"),
        stage("step_backward", run_step_backward, backward),
        stage("backward", run_backward, backward, "forward", "step_backward", "step"),
        make_shared_stage("cross_entropy", run_cross_entropy, drawing.draw_cross_entropy),
        make_shared_stage("clip_grad_norm", run_clip_grad_norm, drawing.draw_clip_grad_norm),
    )


STAGES = {cell: list_stages_of_cell(cell) for cell in CELLS}  # the six stages of each cell
