"""PyTorch's own sample inputs for its recurrent layers, as an example of what people try.

`torch.testing._internal` has a database of modules with arguments and inputs, which its tests run
through. It is private and may change: then these tests are skipped with this reason.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

import scratch_rnn
from tests.annotations import unchecked

EPSILON = 1e-12  # in float64, of values about 1


@pytest.fixture(scope="module")
def modules() -> Any:
    """PyTorch's database; imported by the test that asks, because it takes three seconds."""
    pytest.importorskip("expecttest", reason="torch.testing._internal needs it")
    with pytest.MonkeyPatch.context() as patch:
        # On import it forbids changes of torch.backends, in this process, for all other tests too.
        patch.setattr(torch.backends, "disable_global_flags", lambda: None)
        return pytest.importorskip(
            "torch.testing._internal.common_modules",
            reason="PyTorch's database of modules is private",
        )


def samples(modules: Any, name: str) -> Iterator[tuple[dict[str, Any], tuple[Any, ...]]]:
    """Yield (arguments of the constructor, arguments of the call) of each of PyTorch's samples."""
    layer = getattr(torch.nn, name)
    [info] = [info for info in modules.module_db if info.module_cls is layer]
    for training in (False, True):
        for sample in info.module_inputs_func(info, "cpu", torch.float64, True, training):
            given = sample.constructor_input
            sizes = ["input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout"]
            options = dict(zip(sizes, given.args, strict=False)) | dict(given.kwargs)
            call = sample.forward_input
            yield options, (*call.args, *call.kwargs.values())


def as_numpy(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return tuple(as_numpy(item) for item in value)
    return value.detach().numpy().copy()


@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM"])
def test_every_tensor_is_pytorchs_within_1e_12(name: str, modules: Any) -> None:
    torch.manual_seed(0)
    count = 0
    for options, arguments in samples(modules, name):
        options = {key: v for key, v in options.items() if key not in ("device", "dtype")}
        theirs = getattr(torch.nn, name)(**options, dtype=torch.float64).eval()
        ours = getattr(scratch_rnn, name)(**options, dtype=np.float64)
        for parameter, tensor in theirs.named_parameters():
            ours.parameters[parameter][...] = tensor.detach().numpy()
        x, *rest = arguments
        state = rest[0] if rest else None
        x = x.detach().clone().requires_grad_()
        output, final = theirs(x, state)
        finals = final if isinstance(final, tuple) else (final,)
        loss = sum((tensor * tensor).sum() for tensor in (output, *finals))
        expected = torch.autograd.grad(loss, [x, *theirs.parameters()])
        with unchecked():
            y, last, tape = ours.forward(
                x.detach().numpy().copy(), as_numpy(state) if rest else None
            )
            lasts = last if isinstance(last, tuple) else (last,)
            doubled = tuple(2 * array for array in lasts)
            back = ours.backward(tape, 2 * y, doubled if len(doubled) > 1 else doubled[0])
        results = [y, *lasts, back.x, *back.parameters.values()]
        rights = [output, *finals, *expected]
        for result, right in zip(results, rights, strict=True):
            assert result.shape == tuple(right.shape)
            assert np.abs(result - right.detach().numpy()).max(initial=0) <= EPSILON, options
        count += 1
    assert count >= 8
