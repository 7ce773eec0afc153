"""The time of each part of scratch's training step.

The parts are functions of scratch_rnn. They are called as in a step, on one thread; a cell without
gates counts as one with a single gate. Operations element by element in the recurrence (σ, tanh,
sums, 1 - h²) are not a function. Their time is the time of the recurrence minus the time of its
other parts. "The rest" is the time of the step minus the time of all parts.
"""

import statistics

import numpy as np

import scratch_rnn
from compare.bench.measure.timing import count_calls, time_calls
from compare.bench.results.result import Part
from compare.bench.workload.case import ModelInputs, Run, make_case
from compare.bench.workload.shapes import Shape
from compare.parity import ScratchOptimizer, step_options
from scratch_rnn import linear
from scratch_rnn.cells import gated
from scratch_rnn.cells.gated import split_by_gate
from scratch_rnn.fast.product import Times
from scratch_rnn.layers.states import arrays_of

ROUNDS = 15

LOOKUP, PRODUCTS, ELEMENTS = "look-up of the input", "recurrent products", "element by element"
WEIGHTS, OUTPUT, LOSS = "gradients of the weights", "output layer", "loss"
UPDATE, REST = "clipping and update", "the rest"
RECURRENCE, STEP = "recurrence", "step"


def measure_parts(shape: Shape, dtype: str, optimizer: str = "sgd") -> list[Part]:
    """Return the parts of a step at a model's shape, in the order of the computation."""
    case = make_case(shape, dtype=dtype, optimizer=optimizer)
    assert isinstance(case, ModelInputs)
    median = _medians(list_pieces(case))
    in_recurrence = median[LOOKUP] + median[PRODUCTS] + median[WEIGHTS]
    median[ELEMENTS] = max(0.0, median.pop(RECURRENCE) - in_recurrence)
    step = median.pop(STEP)
    median[REST] = max(0.0, step - sum(median.values()))
    T, B, V, H = shape.T, shape.B, shape.V, shape.H
    GH = shape.gates * H
    flops = {PRODUCTS: 4 * T * B * H * GH, WEIGHTS: 2 * T * B * H * GH, OUTPUT: 6 * T * B * H * V}
    order = (LOOKUP, PRODUCTS, ELEMENTS, WEIGHTS, OUTPUT, LOSS, UPDATE, REST)
    return [Part(name, median[name], flops.get(name, 0)) for name in order]


def list_pieces(case: ModelInputs) -> dict[str, Run]:
    """Return a function for each part, for the recurrence and for the whole step."""
    model, trained = case.scratch(), case.scratch()
    rnn, G, B = model.rnn, case.shape.gates, case.shape.B
    weights = rnn.weights(0)
    W_ih, W_hh = split_by_gate(weights.W_ih, G), split_by_gate(weights.W_hh, G)
    biases = split_by_gate(weights.b_ih + weights.b_hh, G)
    W, b = model.parameters["linear.weight"], model.parameters["linear.bias"]
    ids, targets = case.batch.inputs.T.copy(), case.batch.targets.T.reshape(-1)
    logits, _, tape = model.forward(case.batch.inputs, case.state)
    h = tape.rnn.recurrences[0].h  # (T+1, B, H)
    _, d_logits = scratch_rnn.cross_entropy(logits, targets)
    d_h = linear.backward(d_logits, tape.h, W).h.reshape(h[1:].shape)
    d_z = np.stack([d_h] * G)  # same shape as δz, no zeros
    state_0 = [array[0] for array in arrays_of(case.state)]
    d_steps, d_last = [d_h, None][: len(state_0)], [np.zeros_like(s) for s in state_0]
    gradients = model.backward(tape, d_logits)
    optimizer = ScratchOptimizer(case.settings, trained.parameters).own

    def products() -> None:
        times_W_hh_T = Times(W_hh.swapaxes(1, 2), B)
        for h_t in h[:-1]:
            times_W_hh_T(h_t)
        times_W_hh = Times(W_hh, B)
        for t in range(len(d_h)):
            times_W_hh(d_z[:, t])

    def weight_gradients() -> None:
        gated.sum_outer_products(d_z, h[:-1])
        gated.input_gradients(d_z, ids, W_ih)
        gated.sum_steps(d_z)

    def recurrence() -> None:
        rnn.cell_backward(rnn.cell_forward(ids, state_0, weights), weights, d_steps, d_last)

    def output_layer() -> None:
        linear.forward(tape.h, W, b)
        linear.backward(d_logits, tape.h, W)

    def clip_and_update() -> None:
        scratch_rnn.clip_grad_norm(gradients, case.settings.max_norm)
        optimizer.step(gradients)

    return {
        LOOKUP: lambda: gated.input_products(ids, W_ih, biases),
        PRODUCTS: products,
        WEIGHTS: weight_gradients,
        RECURRENCE: recurrence,
        OUTPUT: output_layer,
        LOSS: lambda: scratch_rnn.cross_entropy(logits, targets),
        UPDATE: clip_and_update,
        STEP: lambda: scratch_rnn.train_step(
            trained, case.batch, case.state, optimizer, **step_options(case.settings)
        ),
    }


def _medians(pieces: dict[str, Run]) -> dict[str, float]:
    """Return the median time of a call of each piece; each round times each piece once."""
    calls = {}
    for name, run in pieces.items():
        run()
        calls[name] = count_calls(time_calls(run, calls=1))
    rounds = [
        {name: time_calls(run, calls[name]) for name, run in pieces.items()} for _ in range(ROUNDS)
    ]
    return {name: statistics.median(seconds[name] for seconds in rounds) for name in pieces}
