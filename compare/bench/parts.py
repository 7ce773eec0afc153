"""The time of each part of scratch's training step.

The parts are functions of scratch_rnn. They are called as in a step, on one thread. Operations
element by element in the recurrence (tanh, sums, 1 - h²) are not a function. Their time is the time
of the recurrence minus the time of its other parts. "The rest" is the time of the step minus the
time of all parts.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import numpy as np

import scratch_rnn
from compare.bench.case import LR, MAX_NORM, ModelCase, make_case, scratch_model
from compare.bench.result import Part
from compare.bench.shapes import Shape
from compare.bench.timing import calls_of_a_block, seconds_of_a_call
from scratch_rnn import linear, lookup
from scratch_rnn.cells import elman
from scratch_rnn.product import Times
from scratch_rnn.sums import sum_of_products, sum_of_rows

ROUNDS = 15

LOOKUP = "look-up of the input"
PRODUCTS = "recurrent products"
ELEMENTS = "element by element"
WEIGHTS = "gradients of the weights"
OUTPUT = "output layer"
LOSS = "loss"
UPDATE = "clipping and update"
REST = "the rest"
RECURRENCE, STEP = "recurrence", "step"


def measure_parts(shape: Shape, dtype: str) -> list[Part]:
    """Return the parts of a step at a model's shape, in the order of the computation."""
    case = make_case(shape, dtype=dtype)
    if not isinstance(case, ModelCase):
        raise TypeError(f"expected the shape of a model, got {shape.describe()}")
    median = _medians(pieces_of_step(case))
    in_recurrence = median[LOOKUP] + median[PRODUCTS] + median[WEIGHTS]
    median[ELEMENTS] = max(0.0, median.pop(RECURRENCE) - in_recurrence)
    step = median.pop(STEP)
    median[REST] = max(0.0, step - sum(median.values()))
    T, B, V, H = shape.T, shape.B, shape.V, shape.H
    flops = {PRODUCTS: 4 * T * B * H * H, WEIGHTS: 2 * T * B * H * H, OUTPUT: 6 * T * B * H * V}
    order = (LOOKUP, PRODUCTS, ELEMENTS, WEIGHTS, OUTPUT, LOSS, UPDATE, REST)
    return [Part(name, median[name], flops.get(name, 0)) for name in order]


def pieces_of_step(case: ModelCase) -> dict[str, Callable[[], Any]]:
    """Return a function for each part, for the recurrence and for the whole step."""
    model, trained = scratch_model(case), scratch_model(case)
    f, V, B = case.shape.nonlinearity, case.shape.V, case.shape.B
    weights = model.rnn.weights(0)
    b_ih, b_hh = model.parameters["rnn.bias_ih_l0"], model.parameters["rnn.bias_hh_l0"]
    W, b = model.parameters["linear.weight"], model.parameters["linear.bias"]
    ids, targets = case.batch.inputs.T.copy(), case.batch.targets.T.reshape(-1)
    logits, _, tape = model.forward(case.batch.inputs, case.h_0)
    _, d_logits = scratch_rnn.cross_entropy(logits, targets)
    layer_tape = tape.rnn.recurrences[0]
    d_h = linear.backward(d_logits, tape.h, W).h.reshape(layer_tape.h[1:].shape)
    d_last = np.zeros_like(case.h_0[0])
    d_z_rows = np.ascontiguousarray(d_h.reshape(tape.h.shape))  # same shape as δz, no zeros
    a = np.empty_like(layer_tape.h[1:])
    gradients = model.backward(tape, d_logits)
    sgd = scratch_rnn.SGD(trained.parameters, LR)

    def look_up() -> None:
        lookup.rows(weights.W_ih.T + (b_ih + b_hh), ids, out=a)

    def products() -> None:
        times_W_hh_T = Times(weights.W_hh.T, B)
        for h in layer_tape.h[:-1]:
            times_W_hh_T(h)
        times_W_hh = Times(weights.W_hh, B)
        for d_z in d_h:
            times_W_hh(d_z)

    def weight_gradients() -> None:
        sum_of_products(d_z_rows, layer_tape.h[:-1].reshape(d_z_rows.shape))
        lookup.gradient(d_z_rows, ids.reshape(-1), V)
        sum_of_rows(d_z_rows)

    def whole_recurrence() -> None:
        tape = elman.forward(ids, case.h_0[0], weights, f)
        elman.backward(tape, weights, f, d_h, d_last)

    def output_layer() -> None:
        linear.forward(tape.h, W, b)
        linear.backward(d_logits, tape.h, W)

    def clip_and_update() -> None:
        scratch_rnn.clip_grad_norm(gradients, MAX_NORM)
        sgd.step(gradients)

    return {
        LOOKUP: look_up,
        PRODUCTS: products,
        WEIGHTS: weight_gradients,
        RECURRENCE: whole_recurrence,
        OUTPUT: output_layer,
        LOSS: lambda: scratch_rnn.cross_entropy(logits, targets),
        UPDATE: clip_and_update,
        STEP: lambda: scratch_rnn.train_step(trained, case.batch, case.h_0, sgd, max_norm=MAX_NORM),
    }


def _medians(pieces: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Return the median time of a call of each piece; each round times each piece once."""
    calls = {}
    for name, run in pieces.items():
        run()
        calls[name] = calls_of_a_block(seconds_of_a_call(run, calls=1))
    seconds: dict[str, list[float]] = {name: [] for name in pieces}
    for _ in range(ROUNDS):
        for name, run in pieces.items():
            seconds[name].append(seconds_of_a_call(run, calls[name]))
    return {name: statistics.median(values) for name, values in seconds.items()}
