"""Parameters for a function that takes them one by one: the names tell their shapes.

A cell has a group of parameters for each gate, or one for all gates: a matrix of x, one of h and
their biases.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import numpy as np

from compare.recurrences.axes import Array, Arrays, Sizes

WEIGHT = re.compile("(?i)(w|u|v|b|weight|bias|kernel|theta|r)(_?[a-z0-9]{1,4}){0,2}")
"""The name of a parameter; that of a bias begins with b."""

OF_H = re.compile("(?i)[a-wyz]+_?h[a-wyz]?(_.*)?")
"""The name of a matrix of h, where half of them have such a name."""

GATES: dict[int, list[tuple[int, ...]]] = {
    1: [(1,), (3,), (4,), (2,)],
    2: [(2, 1), (1, 2), (1, 1)],
}
"""The gates of one group or of each of two; more groups have one each."""

SCALE = 0.4  # standard deviation


def list_parameters(names: Sequence[str], sizes: Sizes) -> Iterator[Arrays]:
    """Yield the parameters of these names in each way that their shapes may be meant.

    A matrix has a row for each unit of its gates or, turned, a column. A bias may be a column.
    """
    matrices = [name for name in names if not is_bias(name)]
    groups = max(1, len(matrices) // 2)
    gates = GATES.get(groups, [(1,) * groups])
    of_h = find_matrices_of_h(matrices)
    booleans = (False, True)
    ways = product((of_h, list[str]()), gates, booleans, booleans)
    for own, rows, is_turned, is_column in ways:
        roles = {n: "b" if is_bias(n) else "h" if n in own else "x" for n in names}
        yield draw(roles, rows, sizes, is_turned=is_turned, is_column=is_column)
    gates = GATES[1] if len(matrices) == 1 else [(1,) * len(matrices)]
    for rows, is_turned, is_column in product(gates, booleans, booleans):  # of x beside h
        roles = {name: "b" if is_bias(name) else "both" for name in names}
        yield draw(roles, rows, sizes, is_turned=is_turned, is_column=is_column)


def draw(
    roles: Mapping[str, str],
    gates: Sequence[int],
    sizes: Sizes,
    *,
    is_turned: bool,
    is_column: bool,
) -> Arrays:
    """Return parameters by name: each is a bias b, or a matrix of x, of h or of both.

    `gates` has the number of gates of each group.
    """
    rng, own, before = np.random.default_rng(0), Arrays(), Counter[str]()
    number = Counter(roles.values())
    for name, role in roles.items():
        group = before[role] * len(gates) // number[role]
        before[role] += 1
        columns = {
            "b": [1] if is_column else [],
            "x": [sizes.V],
            "h": [sizes.H],
            "both": [sizes.V + sizes.H],
        }
        shape = [gates[group] * sizes.H, *columns[role]]
        own[name] = SCALE * rng.normal(size=shape[::-1] if is_turned else shape)
    return own


def find_matrices_of_h(names: Sequence[str]) -> list[str]:
    """Return those of the matrices that are of h; the others are of x.

    The letters of the names tell, or else two first letters, as W and U; if none does, matrices
    take turns.
    """
    of_h = [name for name in names if re.fullmatch(OF_H, name)]
    if 2 * len(of_h) == len(names):
        return of_h
    if len({name[0] for name in names}) == 2:
        return [name for name in names if name[0] != names[0][0]]
    return [*names[1::2]]


def is_bias(name: str) -> bool:
    """Return whether a parameter is a bias."""
    return name.lower().startswith("b")


def list_sizes(parameters: Mapping[str, Array]) -> Iterator[Sizes]:
    """Yield sizes that arrays have: a matrix of h has a row, or column, for each unit of its gates.

    Ours are not among them.
    """
    usual = Sizes()
    shapes = {array.shape for array in parameters.values() if array.ndim == 2}
    sides = {pair for shape in shapes for pair in (shape, shape[::-1])}
    widths = {n for rows, n in sides if n > 1 and rows in (n, 2 * n, 3 * n, 4 * n)} - {usual.H}
    for H in sorted(widths):
        inputs = {n for rows, n in sides if rows % H == 0 and n != H} or {usual.V}
        for V in sorted(inputs):
            free = [n for n in (11, 5, 13, 3, 17, 19) if n not in (V, H)]
            yield Sizes(T=free[0], B=free[1], V=V, H=H)


def join_groups(parameters: Mapping[str, Array], sizes: Sizes) -> dict[str, Array]:
    """Return parameters of a cell whose groups have different numbers of gates as one group.

    So do other cells have them: one matrix of x, one of h and a bias.
    """
    roles: dict[str, list[str]] = {"x": [], "h": [], "b": []}
    for name, array in parameters.items():
        is_vector = max(array.shape, default=1) == array.size
        roles["b" if is_vector else "x" if sizes.V in array.shape else "h"].append(name)
    joined = dict[str, Array]()
    for names in roles.values():
        shapes = [parameters[name].shape for name in names]
        if len({*shapes}) < 2:
            joined |= {name: parameters[name] for name in names}
        elif len(names) == 2 and len({len(shape) for shape in shapes}) == 1:
            axis = next(k for k, (m, n) in enumerate(zip(*shapes, strict=True)) if m != n)
            joined[names[0]] = np.concatenate([parameters[name] for name in names], axis)
        else:
            return dict(parameters)
    return joined
