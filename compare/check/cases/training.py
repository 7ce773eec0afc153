"""Cases of training: a small model and its batches, for a package and for PyTorch."""

import copy
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch

import concise_rnn
import scratch_rnn
from compare.check.cases.expected import Expected, measure_expected
from compare.implementations import CELLS, Array, Package, Results
from compare.parity import (
    Memory,
    Move,
    ScratchOptimizer,
    Stages,
    StepSettings,
    TorchOptimizer,
    Unmoved,
    join_stages,
    parameters_as_arrays,
    run_step,
    scratch_stages,
    step_options,
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

    def describe(self) -> str:
        """Describe the case in words."""
        B, T = self.batches[0].inputs.shape
        V, H, L = (self.options[name] for name in ("input_size", "hidden_size", "num_layers"))
        words = [f"T {T}, B {B}, V {V}, H {H}", f"{L} layers" if L > 1 else ""]
        words += [self.cell if self.cell != "rnn" else ""]
        words += ["state carried" if self.carry_state else "state reset"]
        words += [self.settings.optimizer if self.settings.optimizer != "sgd" else ""]
        words += [f"lr {self.settings.lr:g}, clip {self.settings.max_norm:g}"]
        words += [self.options["dtype"]]
        return ", ".join(filter(None, words))


def draw_training_case(seed: int, *, B: int = 3, T: int = 5) -> TrainingCase:
    """Draw a case; even seeds carry the state, and every other pair of them clips."""
    rng = np.random.default_rng([seed, B, T])
    V, H = 7, 8
    L = 2 if seed % 3 == 2 else 1
    options: dict[str, Any] = {
        "input_size": V,
        "hidden_size": H,
        "num_layers": L,
        "batch_first": seed % 5 == 4,
        "dtype": "float32" if seed % 4 in (1, 2) else "float64",
    }
    dtype = np.dtype(options["dtype"])
    bound = 2 / np.sqrt(H)
    model = scratch_rnn.RNNModel(scratch_rnn.RNN(**options), V)
    parameters = {
        name: rng.uniform(-bound, bound, parameter.shape).astype(dtype)
        for name, parameter in model.parameters.items()
    }
    tokens = rng.integers(0, V, (B, 3 * T + 1))  # each row goes on from batch to batch
    batches = tuple(
        Batch(tokens[:, k : k + T].copy(), tokens[:, k + 1 : k + 1 + T].copy())
        for k in range(0, 3 * T, T)
    )
    return TrainingCase(
        options=options,
        parameters=parameters,
        batches=batches,
        state=np.tanh(rng.normal(size=(L, B, H))).astype(dtype),
        settings=StepSettings(lr=0.5, max_norm=(0.3, 1e6)[seed // 2 % 2]),
        carry_state=seed % 2 == 0,
    )


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
    return _by_step(case, join_stages(_stages(package, case, move)))


def name_stage(case: TrainingCase, tensor: str) -> str | None:
    """Return the stage of a training step that computes a tensor, or None."""
    stages = _stages(scratch_rnn, case)
    return next((stage for stage, results in stages if tensor in results), None)


def _stages(package: Package, case: TrainingCase, move: Move = Unmoved.RESULTS) -> Stages:
    model, batch = make_model(package, case), case.batches[0]
    options: dict[str, Any] = {"memory": case.memory, "package": package}
    return scratch_stages(model, batch, case.state, case.settings, move, **options)


def _by_step(case: TrainingCase, results: Results) -> Results:
    """Return the results without hidden states, and with logits first, as (T, B, V)."""
    B, T = case.batches[0].inputs.shape
    by_step = {n: results[n].reshape(T, B, -1) for n in ("logits", "gradient of logits")}
    others = {name: array for name, array in results.items() if name != "hidden states"}
    return {"logits": by_step["logits"]} | others | by_step


def _torch_step(case: TrainingCase, _: Any, model: Any) -> Results:
    return _by_step(case, run_step(model, case.batches[0], case.state, case.settings))


def _updates(case: TrainingCase, package: Package, model: Any) -> Results:
    """Train for one epoch, update by update, with a carried state or a new one."""
    results, state = {}, None
    optimizer = make_optimizer(package, case, model).own
    options = step_options(case.settings, package)
    for k, batch in enumerate(case.batches, start=1):
        done = package.train_step(model, batch, state, optimizer, **options)
        state = done.state if case.carry_state else None
        results[f"loss at update {k}"] = _number(done.loss, case)
        results[f"gradient norm at update {k}"] = _number(done.grad_norm, case)
        results[f"state after update {k}"] = np.asarray(done.state)
    after_all = parameters_as_arrays(model).items()
    return results | {f"{name} after the last update": p for name, p in after_all}


def _epochs(case: TrainingCase, package: Package, model: Any) -> Results:
    """Train for two epochs with the package's `train`."""
    options = {"carry_state": case.carry_state, **step_options(case.settings, package)}
    results = {}
    done = package.train(model, case.batches, case.settings.lr, 2, **options)
    for k, epoch in enumerate(done, start=1):
        results[f"loss of epoch {k}"] = _number(epoch.loss, case)
        results[f"perplexity of epoch {k}"] = _number(epoch.perplexity, case)
    return results | {f"final {name}": p for name, p in parameters_as_arrays(model).items()}


def _number(value: float, case: TrainingCase) -> Array:
    return np.asarray(value, case.options["dtype"])


TRAININGS = {"step": _torch_step, "updates": _updates, "epochs": _epochs}


def train_kind(
    kind: str, package: Package, case: TrainingCase, move: Move = Unmoved.RESULTS
) -> Results:
    """Train with a package, or with PyTorch: one step, or all updates, or some epochs."""
    if kind == "step" and package is not concise_rnn:
        return scratch_step(package, case, move)
    model = torch_model(case) if package is concise_rnn else make_model(package, case, move)
    return TRAININGS[kind](case, package, model)


def draw_with_results(kind: str, seed: int, B: int = 3) -> tuple[TrainingCase, Expected]:
    """Draw a case of training, with the expected results of one kind."""
    case, expected = _training_case(kind, seed, B)
    return copy.deepcopy(case), expected


@lru_cache(maxsize=256)
def _training_case(kind: str, seed: int, B: int) -> tuple[TrainingCase, Expected]:
    case = draw_training_case(seed, B=B)
    right = train_kind(kind, concise_rnn, case)

    def ours(move: Move) -> Results:
        return train_kind(kind, scratch_rnn, case, move)

    return case, measure_expected(right, ours, {"logits": 0, "gradient of logits": 0})
