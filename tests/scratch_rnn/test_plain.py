"""Page one is the same function as the fast layer and as PyTorch, and it fits on its page."""

import ast
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import scratch_rnn
from compare.check.cases.layer_results import Results
from compare.parity.build import build_models
from compare.parity.rows import compare_results
from compare.parity.step import concise_step, scratch_step
from compare.parity.tolerance import Move, tolerances
from scratch_rnn.plain import __main__ as page_in_motion
from scratch_rnn.plain import elman
from scratch_rnn.text import Batch
from tests.counts import only_in_deep
from tests.properties import demand

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "scratch_rnn" / "plain" / "elman.py"

T, B, V, H = 5, 3, 4, 6  # all different: a transposed array has the wrong shape

both_dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])
both_functions = pytest.mark.parametrize("f", ["tanh", "relu"])


def draw(*shape: int, dtype: str, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(dtype)


# The layer --------------------------------------------------------------------------------------


@both_dtypes
@both_functions
def test_the_layer_is_the_fast_one_and_nn_rnn(f: str, dtype: str) -> None:
    layer = scratch_rnn.RNN(V, H, 1, f, dtype=np.dtype(dtype), rng=np.random.default_rng(0))
    weights = {name: array.copy() for name, array in layer.parameters.items()}
    x, h_0 = draw(T, B, V, dtype=dtype, seed=1), draw(1, B, H, dtype=dtype, seed=2)
    d_output, d_h_n = draw(T, B, H, dtype=dtype, seed=3), draw(1, B, H, dtype=dtype, seed=4)

    def fast(move: Move) -> Results:
        for name, array in weights.items():
            layer.parameters[name][...] = move(array)
        output, h_n, tape = layer.forward(move(x), move(h_0))
        back = layer.backward(move(tape), move(d_output), move(d_h_n))
        results = {"output": output, "h_n": h_n, "gradient of x": back.x, "gradient of h0": back.h0}
        return results | {f"gradient of {name}": g for name, g in back.parameters.items()}

    def with_torch() -> Results:
        rnn = nn.RNN(V, H, 1, f, dtype=getattr(torch, dtype))
        rnn.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
        x_, h_0_ = (torch.from_numpy(array).requires_grad_() for array in (x, h_0))
        output, h_n = rnn(x_, h_0_)
        upstream = (torch.from_numpy(d_output), torch.from_numpy(d_h_n))
        variables = {"x": x_, "h0": h_0_, **dict(rnn.named_parameters())}
        gradients = torch.autograd.grad((output, h_n), list(variables.values()), upstream)
        results = {"output": output.detach().numpy(), "h_n": h_n.detach().numpy()}
        names = (f"gradient of {name}" for name in variables)
        return results | dict(zip(names, (g.numpy() for g in gradients), strict=True))

    output, h_n, tape = elman.rnn_forward(x, h_0[0], *weights.values(), f=f)
    d_x, d_h_0, *d_weights = elman.rnn_backward(tape, d_output, d_h_n[0])
    plain = {"output": output, "h_n": h_n[None], "gradient of x": d_x}
    plain["gradient of h0"] = d_h_0[None]
    plain |= {f"gradient of {name}": g for name, g in zip(weights, d_weights, strict=True)}

    expected, allowed = tolerances(fast)
    demand(compare_results(plain, expected, allowed), "the plain layer is the fast one", f)
    demand(compare_results(plain, with_torch(), allowed), "the plain layer is nn.RNN", f)


def test_the_backward_pass_changes_none_of_its_arguments() -> None:
    parameters = [draw(*shape, dtype="float64", seed=0) for shape in ((H, V), (H, H), (H,), (H,))]
    x, h_0 = draw(T, B, V, dtype="float64", seed=1), draw(B, H, dtype="float64", seed=2)
    d_output, d_h_n = draw(T, B, H, dtype="float64", seed=3), draw(B, H, dtype="float64", seed=4)
    _, _, tape = elman.rnn_forward(x, h_0, *parameters)
    first = elman.rnn_backward(tape, d_output, d_h_n)
    copies = [array.copy() for array in first]
    for array in first:
        array += 1
    for again, copy in zip(elman.rnn_backward(tape, d_output, d_h_n), copies, strict=True):
        np.testing.assert_array_equal(again, copy)


def test_unless_told_otherwise_the_function_is_tanh() -> None:
    parameters = [draw(*shape, dtype="float64", seed=0) for shape in ((H, V), (H, H), (H,), (H,))]
    W_ih, W_hh = parameters[:2]
    x_t, h = draw(B, V, dtype="float64", seed=1), draw(B, H, dtype="float64", seed=2)
    ids = np.arange(T * B).reshape(T, B) % V
    output = [draw(V, H, dtype="float64", seed=3), draw(V, dtype="float64", seed=4)]
    calls: list[tuple[Any, list[Any]]] = [
        (elman.rnn_step, [x_t, h, *parameters]),
        (elman.rnn_forward, [x_t[None], h, *parameters]),
        (elman.rnn_step_backward, [h, x_t, h, h, W_ih, W_hh]),
        (elman.loss_and_gradients, [ids, ids, h, [*parameters, *output]]),
    ]
    for function, arguments in calls:
        assert repr(function(*arguments)) == repr(function(*arguments, "tanh"))
        assert repr(function(*arguments)) != repr(function(*arguments, "relu"))


# A training step --------------------------------------------------------------------------------


@both_dtypes
@both_functions
@pytest.mark.parametrize("max_norm", [0.1, 100.0], ids=["clipped", "not clipped"])
def test_a_training_step_is_the_fast_model_s_and_pytorch_s(
    f: Any, dtype: Any, max_norm: float
) -> None:
    """Loss, final state, gradients, norm, clipped gradients and updated parameters."""
    scratch_model, concise_model = build_models(V, H, nonlinearity=f, dtype=dtype, seed=0)
    tokens = np.random.default_rng(1).integers(0, V, (B, T + 1))
    batch = Batch(tokens[:, :-1].copy(), tokens[:, 1:].copy())
    h_0, lr = draw(1, B, H, dtype=dtype, seed=2), 0.5

    names = list(scratch_model.parameters)
    parameters = [array.copy() for array in scratch_model.parameters.values()]
    loss, gradients, h_n = elman.loss_and_gradients(
        batch.inputs.T, batch.targets.T, h_0[0], parameters, f
    )
    plain = {"loss": np.asarray(loss, dtype), "final state": h_n[None]}
    for name, gradient in zip(names, gradients, strict=True):
        plain[f"gradient of {name}"] = gradient.copy()
    plain["gradient norm"] = np.asarray(elman.clip_grad_norm(gradients, max_norm), dtype)
    for name, gradient in zip(names, gradients, strict=True):
        plain[f"clipped gradient of {name}"] = gradient
    elman.update(parameters, gradients, lr)
    plain |= {f"updated {name}": p for name, p in zip(names, parameters, strict=True)}

    expected, allowed = tolerances(
        lambda move: scratch_step(scratch_model, batch, h_0, lr, max_norm, move)
    )
    with_torch = concise_step(concise_model, batch, h_0, lr, max_norm)
    # The plain step does not return these.
    between = {"hidden states", "logits", "gradient of logits", "gradient of initial state"}
    assert plain.keys() == expected.keys() - between == with_torch.keys() - between
    for claim, other in (("the fast one", expected), ("PyTorch's", with_torch)):
        other = {name: other[name] for name in plain}
        demand(compare_results(plain, other, allowed), f"the plain step is {claim}", f)


def test_the_loss_of_a_row_does_not_depend_on_the_others() -> None:
    """By hand: the first token is certain, the second one of two; the mean is log(2) / 2."""
    loss, _ = elman.cross_entropy(np.array([[1000.0, 0], [0, 0]]), np.array([0, 1]))
    assert loss == pytest.approx(np.log(2) / 2)


@both_dtypes
def test_cross_entropy_of_large_logits_does_not_overflow(dtype: str) -> None:
    """By hand: the loss of row 1 is 0, that of row 2 is 2000; their mean is 1000."""
    logits = np.array([[1000, -1000, 0], [1000, -1000, 0]], dtype)
    loss, d_logits = elman.cross_entropy(logits, np.array([0, 1]))
    assert loss == 1000
    np.testing.assert_array_equal(d_logits, np.array([[0, 0, 0], [0.5, -0.5, 0]], dtype))
    assert d_logits.dtype == dtype


# The page ---------------------------------------------------------------------------------------


def test_page_one_imports_numpy_alone_and_has_at_most_120_lines() -> None:
    source = PAGE.read_text(encoding="utf-8")
    imports = [
        ast.unparse(node)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert imports == ["import numpy as np"]
    assert len(source.splitlines()) <= 120


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_ctrl_c_ends_it_without_a_traceback() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "scratch_rnn.plain", "--cell", "lstm"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert "characters" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=800)
    assert (process.returncode, errors) == (130, "")


def test_it_trains(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    cells = page_in_motion.CELLS
    monkeypatch.setitem(cells, "rnn", cells["rnn"]._replace(epochs=40))
    page_in_motion.main("rnn")
    printed = capsys.readouterr().out
    at_20, at_40 = (float(number) for number in re.findall(r"perplexity +(\S+)", printed))
    assert at_40 < at_20 < 15
    assert re.fullmatch(r"the clock [a-z ]{200}", printed.splitlines()[-1])


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_it_trains_and_writes(cell: str) -> None:
    only_in_deep()
    result = subprocess.run(
        [sys.executable, "-m", "scratch_rnn.plain", "--cell", cell],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=800,
    )
    assert (result.returncode, result.stderr) == (0, "")
    perplexities = [float(number) for number in re.findall(r"perplexity +(\S+)", result.stdout)]
    assert len(perplexities) == {"rnn": 8, "gru": 4, "lstm": 5}[cell]
    assert perplexities[-1] < 4 < perplexities[0]
    written = result.stdout.splitlines()[-1]
    assert re.fullmatch(r"the clock [a-z ]{200}", written)
    assert len(set(written.split())) > 15  # words, and not one word again and again
