"""Try a stranger's recurrent layer: a class of its own, or a module of PyTorch.

The smallest class is ``Class(input_size, hidden_size)`` with `parameters` under PyTorch's names,
``forward(x, h0) -> (output, h_n, tape)`` and ``backward(tape, d_output, d_h_n)``, which gives the
gradients of x, of h0 and of the parameters. What else it has of PyTorch's surface is tried feature
by feature. What is right comes from our own layer in float64; how far rounding may lead, from ours
in the layer's own dtype.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compare.check.diagnosis import in_the_tensor
from compare.check.drawing import Case
from compare.check.features import CELLS, FEATURES, SIMPLEST, Feature, draw
from compare.check.stages import Malformed, Results, Stage, StageResult, in_float64
from compare.check.stranger.client import Handle, Stranger, Trouble
from compare.check.verdict import Comparison
from compare.parity import Move, allowances

GAPS = {"float64": 1, "float32": 1, "float16": 2**13, "bfloat16": 2**16, "tf32": 2**13}
"""How many gaps of float32 (of its own, for float64) lie between two numbers of the arithmetic."""

SIZES = ((3, 2, 4, 5), (4, 3, 5, 2), (2, 5, 3, 4), (5, 4, 2, 3), (7, 3, 6, 8))


@dataclass(slots=True)
class Conventions:
    """What a layer's arrays look like, as far as it differs from ours."""

    batch_first: bool = False  # without being asked for
    flat_state: bool = False  # (B, H), without an axis for the layers
    transposed: bool = False  # weights are (in, out)
    one_bias: bool = False
    names: dict[str, str] = field(default_factory=dict)  # ours to theirs

    def described(self) -> str:
        """Say what was taken for what."""
        names = ", ".join(f"{own} is {other}" for own, other in self.names.items() if own != other)
        parts = [
            "batch first" if self.batch_first else "time first",
            "a state of shape (B, H)" if self.flat_state else "a state of shape (L·D, B, H)",
            "weights (in, out)" if self.transposed else "weights (out, in)",
            "one bias" if self.one_bias else "two biases",
        ]
        return "; ".join([", ".join(parts), *filter(None, [names])])


class Layers:
    """A stranger's class, to be run on cases."""

    def __init__(
        self,
        stranger: Stranger,
        cell: str,
        dtype: str | None = None,
        device: str | None = None,
        tf32: bool = False,
    ) -> None:
        self.stranger, self.cell = stranger, cell
        self.dtype, self.device, self.tf32 = dtype, device, tf32
        self.conventions = Conventions()
        self.forward_only = False

    def build(self, V: int, H: int, options: dict[str, Any]) -> Handle:
        """Build a layer; Trouble with the verdict missing if it has no such option."""
        more = {"dtype": self.dtype} if self.dtype else {}
        more |= {"device": self.device} if self.device else {}
        try:
            made: Handle = self.stranger.call("", V, H, keep=(-1,), **(more | options))
        except Trouble as trouble:
            raise _without(trouble, options) from None
        return made

    def dtype_of(self, layer: Handle) -> str:
        """Return the dtype of its parameters."""
        arrays = self.parameters(layer)
        return str(next(iter(arrays.values())).dtype)

    def parameters(self, layer: Handle) -> dict[str, np.ndarray]:
        """Return its parameters by its own names."""
        found = self.stranger.look(layer, "parameters")
        if not isinstance(found, dict) or not found:
            raise Malformed("parameters, a dict of arrays", type(found).__name__)
        return found

    def learn_names(self, parameters: dict[str, np.ndarray], V: int, H: int) -> None:
        """Find out which parameter is which, by its name or else by its shape."""
        G = CELLS[self.cell].NUM_GATES * H
        taken = self.conventions
        wanted: dict[str, list[tuple[int, ...]]] = {
            "weight_ih_l0": [(G, V), (V, G)],
            "weight_hh_l0": [(G, H), (H, G)],
            "bias_ih_l0": [(G,)],
            "bias_hh_l0": [(G,)],
        }
        left = dict(parameters)
        for own, shapes in wanted.items():
            name = own if own in left else None
            if name is None:
                name = next((n for n, a in left.items() if a.shape in shapes), None)
            if name is None and own == "bias_hh_l0":
                taken.one_bias = True
                continue
            if name is None:
                got = {n: a.shape for n, a in parameters.items()}
                raise Malformed(f"a parameter {own} of shape {shapes[0]}", f"{got}")
            array = left.pop(name)
            taken.names[own] = name
            if own == "weight_ih_l0" and V != G:
                taken.transposed = array.shape == (V, G)

    def run(self, layer: Handle, feature: Feature, given: dict[str, Any]) -> Results:
        """Run a layer forward and back; return all results by our names."""
        taken = self.conventions
        own = self._own_parameters(given["parameters"])
        names = self.stranger.object_names(layer)
        self.forward_only = "backward" not in names
        if "load" in names:
            self.stranger.call("load", own, of=layer.number)
        else:
            self.stranger.write(layer, "parameters", own)
        x, state, d_output, d_state = (given[k] for k in ("x", "state", "d_output", "d_state"))
        if taken.batch_first:
            x, d_output = x.swapaxes(0, 1), None if d_output is None else d_output.swapaxes(0, 1)
        if taken.flat_state:
            state, d_state = _flat(state), _flat(d_state)
        arguments = [x, state] if state is not None else [x]
        more = {"lengths": given["lengths"]} if feature.lengths else {}
        call = self.stranger.call
        try:
            result = call("forward", *arguments, of=layer.number, keep=(2,), **more)
            if not isinstance(result, tuple) or len(result) != 3:
                raise Malformed("(output, h_n, tape) from forward", _kind(result))
            output, last, tape = result
            gradients = None
            if not self.forward_only:
                gradients = call("backward", tape, d_output, d_state, of=layer.number)
        except Trouble as trouble:
            if feature is not SIMPLEST and not feature.options and trouble.kinds:
                trouble.verdict = "missing"  # an input that it refuses, in whatever words
            raise _without(trouble, more) from None
        d_x, d_begun, d_parameters = (
            (None, None, {}) if self.forward_only else three_gradients(gradients)
        )
        if taken.batch_first:
            output, d_x = output.swapaxes(0, 1), None if d_x is None else d_x.swapaxes(0, 1)
        results: Results = {"output": output} | _named("_n", last, taken.flat_state)
        results |= {} if d_x is None or feature.tokens else {"gradient of x": d_x}
        if feature.state:
            results |= {
                f"gradient of {n}": a for n, a in _named("0", d_begun, taken.flat_state).items()
            }
        for name in given["parameters"]:
            theirs = taken.names.get(name, name)
            if theirs in d_parameters:
                array = d_parameters[theirs]
                is_turned = taken.transposed and name.startswith("weight")
                results[f"gradient of {name}"] = array.T if is_turned else array
        return results

    def _own_parameters(self, parameters: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        taken = self.conventions
        own: dict[str, np.ndarray] = {}
        for name, array in parameters.items():
            if taken.one_bias and name.startswith("bias_hh"):
                own[taken.names["bias_ih_l0"]] = parameters["bias_ih_l0"] + array
                continue
            is_turned = taken.transposed and name.startswith("weight")
            own[taken.names.get(name, name)] = array.T if is_turned else array
        return own


def _without(trouble: Trouble, options: dict[str, Any]) -> Trouble:
    """Take a refused argument for a feature that is not there."""
    refused = "TypeError" in trouble.kinds and (
        "unexpected keyword" in str(trouble) or "positional argument" in str(trouble)
    )
    return Trouble("missing", str(trouble), trouble.kinds) if refused and options else trouble


def _flat(state: Any) -> Any:
    if isinstance(state, tuple):
        return tuple(_flat(item) for item in state)
    return None if state is None else state[0]


def _named(suffix: str, state: Any, is_flat: bool) -> Results:
    """Name the arrays of a state: h_n and c_n, or h0 and c0."""
    arrays = state if isinstance(state, tuple | list) else (state,)
    return {
        f"{letter}{suffix}": array[None] if is_flat else array
        for letter, array in zip("hc", arrays, strict=False)
        if isinstance(array, np.ndarray)
    }


def three_gradients(gradients: Any) -> tuple[Any, Any, dict[str, np.ndarray]]:
    """Return the gradients of x, of the state and of the parameters, however they are told."""
    if isinstance(gradients, tuple | list) and len(gradients) == 3:
        d_x, d_state, d_parameters = gradients
    else:
        d_x = _under(gradients, "x", "d_x", "dx")
        d_state = _under(gradients, "h0", "d_h0", "dh0", "d_h_0", "h_0")
        d_c0 = _under(gradients, "c0")
        d_state = (d_state, d_c0) if isinstance(d_c0, np.ndarray) else d_state
        d_parameters = _under(gradients, "parameters", "params", "grads")
    if not isinstance(d_parameters, dict):
        raise Malformed("gradients with x, h0 and parameters from backward", _kind(gradients))
    return d_x, d_state, d_parameters


def _under(gradients: Any, *names: str) -> Any:
    """Return what a dict or an object has under the first of these names."""
    if isinstance(gradients, dict):
        return next((gradients[name] for name in names if name in gradients), None)
    return next((getattr(gradients, name) for name in names if hasattr(gradients, name)), None)


def _kind(value: Any) -> str:
    if isinstance(value, tuple | list):
        return f"a tuple of {len(value)}"
    return "None" if value is None else type(value).__name__


# Cases ------------------------------------------------------------------------------------------


def run_ours(cell: str, feature: Feature, given: dict[str, Any], move: Move) -> Results:
    """Run our layer on a case."""
    V, H = given["sizes"][2:]
    dtype = given["parameters"]["weight_ih_l0"].dtype
    ours = CELLS[cell](V, H, **(feature.options | {"dtype": dtype}))
    for name, parameter in ours.parameters.items():
        parameter[...] = move(given["parameters"][name])
    more = {"lengths": given["lengths"]} if feature.lengths else {}
    output, last, tape = ours.forward(move(given["x"]), move(given["state"]), **more)
    results: Results = {"output": output} | _named("_n", last, False)
    gradients = ours.backward(move(tape), move(given["d_output"]), move(given["d_state"]))
    results |= {} if gradients.x is None else {"gradient of x": gradients.x}
    if feature.state:
        begun = _named("0", gradients.state, False)
        results |= {f"gradient of {name}": array for name, array in begun.items()}
    return results | {f"gradient of {name}": g for name, g in gradients.parameters.items()}


def compare(
    cell: str, feature: Feature, dtype: str, given: dict[str, Any], got: Results
) -> tuple[Comparison, ...]:
    """Lay a layer's results beside ours in float64."""
    with np.errstate(all="ignore"):
        expected = run_ours(cell, feature, in_float64(given), lambda value: value)
        allowed = allowances(
            lambda move: run_ours(cell, feature, copy.deepcopy(given), move), gaps=GAPS[dtype]
        )[1]
    least = np.dtype("float64" if dtype == "float64" else "float16")
    comparisons = []
    for name, right in expected.items():
        array = np.asarray(got.get(name, np.empty((0,))))
        if array.dtype.kind in "fiu" and array.dtype.itemsize >= least.itemsize:
            array = array.astype(np.float64)
        comparisons.append(Comparison(name, right, array, allowed[name]))
    return tuple(comparisons)


def equation(cell: str) -> str:
    """Return the equations of a cell."""
    return {
        "rnn": "h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)",
        "gru": "r, z = σ(W_i x_t + b_i + W_h h_{t-1} + b_h)   of each gate's rows\n"
        "n = tanh(W_in x_t + b_in + r ⊙ (W_hn h_{t-1} + b_hn)),   h_t = (1 - z) ⊙ n + z ⊙ h_{t-1}",
        "lstm": "i, f, o = σ(…),   g = tanh(…)   of W_ih x_t + b_ih + W_hh h_{t-1} + b_hh\n"
        "c_t = f ⊙ c_{t-1} + i ⊙ g,   h_t = o ⊙ tanh(c_t)",
    }[cell]


PARTS = ("forward", "gradients of the parameters", "gradients of x and the state")
"""What a layer has a point for."""


def layer_stages(cell: str) -> tuple[Stage, ...]:
    """Return the parts of a layer as stages."""
    return tuple(Stage(name, equation(cell), None, None) for name in PARTS)  # type: ignore[arg-type]


def try_feature(
    layers: Layers, feature: Feature, seed: int, sizes_to_try: Any = SIZES
) -> list[StageResult]:
    """Try a feature on some sizes; return what came of the forward pass and of both gradients."""
    results = [StageResult(stage, "right") for stage in layer_stages(layers.cell)]
    for sizes in sizes_to_try:
        T, B, V, H = sizes
        case = Case(f"T {T}, B {B}, V {V}, H {H}", {})
        try:
            layer = layers.build(V, H, feature.options)
            dtype = layers.dtype or layers.dtype_of(layer)
            if feature is SIMPLEST and not layers.conventions.names:
                layers.learn_names(layers.parameters(layer), V, H)
            given = draw(layers.cell, feature, dtype, sizes, seed) | {"sizes": sizes}
            if layers.conventions.one_bias:  # it stands where b_ih does
                for name in (n for n in given["parameters"] if n.startswith("bias_hh")):
                    given["parameters"][name][...] = 0
            got = layers.run(layer, feature, copy.deepcopy(given))
            arithmetic = "tf32" if layers.tf32 and dtype == "float32" else dtype
            comparisons = compare(layers.cell, feature, arithmetic, given, got)
            if layers.conventions.one_bias:
                comparisons = tuple(c for c in comparisons if "bias_hh" not in c.tensor)
        except (Trouble, Malformed) as error:
            verdict = error.verdict if isinstance(error, Trouble) else "wrong"
            expected = error.expected if isinstance(error, Malformed) else "a result"
            said = error.got if isinstance(error, Malformed) else str(error)
            for result in results:
                if result.verdict == "right":
                    result.verdict, result.expected, result.got = verdict, expected, said
                    result.cases, result.case = result.cases + 1, case
            return results
        for result in results:
            if result.verdict != "right":
                continue
            result.cases += 1
            mine = [c for c in comparisons if _part_of(c.tensor) == result.stage.name]
            wrong = next((c for c in mine if not c.ok), None)
            if wrong is not None:
                result.verdict, result.case, result.wrong = "wrong", case, wrong
                result.comparisons = tuple(mine)
    return results[:1] if layers.forward_only else results


def _part_of(tensor: str) -> str:
    if not tensor.startswith("gradient"):
        return PARTS[0]
    return PARTS[1] if "_l" in tensor else PARTS[2]


def settle_conventions(layers: Layers, seed: int) -> list[StageResult]:
    """Try the simplest layer in each convention until one fits; keep that, and say what came."""
    tried = []
    for batch_first in (False, True):
        for flat_state in (False, True):
            layers.conventions = Conventions(batch_first=batch_first, flat_state=flat_state)
            results = try_feature(layers, SIMPLEST, seed)
            score = sum(result.verdict == "right" for result in results)
            forward = results[0].wrong is not None and not results[0].wrong.problem
            tried.append((score + 0.5 * forward, layers.conventions, results))
            if score == len(results):
                return results
    _, layers.conventions, results = max(tried, key=lambda item: item[0])
    return results


def try_features(layers: Layers, seed: int, deep: bool = False) -> list[dict[str, str]]:
    """Try what else there is; a feature is right, wrong, missing, error or timeout."""
    found = []
    for feature in FEATURES:
        if layers.cell not in feature.cells:
            continue
        if layers.dtype and "dtype" in feature.options:
            continue
        if layers.forward_only and not (feature.d_output and feature.d_state):
            continue
        results = try_feature(layers, feature, seed, SIZES if deep else SIZES[:2])
        worst = next((r for r in results if r.verdict != "right"), results[0])
        entry = {"name": feature.name, "verdict": worst.verdict}
        if worst.wrong is not None:
            entry["tensor"] = worst.wrong.tensor
            entry |= _seen_in(worst.wrong)
        elif worst.verdict == "error":
            entry["got"] = worst.got
        found.append(entry)
    return found


def _seen_in(wrong: Comparison) -> dict[str, str]:
    """Say what can be seen in a tensor alone, such as a coarser dtype."""
    if wrong.problem:
        return {}
    likely = in_the_tensor(wrong.expected, wrong.got, float(np.max(wrong.allowed)))
    return {"likely": likely} if likely else {}
