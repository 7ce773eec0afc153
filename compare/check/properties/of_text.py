"""Properties of the text: vocabulary and batches."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from compare.check.cases.comparison import identical
from compare.check.properties.property import Outcome, Property, properties_of
from compare.check.properties.randomness import global_random_state


@Property
def batches(package: Any) -> Iterator[Outcome]:
    """Targets follow their inputs, and an epoch depends only on its number and the seed."""
    N, B, T = 203, 3, 5
    before = global_random_state()
    for sampling in ("sequential", "random"):
        batches = package.text.Batches(range(N), B, T, sampling=sampling, seed=4)
        for what, complaint in _batch_complaints(batches, B, T):
            yield Outcome(f"{sampling}, {what}", (), complaint)
        again = package.text.Batches(range(N), B, T, sampling=sampling, seed=4)
        other = package.text.Batches(range(N), B, T, sampling=sampling, seed=5)
        own, repeated, others = (
            np.array([_inputs(b.epoch(k)) for k in range(6)]) for b in (batches, again, other)
        )
        same = {"inputs of 6 epochs": own}
        yield Outcome(f"{sampling}, same seed", identical(same, {"inputs of 6 epochs": repeated}))
        if (own == own[0]).all():
            yield Outcome(sampling, (), "epochs: expected other cuts in each, got the same in all")
        if np.array_equal(own, others):
            yield Outcome(sampling, (), "seeds: expected other cuts for another, got the same")
        dropped = {int(_inputs(batches.epoch(k)).min()) for k in range(150)}
        most = T if sampling == "sequential" else T - 1
        if sampling == "sequential" and dropped != set(range(most + 1)):
            yield Outcome(
                sampling, (), f"tokens dropped: expected each of 0 … {most}, got {sorted(dropped)}"
            )
    if global_random_state() != before:
        yield Outcome("", (), "np.random: expected it to be left alone, got numbers drawn from it")


def _inputs(batches: Iterable[Any]) -> np.ndarray:
    return np.array([batch.inputs for batch in batches])


def _batch_complaints(batches: Any, B: int, T: int) -> Iterator[tuple[str, str]]:
    """Yield what is checked, and what is wrong; the corpus is 0, 1, 2, …."""
    for k in range(4):
        ends: np.ndarray | None = None
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
def vocabulary(package: Any) -> Iterator[Outcome]:
    """Tokens are numbered by falling frequency; unknown tokens get 0."""
    vocab = package.text.Vocab(list("banana bus"))
    letters = ["<unk>", "a", "b", "n", " ", "u", "s"]  # 3 a, 2 b and 2 n, then by appearance
    yield Outcome("banana bus", (), _unequal("tokens", letters, vocab.idx_to_token))
    yield Outcome("banana bus", (), _unequal("the number of z", 0, vocab["z"]))
    rare = package.text.Vocab(list("banana bus"), min_freq=2)
    yield Outcome("min_freq 2", (), _unequal("tokens", letters[:4], rare.idx_to_token))


PROPERTIES = properties_of(vars())
