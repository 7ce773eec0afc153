"""Cases of the six functions, drawn from a seed, the smallest first.

T, B, V and H are all different in most cases, so that no transposition can hide. Then come values
of every magnitude in both dtypes, and sizes at boundaries (`compare.check.cases.boundaries`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from compare.check.cases.boundaries import BLOCKS, BOUNDARIES, CASES, VALUES, Sizes, scale
from compare.check.trying.results import Case, Inputs
from compare.files import JsonObject
from compare.implementations import Array, Cell
from compare.mistakes import PlainFunctions

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


def draw(cell: Cell, stage: str, seed: int, kinds: Kinds = ()) -> Iterator[Case]:
    """Draw cases of a recurrent stage: single steps, or sequences; for one back, also gradients."""
    rng = np.random.default_rng([seed, len(stage), ord(stage[-1])])
    letters = "BVH" if stage.startswith("step") else "TBVH"
    for kind in kinds or _kinds(rng):
        T, B, V, H = kind.sizes
        G = cell.num_gates * H
        first = np.tanh(rng.normal(size=(B, H)))
        drawn: Inputs = {
            "x": rng.normal(size=(T, B, V)),
            "x_t": rng.normal(size=(B, V)),
            **{each.letter: _draw_weight(rng, each.shape(G, V, H)) for each in cell.parameters},
            "d_output": rng.normal(size=(T, B, H)),
        }
        for k, state in enumerate(cell.states):
            drawn[state] = drawn[f"{state}_0"] = rng.normal(size=(B, H)) if k else first
            drawn |= {name: rng.normal(size=(B, H)) for name in (f"d_{state}_next", f"d_{state}_n")}
        for name, array in drawn.items():
            drawn[name] = scale(array, kind.values, name, kind.dtype)
        drawn |= _after_a_step(cell, drawn)
        inputs = {name: _as(drawn[name], kind) for name in cell.list_arguments(stage)}
        sizes = {w: n for w, n in zip("TBVH", kind.sizes, strict=True) if w in letters}
        yield _case(sizes, inputs, kind.dtype, kind.word, kind.values)


def _draw_weight(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Draw a matrix that keeps the size of what it is multiplied with, or a bias near 1/2."""
    return rng.normal(size=shape) / (np.sqrt(shape[1]) if len(shape) == 2 else 2)


def _case(sizes: dict[str, int], inputs: Inputs, dtype: str, *words: str) -> Case:
    """Return a case, described by its sizes, its values and its dtype."""
    text = ", ".join(filter(None, (*(f"{letter} {n}" for letter, n in sizes.items()), *words)))
    text += f", {dtype}" * (dtype != "float64" and dtype not in text)
    return Case(text, inputs, dtype, sizes)


def _after_a_step(cell: Cell, drawn: Inputs) -> Inputs:
    """Return the states and the gates after a step without biases: a step back takes none."""
    before = (drawn[state] for state in cell.states)
    weights = (drawn[n] if n in cell.matrices else np.zeros_like(drawn[n]) for n in cell.weights)
    with np.errstate(all="ignore"):
        result = PlainFunctions(cell.name).step(drawn["x_t"], *before, *weights)
    return dict(zip(cell.list_results("step"), result if cell.kept else (result,), strict=True))


def _as(value: object, kind: Kind) -> object:
    if isinstance(value, tuple):
        return tuple(_as(item, kind) for item in value)
    return np.array(value, kind.dtype, order=kind.order)  # type: ignore[call-overload]


def draw_cross_entropy(seed: int, kinds: Kinds = ()) -> Iterator[Case]:
    """Draw logits and targets: N is B of a kind."""
    rng = np.random.default_rng([seed, 5])
    sizes, logits = CASES["cross_entropy"], CASES["logits"]
    of: list[tuple[Sequence[int], JsonObject]] = [(n, {}) for n in sizes["small"]]
    of += [((4, 3), {"dtype": "float32"})]
    of += [((k + 3, 7 - k % 5), row) for k, row in enumerate(logits)]
    of += [(n, {}) for n in sizes["boundaries"]]
    of += [(n, {}) for n in zip(BLOCKS, reversed(BLOCKS), strict=True)]
    if kinds:
        of = [(kind.sizes[1:3], logits[rng.integers(len(logits))]) for kind in kinds]
    for (N, V), row in of:
        dtype, offsets = row.get("dtype", "float64"), np.resize(row.get("offsets", 0.0), (N, 1))
        drawn = row.get("scale", 1.0) * rng.normal(size=(N, V)) + offsets
        targets = rng.integers(0, V, N)
        targets[1:][-1:] = V - 1  # of several one is the last class, which has the largest number
        array = np.array(drawn, dtype, order=row.get("order", "C"))
        inputs = {"logits": array, "targets": targets}
        yield _case({"N": N, "V": V}, inputs, dtype, row.get("word", ""))


def draw_clip_grad_norm(seed: int, kinds: Kinds = ()) -> Iterator[Case]:
    """Draw gradients of a given norm: with kinds, T of them."""
    rng = np.random.default_rng([seed, 6])
    shapes, norms = CASES["clipping"]["shapes"], CASES["clipping"]["norms"]
    of = [(n * shapes[name], *rest) for n, name, *rest in CASES["clipping"]["cases"]]
    if kinds:
        of = [(k.sizes[0] * [k.sizes[1:3]], *rng.choice(norms), k.dtype, k.order) for k in kinds]
    for shapes, norm, max_norm, dtype, *orders in of:
        drawn = [rng.normal(size=shape) for shape in shapes]
        total = np.sqrt(sum(float((g * g).sum()) for g in drawn))
        order = "F" if "F" in orders else "C"
        kind = Kind((1, 1, 1, 1), dtype=dtype, order=order)
        gradients = [_as(g * (norm / total), kind) for g in drawn]
        many = f"{len(shapes)} gradients" if len(shapes) > 1 else "1 gradient"
        words = f"{many} of norm {norm:.9g}, max_norm {max_norm:g}"
        words += ", in Fortran order" * (order == "F")
        yield _case({}, {"gradients": gradients, "max_norm": float(max_norm)}, dtype, words)
