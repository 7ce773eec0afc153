"""What the cases reach inside a cell: the values at which code goes wrong, without any bug."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from compare.check import STAGES, list_trials, make_case
from compare.implementations import CELLS

LIMITS = "exactly 0", "tiny", "least", "most"
"""Tiny is 1e-12 to 1e-6. The least and the most are saturated, or beyond the range of exp."""

Reached = Counter[tuple[str, str, str, str]]  # form, dtype, intermediate, limit


def count() -> Reached:
    """Return how many cases of the functions, and of a layer of each dtype, reach each limit."""
    reached: Reached = Counter()
    with np.errstate(all="ignore"):
        for cell in CELLS:
            for form, arrays in _list_cases(cell):
                _note_steps(reached, form, cell, *arrays)
        for form, dtype, name, values, least, most in _list_others():
            _note(reached, form, dtype, name, [values], least, most)
    return reached


def list_gaps(reached: Reached) -> list[str]:
    """Return in words what no case reaches."""
    known = dict.fromkeys(key[:3] for key in reached)
    return [
        " ".join([*key, limit]) for key in known for limit in LIMITS if not reached[*key, limit]
    ]


def _list_cases(
    cell: str,
) -> Iterator[tuple[str, tuple[np.ndarray, list[np.ndarray], Mapping[str, np.ndarray]]]]:
    """Yield x, the first states and the weights of each case of a cell."""
    record = CELLS[cell]
    for case in STAGES[cell][1].draw(0):
        given = case.inputs
        weights = {name: given[name] for name in record.weights}
        yield "function", (given["x"], [given[f"{s}_0"] for s in record.states], weights)
    for dtype in ("float64", "float32"):
        for (T, B, V, H), levels in list_trials():
            f = make_case(cell=cell, T=T, B=B, V=V, H=H, levels=levels, dtype=dtype).floats
            weights = {p.letter: f.parameters[p.name] for p in record.parameters}
            yield "layer", (f.x, [getattr(f, f"{s}0")[0] for s in record.layer_states], weights)


def _note(
    reached: Reached,
    form: str,
    dtype: str,
    name: str,
    values: Sequence[np.ndarray],
    least: float,
    most: float,
) -> None:
    """Note the limits that the values of a case reach."""
    all_values = np.concatenate([each.ravel() for each in values])
    size = np.abs(all_values)
    found = (size == 0, (size > 1e-12) & (size < 1e-6), all_values <= least, all_values >= most)
    for limit, at in zip(LIMITS, found, strict=True):
        reached[form, dtype, name, limit] += bool(at.any())


def _note_steps(
    reached: Reached,
    form: str,
    cell: str,
    x: np.ndarray,
    state: list[np.ndarray],
    W: Mapping[str, np.ndarray],
) -> None:
    """Note the arguments of σ and tanh, the gates, and what a step back computes from them."""
    record, far = CELLS[cell], float(np.log(np.finfo(x.dtype).max))
    step = getattr(record.plain, f"{cell}_step")
    found: dict[str, tuple[list[np.ndarray], float, float]] = {}

    def note(name: str, values: np.ndarray, least: float, most: float) -> None:
        found.setdefault(f"{cell} {name}", ([], least, most))[0].append(values)

    for x_t in x:
        h = state[0]
        result = step(x_t, *state, *W.values())
        *state, gates = result if record.kept else (result, ())
        state = state[-len(record.states) :]  # without an output that is no state
        kept = dict(zip(record.kept, gates, strict=True))
        if cell == "delta":  # α and β are its only gates
            note("argument of α and β", x_t @ W["W_ig"].T + W["b_ig"], -far, far)
            for name in ("alpha", "beta"):
                note(name, kept[name], 1e-30, 1.0)
                note("1 - α and 1 - β", 1 - kept[name], 0.0, 1.0)
            continue
        of_x = x_t @ W["W_ih"].T + W["b_ih"]
        of_h = h @ W["W_hh"].T + W["b_hh"] if "W_hh" in W else np.zeros_like(of_x)
        names = record.gates or ("z",)
        parts = (np.split(part, len(names), axis=1) for part in (of_x, of_h))
        for name, a, u in zip(names, *parts, strict=True):
            argument = a + (kept["r"] * kept["q"] if (cell, name) == ("gru", "n") else u)
            note(f"argument of {name}", argument, -far, far)
        for name in (name for name in names if name in kept and (cell, name) != ("mingru", "n")):
            note(name, kept[name], -1.0 if name in "gn" else 1e-30, 1.0)
        slopes = {
            "rnn": {"1 - h²": 1 - state[0] ** 2},
            "lstm": {"1 - tanh² c": 1 - np.tanh(state[-1]) ** 2},
        }
        slopes["mingru"] = {"1 - z": 1 - kept.get("z", 0)}
        slopes["gru"] = {"1 - z": 1 - kept.get("z", 0), "1 - n²": 1 - kept.get("n", 0) ** 2}
        for name, slope in slopes[cell].items():
            note(name, slope, 0.0, 1.0)
        if cell in ("lstm", "mingru"):  # no tanh bounds it
            note("c" if cell == "lstm" else "h", state[-1], -far, far)
    for name, given in found.items():
        _note(reached, form, str(x.dtype), name, *given)


def _list_others() -> Iterator[tuple[str, str, str, np.ndarray, float, float]]:
    """Yield the intermediates of the loss and of clipping."""
    loss, clipping = STAGES["rnn"][4:]
    for case in loss.draw(0):
        y = case.inputs["logits"]
        far = float(np.log(np.finfo(y.dtype).max))
        shifted = y - y.max(axis=1, keepdims=True)
        yield "function", str(y.dtype), "logits", y, -far, far
        yield "function", str(y.dtype), "shifted logits", shifted, -far, 0.0
    for case in clipping.draw(0):
        norm = np.sqrt(sum(float((g.astype(float) ** 2).sum()) for g in case.inputs["gradients"]))
        most = case.inputs["max_norm"]
        yield "function", case.dtype, "norm", np.array([norm]), norm, norm
        yield "function", case.dtype, "max_norm", np.array([most, 1e-9]), most, most
        apart = np.array([norm - most])
        apart[abs(apart) < 1e-7 * most] = 0  # float32 rounds it
        yield "function", case.dtype, "norm - max_norm", np.array([*apart, 1e-9]), -1e-7, 1e-7
