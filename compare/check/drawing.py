"""Cases of the six functions: what each is asked, drawn from a seed, the smallest first.

T, B, V and H are all different in a case, so that no transposition can hide; the last ones have
sizes of 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

WEIGHTS = ("W_ih", "W_hh", "b_ih", "b_hh")


@dataclass(frozen=True, slots=True)
class Case:
    """What a function is asked."""

    words: str
    inputs: dict[str, Any]
    dtype: str = "float64"


LETTERS = ["T", "B", "V", "H"]


@dataclass(frozen=True, slots=True)
class Kind:
    """How a case is drawn."""

    sizes: tuple[int, int, int, int]
    word: str = ""
    dtype: str = "float64"
    scale: float = 1.0  # of the input
    order: str = "C"


def _kinds(rng: np.random.Generator) -> list[Kind]:
    """Return sizes all different, the smallest first; then what is special."""

    def sizes(least: int = 2) -> tuple[int, int, int, int]:
        T, B, V, H = (int(n) for n in rng.permutation(4) + least)
        return T, B, V, H

    plain = sorted((sizes() for _ in range(8)), key=lambda s: (s[0] * s[1], s))
    special = [Kind(sizes(), "float32", dtype="float32") for _ in range(3)]
    special += [Kind(sizes(), "large inputs", scale=3e3) for _ in range(2)]
    special += [Kind(sizes(), "arrays in Fortran order", order="F") for _ in range(2)]
    ones = [Kind(s) for s in ((1, 1, 1, 1), (1, 3, 2, 4), (4, 1, 2, 3), (5, 2, 1, 3), (3, 2, 4, 1))]
    return [Kind(s) for s in plain] + special + ones + [Kind((12, 7, 9, 11))]


def _recurrence(seed: int, name: str, of: Sequence[str], letters: str) -> Iterator[Case]:
    """Draw what the recurrent stages are asked."""
    rng = np.random.default_rng([seed, len(name), ord(name[-1])])
    for kind in _kinds(rng):
        T, B, V, H = kind.sizes
        h, h_next = np.tanh(rng.normal(size=(2, B, H)))
        drawn = {
            "x": kind.scale * rng.normal(size=(T, B, V)),
            "x_t": kind.scale * rng.normal(size=(B, V)),
            "h": h,
            "h_0": h,
            "h_next": h_next,
            "W_ih": rng.normal(size=(H, V)) / np.sqrt(V),
            "W_hh": rng.normal(size=(H, H)) / np.sqrt(H),
            "b_ih": rng.normal(size=H) / 2,
            "b_hh": rng.normal(size=H) / 2,
            "d_h_next": rng.normal(size=(B, H)),
            "d_output": rng.normal(size=(T, B, H)),
            "d_h_n": rng.normal(size=(B, H)),
        }
        inputs = {n: np.array(drawn[n], kind.dtype, order=kind.order) for n in of}  # type: ignore[call-overload]
        shown = [f"{w} {n}" for w, n in zip(LETTERS, kind.sizes, strict=True) if w in letters]
        yield Case(", ".join(filter(None, [*shown, kind.word])), inputs, kind.dtype)


def draw_step(seed: int) -> Iterator[Case]:
    """Draw single steps."""
    return _recurrence(seed, "step", ("x_t", "h", *WEIGHTS), "BVH")


def draw_forward(seed: int) -> Iterator[Case]:
    """Draw sequences."""
    return _recurrence(seed, "forward", ("x", "h_0", *WEIGHTS), "TBVH")


def draw_step_backward(seed: int) -> Iterator[Case]:
    """Draw single steps, and the gradient that comes back to each."""
    names = ("d_h_next", "x_t", "h", "h_next", "W_ih", "W_hh")
    return _recurrence(seed, "step_backward", names, "BVH")


def draw_backward(seed: int) -> Iterator[Case]:
    """Draw sequences, and the gradients that come back to them."""
    names = ("x", "h_0", *WEIGHTS, "d_output", "d_h_n")
    return _recurrence(seed, "backward", names, "TBVH")


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
    shapes: tuple[tuple[int, ...], ...] = ((2, 3), (4,))
    more = (*shapes, (5, 2), (3,))
    for of, norm, max_norm, dtype in (
        (shapes, 2.0, 1.0, "float64"),
        (shapes, 0.5, 1.0, "float64"),
        (shapes, 30.0, 5.0, "float64"),
        (shapes, 0.2, 0.1, "float64"),
        (shapes, 3.0, 5.0, "float64"),
        (shapes, 1e3, 1.0, "float64"),
        (more, 1.1, 1.0, "float64"),
        (more, 0.9, 1.0, "float64"),
        (more, 7.0, 0.25, "float64"),
        (((3, 2),), 4.0, 1.0, "float64"),
        (shapes, 2.0, 1.0, "float32"),
        (more, 0.5, 1.0, "float32"),
        (shapes, 0.0, 1.0, "float64"),
    ):
        drawn = [rng.normal(size=shape) for shape in of]
        total = np.sqrt(sum(float((g * g).sum()) for g in drawn))
        gradients = [(g * (norm / total)).astype(dtype) for g in drawn]
        many = f"{len(of)} gradients" if len(of) > 1 else "1 gradient"
        words = [f"{many} of norm {norm:g}, max_norm {max_norm:g}"]
        words += ["float32"] if dtype == "float32" else []
        yield Case(", ".join(words), {"gradients": gradients, "max_norm": max_norm}, dtype)
