"""Cases of the six functions, drawn from a seed, the smallest first.

T, B, V and H are all different in most cases, so that no transposition can hide. Then come values
of every magnitude in both dtypes, and sizes at boundaries (`compare.check.cases.boundaries`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.check.cases.boundaries import BOUNDARIES, VALUES, Sizes, scaled
from compare.check.cases.parts import Case
from compare.check.functions.plain import PlainFunctions
from compare.check.functions.signatures import WEIGHTS, Signatures
from compare.parity import CELLS

DTYPES = ("float64", "float32")


@dataclass(frozen=True, slots=True)
class Kind:
    """How a case is drawn."""

    sizes: Sizes
    word: str = ""
    dtype: str = "float64"
    values: str = ""  # one of VALUES
    order: str = "C"


Kinds = Sequence[Kind]


@dataclass(frozen=True, slots=True)
class Logits:
    """How the logits of a case are drawn."""

    word: str
    dtype: str = "float64"
    scale: float = 1.0
    offsets: tuple[float, ...] = (0.0,)  # of the rows, again and again


LOGITS = (
    Logits("", "float32", 4.0),
    Logits("logits around 1000", offsets=(1000.0,)),
    Logits("logits around 1000, float32", "float32", offsets=(1000.0,)),
    Logits("logits around -1000", offsets=(-1000.0,)),
    Logits("rows that are far apart", offsets=(0.0, 900.0, -900.0)),
    Logits("large rows that are 200 apart, float32", "float32", offsets=(0.0, 100.0, -100.0)),
    Logits("logits of ten thousand", scale=1e4),
    Logits("large logits", scale=8.0),
    Logits("equal logits", scale=0.0),
    Logits("small logits", scale=1e-9),
)
"""Logits of every magnitude."""


def _kinds(rng: np.random.Generator) -> list[Kind]:
    """Return sizes all different, the smallest first; then the special kinds."""

    def sizes() -> Sizes:
        T, B, V, H = (int(n) for n in rng.permutation(4) + 2)
        return T, B, V, H

    plain = sorted((sizes() for _ in range(8)), key=lambda s: (s[0] * s[1], s))
    special = [Kind(sizes(), "float32", dtype="float32") for _ in range(3)]
    special += [Kind((2, *sizes()[1:]), dtype=dtype, values=v) for v in VALUES for dtype in DTYPES]
    special += [Kind(sizes(), "arrays in Fortran order", order="F") for _ in range(2)]
    return [Kind(s) for s in plain] + special + [Kind(s) for s in BOUNDARIES]


def _recurrence(
    names: Signatures, seed: int, kinds: Kinds, stage: str, of: Sequence[str], letters: str
) -> Iterator[Case]:
    """Draw cases of a recurrent stage: those of its arguments that are named in `of`."""
    rng = np.random.default_rng([seed, len(stage), ord(stage[-1])])
    for kind in kinds or _kinds(rng):
        T, B, V, H = kind.sizes
        G = CELLS[names.cell].num_gates * H
        first = np.tanh(rng.normal(size=(B, H)))
        drawn: dict[str, Any] = {
            "x": rng.normal(size=(T, B, V)),
            "x_t": rng.normal(size=(B, V)),
            "W_ih": rng.normal(size=(G, V)) / np.sqrt(V),
            "W_hh": rng.normal(size=(G, H)) / np.sqrt(H),
            "b_ih": rng.normal(size=G) / 2,
            "b_hh": rng.normal(size=G) / 2,
            "d_output": rng.normal(size=(T, B, H)),
        }
        for k, state in enumerate(names.states):
            drawn[state] = drawn[f"{state}_0"] = rng.normal(size=(B, H)) if k else first
            drawn |= {name: rng.normal(size=(B, H)) for name in (f"d_{state}_next", f"d_{state}_n")}
        drawn = {
            name: scaled(array, kind.values, _factor_of(name), kind.dtype)
            for name, array in drawn.items()
        }
        drawn |= _after_a_step(names, drawn)
        inputs = {name: _as(drawn[name], kind) for name in of}
        sizes = {w: n for w, n in zip("TBVH", kind.sizes, strict=True) if w in letters}
        yield _case(sizes, inputs, kind.dtype, kind.word, kind.values)


def _factor_of(name: str) -> str:
    """Return the name of the factor of an argument: x of x_t, h of h_0, d of d_output."""
    return name if name[0] in "Wb" else name.partition("_")[0]


def _case(sizes: dict[str, int], inputs: dict[str, Any], dtype: str, *words: str) -> Case:
    """Return a case, described by its sizes, its values and its dtype."""
    text = ", ".join(filter(None, (*(f"{letter} {n}" for letter, n in sizes.items()), *words)))
    text += f", {dtype}" * (dtype != "float64" and dtype not in text)
    return Case(text, inputs, dtype, sizes)


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


def draw_step(names: Signatures, seed: int, kinds: Kinds = ()) -> Iterator[Case]:
    """Draw single steps."""
    return _recurrence(names, seed, kinds, "step", ("x_t", *names.states, *WEIGHTS), "BVH")


def draw_forward(names: Signatures, seed: int, kinds: Kinds = ()) -> Iterator[Case]:
    """Draw sequences."""
    return _recurrence(names, seed, kinds, "forward", ("x", *names.named("{}_0"), *WEIGHTS), "TBVH")


def draw_step_backward(names: Signatures, seed: int, kinds: Kinds = ()) -> Iterator[Case]:
    """Draw single steps, and the gradients of the states after them."""
    of = (*names.named("d_{}_next"), *names.seen, "W_ih", "W_hh")
    return _recurrence(names, seed, kinds, "step_backward", of, "BVH")


def draw_backward(names: Signatures, seed: int, kinds: Kinds = ()) -> Iterator[Case]:
    """Draw sequences, and the gradients of their output and last states."""
    of = ("x", *names.named("{}_0"), *WEIGHTS, "d_output", *names.named("d_{}_n"))
    return _recurrence(names, seed, kinds, "backward", of, "TBVH")


def draw_cross_entropy(seed: int, kinds: Kinds = ()) -> Iterator[Case]:
    """Draw logits and targets: N is B of a kind."""
    rng = np.random.default_rng([seed, 5])
    none = Logits("")
    sizes = [(2, 3), (3, 2), (2, 5), (4, 3), (5, 7), (6, 4), (3, 8), (9, 5)]
    of = [(n, none) for n in sizes] + [((4, 3), Logits("", "float32"))]
    of += [((k + 3, 7 - k % 5), logits) for k, logits in enumerate(LOGITS)]
    sizes = [(1, 4), (4, 1), (1, 1), (70, 28), (16, 17), (33, 16), (2, 130), (130, 2), (9, 64)]
    of += [(n, none) for n in sizes]
    if kinds:
        of = [(kind.sizes[1:3], LOGITS[rng.integers(len(LOGITS))]) for kind in kinds]
    for (N, V), logits in of:
        dtype, offset = logits.dtype, np.array(logits.offsets).reshape(-1, 1)
        drawn = logits.scale * rng.normal(size=(N, V)) + np.resize(offset, (N, 1))
        inputs = {"logits": drawn.astype(dtype), "targets": rng.integers(0, V, N)}
        yield _case({"N": N, "V": V}, inputs, dtype, logits.word)


def draw_clip_grad_norm(seed: int, kinds: Kinds = ()) -> Iterator[Case]:
    """Draw gradients of a given norm: with kinds, T of them."""
    rng = np.random.default_rng([seed, 6])
    two: list[tuple[int, ...]] = [(2, 3), (4,)]
    four = [*two, (5, 2), (3,)]
    norms = [(2.0, 1.0), (0.5, 1.0), (30.0, 5.0), (0.2, 0.1), (3.0, 5.0), (1e3, 1.0)]
    of: list[tuple[Any, ...]] = [(two, *pair, "float64") for pair in norms]
    of += [(four, *pair, "float64") for pair in ((1.1, 1.0), (0.9, 1.0), (7.0, 0.25))]
    of += [([(3, 2)], 4.0, 1.0, "float64")]
    of += [(two, 2.0, 1.0, "float32"), (four, 0.5, 1.0, "float32"), (two, 0.0, 1.0, "float64")]
    six = [*four, (1, 1), (2, 3, 2)]
    of += [
        (six, 3.0, 1.0, "float64"),
        (2 * six, 9.0, 2.0, "float32"),
        (9 * six, 1e9, 1.0, "float64"),
    ]
    of += [([(130, 17), (9,)], 2.0, 1.0, "float64"), ([(3, 65), (70,), (1,)], 2.0, 0.5, "float32")]
    of += [(six, 1e-5, 1e-6, "float64"), (six, 1e12, 1e3, "float32"), (six, 1e-9, 1.0, "float32")]
    if kinds:
        of = [
            ([kind.sizes[1:3] for _ in range(kind.sizes[0])], *rng.choice(norms), kind.dtype)
            for kind in kinds
        ]
    for shapes, norm, max_norm, dtype in of:
        drawn = [rng.normal(size=shape) for shape in shapes]
        total = np.sqrt(sum(float((g * g).sum()) for g in drawn))
        gradients = [(g * (norm / total)).astype(dtype) for g in drawn]
        many = f"{len(shapes)} gradients" if len(shapes) > 1 else "1 gradient"
        words = f"{many} of norm {norm:g}, max_norm {max_norm:g}"
        yield _case({}, {"gradients": gradients, "max_norm": float(max_norm)}, dtype, words)
