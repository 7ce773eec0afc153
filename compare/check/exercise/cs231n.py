"""The functions of Stanford's CS231n, in their own layout: (N, T, D), weights (in, out), one bias.

    rnn_step_forward(x, prev_h, Wx, Wh, b) -> (next_h, cache)
    rnn_step_backward(dnext_h, cache) -> (dx, dprev_h, dWx, dWh, db)
    rnn_forward(x, h0, Wx, Wh, b) -> (h, cache)
    rnn_backward(dh, cache) -> (dx, dh0, dWx, dWh, db)

    lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b) -> (next_h, next_c, cache)
    lstm_step_backward(dnext_h, dnext_c, cache) -> (dx, dprev_h, dprev_c, dWx, dWh, db)
    lstm_forward(x, h0, Wx, Wh, b) -> (h, cache)
    lstm_backward(dh, cache) -> (dx, dh0, dWx, dWh, db)

Their names tell them apart. They have no separate gradient of the last state, and an LSTM begins
with c = 0. Its gates are in the order i, f, o, g.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from compare.check.core.results import AFTER_ANOTHER, Case, Inputs
from compare.check.exercise import drawing, stages
from compare.check.exercise.drawing import Kinds
from compare.check.exercise.stages import Drawer, Runner, Stage
from compare.files import table
from compare.implementations import (
    CELLS,
    Array,
    Functions,
    LocalFunctions,
    Order,
    Results,
    reorder_to_torch,
    reorder_to_user,
)
from compare.mistakes import PlainFunctions
from compare.parity import Move

ORDERS: dict[str, Order] = {"rnn": (), "lstm": ("i", "f", "o", "g")}  # of the gates

LETTERS = {"B": "N", "V": "D", "W_ih": "Wx", "W_hh": "Wh"}  # ours and theirs

EQUATIONS = table(f"{__package__}.templates", "equations.toml")["cs231n"]
WEIGHTS, GRADIENTS = ("Wx", "Wh", "b"), ("dWx", "dWh", "db")


class CS231nFunctions(LocalFunctions):
    """The six functions of a cell, right or wrong, under these names and in this layout."""

    def __init__(self, plain: PlainFunctions) -> None:
        super().__init__(plain.cell)
        self.functions, self.names = plain, CELLS[plain.cell]

    def step_forward(self, x: Array, *states_and_weights: Array) -> tuple[object, ...]:
        """Return next_h, next_c if there is one, and the cache."""
        before, weights = states_and_weights[:-3], self._convert_weights(*states_and_weights[-3:])
        result = self.functions.step(x, *before, *weights)
        after = result if isinstance(result, tuple) else (result,)
        values = dict(zip(("x_t", *self.names.states), (x, *before), strict=True))
        values |= dict(zip(self.names.list_results("step"), after, strict=True))
        cache = (*(values[name] for name in self.names.seen), *weights[:2])
        return *after[: len(before)], cache

    def step_backward(self, *upstream_and_cache: Array | tuple[Array, ...]) -> tuple[Array, ...]:
        """Return dx, dprev_h, dprev_c if there is one, dWx, dWh and db."""
        *d_next, cache = upstream_and_cache
        gradients = self.functions.step_backward(*d_next, *cache)
        states = 1 + len(d_next)
        return *gradients[:states], *self._transpose_gradients(*gradients[states : states + 3])

    def forward(self, x: Array, h0: Array, *weights: Array) -> tuple[Array, object]:
        """Return (h, cache)."""
        begin = (h0, *(np.zeros_like(h0) for _ in self.names.states[1:]))
        h, _, tape = self.functions.forward(
            x.swapaxes(0, 1), *begin, *self._convert_weights(*weights)
        )
        return h.swapaxes(0, 1), tape

    def backward(self, dh: Array, cache: Iterable[object]) -> tuple[Array, ...]:
        """Return (dx, dh0, dWx, dWh, db)."""
        steps = dh.swapaxes(0, 1)
        nothing = [np.zeros_like(steps[0]) for _ in self.names.states]
        dx, dh0, *gradients = self.functions.backward(cache, steps, *nothing)
        return (
            dx.swapaxes(0, 1),
            dh0,
            *self._transpose_gradients(*gradients[len(nothing) - 1 :][:3]),
        )

    def _convert_weights(self, Wx: Array, Wh: Array, b: Array) -> tuple[Array, ...]:
        ours = [reorder_to_torch(w, self.cell, ORDERS[self.cell]) for w in (Wx.T, Wh.T, b)]
        return (*ours, np.zeros_like(b))

    def _transpose_gradients(self, *d_weights: Array) -> tuple[Array, ...]:
        dWx, dWh, db = (reorder_to_user(d, self.cell, ORDERS[self.cell]) for d in d_weights)
        return dWx.T, dWh.T, db


@dataclass(frozen=True, slots=True)
class Pair:
    """The two functions of a step, or of a sequence."""

    forward: str
    backward: str
    states: tuple[str, ...]  # before the first step
    results: tuple[str, ...]  # of the forward function, beside the cache

    def run_forward(self, functions: Functions, inputs: Inputs, move: Move) -> Results:
        """Compute the states between others, of which the last must not change them."""
        if "before" in functions.other_calls:
            others = {
                name: a / 2 if name in ("Wh", "b") else a.copy() for name, a in inputs.items()
            }
            self._forward(functions, others, move)
        arguments, (*states, _) = self._forward(functions, inputs, move)
        results = {
            n: stages.read_array(n, value) for n, value in zip(self.results, states, strict=True)
        }
        results |= stages.copy_arguments(arguments)
        first, first_now = self.results[0], functions.see_last(0)
        if "after" in functions.other_calls:
            self._forward(functions, inputs | {"x": inputs["x"] / 2}, move)
        after = first_now() if "after" in functions.other_calls else states[0]
        return results | {first + AFTER_ANOTHER: stages.read_array(first, after)}

    def run_backward(self, functions: Functions, inputs: Inputs, move: Move) -> Results:
        """Compute the states, then others, then the gradients of the first."""
        *_, cache = self._forward(functions, inputs, move)[1]
        if "between" in functions.other_calls:
            self._forward(functions, inputs | {"x": inputs["x"] / 2}, move)
        upstream = {f"d{name}": move(inputs[f"d{name}"]) for name in self.results}
        gradients = functions.call(self.backward, *upstream.values(), move(cache))
        names = ("dx", *(f"d{name}" for name in self.states), *GRADIENTS)
        return stages.read_arrays(names, gradients) | stages.copy_arguments(upstream)

    def _forward(
        self, functions: Functions, inputs: Inputs, move: Move
    ) -> tuple[Inputs, tuple[object, ...]]:
        """Return the arguments after the call, and its results."""
        arguments = {name: move(inputs[name]) for name in ("x", *self.states, *WEIGHTS)}
        result = functions.call(self.forward, *arguments.values(), keep=(len(self.results),))
        return arguments, stages.unpack_items(result, (*self.results, "cache"))


def draw_steps(cell: str, seed: int, kinds: Kinds = ()) -> Iterator[Case]:
    """Draw single steps."""
    rng = np.random.default_rng([seed, 7])
    states = CELLS[cell].states
    for case in drawing.draw(CELLS[cell], "step", seed, kinds):
        drawn = case.inputs
        inputs = {"x": drawn["x_t"]} | {f"prev_{state}": drawn[state] for state in states}
        for state in states:
            inputs[f"dnext_{state}"] = rng.normal(size=drawn["h"].shape).astype(case.dtype)
        yield _translate_case(case, inputs)


def draw_sequences(cell: str, seed: int, kinds: Kinds = ()) -> Iterator[Case]:
    """Draw sequences."""
    for case in drawing.draw(CELLS[cell], "backward", seed, kinds):
        drawn = case.inputs
        x, dh = (np.ascontiguousarray(drawn[name].swapaxes(0, 1)) for name in ("x", "d_output"))
        yield _translate_case(case, {"x": x, "h0": drawn["h_0"], "dh": dh})


def _translate_case(case: Case, inputs: Inputs) -> Case:
    """Return a case in CS231n's letters, with the weights of `case`."""
    drawn = case.inputs
    weights = {
        "Wx": np.ascontiguousarray(drawn["W_ih"].T),
        "Wh": np.ascontiguousarray(drawn["W_hh"].T),
        "b": drawn["b_ih"] + drawn["b_hh"],
    }
    description = case.description
    for ours, theirs in LETTERS.items():
        description = description.replace(f"{ours} ", f"{theirs} ")
    sizes = {LETTERS.get(letter, letter): n for letter, n in case.sizes.items()}
    return replace(case, description=description, inputs=inputs | weights, sizes=sizes)


def list_stages_of_cell(cell: str) -> tuple[Stage, ...]:
    """Return the four stages of a cell, in the order of the assignment."""
    states, (forward, backward) = CELLS[cell].states, EQUATIONS[cell].values()
    named = [tuple(f"{when}_{state}" for state in states) for when in ("prev", "next")]
    step = Pair(f"{cell}_step_forward", f"{cell}_step_backward", *named)
    sequence = Pair(f"{cell}_forward", f"{cell}_backward", ("h0",), ("h",))
    all_steps, sums = f"{forward}   for t = 1 … T, from h0", f"{backward}\n{EQUATIONS['sums']}"
    rows: tuple[tuple[str, str, Runner, Drawer, str], ...] = (
        (step.forward, forward, step.run_forward, draw_steps, "step"),
        (step.backward, backward, step.run_backward, draw_steps, "step_backward"),
        (sequence.forward, all_steps, sequence.run_forward, draw_sequences, "forward"),
        (sequence.backward, sums, sequence.run_backward, draw_sequences, "backward"),
    )
    return tuple(
        Stage(name, equation, run, partial(draw, cell), kind=kind, cell=cell, wrap=CS231nFunctions)
        for name, equation, run, draw, kind in rows
    )


CS231N_STAGES = {cell: list_stages_of_cell(cell) for cell in ORDERS}
