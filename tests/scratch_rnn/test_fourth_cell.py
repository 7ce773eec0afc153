"""Another cell is one cell, one class and one row of a table: all the rest comes with `Layer`.

The minimal gated unit (Zhou et al., 2016) has two gates, with PyTorch's two biases each:

    f_t = σ(W_if x_t + b_if + W_hf h_{t-1} + b_hf)
    n_t = tanh(W_in x_t + b_in + f_t ⊙ (W_hn h_{t-1} + b_hn))
    h_t = (1 - f_t) ⊙ h_{t-1} + f_t ⊙ n_t

PyTorch has no such layer. The complex-step derivatives of these equations say what is right.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from compare.check.cases import layer_results
from compare.check.cases.layer_case import LayerCase, random_case
from compare.check.properties.layer_property import LayerProperty
from compare.parity import CELLS, Cell
from scratch_rnn import RNNModel, cross_entropy
from scratch_rnn.cells import gated, gru
from scratch_rnn.cells.gated import by_gate
from scratch_rnn.layer import Layer
from tests import oracle
from tests.annotations import unchecked
from tests.properties import against, demand, keeps
from tests.scratch_rnn.test_rnn_derivatives import SMALL
from tests.scratch_rnn.test_rnn_properties import PROPERTIES

# The cell: what would stand in scratch_rnn/cells/mgu.py ------------------------------------------


@dataclass(frozen=True, slots=True)
class Tape:
    x: np.ndarray
    gates: np.ndarray  # (2, T, B, H): f n
    q: np.ndarray  # (T, B, H): W_hn h + b_hn
    h: np.ndarray  # (T + 1, B, H)


def forward(x: np.ndarray, h_0: np.ndarray, weights: gru.Weights) -> Tape:
    W_ih, W_hh, b_ih, b_hh = weights
    T = len(x)
    h, q = np.empty((T + 1, *h_0.shape), h_0.dtype), np.empty((T, *h_0.shape), h_0.dtype)
    h[0] = h_0
    gates = gated.input_products(x, by_gate(W_ih, 2), None if b_ih is None else by_gate(b_ih, 2))
    with np.errstate(over="ignore"):
        for t in range(T):
            u = h[t] @ W_hh.T if b_hh is None else h[t] @ W_hh.T + b_hh
            u_f, q[t] = np.split(u, 2, axis=1)
            f, n = gates[:, t]
            f += u_f
            gated.sigmoid(f)
            n += f * q[t]
            np.tanh(n, out=n)
            h[t + 1] = h[t] + f * (n - h[t])
    return Tape(x, gates, q, h)


def backward(
    tape: Tape, weights: gru.Weights, d_h: np.ndarray, d_h_n: np.ndarray
) -> tuple[np.ndarray | None, np.ndarray, gru.Weights]:
    W_ih, W_hh, b_ih, _ = weights
    T, B, H = d_h.shape
    d_a, d_u = np.empty((2, 2, T, B, H), d_h.dtype)
    d_h_t = d_h_n
    for t in reversed(range(T)):
        d_h_t = d_h_t + d_h[t]
        f, n = tape.gates[:, t]
        d_n = d_h_t * f * (1 - n * n)
        d_f = (d_h_t * (n - tape.h[t]) + d_n * tape.q[t]) * f * (1 - f)
        d_a[0, t], d_a[1, t], d_u[0, t], d_u[1, t] = d_f, d_n, d_f, d_n * f
        d_h_t = d_h_t * (1 - f) + np.concatenate([d_f, d_n * f], axis=1) @ W_hh
    d_x, d_W_ih = gated.input_gradients(d_a, tape.x, by_gate(W_ih, 2))
    d_W_hh = gated.over_steps(d_u, tape.h[:-1])
    biases = (None, None) if b_ih is None else (gated.sums(d_a), gated.sums(d_u))
    return d_x, d_h_t, gru.Weights(
        d_W_ih.reshape(W_ih.shape), d_W_hh.reshape(W_hh.shape), *biases
    )  # fmt: skip


# The public class: what would stand in scratch_rnn/mgu.py ----------------------------------------


class MGU(Layer):
    NUM_GATES = 2
    Weights = gru.Weights

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        **options: Any,
    ) -> None:
        sizes = (input_size, hidden_size, num_layers)
        super().__init__(*sizes, bias, batch_first, dropout, bidirectional, **options)

    def cell_forward(self, x: Any, state_0: Any, weights: Any) -> Any:
        return forward(x, state_0[0], weights)

    def cell_backward(self, tape: Any, weights: Any, d_steps: Any, d_last: Any) -> Any:
        d_x, d_h_0, d_weights = backward(tape, weights, d_steps[0], d_last[0])
        return d_x, [d_h_0], d_weights


def mgu_step(
    case: LayerCase, own: Mapping[str, np.ndarray], x: np.ndarray, h: np.ndarray
) -> oracle.State:
    (f, n), (f_h, n_h) = oracle.products(case, own, x, h)
    f = oracle.sigmoid(f + f_h)
    return ((1 - f) * h + f * np.tanh(n + f * n_h),)


# The properties of the other three ---------------------------------------------------------------


@pytest.fixture(autouse=True)
def _a_row_in_each_table(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(CELLS, "mgu", Cell("mgu", "an MGU", "MGU", "", gates=("f", "n")))
    monkeypatch.setitem(layer_results.CLASSES, "mgu", MGU)
    monkeypatch.setitem(oracle.STEPS, "mgu", mgu_step)
    with unchecked():
        yield


FOR_ALL_CELLS = [law for law in PROPERTIES if law.cells == ("rnn", "gru", "lstm")]


@pytest.mark.parametrize("law", FOR_ALL_CELLS, ids=lambda law: law.name)
def test_it_keeps_every_law_that_is_stated_for_all_cells(law: LayerProperty) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        keeps(law, MGU, random_case(rng, cell="mgu", **law.fields))


def test_its_gradients_are_the_derivatives_of_its_equations() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        case = random_case(rng, cell="mgu", **SMALL)
        reference = {n: a.astype(case.dtype) for n, a in oracle.results(case).items()}
        demand(against(reference, MGU, case), "results are those of the equations", case)


def test_these_are_many() -> None:
    assert len(FOR_ALL_CELLS) >= 20


def test_a_model_of_it_learns() -> None:
    """Gradient descent on one batch: the loss falls at each of twenty steps."""
    rng = np.random.default_rng(0)
    model = RNNModel(MGU(5, 8, rng=rng), 5, rng=rng)
    inputs, targets = rng.integers(0, 5, (2, 3, 6))
    losses = []
    for _ in range(20):
        logits, _, tape = model.forward(inputs, model.begin_state(3))
        loss, d_logits = cross_entropy(logits, targets.T.reshape(-1))
        losses.append(loss)
        for name, gradient in model.backward(tape, d_logits).items():
            model.parameters[name] -= np.float32(0.3) * gradient
    assert all(after < before for before, after in pairwise(losses))
