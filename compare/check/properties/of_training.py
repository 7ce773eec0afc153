"""Properties of training: the loss, the clipping, the update, all of it together, and the text."""

import dataclasses
import math
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import nn
from torch.nn import functional as F

import concise_rnn
import scratch_rnn
from compare.check.cases import training as training_cases
from compare.check.cases.expected import Expected, match_bits, measure_expected
from compare.check.properties.of_models import global_random_state
from compare.check.properties.property import Outcome, Property, collect_properties
from compare.implementations import Array, Package, Results
from scratch_rnn import Vocab


@Property
def cross_entropy(package: Package) -> Iterator[Outcome]:
    """The loss and its gradient are PyTorch's, for logits of any size."""
    for seed in range(8):
        logits, targets, expected = _loss_case(seed)
        got = _loss(package, logits.copy(), targets.copy())
        N, V = logits.shape
        described = f"N {N}, V {V}, logits to ±{np.abs(logits).max():.3g}, {logits.dtype}"
        yield Outcome(described, expected.compare(got))


@lru_cache
def _loss_case(seed: int) -> tuple[Array, Array, Expected]:
    rng = np.random.default_rng(seed)
    N, V = (int(n) for n in rng.integers(1, 9, 2))
    size = (1.0, 10.0, 1e4)[seed % 3]
    logits = (size * rng.normal(size=(N, V))).astype("float32" if seed % 2 else "float64")
    targets = rng.integers(0, V, N)
    tensor: Any = torch.from_numpy(logits.copy()).requires_grad_()
    loss: Any = F.cross_entropy(tensor, torch.from_numpy(targets))
    loss.backward()
    right = {"loss": loss.detach().numpy(), "gradient of logits": tensor.grad.numpy()}
    ours = lambda move: _loss(scratch_rnn, move(logits), targets)  # noqa: E731
    return logits, targets, measure_expected(right, ours)


def _loss(package: Package, logits: Array, targets: Array) -> Results:
    loss, d_logits = package.cross_entropy(logits, targets)
    return {"loss": np.asarray(loss, logits.dtype), "gradient of logits": d_logits}


@Property
def perplexity(package: Package) -> Iterator[Outcome]:
    """The perplexity is exp of the mean loss in nats."""
    for loss in (0.0, 1.0, math.log(28)):
        expected = {"perplexity": np.asarray(math.exp(loss))}
        got = {"perplexity": np.asarray(package.perplexity(loss))}
        yield Outcome(f"a loss of {loss:.3g} nats", match_bits(expected, got))


@Property
def clipping(package: Package) -> Iterator[Outcome]:
    """All gradients are scaled by one factor, the same as PyTorch's."""
    for dtype in ("float64", "float32"):
        for norm in (0.5, 2.0, 1e3, 0.999, 1.0, 1.001, 0.0):
            gradients, expected = _clipping_case(norm, dtype)
            described = f"norm {norm:g}, limit 1, {dtype}"
            yield Outcome(described, expected.compare(_clipped(package, gradients)))


@lru_cache
def _clipping_case(norm: float, dtype: str) -> tuple[Results, Expected]:
    rng = np.random.default_rng(0)
    gradients = {"a": rng.normal(size=(3, 2)), "b": 3 * rng.normal(size=4)}
    total = math.sqrt(sum(float((g * g).sum()) for g in gradients.values()))
    gradients = {name: (g * (norm / total)).astype(dtype) for name, g in gradients.items()}
    tensors: Any = {name: nn.Parameter(torch.from_numpy(g.copy())) for name, g in gradients.items()}
    for tensor in tensors.values():
        tensor.grad = tensor.detach().clone()
    norms = {"norm": nn.utils.clip_grad_norm_(tensors.values(), 1.0).numpy()}
    clipped = {f"clipped gradient of {name}": t.grad.numpy() for name, t in tensors.items()}
    ours = lambda move: _clipped(scratch_rnn, move(gradients))  # noqa: E731
    return gradients, measure_expected(clipped | norms, ours)


def _clipped(package: Package, gradients: Results) -> Results:
    gradients = {name: g.copy() for name, g in gradients.items()}
    norm = package.clip_grad_norm(gradients, 1.0)
    dtype = gradients["a"].dtype
    clipped = {f"clipped gradient of {name}": g for name, g in gradients.items()}
    return clipped | {"norm": np.asarray(norm, dtype)}


@Property
def update(package: Package) -> Iterator[Outcome]:
    """An update changes each parameter in place, by -lr times its gradient."""
    rng = np.random.default_rng(0)
    p, g = rng.normal(size=(3, 2)), rng.normal(size=(3, 2))
    parameters = {"p": p.copy()}
    optimizer = package.SGD(parameters, 0.5)
    optimizer.step({"p": g})
    yield Outcome("lr 0.5", match_bits({"updated p": p - 0.5 * g}, {"updated p": parameters["p"]}))
    optimizer.lr = 0.25
    optimizer.step({"p": g})
    expected = {"updated p": p - 0.5 * g - 0.25 * g}
    yield Outcome("then lr 0.25", match_bits(expected, {"updated p": parameters["p"]}))


@Property
def step_as_torch(package: Package) -> Iterator[Outcome]:
    """Every tensor of a training step is PyTorch's."""
    return _as_torch(package, "step", 6)


@Property
def updates_as_torch(package: Package) -> Iterator[Outcome]:
    """The results of each update are PyTorch's."""
    return _as_torch(package, "updates", 6)


@Property
def epochs_as_torch(package: Package) -> Iterator[Outcome]:
    """The results of each epoch are PyTorch's."""
    return _as_torch(package, "epochs", 4)


def _as_torch(package: Package, kind: str, number: int) -> Iterator[Outcome]:
    for seed in range(number):
        case, expected = training_cases.draw_with_results(kind, seed)
        results = training_cases.train_kind(kind, package, case)
        yield Outcome(case.describe(), expected.compare(results))


@Property
def threads(package: Package) -> Iterator[Outcome]:
    """The results do not depend on how many threads share the batch."""
    own: Any = getattr(package, "threads", scratch_rnn.threads)
    least_rows, number = own.least_rows, package.get_num_threads()
    own.least_rows = lambda *_: 1  # so that even these small batches are shared
    with threadpool_limits(1):
        try:
            for n in (2, 3):
                package.set_num_threads(n)
                for seed in range(2):
                    case, expected = training_cases.draw_with_results("updates", seed, B=5)
                    results = training_cases.train_kind("updates", package, case)
                    described = f"{n} threads, {case.describe()}"
                    yield Outcome(described, expected.compare(results))
        finally:
            own.least_rows = least_rows
            package.set_num_threads(number)


@Property
def prediction_as_torch(package: Package) -> Iterator[Outcome]:
    """The generated text is the text of PyTorch's model."""
    vocab = Vocab.from_list(["<unk>", *"abcdef"])
    for seed in range(6):
        case = training_cases.draw_training_case(seed)
        scaled = {name: 4 * p for name, p in case.parameters.items()}  # so that the text varies
        case = dataclasses.replace(case, parameters=scaled)
        prefix = "".join(np.random.default_rng(seed).choice(list("abcdef"), 4))
        expected = concise_rnn.predict(prefix, 12, training_cases.torch_model(case), vocab)
        got = package.predict(prefix, 12, training_cases.make_model(package, case), vocab)
        complaint = "" if got == expected else f"text: expected {expected!r}, got {got!r}"
        yield Outcome(case.describe(), (), complaint)


@Property
def batches(package: Package) -> Iterator[Outcome]:
    """Targets follow their inputs, and an epoch depends only on its number and the seed."""
    N, B, T = 203, 3, 5
    before = global_random_state()
    for sampling in ("sequential", "random"):
        batches = package.text.Batches(range(N), B, T, sampling=sampling, seed=4)
        for what, complaint in _batch_complaints(batches, B, T):
            yield Outcome(f"{sampling}, {what}", (), complaint)
        again = package.text.Batches(range(N), B, T, sampling=sampling, seed=4)
        other = package.text.Batches(range(N), B, T, sampling=sampling, seed=5)
        each = batches, again, other
        own, repeated, others = (np.array([_inputs(b.epoch(k)) for k in range(6)]) for b in each)
        same = {"inputs of 6 epochs": own}
        yield Outcome(f"{sampling}, same seed", match_bits(same, {"inputs of 6 epochs": repeated}))
        if (own == own[0]).all():
            yield Outcome(sampling, (), "epochs: expected other cuts in each, got the same in all")
        if np.array_equal(own, others):
            yield Outcome(sampling, (), "seeds: expected other cuts for another, got the same")
        dropped = {int(_inputs(batches.epoch(k)).min()) for k in range(150)}
        most = T if sampling == "sequential" else T - 1
        if sampling == "sequential" and dropped != set(range(most + 1)):
            complaint = f"tokens dropped: expected each of 0 … {most}, got {sorted(dropped)}"
            yield Outcome(sampling, (), complaint)
    if global_random_state() != before:
        yield Outcome("", (), "np.random: expected it to be left alone, got numbers drawn from it")


def _inputs(batches: Iterable[Any]) -> Array:
    return np.array([batch.inputs for batch in batches])


def _batch_complaints(batches: Any, B: int, T: int) -> Iterator[tuple[str, str]]:
    """Yield each check, and its failure; the corpus is 0, 1, 2, …."""
    for k in range(4):
        ends: Array | None = None
        starts: list[int] = []
        epoch = list(batches.epoch(k))
        yield "", _unequal("batches of an epoch", len(batches), len(epoch))
        for batch in epoch:
            for name, array in (("inputs", batch.inputs), ("targets", batch.targets)):
                yield name, _unequal(f"shape of {name}", (B, T), array.shape)
                yield name, _unequal(f"dtype of {name}", "int64", str(array.dtype))
            at = np.argwhere(batch.targets != batch.inputs + 1)
            if at.size:
                b, t = at[0]
                yield (
                    f"epoch {k}",
                    f"targets: expected token {batch.inputs[b, t] + 1} after token "
                    f"{batch.inputs[b, t]} (row {b}, step {t + 1}), got {batch.targets[b, t]}",
                )
            if batches.sampling == "sequential" and ends is not None:
                expected, got = (ends + 1).tolist(), batch.inputs[:, 0].tolist()
                yield f"epoch {k}", _unequal("rows go on", expected, got)
            ends = batch.inputs[:, -1]
            starts += batch.inputs[:, 0].tolist()
        yield f"epoch {k}", _unequal("rows that begin alike", 0, len(starts) - len(set(starts)))


def _unequal(what: str, expected: object, got: object) -> str:
    return "" if expected == got else f"{what}: expected {expected}, got {got}"


@Property
def vocabulary(package: Package) -> Iterator[Outcome]:
    """Tokens are numbered by falling frequency; unknown tokens get 0."""
    vocab = package.text.Vocab(list("banana bus"))
    letters = ["<unk>", "a", "b", "n", " ", "u", "s"]  # 3 a, 2 b and 2 n, then by appearance
    yield Outcome("banana bus", (), _unequal("tokens", letters, vocab.idx_to_token))
    yield Outcome("banana bus", (), _unequal("the number of z", 0, vocab["z"]))
    rare = package.text.Vocab(list("banana bus"), min_freq=2)
    yield Outcome("min_freq 2", (), _unequal("tokens", letters[:4], rare.idx_to_token))


PROPERTIES = collect_properties(vars())
