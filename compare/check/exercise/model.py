"""The whole model in one function, one-hot letters to the loss and all gradients.

    loss_and_gradients(inputs, targets, h_0, parameters) -> (loss, gradients, h_n)
    lossFun(inputs, targets, hprev) -> (loss, dWxh, …, h)        cprev and c of an LSTM behind h

The first has inputs and targets (T, B), the mean loss, and lists of parameters and gradients, in
the order of a PyTorch model's state_dict, as `scratch_rnn.plain.model` has it. The second
is over the global arrays of a script or a notebook, for one sequence. Its author chose names,
layout and gate order, and a loss that is a sum or a mean: each reading that fits is tried.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from compare.check.cases.boundaries import SIZES
from compare.check.core.results import Case, Inputs
from compare.check.exercise.drawing import Kinds
from compare.check.exercise.stages import (
    EQUATIONS,
    Stage,
    copy_arguments,
    read_array,
    read_arrays,
    unpack_items,
)
from compare.implementations import (
    CELLS,
    HOPELESS,
    Array,
    CallFailed,
    Cell,
    Conventions,
    Functions,
    LocalFunctions,
    Order,
    Results,
    Submission,
    UnexpectedResult,
    UserLayerFactory,
    describe_kind,
    list_equations,
    list_readings,
)
from compare.mistakes import PlainFunctions
from compare.parity import Move, Unmoved
from scratch_rnn.arrays import State, arrays_of, state_of
from scratch_rnn.plain.cells import PlainCell
from scratch_rnn.plain.model import loss_and_gradients as compute_all

NAME = "loss_and_gradients"
LOSS_FUNCTION = re.compile("(?i)lossfun|loss_?fn|loss_?func(tion)?|forward_backward|bptt")
PARTS = ("step", "forward", "step_backward", "backward", "cross_entropy")
"""The kinds of functions that it consists of."""

V, H = SIZES[0][2:]  # of the sequence on which readings are tried
EQUAL = 1e-6  # no rounding is larger
STATES = ((-1, 1), (1, -1), (-1,))
"""The shapes that a state of one sequence may have: a column, a row or neither."""

Found = tuple[float, Results, State]


class ModelFunctions(LocalFunctions):
    """The plain version, right or with a mistake; its loss is the mean or the sum over rows."""

    def __init__(self, plain: PlainFunctions, *, is_sum: bool = False) -> None:
        super().__init__(plain.cell)
        self._plain, self._is_sum = plain, is_sum

    def loss_and_gradients(
        self, inputs: Array, targets: Array, state: State, parameters: Results
    ) -> Found:
        """Return the loss, the gradients by letters, and the last state; no bias means zeros."""
        plain, record, (V, H) = self._plain, CELLS[self.cell], parameters["W"].shape
        rows = record.num_gates * H
        zeros = {p.letter: np.zeros(p.shape(rows, V, H)) for p in record.parameters}
        zeros |= {"W": parameters["W"], "b": np.zeros(V)}
        states = [*arrays_of(state)]
        cell = PlainCell(plain.forward, plain.backward)
        all_parameters = [*(zeros | parameters).values()]
        loss, d_parameters, last = compute_all(
            cell, inputs, targets, states, all_parameters, plain.cross_entropy
        )
        factor = inputs.size if self._is_sum else 1
        gradients = {
            n: factor * d for n, d in zip(zeros, d_parameters, strict=True) if n in parameters
        }
        return factor * loss, gradients, state_of(last)


@dataclass(frozen=True, slots=True)
class Reading:
    """A way to read the arrays of a lossFun."""

    conventions: Conventions  # of the recurrent layer
    weight: str  # of the output layer
    bias: str  # its bias; empty if it has none
    is_turned: bool  # the weight is (H, V)
    state: tuple[int, ...]  # the shape of a state
    is_sum: bool = True  # the loss is a sum over the steps

    def describe(self) -> str:
        """Return the reading in words."""
        layout = self.conventions.describe(of_calls=False)
        loss = "the sum over the steps" if self.is_sum else "the mean"
        return f"{layout}, W is {self.weight}; the loss is {loss}"


class LossFunction(LocalFunctions):
    """A lossFun, called like loss_and_gradients."""

    def __init__(self, submission: Submission, cell: str, reading: Reading) -> None:
        super().__init__(cell)
        self._layers = UserLayerFactory(submission, cell, conventions=reading.conventions)
        self._reading = reading

    def loss_and_gradients(
        self, inputs: Array, targets: Array, state: State, parameters: Results
    ) -> Found:
        """Return the loss, the gradients by letters, and the last state."""
        reading, letters = self._reading, {p.letter: p.name for p in CELLS[self.cell].parameters}
        layer = self._layers(*parameters["W"].shape)
        layer.load({letters[n]: array for n, array in parameters.items() if n in letters})
        W = parameters["W"].T if reading.is_turned else parameters["W"]
        outer = {reading.weight: W, reading.bias: parameters.get("b")}
        call = partial(layer.submission.call, of=layer.handle.number)
        call("load", {name: array for name, array in outer.items() if name})
        states = [h.reshape(reading.state) for h in arrays_of(state)]
        loss, user_gradients, last = call(NAME, inputs[:, 0], targets[:, 0], *states)
        d_W, d_b = (user_gradients.pop(name, None) for name in (reading.weight, reading.bias))
        ours = reading.conventions.convert_to_ours(user_gradients, self.cell)
        gradients = {letter: ours[name] for letter, name in letters.items() if name in ours}
        gradients |= {} if d_W is None else {"W": d_W.T if reading.is_turned else d_W}
        gradients |= {} if d_b is None else {"b": d_b.reshape(-1)}
        if [getattr(h, "shape", ()) for h in last] != [h.shape for h in states]:
            raise UnexpectedResult(f"last states of shape {states[0].shape}", describe_kind(last))
        return loss, gradients, state_of(h.reshape(1, -1) for h in last)


def run(cell: Cell, functions: Functions, case_inputs: Inputs, move: Move) -> Results:
    """Call the function once."""
    states = [move(case_inputs[name]) for name in cell.name_states("{}_0")]
    parameters = {name: move(array) for name, array in case_inputs["parameters"].items()}
    passed_parameters = (
        parameters if isinstance(functions, LocalFunctions) else [*parameters.values()]
    )
    result = functions.call(
        NAME, case_inputs["inputs"], case_inputs["targets"], state_of(states), passed_parameters
    )
    loss, gradients, last = unpack_items(result, ("loss", "gradients", "the last state"))
    if not isinstance(gradients, dict):  # a list in the order of the parameters
        listed = unpack_items(gradients, [*parameters], "gradients ")
        gradients = dict(zip(parameters, listed, strict=True))
    results = {"loss": read_array("loss", loss)}
    results |= {f"d_{name}": read_array(f"d_{name}", gradients.get(name)) for name in parameters}
    several = last if len(states) > 1 else (last,)
    given = {name: case_inputs[name] for name in ("inputs", "targets")}
    given |= dict(zip(cell.name_states("{}_0"), states, strict=True))
    results |= read_arrays(cell.name_states("{}_n"), several)
    return results | copy_arguments(given | parameters)


def draw(
    cell: Cell, letters: Sequence[str], seed: int, kinds: Kinds = (), *, is_alone: bool = False
) -> Iterator[Case]:
    """Draw cases in float64; of one sequence each target comes once.

    Then no gradient is above 5, where many a lossFun clips it.
    """
    rng = np.random.default_rng([seed, 11])
    for T, B, V, H in [kind.sizes for kind in kinds] or SIZES:
        rows = (min(T, V), 1) if is_alone else (T, B)
        targets = rng.permutation(V)[: rows[0], None] if is_alone else rng.integers(0, V, rows)
        inputs: Inputs = {"inputs": rng.integers(0, V, rows), "targets": targets}
        for name in cell.name_states("{}_0"):
            inputs[name] = np.tanh(rng.normal(size=(rows[1], H)))
        shapes = {p.letter: p.shape(cell.num_gates * H, V, H) for p in cell.parameters}
        shapes |= {"W": (V, H), "b": (V,)}
        drawn = {name: 0.5 * rng.normal(size=shapes[name]) / np.sqrt(H) for name in letters}
        sizes = dict(zip("TBVH", (*rows, V, H), strict=True))
        description = ", ".join(f"{letter} {n}" for letter, n in sizes.items())
        yield Case(description, inputs | {"parameters": drawn}, sizes=sizes)


def make_stage(cell: str) -> Stage:
    """Return the stage of loss_and_gradients."""
    record = CELLS[cell]
    equation = f"{list_equations(record.forward)}\n{EQUATIONS['cross_entropy'].strip()}"
    run_and_draw = partial(run, record), partial(draw, record, (*record.weights, "W", "b"))
    return Stage(NAME, equation, *run_and_draw, kind=NAME, cell=cell, wrap=ModelFunctions)


def list_fitting(
    layers: UserLayerFactory, every: Results, failures: list[CallFailed]
) -> Iterator[Reading]:
    """Yield the readings of a lossFun's arrays: which are of the output layer, and all others."""
    bias = next((name for name, a in every.items() if a.size == max(a.shape) == V), "")
    for weight in (name for name, a in every.items() if sorted(a.shape) == sorted((V, H))):
        layers.conventions, layers.set_by_calls = Conventions(), {weight, bias}
        try:
            layers.learn(V, H)
            used = layers.conventions.select(every).keys() | {weight, bias}
            if others := ", ".join(sorted(every.keys() - used)):
                raise UnexpectedResult(
                    f"the arrays of {CELLS[layers.cell].title}", f"also {others}"
                )
        except UnexpectedResult as failure:
            failures.append(failure)
            continue
        for conventions in list_readings(layers.conventions, layers.cell, layers.order):
            for state in STATES:
                yield Reading(conventions, weight, bias, every[weight].shape == (H, V), state)


def read_loss_function(submission: Submission, cell: str, order: Order) -> tuple[Stage, str]:
    """Return the stage of a lossFun, and how its arrays are read, in words.

    Of all readings that fit, the nearest is taken; CallFailed if none fits.
    """
    record, stage, failures = CELLS[cell], make_stage(cell), list[CallFailed]()
    layers = UserLayerFactory(submission, cell, order=order)
    every = layers(V, H).own_parameters()  # all, as none is known
    fits: list[tuple[float, Reading, partial[Iterator[Case]]]] = []
    for reading in list_fitting(layers, every, failures):
        both = ModelFunctions(PlainFunctions(cell)), LossFunction(submission, cell, reading)
        try:
            known = reading.conventions.convert_to_ours(every, cell)
            letters = [p.letter for p in record.parameters if p.name in known]
            drawn = [*letters, "W", *"b"[: len(reading.bias)]]
            draw_cases = partial(draw, record, drawn, is_alone=True)
            case_inputs = next(draw_cases(0)).inputs
            right, got = (
                run(record, functions, case_inputs, Unmoved.RESULTS) for functions in both
            )
        except CallFailed as failure:
            if failure.verdict in HOPELESS:
                raise
            failures.append(failure)
            continue
        T = len(case_inputs["inputs"])
        losses = [float(abs(got["loss"] - factor * right["loss"])) for factor in (1, T)]
        names = record.name_states("{}_n")
        apart = max(min(losses), *(float(np.abs(got[n] - right[n]).max()) for n in names))
        fits.append((apart, replace(reading, is_sum=losses[1] < losses[0]), draw_cases))
        if apart < EQUAL:
            break
    if not fits:
        raise next(iter(failures), UnexpectedResult("weights of two layers", ", ".join(every)))
    without_reordering = [fit for fit in fits if not fit[1].conventions.order]
    # Another order of the gates only if it is right.
    fitting = fits if apart < EQUAL else without_reordering or fits
    _, reading, draw_cases = min(fitting, key=lambda fit: fit[0])
    stage = replace(
        stage,
        name=submission.source.name,
        draw=draw_cases,
        wrap=partial(ModelFunctions, is_sum=reading.is_sum),
        adapt=partial(LossFunction, cell=cell, reading=reading),
    )
    return stage, reading.describe()
