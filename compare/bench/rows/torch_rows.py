"""The rows in PyTorch: its layer with autograd, a loop over cells, compiled or not, and by hand.

The first ones differ only in the layer. `loop_over_cells` gives nn.RNN, nn.GRU or nn.LSTM another
`forward`, so the model and the training of concise_rnn work with it as with the layer itself.
"""

import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache, partial
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

import concise_rnn
from compare.bench.rows import LABELS
from compare.bench.rows.numpy_rows import plain_functions, plain_layer
from compare.bench.rows.row import Row
from compare.bench.workload.case import (
    Arrays,
    Case,
    Job,
    LayerInputs,
    ModelInputs,
    TimedCall,
    select_layer,
)
from compare.bench.workload.shapes import BACKWARD, FORWARD, GENERATION, STEP
from compare.implementations import CELLS, Array, Cell
from compare.parity import OPTIMIZERS, TensorState, convert_tensor, step_options
from scratch_rnn.arrays import arrays_of, each

Function = Callable[..., TensorState]
Loop = Callable[..., tuple[torch.Tensor, TensorState]]

CELL_FUNCTIONS: dict[str, dict[str, Function]] = {
    "rnn": {"tanh": torch.rnn_tanh_cell, "relu": torch.rnn_relu_cell},
    "gru": {"tanh": torch.gru_cell},
    "lstm": {"tanh": torch.lstm_cell},
}
"""PyTorch's functions for one step, by cell and nonlinearity: (x_t, state, *weights) -> state."""


TORCH_AS_NP = SimpleNamespace(
    ndarray=torch.Tensor,
    tanh=torch.tanh,
    exp=torch.exp,
    sqrt=torch.sqrt,
    maximum=lambda z, least: z.clamp(min=least),
    stack=torch.stack,
    split=torch.chunk,
    concatenate=torch.concatenate,
    zeros_like=torch.zeros_like,
    copy=torch.clone,
    errstate=lambda **_: nullcontext(),
)
"""The functions of NumPy that the plain version uses, by their names there."""


def cell_loop(
    function: Function, x: torch.Tensor, state: TensorState, weights: list[torch.Tensor]
) -> tuple[torch.Tensor, TensorState]:
    """Call the function of a cell for one step after the other; return all h, the last state."""
    h = []
    for x_t in x:
        state = function(x_t, state, *weights)
        h.append(state[0] if isinstance(state, tuple) else state)
    return torch.stack(h), state


def loop_over_cells(layer: nn.RNNBase, function: Function, loop: Loop) -> nn.Module:
    """Return a layer of one layer and direction with the loop over time in Python."""
    weights = list(layer.all_weights[0])

    def forward(x: torch.Tensor, state: TensorState) -> tuple[torch.Tensor, TensorState]:
        h, last = loop(function, x, each(lambda array: array[0], state), weights)
        return h, each(lambda array: array[None], last)

    layer.forward = forward
    return layer


class TorchRow(Row):
    """concise_rnn on a device, with the layer of the cell."""

    name, label = "torch", LABELS["torch"]
    idle = 0.01  # of OpenMP's threads, rounded up
    device = "cpu"

    def make_layer(self, case: Case, parameters: Arrays) -> nn.Module:
        """Return the layer with a copy of the parameters."""
        shape, dtype = case.shape, getattr(torch, case.dtype)
        layer = CELLS[shape.cell].torch_layer
        rnn = layer(shape.V, shape.H, **shape.options, dtype=dtype, device=self.device)
        load(rnn, parameters)
        return rnn

    def make_model(self, case: ModelInputs, parameters: Arrays) -> concise_rnn.RNNModel:
        """Return the model with a copy of the parameters."""
        rnn = self.make_layer(case, select_layer(parameters))
        model = concise_rnn.RNNModel(rnn, case.shape.V)
        load(model, parameters)
        return model

    def copy_to_device(self, array: Array) -> torch.Tensor:
        """Return a copy of the array on the device."""
        return torch.tensor(array, device=self.device)

    def layer(self, case: LayerInputs) -> dict[str, Job]:
        rnn = self.make_layer(case, case.parameters)
        x, state_0 = self.copy_to_device(case.x), each(self.copy_to_device, case.state)
        wanted = [self.copy_to_device(case.x).requires_grad_(), *rnn.parameters()]
        d_output = self.copy_to_device(case.d_output)

        @torch.no_grad()
        def forward() -> object:
            return rnn(x, state_0)

        def forward_and_backward() -> object:
            output, state = rnn(wanted[0], state_0)
            d_x, *gradients = torch.autograd.grad(output, wanted, d_output)
            return output, state, d_x, gradients

        runs = {FORWARD: forward, BACKWARD: forward_and_backward}
        changing = x, *arrays_of(state_0), wanted[0], d_output
        return case.jobs(runs, convert_tensor, inputs=changing)

    def model(self, case: ModelInputs) -> dict[str, Job]:
        model = self.make_model(case, case.parameters)
        writer = self.make_model(case, case.generation_parameters)
        trained = self.make_model(case, case.parameters)
        parameters = list(model.parameters())
        optimizer = make_optimizer(case, trained)
        inputs, targets = map(self.copy_to_device, case.batch)
        state_0: Any = each(self.copy_to_device, case.state)  # a tensor, or a pair of them

        @torch.no_grad()
        def forward() -> object:
            return model(inputs, state_0)

        def forward_and_backward() -> object:
            logits, state = model(inputs, state_0)
            loss = F.cross_entropy(logits, targets.T.reshape(-1))
            return loss, state, torch.autograd.grad(loss, parameters)

        def step() -> object:
            options = step_options(case.settings, concise_rnn)
            done = concise_rnn.train_step(trained, case.batch, state_0, optimizer, **options)
            return done.loss, done.state, done.grad_norm, trained.parameters()

        runs: dict[str, TimedCall] = {
            FORWARD: forward,
            BACKWARD: forward_and_backward,
            STEP: step,
            GENERATION: partial(
                concise_rnn.predict, case.first, case.num_preds, writer, case.vocab
            ),
        }
        return case.jobs(runs, convert_tensor)


class TorchCells(TorchRow):
    """The loop over cells, in Python."""

    name, label = "torch-cells", LABELS["torch-cells"]
    cells = CELL_FUNCTIONS

    def make_layer(self, case: Case, parameters: Arrays) -> nn.Module:
        function = CELL_FUNCTIONS[case.shape.cell][case.shape.nonlinearity]
        rnn = super().make_layer(case, parameters)
        assert isinstance(rnn, nn.RNNBase)
        return loop_over_cells(rnn, function, self.make_loop())

    def make_loop(self) -> Loop:
        return cell_loop


class TorchCompiled(TorchCells):
    """The loop over cells, compiled with torch.compile."""

    name, label = "torch-compile", LABELS["torch-compile"]
    compiles = True

    def missing(self, dtype: str, cell: Cell) -> str | None:
        compiler = os.environ.get("CXX", "g++")
        if shutil.which(compiler) or shutil.which("clang++"):
            return super().missing(dtype, cell)
        return f"it needs a C++ compiler, but neither {compiler} nor clang++ was found"

    @contextmanager
    def settings(self, threads: int) -> Iterator[None]:
        """Switch off the compilation cache, so that the compilation time is measured correctly."""
        import torch._inductor.config  # only where something is compiled: it takes seconds

        with warnings.catch_warnings(), torch._inductor.config.patch(force_disable_caches=True):
            warnings.filterwarnings("ignore", message="dynamo_pgo force disabled")  # on purpose
            yield

    def make_loop(self) -> Loop:
        return torch.compile(cell_loop, dynamic=False, fullgraph=True)

    def prepare(self, case: Case) -> dict[str, Job]:
        """Return all phases except generation, which has only one step to compile."""
        torch.compiler.reset()
        jobs = super().prepare(case)
        jobs.pop(GENERATION, None)
        return jobs


@cache
def plain_on_torch(cell: str) -> ModuleType:
    """Return the module with the plain version of a cell, on PyTorch's tensors."""
    module = CELLS[cell].plain
    spec = spec_from_file_location(f"{module.__name__}_on_torch", module.__file__)
    assert spec is not None
    assert spec.loader is not None
    again = module_from_spec(spec)
    spec.loader.exec_module(again)
    vars(again)["np"] = TORCH_AS_NP
    return again


class TorchPage(TorchRow):
    """A bare layer by the plain version, on the CPU: the hand-written equations, without autograd.

    On a GPU this is the fairest answer to "scratch or cuDNN?": by hand, on the same card. The plain
    version uses NumPy only through the name `np`. Its module is loaded once more, with PyTorch's
    functions as `np`.
    """

    name, label = "torch-page", LABELS["torch-page"]

    def layer(self, case: LayerInputs) -> dict[str, Job]:
        if case.shape.nonlinearity != "tanh":  # the plain version has no ReLU
            return {}
        functions = plain_functions(case.shape, plain_on_torch(case.shape.cell))
        jobs = plain_layer(case, functions, self.copy_to_device, convert_tensor)
        return {
            phase: Job(self.make_ready(torch.no_grad()(job.run)), job.results)
            for phase, job in jobs.items()
        }

    def model(self, case: ModelInputs) -> dict[str, Job]:
        """Return no phases: the plain version is used for a layer only."""
        return {}

    def make_ready(self, run: TimedCall) -> TimedCall:
        """Return the function that is timed."""
        return run


def make_optimizer(case: ModelInputs, model: nn.Module) -> torch.optim.Optimizer:
    """Return PyTorch's optimizer with the case's settings; Adam in its fastest form."""
    settings = case.settings
    kind = getattr(torch.optim, OPTIMIZERS[settings.optimizer].name)
    form = {"fused": True} if settings.optimizer == "adam" else {}
    optimizer: torch.optim.Optimizer = kind(model.parameters(), settings.lr, **form)
    return optimizer


def load(module: nn.Module, parameters: Arrays) -> None:
    """Copy arrays into the module's parameters of the same names."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(torch.from_numpy(parameters[name]))
