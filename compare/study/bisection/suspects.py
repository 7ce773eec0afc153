"""The suspect: the implementation that is compared with scratch_rnn.

A suspect trains with its own `train_epoch`, so that bugs of the training loop are found too. It
records the arguments and the results of its model. Before each update it gets our parameters, and
in each forward pass our state: a difference after an update comes from this update.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch

import concise_rnn
from compare import check
from compare.implementations import Array, Package, Results
from compare.parity import (
    ScratchOptimizer,
    TorchOptimizer,
    convert_tensor,
    name_state,
    step_options,
    write_parameters,
)
from scratch_rnn import Batch
from scratch_rnn.arrays import State, arrays_of, each
from scratch_rnn.text import Batches


class _Trained:
    """An implementation that trains with the package's `train_epoch` on batches of a class."""

    _model: Any
    _state: Any  # of arrays or of tensors
    _optimizer: ScratchOptimizer | TorchOptimizer
    _results: dict[str, Any]

    def __init__(
        self,
        package: Package,
        name: str,
        batches_class: type[Batches] = Batches,
        close: Callable[[], object] = lambda: None,
    ) -> None:
        self.package, self.name = package, name
        self.batches_class = batches_class
        self.close = close  # ends the process of a user's code

    def train_epoch(self, case: check.TrainingCase, batches: Iterable[Batch]) -> None:
        """Train for one epoch with the case's settings."""
        options = {"carry_state": case.carry_state, **step_options(case.settings, self.package)}
        self.package.train_epoch(self._model, batches, self._optimizer.optimizer, **options)


class NumPySuspect(_Trained):
    """A package with the names of `scratch_rnn`: with a bug, or with another layer."""

    def __init__(
        self, package: Package, name: str, close: Callable[[], object] = lambda: None
    ) -> None:
        super().__init__(package, name, package.text.Batches, close)

    def begin(self, case: check.TrainingCase) -> None:
        """Build a new model and an optimizer for the case."""
        options, rng = case.options, np.random.default_rng(0)
        rnn = check.get_layer(self.package, case.cell)(**options, rng=rng)
        self._model = self.package.RNNModel(rnn, options["input_size"], rng=rng)
        self._optimizer = check.make_optimizer(self.package, case, self._model)
        self._forward = self._model.forward
        self._backward = self._model.backward_to_state
        self._model.forward = self._record_forward
        self._model.backward_to_state = self._record_backward
        self.prepare(case)

    def prepare(self, case: check.TrainingCase) -> None:
        """Copy parameters, optimizer, and the state of the next forward pass from the case."""
        write_parameters(self._model, case.parameters)
        if case.memory is not None:
            self._optimizer.restore(case.memory)
        self._state = case.state
        self._results = {"forward passes": np.array(0), "backward passes": np.array(0)}
        self._gradients: Results = {}

    def recorded(self) -> Results:
        """Return the results of the update since `prepare`."""
        clipped = {f"clipped gradient of {name}": g.copy() for name, g in self._gradients.items()}
        updated = {f"updated {name}": p.copy() for name, p in self._model.parameters.items()}
        return self._results | clipped | updated | self._optimizer.memory()

    def layer(self, case: check.LayerCase) -> Results:
        """Return the results of its layer alone."""
        return check.run(check.get_layer(self.package, case.cell), case)

    def _record_forward(self, inputs: Array, state: State, **more: object) -> Any:
        self._results["forward passes"] += 1
        logits, final_state, tape = self._forward(inputs, each(np.copy, self._state), **more)
        B, T = inputs.shape
        self._results |= {
            **name_state("initial state", each(np.copy, state)),
            "logits": logits.reshape(T, B, -1).copy(),
            **name_state("final state", each(np.copy, final_state)),
        }
        return logits, final_state, tape

    def _record_backward(self, tape: object, d_logits: Array, d_state: Any = None) -> Any:
        self._results["backward passes"] += 1
        gradients, d_initial = self._backward(tape, d_logits, d_state)
        if self._results["backward passes"] == 1:
            T, B = self._results["logits"].shape[:2]
            self._results |= {
                "gradient of logits": d_logits.reshape(T, B, -1).copy(),
                **{f"gradient of {name}": g.copy() for name, g in gradients.items()},
                **name_state("gradient of initial state", each(np.copy, d_initial)),
            }
            self._gradients = gradients
        return gradients, d_initial


class TorchSuspect(_Trained):
    """PyTorch's model on a device."""

    def __init__(self, device: str) -> None:
        super().__init__(concise_rnn, f"PyTorch on {device}")
        self.device = device

    def begin(self, case: check.TrainingCase) -> None:
        """Build a new model and an optimizer for the case."""
        self._model = check.torch_model(case, self.device)
        self._optimizer = check.make_optimizer(self.package, case, self._model)
        self._model.register_forward_pre_hook(self._record_state)
        self._model.register_forward_hook(self._record_forward)
        for name, parameter in self._model.named_parameters():
            self._record_gradient(parameter, f"gradient of {name}")
        self.prepare(case)

    def prepare(self, case: check.TrainingCase) -> None:
        """Copy parameters, optimizer, and the state of the next forward pass from the case."""
        write_parameters(self._model, case.parameters)
        if case.memory is not None:
            self._optimizer.restore(case.memory)
        self._state = each(
            lambda array: torch.from_numpy(array.copy()).to(self.device).requires_grad_(),
            case.state,
        )
        self._results = {}

    def recorded(self) -> Results:
        """Return the results of the update since `prepare`."""
        d_state = each(lambda tensor: tensor.grad, self._state)
        results = self._results | name_state("gradient of initial state", d_state)
        for name, parameter in self._model.named_parameters():
            results |= {f"clipped gradient of {name}": parameter.grad, f"updated {name}": parameter}
        passes = {"forward passes": np.array(1), "backward passes": np.array(1)}
        tensors = {name: tensor for name, tensor in results.items() if tensor is not None}
        arrays = {name: convert_tensor(tensor).copy() for name, tensor in tensors.items()}
        return passes | arrays | self._optimizer.memory()

    def layer(self, case: check.LayerCase) -> Results | None:
        """Return the results of PyTorch's layer alone; only on the CPU."""
        return check.torch_results(case) if self.device == "cpu" else None

    def _record_state(self, _: object, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        inputs, state = arguments
        self._results |= name_state("initial state", each(torch.clone, state))
        return inputs, self._state

    def _record_forward(self, _: object, arguments: tuple[Any, ...], results: Any) -> None:
        logits, final_state = results
        B, T = arguments[0].shape
        by_step = (T, B, -1)
        self._record_gradient(logits, "gradient of logits", by_step)
        self._results |= {"logits": logits.reshape(by_step).clone()}
        self._results |= name_state("final state", final_state)

    def _record_gradient(
        self, tensor: Any, name: str, shape: tuple[int, ...] | None = None
    ) -> None:
        def record(gradient: torch.Tensor) -> None:
            self._results[name] = gradient.reshape(shape or gradient.shape).clone()

        tensor.register_hook(record)


Suspect = NumPySuspect | TorchSuspect


def one_hot_layer(case: check.TrainingCase, d_logits: Array) -> check.LayerCase:
    """Return a case for the recurrent layer alone, with dense inputs and its upstream gradient.

    Dense inputs have a gradient, and it shows in which step a difference is: δx_t = W_ih^T δz_t.
    """
    options, parameters = case.options, case.parameters
    T, B, V = d_logits.shape
    one_hot = np.eye(V, dtype=options["dtype"])[case.batches[0].inputs.T]  # (T, B, V)
    h_0, *c_0 = arrays_of(case.state)
    names = ("nonlinearity", "dtype") if "nonlinearity" in options else ("dtype",)
    sizes = {"T": T, "B": B, "V": V, "H": options["hidden_size"], "L": options["num_layers"]}
    layer = check.LayerCase(
        case.cell, **sizes, upstream="output", **{name: options[name] for name in names}
    )
    of_layer = {name: p for name, p in parameters.items() if name.startswith("rnn.")}
    floats = check.Floats(
        parameters={name.removeprefix("rnn."): p for name, p in of_layer.items()},
        x=one_hot,
        h0=h_0,
        c0=c_0[0] if c_0 else None,
        lengths=None,
        dropout_masks=None,
        d_output=d_logits @ parameters["linear.weight"],  # (T, B, H)
        d_h_n=None,
    )
    return layer.attach_floats(floats)
