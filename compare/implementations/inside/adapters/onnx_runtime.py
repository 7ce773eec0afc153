"""The operators RNN, GRU and LSTM of ONNX, computed by ONNX Runtime; forward only.

W (D, G, V), R (D, G, H) and, if there, B (D, 2G) have the D directions first; B has both biases.

A file ``model.onnx`` is a graph in which such an operator is a node, for instance one that PyTorch
exported. The node's attributes decide what it computes; it can be given any weights.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

Array = np.ndarray[tuple[int, ...], np.dtype[np.floating]]
State = Array | tuple[Array, ...] | None
GRADIENTS = False

Arrays = dict[str, Array]
Shape = tuple[int | str, ...]

FROM_TORCH = {"RNN": (0,), "GRU": (1, 0, 2), "LSTM": (0, 3, 1, 2)}
"""The places in PyTorch's order, r z n and i f g o, of ONNX's gates z r h and i o f c."""

PROVIDERS = ["CPUExecutionProvider"]
DIRECTIONS = ("", "_reverse")
TENSORS = {"W": ("weight_ih",), "R": ("weight_hh",), "B": ("bias_ih", "bias_hh")}
"""The arrays of an operator: the parameters of PyTorch, one over the other."""


@dataclass
class OnnxLayer:
    """A graph of one operator, and the arrays that it gets beside x and the states."""

    session: onnxruntime.InferenceSession
    inputs: list[str]
    outputs: list[str]
    arrays: Arrays


def build(
    target: "str | Node",
    input_size: int,
    hidden_size: int,
    *,
    nonlinearity: str = "",
    bidirectional: bool = False,
    bias: bool = True,
    dtype: str = "float32",
) -> OnnxLayer:
    """Build the graph of an operator, or of a node in a file with other weights."""
    operator, D = find_operator(target), 1 + bidirectional
    attributes = list_attributes(target, nonlinearity, D)
    if dtype != "float32":
        raise NotImplementedError(f"ONNX Runtime has no {operator} of {dtype}")
    G = len(FROM_TORCH[operator]) * hidden_size
    shapes: dict[str, tuple[int, ...]] = {"W": (D, G, input_size), "R": (D, G, hidden_size)}
    shapes |= {"B": (D, 2 * G)} if bias else {}
    initial, final = name_states(operator)
    inputs, outputs = ["X", *shapes, *initial], ["Y", *final]
    graph = make_model(operator, hidden_size, attributes, inputs, outputs).SerializeToString()
    session = onnxruntime.InferenceSession(graph, providers=PROVIDERS)
    zeros = {name: np.zeros(shape, dtype) for name, shape in shapes.items()}
    return OnnxLayer(session, inputs, outputs, zeros)


def name_states(operator: str) -> tuple[list[str], list[str]]:
    """Return the names of an operator's initial states, and of its last ones."""
    states = ["h", "c"] if operator == "LSTM" else ["h"]
    return [f"{name}_0" for name in states], [f"{name}_n" for name in states]


def list_attributes(target: "str | Node", nonlinearity: str, directions: int) -> dict[str, Any]:
    """Return the attributes of a node: of one as PyTorch has it, or of one in a file."""
    attributes: dict[str, Any] = {"linear_before_reset": 1} if target == "GRU" else {}
    if nonlinearity:
        attributes["activations"] = [nonlinearity.capitalize()] * directions
    if not isinstance(target, str):
        attributes = dict(target.attributes)
        functions = attributes.get("activations", [b"Tanh"])
        if nonlinearity not in ("", has := functions[0].decode().lower()):
            expected = f"the nonlinearity {has} of the file"
            raise NotImplementedError(f"expected {expected}, got {nonlinearity}")
        if attributes.get("direction") == b"bidirectional" and directions == 1:
            del attributes["direction"]
            if "activations" in attributes:
                attributes["activations"] = functions[: len(functions) // 2]
    return attributes | ({"direction": "bidirectional"} if directions == 2 else {})


def make_model(
    operator: str,
    hidden_size: int,
    attributes: Mapping[str, object],
    inputs: list[str],
    outputs: list[str],
    tensors: Sequence[onnx.TensorProto] = (),
    shapes: Mapping[str, Shape] = MappingProxyType({}),
) -> onnx.ModelProto:
    """Make a graph of one node; weights that are not among its inputs are tensors.

    `shapes` has the shapes of inputs and outputs that are stated; a letter takes any size.
    """

    def describe(name: str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shapes.get(name))

    initial, _ = name_states(operator)
    there = {*inputs, *(tensor.name for tensor in tensors)}
    names = [name if name in there else "" for name in ("X", *TENSORS, "", *initial)]
    options = {"hidden_size": hidden_size, **attributes}
    node = helper.make_node(operator, names, outputs, **options)
    arguments, results = [*map(describe, inputs)], [*map(describe, outputs)]
    graph = helper.make_graph([node], "layer", arguments, results, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)])
    model.ir_version = min(model.ir_version, 10)
    return model


def read(model: OnnxLayer) -> Arrays:
    """Return the parameters by ONNX's names."""
    return model.arrays


def write(model: OnnxLayer, arrays: Arrays, how: str = "loaded") -> None:
    """Set the parameters, which a run gets as inputs."""
    model.arrays = {name: np.ascontiguousarray(a, np.float32) for name, a in arrays.items()}


def to_torch(target: "str | Node", arrays: Arrays) -> Arrays:
    """Return parameters by PyTorch's names."""
    order = np.argsort(FROM_TORCH[find_operator(target)]).tolist()
    return {
        f"{name}_l0{end}": _reorder(block, order)
        for d, end in enumerate(DIRECTIONS[: len(arrays["W"])])
        for tensor, names in TENSORS.items()
        if tensor in arrays
        for name, block in zip(names, np.split(arrays[tensor][d], len(names)), strict=True)
    }


def from_torch(target: "str | Node", parameters: Arrays) -> Arrays:
    """Return parameters by ONNX's names."""
    order, tensors = FROM_TORCH[find_operator(target)], {}
    ends = [end for end in DIRECTIONS if f"weight_ih_l0{end}" in parameters]
    for tensor, names in TENSORS.items():
        if f"{names[0]}_l0" not in parameters:
            continue
        every = [[_reorder(parameters[f"{n}_l0{end}"], order) for n in names] for end in ends]
        tensors[tensor] = np.stack([np.concatenate(blocks) for blocks in every])
    return tensors


def _reorder(array: Array, order: Sequence[int]) -> Array:
    """Return an array with its blocks of rows, one for each gate, in another order."""
    gates = np.split(array, len(order))
    return np.concatenate([gates[k] for k in order])


def run(model: OnnxLayer, x: Array, state: State = None) -> tuple[tuple[Array, State], None]:
    """Return output and last state."""
    D, _, H = model.arrays["R"].shape
    many = len(model.outputs) - 1
    if state is None:
        state = (np.zeros((D, x.shape[1], H)),) * many
    states = state if isinstance(state, tuple) else (state,)
    inputs = (x, *model.arrays.values(), *states)
    arrays = [np.ascontiguousarray(array, np.float32) for array in inputs]
    named = dict(zip(model.inputs, arrays, strict=True))
    output, *last = model.session.run(model.outputs, named)  # output (T, D, B, H)
    T, D, B, H = output.shape
    output = output.swapaxes(1, 2).reshape(T, B, D * H)
    return (output, tuple(last) if many > 1 else last[0]), None


# A file with such nodes ---------------------------------------------------------------------------


@dataclass
class Node:
    """A recurrent node of a graph: its attributes but the size, and the names of its weights."""

    operator: str
    attributes: dict[str, Any]
    inputs: dict[str, str]
    graph: onnx.GraphProto  # where it is
    rest: str  # in words: that of its graph it is run alone, and what PyTorch lacks


def read_layers(path: str) -> dict[str, Node]:
    """Return the recurrent nodes of a file by name; ValueError if one has what PyTorch has not."""
    model = read_graph(path)
    is_alone, nodes = len(model.graph.node) == 1, {}
    for name, (graph, node) in name_nodes(model.graph).items():
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        size, _ = (attributes.pop(n, None) for n in ("hidden_size", "layout"))  # of the batch
        inputs = dict(zip(("X", "W", "R", "B", "lens", "h", "c", "P"), node.input, strict=False))
        if inputs.get("P") or size is None:
            raise ValueError(f"expected {name} in {path} with hidden_size and without peepholes")
        inputs = {tensor: inputs[tensor] for tensor in TENSORS if inputs.get(tensor)}
        rest = [f"only its node {name} is run"] * (not is_alone)
        odd = {*attributes} & {"clip", "input_forget"}  # which PyTorch lacks
        rest += [f"it has {n} {attributes[n]:g}" for n in sorted(odd)]
        rest += ["it runs back in time"] * (attributes.get("direction") == b"reverse")
        nodes[name] = Node(node.op_type, attributes, inputs, graph, "; ".join(rest))
    kinds = {node.op_type for graph in list_graphs(model.graph) for node in graph.node}
    if not nodes and (others := sorted(k for k in kinds if k.endswith(tuple(FROM_TORCH)))):
        expected = f"RNN, GRU or LSTM in {path}, as before it was quantised"
        raise ValueError(f"expected {expected}, got {', '.join(others)}")
    return nodes


def name_nodes(graph: onnx.GraphProto) -> dict[str, tuple[onnx.GraphProto, onnx.NodeProto]]:
    """Return the recurrent nodes by name, those of If and Loop too; one without a name a number."""
    nodes: dict[str, tuple[onnx.GraphProto, onnx.NodeProto]] = {}
    for subgraph in list_graphs(graph):
        for node in subgraph.node:
            if node.op_type in FROM_TORCH:
                is_unique = node.name and node.name not in nodes
                nodes[node.name if is_unique else f"{node.op_type}_{len(nodes)}"] = subgraph, node
    return nodes


def list_graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """Yield a graph, and those in its nodes, such as the branches of an If."""
    yield graph
    for attribute in (attribute for node in graph.node for attribute in node.attribute):
        if attribute.type == onnx.AttributeProto.GRAPH:
            yield from list_graphs(attribute.g)


def read_graph(path: str) -> onnx.ModelProto:
    """Read a file; ValueError if it holds no graph of ONNX."""
    model = onnx.load(path)
    if not model.graph.node:
        got = "a graph without nodes" if model.ByteSize() else "an empty file"
        raise ValueError(f"expected an ONNX graph in {path}, got {got}")
    return model


def compute_constant(model: onnx.ModelProto, subgraph: onnx.GraphProto, name: str) -> Array:
    """Return a tensor of a graph that depends on no input; ValueError if it does."""
    # A tensor of the last graph comes first, if others have the same name.
    graphs = [*list_graphs(model.graph), subgraph]
    held = {tensor.name: tensor for graph in graphs for tensor in graph.initializer}
    if name in held:
        return np.array(numpy_helper.to_array(held[name]))
    made = {output: node for graph in graphs for node in graph.node for output in node.output}
    nodes: dict[str, onnx.NodeProto] = {}  # in the order of computation

    def add(tensor: str) -> None:
        if tensor in ("", *held):
            return
        if tensor not in made:
            raise ValueError(f"expected weights in the file, got {tensor}, an input of the graph")
        for tensor_name in made[tensor].input:
            add(tensor_name)
        nodes[made[tensor].output[0]] = made[tensor]

    add(name)
    used = {tensor_name for node in nodes.values() for tensor_name in node.input}
    tensors = [held[tensor_name] for tensor_name in used if tensor_name in held]
    result = onnx.ValueInfoProto(name=name)
    part = helper.make_graph([*nodes.values()], "constant", [], [result], tensors)
    options = {"opset_imports": model.opset_import, "functions": model.functions}
    constant = helper.make_model(part, ir_version=model.ir_version, **options)
    session = onnxruntime.InferenceSession(constant.SerializeToString(), providers=PROVIDERS)
    return np.array(session.run([name], {})[0])


def find_operator(target: "str | Node") -> str:
    """Return the name of an operator, or of a node in a file."""
    return target if isinstance(target, str) else target.operator


def read_file(path: str) -> dict[str, Arrays]:
    """Return the parameters of each recurrent node by PyTorch's names; ValueError without any."""
    model = read_graph(path)

    def read_node(node: Node) -> Arrays:
        arrays = {n: compute_constant(model, node.graph, name) for n, name in node.inputs.items()}
        return to_torch(node.operator, arrays)

    return {name: read_node(node) for name, node in read_layers(path).items()}


def write_file(path: str, operator: str, parameters: Arrays, *, nonlinearity: str = "") -> None:
    """Write a graph of one node with these parameters.

    It computes Y (T, D, B, H), h_n and for an LSTM c_n (D, B, H) from X (T, B, V), h_0 and c_0. The
    file states T and B as letters: they may be of any size.
    """
    arrays = from_torch(operator, parameters)
    D, _, H = arrays["R"].shape
    initial, final = name_states(operator)
    inputs, outputs = ["X", *initial], ["Y", *final]
    shapes: dict[str, Shape] = {"X": ("T", "B", arrays["W"].shape[2]), "Y": ("T", D, "B", H)}
    shapes |= dict.fromkeys((*initial, *final), (D, "B", H))
    attributes = list_attributes(operator, nonlinearity, D)
    tensors = [numpy_helper.from_array(np.ascontiguousarray(a), name) for name, a in arrays.items()]
    onnx.save(make_model(operator, H, attributes, inputs, outputs, tensors, shapes), path)
