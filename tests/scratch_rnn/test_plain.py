"""The plain versions: equal to the fast versions and to PyTorch, and short."""

import os
import re
import signal

import numpy as np
import pytest

import scratch_rnn
from compare.check import LayerCase, rounding, torch_results
from compare.check.cases.layer_results import CLASSES
from compare.implementations import CELLS
from compare.parity import StepSettings, compare_results, run_step, tolerances
from scratch_rnn.arrays import arrays_of
from scratch_rnn.plain import __main__ as program
from scratch_rnn.plain import cells, elman, model
from scratch_rnn.text import Vocab
from scratch_rnn.train import loss_and_gradients
from tests.counts import only_in_deep
from tests.model_cases import ModelCase, build_model
from tests.properties import against, demand
from tests.scripts import ended, started
from tests.strategies import layer_cases, states, with_cell

OFF = ("batch_first", "bidirectional", "projected", "unbatched", "one_hot", "lengths")
PLAIN = {"L": 1, "bias": True, "h0": True, "upstream": "both", **dict.fromkeys(OFF, False)}
PLAIN["nonlinearity"] = "tanh"


def run(case):
    """Run a plain version on a case; return all results by the layers' names."""
    floats, names = case.floats, CELLS[case.cell].layer_states
    plain = cells.CELLS[case.cell]
    begin = [getattr(floats, f"{state}0")[0] for state in names]
    output, last, tape = plain.forward(floats.x, *begin, *floats.parameters.values())
    d_last = [getattr(floats, f"d_{state}_n")[0] for state in names]
    for array in plain.backward(tape, floats.d_output, *d_last):
        array += 1  # the caller's own: the tape can be used again
    d_x, *others = plain.backward(tape, floats.d_output, *d_last)
    d_states, d_weights = others[: len(names)], others[len(names) :]
    results = {"output": output, "gradient of x": d_x}
    for state, array, gradient in zip(names, arrays_of(last), d_states, strict=True):
        results |= {f"{state}_n": array[None], f"gradient of {state}0": gradient[None]}
    for name, gradient in zip(floats.parameters, d_weights, strict=True):
        results[f"gradient of {name}"] = gradient
    return results


def agrees(case):
    results = run(case)
    demand(against(results, CLASSES[case.cell], case), "plain and fast versions agree", case)
    report = compare_results(results, torch_results(case), rounding(case)[1])
    demand(report, "the plain version and that of PyTorch agree", case)


@pytest.mark.parametrize("cell", CELLS)
@states(case=layer_cases(**PLAIN))
def test_the_layer_is_the_fast_one_and_that_of_pytorch(cell, case):
    agrees(with_cell(case, cell))


@pytest.mark.parametrize("T", [16, 17, 40])
def test_a_layer_that_computes_in_chunks_is_the_loop(T):
    agrees(LayerCase("delta", T, B=2, V=3, H=5, dtype="float64", seed=T))


@pytest.mark.parametrize(
    ("dtype", "max_norm"),  # clipped, and not clipped
    [("float32", 0.1), ("float64", 0.1), ("float32", 100.0)],
)
def test_a_training_step_is_the_fast_models(dtype, max_norm):
    """Loss, final state, gradients, norm, clipped gradients and updated parameters."""
    layer = LayerCase(T=5, B=3, V=4, H=6, dtype=dtype, one_hot=True, h0=True)
    case = ModelCase(layer)
    batch, names = case.batch, list(case.parameters)
    parameters = [array.copy() for array in case.parameters.values()]
    loss, gradients, [h_n] = model.loss_and_gradients(
        cells.CELLS["rnn"], batch.inputs.T, batch.targets.T, [*case.state], parameters
    )
    plain = {"loss": np.asarray(loss, dtype), "final state": h_n[None]}
    for name, gradient in zip(names, gradients, strict=True):
        plain[f"gradient of {name}"] = gradient.copy()
    plain["gradient norm"] = np.asarray(elman.clip_grad_norm(gradients, max_norm), dtype)
    for name, gradient in zip(names, gradients, strict=True):
        plain[f"clipped gradient of {name}"] = gradient
    elman.update(parameters, gradients, 0.5)
    plain |= {f"updated {name}": p for name, p in zip(names, parameters, strict=True)}

    settings = StepSettings(lr=0.5, max_norm=max_norm)
    expected, allowed = tolerances(
        lambda move: run_step(build_model(case), batch, case.state, settings, move)
    )
    # The plain step does not return these.
    between = {"hidden states", "logits", "gradient of logits", "gradient of initial state"}
    assert plain.keys() == expected.keys() - between
    report = compare_results(plain, {name: expected[name] for name in plain}, allowed)
    demand(report, "the plain step is the fast one", case)


@pytest.mark.parametrize("cell", CELLS)
def test_an_epoch_of_a_plain_model_is_the_fast_ones_and_so_is_its_text(cell):
    """Its state is carried, its gradients are clipped, and they are subtracted."""
    T, B, V, H = 5, 3, 4, 6
    plain, rng = cells.CELLS[cell], np.random.default_rng(0)
    fast = scratch_rnn.RNNModel(CLASSES[cell](V, H, dtype=np.float64, rng=rng), V, rng=rng)
    parameters = [array.copy() for array in fast.parameters.values()]
    shapes = [array.shape for array in model.init_parameters(plain, V, H, rng)]
    assert shapes == [array.shape for array in parameters]
    batches, max_norm = [scratch_rnn.Batch(*ids) for ids in rng.integers(0, V, (3, 2, B, T))], 0.1
    pairs = [(batch.inputs, batch.targets) for batch in batches]
    losses = model.train_epoch(plain, pairs, B, parameters, max_norm)
    state = fast.begin_state(B)
    for batch, loss in zip(batches, losses, strict=True):
        expected, gradients, state, _ = loss_and_gradients(fast, batch, state)
        assert loss == pytest.approx(expected, rel=1e-12)
        assert scratch_rnn.clip_grad_norm(gradients, max_norm) > max_norm
        for name, array in fast.parameters.items():
            array -= plain.lr * gradients[name]
    for ours, theirs in zip(parameters, fast.parameters.values(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)

    factors = {
        "rnn.weight_ih_l0": 1 if cell == "delta" else 20,
        "rnn.weight_hh_l0": 3,
        "linear.bias": 0,
    }
    for name, array in fast.parameters.items():
        array *= factors.get(name, 1)  # so that the text depends on what was read
    vocab = Vocab([f"token{k}" for k in range(1, V)])
    text = scratch_rnn.predict(vocab.to_tokens([1, 2]), 40, fast, vocab)
    written = model.generate(plain, [1, 2], 40, [*fast.parameters.values()])
    assert vocab.to_tokens(written) == text.split(" ")
    assert len(set(written)) > 2


def leaky_forward(x, h_0, W_ih, b_ih):
    h = [h_0]
    for x_t in x:
        h.append(h[-1] / 2 + x_t @ W_ih.T + b_ih)
    return np.stack(h[1:]), h[-1], x


def leaky_backward(x, d_output, d_h):
    d_x, d_W_ih, d_b_ih = [], 0, 0
    for x_t, d_t in zip(x[::-1], d_output[::-1], strict=True):
        d_h = d_h + d_t
        d_x.insert(0, d_h)  # times W_ih, which no caller reads
        d_W_ih, d_b_ih, d_h = d_W_ih + d_h.T @ x_t, d_b_ih + d_h.sum(axis=0), d_h / 2
    return np.stack(d_x), d_h, d_W_ih, d_b_ih


def test_a_cell_may_have_weights_of_its_own():
    """As a minGRU, which has no W_hh: its gradients are the loss's slopes."""
    cell = model.PlainCell(leaky_forward, leaky_backward, weights=("W_ih", "b_ih"))
    drawn = model.init_parameters(cell, 4, 3, np.random.default_rng(0))
    assert [array.shape for array in drawn] == [(3, 4), (3,), (4, 3), (4,)]
    assert all(array.dtype == np.float32 and abs(array).max() <= 3**-0.5 for array in drawn)
    parameters, ids = [array.astype(float) for array in drawn], np.array([[0], [3], [1], [2]])
    given = cell, ids[:-1], ids[1:], model.begin_state(cell, 1, parameters), parameters
    _, gradients, _ = model.loss_and_gradients(*given)
    for array, gradient in zip(parameters, gradients, strict=True):
        moved = []
        for step in (1e-6, -2e-6):
            array.flat[1] += step
            moved.append(model.loss_and_gradients(*given)[0])
        array.flat[1] += 1e-6
        assert gradient.flat[1] == pytest.approx((moved[0] - moved[1]) / 2e-6, rel=1e-6)


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_ctrl_c_ends_it_without_a_traceback():
    process = started("-m", "scratch_rnn.plain", "--cell", "lstm")
    assert "characters" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=800)
    assert (process.returncode, errors) == (130, "")


@pytest.mark.parametrize("cell", ["rnn", "mingru", "delta"])
def test_it_trains(monkeypatch, capsys, cell):
    """With SGD, or with Adam: the learning rate of each trains with no other."""
    cells = program.CELLS
    monkeypatch.setitem(cells, cell, cells[cell]._replace(epochs=40))
    monkeypatch.setattr(program, "H", 32)
    program.main(cell)
    printed = capsys.readouterr().out
    at_20, at_40 = (float(number) for number in re.findall(r"perplexity +(\S+)", printed))
    assert at_40 < at_20 < 15
    assert re.fullmatch(r"the clock [a-z ]{200}", printed.splitlines()[-1])


@pytest.mark.parametrize("cell", CELLS)
def test_it_trains_and_writes(cell):
    only_in_deep()
    code, output, errors = ended("-m", "scratch_rnn.plain", "--cell", cell)
    assert (code, errors) == (0, "")
    perplexities = [float(number) for number in re.findall(r"perplexity +(\S+)", output)]
    assert len(perplexities) == cells.CELLS[cell].epochs // 20
    written = output.splitlines()[-1]
    assert re.fullmatch(r"the clock [a-z ]{200}", written)
    if cell == "delta":  # why it learns less: docs/learn/delta.md
        assert 4 < perplexities[-1] < 7 < perplexities[0]
        return
    assert perplexities[-1] < 4 < perplexities[0]
    assert len(set(written.split())) > 15  # words, and not one word again and again
