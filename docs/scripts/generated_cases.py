"""The wide search of generated_faults.py: whether a change of the source changes a result.

Its cases are drawn apart from those of `check`: small ones, then all sizes and magnitudes, one
after the other in one process, with calls again and with parameters that change between calls.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from compare.implementations import CELLS
from compare.implementations.functions.signatures import read_signatures

LARGEST = (90, 75, 75, 140)
"""The largest T, B, V and H."""

NEAR = {"float64": 1e-9, "float32": 1e-4}
"""A smaller difference, as a share of the largest entry (at least 1e-6), may be rounding."""


@dataclass(frozen=True)
class Form:
    """A right implementation."""

    name: str
    kind: str  # functions, cs231n, class, torch
    cell: str
    source: str


def namespace(source: str) -> dict[str, Any]:
    """Run a source; return its names."""
    found: dict[str, Any] = {"__name__": "generated"}
    exec(compile(source, "generated.py", "exec"), found)
    return found


def wide_cases(form: Form, seed: int, number: int = 40) -> Iterator[dict[str, Any]]:
    """Yield options and arrays: first small ones, then of all sizes and magnitudes."""
    rng = np.random.default_rng(seed)
    cell = CELLS[form.cell]
    for k in range(number):

        def size(largest: int, k: int = k) -> int:
            is_large = k > 3 and rng.random() < 0.3
            return int(rng.integers(1, largest + 1 if is_large else 7))

        def magnitude(k: int = k) -> float:
            return float(10 ** rng.uniform(-1.5, 1.5)) if k > 3 and rng.random() < 0.3 else 1.0

        def draw(*shape: int, scale: float = 0.0, k: int = k) -> np.ndarray:
            drawn = (scale or magnitude()) * rng.normal(size=shape)
            return drawn.astype("float32" if k % 5 == 4 else "float64")

        T, B, V, H = map(size, LARGEST)
        options: dict[str, Any] = {}
        if "layers" in form.name and k % 2:
            options = {"num_layers": int(rng.integers(1, 5))}
        if "directions" in form.name and options:
            options |= {name: bool(rng.integers(2)) for name in ("bidirectional", "batch_first")}
        L, D, G = options.get("num_layers", 1), 1 + options.get("bidirectional", False), H
        B, G = (L * D if k == 5 else B), cell.num_gates * H
        weights: dict[str, np.ndarray] = {}
        for n in range(L * D):
            end, width = f"l{n // D}" + "_reverse" * (n % D), V if n < D else D * H
            weights[f"weight_ih_{end}"] = draw(G, width, scale=magnitude() / np.sqrt(width))
            weights[f"weight_hh_{end}"] = draw(G, H, scale=0.7 / np.sqrt(H))
            weights |= {f"{bias}_{end}": draw(G, scale=0.5) for bias in ("bias_ih", "bias_hh")}
        x, d_output = draw(T, B, V), draw(T, B, D * H)
        if options.get("batch_first"):
            x, d_output = x.swapaxes(0, 1).copy(), d_output.swapaxes(0, 1).copy()
        yield {
            "sizes": (V, H),
            "options": options,
            "weights": weights,
            "x": x,
            "states": [draw(L * D, B, H) for _ in cell.states],
            "d_output": d_output,
            "d_states": [draw(L * D, B, H) for _ in cell.states],
            "rows": (draw(T, V), rng.integers(0, V, T)),
            "gradients": [draw(B, V), draw(H), *(draw(2, n) for n in range(1, size(20)))],
            "max_norm": float(10 ** rng.uniform(-1, 1)),
        }


# The results of a form --------------------------------------------------------------------------


def run_functions(form: Form, names: dict[str, Any], case: dict[str, Any]) -> list[Any]:
    """Call the six functions, and some of them twice."""
    own, x, d_output = read_signatures(form.cell), case["x"], case["d_output"]
    step, forward, step_backward, backward = (
        names[f"{form.cell}_{kind}"] for kind in ("step", "forward", "step_backward", "backward")
    )
    weights = list(case["weights"].values())
    firsts, d_lasts = ([a[0] for a in case[n]] for n in ("states", "d_states"))
    x_t = x[0].copy()
    results = [step(x_t, *firsts, *weights)]
    output, last, tape = forward(x, *firsts, *weights)
    results += [output, last, *copy.deepcopy((results, output, last))]
    forward(x / 2, *firsts, *weights)
    plain, none = getattr(CELLS[form.cell].plain, f"{form.cell}_step"), 0 * weights[2]
    after = plain(x_t, *firsts, *weights[:2], none, none)
    seen = {"x_t": x_t, **dict(zip(own.states, firsts, strict=True))}
    seen |= dict(zip(own.results("step"), after if own.gates else (after,), strict=True))
    results.append(step_backward(*d_lasts, *(seen[name] for name in own.seen), *weights[:2]))
    results.append(backward(tape, d_output, *d_lasts))
    results.append(copy.deepcopy(results[-2:]))
    results.append(backward(tape, d_output, *d_lasts))
    results.append(names["cross_entropy"](*case["rows"]))
    results.append(names["clip_grad_norm"](case["gradients"], case["max_norm"]))
    return [results, x_t, firsts, d_lasts]


def run_cs231n(form: Form, names: dict[str, Any], case: dict[str, Any]) -> list[Any]:
    """Call CS231n's functions."""
    x, dh = (case[n].swapaxes(0, 1).copy() for n in ("x", "d_output"))
    W, U, b, _ = case["weights"].values()
    given = [case["states"][0][0], W.T.copy(), U.T.copy(), b]
    x_t, dnext = x[:, 0].copy(), case["d_states"][0][0]
    next_h, cache = names["rnn_step_forward"](x_t, *given)
    h, caches = names["rnn_forward"](x, *given)
    kept = copy.deepcopy((next_h, h))
    names["rnn_forward"](x / 2, *given)
    back, grads = names["rnn_step_backward"](dnext, cache), names["rnn_backward"](dh, caches)
    return [kept, next_h, h, back, grads, x, x_t, given, dnext, dh]


def run_class(form: Form, names: dict[str, Any], case: dict[str, Any]) -> list[Any]:
    """Run a layer of a class forward and backward, twice, with parameters changed between."""
    x, d_output = case["x"], case["d_output"]
    layer = names["Layer"](*case["sizes"], **case["options"], dtype=str(x.dtype))
    state, d_state = (tuple(a) if len(a) > 1 else a[0] for a in (case["states"], case["d_states"]))
    results: list[Any] = []
    for factor in (0.5, 1.0):
        for name, array in layer.parameters.items():
            array[...] = factor * case["weights"][name]
        output, last, tape = layer.forward(x, state)
        results += [output, last, *copy.deepcopy((output, last))]
    layer.forward(x / 2, state)
    results.append(layer.backward(tape, d_output, d_state))
    results.append(copy.deepcopy(results[-1]))
    results.append(layer.backward(tape, d_output, d_state))
    return [results, layer.parameters]


def run_torch(form: Form, names: dict[str, Any], case: dict[str, Any]) -> list[Any]:
    """Run a module forward and backward, twice, with parameters changed between."""
    x, d_output = torch.from_numpy(case["x"]), torch.from_numpy(case["d_output"])
    module = names["Layer"](*case["sizes"], **case["options"], dtype=x.dtype)
    results: list[Any] = []
    for factor in (0.5, 1.0):
        with torch.no_grad():
            for name, parameter in module.named_parameters():
                parameter.copy_(factor * torch.from_numpy(case["weights"][name]))
        inputs: list[Any] = [x, *(torch.from_numpy(state) for state in case["states"])]
        inputs = [each.clone().requires_grad_() for each in inputs]
        output, last = module(inputs[0], tuple(inputs[1:]) if len(inputs) > 2 else inputs[1])
        ends = [output, *(last if isinstance(last, tuple) else (last,))]
        results.append([end.detach().numpy().copy() for end in ends])
        sources = [*inputs, *module.parameters()]
        upstream = [d_output, *(torch.from_numpy(d) for d in case["d_states"])]
        found: Any = torch.autograd.grad(ends, sources, upstream, allow_unused=True)
        results.append([np.zeros(0) if g is None else g.numpy() for g in found])
        results.append([each.detach().numpy() for each in inputs])
    return results


RUN: dict[str, Callable[..., list[Any]]] = {
    "functions": run_functions,
    "cs231n": run_cs231n,
    "class": run_class,
    "torch": run_torch,
}


def results_of(form: Form, names: dict[str, Any], case: dict[str, Any]) -> list[Any]:
    """Return all results of a case, and its arguments afterwards."""
    case = copy.deepcopy(case)
    with np.errstate(all="ignore"):
        return [RUN[form.kind](form, names, case), case]


def differ(right: Any, got: Any) -> bool:
    """Whether results differ by more than rounding, or in shape or dtype."""
    if isinstance(right, dict):
        return not isinstance(got, dict) or any(differ(right[n], got.get(n)) for n in right)
    if isinstance(right, list | tuple):
        is_list = isinstance(got, list | tuple) and len(got) == len(right)
        return not is_list or any(differ(a, b) for a, b in zip(right, got, strict=True))
    a, b = np.asarray(right), np.asarray(got)
    if (a.shape, a.dtype) != (b.shape, b.dtype):
        return True
    if not a.size or a.dtype.kind != "f":
        return not np.array_equal(a, b)
    with np.errstate(all="ignore"):
        largest = np.max(np.abs(a[np.isfinite(a)]), initial=1e-6)
        near = np.abs(a - b) <= NEAR[str(a.dtype)] * largest
    return not np.all(near | (a == b) | (np.isnan(a) & np.isnan(b)))


def is_changed(form: Form, source: str, right: list[tuple[Any, Any]]) -> bool:
    """Whether a source gives other results in some case.

    `right` are pairs of a case and its results. What the first case raises is raised.
    """
    names = namespace(source)
    for k, (case, results) in enumerate(right):
        try:
            got = results_of(form, names, case)
        except Exception:
            if k == 0:
                raise
            return True
        if differ(results, got):
            return True
    return False
