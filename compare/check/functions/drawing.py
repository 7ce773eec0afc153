"""Cases of the six functions, drawn from a seed, the smallest first.

T, B, V and H are all different in most cases, so that no transposition can hide. The last cases
have sizes of 1, or as many inputs as units.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.check.cases.parts import Case
from compare.check.functions.plain import PlainFunctions
from compare.check.functions.signatures import WEIGHTS, Signatures
from compare.parity import CELLS


@dataclass(frozen=True, slots=True)
class Kind:
    """How a case is drawn."""

    sizes: tuple[int, int, int, int]
    word: str = ""
    dtype: str = "float64"
    scale: float = 1.0  # of the input
    order: str = "C"


def _kinds(rng: np.random.Generator) -> list[Kind]:
    """Return sizes all different, the smallest first; then the special kinds."""

    def sizes() -> tuple[int, int, int, int]:
        T, B, V, H = (int(n) for n in rng.permutation(4) + 2)
        return T, B, V, H

    plain = sorted((sizes() for _ in range(8)), key=lambda s: (s[0] * s[1], s))
    special = [Kind(sizes(), "float32", dtype="float32") for _ in range(3)]
    special += [Kind(sizes(), "large inputs", scale=3e3) for _ in range(2)]
    special += [Kind(sizes(), "arrays in Fortran order", order="F") for _ in range(2)]
    ones = [Kind(s) for s in ((1, 1, 1, 1), (1, 3, 2, 4), (4, 1, 2, 3), (5, 2, 1, 3), (3, 2, 4, 1))]
    return [Kind(s) for s in plain] + special + ones + [Kind((12, 7, 9, 9))]


def _recurrence(
    names: Signatures, seed: int, stage: str, of: Sequence[str], letters: str
) -> Iterator[Case]:
    """Draw cases of a recurrent stage: those of its arguments that are named in `of`."""
    rng = np.random.default_rng([seed, len(stage), ord(stage[-1])])
    for kind in _kinds(rng):
        T, B, V, H = kind.sizes
        G = CELLS[names.cell].num_gates * H
        first = np.tanh(rng.normal(size=(B, H)))
        drawn: dict[str, Any] = {
            "x": kind.scale * rng.normal(size=(T, B, V)),
            "x_t": kind.scale * rng.normal(size=(B, V)),
            "W_ih": rng.normal(size=(G, V)) / np.sqrt(V),
            "W_hh": rng.normal(size=(G, H)) / np.sqrt(H),
            "b_ih": rng.normal(size=G) / 2,
            "b_hh": rng.normal(size=G) / 2,
            "d_output": rng.normal(size=(T, B, H)),
        }
        for k, state in enumerate(names.states):
            drawn[state] = drawn[f"{state}_0"] = rng.normal(size=(B, H)) if k else first
            drawn |= {name: rng.normal(size=(B, H)) for name in (f"d_{state}_next", f"d_{state}_n")}
        drawn |= _after_a_step(names, drawn)
        inputs = {name: _as(drawn[name], kind) for name in of}
        shown = [f"{w} {n}" for w, n in zip("TBVH", kind.sizes, strict=True) if w in letters]
        yield Case(", ".join(filter(None, [*shown, kind.word])), inputs, kind.dtype)


def _after_a_step(names: Signatures, drawn: dict[str, Any]) -> dict[str, Any]:
    """Return the states and the gates after a step without biases: a step back takes none."""
    none = np.zeros(len(drawn["W_ih"]))
    before = (drawn[state] for state in names.states)
    with np.errstate(all="ignore"):
        step = PlainFunctions(names.cell).step
        result = step(drawn["x_t"], *before, drawn["W_ih"], drawn["W_hh"], none, none)
    return dict(zip(names.step_results, result if names.gates else (result,), strict=True))


def _as(value: Any, kind: Kind) -> Any:
    if isinstance(value, tuple):
        return tuple(_as(item, kind) for item in value)
    return np.array(value, kind.dtype, order=kind.order)  # type: ignore[call-overload]


def draw_step(names: Signatures, seed: int) -> Iterator[Case]:
    """Draw single steps."""
    return _recurrence(names, seed, "step", ("x_t", *names.states, *WEIGHTS), "BVH")


def draw_forward(names: Signatures, seed: int) -> Iterator[Case]:
    """Draw sequences."""
    return _recurrence(names, seed, "forward", ("x", *names.named("{}_0"), *WEIGHTS), "TBVH")


def draw_step_backward(names: Signatures, seed: int) -> Iterator[Case]:
    """Draw single steps, and the gradients of the states after them."""
    of = (*names.named("d_{}_next"), *names.seen, "W_ih", "W_hh")
    return _recurrence(names, seed, "step_backward", of, "BVH")


def draw_backward(names: Signatures, seed: int) -> Iterator[Case]:
    """Draw sequences, and the gradients of their output and last states."""
    of = ("x", *names.named("{}_0"), *WEIGHTS, "d_output", *names.named("d_{}_n"))
    return _recurrence(names, seed, "backward", of, "TBVH")


def draw_cross_entropy(seed: int) -> Iterator[Case]:
    """Draw logits and targets."""
    rng = np.random.default_rng([seed, 5])
    sizes = [(2, 3), (3, 2), (2, 5), (4, 3), (5, 7), (6, 4), (3, 8), (9, 5)]
    kinds: list[tuple[tuple[int, int], str, float, Any]] = [(n, "", 1.0, 0.0) for n in sizes]
    kinds += [((4, 3), "float32", 1.0, 0.0), ((7, 5), "float32", 4.0, 0.0)]
    kinds += [((3, 4), "logits around 1000", 1.0, 1000.0)]
    kinds += [((4, 5), "logits around 1000, float32", 1.0, 1000.0)]
    kinds += [((5, 3), "logits around -1000", 1.0, -1000.0)]
    kinds += [((3, 5), "rows that are far apart", 1.0, np.array([[0.0], [900.0], [-900.0]]))]
    kinds += [((4, 6), "logits of ten thousand", 1e4, 0.0)]
    kinds += [((5, 6), "large logits", 8.0, 0.0), ((4, 3), "equal logits", 0.0, 0.0)]
    kinds += [(n, "", 1.0, 0.0) for n in ((1, 4), (4, 1), (1, 1), (70, 28))]
    for (N, V), word, scale, offset in kinds:
        dtype = "float32" if "float32" in word else "float64"
        logits = (scale * rng.normal(size=(N, V)) + offset).astype(dtype)
        inputs = {"logits": logits, "targets": rng.integers(0, V, N)}
        yield Case(", ".join(filter(None, [f"N {N}, V {V}", word])), inputs, dtype)


def draw_clip_grad_norm(seed: int) -> Iterator[Case]:
    """Draw gradients of a given norm."""
    rng = np.random.default_rng([seed, 6])
    two: list[tuple[int, ...]] = [(2, 3), (4,)]
    four = [*two, (5, 2), (3,)]
    norms = [(2.0, 1.0), (0.5, 1.0), (30.0, 5.0), (0.2, 0.1), (3.0, 5.0), (1e3, 1.0)]
    kinds: list[tuple[Any, ...]] = [(two, *pair, "float64") for pair in norms]
    kinds += [(four, *pair, "float64") for pair in ((1.1, 1.0), (0.9, 1.0), (7.0, 0.25))]
    kinds += [([(3, 2)], 4.0, 1.0, "float64")]
    kinds += [(two, 2.0, 1.0, "float32"), (four, 0.5, 1.0, "float32"), (two, 0.0, 1.0, "float64")]
    for of, norm, max_norm, dtype in kinds:
        drawn = [rng.normal(size=shape) for shape in of]
        total = np.sqrt(sum(float((g * g).sum()) for g in drawn))
        gradients = [(g * (norm / total)).astype(dtype) for g in drawn]
        many = f"{len(of)} gradients" if len(of) > 1 else "1 gradient"
        words = [f"{many} of norm {norm:g}, max_norm {max_norm:g}"]
        words += ["float32"] if dtype == "float32" else []
        yield Case(", ".join(words), {"gradients": gradients, "max_norm": max_norm}, dtype)
