"""Cases of the six functions: what each is asked, drawn from a seed, the smallest first.

T, B, V and H are all different in most cases, so that no transposition can hide. The last cases
have sizes of 1, or as many inputs as units.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.check.functions.equations import Equations
from compare.parity import CELLS

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
    return [Kind(s) for s in plain] + special + ones + [Kind((12, 7, 9, 9))]


def _recurrence(
    kind: type[Equations], seed: int, name: str, of: Sequence[str], letters: str
) -> Iterator[Case]:
    """Draw what the recurrent stages are asked."""
    rng = np.random.default_rng([seed, len(name), ord(name[-1])])
    for how in _kinds(rng):
        T, B, V, H = how.sizes
        G = CELLS[kind.cell].num_gates * H
        h, h_next = np.tanh(rng.normal(size=(2, B, H)))
        drawn: dict[str, Any] = {
            "x": how.scale * rng.normal(size=(T, B, V)),
            "x_t": how.scale * rng.normal(size=(B, V)),
            "h": h,
            "h_0": h,
            "h_next": h_next,
            "W_ih": rng.normal(size=(G, V)) / np.sqrt(V),
            "W_hh": rng.normal(size=(G, H)) / np.sqrt(H),
            "b_ih": rng.normal(size=G) / 2,
            "b_hh": rng.normal(size=G) / 2,
            "d_h_next": rng.normal(size=(B, H)),
            "d_output": rng.normal(size=(T, B, H)),
            "d_h_n": rng.normal(size=(B, H)),
        }
        if kind.gates:
            drawn |= _gates(kind, rng, (B, H))
        inputs = {n: _as(drawn[n], how) for n in of}
        shown = [f"{w} {n}" for w, n in zip(LETTERS, how.sizes, strict=True) if w in letters]
        yield Case(", ".join(filter(None, [*shown, how.word])), inputs, how.dtype)


def _gates(
    kind: type[Equations], rng: np.random.Generator, shape: tuple[int, int]
) -> dict[str, Any]:
    """Draw the gates of a step, and the cell before and after it."""
    sums = dict(zip(kind.gates, rng.normal(size=(len(kind.gates), *shape)), strict=True))
    gates = {n: np.tanh(a) if n in "ng" else (1 + np.tanh(a / 2)) / 2 for n, a in sums.items()}
    if "q" in gates:
        return {"gates": tuple((gates | {"q": sums["q"]}).values())}
    c, d_c_next, d_c_n = rng.normal(size=(3, *shape))
    c_next = gates["f"] * c + gates["i"] * gates["g"]
    cells = {"c": c, "c_0": c, "c_next": c_next, "d_c_next": d_c_next, "d_c_n": d_c_n}
    return cells | {"gates": tuple(gates.values())}


def _as(value: Any, how: Kind) -> Any:
    if isinstance(value, tuple):
        return tuple(_as(item, how) for item in value)
    return np.array(value, how.dtype, order=how.order)  # type: ignore[call-overload]


def draw_step(kind: type[Equations], seed: int) -> Iterator[Case]:
    """Draw single steps."""
    return _recurrence(kind, seed, "step", ("x_t", *kind.states, *WEIGHTS), "BVH")


def draw_forward(kind: type[Equations], seed: int) -> Iterator[Case]:
    """Draw sequences."""
    firsts = [f"{name}_0" for name in kind.states]
    return _recurrence(kind, seed, "forward", ("x", *firsts, *WEIGHTS), "TBVH")


def draw_step_backward(kind: type[Equations], seed: int) -> Iterator[Case]:
    """Draw single steps, and the gradient that comes back to each."""
    d_nexts = [f"d_{name}_next" for name in kind.states]
    names = (*d_nexts, *kind.seen, "W_ih", "W_hh")
    return _recurrence(kind, seed, "step_backward", names, "BVH")


def draw_backward(kind: type[Equations], seed: int) -> Iterator[Case]:
    """Draw sequences, and the gradients that come back to them."""
    firsts, d_lasts = ([mark.format(n) for n in kind.states] for mark in ("{}_0", "d_{}_n"))
    names = ("x", *firsts, *WEIGHTS, "d_output", *d_lasts)
    return _recurrence(kind, seed, "backward", names, "TBVH")


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
