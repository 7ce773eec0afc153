"""Cases of the six functions, drawn from a seed, the smallest first.

First T, B, V and H are all different, so that no transposition can hide. Then come the levels of
each argument (`compare.check.cases.levels`), and sizes at boundaries.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from compare.check.cases.boundaries import BLOCKS, BOUNDARIES, CASES, Sizes
from compare.check.cases.levels import (
    LEVEL_OF,
    LEVELS,
    Levels,
    change,
    cover,
    describe_levels,
    list_rows,
    map_arrays,
    pick_levels,
)
from compare.check.core.results import Case, Inputs
from compare.implementations import Cell

DTYPES = ("float64", "float32")
MEMORY = tuple(LEVELS["memory"])

ALIASES = {"x_t": "x", "h_0": "h", "c_0": "c", "d_h_next": "d_h_n", "d_c_next": "d_c_n"}
ALIASES |= {"S": "h", "S_0": "h", "d_S_n": "d_h_n", "d_S_next": "d_h_n", "d_o_t": "d_output"}
ALIASES |= LEVEL_OF
"""The arguments of a level, by their names in the functions."""

OFFSETS: dict[str, list[float]] = CASES["offsets"]  # of rows of logits, again and again


@dataclass(frozen=True, slots=True)
class Kind:
    """The sizes, levels, dtype and memory with which a case is drawn."""

    sizes: Sizes
    levels: Levels = ()
    dtype: str = "float64"
    memory: str = "in C order"


Kinds = Sequence[Kind]


def _list_kinds(rng: np.random.Generator) -> list[Kind]:
    """Return sizes all different, the smallest first; then the levels, and the boundaries."""
    drawn = (rng.permutation(4) + 2 for _ in range(8))
    sizes: list[Sizes] = [(int(T), int(B), int(V), int(H)) for T, B, V, H in drawn]
    plain = sorted(sizes, key=lambda s: (s[0] * s[1], s))
    return [*map(Kind, plain), *(Kind(*row) for row in list_rows()), *map(Kind, BOUNDARIES)]


def draw(cell: Cell, stage: str, seed: int, kinds: Kinds = ()) -> Iterator[Case]:
    """Draw cases of a recurrent stage: single steps, or sequences; for one back, also gradients."""
    rng = np.random.default_rng([seed, len(stage), ord(stage[-1])])
    letters = "BVH" if stage.startswith("step") else "TBVH"
    for kind in kinds or _list_kinds(rng):
        T, B, V, H = kind.sizes
        G, levels = cell.num_gates * H, dict(kind.levels)
        state = (B, *cell.list_sizes(H))
        shapes = {"x": (T, B, V), **dict.fromkeys(cell.states, state)}
        shapes |= {parameter.letter: parameter.shape(G, V, H) for parameter in cell.parameters}
        shapes |= {"d_output": (T, B, H), **dict.fromkeys(cell.name_states("d_{}_n"), state)}
        drawn: Inputs = {}
        for name, shape in shapes.items():
            scale = {"W": 1 / np.sqrt(shape[-1]), "b": 0.5}.get(name[0], 1.0)
            array = rng.normal(size=shape) * scale
            array = np.tanh(array) if name == "h" else array
            level = levels.get(ALIASES.get(name, name), "")
            drawn[name] = change(array, level, drawn, kind.dtype)
        for name in cell.states:
            drawn |= {f"{name}_0": drawn[name], f"d_{name}_next": drawn[f"d_{name}_n"]}
        drawn |= {"x_t": drawn["x"][-1], f"d_{cell.output}": drawn["d_output"][-1]}
        if stage == "step_backward":
            drawn |= _compute_step(cell, drawn)
        names = cell.list_arguments(stage)
        arguments = {name: drawn[name] for name in names}
        inputs = map_arrays(arguments, partial(np.array, dtype=kind.dtype))
        sizes = {w: n for w, n in zip("TBVH", kind.sizes, strict=True) if w in letters}
        argument_levels = pick_levels(
            kind.levels, {ALIASES.get(name, name): name for name in names}
        )
        yield _make_case(sizes, inputs, kind, argument_levels)


def _make_case(
    sizes: Mapping[str, int],
    inputs: Inputs,
    kind: Kind,
    levels: Mapping[str, str],
    description: str = "",
) -> Case:
    """Return a case, described by its sizes, its levels, its dtype and its memory."""
    phrases = [
        *(f"{letter} {n}" for letter, n in sizes.items()),
        description or describe_levels(levels),
    ]
    phrases += [
        setting for setting in (kind.dtype, kind.memory) if setting not in (DTYPES[0], MEMORY[0])
    ]
    described = ", ".join(filter(None, phrases))
    is_called_again = not kind.levels and max(kind.sizes) not in BLOCKS[:-1]  # the others need time
    return Case(described, inputs, kind.dtype, sizes, levels, kind.memory, is_called_again)


def _compute_step(cell: Cell, drawn: Inputs) -> Inputs:
    """Return the states and the gates after a step without biases: a step back takes none."""
    before = (drawn[state] for state in cell.states)
    weights = (drawn[n] if n in cell.matrices else np.zeros_like(drawn[n]) for n in cell.weights)
    with np.errstate(all="ignore"):
        result = getattr(cell.plain, f"{cell.name}_step")(drawn["x_t"], *before, *weights)
    return dict(zip(cell.list_results("step"), result if cell.kept else (result,), strict=True))


def draw_cross_entropy(seed: int, kinds: Kinds = ()) -> Iterator[Case]:
    """Draw logits and targets: N is B of a kind."""
    rng = np.random.default_rng([seed, 5])
    sizes, table = CASES["cross_entropy"], CASES["levels_of_logits"]
    rows = cover(table)
    of = [(n, rows[0]) for n in sizes["small"]]
    of += [((k % 4 + 2, 7 - k % 5), row) for k, row in enumerate(rows)]
    of += [(n, rows[0]) for n in (*sizes["boundaries"], *zip(BLOCKS, BLOCKS[::-1], strict=True))]
    if kinds:
        of = [(kind.sizes[1:3], rows[rng.integers(len(rows))]) for kind in kinds]
    for (N, V), row in of:
        kind = Kind((1, N, V, 1), (), row["form"], row["memory"])
        drawn = change(rng.normal(size=(N, V)), row["logits"], {}, kind.dtype)
        drawn = drawn + np.resize(OFFSETS[row["rows"]], (N, 1))
        targets = rng.integers(0, V, N)
        targets[1:][-1:] = V - 1  # of several one is the last class, which has the largest number
        if row["targets"] == "the same":
            targets[:] = targets[-1]
        levels = {name: row[name] for name in ("logits", "rows", "targets")}
        inputs = {"logits": drawn.astype(kind.dtype), "targets": targets}
        yield _make_case({"N": N, "V": V}, inputs, kind, levels)


def draw_clip_grad_norm(seed: int, kinds: Kinds = ()) -> Iterator[Case]:
    """Draw gradients of a given norm: with kinds, T of them."""
    rng = np.random.default_rng([seed, 6])
    table, shapes = CASES["levels_of_clipping"], CASES["clipping"]["shapes"]
    rows = cover(table)
    shapes_and_rows = [(shapes[row["gradients"]], row) for row in rows]
    if kinds:
        shapes_and_rows = [
            (k.sizes[0] * [k.sizes[1:3]], rows[rng.integers(len(rows))]) for k in kinds
        ]
    for gradient_shapes, row in shapes_and_rows:
        kind = Kind((1, 1, 1, 1), (), row["form"], row["memory"])
        drawn = [rng.normal(size=shape) for shape in gradient_shapes]
        total = np.sqrt(sum(float((g * g).sum()) for g in drawn))
        max_norm = float(row["max_norm"])
        norm = float(row["norm"]) * (max_norm or 1.0)
        gradients = [(g * (norm / total)).astype(kind.dtype) for g in drawn]
        levels = {name: row[name] for name in ("gradients", "max_norm")}
        levels["norm"] = f"{row['norm']} times max_norm"
        many = f"{len(gradient_shapes)} gradients" if len(gradient_shapes) > 1 else "1 gradient"
        description = f"{many} of norm {norm:.9g}, max_norm {max_norm:g}"
        yield _make_case(
            {}, {"gradients": gradients, "max_norm": max_norm}, kind, levels, description
        )
