"""The rows in PyTorch: nn.RNN with autograd, a loop over cells, and the compiled loop.

They differ only in the layer. `CellLoop` is an nn.RNN with another `forward`, so the model and the
training of concise_rnn work with it as they do with nn.RNN.
"""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import concise_rnn
from compare.bench.case import (
    LR,
    MAX_NORM,
    NUM_PREDS,
    Arrays,
    Case,
    Job,
    LayerCase,
    ModelCase,
    first_token,
    text_results,
)
from compare.bench.numpy_rows import layer_results, model_results
from compare.bench.row import Row
from compare.bench.work import BACKWARD, FORWARD, GENERATION, STEP
from compare.parity import tensor_as_array

Loop = Callable[..., torch.Tensor]


def cell_loop(
    x: torch.Tensor,
    h: torch.Tensor,
    nonlinearity: str,
    weights: list[torch.Tensor],
) -> torch.Tensor:
    """Call the function of nn.RNNCell for each step, one after the other; return all states."""
    cell = torch.rnn_tanh_cell if nonlinearity == "tanh" else torch.rnn_relu_cell
    states = []
    for x_t in x:
        h = cell(x_t, h, *weights)
        states.append(h)
    return torch.stack(states)


class CellLoop(nn.RNN):
    """nn.RNN with the loop over time in Python."""

    loop: Loop = staticmethod(cell_loop)

    def forward(  # type: ignore[override]
        self, input: torch.Tensor, hx: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return all states, (T, B, H), and the last state, (1, B, H)."""
        output = self.loop(input, hx[0], self.nonlinearity, list(self.all_weights[0]))
        return output, output[-1:]


class TorchRow(Row):
    """concise_rnn on a device, with nn.RNN or another layer."""

    name, label = "torch", "PyTorch CPU"
    layer: type[nn.RNN] = nn.RNN
    device = "cpu"

    def rest(self, threads: int) -> float:
        """Return how long idle OpenMP threads keep a core busy, rounded up."""
        return 0.01 if threads > 1 else 0.0

    def prepare(self, case: Case) -> dict[str, Job]:
        """Return the phases of a layer or of a model."""
        return self._layer(case) if isinstance(case, LayerCase) else self._model(case)

    def make_layer(self, case: Case, parameters: Arrays) -> nn.RNN:
        """Return the layer with a copy of the parameters."""
        shape = case.shape
        rnn = self.layer(
            shape.V,
            shape.H,
            nonlinearity=shape.nonlinearity,
            dtype=getattr(torch, case.dtype),
            device=self.device,
        )
        load(rnn, parameters)
        return rnn

    def make_model(self, case: ModelCase, parameters: Arrays) -> concise_rnn.RNNModel:
        """Return the model with a copy of the parameters."""
        of_layer = {
            name.removeprefix("rnn."): array
            for name, array in parameters.items()
            if name.startswith("rnn.")
        }
        model = concise_rnn.RNNModel(self.make_layer(case, of_layer), case.shape.V)
        load(model, parameters)
        return model

    def on_device(self, array: np.ndarray) -> torch.Tensor:
        """Return a copy of the array on the device."""
        return torch.tensor(array, device=self.device)

    def _layer(self, case: LayerCase) -> dict[str, Job]:
        rnn = self.make_layer(case, case.parameters)
        names, parameters = zip(*rnn.named_parameters(), strict=True)
        x, h_0 = self.on_device(case.x), self.on_device(case.h_0)
        x_with_gradient = self.on_device(case.x).requires_grad_()
        d_output = self.on_device(case.d_output)

        @torch.no_grad()
        def forward() -> Any:
            return rnn(x, h_0)

        def forward_and_backward() -> Any:
            output, h_n = rnn(x_with_gradient, h_0)
            wanted = [x_with_gradient, *parameters]
            return output, h_n, *torch.autograd.grad(output, wanted, d_output)

        def forward_results(value: Any) -> Arrays:
            output, h_n = map(tensor_as_array, value)
            return layer_results(output, h_n)

        def backward_results(value: Any) -> Arrays:
            output, h_n, d_x, *gradients = map(tensor_as_array, value)
            return layer_results(output, h_n, d_x, dict(zip(names, gradients, strict=True)))

        return {
            FORWARD: Job(forward, forward_results),
            BACKWARD: Job(forward_and_backward, backward_results),
        }

    def _model(self, case: ModelCase) -> dict[str, Job]:
        model = self.make_model(case, case.parameters)
        talker = self.make_model(case, case.generation_parameters)
        trained = self.make_model(case, case.parameters)
        optimizer = torch.optim.SGD(trained.parameters(), LR)
        names, parameters = zip(*model.named_parameters(), strict=True)
        inputs, h_0 = self.on_device(case.batch.inputs), self.on_device(case.h_0)
        targets = self.on_device(case.batch.targets)

        @torch.no_grad()
        def forward() -> Any:
            return model(inputs, h_0)

        def forward_results(value: Any) -> Arrays:
            logits, state = map(tensor_as_array, value)
            return model_results(case, logits=logits, state=state)

        def forward_and_backward() -> Any:
            logits, state = model(inputs, h_0)
            loss = F.cross_entropy(logits, targets.T.reshape(-1))
            return loss, state, *torch.autograd.grad(loss, parameters)

        def backward_results(value: Any) -> Arrays:
            loss, state, *gradients = map(tensor_as_array, value)
            by_name = dict(zip(names, gradients, strict=True))
            return model_results(case, loss=loss, state=state, gradients=by_name)

        def step() -> Any:
            return concise_rnn.train_step(trained, case.batch, h_0, optimizer, max_norm=MAX_NORM)

        def step_results(value: Any) -> Arrays:
            return model_results(
                case,
                loss=value.loss,
                state=tensor_as_array(value.state),
                grad_norm=value.grad_norm,
                updated={n: tensor_as_array(p) for n, p in trained.named_parameters()},
            )

        return {
            FORWARD: Job(forward, forward_results),
            BACKWARD: Job(forward_and_backward, backward_results),
            STEP: Job(step, step_results),
            GENERATION: Job(
                lambda: concise_rnn.predict(first_token(case), NUM_PREDS, talker, case.vocab),
                lambda text: text_results(case, text),
                units=NUM_PREDS,
            ),
        }


class TorchCells(TorchRow):
    """The loop over cells, in Python."""

    name, label = "torch-cells", "PyTorch CPU, cells in a loop"
    layer = CellLoop


class TorchCompiled(TorchRow):
    """The loop over cells, compiled with torch.compile."""

    name, label = "torch-compile", "PyTorch CPU, the loop compiled"
    compiles = True

    def missing(self, dtype: str) -> str | None:
        """Return a reason if there is no C++ compiler."""
        compiler = os.environ.get("CXX", "g++")
        if shutil.which(compiler) or shutil.which("clang++"):
            return None
        return f"it needs a C++ compiler, but neither {compiler} nor clang++ was found"

    def settings(self, threads: int) -> AbstractContextManager[object]:
        """Switch off the compilation cache, so that the compilation time is measured correctly."""
        return _no_compiled_code_from_before()

    def make_layer(self, case: Case, parameters: Arrays) -> nn.RNN:
        """Return a layer with a newly compiled loop."""
        rnn = super().make_layer(case, parameters)
        compiled: Loop = torch.compile(cell_loop, dynamic=False, fullgraph=True)
        rnn.loop = compiled
        return rnn

    layer = CellLoop

    def prepare(self, case: Case) -> dict[str, Job]:
        """Return all phases except generation, which has only one step to compile."""
        torch.compiler.reset()
        jobs = super().prepare(case)
        jobs.pop(GENERATION, None)
        return jobs


@contextmanager
def _no_compiled_code_from_before() -> Iterator[None]:
    import torch._inductor.config  # only where something is compiled: it takes seconds to import

    with warnings.catch_warnings(), torch._inductor.config.patch(force_disable_caches=True):
        warnings.filterwarnings("ignore", message="dynamo_pgo force disabled")  # on purpose
        yield


def load(module: nn.Module, parameters: Arrays) -> None:
    """Copy arrays into the module's parameters of the same names."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(torch.from_numpy(parameters[name]))
