"""The operators RNN, GRU and LSTM of ONNX, computed by ONNX Runtime; forward only.

W (D, G, V), R (D, G, H) and B (D, 2G) have the D directions first; B has both biases in a row.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
from onnx import helper

LIBRARIES = ("onnxruntime",)
CLASSES = ("onnxruntime:RNN", "onnxruntime:GRU", "onnxruntime:LSTM")
GRADIENTS = False

Arrays = dict[str, np.ndarray]

FROM_TORCH = {"RNN": (0,), "GRU": (1, 0, 2), "LSTM": (0, 3, 1, 2)}
"""The places in PyTorch's order, r z n and i f g o, of ONNX's gates z r h and i o f c."""

DIRECTIONS = ("", "_reverse")
TENSORS = {"W": ("weight_ih",), "R": ("weight_hh",), "B": ("bias_ih", "bias_hh")}
"""The arrays of an operator: the parameters of PyTorch, one over the other."""


@dataclass
class Model:
    """A graph of one operator, and the arrays that it gets beside x and the states."""

    session: onnxruntime.InferenceSession
    inputs: list[str]
    outputs: list[str]
    arrays: Arrays


def build(
    operator: str,
    input_size: int,
    hidden_size: int,
    *,
    nonlinearity: str = "tanh",
    bidirectional: bool = False,
    dtype: str = "float32",
) -> Model:
    """Build the graph."""
    if dtype != "float32":
        raise NotImplementedError(f"ONNX Runtime has no {operator} of {dtype}")
    D, G = 1 + bidirectional, len(FROM_TORCH[operator]) * hidden_size
    shapes = {"W": (D, G, input_size), "R": (D, G, hidden_size), "B": (D, 2 * G)}
    states = ["h", "c"] if operator == "LSTM" else ["h"]
    initial, final = ([f"{name}{end}" for name in states] for end in ("_0", "_n"))
    inputs, outputs = ["X", *shapes, *initial], ["Y", *final]
    node = make_node(operator, "X", initial, outputs, hidden_size, nonlinearity, D)
    session = make_session([node], dict.fromkeys(inputs, dtype), outputs)
    zeros = {name: np.zeros(shape, dtype) for name, shape in shapes.items()}
    return Model(session, inputs, outputs, zeros)


def make_node(
    operator: str,
    x: str,
    initial: list[str],
    outputs: list[str],
    hidden_size: int,
    nonlinearity: str = "tanh",
    directions: int = 1,
) -> Any:
    """Return the node of an operator that computes what PyTorch does; the strings name arrays."""
    options: dict[str, object] = {"hidden_size": hidden_size}
    options |= {"direction": "bidirectional"} if directions == 2 else {}
    if operator == "RNN":
        options["activations"] = [{"tanh": "Tanh", "relu": "Relu"}[nonlinearity]] * directions
    if operator == "GRU":
        options["linear_before_reset"] = 1  # b_hn inside of the reset gate's product
    return helper.make_node(operator, [x, *TENSORS, "", *initial], outputs, **options)


def make_session(
    nodes: list[Any],
    inputs: dict[str, str],
    outputs: list[str],
    constants: Any = (),
    settings: onnxruntime.SessionOptions | None = None,
) -> onnxruntime.InferenceSession:
    """Load a graph. The inputs have dtypes, the outputs are of float32, constants are tensors."""

    def describe(name: str, dtype: str) -> Any:
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return helper.make_tensor_value_info(name, kind, None)

    given = [describe(name, dtype) for name, dtype in inputs.items()]
    results = [describe(name, "float32") for name in outputs]
    graph = helper.make_graph(nodes, "layer", given, results, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)])
    model.ir_version = min(model.ir_version, 10)
    return onnxruntime.InferenceSession(
        model.SerializeToString(), settings, providers=["CPUExecutionProvider"]
    )


def read(model: Model) -> Arrays:
    """Return the parameters by ONNX's names."""
    return model.arrays


def write(model: Model, arrays: Arrays, how: str = "loaded") -> None:
    """Set the parameters, which a run gets as inputs."""
    model.arrays = {name: np.ascontiguousarray(a, np.float32) for name, a in arrays.items()}


def to_torch(operator: str, arrays: Arrays) -> Arrays:
    """Return parameters by PyTorch's names."""
    order = np.argsort(FROM_TORCH[operator])
    return {
        f"{name}_l0{end}": _reorder(block, order)
        for d, end in enumerate(DIRECTIONS[: len(arrays["W"])])
        for own, names in TENSORS.items()
        for name, block in zip(names, np.split(arrays[own][d], len(names)), strict=True)
    }


def from_torch(operator: str, parameters: Arrays) -> Arrays:
    """Return parameters by ONNX's names."""
    order, found = FROM_TORCH[operator], {}
    ends = [end for end in DIRECTIONS if f"weight_ih_l0{end}" in parameters]
    for own, names in TENSORS.items():
        every = [[_reorder(parameters[f"{n}_l0{end}"], order) for n in names] for end in ends]
        found[own] = np.stack([np.concatenate(blocks) for blocks in every])
    return found


def _reorder(array: np.ndarray, order: Any) -> np.ndarray:
    """Return an array with its blocks of rows, one for each gate, in another order."""
    gates = np.split(array, len(order))
    return np.concatenate([gates[k] for k in order])


def run(model: Model, x: np.ndarray, state: Any = None) -> tuple[Any, None]:
    """Return output and last state."""
    D, _, H = model.arrays["R"].shape
    many = len(model.outputs) - 1
    if state is None:
        state = (np.zeros((D, x.shape[1], H)),) * many
    states = state if isinstance(state, tuple) else (state,)
    inputs = (x, *(model.arrays[name] for name in TENSORS), *states)
    arrays = [np.ascontiguousarray(array, np.float32) for array in inputs]
    named = dict(zip(model.inputs, arrays, strict=True))
    output, *last = model.session.run(model.outputs, named)  # output (T, D, B, H)
    T, D, B, H = output.shape
    output = output.swapaxes(1, 2).reshape(T, B, D * H)
    return (output, tuple(last) if many > 1 else last[0]), None
