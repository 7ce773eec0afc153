"""Cases of training: a small model and its batches, for a package and for PyTorch."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

import concise_rnn
import scratch_rnn
from compare.implementations import CELLS, Package, Results
from compare.parity import (
    Memory,
    Move,
    ScratchOptimizer,
    Stages,
    StepSettings,
    TorchOptimizer,
    Unmoved,
    join_stages,
    scratch_stages,
    write_parameters,
)
from scratch_rnn import Batch
from scratch_rnn.arrays import State


@dataclass(frozen=True, slots=True)
class TrainingCase:
    """A small model, and batches to train it on."""

    options: dict[str, Any]  # of the RNN's constructor, dtype among them
    parameters: Results  # of the model
    batches: tuple[Batch, ...]  # of one epoch
    state: State  # in which the first batch begins: (L, B, H), for an LSTM a pair
    settings: StepSettings
    carry_state: bool
    cell: str = "rnn"
    memory: Memory | None = None  # what the optimizer has kept; None before the first update


def get_layer(package: Package, cell: str) -> Any:
    """Return the layer of a cell in a package like scratch_rnn."""
    record = CELLS[cell]
    return record.scratch_layer if package is scratch_rnn else getattr(package, record.layer)


def make_model(package: Package, case: TrainingCase, move: Move = Unmoved.RESULTS) -> Any:
    """Build the package's RNNModel with the case's parameters."""
    rng = np.random.default_rng(0)  # its values are replaced by the case's parameters
    rnn = get_layer(package, case.cell)(**case.options, rng=rng)
    model = package.RNNModel(rnn, case.options["input_size"], rng=rng)
    write_parameters(model, move(case.parameters))
    return model


def torch_model(case: TrainingCase, device: str = "cpu") -> concise_rnn.RNNModel:
    """Build the PyTorch model with the case's parameters."""
    options = dict(case.options)
    dtype = getattr(torch, options.pop("dtype"))
    layer = CELLS[case.cell].torch_layer
    rnn = layer(**options, dtype=dtype, device=device)
    model = concise_rnn.RNNModel(rnn, options["input_size"])
    write_parameters(model, case.parameters)
    return model


def make_optimizer(
    package: Package, case: TrainingCase, model: Any
) -> ScratchOptimizer | TorchOptimizer:
    """Return the optimizer of the case's settings, of the package or of PyTorch."""
    if package is concise_rnn:
        return TorchOptimizer(case.settings, model)
    return ScratchOptimizer(case.settings, model.parameters, package)


def scratch_step(package: Package, case: TrainingCase, move: Move = Unmoved.RESULTS) -> Results:
    """Run one training step; return all its results by name, with the logits as (T, B, V)."""
    results = join_stages(_run_stages(package, case, move))
    del results["hidden states"]
    B, T = case.batches[0].inputs.shape
    for name in ("logits", "gradient of logits"):
        results[name] = results[name].reshape(T, B, -1)
    return {"logits": results["logits"]} | results


def name_stage(case: TrainingCase, tensor: str) -> str | None:
    """Return the stage of a training step that computes a tensor, or None."""
    stages = _run_stages(scratch_rnn, case)
    return next((stage for stage, results in stages if tensor in results), None)


def _run_stages(package: Package, case: TrainingCase, move: Move = Unmoved.RESULTS) -> Stages:
    """Run the first training step of a case; return its results by stage, from states to update."""
    model = make_model(package, case, move)
    return scratch_stages(
        model,
        case.batches[0],
        case.state,
        case.settings,
        move,
        memory=case.memory,
        package=package,
    )
