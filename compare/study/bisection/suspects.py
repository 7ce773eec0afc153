"""The suspect: the implementation that is compared with ours.

The suspect trains with its own `train_epoch`. So errors in carrying the state and in the order of
operations are found too. We record the inputs of its model and the results of its model. Before
each update the suspect gets our parameters, and in each forward pass our state. So a difference
after an update comes from this update.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch.nn import functional as F

import concise_rnn
from compare.check import (
    Floats,
    LayerCase,
    Results,
    TrainingCase,
    layer_of,
    run,
    torch_model,
    torch_results,
)
from compare.parity import named_state, tensor_as_array
from scratch_rnn import Batch, states
from scratch_rnn.states import State, arrays_of
from scratch_rnn.text import Batches


@dataclass(frozen=True, slots=True)
class BatchSetting:
    """The corpus, and how batches are cut from it."""

    corpus: np.ndarray  # int64 (N,)
    batch_size: int
    num_steps: int
    sampling: str
    seed: int

    def cut(self, batches_class: Any = Batches) -> Any:
        """Return the batches, cut by our class or by a class with the same interface."""
        return batches_class(
            self.corpus, self.batch_size, self.num_steps, sampling=self.sampling, seed=self.seed
        )


@runtime_checkable
class Suspect(Protocol):
    """An implementation that trains, and that records its results."""

    name: str
    dtype: str

    def begin(self, case: TrainingCase) -> None:
        """Build a new model with the case's parameters."""

    def batches(self, setting: BatchSetting) -> Any:
        """Return its own batches."""

    def train_epoch(self, batches: Iterable[Batch]) -> None:
        """Train for one epoch with the case's settings."""

    def prepare(self, parameters: Results, state: State) -> None:
        """Copy the parameters, and the state for the next forward pass, into the model."""

    def overheard(self) -> Results:
        """Return the results of the update since `prepare`."""

    def layer(self, case: LayerCase) -> Results | None:
        """Return the results of its layer alone; None if the layer cannot run alone."""


class NumPySuspect:
    """A package with the names of `scratch_rnn`: ours with a bug, a student's, another dtype."""

    def __init__(self, package: Any, name: str, dtype: str) -> None:
        self.package, self.name, self.dtype = package, name, dtype

    def begin(self, case: TrainingCase) -> None:
        """Build a new model with the case's parameters."""
        self._case = case
        options = case.options | {"dtype": self.dtype}
        rng = np.random.default_rng(0)
        rnn = layer_of(self.package, case.cell)(**options, rng=rng)
        self._model = self.package.RNNModel(rnn, options["input_size"], rng=rng)
        self._optimizer = self.package.SGD(self._model.parameters, case.lr)
        self._forward = self._model.forward
        self._backward = self._model.backward_to_state
        self._model.forward = self._overhear_forward
        self._model.backward_to_state = self._overhear_backward
        self.prepare(case.parameters, case.state)

    def batches(self, setting: BatchSetting) -> Any:
        """Return its own batches."""
        return setting.cut(self.package.text.Batches)

    def train_epoch(self, batches: Iterable[Batch]) -> None:
        """Train for one epoch with the case's settings."""
        self.package.train_epoch(
            self._model,
            batches,
            self._optimizer,
            carry_state=self._case.carry_state,
            max_norm=self._case.max_norm,
        )

    def prepare(self, parameters: Results, state: State) -> None:
        """Copy the parameters, and the state for the next forward pass, into the model."""
        for name, parameter in self._model.parameters.items():
            parameter[...] = parameters[name]
        self._state = states.each(lambda array: array.astype(self.dtype), state)
        self._heard: Results = {}
        self._gradients: Results = {}
        self._passes = {"forward passes": 0, "backward passes": 0}

    def overheard(self) -> Results:
        """Return the results of the update since `prepare`."""
        heard = {name: np.array(count) for name, count in self._passes.items()} | self._heard
        heard |= {f"clipped gradient of {name}": g.copy() for name, g in self._gradients.items()}
        return heard | {f"updated {name}": p.copy() for name, p in self._model.parameters.items()}

    def layer(self, case: LayerCase) -> Results | None:
        """Return the results of its layer alone."""
        return run(layer_of(self.package, case.cell), case)

    def _overhear_forward(self, inputs: np.ndarray, state: State, **more: Any) -> Any:
        self._passes["forward passes"] += 1
        logits, final_state, tape = self._forward(inputs, states.each(np.copy, self._state), **more)
        B, T = inputs.shape
        self._heard |= {
            **named_state("initial state", states.each(np.copy, state)),
            "logits": logits.reshape(T, B, -1).copy(),
            **named_state("final state", states.each(np.copy, final_state)),
        }
        return logits, final_state, tape

    def _overhear_backward(self, tape: Any, d_logits: np.ndarray, d_state: Any = None) -> Any:
        self._passes["backward passes"] += 1
        gradients, d_initial = self._backward(tape, d_logits, d_state)
        if self._passes["backward passes"] == 1:
            T, B = self._heard["logits"].shape[:2]
            self._heard["gradient of logits"] = d_logits.reshape(T, B, -1).copy()
            self._heard |= {f"gradient of {name}": g.copy() for name, g in gradients.items()}
            d_initial_copy = states.each(np.copy, d_initial)
            self._heard |= named_state("gradient of initial state", d_initial_copy)
            self._gradients = gradients
        return gradients, d_initial


class TorchSuspect:
    """PyTorch's model on a device."""

    def __init__(self, device: str, dtype: str) -> None:
        self.name = f"PyTorch on {device}"
        self.device, self.dtype = device, dtype

    def begin(self, case: TrainingCase) -> None:
        """Build a new model with the case's parameters."""
        self._case = case
        self._model = torch_model(case, self.device)
        self._optimizer = torch.optim.SGD(self._model.parameters(), case.lr)
        self._model.register_forward_pre_hook(self._overhear_state)
        self._model.register_forward_hook(self._overhear_results)
        for name, parameter in self._model.named_parameters():
            hook = self._overhear_gradient(f"gradient of {name}")
            parameter.register_hook(hook)  # type: ignore[no-untyped-call]
        self.prepare(case.parameters, case.state)

    def batches(self, setting: BatchSetting) -> Any:
        """Return our batches, because PyTorch has no class for them."""
        return setting.cut()

    def train_epoch(self, batches: Iterable[Batch]) -> None:
        """Train for one epoch with the case's settings."""
        concise_rnn.train_epoch(
            self._model,
            batches,
            self._optimizer,
            carry_state=self._case.carry_state,
            max_norm=self._case.max_norm,
        )

    def prepare(self, parameters: Results, state: State) -> None:
        """Copy the parameters, and the state for the next forward pass, into the model."""
        with torch.no_grad():
            for name, parameter in self._model.named_parameters():
                parameter.copy_(torch.from_numpy(parameters[name]))
        self._state = states.each(
            lambda array: torch.from_numpy(array.copy()).to(self.device).requires_grad_(), state
        )
        self._heard: dict[str, torch.Tensor] = {}

    def overheard(self) -> Results:
        """Return the results of the update since `prepare`."""
        heard = dict(self._heard)
        d_state = states.each(lambda tensor: tensor.grad, self._state)
        of_state = named_state("gradient of initial state", d_state)
        heard |= {name: grad for name, grad in of_state.items() if grad is not None}
        for name, parameter in self._model.named_parameters():
            if parameter.grad is not None:
                heard[f"clipped gradient of {name}"] = parameter.grad
            heard[f"updated {name}"] = parameter
        passes = {"forward passes": np.array(1), "backward passes": np.array(1)}
        return passes | {name: tensor_as_array(tensor).copy() for name, tensor in heard.items()}

    def layer(self, case: LayerCase) -> Results | None:
        """Return the results of PyTorch's layer alone; only on the CPU."""
        return torch_results(case) if self.device == "cpu" else None

    def _overhear_state(self, _: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        inputs, state = arguments
        self._heard |= named_state("initial state", states.each(torch.clone, state))
        return inputs, self._state

    def _overhear_results(self, _: Any, arguments: tuple[Any, ...], results: Any) -> None:
        logits, final_state = results
        B, T = arguments[0].shape

        def overhear(gradient: torch.Tensor) -> None:
            self._heard["gradient of logits"] = gradient.reshape(T, B, -1).clone()

        logits.register_hook(overhear)
        self._heard |= {"logits": logits.reshape(T, B, -1).clone()}
        self._heard |= named_state("final state", final_state)

    def _overhear_gradient(self, name: str) -> Any:
        def overhear(gradient: torch.Tensor) -> None:
            self._heard[name] = gradient.clone()

        return overhear


def one_hot_layer(case: TrainingCase, d_logits: np.ndarray) -> LayerCase:
    """Return a case for the recurrent layer alone, with dense inputs and its upstream gradient.

    Dense inputs have a gradient, and it shows in which step a difference is: δx_t = W_ih^T δz_t.
    """
    V = case.options["input_size"]
    one_hot = F.one_hot(torch.from_numpy(case.batches[0].inputs.T.copy()), V)  # (T, B, V)
    dtype = case.parameters["linear.weight"].dtype
    parameters = {
        name.removeprefix("rnn."): p for name, p in case.parameters.items() if name[:4] == "rnn."
    }
    options = case.options
    h_0, *c_0 = arrays_of(case.state)
    T, B, H = one_hot.shape[0], one_hot.shape[1], options["hidden_size"]
    layer = LayerCase(
        case.cell,
        T=T,
        B=B,
        V=V,
        H=H,
        L=options.get("num_layers", 1),
        nonlinearity=options.get("nonlinearity", "tanh"),
        upstream="output",
        dtype=options["dtype"],
    )
    floats = Floats(
        parameters=parameters,
        x=one_hot.numpy().astype(dtype),
        h0=h_0,
        c0=c_0[0] if c_0 else None,
        lengths=None,
        dropout_masks=None,
        d_output=d_logits @ case.parameters["linear.weight"],  # (T, B, H)
        d_h_n=None,
    )
    return layer.with_floats(floats)
